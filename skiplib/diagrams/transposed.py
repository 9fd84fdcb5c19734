"""One transposed convolution as a picture: a small input, the larger output, and what is cropped off (layer L2)."""

from collections.abc import Iterator
from itertools import product

from skiplib.diagrams.axis import Spread, in_words
from skiplib.diagrams.convolution import RULES, TOP, ground, hover, scale
from skiplib.diagrams.marks import cells, grid, legend, rect, text
from skiplib.diagrams.svg import PAPER, Picture, make_picture

_LEFT, _WIDEST = 24, 28  # a margin; the widest pixel
_GAP, _TITLE = 64, 112  # room for the size that is written upright; and for the title of a small input


def draw_transposed(rows: Spread, columns: Spread, *, output_index: tuple[int, int] = (0, 0)) -> Picture:
    """The input, and the output to the same scale: fainter where fewer inputs reach it, and dashed what is added.

    One output pixel is marked, and the inputs that reach it. In the live form pointing at an output pixel marks those
    of another, and pointing at an input the outputs that it reaches; a click on an output pixel goes there.

    >>> from skiplib.arithmetic import ConvGeometry
    >>> draw_transposed(Spread("row", 6, ConvGeometry(3, 2, 1)), Spread("column", 6, ConvGeometry(3, 2))).alt[:57]
    'A 6 by 6 input beside the 11 by 13 output of a transposed'
    """
    (row, column), cell = output_index, scale(rows, columns, _WIDEST)
    left, below = _LEFT + max(columns.places * cell + _GAP, _TITLE), TOP + rows.padded * cell + 24
    x, y = _LEFT, TOP + (rows.padded - rows.places) * cell / 2  # of the input
    sources = product(columns.sources(column), rows.sources(row))
    marked = [(x + across * cell, y + down * cell) for across, down in sources]
    marked.append((left + (columns.padding + column) * cell, TOP + (rows.padding + row) * cell))
    said = rows.reached(row), columns.reached(column)
    kinds = {"image": "input", "window": "marked"}
    kinds |= {"padding": "cropped"} if rows.padding or columns.padding else {}
    kinds |= {"strike": "added"} if rows.added or columns.added else {}
    parts = [
        text(x, 16, f"input {rows.places} × {columns.places}", "b"),
        rect(x, y, columns.places * cell, rows.places * cell, "image"),
        grid(x, y, columns.places, rows.places, cell),
        *_output_panel(rows, columns, left, cell),
        f'<g class="now">{cells(marked, cell, "window")}',
        *(text(x, below + 18 * line, words, "said") for line, words in enumerate(said)),
        "</g>",
        legend(x, below + 46, kinds | {"output": "output, fainter where fewer inputs reach it"}, unread=False),
    ]
    alt = (
        f"A {rows.places} by {columns.places} input beside the {rows.size} by {columns.size} output of a transposed "
        f"convolution. {in_words(rows, columns)} Marked: {'; '.join(said)}."
    )
    live = hover(rows, columns, cell, (left, TOP), (x, y))
    width, rules = max(left + columns.padded * cell + 32, 700), RULES | {".fade": f"fill:{PAPER}"}
    return make_picture(width, below + 58, parts, alt=alt, rules=rules, hover=live)


def _output_panel(rows: Spread, columns: Spread, left: float, cell: float) -> Iterator[str]:
    x, y = left + columns.padding * cell, TOP + rows.padding * cell
    width, height = columns.size * cell, rows.size * cell
    yield from ground("output", rows, columns, cell, left)
    yield rect(x, y, width, height, "output")
    for axis in (rows, columns):  # where two bands cross, the product of what they let through is left, as of counts
        for count in sorted({*axis.counts} - {max(axis.counts)}):
            bands = [pixel * cell for pixel, inputs in enumerate(axis.counts) if inputs == count]
            if axis is rows:
                faded = cells([(x, y + band) for band in bands], width, "fade", height=cell)
            else:
                faded = cells([(x + band, y) for band in bands], cell, "fade", height=height)
            yield f'<g fill-opacity="{1 - count / max(axis.counts):.3g}">{faded}</g>'
    yield grid(left, TOP, columns.padded, rows.padded, cell)
    down, across = rows.added * cell, columns.added * cell
    yield rect(x, y + height - down, width, down, "strike") if down else ""
    yield rect(x + width - across, y, across, height, "strike") if across else ""
