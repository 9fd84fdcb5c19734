"""Milliseconds of a GradientExplorer step by depth, and of its parts: python benchmarks/gradients.py

Columns: the whole step (measure and draw); measuring alone; the same networks one after the other through their own
forward; and the floor, one bare forward and backward pass of those networks. One thread, median of several steps.
"""

import time
from statistics import median

import torch
import torch.nn.functional as F

from skiplib.digits import first_digits
from skiplib.explorers import gradient
from skiplib.explorers.gradient import GradientExplorer
from skiplib.gradients import compare, gradient_profiles
from skiplib.networks import make_stack

DEPTHS, SEEDS, REPEATS = (10, 20, 50, 100), (1, 8), 7


def milliseconds(action):
    action()
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return 1000 * median(times)


def main():
    torch.set_num_threads(1)
    images, labels = first_digits(4)
    explorer = GradientExplorer(depth=10, seeds=1)
    print(f"{'depth':>5}{'seeds':>6}{'step':>8}{'measure':>9}{'one by one':>12}{'floor':>8}  per layer of a step")
    for count in SEEDS:
        for depth in DEPTHS:
            seeds = range(172, 172 + count)
            nets = [
                make_stack(depth, channels=16, skip=skip, head="pool", seed=seed)
                for skip in (False, True)
                for seed in seeds
            ]

            def step(depth=depth, count=count):
                gradient._compared.cache_clear()
                with explorer.together():
                    explorer.controls["depth"].value, explorer.controls["seeds"].value = depth, count

            def measure(depth=depth, seeds=seeds):
                compare(depth, seeds=seeds, images=images, labels=labels)

            def one_by_one(depth=depth, seeds=seeds):
                for skip in (False, True):
                    for seed in seeds:
                        net = make_stack(depth, channels=16, skip=skip, head="pool", seed=seed)
                        gradient_profiles([net], images, labels)

            def bare(nets=nets):
                for net in nets:
                    F.cross_entropy(net(images), labels).backward()

            whole = milliseconds(step)
            row = (whole, milliseconds(measure), milliseconds(one_by_one), milliseconds(bare))
            print(f"{depth:5}{count:6}{row[0]:8.0f}{row[1]:9.0f}{row[2]:12.0f}{row[3]:8.0f}{whole / depth:12.1f}")


if __name__ == "__main__":
    main()
