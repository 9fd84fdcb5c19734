"""Plain beside skip on an axis of powers of ten that stays put: products, singular values, gradients (layer L2).

Only the curves move; the setting before stays as a thin grey ghost. What is smaller or larger than the axis holds, 0
and infinity included, stands on its edge, which then says so; nan is left out.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from skiplib.diagrams.marks import path, rect, text, upright
from skiplib.diagrams.svg import COLOURS, FAINT, INK
from skiplib.words import magnitude

Rows = Mapping[str, Sequence[Sequence[float]]]  # of "plain" and of "skip": a row for every seed
WIDTH = 720
RULES = {
    "text": f"fill:{INK};font:14px system-ui,sans-serif",
    ".frame": f"fill:none;stroke:{INK};stroke-opacity:.18",
    ".edge": f"fill:{INK};fill-opacity:.12",
    ".ghost": f"fill:none;stroke:{FAINT};stroke-opacity:.6;stroke-width:1.2",
    ".mark": f"fill:none;stroke:{FAINT};stroke-width:1.5;stroke-dasharray:2 4",
    ".bar": "fill-opacity:.6;stroke:none",
    ".spot": f"fill:{FAINT}",
    ".curve": "fill:none;stroke-width:2.5",
    ".of-plain .curve": "stroke-dasharray:8 4",
    ".spots": "fill:none;stroke-width:5;stroke-linecap:round",
    **{f".of-{kind}": f"fill:{colour};stroke:{colour}" for kind, colour in COLOURS.items()},
    ".band": "fill-opacity:.2;stroke:none",
    # lighter on a dark page, darker on a light one; the first colour is for browsers that cannot mix
    **{
        f"text.of-{kind}": f"stroke:none;fill:{c};fill:color-mix(in srgb,{c} 75%,{INK})"
        for kind, c in COLOURS.items()
    },
}
_SIDE, _EDGE, _APART = 96, 14, 16  # pixels: left of a panel; of its edges; between the baselines of two names


def middle(rows: Sequence[Sequence[float]]) -> list[float]:
    """The median of several rows, position by position.

    >>> middle([[1, 10], [2, 30], [9, 20]])
    [2, 20]
    """
    return [median(column) for column in zip(*rows, strict=True)]


@dataclass(frozen=True)
class Panel:
    """Where values stand in pixels: from ``first`` to ``last`` across, powers of ten from ``low`` to ``high`` up."""

    first: float
    last: float
    low: int
    high: int
    top: float = 0
    height: float = 200
    right: float = 20  # pixels of margin

    def x(self, place: float) -> float:
        """Pixels from the left."""
        return _SIDE + (WIDTH - self.right - _SIDE) * (place - self.first) / (self.last - self.first)

    def y(self, value: float) -> float:
        """Pixels from the top; what the axis does not hold stands in the middle of an edge."""
        below, above = value < 10.0**self.low, value > 10.0**self.high
        power = self.low if below else self.high if above else math.log10(value)
        return self.top + self.height * (self.high - power) / (self.high - self.low) + (below - above) * _EDGE / 2

    def frame(self, ticks: Sequence[int], label: str, below: str = "") -> list[str]:
        """Lines and numbers of both axes, the name of the upright one in one or two lines, and that of the other."""
        left, right, bottom = self.x(self.first), self.x(self.last), self.top + self.height
        step = next(s for s in (1, 2, 5, 10, 20, 50, 100) if self.height * s >= 22 * (self.high - self.low))
        heights = {power: self.y(10.0**power) for power in range(-(-self.low // step) * step, self.high + 1, step)}
        axes = f"M{left:.1f} {self.top - _EDGE:g}V{bottom + _EDGE:g}H{right:.1f}"
        parts = [path("frame", "".join(f"M{left:.1f} {y:.1f}H{right:.1f}" for y in heights.values()) + axes)]
        parts += [text(left - 6, y + 4, magnitude(10.0**power), "e") for power, y in heights.items()]
        parts += [text(self.x(place), bottom + _EDGE + 14, place, "m") for place in ticks]
        parts.append(text((left + right) / 2, bottom + _EDGE + 31, below, "m"))
        lines = enumerate(label.split("\n"))
        return parts + [upright(14 + 15 * number, (self.top + bottom) / 2, line) for number, line in lines]

    def line(self, power: int, words: str, down: float = 13) -> list[str]:
        """A dotted line at a power of ten, and what it means, so many pixels below it."""
        left, right, y = self.x(self.first), self.x(self.last), self.y(10.0**power)
        return [path("mark", f"M{left:.1f} {y:.1f}H{right:.1f}"), text(left + 0.6 * (right - left), y + down, words)]

    def edges(self, values: Sequence[float], below: str = "") -> list[str]:
        """The edges on which one of the values stands, and what that means."""
        left, wide, small = self.x(self.first), self.x(self.last) - self.x(self.first), ' style="font-size:11px"'
        used = []
        if any(value < 10.0**self.low for value in values):
            used.append((self.top + self.height, below or f"below 1e{self.low}"))
        if any(value > 10.0**self.high for value in values):
            used.append((self.top - _EDGE, f"above 1e{self.high}"))
        return [rect(left, y, wide, _EDGE, "edge") + text(left + 4, y + 11, said, "", small) for y, said in used]

    def curve(self, xs: Sequence[float], rows: Sequence[Sequence[float]], kind: str) -> str:
        """The middle of the rows as a line, what they span as an area; a middle below the axis is a dot each."""
        values = list(zip(xs, middle(rows), strict=True))
        line = [(x, value) for x, value in values if value >= 10.0**self.low]
        dots = [(x, value) for x, value in values if value < 10.0**self.low]
        dots += line if len(line) < 3 else []  # a line of one or two points is hard to see
        around: list[tuple[float, float]] = []
        if len(rows) > 1:
            columns = [(x, min(each), max(each)) for x, each in zip(xs, zip(*rows, strict=True), strict=True)]
            columns = [column for column in columns if not math.isnan(column[1] + column[2])]
            around = [(x, low) for x, low, _ in columns] + [(x, high) for x, _, high in reversed(columns)]
        spots = "".join(f"M{self.x(x):.1f} {self.y(value):.1f}h0" for x, value in dots)
        parts = path("band", self._path(around)) + path("curve", self._path(line)) + path("spots", spots)
        return f'<g class="of-{kind}">{parts}</g>'

    def ghost(self, xs: Sequence[float], values: Sequence[float]) -> str:
        """A setting that was, without a name."""
        points = [(x, value) for x, value in zip(xs, values, strict=True) if not math.isnan(value)]
        return path("ghost", self._path(points))

    def _path(self, points: Sequence[tuple[float, float]]) -> str:
        corners = [f"{self.x(x):.1f} {self.y(value):.1f}" for x, value in points]
        return f"M{'L'.join(corners)}" if len(corners) > 1 else ""

    def names(self, ends: Mapping[str, tuple[float, float]], *, leftwards: bool) -> list[str]:
        """A name beyond the end of each curve where there is room, else above or below it; the two apart."""
        parts, last, bottom = [], -math.inf, self.top + self.height
        there = [(self.y(value), kind, self.x(place)) for kind, (place, value) in ends.items() if value == value]
        for number, (y, kind, x) in enumerate(sorted(there)):
            beyond = (x - _SIDE if leftwards else WIDTH - self.right - x) > 45
            under = number and y + 17 < bottom + _EDGE  # the open side of the lower one
            last = max(y + (4 if beyond else 17 if under else -8), last + _APART)
            left = leftwards == beyond  # of the end of the curve
            parts.append(text(x - 8 if left else x + 8, last, kind, f"b of-{kind}{' e' if left else ''}"))
        return parts


def from_the_loss(count: int) -> list[int]:
    """How many blocks back from the loss so many activations stand, the stem's first."""
    return list(range(count - 1, -1, -1))


def pair(
    panel: Panel,
    rows: Rows,
    places: Callable[[int], Sequence[float]] = range,
    *,
    leftwards: bool = False,
    ghost: Rows | None = None,
    below: str = "",
    named: bool = True,
) -> list[str]:
    """Both curves, named at one end, over the ghosts of the setting before, and the edges that are in use.

    ``places`` says where so many values stand; ``below`` what it means to stand below the axis.
    """
    lines = {kind: middle(rows[kind]) for kind in COLOURS}
    old = [middle(each) for each in (ghost or {}).values()]
    parts = panel.edges([value for line in lines.values() for value in line], below)
    parts += [panel.ghost(places(len(line)), line) for line in old]
    curves = [panel.curve(places(len(line)), rows[kind], kind) for kind, line in lines.items()]
    across = f'<path fill="none" d="M{panel.x(panel.first):.1f} {panel.top:g}H{panel.x(panel.last):.1f}"/>'
    parts.append(f'<g class="drawn">{across}{"".join(curves)}</g>')
    end = 0 if leftwards else -1
    ends = {kind: (places(len(line))[end], line[end]) for kind, line in lines.items()}
    return parts + (panel.names(ends, leftwards=leftwards) if named else [])


def describe_pair(what: str, rows: Rows) -> str:
    """The two curves in one sentence: where they begin and where they end.

    >>> describe_pair("Gradient", {"plain": [[1e-9, 1.0]], "skip": [[2.0, 1.0]]})
    'Gradient, from left to right: plain 1e-9 to 1, skip 1 to 1.'
    """
    lines = {kind: middle(rows[kind]) for kind in COLOURS}
    ends = [f"{kind} {magnitude(line[0])} to {magnitude(line[-1])}" for kind, line in lines.items()]
    return f"{what}, from left to right: {', '.join(ends)}."
