"""Measured curves in matplotlib: plain and skip, on an axis of powers of ten (layer L2, no torch, no widgets).

Axes come first and artists come back; nothing here touches pyplot or global settings. Plain is vermillion and
dashed, skip is blue and solid (Okabe and Ito's colours, the first one darker so that its name can be read), and each
curve carries its name.
"""

import base64
import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from statistics import median

import matplotlib
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from skiplib.words import magnitude

STYLES = {"plain": ("#BF5000", (0, (5, 2))), "skip": ("#0072B2", "solid")}
SINGLE = (-45, "0 in single precision")  # the smallest power of ten, and what becomes of less
_HUGE = 40


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


@dataclass(frozen=True)
class Plot:
    """A figure and the sentence that says the same in words, with the interface of ``diagrams.svg.Picture``."""

    figure: Figure
    alt: str

    @cached_property
    def svg(self) -> str:
        """The figure as inline SVG: sharp on a projector, replaced without a flicker, named for screen readers."""
        out = io.StringIO()
        with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "skiplib"}):
            self.figure.savefig(out, format="svg", metadata={"Date": None})
        svg = out.getvalue()[out.getvalue().index("<svg ") :].replace("*{stroke", ".skiplib-plot *{stroke")
        style = 'class="skiplib-plot" style="max-width:100%;height:auto"'
        return svg.replace("<svg ", f'<svg role="img" aria-label="{escape(self.alt)}" {style} ', 1)

    def to_html(self) -> str:
        """The figure as an ``<img>``, for places where nothing has been run yet."""
        out = io.BytesIO()
        lossless = {"lossless": True}  # half as large as a PNG
        self.figure.savefig(out, format="webp", dpi=100, pil_kwargs=lossless)
        data = base64.b64encode(out.getvalue()).decode()
        return f'<img alt="{escape(self.alt)}" src="data:image/webp;base64,{data}" style="max-width:100%">'

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        return {"text/plain": self.alt, "text/html": self.to_html()}


def draw_pair(
    ax: Axes,
    plain: Band,
    skip: Band,
    *,
    xs: Sequence[float] | None = None,
    xlabel: str = "",
    ylabel: str = "",
    floor: tuple[int, str] = SINGLE,
) -> list[Artist]:
    """Draw both bands against ``xs`` (0, 1, 2, ... unless given) on a vertical axis of powers of ten.

    What is smaller than the floor, 0 included, stands on a line of its own that says so, infinity at the top; nan
    leaves a gap.
    """
    xs = range(len(plain.middle)) if xs is None else xs
    artists: list[Artist] = []
    heights: list[float] = []
    for name, band in (("plain", plain), ("skip", skip)):
        colour, line = STYLES[name]
        low, middle, high = (
            [height(value, floor[0]) for value in each] for each in (band.low, band.middle, band.high)
        )
        artists.append(ax.fill_between(xs, low, high, color=colour, alpha=0.2, linewidth=0))
        artists += ax.plot(xs, middle, color=colour, linestyle=line, linewidth=2, marker="o" if len(xs) < 3 else None)
        heights += [value for value in [*low, *high] if not math.isnan(value)]
    artists += _name_curves(ax, xs, plain, skip, floor[0])
    powers_of_ten(ax, heights, floor)
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    ax.margins(x=0.02)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    for artist in ax.get_children():  # all lie inside, and browsers lose clip paths shared with pictures off screen
        artist.set_clip_on(False)
    return artists


def describe_pair(what: str, plain: Band, skip: Band) -> str:
    """The two curves in one sentence: where they begin and where they end.

    >>> describe_pair("Gradient", Band.of([[1e-9, 1.0]]), Band.of([[2.0, 1.0]]))
    'Gradient, from left to right: plain 1e-9 to 1, skip 1 to 1.'
    """
    ends = [
        f"{name} {magnitude(b.middle[0])} to {magnitude(b.middle[-1])}"
        for name, b in (("plain", plain), ("skip", skip))
    ]
    return f"{what}, from left to right: {', '.join(ends)}."


def make_figure(*heights: float) -> tuple[Figure, list[Axes]]:
    """A figure of one panel above the other, with these relative heights."""
    figure = Figure(figsize=(9, 1.2 + sum(heights)), facecolor="white")
    panels = figure.subplots(len(heights), 1, squeeze=False, sharex=True, gridspec_kw={"height_ratios": heights})
    bottom = 0.62 / figure.get_figheight()
    figure.subplots_adjust(left=0.12, right=0.98, top=1 - bottom / 2, bottom=bottom, hspace=0.12)
    return figure, list(panels[:, 0])


def height(value: float, smallest: int = SINGLE[0]) -> float:
    """Where a value stands on the axis: its power of ten, with places for what is too small and for infinity."""
    if value < 10.0**smallest:
        return smallest - 2
    return math.log10(value) if math.isfinite(value) else (math.nan if math.isnan(value) else _HUGE)


def powers_of_ten(ax: Axes, heights: Sequence[float], floor: tuple[int, str] = SINGLE) -> None:
    """Turn the vertical axis, on which these heights stand, into one of powers of ten."""
    smallest, fate = floor
    low, high = (math.floor(min(heights)), math.ceil(max(heights))) if heights else (0, 0)
    low, high = min(low, high - 2, -1), max(high, 1)
    step = max(1, math.ceil((high - low) / 6))
    room = (high - low) * 0.16  # for the names of the curves
    ticks = {tick: f"1e{tick}" for tick in range(-(-max(low, smallest) // step) * step, high + 1, step)} | {0: "1"}
    if low < smallest:
        ticks = {tick: text for tick, text in ticks.items() if tick > smallest + step / 2} | {low: "0"}
        ax.axhspan(low - room, smallest, color="#ddd", linewidth=0)
        ax.annotate(
            f"below 1e{smallest}: {fate}",
            (0.99, smallest),
            xycoords=("axes fraction", "data"),
            ha="right",
            va="top",
            fontsize=9,
        )
    if high == _HUGE:
        ticks = {tick: text for tick, text in ticks.items() if tick < _HUGE - step / 2} | {_HUGE: "infinity"}
    ax.set_yticks(list(ticks), list(ticks.values()))
    ax.set_ylim(low - room, high + room)
    ax.grid(axis="y", color="#ddd")


def _name_curves(ax: Axes, xs: Sequence[float], plain: Band, skip: Band, smallest: int) -> list[Artist]:
    """Each name near the left end of its curve, above the upper one and below the lower one, on its open side."""
    place, ahead = len(xs) // 8, len(xs) // 4
    spots = {
        name: [height(band.middle[each], smallest) for each in (place, ahead)]
        for name, band in (("plain", plain), ("skip", skip))
    }
    upper = "plain" if spots["plain"][0] > spots["skip"][0] else "skip"
    names: list[Artist] = []
    for name, (here, next_) in spots.items():
        into_it = place and (next_ > here if name == upper else next_ < here)
        names.append(
            ax.annotate(
                name,
                (xs[place], here if not math.isnan(here) else 0),
                xytext=(0, 9 if name == upper else -9),
                textcoords="offset points",
                ha="right" if into_it else "left",
                va="bottom" if name == upper else "top",
                color=STYLES[name][0],
                fontweight="bold",
                fontsize=12,
            )
        )
    return names
