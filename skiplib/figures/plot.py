"""What every figure shares: the finished plot, and the looks of plain and skip (layer L2).

Nothing here touches pyplot or global settings. Plain is vermillion and dashed, skip is blue and solid (Okabe and
Ito's colours, the first one darker so that its name can be read), and each curve carries its name.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from skiplib.diagrams.curves import Rows, middle
from skiplib.diagrams.svg import COLOURS, INK, room, stored_image

STYLES = {"plain": ("#BF5000", (0, (5, 2))), "skip": (COLOURS["skip"], "solid")}
GREY = "#8888884d"  # of grid lines and of the floor: it shines through, on a white page and on a black one
_INKED = f".skiplib-plot{{color:{INK}}}.skiplib-plot text{{fill:currentColor}}"  # where no colour is set
_WIDTH, _MARGIN, _BOTTOM = 9, 1.2, 0.62  # inches: width; what is no panel; of that, below: tick labels and a name


@dataclass(frozen=True)
class Plot:
    """A figure and the sentence that says the same in words, with the interface of ``diagrams.svg.Picture``."""

    figure: Figure
    alt: str

    @cached_property
    def live(self) -> str:
        """The figure as inline SVG: sharp on a projector, in the page's own colours, named for screen readers."""
        out = io.StringIO()
        with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "skiplib"}):
            self.figure.savefig(out, format="svg", metadata={"Date": None}, transparent=True)
        svg = out.getvalue()[out.getvalue().index("<svg ") :].replace("*{stroke", ".skiplib-plot *{stroke")
        svg = svg.replace("<style", f"<style>{_INKED}</style><style", 1).replace("#000000", "currentColor")
        width, height = self.figure.get_size_inches()
        style = f'class="skiplib-plot" style="{room(width / height)}"'
        return svg.replace("<svg ", f'<svg role="img" aria-label="{escape(self.alt)}" {style} ', 1)

    def to_html(self) -> str:
        """The figure as an ``<img>``, for places where nothing has been run yet."""
        out = io.BytesIO()
        quick = {"lossless": True, "method": 1}  # half as large as a PNG; other methods take longer and save nothing
        self.figure.savefig(out, format="webp", dpi=100, pil_kwargs=quick)
        return stored_image(self.alt, "image/webp", out.getvalue())

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        return {"text/plain": self.alt, "text/html": self.to_html()}


def make_figure(*heights: float) -> tuple[Figure, list[Axes]]:
    """A figure of one panel above the other, of about these heights in inches."""
    figure = Figure(figsize=(_WIDTH, _MARGIN + sum(heights)), facecolor="white")
    panels = figure.subplots(len(heights), 1, squeeze=False, sharex=True, gridspec_kw={"height_ratios": heights})
    bottom = _BOTTOM / figure.get_figheight()
    figure.subplots_adjust(left=0.12, right=0.98, top=1 - bottom / 2, bottom=bottom, hspace=0.12)
    for panel in panels[:, 0]:
        panel.grid(axis="y", color=GREY)
        panel.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))  # whole blocks, epochs, directions
    return figure, list(panels[:, 0])


def draw_rows(ax: Axes, ticks: Sequence[str], rows: Rows) -> None:
    """Plain and skip over evenly spaced ticks: an area over all rows, their median as a line, its name beside it."""
    places = range(len(ticks))
    for kind, (colour, line) in STYLES.items():
        columns, values = list(zip(*rows[kind], strict=True)), middle(rows[kind])
        low, high = [min(column) for column in columns], [max(column) for column in columns]
        ax.fill_between(places, low, high, color=colour, alpha=0.2, linewidth=0)
        ax.plot(places, values, color=colour, linestyle=line, linewidth=2, marker="o")
        font: dict[str, Any] = {"color": colour, "fontweight": "bold", "fontsize": 12}
        ax.annotate(kind, (places[-1], values[-1]), (8, 0), textcoords="offset points", va="center", **font)
    ax.set(xlim=(-0.15, len(ticks) - 0.6), xticks=places, xticklabels=ticks)  # room for the names
