"""What every figure shares: the finished plot, the looks of plain and skip, and an axis of powers of ten (layer L2).

Axes come first and artists come back; nothing here touches pyplot or global settings. Plain is vermillion and
dashed, skip is blue and solid (Okabe and Ito's colours, the first one darker so that its name can be read), and each
curve carries its name.
"""

import base64
import io
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from statistics import median

import matplotlib
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Annotation
from matplotlib.ticker import MaxNLocator

from skiplib.diagrams.svg import room

STYLES = {"plain": ("#BF5000", (0, (5, 2))), "skip": ("#0072B2", "solid")}
_GREY = "#ddd"  # of grid lines and of the floor
SINGLE = (-45, "0 in single precision")  # the smallest power of ten, and what becomes of less
_HUGE = 40  # infinity stands here: just above 3e38, the largest number in single precision
_WIDTH, _MARGIN, _BOTTOM = 9, 1.2, 0.62  # inches: width; what is no panel; of that, below: tick labels and a name


@dataclass(frozen=True)
class Band:
    """Smallest, middle and largest value over several networks, position by position."""

    low: tuple[float, ...]
    middle: tuple[float, ...]
    high: tuple[float, ...]

    @classmethod
    def of(cls, rows: Iterable[Sequence[float]]) -> "Band":
        """The band that several rows span.

        >>> Band.of([[1, 10], [2, 30], [9, 20]])
        Band(low=(1, 10), middle=(2, 20), high=(9, 30))
        """
        columns = list(zip(*rows, strict=True))
        return cls(tuple(map(min, columns)), tuple(map(median, columns)), tuple(map(max, columns)))

    def map(self, function: Callable[[float], float]) -> "Band":
        """The band of what a rising function makes of every value."""
        return Band(*(tuple(map(function, values)) for values in (self.low, self.middle, self.high)))


@dataclass(frozen=True)
class Plot:
    """A figure and the sentence that says the same in words, with the interface of ``diagrams.svg.Picture``."""

    figure: Figure
    alt: str

    @cached_property
    def live(self) -> str:
        """The figure as inline SVG: sharp on a projector, replaced without a flicker, named for screen readers."""
        out = io.StringIO()
        with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "skiplib"}):
            self.figure.savefig(out, format="svg", metadata={"Date": None})
        svg = out.getvalue()[out.getvalue().index("<svg ") :].replace("*{stroke", ".skiplib-plot *{stroke")
        width, height = self.figure.get_size_inches()
        style = f'class="skiplib-plot" style="{room(width / height)}"'
        return svg.replace("<svg ", f'<svg role="img" aria-label="{escape(self.alt)}" {style} ', 1)

    def to_html(self) -> str:
        """The figure as an ``<img>``, for places where nothing has been run yet."""
        out = io.BytesIO()
        quick = {"lossless": True, "method": 1}  # half as large as a PNG; other methods take longer and save nothing
        self.figure.savefig(out, format="webp", dpi=100, pil_kwargs=quick)
        data = base64.b64encode(out.getvalue()).decode()
        size = "max-width:100%;max-height:52vh"
        return f'<img alt="{escape(self.alt)}" src="data:image/webp;base64,{data}" style="{size}">'

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        return {"text/plain": self.alt, "text/html": self.to_html()}


def make_figure(*heights: float) -> tuple[Figure, list[Axes]]:
    """A figure of one panel above the other, of about these heights in inches."""
    figure = Figure(figsize=(_WIDTH, _MARGIN + sum(heights)), facecolor="white")
    panels = figure.subplots(len(heights), 1, squeeze=False, sharex=True, gridspec_kw={"height_ratios": heights})
    bottom = _BOTTOM / figure.get_figheight()
    figure.subplots_adjust(left=0.12, right=0.98, top=1 - bottom / 2, bottom=bottom, hspace=0.12)
    for panel in panels[:, 0]:
        panel.grid(axis="y", color=_GREY)
        panel.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))  # whole blocks, epochs, directions
    return figure, list(panels[:, 0])


def draw_bands(ax: Axes, xs: Sequence[float], bands: Mapping[str, Band], *, marker: str) -> list[Artist]:
    """Draw the band of "plain" and that of "skip": an area from low to high, and its middle as a line."""
    artists: list[Artist] = []
    for name, band in bands.items():
        colour, line = STYLES[name]
        artists.append(ax.fill_between(xs, band.low, band.high, color=colour, alpha=0.2, linewidth=0))
        artists += ax.plot(xs, band.middle, color=colour, linestyle=line, linewidth=2, marker=marker)
    return artists


def name_curve(
    ax: Axes, name: str, at: tuple[float, float], offset: tuple[int, int], *, ha: str = "left", va: str = "center"
) -> Annotation:
    """Write the name of a curve, or of a guess at it, in its colour, ``offset`` points from a place on it."""
    colour = STYLES[name.rstrip("?")][0]
    return ax.annotate(
        name, at, offset, textcoords="offset points", ha=ha, va=va, color=colour, fontweight="bold", fontsize=12
    )


def exponent(value: float, smallest: int = SINGLE[0]) -> float:
    """Where a value stands on the axis: its power of ten, with places for what is too small and for infinity.

    >>> [exponent(value) for value in (0.01, 0, math.inf)]
    [-2.0, -47, 40]
    """
    if value < 10.0**smallest:
        return smallest - 2
    return math.log10(value) if math.isfinite(value) else (math.nan if math.isnan(value) else _HUGE)


def powers_of_ten(ax: Axes, exponents: Sequence[float], floor: tuple[int, str] = SINGLE) -> None:
    """Turn the vertical axis, on which these exponents stand, into one of powers of ten."""
    smallest, fate = floor
    low, high = (math.floor(min(exponents)), math.ceil(max(exponents))) if exponents else (0, 0)
    low, high = min(low, high - 2, -1), max(high, 1)
    step = max(1, math.ceil((high - low) / 6))  # about six ticks
    room = (high - low) * 0.16  # for the names of the curves
    ticks = {tick: f"1e{tick}" for tick in range(-(-max(low, smallest) // step) * step, high + 1, step)} | {0: "1"}
    if low < smallest:
        ticks = {tick: text for tick, text in ticks.items() if tick > smallest + step / 2} | {low: "0"}
        ax.axhspan(low - room, smallest, color=_GREY, linewidth=0)
        at = ax.get_yaxis_transform()  # x from 0 to 1, y as on the axis
        ax.text(0.99, smallest, f"below 1e{smallest}: {fate}", transform=at, ha="right", va="top", fontsize=9)
    if high == _HUGE:
        ticks = {tick: text for tick, text in ticks.items() if tick < _HUGE - step / 2} | {_HUGE: "infinity"}
    ax.set_yticks(list(ticks), list(ticks.values()))
    ax.set_ylim(low - room, high + room)
