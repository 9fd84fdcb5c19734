"""Training curves in matplotlib: accuracy from 0 to 100 %, the gradient in powers of ten (layer L2).

Axes come first and artists come back, as in ``skiplib.figures``, whose colours and lines these share.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from skiplib.figures import STYLES, Band, Plot, height, make_figure, powers_of_ten

_WINDOW = 12  # steps: 64 images each are few, so the curve is their running mean
_LAST = 8  # finished curves beside the current ones


@dataclass(frozen=True)
class Curve:
    """One network in training, as it is drawn.

    Attributes:
        kind: "plain" or "skip".
        label: what stands at its right end.
        epochs: where on the horizontal axis.
        accuracies: share of each step's images that were right, 0 to 1.
        gradients: norm of the gradient of the first convolution's weights.
        current: whether it is drawn thick; finished ones become thin.
    """

    kind: str
    label: str
    epochs: tuple[float, ...]
    accuracies: tuple[float, ...]
    gradients: tuple[float, ...]
    current: bool = True


def draw_training(above: Axes, below: Axes, curves: Sequence[Curve], *, epochs: float) -> list[Artist]:
    """Draw accuracy (a running mean) above and the gradient below, against epochs; each label at the right end."""
    artists: list[Artist] = []
    reached: list[float] = []
    for curve in curves:
        colour, line = STYLES[curve.kind]
        width, alpha = (2.2, 1.0) if curve.current else (1.0, 0.55)
        look: dict[str, Any] = {"color": colour, "linestyle": line, "linewidth": width, "alpha": alpha}
        artists += above.plot(curve.epochs, [100 * value for value in running_mean(curve.accuracies)], **look)
        heights = [height(value) for value in curve.gradients]
        artists += below.plot(curve.epochs, heights, **look)
        reached += [each for each in heights if not math.isnan(each)]
    powers_of_ten(below, reached)
    _percent_axis(above)
    above.set_ylabel("training accuracy, %")
    below.set_ylabel("gradient of the\nfirst weights")
    below.set_xlabel("epochs: how often all images were seen")
    above.set_xlim(0, epochs)
    below.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    return artists + _labels(above, curves)


def _labels(ax: Axes, curves: Sequence[Curve]) -> list[Artist]:
    """Names at the right, pushed apart where they would overlap."""
    ends = [(100 * running_mean(curve.accuracies)[-1], curve) for curve in curves if curve.epochs]
    ends.sort(key=lambda end: end[0])
    places: list[float] = []
    for end, _ in ends:
        places.append(max(end, places[-1] + 8) if places else end)
    down = max(0.0, places[-1] - 103) if places else 0.0
    return [
        ax.annotate(
            curve.label,
            (1.01, place - down),
            xycoords=("axes fraction", "data"),
            va="center",
            color=STYLES[curve.kind][0],
            fontsize=9,
            fontweight="bold" if curve.current else "normal",
        )
        for (_, curve), place in zip(ends, places, strict=True)
    ]


def training_plot(curves: Sequence[Curve], *, epochs: float) -> Plot:
    """Both panels, and what they show in words; at most the last few of the finished curves."""
    finished = [curve for curve in curves if not curve.current][-_LAST:]
    shown = [*finished, *(curve for curve in curves if curve.current)]
    figure, (above, below) = make_figure(2.6, 1.4)
    figure.subplots_adjust(right=0.8)
    draw_training(above, below, shown, epochs=epochs)
    ends = [f"{c.label} {share_in_words(running_mean(c.accuracies)[-1])}" for c in shown if c.epochs]
    return Plot(figure, f"Training accuracy against epochs. {'; '.join(ends) or 'Nothing trained yet'}.")


def race_plot(depths: Sequence[int], plain: Sequence[Sequence[float]], skip: Sequence[Sequence[float]]) -> Plot:
    """Training accuracy against depth: the middle of several seeds, and the band that they span.

    Args:
        depths: weighted layers.
        plain, skip: accuracies from 0 to 1, a row for every seed, a column for every depth.
    """
    bands = {"plain": Band.of(plain), "skip": Band.of(skip)}
    figure, (ax,) = make_figure(3.4)
    _draw_bands(ax, [str(depth) for depth in depths], bands, scale=100)
    _percent_axis(ax)
    ax.set_xlabel("weighted layers")
    ax.set_ylabel("training accuracy, %")
    words = [f"{name}: {', '.join(map(share_in_words, band.middle))}" for name, band in bands.items()]
    return Plot(figure, f"Training accuracy with {', '.join(map(str, depths))} layers. {'; '.join(words)}.")


def trust_plot(lengths: Sequence[float], plain: Sequence[Sequence[float]], skip: Sequence[Sequence[float]]) -> Plot:
    """Cosine of the gradients before and after a step against its length, from the shortest.

    Args:
        lengths: of the step, relative to all weights.
        plain, skip: cosines, a row for every seed, a column for every length.
    """
    bands = {"plain": Band.of(plain), "skip": Band.of(skip)}
    figure, (ax,) = make_figure(3.0)
    _draw_bands(ax, [f"{length:g}" for length in lengths], bands, scale=1)
    ax.set_ylim(-0.5, 1.1)
    ax.set_yticks([0, 0.5, 1])
    ax.grid(axis="y", color="#ddd")
    ax.set_xlabel("length of the step, relative to the weights")
    ax.set_ylabel("cosine\n1: the same, 0: forgotten")
    first = [f"{name} {_cosine_in_words(band.middle[0])}" for name, band in bands.items()]
    return Plot(figure, f"Cosine of the gradients before and after a step of {lengths[0]:g}: {', '.join(first)}.")


def _draw_bands(ax: Axes, ticks: Sequence[str], bands: dict[str, Band], *, scale: float) -> None:
    places = range(len(ticks))
    for name, band in bands.items():
        colour, line = STYLES[name]
        low, middle, high = ([scale * value for value in each] for each in (band.low, band.middle, band.high))
        ax.fill_between(places, low, high, color=colour, alpha=0.2, linewidth=0)
        ax.plot(places, middle, color=colour, linestyle=line, linewidth=2, marker="o")
        ax.annotate(
            name,
            (places[-1], middle[-1]),
            xytext=(8, 0),
            textcoords="offset points",
            va="center",
            color=colour,
            fontweight="bold",
            fontsize=12,
        )
    ax.set_xlim(-0.15, len(ticks) - 0.6)
    ax.set_xticks(list(places), ticks)


def _cosine_in_words(cosine: float) -> str:
    return "near 1" if cosine > 0.8 else "near 0" if abs(cosine) < 0.3 else "in between"


def share_in_words(share: float) -> str:
    """An accuracy from 0 to 1 in words that are the same on every machine.

    >>> [share_in_words(share) for share in (0.11, 0.7, 0.98)]
    ['below 50 %', '50 to 90 %', 'above 90 %']
    """
    return "below 50 %" if share < 0.5 else "50 to 90 %" if share < 0.9 else "above 90 %"


def running_mean(values: Sequence[float], window: int = _WINDOW) -> list[float]:
    """The mean of each value and of those before it, at most ``window`` of them.

    >>> running_mean([1.0, 3.0, 5.0], window=2)
    [1.0, 2.0, 4.0]
    """
    starts = (max(0, place + 1 - window) for place in range(len(values)))
    return [sum(part) / len(part) for part in (values[start : place + 1] for place, start in enumerate(starts))]


def _percent_axis(ax: Axes) -> None:
    ax.set_ylim(0, 106)
    ax.set_yticks([0, 10, 50, 100], ["0", "guess 10", "50", "100"])
    ax.grid(axis="y", color="#ddd")
