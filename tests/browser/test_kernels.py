"""What is left of an explorer when its kernel is gone."""

import re

from lab import Notebook
from playwright.sync_api import expect

CONV = "from skiplib.explorers.convolution import ConvExplorer\nConvExplorer(input_size=8, stride=2)"
BEFORE = "element => getComputedStyle(element, '::before')"


def test_saved_and_reopened_with_a_new_kernel_it_shows_its_picture(of_cells, chromium, lab, screenshot):
    first = of_cells("saved", CONV)
    first.run_all()
    first.command("docmanager:save")
    first.page.evaluate("window.panel.sessionContext.shutdown()")
    first.page.close()
    url, token, _ = lab
    again = Notebook(chromium.new_page(), url, token, "saved.ipynb")
    cell = again.cell(0)
    expect(cell.locator(".jp-OutputArea-output img")).to_have_attribute("alt", re.compile("8 by 8"))
    assert "Error" not in cell.inner_text()
    assert again.errors == []
    screenshot(again, "reopened")
    again.page.close()


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
