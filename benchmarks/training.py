"""What plain and skip networks of 4 to 50 layers reach on the digits: python benchmarks/training.py [seeds]

Four epochs each unless named; lowest, mean and highest training accuracy over the seeds (5 unless given), the
gradient of the first weights at the first step and its smallest later, and seconds for one network. One thread.
"""

import math
import sys
import time

import torch

from skiplib.training import race

SETTINGS = {"default, no norm": {}, "He, batch norm": {"init": "he", "norm": "batch"}}
SETTINGS |= {"He, no norm": {"init": "he"}}
LONGER = {"init": "he", "norm": "batch", "epochs": 30}
ADAM = {"optimizer": "adam"}


def row(name, depth, skip, seeds, settings):
    start = time.perf_counter()
    runs = list(race([depth], seeds=range(172, 172 + seeds), skips=[skip], **settings))
    seconds = (time.perf_counter() - start) / seeds
    known = sorted(100 * run.train_accuracy for run in runs)
    new = sum(100 * run.test_accuracy for run in runs) / seeds
    first = sorted(run.records[0].gradient for run in runs)[seeds // 2]
    least = min(record.gradient for run in runs for record in run.records)
    diverged = sum(run.diverged for run in runs)
    least = "not finite" if math.isnan(least) else f"{least:.0e}"
    print(
        f"{name:18}{depth:6}  {'skip' if skip else 'plain':6}{known[0]:7.1f}{sum(known) / seeds:7.1f}{known[-1]:7.1f}"
        f"{new:8.1f}{first:10.0e}{least:>11}{diverged:6} of {seeds}{seconds:7.1f}",
        flush=True,
    )


def main():
    torch.set_num_threads(1)
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    print(f"{'setting':18} depth  net       low   mean   high    test  gradient      least  diverged   s/net")
    for name, settings in SETTINGS.items():
        for depth in (4, 10, 20, 50):
            for skip in (False, True):
                row(name, depth, skip, seeds, settings)
    row("He, batch, 30 ep.", 50, False, min(seeds, 2), LONGER)
    for depth in (10, 20):
        row("default, Adam", depth, False, seeds, ADAM)
    row("the same, 16 ep.", 20, False, min(seeds, 3), ADAM | {"epochs": 16})


if __name__ == "__main__":
    main()
