"""A class on one machine: n kernels run a notebook at once: python benchmarks/classroom.py [n ...]

Seconds until the last one is done, and resident memory of one kernel. Each kernel has one thread
(OMP_NUM_THREADS=1), as on a shared server it should.
"""

import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from notebooks import NOTEBOOKS, cost


def main():
    os.environ["OMP_NUM_THREADS"] = "1"
    print(f"{os.cpu_count()} cores\n{'notebook':28}{'students':>9}{'seconds':>9}{'MB each':>9}")
    for name in ("01_output_size", "03_vanishing_gradients"):
        for count in map(int, sys.argv[1:] or ("1", "2", "4", "8", "16")):
            start = time.perf_counter()
            with ThreadPoolExecutor(count) as class_:
                costs = list(class_.map(cost, [NOTEBOOKS / f"{name}.ipynb"] * count))
            memory = max(memory for _, memory in costs)
            print(f"{name:28}{count:9}{time.perf_counter() - start:9.1f}{memory:9.0f}", flush=True)


if __name__ == "__main__":
    main()
