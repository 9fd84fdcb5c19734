"""Several convolutions in a row: every size, what one output pixel sees, and the map of sizes (layer L2)."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from skiplib.arithmetic import ConvGeometry
from skiplib.chains import compose, kept_sizes, seen_pixels, sizes, sizes_after
from skiplib.diagrams.svg import FAINT, INK, WINDOW, Picture, cells, grid, make_picture, rect, text

_STRIPS, _TEXT, _PITCH, _TOP = 436, 456, 96, 40  # width of the strips, x of their labels, level to level, top
_COBWEB = (690, 40, 230)  # x, y and side of the map of sizes
_MAX_STEPS = 12
_RULES = {
    ".cone": f"fill:{WINDOW};fill-opacity:.25",
    ".diagonal": f"stroke:{FAINT};stroke-dasharray:4 3;fill:none",
    ".dots": f"fill:{INK}",
    ".path": f"fill:none;stroke:{WINDOW};stroke-width:2.5",
    ".fixed": f"fill:none;stroke:{INK};stroke-width:2",
}


def draw_chain(input_size: int, geometries: Sequence[ConvGeometry], *, index: int = 0) -> Picture:
    """One axis through a chain of convolutions, what output ``index`` sees, and the map of sizes as a cobweb.

    Raises:
        ValueError: if a window does not fit somewhere in the chain.

    >>> draw_chain(32, [ConvGeometry(2, stride=2, padding=2)] * 2).alt[:50]
    'Sizes along a chain of convolutions: 32 to 18 to 1'
    """
    chain = sizes(input_size, geometries)
    paddings = [*(geometry.padding for geometry in geometries), 0]
    cell = min(24, _STRIPS / max(size + 2 * padding for size, padding in zip(chain, paddings, strict=True)))
    levels = seen_pixels(input_size, geometries, index)
    parts = [text(4, 16, "sizes, and what one output pixel sees", "b")]
    parts += _cone(levels, chain, cell)
    for level, (size, padding) in enumerate(zip(chain, paddings, strict=True)):
        parts += _strip(level, size, padding, levels[level], cell)
        if level < len(geometries):
            geometry, y = geometries[level], _TOP + level * _PITCH + 44
            parts.append(text(_TEXT, y, f"↓ conv {level + 1}: kernel_size {geometry.kernel_size},"))
            dilation = f", dilation {geometry.dilation}" if geometry.dilation > 1 else ""
            parts.append(text(_TEXT + 14, y + 17, f"stride {geometry.stride}, padding {geometry.padding}{dilation}"))
    parts += _cobweb(geometries, chain)
    height = max(_TOP + len(geometries) * _PITCH + 50, _COBWEB[1] + _COBWEB[2] + 64)
    return make_picture(_COBWEB[0] + _COBWEB[2] + 16, height, parts, alt=_describe(geometries, chain), rules=_RULES)


def _left(size: int, cell: float) -> float:
    """Where pixel 0 of a level stands, so that all levels are centred."""
    return 4 + (_STRIPS - size * cell) / 2


def _strip(level: int, size: int, padding: int, seen: Sequence[int], cell: float) -> Iterator[str]:
    left, y = _left(size, cell), _TOP + level * _PITCH
    height = 24
    yield rect(left - padding * cell, y, (size + 2 * padding) * cell, height, "padding")
    yield rect(left, y, size * cell, height, "output" if level else "image")
    yield cells([(left + pixel * cell, y) for pixel in seen], cell, "window", height=height)
    yield grid(left - padding * cell, y, size + 2 * padding, 1, cell, height=height)
    yield text(_TEXT, y + 17, f"{size} after conv {level}" if level else f"{size} pixels", "b")


def _cone(levels: Sequence[Sequence[int]], chain: Sequence[int], cell: float) -> Iterator[str]:
    for level, (below, above) in enumerate(pairwise(levels)):
        if below and above:
            y = _TOP + level * _PITCH + 24
            base, tip = _left(chain[level], cell), _left(chain[level + 1], cell)
            yield (
                f'<path class="cone" d="M{base + below[0] * cell:g} {y}L{base + (below[-1] + 1) * cell:g} {y}'
                f'L{tip + (above[-1] + 1) * cell:g} {y + _PITCH - 24}L{tip + above[0] * cell:g} {y + _PITCH - 24}z"/>'
            )


def _cobweb(geometries: Sequence[ConvGeometry], chain: Sequence[int]) -> Iterator[str]:
    x, y, side = _COBWEB
    largest = max(12, chain[0], chain[-1]) + 2
    unit = side / largest

    def at(before: float, after: float) -> str:
        return f"{x + before * unit:g} {y + side - after * unit:g}"

    yield text(x, 16, "size before → size after", "b")
    yield f'<path class="line" d="M{x} {y}v{side}h{side}"/>'
    yield f'<path class="diagonal" d="M{at(0, 0)}L{at(largest, largest)}"/>'
    for tick in range(0, largest + 1, max(4, largest // 16 * 4)):
        yield text(x + tick * unit, y + side + 17, tick, "m") + text(x - 7, y + side - tick * unit + 5, tick, "e")
    yield text(x + side / 2, y + side + 36, "input size", "m")
    map_ = sizes_after(geometries, largest)
    dots = [(x + n * unit - 1.5, y + side - after * unit - 1.5) for n, after in map_.items() if 0 < after <= largest]
    yield cells(dots, 3, "dots")
    path = [at(chain[0], 0)]
    before = chain[0]
    for _ in range(_MAX_STEPS):
        after = map_[before]
        if not 0 < after <= largest:
            break
        path += [at(before, after), at(after, after)]
        before = after
    yield f'<path class="path" d="M{"L".join(path)}"/>'
    kept = kept_sizes(geometries, largest)
    if len(kept) < 8:
        for size in kept:
            cx, cy = at(size, size).split()
            yield f'<circle class="fixed" cx="{cx}" cy="{cy}" r="5"/>'
    yield text(x, y + side + 53, f"kept: {_kept_in_words(kept, largest)}")


def _kept_in_words(kept: Sequence[int], largest: int) -> str:
    if not kept:
        return f"no size up to {largest}"
    if len(kept) >= 8:
        return f"every size from {kept[0]}" if kept[-1] - kept[0] + 1 == len(kept) else f"{len(kept)} sizes"
    return f"only {', '.join(map(str, kept))}"


def _describe(geometries: Sequence[ConvGeometry], chain: Sequence[int]) -> str:
    whole = compose(geometries)
    largest = max(12, chain[0], chain[-1]) + 2
    kept = _kept_in_words(kept_sizes(geometries, largest), largest)
    return (
        f"Sizes along a chain of convolutions: {' to '.join(map(str, chain))}. One output pixel sees "
        f"a stretch of {whole.effective_kernel_size} input positions, padding included. Beside it the map from "
        f"input size to output size and its diagonal; kept: {kept}."
    )
