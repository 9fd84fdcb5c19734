"""Everything that may differ from run to run, tried for most of an hour: ``make thorough``.

Strict nbval on other processors' code, threads, hash seeds and time zones, the browser tests twice, and last, as it
takes longest, the tests with a hundred times the examples. Prints one table; exits with 1 if anything failed.
"""

import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.etree import ElementTree

TESTS = ["--hypothesis-profile=thorough", "--ignore=tests/browser", "tests", "skiplib"]
SETTINGS = [  # every two of: the code for any processor or for this one, threads, hash seed; a time zone with each
    ("default", "1", "0", "Pacific/Kiritimati"),
    ("default", "2", "1", "America/St_Johns"),
    ("", "1", "1", "America/St_Johns"),
    ("", "2", "0", "Pacific/Kiritimati"),
]
NAMES = ("ATEN_CPU_CAPABILITY", "OMP_NUM_THREADS", "PYTHONHASHSEED", "TZ")


def steps(nbval):
    """What is run: a name, arguments of pytest, and what is added to the environment."""
    for values in SETTINGS:
        extra = {name: value for name, value in zip(NAMES, values, strict=True) if value}
        yield "nbval, " + " ".join(extra.values()), [*nbval, "notebooks"], extra
    for turn in ("first", "second"):
        yield f"browser, {turn} time", ["tests/browser"], {"OMP_NUM_THREADS": "1"}
    yield "a hundred times the examples", TESTS, {"OMP_NUM_THREADS": "1"}


def counted(report):
    """How many tests passed, failed and were skipped, from a report in JUnit's format."""
    if not report.exists():  # nothing was run
        return 0, 0, 0
    suite = ElementTree.parse(report).find("testsuite")
    tests, failures, errors, skipped = (int(suite.get(name)) for name in ("tests", "failures", "errors", "skipped"))
    return tests - failures - errors - skipped, failures + errors, skipped


def main(workers, *nbval):
    """Run each step, show what fails, and print the table."""
    rows, codes = [], set()
    with TemporaryDirectory() as folder:
        for number, (name, arguments, extra) in enumerate(steps(nbval)):
            report, start = Path(folder) / f"{number}.xml", time.perf_counter()
            command = [sys.executable, "-m", "pytest", "-n", workers, f"--junitxml={report}", *arguments]
            codes.add(subprocess.run(command, env=os.environ | extra).returncode)
            rows.append((name, *counted(report), round(time.perf_counter() - start)))
    print(f"{'':44}{'passed':>8}{'failed':>8}{'skipped':>9}{'seconds':>9}")
    for name, *numbers in rows:
        print("{:44}{:8}{:8}{:9}{:9}".format(name, *numbers))
    sys.exit(codes != {0})


if __name__ == "__main__":
    main(*sys.argv[1:])
