"""The notebooks for a browser without PyTorch: what needs it becomes text with its stored output.

    python tools/web/notebooks.py NOTEBOOKS TARGET

A cell needs PyTorch if it uses a name that only an import with PyTorch would bind, or one that such a cell binds.
So no cell is marked by hand, and no lesson is written twice.
"""

import ast
import importlib
import sys
from pathlib import Path

import nbformat
from nbformat.v4 import new_markdown_cell

ABSENT = ("torch", "numpy", "matplotlib")  # from a browser's Python
SAID = "*PyTorch does not run in the browser. This is the cell, and below it what it gave elsewhere:*"
ABOVE = """*This notebook runs in your browser, where PyTorch does not run: {shown} of its {all} cells stand here as \
text, with what they gave elsewhere. The first page of this site says where all of them run.*"""
KERNEL = {"display_name": "Python (Pyodide)", "language": "python", "name": "python"}


def convert(notebook):
    """Turn the cells of a notebook that need PyTorch into text; gives how many run here, and how many do not."""
    absent, running, shown = set(), 0, 0
    cells = [cell for cell in notebook.cells if "find_spec" not in cell.source]  # asks what is installed
    for place, cell in enumerate(cells):
        if cell.cell_type == "code":
            kept, gone = without_absent(cell.source)
            absent |= gone
            tree = ast.parse(kept)
            if _names(tree, ast.Load) & absent:
                absent |= bound(ast.parse(cell.source))
                cells[place] = as_text(cell)
                shown += 1
            else:
                absent -= bound(tree)
                cell.source = kept
                running += 1
    if shown:
        cells.insert(1, new_markdown_cell(ABOVE.format(shown=shown, all=running + shown), id="no-pytorch"))
    notebook.cells, notebook.metadata.kernelspec = cells, KERNEL
    return running, shown


def without_absent(source):
    """A cell without the imports that fail, and the names that they would bind."""
    lines, gone = source.splitlines(), set()
    for node in reversed(ast.parse(source).body):
        if isinstance(node, ast.Import | ast.ImportFrom) and not _can_be_imported(node):
            gone |= bound(node)
            del lines[node.lineno - 1 : node.end_lineno]
    return "\n".join(lines).strip(), gone


def _can_be_imported(node):
    modules = [node.module] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
    try:
        return bool([importlib.import_module(module) for module in modules])
    except ImportError:
        return False


def bound(tree):
    """All names that a piece of a program binds."""
    imported = {
        (alias.asname or alias.name).partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    defined = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    return imported | defined | _names(tree, ast.Store)


def _names(tree, use):
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, use)}


def as_text(cell):
    """A code cell as a text cell of the same id: what it says, and what it gave."""
    parts = [SAID, f"```python\n{cell.source}\n```"]
    for output in cell.outputs:
        html = output.get("data", {}).get("text/html")
        plain = output.get("text") or output.get("data", {}).get("text/plain")
        parts.append(html or f"```text\n{plain.rstrip()}\n```")
    return new_markdown_cell("\n\n".join(parts), metadata=cell.metadata, id=cell.id)


def main(source, target):
    """Convert all lessons and solutions, and say what became of each."""
    sys.modules.update(dict.fromkeys(ABSENT))
    for path in sorted(Path(source).rglob("[0-9]*.ipynb")):
        inside = path.relative_to(source)
        place = Path(target) / inside
        place.parent.mkdir(parents=True, exist_ok=True)
        notebook = nbformat.read(path, as_version=4)
        running, shown = convert(notebook)
        nbformat.write(notebook, place)
        print(f"{inside.with_suffix('')}: {running} cells run in a browser, {shown} are text")


if __name__ == "__main__":
    main(*sys.argv[1:])
