"""Networks as rows of blocks that were taken away or moved, and what each block alone is worth (layer L2)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from skiplib.diagrams.curves import RULES, WIDTH
from skiplib.diagrams.marks import path, rect, text
from skiplib.diagrams.svg import INK, PAPER, Picture, make_picture, style
from skiplib.words import minus

_LEFT, _PITCH, _WIDE, _HIGH = 66, 52, 34, 26  # pixels: before the first block; from block to block; of a block
_TALLEST, _ROW = 44, 122  # of a bar that costs everything; from one network to the next
_RULES = {
    ".wire": f"fill:none;stroke:{INK};stroke-width:1.5",
    ".arc": "fill:none;stroke-width:2.5",
    ".unit": f"fill:{PAPER};stroke:{INK};stroke-width:1.5",
    ".off": "stroke-dasharray:3 3;stroke-opacity:.6",
    ".bridged": "fill:none",
    ".moved": "stroke-width:3.5",
    ".small": "font-size:12px",
}
_CLICK = "this.closest('.skiplib-explorer')?.querySelector('.skiplib-block-'+event.target.dataset.block)?.click()"


@dataclass(frozen=True)
class Lesions:
    """One network: what was done to its blocks, and how it reads digits now; all accuracies from 0 to 1."""

    kind: str  # "plain" or "skip"
    order: Sequence[int]  # the numbers of its blocks, from left to right
    off: Sequence[int]  # those that are left out
    costs: Sequence[float] = ()  # accuracy that the loss of each block alone takes away, by number
    intact: float | None = None  # accuracy on test digits before; None if it is not trained
    test: float = 0.0  # and now
    training: float = 0.0  # now, on digits that it was trained with

    @property
    def said(self) -> str:
        """How many of the test digits it reads."""
        fate = "not trained" if self.intact is None else f"{self.test:.0%} (intact {self.intact:.0%})"
        return f"{self.kind} {fate}"


def lesions_picture(networks: Sequence[Lesions]) -> Picture:
    """The networks under one another; a bar under every block is what its loss alone costs.

    In the live form a click on a block presses its button, of class ``skiplib-block-1`` and so on.
    """
    parts, hits = list[str](), ""
    for number, network in enumerate(networks):
        top = 30 + _ROW * number
        parts += [*_chain(network, top), *_bars(network, top + _HIGH + 14), *_fates(network, top)]
        for place, block in enumerate(network.order):
            box = f'x="{_x(place) - 4}" y="{top - 22}" width="{_WIDE + 8}" height="{_HIGH + 30}"'
            tip = f"<title>block {block}: click to switch it off or on</title>"
            hits += f'<rect data-block="{block}" {box}>{tip}</rect>'
    hover = style({".hits": "fill:transparent;cursor:pointer"})
    hover += f'<g class="hits" onclick="{_CLICK}">{hits}</g>'
    alt = f"Networks as rows of blocks. Of the test digits they read: {', '.join(each.said for each in networks)}."
    return make_picture(WIDTH, 14 + _ROW * len(networks), parts, alt=alt, rules=RULES | _RULES, hover=hover)


def _x(place: int) -> int:
    return _LEFT + _PITCH * place


def _chain(network: Lesions, top: float) -> Iterator[str]:
    """The blocks in their order, on their wire; where there is a skip, its arc."""
    y = top + _HIGH / 2
    yield text(4, y + 5, network.kind, f"b of-{network.kind}")
    yield path("wire", f"M{_LEFT - 14} {y}H{_x(len(network.order))}")
    for place, block in enumerate(network.order):
        x, off = _x(place), block in network.off
        if network.kind == "skip":
            arc = path("arc", f"M{x - 9} {y}C{x - 9} {top - 26} {x + _WIDE + 9} {top - 26} {x + _WIDE + 9} {y}")
            yield f'<g class="of-skip">{arc}</g>'
        bridged = off and network.kind == "plain"
        looks = "unit" + " moved" * (block != place + 1) + " off" * off + " bridged" * bridged
        yield rect(x, top, _WIDE, _HIGH, looks)
        yield text(x + _WIDE / 2, y + 5, "✗" if off else block, "m")


def _bars(network: Lesions, top: float) -> Iterator[str]:
    """Under each block what its loss alone costs, in points of accuracy."""
    if not network.costs:
        return
    yield text(4, top + 9, "alone it", "small") + text(4, top + 23, "costs", "small")
    for place, block in enumerate(network.order):
        cost = network.costs[block - 1]
        tall = max(0.0, _TALLEST * cost)
        bar = f'<rect x="{_x(place)}" y="{top}" width="{_WIDE}" height="{tall:.1f}" class="bar"/>'
        yield f'<g class="of-{network.kind}">{bar}</g>'
        yield text(_x(place) + _WIDE / 2, top + tall + 13, _points(-cost), "m small")


def _fates(network: Lesions, top: float) -> Iterator[str]:
    """The accuracies, at the right end."""
    x = _LEFT + _PITCH * len(network.order) + 14
    if network.intact is None:
        yield text(x, top + 18, "not trained yet")
        return
    yield text(x, top + 6, f"{network.test:.0%} of test digits", f"b of-{network.kind}")
    yield text(x, top + 24, f"{_points(network.test - network.intact)} points; was {network.intact:.0%}", "small")
    yield text(x, top + 41, f"{network.training:.0%} of training digits", "small")


def _points(change: float) -> str:
    """A change of accuracy in whole points, with its sign."""
    points = round(100 * change)
    return minus(f"{points:+d}") if points else "0"
