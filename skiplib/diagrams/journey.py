"""The gradient's way back: blocks with their skips, how much passes each, and the same as curves below (layer L2).

The horizontal axis counts blocks back from the loss, so a deeper network is a longer line. Everything moves by CSS
alone, after **Play**, and not for readers who want no motion; the widths can be seen without it.
"""

import math
from dataclasses import dataclass

from skiplib.diagrams.curves import RULES, WIDTH, Panel, Rows, describe_pair, from_the_loss, middle, pair
from skiplib.diagrams.marks import path, rect, text
from skiplib.diagrams.svg import COLOURS, FAINT, INK, Picture, make_picture, play_button
from skiplib.words import magnitude

_GRADIENT = Panel(49, 0, -45, 10, top=128, height=150, right=56)
_SIZE = Panel(49, 0, -20, 10, top=338, height=45, right=56)
_CENTRES = {"plain": 42, "skip": 92}  # pixels from the top to each row of blocks
_THICK, _THICKEST = 9.0, 24.0  # pixels that 1 takes; more than that there is no room for
_RULES = {
    ".unit": f"fill:{INK};fill-opacity:.1;stroke:{INK};stroke-opacity:.6",
    ".wire": "opacity:.7",
    ".wire path": "stroke:none",
    ".wire .arc": "fill:none;stroke:inherit",
    ".small": f"font-size:12px;fill:{FAINT}",
    ".now": "font-size:12px;opacity:0",
    ".hit": "fill:transparent",
}
_MOTION = """<style>
@keyframes skiplib-travel{0%{opacity:0}15%{opacity:1;transform:scaleY(1.6)}100%{opacity:.7}}
@keyframes skiplib-size{from,to{opacity:1}}
@keyframes skiplib-line{from{clip-path:inset(-9px -9px -9px 100%)}to{clip-path:inset(-9px)}}
.skiplib .wire{transform-box:fill-box;transform-origin:center}
@media (prefers-reduced-motion:no-preference){
.skiplib.playing .wire{animation:skiplib-travel .6s calc(var(--at)*var(--step)) both}
.skiplib.playing .now{animation:skiplib-size calc(var(--apart)*var(--step)) calc(var(--at)*var(--step))}
.skiplib.playing .drawn{animation:skiplib-line calc(var(--blocks)*var(--step)) linear both}}
</style>"""


@dataclass(frozen=True)
class Journey:
    """What is measured at every block, from the stem on: rows of "plain" and of "skip", one for each seed."""

    activations: Rows  # gradient relative to the last, of the outputs of the stem and of every block
    weights: Rows  # of the weights of every convolution: the stem's, then two in each block
    branches: Rows  # what of the gradient of activations comes back through the branch of every block
    sizes: Rows  # root mean square of the outputs
    off: Rows  # share of every block's ReLUs that are off


def journey_picture(
    now: Journey, *, gradient_of: str = "activations", precision: str = "single", ghost: Journey | None = None
) -> Picture:
    """Blocks and curves of one setting, over the curves of the one before.

    Args:
        now: what is measured.
        gradient_of: "activations" or "weights", for the upper curves; what travels is the gradient of activations.
        precision: in which it is measured.
        ghost: the setting before.
    """
    gradients, before = getattr(now, gradient_of), getattr(ghost, gradient_of, None)
    blocks = len(now.sizes["plain"][0]) - 1
    ticks = (0, 10, 20, 30, 40, 49)
    places = _halves if gradient_of == "weights" else from_the_loss
    name, lost = f"gradient of {gradient_of}", f"0 in {in_words(precision)}"
    parts = _GRADIENT.frame(ticks, f"{name},\nrelative to the last")
    parts += pair(_GRADIENT, gradients, places, leftwards=True, ghost=before, below=lost)
    parts += _SIZE.frame(ticks, "size of the\nactivations", "blocks back from the loss")
    parts += pair(_SIZE, now.sizes, from_the_loss, ghost=ghost.sizes if ghost else None, named=False)
    alt = f"{describe_pair(name.capitalize(), gradients)} {describe_pair('Size', now.sizes)}"
    pace = f"--blocks:{blocks};--apart:{_apart(blocks)};--step:{min(250, 4000 // max(1, blocks))}ms"
    hover = _MOTION + _hover(now, blocks)
    hover += play_button(WIDTH - 64, 0, "Send the gradient from the loss back to the input")
    parts = [f'<g style="{pace}">', *_rows(now, blocks), *parts, "</g>"]
    return make_picture(WIDTH, 432, parts, alt=alt, rules=RULES | _RULES, hover=hover)


def in_words(precision: str) -> str:
    """How a sentence names it.

    >>> in_words("half"), in_words("bfloat16")
    ('half precision', 'bfloat16')
    """
    return precision if precision == "bfloat16" else f"{precision} precision"


def _halves(count: int) -> list[float]:
    """How many blocks back from the loss convolutions stand: the stem's, then two in each block."""
    return [place / 2 for place in from_the_loss(count)]


def _rows(now: Journey, blocks: int) -> list[str]:
    """Both networks as rows of blocks; each line as wide as the gradient is there."""
    meaning = "line width: size of the gradient; ten times smaller is drawn one fifth thinner"
    parts = [text(_GRADIENT.x(49), 12, meaning, "small")]
    loss = _GRADIENT.x(0) + 8
    parts += [rect(loss, 28, 36, 78, "unit"), text(loss + 18, 71, "loss", "m")]
    for kind, y in _CENTRES.items():
        line, branches = middle(now.activations[kind]), middle(now.branches[kind])
        units, over = "", 24 if kind == "skip" else 13
        for passed in range(blocks):  # from the loss on
            here, there, branch = line[-1 - passed], line[-2 - passed], branches[-1 - passed]
            right, left, at = _GRADIENT.x(passed), _GRADIENT.x(passed + 1), f' style="--at:{passed}"'
            center = (left + right) / 2
            plain = _wedge(right, left, y, _thickness(here), _thickness(there))
            drawn = plain if kind == "plain" else _skip(right, left, y, here, branch)
            parts.append(f'<g class="wire of-{kind}"{at}>{drawn}</g>')
            if passed % _apart(blocks) == 0:
                parts.append(text(center, y - over, magnitude(there), "now m", at))
            units += f"M{center - 3.5:.1f} {y - 6}h7v12h-7z"
        arrives = "?" if math.isnan(line[0]) else magnitude(line[0])
        parts += [path("unit", units), text(_GRADIENT.x(blocks) - 8, y + 4, f"{kind} {arrives}", f"b e of-{kind}")]
    return parts


def _skip(right: float, left: float, y: float, here: float, branch: float) -> str:
    """A block whose arc carries the gradient on, and whose branch adds its share of that."""
    arc, share = _thickness(here) / 2, branch / here if here > 0 else 0.0  # thinner, to see one arc beside the next
    through = arc * min(1, share)
    way = f"M{right:.1f} {y}C{right:.1f} {y - 22} {left:.1f} {y - 22} {left:.1f} {y}"
    return _wedge(right, left, y, through, through) + f'<path class="arc" d="{way}" stroke-width="{arc:.2f}"/>'


def _apart(blocks: int) -> int:
    """From one block whose gradient is written out as it passes to the next."""
    return 1 + blocks // 12


def _wedge(right: float, left: float, y: float, here: float, there: float) -> str:
    """A line from right to left that is so wide at its ends."""
    corners = (right, y - here / 2), (left, y - there / 2), (left, y + there / 2), (right, y + here / 2)
    return f'<path d="M{"L".join(f"{x:.1f} {height:.2f}" for x, height in corners)}z"/>' if here or there else ""


def _thickness(size: float) -> float:
    """Pixels: ten times less is a fifth thinner, so that both 1e-10 and 1e3 can be drawn."""
    return min(_THICK * size**0.1, _THICKEST) if size > 0 else 0.0


def _hover(now: Journey, blocks: int) -> str:
    """What stands at a block when the mouse is over it."""
    parts = []
    gradients, off = ({kind: middle(rows[kind]) for kind in COLOURS} for rows in (now.activations, now.off))
    for block in range(blocks):
        left, right = _GRADIENT.x(blocks - block), _GRADIENT.x(blocks - block - 1)
        leaves = ", ".join(f"{kind} {magnitude(line[block])}" for kind, line in gradients.items())
        shares = ", ".join(f"{kind} {line[block]:.0%}" for kind, line in off.items() if not math.isnan(line[block]))
        said = f"Block {block + 1} of {blocks}. Gradient that leaves it: {leaves}."
        said += f" ReLUs that are off: {shares}." if shares else ""
        box = f'<rect class="hit" x="{left:.1f}" y="24" width="{right - left:.1f}" height="84">'
        parts.append(f"{box}<title>{said}</title></rect>")
    return "".join(parts)
