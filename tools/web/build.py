"""The site: lessons that run in the browser, pages to read, and a first page that leads to both; `make site`.

    python tools/web/build.py TOOLS BUILD

Asks package registries while it builds; whoever reads the site asks nobody else. Any static host serves BUILD/site.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT, HERE = Path(__file__).parents[2], Path(__file__).parent
UNUSED = ("*.map", "*.d.ts", "console*.html", "README.md", "package.json")


def lay_out(tools, lite):
    """What JupyterLite builds from: settings, notebooks, Python for the browser, and skiplib as a wheel."""
    shutil.copytree(HERE / "lite", lite)
    convert = [HERE / "notebooks.py", ROOT / "notebooks", lite / "files/notebooks"]
    subprocess.run([sys.executable, *convert], check=True)
    opening = (ROOT / "docs/opening.svg").read_text(encoding="utf-8")
    (lite / "files/docs").mkdir()  # JupyterLite reads a picture as Latin-1
    (lite / "files/docs/opening.svg").write_bytes(opening.encode("ascii", "xmlcharrefreplace"))
    pyodide = lite / "static/pyodide"
    shutil.copytree(tools / "node_modules/pyodide", pyodide, ignore=shutil.ignore_patterns(*UNUSED))
    lock = json.loads((pyodide / "pyodide-lock.json").read_text())
    lock["packages"] = {}  # they would come from a CDN; ours are pure Python
    (pyodide / "pyodide-lock.json").write_text(json.dumps(lock))
    wheel = ["-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", lite / "wheels", ROOT]
    subprocess.run([tools / "bin/python", *wheel], check=True)


def build(tools, place):
    """Build anew: the live part first, for JupyterLite empties the folder."""
    lite, site = place / "lite", place / "site"
    shutil.rmtree(lite, ignore_errors=True)
    shutil.rmtree(site, ignore_errors=True)
    lay_out(tools, lite)
    command = [tools / "bin/jupyter", "lite", "build", "--no-sourcemaps", "--output-dir", site]
    path = f"{tools / 'bin'}{os.pathsep}{os.environ['PATH']}"  # it calls uv
    with (place / "lite.log").open("w") as log:
        if subprocess.run(command, cwd=lite, env=os.environ | {"PATH": path}, stdout=log, stderr=log).returncode:
            sys.exit((place / "lite.log").read_text()[-3000:])
    pages = ["-m", "web.pages", ROOT / "notebooks", lite / "files/notebooks", site]
    subprocess.run([sys.executable, *pages], cwd=HERE.parent, check=True)
    shutil.copytree(lite / "files/docs", site / "docs")
    size = sum(path.stat().st_size for path in site.rglob("*") if path.is_file())
    print(f"{site}: {size / 1e6:.0f} MB")


if __name__ == "__main__":
    build(*(Path(argument).resolve() for argument in sys.argv[1:]))
