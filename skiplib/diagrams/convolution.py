"""One convolution as a picture: the padded image, its windows, and the output beside it (layer L2)."""

import zlib
from collections.abc import Iterator
from typing import NamedTuple

from skiplib.arithmetic import ConvGeometry
from skiplib.diagrams.svg import INK, WINDOW, Picture, cells, grid, legend, make_picture, rect, strike, text

_PANEL = 372  # pixels that the longer side of the padded image may take
_LEFT, _TOP, _GAP = 44, 50, 84
_HOVER_RULES = {
    ".hits>g>path": "fill:none;pointer-events:all",
    ".hits use": f"visibility:hidden;fill:{WINDOW};stroke:{INK};transform:translateY(var(--window))",
    ".hits text": "visibility:hidden",
    ".hits>g:hover>*": "visibility:visible",
    ".hits>g>path:hover": f"fill:{WINDOW};stroke:{INK};stroke-width:2",
    ":is(.skiplib:hover:has(.hits:hover) .now)": "visibility:hidden",
}


class Axis(NamedTuple):
    """One axis of the picture: an image size, what moves over it, and how many places that has."""

    name: str
    size: int
    geometry: ConvGeometry
    places: int

    @property
    def padded(self) -> int:
        return self.size + 2 * self.geometry.padding

    @property
    def unread(self) -> list[int]:
        """Padded positions to mark: pixels that no tap reads, and what is left over at the end."""
        pixels = {pixel + self.geometry.padding for pixel in self.geometry.unread_pixels(self.size)}
        return sorted(pixels | set(range(self.padded - self.geometry.leftover(self.size), self.padded)))

    def reads(self, index: int) -> str:
        """What output ``index`` reads, in image pixels (0 is the first, and a negative one lies in the padding)."""
        taps = [tap - self.geometry.padding for tap in self.geometry.window(index).taps]
        shown = [_signed(tap) for tap in taps]
        if len(shown) > 4:
            shown = [*shown[:2], "…", shown[-1]]
        outside = sum(not 0 <= tap < self.size for tap in taps)
        note = "" if not outside else " (all padding)" if outside == len(taps) else " (partly padding)"
        return f"{self.name} {index} reads {self.name}s {', '.join(shown)}{note}"


def draw_convolution(
    input_size: tuple[int, int],
    geometries: tuple[ConvGeometry, ConvGeometry],
    *,
    window: tuple[int, int] | None = None,
    hover: bool = False,
) -> Picture:
    """The padded image, what no window reads of it, and the output, all to one scale.

    Args:
        input_size: height and width of the image in pixels.
        geometries: the vertical and the horizontal geometry.
        window: row and column of an output pixel whose window is marked.
        hover: whether pointing at an output pixel lights what it reads (a larger SVG; it needs no JavaScript).

    Raises:
        ValueError: if a window does not fit.

    >>> conv = ConvGeometry(kernel_size=2, stride=2, padding=2)
    >>> draw_convolution((32, 32), (conv, conv)).alt[:45]
    'A 32 by 32 image, padded to 36 by 36, beside '
    """
    rows, columns = (
        Axis(name, size, geometry, geometry.output_size(size))
        for name, size, geometry in zip(("row", "column"), input_size, geometries, strict=True)
    )
    longest = max(rows.padded, columns.padded)
    cell = min(28, _PANEL // longest or _PANEL / longest)
    output_at = (_LEFT + columns.padded * cell + _GAP, _TOP + (rows.padded - rows.places) * cell / 2)
    caption = _TOP + rows.padded * cell + 24
    key = f"{zlib.crc32(repr((rows, columns)).encode()) % 16**5:x}"  # an id is global on a page: each drawing its own
    parts = [*_input_panel(rows, columns, cell), *_output_panel(rows, columns, output_at, cell)]
    if window is not None:
        parts.append(f'<g class="now">{"".join(_marked_window(rows, columns, window, output_at, cell, caption))}</g>')
    if hover:
        parts.append(
            f'<g class="hits" id="hits{key}">{"".join(_hits(rows, columns, output_at, cell, key, caption))}</g>'
        )
    parts.append(legend(_LEFT, caption + 46, unread=bool(rows.unread or columns.unread)))
    width = max(output_at[0] + columns.places * cell + 32, 620)
    rules = _HOVER_RULES | dict(_row_rules(rows, cell, key)) if hover else {}
    return make_picture(width, caption + 58, parts, alt=_describe(rows, columns, window), rules=rules)


def _input_panel(rows: Axis, columns: Axis, cell: float) -> Iterator[str]:
    width, height = columns.padded * cell, rows.padded * cell
    yield text(_LEFT, 16, f"image {rows.size} × {columns.size}", "b")
    yield text(_LEFT + width / 2, _TOP - 8, _padded_size(columns), "m")
    yield text(
        0, 0, _padded_size(rows), "m", f' transform="translate({_LEFT - 10} {_TOP + height / 2:g})rotate(-90)"'
    )
    yield rect(_LEFT, _TOP, width, height, "padding")
    yield rect(
        _LEFT + columns.geometry.padding * cell,
        _TOP + rows.geometry.padding * cell,
        columns.size * cell,
        rows.size * cell,
        "image",
    )
    bands = [(_LEFT, _TOP + row * cell, width, cell) for row in rows.unread]
    yield strike(bands + [(_LEFT + column * cell, _TOP, cell, height) for column in columns.unread])
    yield grid(_LEFT, _TOP, columns.padded, rows.padded, cell)


def _output_panel(rows: Axis, columns: Axis, at: tuple[float, float], cell: float) -> Iterator[str]:
    x, y = at
    yield text(x, 16, f"output {rows.places} × {columns.places}", "b")
    yield rect(x, y, columns.places * cell, rows.places * cell, "output")
    yield grid(x, y, columns.places, rows.places, cell)
    yield text(x + columns.places * cell / 2, y - 8, columns.places, "m")
    yield text(x + columns.places * cell + 8, y + rows.places * cell / 2 + 4, rows.places)


def _marked_window(
    rows: Axis, columns: Axis, window: tuple[int, int], at: tuple[float, float], cell: float, caption: float
) -> Iterator[str]:
    row, column = window
    vertical, horizontal = rows.geometry.window(row), columns.geometry.window(column)
    left, top = _LEFT + horizontal.first * cell, _TOP + vertical.first * cell
    width, height = (cell * axis.geometry.effective_kernel_size for axis in (columns, rows))
    x, y = at[0] + column * cell, at[1] + row * cell
    taps = [(_LEFT + tap_x * cell, _TOP + tap_y * cell) for tap_y in vertical.taps for tap_x in horizontal.taps]
    yield cells(taps, cell, "window")
    yield cells([(x, y)], cell, "window")
    edge = left + width
    yield f'<path class="grid" d="M{edge:g} {top:g}L{x:g} {y:g}M{edge:g} {top + height:g}L{x:g} {y + cell:g}"/>'
    yield rect(left, top, width, height, "line") + rect(x, y, cell, cell, "line")
    yield text(_LEFT, caption, f"output {rows.reads(row)}") + text(
        _LEFT, caption + 18, f"output {columns.reads(column)}"
    )


def _hits(rows: Axis, columns: Axis, at: tuple[float, float], cell: float, key: str, caption: float) -> Iterator[str]:
    """What the mouse meets: per output column a group of pixels, and the window that they show at their row."""
    taps = [(x * cell, y * cell) for y in rows.geometry.window(0).taps for x in columns.geometry.window(0).taps]
    yield f'<defs><g id="w{key}">{cells(taps, cell, "")}</g></defs>'
    for row in range(rows.places):
        yield text(_LEFT, caption, f"output {rows.reads(row)}", f"r{row}")
    pixels = [f'{at[1] + row * cell:g}h{cell:g}v{cell:g}h-{cell:g}z"/>' for row in range(rows.places)]
    for column in range(columns.places):
        left = _LEFT + columns.geometry.window(column).first * cell
        pixel = f'<path d="M{at[0] + column * cell - left:g} '
        label = text(_LEFT - left, caption + 18, f"output {columns.reads(column)}")
        window = f'<use href="#w{key}"/>'
        yield f'<g transform="translate({left:g} 0)">{label}{"".join(pixel + rest for rest in pixels)}{window}</g>'


def _row_rules(rows: Axis, cell: float, key: str) -> Iterator[tuple[str, str]]:
    """Which row the mouse is on: its label, and how far down its window lies. (CSS finds no row by itself.)"""
    for row in range(rows.places):
        on_it = f"#hits{key}:hover:has(>g>path:hover:nth-of-type({row + 1}))"  # :hover first: else all is searched
        yield on_it, f"--window:{_TOP + rows.geometry.window(row).first * cell:g}px"
        yield f"{on_it}>.r{row}", "visibility:visible"


def _describe(rows: Axis, columns: Axis, window: tuple[int, int] | None) -> str:
    lost = [f"{len(axis.geometry.unread_pixels(axis.size))} {axis.name}s" for axis in (rows, columns)]
    strides = f"{rows.geometry.stride} by {columns.geometry.stride}"
    spans = f"{rows.geometry.effective_kernel_size} by {columns.geometry.effective_kernel_size}"
    marked = f" Marked: output {rows.reads(window[0])}; {columns.reads(window[1])}." if window else ""
    return (
        f"A {rows.size} by {columns.size} image, padded to {rows.padded} by {columns.padded}, beside the output of a "
        f"convolution whose window spans {spans} and moves by {strides}: it stands at {rows.places} by "
        f"{columns.places} places. No window reads {lost[0]} and {lost[1]} of the image.{marked}"
    )


def _padded_size(axis: Axis) -> str:
    padding = axis.geometry.padding
    return f"{axis.size} + 2·{padding} = {axis.padded}" if padding else str(axis.size)


def _signed(value: int) -> str:
    return f"−{-value}" if value < 0 else str(value)
