"""Execute notebooks in place and store them in one normal form, so that a second run changes nothing.

``make notebooks`` does all of them; ``python tools/execute_notebooks.py notebooks/01_*.ipynb`` only some.
"""

import re
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

WIDGET = "application/vnd.jupyter.widget-view+json"
KEPT = ("slideshow", "tags", "jp-MarkdownHeadingCollapsed")
NOTEBOOKS = Path(__file__).parent.parent / "notebooks"


def normalise(notebook: nbformat.NotebookNode) -> None:
    """Drop what differs from run to run: timings, versions, and widget state, which lives in the kernel only."""
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook.metadata = nbformat.from_dict({"kernelspec": kernel, "language_info": {"name": "python"}})
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict({key: cell.metadata[key] for key in KEPT if key in cell.metadata})
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if data.pop(WIDGET, None) and re.match(r"\w+Explorer\(|Question ", data["text/plain"]):
                # Keys pressed on a focused slider reach JupyterLab, where "d d" would delete the cell.
                cell.metadata.update(deletable=False, editable=False)


def main(paths: list[Path]) -> None:
    """Execute each notebook from its own folder; stop at the first error."""
    for path in paths:
        notebook = nbformat.read(path, as_version=4)
        NotebookClient(
            notebook, timeout=120, coalesce_streams=True, resources={"metadata": {"path": str(path.parent)}}
        ).execute()
        normalise(notebook)
        nbformat.write(notebook, path)
        print("executed", path.name if path.parent == NOTEBOOKS else f"{path.parent.name}/{path.name}")


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]] or sorted(NOTEBOOKS.glob("**/[0-9]*.ipynb")))
