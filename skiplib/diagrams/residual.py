"""A residual block: its shapes, for which input sizes it runs, where both sides of the add look (layer L2)."""

from collections.abc import Mapping, Sequence

from skiplib.adding import Verdict
from skiplib.arithmetic import ConvGeometry
from skiplib.chains import sizes
from skiplib.diagrams.block import draw_block
from skiplib.diagrams.marks import path, rect, strip, text
from skiplib.diagrams.sheets import draw_add
from skiplib.diagrams.svg import INK, SIGNS, Picture, make_picture, stack_pictures, style
from skiplib.shortcuts import CHOICES, Shortcut
from skiplib.words import in_ranges, minus

_LEFT, _SPAN = 62, 630  # room for "branch" and "skip"; how wide the strips may be
_WIDTH, _WIDEST = _LEFT + _SPAN + 20, 24  # of the pictures, and of a column
_HEIGHTS: dict[Verdict, int] = {"equal": 24, "broadcast": 15, "error": 6}  # of the bars: not by colour alone
PICTURES = ("block", "sizes", "places", "add")
_CLICK = (  # the number box of the explorer around it is the only way from a picture to the kernel
    "const box=this.closest('.skiplib-explorer').querySelector('.skiplib-input_size input');"
    "box.value=event.target.dataset.size;box.dispatchEvent(new Event('change',{bubbles:true}))"
)
_SAID: dict[Verdict, str] = {"equal": "equal", "broadcast": "stretched", "error": "fails"}


def draw_residual(
    shortcut: Shortcut,
    input_size: int,
    *,
    hidden_channels: int,
    output_index: int,
    verdicts: Mapping[int, Verdict],
    pictures: Sequence[str] = PICTURES,
) -> Picture:
    """A branch and its shortcut in up to four pictures, one under the other.

    Args:
        shortcut: it knows its branch.
        input_size: pixels of a square image.
        hidden_channels: between the branch's convolutions.
        output_index: the output column whose origin is drawn.
        verdicts: ``shortcut.verdict`` of every size to be shown, ``input_size`` among them.
        pictures: which, and in which order: "block", "sizes", "places", "add".

    Raises:
        ValueError: where PyTorch refuses the branch or the shortcut.
    """
    columns = shortcut.branch_columns(output_index), shortcut.columns(output_index, input_size)
    draw = {
        "block": lambda: _draw_shapes(shortcut, input_size, hidden_channels, verdicts[input_size]),
        "sizes": lambda: draw_legal_sizes(verdicts, marked=input_size),
        "places": lambda: draw_alignment(input_size, output_index, *columns),
        "add": lambda: _draw_sides(shortcut, input_size),
    }
    return stack_pictures([draw[name]() for name in pictures])


def draw_legal_sizes(verdicts: Mapping[int, Verdict], *, marked: int) -> Picture:
    """For every input size, what becomes of the add: a tall bar runs, a middle one is stretched, a low one fails.

    >>> draw_legal_sizes({1: "error", 2: "broadcast", 3: "equal"}, marked=3).alt
    'Input sizes 1 to 3. The add runs at 3; it is stretched at 2; elsewhere it fails.'
    """
    cell = min(_WIDEST, _SPAN / len(verdicts))
    parts, hits = [text(_LEFT, 14, "for which input sizes does this block run?", "b")], ""
    for place, (size, verdict) in enumerate(verdicts.items()):
        x, height = _LEFT + place * cell, _HEIGHTS[verdict]
        parts.append(rect(x + 0.5, 50 - height, cell - 1, height, verdict))
        hits += f'<rect x="{x:g}" y="20" width="{cell:g}" height="50" data-size="{size}">'
        hits += f"<title>{size}: {_SAID[verdict]}</title></rect>"
        if size == marked:
            parts.append(path("line", f"M{x - 1:g} 22h{cell + 2:g}v30h-{cell + 2:g}z"))
        if size == 1 or size % 4 == 0:
            parts.append(text(x + cell / 2, 66, size, "m"))
    for place, (verdict, words) in enumerate(_SAID.items()):
        x, low = _LEFT + 120 * place, 0.6 * _HEIGHTS[verdict]
        parts.append(rect(x, 94 - low, 12, low, verdict) + text(x + 18, 94, f"{SIGNS[verdict]} {words}"))
    at = {kind: in_ranges([size for size, each in verdicts.items() if each == kind]) for kind in _SAID}
    alt = f"Input sizes {min(verdicts)} to {max(verdicts)}. "
    alt += f"The add runs at {at['equal']}; it is stretched at {at['broadcast']}; elsewhere it fails."
    rules = {".go": "fill:none;pointer-events:all;cursor:pointer", ".go rect:hover": f"stroke:{INK}"}
    hover = f'{style(rules)}<g class="go" onclick="{_CLICK}">{hits}</g>'
    return make_picture(_WIDTH, 102, parts, alt=alt, hover=hover)


def draw_alignment(input_size: int, index: int, branch: Sequence[int], shortcut: Sequence[int]) -> Picture:
    """Which input columns each side of the add looks at for one output column.

    ``branch`` and ``shortcut`` are the columns; those outside 0 to ``input_size`` - 1 are padding.
    """
    before = -min(0, *branch, *shortcut)
    after = max(input_size - 1, *branch, *shortcut) - (input_size - 1)
    cell = min(_WIDEST, _SPAN / (before + input_size + after))
    left = _LEFT + before * cell  # of column 0
    parts = [text(_LEFT, 14, f"where output column {index} comes from", "b")]
    for y, name, seen in ((26, "branch", branch), (54, "skip", shortcut)):
        over = "".join(rect(left + column * cell, y, cell, 20, "window") for column in seen)
        middle = left + (seen[0] + seen[-1] + 1) / 2 * cell
        parts.append(text(_LEFT - 12, y + 15, name, "e"))
        parts.append(strip(left, y, input_size, cell, 20, (before, after), over))
        parts.append(f'<path style="fill:#212121" d="M{middle - 5:g} {y + 5}h10l-5 9z"/>')
    looks = f"the branch looks at input columns {_span(branch)}, the skip at {_span(shortcut)}"
    return make_picture(_WIDTH, 84, parts, alt=f"For output column {index} {looks}.")


def _draw_shapes(shortcut: Shortcut, input_size: int, hidden_channels: int, verdict: Verdict) -> Picture:
    """The block for one image, with its shapes."""
    places = sizes(input_size, shortcut.branch)[1:]
    channels = [hidden_channels] * (len(places) - 1) + [shortcut.out_channels]
    branch = [
        (f"conv{layer}, ReLU\n{_numbers(geometry)}", (1, after, size, size))
        for layer, (geometry, after, size) in enumerate(zip(shortcut.branch, channels, places, strict=True), start=1)
    ]
    skip = (1, *shortcut.output_shape(input_size))
    label = f"{shortcut.kind}\n{_numbers(shortcut.geometry)}" if CHOICES[shortcut.kind] else shortcut.kind
    around = None if shortcut.kind == "identity" else (label, skip)
    x, y = (1, shortcut.in_channels, input_size, input_size), tuple(map(max, skip, branch[-1][1]))
    return draw_block(branch, input_shape=x, verdict=verdict, shortcut=around, output_shape=y)


def _draw_sides(shortcut: Shortcut, input_size: int) -> Picture:
    """Both sides of the add, and what each column of theirs looks at: the middle of what it reads."""
    skip, branch = (1, *shortcut.output_shape(input_size)), (1, *shortcut.branch_shape(input_size))
    sides = (
        [shortcut.columns(index, input_size) for index in range(skip[-1])],
        [shortcut.branch_columns(index) for index in range(branch[-1])],
    )
    on_skip, on_branch = ([(read[0] + read[-1] + 1) / (2 * input_size) for read in side] for side in sides)
    return draw_add(skip, branch, looks=(on_skip, on_branch), aligned=shortcut.aligned(input_size))


def _numbers(geometry: ConvGeometry) -> str:
    dilation = f", d {geometry.dilation}" if geometry.dilation > 1 else ""
    return f"k {geometry.kernel_size}, s {geometry.stride}, p {geometry.padding}{dilation}"


def _span(columns: Sequence[int]) -> str:
    return minus(str(columns[0]) if len(columns) == 1 else f"{columns[0]} to {columns[-1]}")
