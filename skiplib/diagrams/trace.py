"""A network as it runs: one row for each step, and an arc from where two sides part to where they meet (layer L2)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from skiplib.adding import Verdict
from skiplib.diagrams.marks import path, rect, text
from skiplib.diagrams.svg import COLOURS, INK, SIGNS, VERDICTS, Picture, make_picture
from skiplib.words import counted

_PITCH, _TOP = 19, 16  # from one row to the next; y of the input's text
_LANE, _LANES = 11, 8  # from one arc to the next, and how many lie side by side
_SUM, _WIDTH = 300, 712  # x where the sums begin; of the picture
_LONGEST, _LINE, _ALL = 30, 66, 96  # characters of a label, of a sum and a shape together, of a whole line
_RULES = {
    ".arc": f"fill:none;stroke:{COLOURS['skip']};stroke-width:2",
    ".fails": f"stroke:{VERDICTS['error']};stroke-width:3;stroke-dasharray:5 3",
    ".stretched": f"stroke:{VERDICTS['broadcast']};stroke-width:3",
    ".tip": f"fill:{INK}",
    ".mark": "fill:#000;font-weight:600",
    ".failing": f"fill:{VERDICTS['error']};fill-opacity:.18",
    ".chosen": f"fill:{VERDICTS['broadcast']};fill-opacity:.25",
}
_ARCS: dict[Verdict, str] = {"error": "arc fails", "broadcast": "arc stretched", "equal": "arc"}
_CLICK = (  # the menu of the explorer around it is the only way from a picture to the kernel
    "const menu=this.closest('.skiplib-explorer')?.querySelector('.skiplib-layer select');"
    "const place=[...menu.options].findIndex(each=>each.value===event.target.dataset.layer);"
    "if(place>=0){menu.selectedIndex=place;menu.dispatchEvent(new Event('change',{bubbles:true}))}"
)


@dataclass(frozen=True)
class Step:
    """One row of the picture."""

    label: str
    sum: str
    shape: str
    layer: str = ""  # what a click chooses
    join: Verdict | None = None  # what becomes of the sides that meet here, if any do
    failed: bool = False
    chosen: bool = False
    title: str = ""  # when the mouse rests on it


@dataclass(frozen=True)
class Arc:
    """A side that meets another: from the row where they part (-1: the input) to the row of the join."""

    start: int
    end: int
    verdict: Verdict


def draw_trace(input_shape: str, steps: Sequence[Step], arcs: Sequence[Arc], *, error: str = "") -> Picture:
    """The steps from top to bottom; skips are arcs on the left, signed and coloured by what becomes of their join.

    ``error``: PyTorch's words, where the run fails.

    >>> draw_trace("(1, 3, 8, 8)", [Step("conv", "", "(1, 3, 8, 8)")], []).alt
    'A network in 1 row, from (1, 3, 8, 8). conv (1, 3, 8, 8).'
    """
    lanes = _lanes(arcs)
    left = 30 + _LANE * (max(lanes.values(), default=0) + 1)
    parts = [text(left, _TOP, "input"), text(_WIDTH - 6, _TOP, input_shape, "e b")]
    for place, step in enumerate(steps):
        parts += _row(step, left, _TOP + (place + 1) * _PITCH)
    for arc, lane in lanes.items():
        top, bottom = (_TOP - 5 + (place + 1) * _PITCH for place in (arc.start, arc.end))
        line = f"M{left - 22:g} {top:g}H{left - 26 - lane * _LANE:g}V{bottom:g}H{left - 27:g}"
        parts += [path(_ARCS[arc.verdict], line), path("tip", f"M{left - 28:g} {bottom - 4:g}l6 4l-6 4z")]
    height = _TOP + (len(steps) + bool(error)) * _PITCH + 12
    if error:
        parts.append(text(left, height - 10, f"✗ {_cut(error, _ALL)}"))
    spoken = "; ".join(f"{step.label} {step.shape}" + f" ({step.join})" * bool(step.join) for step in steps)
    alt = f"A network in {counted(len(steps), 'row')}, from {input_shape}. {spoken}."
    alt += f" It fails: {error}" * bool(error)
    return make_picture(_WIDTH, height, parts, alt=alt, rules=_RULES, hover=_hover(steps))


def _row(step: Step, left: float, y: float) -> Iterator[str]:
    if step.failed or step.chosen:
        yield rect(left - 6, y - 14, _WIDTH - left + 4, _PITCH, "failing" if step.failed else "chosen")
    if step.join:
        yield rect(left - 22, y - 12, 15, 15, step.join) + text(left - 14.5, y, SIGNS[step.join], "m mark")
    yield text(left, y, _cut(step.label, _LONGEST), "b" if step.join else "")
    yield text(_SUM, y, _cut(step.sum, _LINE - len(step.shape)))
    yield text(_WIDTH - 6, y, step.shape, "e b")


def _lanes(arcs: Sequence[Arc]) -> dict[Arc, int]:
    """Short arcs near the rows, and those that overlap side by side."""
    lanes: dict[Arc, int] = {}
    for arc in sorted(set(arcs), key=lambda each: (each.end - each.start, each.start)):
        taken = {lanes[other] for other in lanes if other.start < arc.end and arc.start < other.end}
        lanes[arc] = next((lane for lane in range(_LANES) if lane not in taken), _LANES - 1)
    return lanes


def _hover(steps: Sequence[Step]) -> str:
    hits = "".join(
        f'<rect x="0" y="{_TOP + (place + 1) * _PITCH - 14:g}" width="{_WIDTH}" height="{_PITCH}" '
        f'data-layer="{escape(step.layer)}"><title>{escape(step.title)}</title></rect>'
        for place, step in enumerate(steps)
    )
    return f'<g style="fill:none;pointer-events:all;cursor:pointer" onclick="{escape(_CLICK)}">{hits}</g>'


def _cut(words: str, most: int) -> str:
    return words if len(words) <= most else words[: most - 1] + "…"
