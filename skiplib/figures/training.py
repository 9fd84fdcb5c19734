"""Training curves: accuracy from 0 to 100 %, the gradient in powers of ten, and what a step forgets (layer L2)."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes

from skiplib.figures.plot import STYLES, Band, Plot, draw_bands, exponent, make_figure, name_curve, powers_of_ten
from skiplib.words import share_in_words

_WINDOW = 12  # steps: 64 images each are few, so the curve is their running mean
_LAST = 8  # finished curves beside the current ones
_PERCENTS = {"ylim": (0, 106), "yticks": [0, 10, 50, 100], "yticklabels": ["0", "guess 10", "50", "100"]}
_APART = 8  # from one label to the next: a line of text on the axis of percents


@dataclass(frozen=True)
class Curve:
    """One network in training, as it is drawn."""

    kind: str  # "plain" or "skip"
    label: str  # what stands at its right end
    epochs: tuple[float, ...]  # where on the horizontal axis
    accuracies: tuple[float, ...]  # share of each step's images that were right, 0 to 1
    gradients: tuple[float, ...]  # norm of the gradient of the first convolution's weights
    current: bool = True  # whether it is drawn thick; finished ones become thin


def draw_training(above: Axes, below: Axes, curves: Sequence[Curve], *, epochs: float) -> list[Artist]:
    """Draw accuracy (a running mean) above and the gradient below, against epochs; each label at the right end."""
    artists: list[Artist] = []
    reached: list[float] = []
    for curve in curves:
        colour, line = STYLES[curve.kind]
        width, alpha = (2.2, 1.0) if curve.current else (1.0, 0.55)
        look: dict[str, Any] = {"color": colour, "linestyle": line, "linewidth": width, "alpha": alpha}
        artists += above.plot(curve.epochs, [100 * value for value in running_mean(curve.accuracies)], **look)
        exponents = [exponent(value) for value in curve.gradients]
        artists += below.plot(curve.epochs, exponents, **look)
        reached += [each for each in exponents if not math.isnan(each)]
    powers_of_ten(below, reached)
    above.set(**_PERCENTS, xlim=(0, epochs), ylabel="training accuracy, %")
    below.set(xlabel="epochs: how often all images were seen", ylabel="gradient of the\nfirst weights")
    return artists + _labels(above, curves)


def _labels(ax: Axes, curves: Sequence[Curve]) -> list[Artist]:
    """Names at the right, pushed apart where they would overlap."""
    ends = [(100 * running_mean(curve.accuracies)[-1], curve) for curve in curves if curve.epochs]
    ends.sort(key=lambda end: end[0])
    places: list[float] = []
    for end, _ in ends:
        places.append(max(end, places[-1] + _APART) if places else end)
    down = max(0.0, places[-1] - 103) if places else 0.0  # the highest would leave the panel, which ends at 106
    labels: list[Artist] = []
    for (_, curve), place in zip(ends, places, strict=True):
        weight = "bold" if curve.current else "normal"
        label = ax.text(1.01, place - down, curve.label, va="center", fontsize=9, fontweight=weight)
        label.set(color=STYLES[curve.kind][0], transform=ax.get_yaxis_transform())  # x from 0 to 1, y in percent
        labels.append(label)
    return labels


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
    """Training accuracy against weighted layers: the middle of several seeds, and the band that they span.

    ``plain`` and ``skip`` hold accuracies from 0 to 1, a row for every seed, a column for every depth.
    """
    bands = {"plain": Band.of(plain), "skip": Band.of(skip)}
    figure, (ax,) = make_figure(3.4)
    percents = {name: band.map(lambda share: 100 * share) for name, band in bands.items()}
    _draw_named(ax, list(map(str, depths)), percents)
    ax.set(**_PERCENTS, xlabel="weighted layers", ylabel="training accuracy, %")
    words = [f"{name}: {', '.join(map(share_in_words, band.middle))}" for name, band in bands.items()]
    return Plot(figure, f"Training accuracy with {', '.join(map(str, depths))} layers. {'; '.join(words)}.")


def trust_plot(lengths: Sequence[float], plain: Sequence[Sequence[float]], skip: Sequence[Sequence[float]]) -> Plot:
    """Cosine of the gradients before and after a step against its length relative to all weights, the shortest first.

    ``plain`` and ``skip`` hold cosines, a row for every seed, a column for every length.
    """
    bands = {"plain": Band.of(plain), "skip": Band.of(skip)}
    figure, (ax,) = make_figure(3.0)
    _draw_named(ax, [f"{length:g}" for length in lengths], bands)
    ax.set(ylim=(-0.5, 1.1), yticks=[0, 0.5, 1], ylabel="cosine\n1: the same, 0: forgotten")
    ax.set_xlabel("length of the step, relative to the weights")
    first = [f"{name} {_cosine_in_words(band.middle[0])}" for name, band in bands.items()]
    return Plot(figure, f"Cosine of the gradients before and after a step of {lengths[0]:g}: {', '.join(first)}.")


def _cosine_in_words(cosine: float) -> str:
    return "near 1" if cosine > 0.8 else "near 0" if abs(cosine) < 0.3 else "in between"


def _draw_named(ax: Axes, ticks: Sequence[str], bands: Mapping[str, Band]) -> None:
    """Both bands over evenly spaced ticks, each name at the right end of its curve."""
    places = range(len(ticks))
    draw_bands(ax, places, bands, marker="o")
    for name, band in bands.items():
        name_curve(ax, name, (places[-1], band.middle[-1]), (8, 0), va="center")
    ax.set(xlim=(-0.15, len(ticks) - 0.6), xticks=places, xticklabels=ticks)  # room for the names


def running_mean(values: Sequence[float], window: int = _WINDOW) -> list[float]:
    """The mean of each value and of those before it, at most ``window`` of them.

    >>> running_mean([1.0, 3.0, 5.0], window=2)
    [1.0, 2.0, 4.0]
    """
    starts = (max(0, place + 1 - window) for place in range(len(values)))
    return [sum(part) / len(part) for part in (values[start : place + 1] for place, start in enumerate(starts))]
