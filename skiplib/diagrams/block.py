"""A residual block as boxes and arrows, with a shape on every arrow and a verdict on the add (layer L2)."""

from collections.abc import Iterator, Sequence

from skiplib.diagrams.svg import INK, PAPER, VERDICTS, Picture, Verdict, make_picture, text

Shape = Sequence[int] | None


_BOX, _ARROW, _PITCH = 132, 118, 250  # widths of a box, of an arrow, and of both together
_FORK, _START = 34, 156  # x where the skip leaves, and where the first box begins
_Y, _SKIP_Y, _RADIUS = 152, 52, 22
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
    ".skip": "fill:none;stroke:#0072B2;stroke-width:3",
    ".add": f"stroke:{INK};stroke-width:1.5",
    ".add.error": "stroke-width:4",
    ".sign": "font-size:24px;font-weight:700",
}


def draw_block(
    branch: Sequence[tuple[str, Shape]],
    *,
    input_shape: Shape,
    verdict: Verdict,
    shortcut: tuple[str, Shape] | None = None,
    output_shape: Shape = None,
) -> Picture:
    """The branch from left to right, the skip above it, and the add where they meet.

    Args:
        branch: the branch's steps, each a label of one line or two, and the shape after it (``None`` if unknown).
        input_shape: the shape of x.
        verdict: what becomes of the add; a sign and words say it as well as the colour.
        shortcut: label and shape of what stands on the skip; ``None`` where it carries x as it is.
        output_shape: the shape after the add.

    >>> draw_block([("conv", (1, 3, 8, 8))], input_shape=(1, 3, 8, 8), verdict="equal").alt
    'A block. Branch: x (1, 3, 8, 8), conv (1, 3, 8, 8). Skip: x (1, 3, 8, 8). At the add the shapes are equal.'
    """
    skip_label, skip_shape = shortcut or ("", input_shape)
    add_x = _START + len(branch) * _PITCH + _RADIUS
    parts = [text(6, _Y + 5, "x", "b"), *_arrow(20, _Y, _START - 20, "")]
    parts.append(text((_FORK + _START) / 2, _Y - 10, _shown(input_shape), "m"))
    for step, (label, shape) in enumerate(branch):
        x = _START + step * _PITCH
        parts += _box(x, _Y, label)
        parts += _arrow(x + _BOX, _Y, _ARROW, _shown(shape))
    parts.append(
        f'<path class="skip" d="M{_FORK} {_Y}V{_SKIP_Y}H{add_x}V{_Y - _RADIUS - 10}"/>'
        f'<path style="fill:#0072B2" d="M{add_x - 7} {_Y - _RADIUS - 12}h14l-7 12z"/>'
    )
    middle = (_FORK + add_x) / 2
    if shortcut:
        parts += _box(middle - _BOX / 2, _SKIP_Y, skip_label)
    parts.append(text(add_x - 10, _SKIP_Y - 10, _shown(skip_shape), "e"))
    parts.append(text(_FORK + 14, _SKIP_Y - 10, "the skip"))
    sign, words = VERDICTS[verdict].sign, _WORDS[verdict]
    colour = "" if verdict == "unknown" else " on"
    parts.append(f'<circle class="add {verdict}" cx="{add_x}" cy="{_Y}" r="{_RADIUS}"/>')
    parts.append(text(add_x, _Y + 9, "+", f"m sign{colour}"))
    if verdict != "error":
        parts += _arrow(add_x + _RADIUS, _Y, _ARROW, _shown(output_shape))
    parts.append(text(add_x, _Y + _RADIUS + 24, f"{sign} {words}", "m b"))
    spoken = ", ".join(f"{_line(label)} {_shown(shape)}" for label, shape in [("x", input_shape), *branch])
    around = f", {_line(skip_label)} {_shown(skip_shape)}" if shortcut else ""
    skip = f"x {_shown(input_shape)}{around}"
    alt = f"A block. Branch: {spoken}. Skip: {skip}. At the add {words}."
    return make_picture(add_x + _RADIUS + _ARROW + 70, _Y + 60, parts, alt=alt, rules=_RULES)


def _box(x: float, y: float, label: str) -> Iterator[str]:
    """A box with a label of one line, or of two."""
    yield f'<rect class="box" x="{x:g}" y="{y - 24:g}" width="{_BOX}" height="48" rx="6"/>'
    lines = label.split("\n")
    for line, content in enumerate(lines):
        yield text(x + _BOX / 2, y + 5 + 18 * line - 9 * (len(lines) - 1), content, "m")


def _arrow(x: float, y: float, length: float, label: str) -> Iterator[str]:
    yield f'<path class="arrow" d="M{x:g} {y:g}h{length - 8:g}"/>'
    yield f'<path class="head" d="M{x + length - 9:g} {y - 5:g}l9 5l-9 5z"/>'
    if label:
        yield text(x + length / 2, y - 10, label, "m")


def _shown(shape: Shape) -> str:
    return "?" if shape is None else f"({', '.join(map(str, shape))})"


def _line(label: str) -> str:
    return label.replace("\n", " ")
