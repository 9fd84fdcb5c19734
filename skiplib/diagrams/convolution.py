"""One convolution as a picture: the padded image, its windows, and the output beside it (layer L2)."""

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from itertools import product

from skiplib.arithmetic import ConvGeometry, Pair
from skiplib.chains import Axes
from skiplib.diagrams.axis import Axis, unread_pixels
from skiplib.diagrams.marks import FINEST, cells, grid, legend, path, rect, shade_rules, shaded, strike, text, upright
from skiplib.diagrams.svg import FAINT, INK, PAPER, VERDICTS, WINDOW, Picture, make_picture
from skiplib.kernels import Convolution, Grid, short
from skiplib.words import counted

_PANEL, _WIDEST, _ROOMY = 372, 28, 34  # of the longer side of the padded image; of a pixel, and of one with values
_WEIGHED = 30  # a pixel as wide has room for its value and a weight
_LEFT, TOP = 44, 50  # room for the size that is written upright; for title and size
_GAP = 84  # between the panels: the lines from a window to its output pixel need room
_SHADES = 6  # on each side of 0
RULES = shade_rules({"p": "#1a1a1a", "n": "#7a1f5c"}, _SHADES, darkest=0.9) | {
    ".paper": f"fill:#fff;stroke:{FAINT}",
    ".v": "font-size:11px",
    ".v.faint": f"fill:{FAINT}",
    ".v.light": "fill:#fff",
    ".tap": f"fill:none;stroke:{WINDOW};stroke-width:3",
    ".outside": f"fill:none;stroke:{VERDICTS['error']};stroke-width:2",
    ".hatch": f"fill:none;stroke:{VERDICTS['error']};stroke-dasharray:2 4",
    ".cover": f"fill:{PAPER};stroke:{INK};stroke-opacity:.3",
    ".halo": f"paint-order:stroke;stroke:{PAPER};stroke-width:4px",
    ".hits rect": "fill:none;pointer-events:all;cursor:crosshair",
    ".hits path": "pointer-events:none",
}
_CODE = files("skiplib").joinpath("diagrams/convolution.js").read_text(encoding="utf-8").splitlines()
_ANSWER = escape("\n".join(line.strip() for line in _CODE if not line.startswith("//")))


_Corner = tuple[float, float]  # x and y of the top left one


@dataclass(frozen=True)
class _Plan:
    """What is drawn, how large a pixel is, and where the output and the words begin."""

    rows: Axis
    columns: Axis
    cell: float
    values: Convolution | None = None

    @property
    def at(self) -> _Corner:
        centred = (self.rows.padded - self.rows.places) * self.cell / 2
        return _LEFT + self.columns.padded * self.cell + _GAP, TOP + centred

    @property
    def caption(self) -> float:
        return TOP + self.rows.padded * self.cell + 24


def draw_convolution(
    input_size: Pair, geometries: Axes, *, output_index: Pair = (0, 0), values: Convolution | None = None
) -> Picture:
    """The padded image, what no window reads of it, and the output, all to one scale; one window is marked.

    In the live form, pointing at an output pixel marks the window that it reads, and pointing at the image the
    outputs that a pixel feeds; a click on an output pixel goes there. With ``values`` numbers stand in all pixels,
    and the sum of the marked one is written out.

    >>> conv = ConvGeometry(kernel_size=2, stride=2, padding=2)
    >>> draw_convolution((32, 32), (conv, conv)).alt[:45]
    'A 32 by 32 image, padded to 36 by 36, beside '
    """
    rows, columns = map(Axis, ("row", "column"), input_size, geometries)
    if not (0 <= output_index[0] < rows.places and 0 <= output_index[1] < columns.places):
        places = f"{rows.places} by {columns.places}"
        raise ValueError(f"`output_index` must lie in the output of {places} places; got {output_index}")
    plan = _Plan(rows, columns, cell := scale(rows, columns, _ROOMY if values else _WIDEST), values)
    (x, y), bottom = plan.at, plan.caption + (64 if values else 46)
    parts = [*_input_panel(plan), *_output_panel(plan)]
    parts += ['<g class="now">', *_marked_window(plan, *output_index), "</g>"]  # its lines may cross the sizes
    parts.append(text(x + columns.places * cell / 2, y - 8, columns.places, "m halo"))
    parts.append(text(x + columns.places * cell + 8, y + rows.places * cell / 2 + 4, rows.places, "halo"))
    kinds = {"tap": "window", "n6": "below 0"} if values else {kind: kind for kind in ("image", "window", "output")}
    kinds |= {"padding": "padding"} if rows.padding or columns.padding else {}
    parts.append(legend(_LEFT, bottom, kinds, unread=bool(rows.unread or columns.unread)))
    width = max(x + columns.places * cell + 32, 620)
    everywhere = product(range(rows.places), range(columns.places))
    sums = [values.written(*place) for place in everywhere] if values else []
    live = hover(rows, columns, cell, (_LEFT, TOP), plan.at, sums=sums)
    return make_picture(width, bottom + 12, parts, alt=_describe(plan, *output_index), rules=RULES, hover=live)


def draw_misfit(input_size: Pair, geometries: Axes) -> Picture:
    """A padded image under a window that is larger: what sticks out is hatched.

    >>> draw_misfit((3, 3), (ConvGeometry(5, padding=1), ConvGeometry(6))).alt
    'A window of 5 by 6 on an image padded to 5 by 3: it sticks out by 0 rows and 3 columns.'
    """
    tall, wide = (geometry.effective_kernel_size for geometry in geometries)
    pixels = [ConvGeometry(1, padding=geometry.padding) for geometry in geometries]
    rows, columns = map(Axis, ("row", "column"), input_size, pixels)
    high, broad = rows.padded, columns.padded
    over_rows, over_columns = max(0, tall - high), max(0, wide - broad)
    cell = min(_WIDEST, _PANEL / max(tall, wide, high, broad))
    parts = [*_input_panel(_Plan(rows, columns, cell))]
    for row, column, down, across in ((0, broad, tall, over_columns), (high, 0, over_rows, min(wide, broad))):
        line = f"M{_LEFT + column * cell:g} {TOP + (row + down / 2) * cell:g}h{across * cell:g}"  # as thick as high
        parts.append(f'<path class="hatch" stroke-width="{down * cell:g}" d="{line}"/>')
    parts.append(rect(_LEFT, TOP, wide * cell, tall * cell, "outside"))
    out = f"sticks out by {counted(over_rows, 'row')} and {counted(over_columns, 'column')}"
    below = TOP + max(tall, high) * cell + 24
    parts.append(text(_LEFT, below, f"✗ the window spans {tall} × {wide} and {out}"))
    alt = f"A window of {tall} by {wide} on an image padded to {high} by {broad}: it {out}."
    return make_picture(max(_LEFT + max(wide, broad) * cell + 32, 620), below + 12, parts, alt=alt, rules=RULES)


def _input_panel(plan: _Plan) -> Iterator[str]:
    rows, columns, cell = plan.rows, plan.columns, plan.cell
    yield from ground("image", rows, columns, cell, _LEFT)
    left, top = _LEFT + columns.padding * cell, TOP + rows.padding * cell
    yield rect(left, top, columns.size * cell, rows.size * cell, "paper" if plan.values else "image")
    shades = numbers = ""
    if plan.values:
        shades, numbers = _numbers(plan.values.image, left, top, cell, faded=(rows.lost, columns.lost))
    bands = [(_LEFT, TOP + row * cell, columns.padded * cell, cell) for row in rows.unread]
    bands += [(_LEFT + column * cell, TOP, cell, rows.padded * cell) for column in columns.unread]
    yield shades + strike(bands)
    yield grid(_LEFT, TOP, columns.padded, rows.padded, cell) + numbers
    if plan.values and cell >= _WEIGHED:
        for row, column in product(*(range(-axis.padding, axis.size + axis.padding) for axis in (rows, columns))):
            if not (0 <= row < rows.size and 0 <= column < columns.size):
                yield text(left + (column + 0.5) * cell, top + row * cell + 13, 0, "m v faint")


def scale(rows: Axis, columns: Axis, widest: float) -> float:
    """How large a pixel is, in whole ones where there is room: at most so wide."""
    longest = max(rows.padded, columns.padded)
    return min(widest, _PANEL // longest or _PANEL / longest)


def ground(name: str, rows: Axis, columns: Axis, cell: float, left: float) -> Iterator[str]:
    """What is under the larger panel: its title, its sizes, and what lies around it."""
    lines = ", a line every 4 pixels" if cell < FINEST else ""
    yield text(left, 16, f"{name} {rows.size} × {columns.size}{lines}", "b")
    yield text(left + columns.padded * cell / 2, TOP - 8, columns.extent, "m")
    yield upright(left - 10, TOP + rows.padded * cell / 2, rows.extent)
    yield rect(left, TOP, columns.padded * cell, rows.padded * cell, "padding")


def _output_panel(plan: _Plan) -> Iterator[str]:
    (x, y), cell, down, across = plan.at, plan.cell, plan.rows.places, plan.columns.places
    yield text(x, 16, f"output {down} × {across}", "b")
    yield rect(x, y, across * cell, down * cell, "paper" if plan.values else "output")
    shades, numbers = _numbers(plan.values.output, x, y, cell, 0.5) if plan.values else ("", "")
    yield shades + grid(x, y, across, down, cell) + numbers


def _numbers(
    rows: Grid, left: float, top: float, cell: float, middle: float = 0, faded: Sequence[Collection[int]] = ((), ())
) -> tuple[str, str]:
    """Values as shades, and as numbers if a cell has room for the longest of them; ``faded``: rows and columns."""
    most = max(abs(value) for row in rows for value in row) or 1
    shades = shaded(rows, left, top, cell, most, _SHADES)
    lift = middle or (0.27 if cell >= _WEIGHED else 0.5)  # under the value of a wide pixel there is room for a weight
    fitting = (d for d in (2, 1, 0) if max(len(short(value, d)) for row in rows for value in row) * 6.4 + 5 < cell)
    decimals, numbers = next(fitting, None), []
    if decimals is None:
        return shades, ""
    for row, line in enumerate(rows):
        for column, value in enumerate(line):
            if row in faded[0] or column in faded[1]:
                continue  # a line strikes it through
            dark = round(_SHADES * abs(value) / most) > (4 if value < 0 else 3)
            x, y = left + (column + 0.5) * cell, top + (row + lift) * cell + 4
            numbers.append(text(x, y, short(value, decimals), f"m v {'light' if dark else 'on'}"))
    return shades, "".join(numbers)


def _marked_window(plan: _Plan, row: int, column: int) -> Iterator[str]:
    """One window, two lines to its output pixel, and what it reads; ``convolution.js`` knows them by their order."""
    cell, down, across = plan.cell, plan.rows.windows[row], plan.columns.windows[column]
    left, right = (_LEFT + place * cell for place in (across.first, across.last + 1))
    top, bottom = (TOP + place * cell for place in (down.first, down.last + 1))
    x, y = plan.at[0] + column * cell, plan.at[1] + row * cell
    taps = [((b - across.first) * cell, (a - down.first) * cell) for a in down.taps for b in across.taps]
    kind = "tap" if plan.values else "window"
    yield f'<g transform="translate({left:g} {top:g})">{cells(taps, cell, kind)}'
    if plan.values and cell >= _WEIGHED:
        weights = [short(weight) for row in plan.values.weights for weight in row]
        times = "×" if max(map(len, weights)) * 6.3 + 7 < cell else ""
        yield cells([(tap[0], tap[1] + cell - 14) for tap in taps], cell, "window", height=14)
        for tap, weight in zip(taps, weights, strict=True):
            yield text(tap[0] + cell / 2, tap[1] + cell - 3, f"{times}{weight}", "m v on")
    yield rect(0, 0, right - left, bottom - top, "line") + "</g>"
    yield path("grid", f"M{right:g} {top:g}L{x:g} {y:g}M{right:g} {bottom:g}L{x:g} {y + cell:g}")
    yield f'<g transform="translate({x:g} {y:g})">{cells([(0, 0)], cell, kind)}{rect(0, 0, cell, cell, "line")}</g>'
    said = [f"output {plan.rows.reads(row)}", f"output {plan.columns.reads(column)}"]
    said += [plan.values.written(row, column)] if plan.values else []
    yield from (text(_LEFT, plan.caption + 18 * line, words, "said") for line, words in enumerate(said))


def hover(
    rows: Axis, columns: Axis, cell: float, image: _Corner, output: _Corner, *, sums: Sequence[str] = ()
) -> str:
    """What meets the mouse: both panels, and for ``convolution.js`` what lies where and is said of it."""
    axes = {"rows": rows.answers(image[1], output[1]), "columns": columns.answers(image[0], output[0])}
    known = json.dumps({"cell": cell, **axes, "sums": sums}, ensure_ascii=False, separators=(",", ":"))
    also = " ".join(f'{each}="this.onpointermove(arguments[0])"' for each in ("onpointerleave", "onclick"))
    kind = "tap" if sums else "window"
    return (
        f'<g class="hits" data-axes=\'{escape(known, quote=False)}\' onpointermove="{_ANSWER}" {also}>'
        f'<path class="cover"/><path class="{kind}"/>'
        f"{rect(*image, columns.padded * cell, rows.padded * cell, '')}"
        f"{rect(*output, columns.places * cell, rows.places * cell, '')}</g>"
    )


def _describe(plan: _Plan, row: int, column: int) -> str:
    rows, columns = plan.rows, plan.columns
    strides = f"{rows.geometry.stride} by {columns.geometry.stride}"
    spans = f"{rows.geometry.effective_kernel_size} by {columns.geometry.effective_kernel_size}"
    total = f" Its sum: {plan.values.written(row, column)}." if plan.values else ""
    unread, pixels = unread_pixels(rows, columns)
    return (
        f"A {rows.size} by {columns.size} image, padded to {rows.padded} by {columns.padded}, beside the output of a "
        f"convolution whose window spans {spans} and moves by {strides}: it stands at {rows.places} by "
        f"{columns.places} places. No window reads {unread} of {counted(pixels, 'pixel')} of the image. "
        f"Marked: output {rows.reads(row)}; {columns.reads(column)}.{total}"
    )
