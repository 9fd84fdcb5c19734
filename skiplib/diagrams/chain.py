"""Several layers in a row: every size, what one output pixel sees, and the map of sizes (layer L2)."""

from collections.abc import Iterator, Mapping, Sequence

from skiplib.arithmetic import ConvGeometry
from skiplib.chains import compose, seen_pixels, sizes, sizes_after
from skiplib.diagrams.marks import cells, path, runs, strip, text, upright
from skiplib.diagrams.svg import FAINT, INK, WINDOW, Picture, make_picture
from skiplib.words import seen_in_words

_MARGIN, _STRIPS, _WIDEST = 4, 290, 24  # left of the strips; how wide they may be, and their pixels
_TEXT = _MARGIN + _STRIPS + 12  # x of the labels
_TOP, _PITCH, _TALL = 40, 96, 24  # of the first strip; from one to the next; of each: two lines of text fit between
_MAP_X, _SIDE = 556, 180  # of the map of sizes, right of the longest label
_SMALLEST, _STEPS = 12, 12  # the map shows at least so many sizes; its path takes at most so many steps
_TICKS = (4, 8, 12, 16, 20, 50, 100, 200, 500, 1000)  # pixels from one to the next on the map's axes
_FEW = 8  # so many kept sizes are no longer marked one by one
_RULES = {
    ".cone": f"fill:{WINDOW};fill-opacity:.25",
    ".diagonal": f"stroke:{FAINT};stroke-dasharray:4 3;fill:none",
    ".dots": f"fill:{INK}",
    ".path": f"fill:none;stroke:{WINDOW};stroke-width:2.5",
    ".fixed": f"fill:none;stroke:{INK};stroke-width:2",
}


def draw_chain(input_size: int, geometries: Sequence[ConvGeometry], *, output_index: int = 0) -> Picture:
    """One axis through a chain of layers, what one output sees, and the map of sizes as a cobweb.

    >>> draw_chain(32, [ConvGeometry(2, stride=2, padding=2)] * 2).alt[:50]
    'Sizes along a chain of layers: 32 to 18 to 11. Out'
    """
    chain, levels = sizes(input_size, geometries), seen_pixels(input_size, geometries, output_index)
    largest = max(_SMALLEST, chain[0], chain[-1]) + 2
    after = sizes_after(geometries, range(1, largest + 1))
    kept = [size for size, result in after.items() if size == result]
    kept_in_words = f"only {', '.join(map(str, kept))}" if kept else f"no size up to {largest}"
    if len(kept) >= _FEW:
        kept_in_words = f"{len(kept)} sizes" if kept[-1] - kept[0] >= len(kept) else f"every size from {kept[0]}"
    parts = [*_strips(chain, geometries, levels), *_cobweb(after, chain[0], kept)]
    parts.append(text(_MAP_X, _TOP + _SIDE + 53, f"kept: {kept_in_words}"))
    seen = seen_in_words([pixel for pixel in levels[0] if 0 <= pixel < input_size])
    alt = (
        f"Sizes along a chain of layers: {' to '.join(map(str, chain))}. Output {output_index} sees {seen}, out of a "
        f"stretch of {compose(geometries).effective_kernel_size} positions, padding included. Beside it the map from "
        f"input size to output size and its diagonal; kept: {kept_in_words}."
    )
    height = max(_TOP + len(geometries) * _PITCH + 50, _TOP + _SIDE + 64)
    return make_picture(_MAP_X + _SIDE + 16, height, parts, alt=alt, rules=_RULES)


def _strips(
    chain: Sequence[int], geometries: Sequence[ConvGeometry], levels: Sequence[Sequence[int]]
) -> Iterator[str]:
    """Every level from the input down, what is seen of it, and the convolution that leads to the next."""
    yield text(_MARGIN, 16, "sizes, and what one output pixel sees", "b")
    paddings = [*(geometry.padding for geometry in geometries), 0]
    ends = [geometry.pixels(places - 1).stop for geometry, places in zip(geometries, chain[1:], strict=True)]
    # Half of what lies outside the image: padding on each side, or a window that hangs over its end.
    outside = [max(p, end - size) for p, end, size in zip(paddings, [*ends, 0], chain, strict=True)]
    cell = min(_WIDEST, _STRIPS / max(size + 2 * more for size, more in zip(chain, outside, strict=True)))
    lefts = [_MARGIN + (_STRIPS - size * cell) / 2 for size in chain]  # of pixel 0: all levels are centred
    tops = [_TOP + level * _PITCH for level in range(len(chain))]
    seen = zip(lefts, levels, strict=True)
    edges = [(x + level[0] * cell, x + (level[-1] + 1) * cell) if level else () for x, level in seen]
    for y, base, tip in zip(tops, edges, edges[1:], strict=False):
        if base and tip:
            top, bottom = y + _TALL, y + _PITCH
            yield path("cone", f"M{base[0]:g} {top}L{base[1]:g} {top}L{tip[1]:g} {bottom}L{tip[0]:g} {bottom}z")
    for level, (size, padding, left, y) in enumerate(zip(chain, paddings, lefts, tops, strict=True)):
        over = runs(levels[level], left, y, cell, _TALL)
        yield strip(left, y, size, cell, _TALL, (padding, padding), over, "output" if level else "image")
        name = f"{geometries[level - 1].name} {level}" if level else ""
        yield text(_TEXT, y + 17, f"{size} after {name}" if level else f"{size} pixels", "b")
    for layer, (geometry, y) in enumerate(zip(geometries, tops, strict=False), start=1):
        ceil_mode = ", ceil_mode" if getattr(geometry, "ceil_mode", False) else ""
        dilation = f", dilation {geometry.dilation}" if geometry.dilation > 1 else ""
        yield text(_TEXT, y + 44, f"↓ {geometry.name} {layer}{ceil_mode}")
        yield text(_TEXT + 14, y + 61, f"kernel_size {geometry.kernel_size}, stride {geometry.stride}")
        yield text(_TEXT + 14, y + 78, f"padding {geometry.padding}{dilation}")


def _cobweb(after: Mapping[int, int], input_size: int, kept: Sequence[int]) -> Iterator[str]:
    """The map of sizes, and the path of one size: up to the map, across to the diagonal, and again."""
    largest = max(after)
    unit, bottom = _SIDE / largest, _TOP + _SIDE

    def at(before: float, result: float) -> str:
        return f"{_MAP_X + before * unit:g} {bottom - result * unit:g}"

    yield text(_MAP_X, 16, "the map of sizes", "b")
    yield path("line", f"M{_MAP_X} {_TOP}v{_SIDE}h{_SIDE}") + path("diagonal", f"M{at(0, 0)}L{at(largest, largest)}")
    for tick in range(0, largest + 1, next((step for step in _TICKS if largest < 5 * step), largest // 4)):
        yield text(_MAP_X + tick * unit, bottom + 17, tick, "m")
        yield text(_MAP_X - 7, bottom - tick * unit + 5, tick, "e")
    yield text(_MAP_X + _SIDE / 2, bottom + 36, "size before", "m")
    yield upright(_MAP_X - 46, _TOP + _SIDE / 2, "size after")
    every = max(1, largest // _SIDE)  # not more dots than the map is wide
    inside = [(before, after[before]) for before in range(1, largest + 1, every) if after[before] in after]
    yield cells([(_MAP_X + n * unit - 1.5, bottom - result * unit - 1.5) for n, result in inside], 3, "dots")
    corners, size = [at(input_size, 0)], input_size
    for _ in range(_STEPS):
        if (result := after[size]) not in after:
            break
        corners += [at(size, result), at(result, result)]
        size = result
    yield path("path", f"M{'L'.join(corners)}")
    for size in kept if len(kept) < _FEW else ():
        cx, cy = at(size, size).split()
        yield f'<circle class="fixed" cx="{cx}" cy="{cy}" r="5"/>'
