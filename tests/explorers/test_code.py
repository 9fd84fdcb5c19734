"""The lines that explorers offer for copying, run where a learner pastes them: in the notebook that shows them."""

import re
from pathlib import Path

import nbformat
import pytest

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
WITH_CODE = [NOTEBOOKS / name for name in ("00_start_here.ipynb", "01_output_size.ipynb", "02_residual_add.ipynb")]


def pasted(code, namespace):
    """The shape that the last line shows, or the sentence with which PyTorch refuses it."""
    *setup, last = code.splitlines()
    namespace = dict(namespace)
    exec("\n".join(setup), namespace)
    try:
        return tuple(eval(last, namespace))
    except RuntimeError as error:
        return str(error)


def states(explorer):
    """Where an explorer can be brought: as it opens, each shortcut, and each repair that it then offers."""
    yield explorer
    for kind in getattr(explorer.controls.get("shortcut"), "options", ()):
        explorer.controls["shortcut"].value = kind
        yield explorer
    for choice in range(1, len(explorer.repair.options) if hasattr(explorer, "repair") else 0):
        explorer.repair.index = choice
        yield explorer


@pytest.mark.parametrize("path", WITH_CODE, ids=lambda path: path.stem)
def test_copied_lines_run_as_pasted(path):
    namespace, lines = {"display": lambda _: None}, set()
    for cell in nbformat.read(path, as_version=4).cells:
        *setup, last = cell.source.splitlines()
        if cell.cell_type == "code" and re.match(r"(Conv|Transposed|Chain|Residual)Explorer\(", last):
            exec("\n".join(setup), namespace)
            for explorer in states(eval(last, namespace)):
                lines.add(explorer.code)
                said, shown = pasted(explorer.code, namespace), repr(explorer)
                if isinstance(said, str):
                    assert said in explorer.status and "add=error" in shown
                else:
                    assert str(said[-1]) in shown.partition(" -> ")[2] and "add=error" not in shown
        elif cell.cell_type == "code":
            exec(cell.source, namespace)
    assert len(lines) >= (10 if "02" in path.stem else 1)
