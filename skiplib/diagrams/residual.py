"""A residual block: its shapes, for which input sizes it runs, where both sides of the add look (layer L2)."""

from collections.abc import Mapping, Sequence
from html import escape

from skiplib.adding import Verdict
from skiplib.arithmetic import Pair, Size, checked_pair
from skiplib.chains import Layer, along, axes_of, channels_along, compose, numbers, pools, seen_pixels
from skiplib.chains import sizes as sizes_along
from skiplib.diagrams.block import draw_block
from skiplib.diagrams.marks import path, rect, runs, strip, text
from skiplib.diagrams.sheets import draw_add
from skiplib.diagrams.svg import INK, SIGNS, Picture, make_picture, set_size, stack_pictures, style
from skiplib.shortcuts import CHOICES, Shortcut
from skiplib.words import in_ranges, seen_in_words

_LEFT, _SPAN = 62, 630  # room for "branch" and "skip"; how wide the strips may be
_WIDTH, _WIDEST, _FINEST = _LEFT + _SPAN + 20, 24, 5  # of the pictures, and of a column
_HEIGHTS: dict[Verdict, int] = {"equal": 24, "broadcast": 15, "error": 6}  # of the bars: not by colour alone
_Verdicts = Mapping[int, Verdict]  # by size
_Words = Mapping[int, str]
_Sides = tuple[Sequence[int], Sequence[int]]  # columns of skip and of branch
PICTURES = ("block", "sizes", "places", "add")
_SAID: dict[Verdict, str] = {"equal": "equal", "broadcast": "stretched", "error": "fails"}


def draw_residual(
    shortcut: Shortcut,
    input_size: Size,
    *,
    hidden_channels: int,
    output_index: int,
    verdicts: _Verdicts,
    axis: int = 1,
    sizes: str = "input sizes",
    pictures: Sequence[str] = PICTURES,
) -> Picture:
    """A branch and its shortcut in up to four pictures; a ``ValueError`` where PyTorch refuses one of the two.

    Args:
        hidden_channels: between the branch's convolutions.
        output_index: the output column (or row) whose origin is drawn.
        verdicts: ``shortcut.verdicts`` of every size to be shown, that of the image among them.
        axis: the axis of ``output_index`` and ``verdicts``, 0 for height and 1 for width.
        sizes: what the sizes of ``verdicts`` are, "input sizes", "heights" or "widths".
        pictures: which, and in which order: "block", "sizes", "places", "add".
    """
    pair = checked_pair("input_size", input_size)
    size = pair[axis]
    ((skip, look),), branch = shortcut.looks([output_index], size, axis), along(shortcut.branch, axis)
    place = (look[0] + compose(branch).padding) // compose(branch).stride  # in the output, before anything is cropped
    draw = {
        "block": lambda: _draw_shapes(shortcut, pair, hidden_channels),
        "sizes": lambda: draw_legal_sizes(verdicts, marked=size, sizes=sizes),
        "places": lambda: draw_alignment(
            size, output_index, (skip, seen_pixels(size, branch, place)[0]), (skip, look), axis=axis
        ),
        "add": lambda: _draw_sides(shortcut, pair),
    }
    return stack_pictures([draw[name]() for name in pictures])


def draw_legal_sizes(
    verdicts: _Verdicts, *, marked: int, sizes: str = "input sizes", title: str = "", broke: _Words | None = None
) -> Picture:
    """For every input size, what becomes of the add: a tall bar runs, a middle one is stretched, a low one fails.

    A click on a bar sets the size in the explorer around it: that of the width, if ``sizes`` are "widths". ``broke``
    says what to blame, where something is.

    >>> draw_legal_sizes({1: "error", 2: "broadcast", 3: "equal"}, marked=3).alt
    'Input sizes 1 to 3. The add runs at 3; it is stretched at 2; elsewhere it fails.'
    """
    cell = min(_WIDEST, _SPAN / len(verdicts))
    parts, hits = [text(_LEFT, 14, title or f"for which {sizes} does this block run?", "b")], ""
    for place, (size, verdict) in enumerate(verdicts.items()):
        x, height = _LEFT + place * cell, _HEIGHTS[verdict]
        parts.append(rect(x + 0.5, 50 - height, cell - 1, height, verdict))
        hits += f'<rect x="{x:g}" y="20" width="{cell:g}" height="50" data-size="{size}">'
        hits += f"<title>{size}: {escape((broke or {}).get(size, _SAID[verdict]))}</title></rect>"
        if size == marked:
            parts.append(path("line", f"M{x - 1:g} 22h{cell + 2:g}v30h-{cell + 2:g}z"))
        if size == 1 or size % 4 == 0:
            parts.append(text(x + cell / 2, 66, size, "m"))
    for place, (verdict, words) in enumerate(_SAID.items()):
        x, low = _LEFT + _SPAN - 300 + 106 * place, 0.5 * _HEIGHTS[verdict]
        parts.append(rect(x, 14 - low, 12, low, verdict) + text(x + 18, 14, f"{SIGNS[verdict]} {words}"))
    at = {kind: in_ranges([size for size, each in verdicts.items() if each == kind]) for kind in _SAID}
    alt = f"{title}: {sizes}" if title else sizes.capitalize()
    alt += f" {min(verdicts)} to {max(verdicts)}. The add runs at {at['equal']}; it is stretched at "
    alt += f"{at['broadcast']}; elsewhere it fails."
    rules = {".go": "fill:none;pointer-events:all;cursor:pointer", ".go rect:hover": f"stroke:{INK}"}
    click = set_size("input_size_w" if sizes == "widths" else "input_size")
    hover = f'{style(rules)}<g class="go" onclick="{click}">{hits}</g>'
    return make_picture(_WIDTH, 74, parts, alt=alt, hover=hover)


def draw_alignment(size: int, index: int, reads: _Sides, looks: _Sides, *, axis: int = 1) -> Picture:
    """Which input columns (rows, for axis 0) each side of the add reads for one output column.

    What skip and branch read is painted, and a tip stands in the middle of where they look (``Shortcut.looks``). What
    lies outside 0 to ``size`` - 1 is padding. Of a long axis only the stretch around them is drawn.
    """
    low, high = min(map(min, looks)), max(map(max, looks))
    first, last = min(0, low), max(size - 1, high)
    if (last - first + 1) * _FINEST > _SPAN:
        around = max(0, _SPAN // _FINEST - (high - low + 1)) // 2
        first, last = max(first, low - around), min(last, high + around)
    cell = min(_WIDEST, _SPAN / (last - first + 1))
    column, columns = ("row", "rows") if axis == 0 else ("column", "columns")
    inside = range(max(0, first), min(size - 1, last) + 1)
    title = f"where output {column} {index} comes from"
    title += f": {columns} {inside[0]} to {inside[-1]} of {size}" if len(inside) < size else ""
    left = _LEFT - first * cell  # of column 0
    parts = [text(_LEFT, 14, title, "b")]
    for y, name, read, look in ((26, "branch", reads[1], looks[1]), (54, "skip", reads[0], looks[0])):
        middle, padding = left + (look[0] + look[-1] + 1) / 2 * cell, (inside[0] - first, last - inside[-1])
        parts.append(text(_LEFT - 12, y + 15, name, "e"))
        over = runs(read, left, y, cell, 20)
        parts.append(strip(left + inside[0] * cell, y, len(inside), cell, 20, padding, over))
        parts.append(f'<path style="fill:#212121" d="M{middle - 5:g} {y + 5}h10l-5 9z"/>')
    skip, branch = (seen_in_words([n for n in read if 0 <= n < size], f"input {column}") for read in reads)
    alt = f"For output {column} {index} the branch reads {branch}, the skip {skip}."
    return make_picture(_WIDTH, 84, parts, alt=alt)


def _draw_shapes(shortcut: Shortcut, input_size: Pair, hidden_channels: int) -> Picture:
    """The block for one image, with its shapes."""
    channels = channels_along(shortcut.branch, shortcut.in_channels, hidden_channels, shortcut.out_channels)
    rows, columns = (sizes_along(size, along(shortcut.branch, axis)) for axis, size in enumerate(input_size))
    x, *shapes = [(1, *shape) for shape in zip(channels, rows, columns, strict=True)]
    labels = [f"{_name(layer, place)}\n{_numbers(layer)}" for place, layer in enumerate(shortcut.branch, start=1)]
    branch = list(zip(labels, shapes, strict=True))
    skip, out = ((1, *shape) for shape in shortcut.shapes(input_size))
    if out != shapes[-1]:
        branch.append((shortcut.kind, out))
    label = f"{shortcut.kind}\n{_numbers(shortcut.geometry)}" if CHOICES[shortcut.kind] else shortcut.kind
    around = None if shortcut.kind == "identity" or (out != shapes[-1] and skip == x) else (label, skip)
    y = tuple(map(max, skip, out))
    return draw_block(branch, input_shape=x, verdict=shortcut.verdict(input_size), shortcut=around, output_shape=y)


def _draw_sides(shortcut: Shortcut, input_size: Pair) -> Picture:
    """Both sides of the add, and the middle of where each row and column of theirs looks."""
    shapes = [(1, *shape) for shape in shortcut.shapes(input_size)]

    def middles(side: int, axis: int) -> list[float]:
        looks = shortcut.looks(range(shapes[side][axis + 2]), input_size[axis], axis)
        return [(look[side][0] + look[side][-1] + 1) / (2 * input_size[axis]) for look in looks]

    skip, branch = ((middles(side, 0), middles(side, 1)) for side in (0, 1))
    return draw_add(*shapes, looks=(skip, branch), aligned=shortcut.aligned(input_size))


def _name(layer: Layer, place: int) -> str:
    return f"{axes_of(layer)[0].name} {place}" if pools(layer) else f"conv{place}, ReLU"


def _numbers(layer: Layer) -> str:
    given = {name: str(value).replace(" ", "") for name, value in numbers(layer).items()}
    shown = [f"{name[0]} {given[name]}" for name in ("kernel_size", "stride", "padding")]
    shown += [f"d {given['dilation']}"] * (given["dilation"] != "1") + ["ceil"] * (given.get("ceil_mode") == "True")
    return ", ".join(shown)
