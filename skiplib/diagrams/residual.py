"""A residual block: its shapes, for which input sizes it runs, where both sides of the add look (layer L2)."""

from collections.abc import Mapping, Sequence
from html import escape

from skiplib.adding import Verdict
from skiplib.arithmetic import Size, checked_pair
from skiplib.chains import Layer, along, channels_along, numbers
from skiplib.chains import sizes as sizes_along
from skiplib.diagrams.block import draw_block
from skiplib.diagrams.marks import path, rect, strip, text
from skiplib.diagrams.sheets import draw_add
from skiplib.diagrams.svg import INK, SIGNS, Picture, make_picture, set_size, stack_pictures, style
from skiplib.pooling import PoolGeometry
from skiplib.shortcuts import CHOICES, Shortcut
from skiplib.words import in_ranges, minus

_LEFT, _SPAN = 62, 630  # room for "branch" and "skip"; how wide the strips may be
_WIDTH, _WIDEST, _FINEST = _LEFT + _SPAN + 20, 24, 5  # of the pictures, and of a column
_HEIGHTS: dict[Verdict, int] = {"equal": 24, "broadcast": 15, "error": 6}  # of the bars: not by colour alone
PICTURES = ("block", "sizes", "places", "add")
_SAID: dict[Verdict, str] = {"equal": "equal", "broadcast": "stretched", "error": "fails"}


def draw_residual(
    shortcut: Shortcut,
    input_size: Size,
    *,
    hidden_channels: int,
    output_index: int,
    verdicts: Mapping[int, Verdict],
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
    ((skip, branch),) = shortcut.reads([output_index], size, axis)
    draw = {
        "block": lambda: _draw_shapes(shortcut, pair, hidden_channels),
        "sizes": lambda: draw_legal_sizes(verdicts, marked=size, sizes=sizes),
        "places": lambda: draw_alignment(size, output_index, branch, skip, axis=axis),
        "add": lambda: _draw_sides(shortcut, pair),
    }
    return stack_pictures([draw[name]() for name in pictures])


def draw_legal_sizes(
    verdicts: Mapping[int, Verdict],
    *,
    marked: int,
    sizes: str = "input sizes",
    title: str = "",
    broke: Mapping[int, str] | None = None,
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
    alt = (
        f"{title}: " * bool(title) + f"{sizes if title else sizes.capitalize()} {min(verdicts)} to {max(verdicts)}. "
    )
    alt += f"The add runs at {at['equal']}; it is stretched at {at['broadcast']}; elsewhere it fails."
    rules = {".go": "fill:none;pointer-events:all;cursor:pointer", ".go rect:hover": f"stroke:{INK}"}
    click = set_size("input_size_w" if sizes == "widths" else "input_size")
    hover = f'{style(rules)}<g class="go" onclick="{click}">{hits}</g>'
    return make_picture(_WIDTH, 74, parts, alt=alt, hover=hover)


def draw_alignment(
    size: int, index: int, branch: Sequence[int], shortcut: Sequence[int], *, axis: int = 1
) -> Picture:
    """Which input columns (rows, for axis 0) each side of the add looks at for one output column.

    ``branch`` and ``shortcut`` are the columns; those outside 0 to ``size`` - 1 are padding. Of a long axis only the
    stretch around them is drawn.
    """
    first, last = min(0, *branch, *shortcut), max(size - 1, *branch, *shortcut)
    if (last - first + 1) * _FINEST > _SPAN:
        low, high = min(*branch, *shortcut), max(*branch, *shortcut)
        around = max(0, _SPAN // _FINEST - (high - low + 1)) // 2
        first, last = max(first, low - around), min(last, high + around)
    cell = min(_WIDEST, _SPAN / (last - first + 1))
    column, columns = ("row", "rows") if axis == 0 else ("column", "columns")
    inside = range(max(0, first), min(size - 1, last) + 1)
    title = f"where output {column} {index} comes from"
    title += f": {columns} {inside[0]} to {inside[-1]} of {size}" if len(inside) < size else ""
    left = _LEFT - first * cell  # of column 0
    parts = [text(_LEFT, 14, title, "b")]
    for y, name, seen in ((26, "branch", branch), (54, "skip", shortcut)):
        over = "".join(rect(left + place * cell, y, max(2, cell), 20, "window") for place in _apart(seen, cell))
        middle = left + (seen[0] + seen[-1] + 1) / 2 * cell
        parts.append(text(_LEFT - 12, y + 15, name, "e"))
        around_them = inside[0] - first, last - inside[-1]
        parts.append(strip(left + inside[0] * cell, y, len(inside), cell, 20, around_them, over))
        parts.append(f'<path style="fill:#212121" d="M{middle - 5:g} {y + 5}h10l-5 9z"/>')
    looks = f"the branch looks at input {columns} {_span(branch)}, the skip at {_span(shortcut)}"
    return make_picture(_WIDTH, 84, parts, alt=f"For output {column} {index} {looks}.")


def _apart(places: Sequence[int], cell: float) -> Sequence[int]:
    """Those of the places that can be told apart."""
    return places[:: max(1, round(1 / cell))]


def _draw_shapes(shortcut: Shortcut, input_size: tuple[int, int], hidden_channels: int) -> Picture:
    """The block for one image, with its shapes."""
    x = (1, shortcut.in_channels, *input_size)
    channels = channels_along(shortcut.branch, shortcut.in_channels, hidden_channels, shortcut.out_channels)
    places = zip(
        *(sizes_along(size, along(shortcut.branch, axis)) for axis, size in enumerate(input_size)), strict=True
    )
    shapes = [(1, after, *pair) for after, pair in zip(channels, places, strict=True)][1:]
    branch = [
        (f"{_name(layer, place)}\n{_numbers(layer)}", shape)
        for place, (layer, shape) in enumerate(zip(shortcut.branch, shapes, strict=True), start=1)
    ]
    skip, out = ((1, *shape) for shape in shortcut.shapes(input_size))
    if out != shapes[-1]:
        branch.append((shortcut.kind, out))
    label = f"{shortcut.kind}\n{_numbers(shortcut.geometry)}" if CHOICES[shortcut.kind] else shortcut.kind
    around = None if shortcut.kind == "identity" or (out != shapes[-1] and skip == x) else (label, skip)
    y = tuple(map(max, skip, out))
    return draw_block(branch, input_shape=x, verdict=shortcut.verdict(input_size), shortcut=around, output_shape=y)


def _draw_sides(shortcut: Shortcut, input_size: tuple[int, int]) -> Picture:
    """Both sides of the add, and what each row and column of theirs looks at: the middle of what it reads."""
    shapes = [(1, *shape) for shape in shortcut.shapes(input_size)]
    middles: tuple[list[list[float]], list[list[float]]] = [], []  # of rows and of columns; of skip and of branch
    for axis, size in enumerate(input_size):
        both = zip(*shortcut.reads(range(max(shape[axis + 2] for shape in shapes)), size, axis), strict=True)
        for side, shape, seen in zip(middles, shapes, both, strict=True):
            side.append([(read[0] + read[-1] + 1) / (2 * size) for read in seen[: shape[axis + 2]]])
    looks = (middles[0][0], middles[0][1]), (middles[1][0], middles[1][1])
    return draw_add(*shapes, looks=looks, aligned=shortcut.aligned(input_size))


def _name(layer: Layer, place: int) -> str:
    (geometry,) = along([layer], 0)
    return f"{geometry.name} {place}" if isinstance(geometry, PoolGeometry) else f"conv{place}, ReLU"


def _numbers(layer: Layer) -> str:
    given = {name: str(value).replace(" ", "") for name, value in numbers(layer).items()}
    shown = [f"{name[0]} {given[name]}" for name in ("kernel_size", "stride", "padding")]
    shown += [f"d {given['dilation']}"] if given["dilation"] != "1" else []
    return ", ".join([*shown, *(["ceil"] if given.get("ceil_mode") == "True" else [])])


def _span(columns: Sequence[int]) -> str:
    return minus(str(columns[0]) if len(columns) == 1 else f"{columns[0]} to {columns[-1]}")
