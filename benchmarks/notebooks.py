"""What each notebook costs: python benchmarks/notebooks.py

Seconds under nbclient, the kernel's resident memory after the last cell, and the size of the file; then the seconds
that importing takes in a fresh Python, beside a bare one.
"""

import re
import subprocess
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"
RESIDENT = "open('/proc/self/status').read()"
MODULES = ("sys", "skiplib.arithmetic", "skiplib.explorers.residual", "skiplib.explorers.gradient", "torch")


def cost(path):
    """Seconds to run a notebook, and MB that its kernel holds in the end (Linux)."""
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell(RESIDENT))
    client = NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(path.parent)}})
    start = time.perf_counter()
    client.execute()
    seconds = time.perf_counter() - start
    status = notebook.cells[-1].outputs[-1].data["text/plain"]
    return seconds, int(re.search(r"VmRSS:\D*(\d+)", status)[1]) / 1000


def import_seconds(module):
    times = []
    for _ in range(5):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", f"import {module}"], check=True)
        times.append(time.perf_counter() - start)
    return sorted(times)[2]


def main():
    total = 0.0
    print(f"{'notebook':36}{'seconds':>8}{'MB':>6}{'kB of file':>12}")
    for path in sorted(NOTEBOOKS.glob("**/[0-9]*.ipynb")):
        seconds, memory = cost(path)
        total += seconds
        name = path.relative_to(NOTEBOOKS).with_suffix("")
        print(f"{name!s:36}{seconds:8.1f}{memory:6.0f}{path.stat().st_size / 1000:12.0f}", flush=True)
    print(f"{'all':36}{total:8.1f}")
    for module in MODULES:
        print(f"import {module:32}{import_seconds(module):8.2f}")


if __name__ == "__main__":
    main()
