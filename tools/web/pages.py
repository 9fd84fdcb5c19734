"""Pages to read: every lesson and solution as one HTML file that asks the network for nothing, and a first page.

    PYTHONPATH=tools python -m web.pages NOTEBOOKS LIVE SITE

Pictures answer the mouse, folded answers fold, and colours follow the reader's system. LIVE holds the notebooks as
they run in a browser.
"""

import re
import sys
from html import escape
from pathlib import Path

import nbformat
from handout import folds
from nbclient import NotebookClient
from nbconvert.filters import Highlight2HTML, markdown2html
from nbformat.v4 import new_code_cell
from pygments.formatters import HtmlFormatter

HERE = Path(__file__).parent
GEOMETRY = re.compile(r"skiplib\.explorers\.(convolution|transposed|chain|residual|trace)")
LIVE = "from skiplib.diagrams.svg import Picture\nPicture.to_html = lambda picture: picture.live"
LESSON = """<li><b>{title}</b><br>{question}<br><a href="read/{name}.html">Read</a>
<a href="notebooks/index.html?path=notebooks/{name}.ipynb">In the browser</a>{only}</li>"""
PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title><style>{style}</style>
<nav><a href="{root}index.html">All lessons</a>{links}</nav>
<main>
{body}
</main>
</html>
"""
highlight = Highlight2HTML(pygments_lexer="ipython3")


def with_live_pictures(path):
    """A notebook whose pictures answer the mouse: executed anew where it draws geometry, else as it is stored."""
    notebook = nbformat.read(path, as_version=4)
    if GEOMETRY.search("".join(cell.source for cell in notebook.cells)):
        notebook.cells.insert(0, new_code_cell(LIVE))
        NotebookClient(notebook, timeout=600, resources={"metadata": {"path": path.parent}}).execute()
        del notebook.cells[0]
    return notebook


def shown(output):
    """One output of a cell as HTML."""
    data = output.get("data", {})
    return data.get("text/html") or f"<pre>{escape(output.get('text') or data.get('text/plain', ''))}</pre>"


def rendered(cells):
    """The cells as HTML, one after the other; what a folded heading hides is in its <details>."""
    hidden = dict(folds(cells))
    ends = {places.stop for places in hidden.values()}
    for place, cell in enumerate(cells):
        if place in ends:
            yield "</details>"
        if place in hidden:
            yield f"<details><summary>{escape(cell.source.lstrip('# '))}</summary>"
        elif cell.cell_type == "markdown":
            yield markdown2html(cell.source)
        else:
            outputs = "".join(map(shown, cell.outputs))
            yield highlight(cell.source) + (f'<div class="output">{outputs}</div>' if outputs else "")
    if len(cells) in ends:
        yield "</details>"


def style():
    """That of all pages: a light and a dark one of the code, too."""
    light, dark = (HtmlFormatter(style=name).get_style_defs(".highlight") for name in ("xcode", "github-dark"))
    return f"{light}\n@media (prefers-color-scheme: dark) {{{dark}}}\n{(HERE / 'page.css').read_text()}"


def page(path, root):
    """One notebook as a page; ``root`` leads from there to the first page."""
    notebook = with_live_pictures(path)
    here = f"{path.parent.name}/{path.name}" if path.parent.name == "solutions" else path.name
    links = f'<a href="{root}notebooks/index.html?path=notebooks/{here}">In the browser</a>'
    body = re.sub(r'(href="[^":]*)\.ipynb', r"\1.html", "\n".join(rendered(notebook.cells)))
    title = re.match("# (.*)", notebook.cells[0].source)[1]
    return PAGE.format(title=escape(title), style=style(), root=root, links=links, body=body)


def first_page(live):
    """The page that leads to all others; it says of a lesson whether there is something to move."""
    lessons = []
    for path in sorted(live.glob("[0-9]*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        title, question = re.match(r"# (.*)\n\n\*\*(.*)\*\*", notebook.cells[0].source).groups()
        moves = any("Explorer(" in cell.source for cell in notebook.cells if cell.cell_type == "code")
        only = "" if moves else " (questions only)"
        lessons.append(LESSON.format(title=escape(title), question=escape(question), name=path.stem, only=only))
    return (HERE / "index.html").read_text().replace("{lessons}", "\n".join(lessons)).replace("{style}", style())


def main(source, live, site):
    """Write the first page, and the pages of all lessons and solutions."""
    (Path(site) / "index.html").write_text(first_page(Path(live)), encoding="utf-8")
    for path in sorted(Path(source).rglob("[0-9]*.ipynb")):
        inside = path.relative_to(source)
        place = Path(site) / "read" / inside.with_suffix(".html")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(page(path, "../" * len(inside.parts)), encoding="utf-8")
        print(f"{inside.with_suffix('')}: {place.stat().st_size / 1000:.0f} kB to read")


if __name__ == "__main__":
    main(*sys.argv[1:])
