import os
import re
import shutil
from pathlib import Path

import pytest
from lab import SWITCHES, Notebook, find_chromium, jupyter_lab, write_notebook
from playwright.sync_api import expect, sync_playwright

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((path.name for path in (ROOT / "notebooks").glob("[0-9]*.ipynb")), reverse=True)  # longest first
WINDOW = {"width": 1280, "height": 1000}
PROTECTED = {"deletable": False, "editable": False}  # as explorer cells are
expect.set_options(timeout=60_000)  # milliseconds: on a busy machine a kernel may need them
SCREENSHOTS = Path(__file__).parent / "screenshots"  # for people to look at; git ignores it


@pytest.fixture(scope="package")
def chromium():
    """A Chromium: the one that SKIPLIB_CHROMIUM names, or one on the PATH."""
    path = find_chromium()
    if path is None:
        pytest.skip("no Chromium: install one, or let SKIPLIB_CHROMIUM name its executable")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=SWITCHES)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """A JupyterLab on a copy of the notebooks: where it is, its token, and the copy."""
    root = tmp_path_factory.mktemp("copy")
    shutil.copytree(ROOT / "notebooks", root / "notebooks")
    shutil.copytree(ROOT / "docs", root / "docs")
    with jupyter_lab(root, tmp_path_factory.mktemp("home")) as (url, token):
        yield url, token, root


@pytest.fixture(scope="package")
def open_notebook(chromium, lab):
    """Opens a notebook in place of the one before: loading JupyterLab takes 5 s of a processor."""
    url, token, _ = lab
    page, before = chromium.new_page(), []

    def opened(path, **window):
        while before:
            before.pop().close()
        page.set_viewport_size(window or WINDOW)
        before.append(Notebook(page, url, token, path))
        before[0].theme("light")
        return before[0]

    yield opened
    page.close()


@pytest.fixture(scope="module", params=NOTEBOOKS)
def fresh(request, open_notebook):
    """Each notebook, opened once for all tests that take it: as it is stored, until one of them takes ``ran``."""
    return open_notebook(f"notebooks/{request.param}")


@pytest.fixture(scope="module")
def ran(fresh):
    """The same notebook, run once for all tests that take it."""
    fresh.run_all()
    return fresh


@pytest.fixture
def of_cells(open_notebook, lab):
    """Opens a notebook of these cells, under this name."""

    def opened(name, *sources):
        write_notebook(lab[2] / f"{name}.ipynb", *sources, **PROTECTED)
        return open_notebook(f"{name}.ipynb")

    return opened


@pytest.fixture
def screenshot(request):
    """Keeps what the window shows, under the name of the test, if SKIPLIB_SCREENSHOTS is set."""
    name = re.sub(r"\W+", "-", request.node.name.removeprefix("test_")).strip("-")

    def keep(notebook, what):
        if os.environ.get("SKIPLIB_SCREENSHOTS"):
            SCREENSHOTS.mkdir(exist_ok=True)
            notebook.page.screenshot(path=SCREENSHOTS / f"{name}-{what}.png")

    return keep
