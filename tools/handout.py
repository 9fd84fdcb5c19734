"""Print the lessons for a class: what is asked, with room in place of the answers, which are folded; no summary.

``make handout`` writes all of them into ``build/handout``; ``python tools/handout.py notebooks/01_*.ipynb`` some.
Print the pages from a browser.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
from nbconvert.exporters import HTMLExporter

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "build" / "handout"
FOLDED = "jp-MarkdownHeadingCollapsed"
ROOM = '<div style="height:7em;border:1px solid #aaa"></div>'
PAGE = """<!DOCTYPE html>
<html lang="en"><meta charset="utf-8"><title>{title}</title>
<style>
body {{max-width: 54em; margin: 2em auto; font: 15px/1.5 sans-serif}}
pre {{font-size: 13px; white-space: pre-wrap}}
table {{border-collapse: collapse}} td, th {{border: 1px solid #aaa; padding: 2px 8px}}
.cell {{break-inside: avoid; clear: both}} h1, h2, h3 {{break-after: avoid}} img {{max-width: 100%}}
</style>
{body}</html>
"""


def level(cell: nbformat.NotebookNode) -> int:
    """The level of the heading that a cell begins with; 9 for none."""
    found = re.match("(#+) ", cell.source) if cell.cell_type == "markdown" else None
    return len(found[1]) if found else 9


def folds(cells: list[nbformat.NotebookNode]) -> Iterator[tuple[int, range]]:
    """The place of every folded heading, and the places that it hides."""
    for place, cell in enumerate(cells):
        if cell.metadata.get(FOLDED):
            ends = [other for other in range(place + 1, len(cells)) if level(cells[other]) <= level(cell)]
            yield place, range(place + 1, min(ends, default=len(cells)))


def handout(path: Path) -> str:
    """A lesson as a page of its own, that asks nothing of the network."""
    notebook = nbformat.read(path, as_version=4)
    answers = {place for _, places in folds(notebook.cells) for place in places}
    kept = [cell for place, cell in enumerate(notebook.cells) if place not in answers]
    for cell in kept:
        cell.source = ROOM if FOLDED in cell.metadata else cell.source.replace("](../docs/", "](docs/")
    notebook.cells = [cell for cell in kept if not cell.source.startswith("## Summary")]
    exporter = HTMLExporter(
        template_name="basic", exclude_input_prompt=True, exclude_output_prompt=True, embed_images=True
    )
    exporter.exclude_anchor_links = True
    body, _ = exporter.from_notebook_node(notebook, {"metadata": {"path": str(ROOT)}})  # embeds what lies below
    return PAGE.format(title=path.stem, body=body)


def main(paths: list[Path]) -> None:
    """Write the handout of each lesson."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for path in paths:
        page = FOLDER / f"{path.stem}.html"
        page.write_text(handout(path), encoding="utf-8")
        print("wrote", page)


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]] or sorted((ROOT / "notebooks").glob("[0-9]*.ipynb")))
