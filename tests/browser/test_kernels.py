"""What a reader sees of an explorer before its kernel runs, and when that is gone."""

import re
import shutil

import pytest
from playwright.sync_api import expect

from browser.conftest import ROOT

CONV = "from skiplib.explorers.convolution import ConvExplorer\nConvExplorer(input_size=8, stride=2)"
BEFORE = "element => getComputedStyle(element, '::before')"


@pytest.mark.parametrize("name", ["01_output_size.ipynb", "02_residual_add.ipynb"])
def test_hardly_anything_moves_when_the_stored_picture_becomes_the_live_one(open_notebook, lab, name):
    shutil.copy(ROOT / "notebooks" / name, lab[2] / "notebooks" / f"stored-{name}")
    notebook = open_notebook(f"notebooks/stored-{name}", width=1400, height=900)
    notebook.command("notebook:expand-all-headings")
    stored = heights(notebook)
    notebook.run_all()
    notebook.settle()
    live = heights(notebook)
    assert live.keys() == stored.keys() != set()
    assert max(abs(live[place] - stored[place]) for place in live) <= 32  # pixels


def heights(notebook):
    """Of what each explorer's cell shows, in pixels."""
    areas = {place: notebook.cell(place).locator(".jp-OutputArea").first for place in notebook.explorers()}
    return {place: areas[place].bounding_box()["height"] for place in areas if notebook.cell(place)}


def test_saved_and_reopened_with_a_new_kernel_it_shows_its_picture(of_cells, open_notebook, screenshot):
    first = of_cells("saved", CONV)
    first.run_all()
    first.command("docmanager:save")
    again = open_notebook("saved.ipynb")
    cell = again.cell(0)
    expect(cell.locator(".jp-OutputArea-output img")).to_have_attribute("alt", re.compile("8 by 8"))
    assert "Error" not in cell.inner_text()
    assert again.errors == []
    screenshot(again, "reopened")


def test_without_its_kernel_one_sentence_says_what_to_do(of_cells, screenshot):
    notebook = of_cells("restarted", CONV)
    notebook.run_all()
    cell = notebook.cell(0).locator(".skiplib-cell")
    assert cell.evaluate(f"element => ({BEFORE})(element).content") in ("none", "normal")
    notebook.page.evaluate("window.panel.sessionContext.session.kernel.restart()")
    expect(notebook.page.locator(".skiplib-cell.jupyter-widgets-disconnected")).to_be_visible()
    screenshot(notebook, "disconnected")
    assert "run this cell again" in cell.evaluate(f"element => ({BEFORE})(element).content")
    parts = notebook.cell(0).locator(".skiplib-cell .jupyter-widgets-disconnected")
    assert set(parts.evaluate_all(f"all => all.map(each => ({BEFORE})(each).display)")) == {"none"}
