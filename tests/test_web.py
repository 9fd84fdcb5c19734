"""The site: its notebooks run without PyTorch as they are stored, and its pages ask the network for nothing."""

import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from handout import FOLDED, folds
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_markdown_cell
from web import notebooks, pages

ROOT = Path(__file__).parents[1]
PATHS = sorted(path.relative_to(ROOT / "notebooks") for path in (ROOT / "notebooks").rglob("[0-9]*.ipynb"))
WITHOUT = f"""
import sys
class Absent:
    def find_spec(self, name, *_):
        if name.partition(".")[0] in {notebooks.ABSENT}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Absent())
"""
every_notebook = pytest.mark.parametrize("path", PATHS, ids=str)


def read(path):
    return nbformat.read(path, as_version=4)


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    """The folder of the notebooks as they run in a browser."""
    target = tmp_path_factory.mktemp("live")
    command = [ROOT / "tools/web/notebooks.py", ROOT / "notebooks", target]
    subprocess.run([sys.executable, *command], check=True, stdout=subprocess.DEVNULL)
    return target


def texts(cell):
    """What the outputs of a cell say."""
    return [output.get("text") or output.get("data", {}).get("text/plain") for output in cell.get("outputs", [])]


@every_notebook
def test_cells_that_run_in_a_browser_print_what_is_stored(live, path):
    notebook = read(live / path)
    notebook.cells.insert(0, new_code_cell(WITHOUT))
    NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    stored = {cell.id: cell for cell in read(ROOT / "notebooks" / path).cells}
    for cell in notebook.cells[1:]:
        if cell.cell_type == "code":
            assert texts(cell) == texts(stored[cell.id]), cell.source


@every_notebook
def test_cells_that_need_pytorch_are_text_with_what_they_gave(live, path):
    here = {cell.id: cell for cell in read(live / path).cells}
    shown = 0
    for cell in read(ROOT / "notebooks" / path).cells:
        if "find_spec" in cell.source:
            assert cell.id not in here
        elif here[cell.id].cell_type == "code":
            assert "torch" not in here[cell.id].source
        elif cell.cell_type == "code":
            shown += 1
            said = here[cell.id].source
            assert said.startswith(notebooks.SAID) and cell.source in said
            assert all(
                output["data"]["text/html"] in said
                if "text/html" in output.get("data", {})
                else text.rstrip() in said
                for output, text in zip(cell.outputs, texts(cell), strict=True)
            )
    above = here.get("no-pytorch")
    assert bool(shown) == bool(above) and (not above or f": {shown} of its " in above.source)


def test_first_page_says_which_lessons_have_nothing_to_move(live):
    first = pages.first_page(live)
    cards = re.findall(r"<li><b>(\d\d).*?</li>", first, re.DOTALL)
    still = re.findall(r"<li><b>(\d\d)(?:(?!</li>).)*questions only", first, re.DOTALL)
    assert cards == [f"0{number}" for number in range(7)] and still == ["04", "05", "06"]
    assert "<script src" not in first and "{" not in re.sub(r"(?s)<style>.*?</style>", "", first).replace(">{}<", "")


@pytest.mark.parametrize(
    ("source", "kept", "gone"),
    [
        ("import torch\nfrom math import pi", "from math import pi", {"torch"}),
        ("import os, torch.nn.functional as F\nprint(F)", "print(F)", {"os", "F"}),
        ("from skiplib.blocks import (\n    PublishedBlock as Block,\n)\nx = 1", "x = 1", {"Block"}),
    ],
)
def test_imports_that_fail_go_with_the_names_that_they_bind(monkeypatch, source, kept, gone):
    def fails(name):
        if name.startswith(("torch", "skiplib.blocks")):
            raise ImportError(name)

    monkeypatch.setattr(notebooks.importlib, "import_module", fails)
    assert notebooks.without_absent(source) == (kept, gone)


@every_notebook
def test_page_to_read_folds_its_answers_and_asks_nobody(monkeypatch, path):
    monkeypatch.setattr(pages, "with_live_pictures", read)
    here, root = ROOT / "notebooks" / path, "../" * len(path.parts)
    page, cells = pages.page(here, root), read(here).cells
    assert page.count("<details>") == page.count("</details>") == len(list(folds(cells)))
    assert not re.search(r"""(src|url)\W+https?:|<script src|<link|\.ipynb(?!["&])""", page)
    assert page.count("<h1") == 1 and '<html lang="en">' in page
    assert all(re.search('alt="[^"]', picture) for picture in re.findall("<img [^>]*>", page))
    for target in re.findall('href="([^":#]+)"', page):
        file = target.partition("?path=")[2] or target.replace(".html", ".ipynb").removeprefix(root)
        place = (ROOT if target.startswith(root) else here.parent) / file
        assert place.exists() or target.endswith("/index.html"), target


def test_fold_ends_at_the_next_heading_as_high():
    folded = new_markdown_cell("### Look", metadata={FOLDED: True})
    rest = [new_markdown_cell(source) for source in ("#### Deeper", "inside", "## Next", "outside")]
    page = "".join(pages.rendered([folded, *rest]))
    hidden = re.search("<details><summary>Look</summary>(.*)</details>(.*)", page, re.DOTALL)
    assert "Deeper" in hidden[1] and "inside" in hidden[1]
    assert "Next" in hidden[2] and "outside" in hidden[2]
