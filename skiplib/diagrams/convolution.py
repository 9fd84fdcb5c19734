"""One convolution as a picture: the padded image, its windows, and the output beside it (layer L2)."""

import zlib
from collections.abc import Iterator

from skiplib.arithmetic import ConvGeometry
from skiplib.diagrams.svg import INK, WINDOW, Picture, cells, grid, legend, make_picture, rect, strike, style, text
from skiplib.words import minus

_PANEL, _WIDEST = 372, 28  # of the longer side of the padded image, and of a pixel
_LEFT, _TOP = 44, 50  # room for the size that is written upright; for title and size
_GAP = 84  # between the panels: the lines from a window to its output pixel need room
_HOVER_RULES = {
    ".hits>g>path": "fill:none;pointer-events:all",
    ".hits use": f"visibility:hidden;fill:{WINDOW};stroke:{INK};transform:translateY(var(--window))",
    ".hits text": "visibility:hidden",
    ".hits>g:hover>*": "visibility:visible",
    ".hits>g>path:hover": f"fill:{WINDOW};stroke:{INK};stroke-width:2",
    ":is(.skiplib:hover:has(.hits:hover) .now)": "visibility:hidden",
}


class Axis:
    """One axis of a picture: an image size, a window that fits, and what follows from them."""

    def __init__(self, name: str, size: int, geometry: ConvGeometry) -> None:
        self.name, self.size, self.geometry = name, size, geometry
        self.padding, self.padded = geometry.padding, size + 2 * geometry.padding
        self.windows = [geometry.window(place) for place in range(geometry.output_size(size))]
        self.places, self.leftover = len(self.windows), geometry.leftover(size)
        self.lost = geometry.unread_pixels(size)
        left_over = range(self.padded - self.leftover, self.padded)
        self.unread = sorted({*left_over, *(pixel + self.padding for pixel in self.lost)})  # padded positions to mark

    def reads(self, index: int) -> str:
        """What output ``index`` reads, in image pixels (0 is the first, and a negative one lies in the padding)."""
        taps = [tap - self.padding for tap in self.windows[index].taps]
        shown = taps if len(taps) <= 4 else [*taps[:2], "…", taps[-1]]
        outside = sum(not 0 <= tap < self.size for tap in taps)
        note = "" if not outside else " (all padding)" if outside == len(taps) else " (partly padding)"
        return f"{self.name} {index} reads {self.name}s {minus(', '.join(map(str, shown)))}{note}"


def draw_convolution(
    input_size: tuple[int, int],
    geometries: tuple[ConvGeometry, ConvGeometry],
    *,
    output_index: tuple[int, int] | None = None,
) -> Picture:
    """The padded image, what no window reads of it, and the output, all to one scale.

    In the live form, pointing at an output pixel lights the window that it reads.

    Args:
        input_size: height and width of the image in pixels.
        geometries: the vertical and the horizontal geometry.
        output_index: row and column of an output pixel whose window is marked.

    Raises:
        ValueError: if a window does not fit, or ``output_index`` lies outside the output.

    >>> conv = ConvGeometry(kernel_size=2, stride=2, padding=2)
    >>> draw_convolution((32, 32), (conv, conv)).alt[:45]
    'A 32 by 32 image, padded to 36 by 36, beside '
    """
    rows, columns = map(Axis, ("row", "column"), input_size, geometries)
    longest = max(rows.padded, columns.padded)
    cell = min(_WIDEST, _PANEL // longest or _PANEL / longest)
    at = _LEFT + columns.padded * cell + _GAP, _TOP + (rows.padded - rows.places) * cell / 2  # of the output
    caption = _TOP + rows.padded * cell + 24
    parts = [*_input_panel(rows, columns, cell), *_output_panel(rows, columns, cell, at)]
    if output_index is not None:
        if not (0 <= output_index[0] < rows.places and 0 <= output_index[1] < columns.places):
            places = f"{rows.places} by {columns.places}"
            raise ValueError(f"`output_index` must lie in the output of {places} places; got {output_index}")
        marked = _marked_window(rows, columns, cell, at, caption, output_index)
        parts.append(f'<g class="now">{"".join(marked)}</g>')
    parts.append(legend(_LEFT, caption + 46, unread=bool(rows.unread or columns.unread)))
    width = max(at[0] + columns.places * cell + 32, 620)
    alt, hover = _describe(rows, columns, output_index), _hover(rows, columns, cell, at, caption)
    return make_picture(width, caption + 58, parts, alt=alt, hover="".join(hover))


def _input_panel(rows: Axis, columns: Axis, cell: float) -> Iterator[str]:
    width, height = columns.padded * cell, rows.padded * cell
    upright = f' transform="translate({_LEFT - 10} {_TOP + height / 2:g})rotate(-90)"'
    yield text(_LEFT, 16, f"image {rows.size} × {columns.size}", "b")
    yield text(_LEFT + width / 2, _TOP - 8, _padded_size(columns), "m") + text(0, 0, _padded_size(rows), "m", upright)
    yield rect(_LEFT, _TOP, width, height, "padding")
    left, top = _LEFT + columns.padding * cell, _TOP + rows.padding * cell
    yield rect(left, top, columns.size * cell, rows.size * cell, "image")
    bands = [(_LEFT, _TOP + row * cell, width, cell) for row in rows.unread]
    yield strike(bands + [(_LEFT + column * cell, _TOP, cell, height) for column in columns.unread])
    yield grid(_LEFT, _TOP, columns.padded, rows.padded, cell)


def _output_panel(rows: Axis, columns: Axis, cell: float, at: tuple[float, float]) -> Iterator[str]:
    x, y, width, height = *at, columns.places * cell, rows.places * cell
    yield text(x, 16, f"output {rows.places} × {columns.places}", "b")
    yield rect(x, y, width, height, "output") + grid(x, y, columns.places, rows.places, cell)
    yield text(x + width / 2, y - 8, columns.places, "m") + text(x + width + 8, y + height / 2 + 4, rows.places)


def _marked_window(
    rows: Axis, columns: Axis, cell: float, at: tuple[float, float], caption: float, index: tuple[int, int]
) -> Iterator[str]:
    """One window and its output pixel, two lines between them, and what it reads."""
    down, across = rows.windows[index[0]], columns.windows[index[1]]
    left, right = (_LEFT + column * cell for column in (across.first, across.last + 1))
    top, bottom = (_TOP + row * cell for row in (down.first, down.last + 1))
    x, y = at[0] + index[1] * cell, at[1] + index[0] * cell
    taps = [(_LEFT + column * cell, _TOP + row * cell) for row in down.taps for column in across.taps]
    yield cells(taps, cell, "window") + cells([(x, y)], cell, "window")
    yield f'<path class="grid" d="M{right:g} {top:g}L{x:g} {y:g}M{right:g} {bottom:g}L{x:g} {y + cell:g}"/>'
    yield rect(left, top, right - left, bottom - top, "line") + rect(x, y, cell, cell, "line")
    for line, axis in enumerate((rows, columns)):
        yield text(_LEFT, caption + 18 * line, f"output {axis.reads(index[line])}")


def _hover(rows: Axis, columns: Axis, cell: float, at: tuple[float, float], caption: float) -> Iterator[str]:
    """What the mouse meets: per output column a group of pixels, and the window that they show at their row."""
    axes = [(axis.size, axis.geometry) for axis in (rows, columns)]
    key = f"{zlib.crc32(repr(axes).encode()) % 16**5:x}"  # an id is global on a page: each drawing its own
    corners = [(column * cell, row * cell) for row in rows.windows[0].taps for column in columns.windows[0].taps]
    rules = dict(_HOVER_RULES)
    for row, window in enumerate(rows.windows):  # how far down it lies, and its label: CSS finds no row by itself
        on_it = f"#hits{key}:hover:has(>g>path:hover:nth-of-type({row + 1}))"  # :hover first: else all is searched
        rules[on_it] = f"--window:{_TOP + window.first * cell:g}px"
        rules[f"{on_it}>.r{row}"] = "visibility:visible"
    yield style(rules)
    yield f'<g class="hits" id="hits{key}"><defs><g id="w{key}">{cells(corners, cell, "")}</g></defs>'
    for row in range(rows.places):
        yield text(_LEFT, caption, f"output {rows.reads(row)}", f"r{row}")
    pixels = [f'{at[1] + row * cell:g}h{cell:g}v{cell:g}h-{cell:g}z"/>' for row in range(rows.places)]
    for column, window in enumerate(columns.windows):
        left = _LEFT + window.first * cell
        pixel = f'<path d="M{at[0] + column * cell - left:g} '
        label = text(_LEFT - left, caption + 18, f"output {columns.reads(column)}")
        shown = f'{label}{"".join(pixel + rest for rest in pixels)}<use href="#w{key}"/>'
        yield f'<g transform="translate({left:g} 0)">{shown}</g>'
    yield "</g>"


def _describe(rows: Axis, columns: Axis, index: tuple[int, int] | None) -> str:
    strides = f"{rows.geometry.stride} by {columns.geometry.stride}"
    spans = f"{rows.geometry.effective_kernel_size} by {columns.geometry.effective_kernel_size}"
    marked = f" Marked: output {rows.reads(index[0])}; {columns.reads(index[1])}." if index else ""
    return (
        f"A {rows.size} by {columns.size} image, padded to {rows.padded} by {columns.padded}, beside the output of a "
        f"convolution whose window spans {spans} and moves by {strides}: it stands at {rows.places} by "
        f"{columns.places} places. No window reads {len(rows.lost)} rows and {len(columns.lost)} columns of the "
        f"image.{marked}"
    )


def _padded_size(axis: Axis) -> str:
    return f"{axis.size} + 2·{axis.padding} = {axis.padded}" if axis.padding else str(axis.size)
