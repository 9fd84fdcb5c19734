"""A residual block as boxes and arrows, with a shape on every arrow and a verdict on the add (layer L2)."""

from collections.abc import Iterator, Sequence

from skiplib.diagrams.marks import path, text
from skiplib.diagrams.svg import COLOURS, INK, PAPER, SIGNS, Picture, make_picture
from skiplib.words import bracketed

Shape = Sequence[int] | None
Step = tuple[str, Shape]  # a label of one line or two, and the shape after it, if it is known
Steps = Sequence[Step]
_BOX, _ARROW = 112, 100  # a box holds "conv1, ReLU" or "k 3, s 1, p 1", an arrow the shape "(1, 16, 32, 32)"
_LETTER = 7  # so wide is one of a longer text: then boxes and arrows are longer, too
_FORK, _START = 34, 136  # x where the skip leaves, and where the first box begins
_Y, _SKIP_Y = 152, 52  # the branch, and the skip above it
_RADIUS = 22  # of the add
_WORDS = {
    "equal": "the shapes are equal",
    "broadcast": "legal, but stretched: probably not what was meant",
    "error": "the shapes do not fit: nothing comes out",
    "unknown": "does it fit?",
}
_RULES = {
    ".box": f"fill:{PAPER};stroke:{INK};stroke-width:1.5",
    ".arrow": f"fill:none;stroke:{INK};stroke-width:1.5",
    ".head": f"fill:{INK}",
    ".skip": f"fill:none;stroke:{COLOURS['skip']};stroke-width:3",
    ".tip": f"fill:{COLOURS['skip']}",
    ".add": f"stroke:{INK};stroke-width:1.5",
    ".add.error": "stroke-width:4",
    ".sign": "font-size:24px;font-weight:700",
    ".sign.on": "fill:#000",
}


def draw_block(
    branch: Steps, *, input_shape: Shape, verdict: str, shortcut: Step | None = None, output_shape: Shape = None
) -> Picture:
    """The branch from left to right, the skip above it, and the add where they meet.

    Args:
        verdict: what becomes of the add, or "unknown"; a sign and words say it as well as the colour.
        shortcut: what stands on the skip; ``None`` where it carries x as it is.
        input_shape, output_shape: of x, and after the add.

    >>> draw_block([("conv", (1, 3, 8, 8))], input_shape=(1, 3, 8, 8), verdict="equal").alt
    'A block. Branch: x (1, 3, 8, 8), conv (1, 3, 8, 8). Skip: x (1, 3, 8, 8). At the add the shapes are equal.'
    """
    label, skip_shape = shortcut or ("", input_shape)
    box = max(_BOX, *(_LETTER * len(line) + 6 for step, _ in [*branch, (label, None)] for line in step.split("\n")))
    shapes = [input_shape, skip_shape, output_shape, *(shape for _, shape in branch)]
    arrow = max(_ARROW, *(_LETTER * len(bracketed(shape)) for shape in shapes))
    start = _START + arrow - _ARROW
    add_x = start + len(branch) * (box + arrow) + _RADIUS
    parts = [
        *_branch(branch, input_shape, start, box, arrow),
        *_skip(label, skip_shape, add_x, box),
        *_add(verdict, output_shape, add_x, arrow),
    ]
    spoken = ", ".join(f"{step} {bracketed(shape)}" for step, shape in [("x", input_shape), *branch])
    skip = f"x {bracketed(input_shape)}" + (f", {label} {bracketed(skip_shape)}" if shortcut else "")
    alt = f"A block. Branch: {spoken}. Skip: {skip}. At the add {_WORDS[verdict]}.".replace("\n", " ")
    return make_picture(add_x + _RADIUS + arrow + 6, _Y + 60, parts, alt=alt, rules=_RULES)


def _branch(steps: Steps, input_shape: Shape, start: float, box: float, arrow: float) -> Iterator[str]:
    yield text(6, _Y + 5, "x", "b")
    yield from _arrow(20, _Y, start - 20, "")
    yield text((_FORK + start) / 2, _Y - 10, bracketed(input_shape), "m")
    for place, (label, shape) in enumerate(steps):
        x = start + place * (box + arrow)
        yield from _box(x, _Y, label, box)
        yield from _arrow(x + box, _Y, arrow, bracketed(shape))


def _skip(label: str, shape: Shape, add_x: float, box: float) -> Iterator[str]:
    tip = _Y - _RADIUS - 12  # where the line's head begins; the line goes on for 2 more, so that no gap shows
    yield path("skip", f"M{_FORK} {_Y}V{_SKIP_Y}H{add_x}V{tip + 2}") + path("tip", f"M{add_x - 7} {tip}h14l-7 12z")
    if label:
        yield from _box((_FORK + add_x - box) / 2, _SKIP_Y, label, box)
    yield text(add_x - 10, _SKIP_Y - 10, bracketed(shape), "e")
    yield text(_FORK + 14, _SKIP_Y - 10, "the skip")


def _add(verdict: str, output_shape: Shape, x: float, arrow: float) -> Iterator[str]:
    """The add in its colour, its arrow unless nothing comes out, and what becomes of it in words."""
    on_colour = "" if verdict == "unknown" else " on"
    yield f'<circle class="add {verdict}" cx="{x}" cy="{_Y}" r="{_RADIUS}"/>'
    yield text(x, _Y + 9, "+", f"m sign{on_colour}")
    if verdict != "error":
        yield from _arrow(x + _RADIUS, _Y, arrow, bracketed(output_shape))
    yield text(x + _RADIUS + arrow, _Y + _RADIUS + 24, f"{SIGNS[verdict]} {_WORDS[verdict]}", "e b")


def _box(x: float, y: float, label: str, width: float) -> Iterator[str]:
    """A box with a label of one line, or of two."""
    yield f'<rect class="box" x="{x:g}" y="{y - 24:g}" width="{width:g}" height="48" rx="6"/>'
    lines = label.split("\n")
    for line, content in enumerate(lines):
        yield text(x + width / 2, y + 5 + 18 * line - 9 * (len(lines) - 1), content, "m")


def _arrow(x: float, y: float, length: float, label: str) -> Iterator[str]:
    yield path("arrow", f"M{x:g} {y:g}h{length - 8:g}") + path("head", f"M{x + length - 9:g} {y - 5:g}l9 5l-9 5z")
    if label:
        yield text(x + length / 2, y - 10, label, "m")
