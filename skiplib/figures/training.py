"""Training curves on axes that stay put, what a step forgets, and the loss around trained weights (layer L2)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes

from skiplib.diagrams.curves import middle
from skiplib.figures.plot import GREY, STYLES, Plot, draw_rows, make_figure
from skiplib.words import share_in_words

_WINDOW = 12  # steps: 64 images each are few, so the curve is their running mean
_LAST = 8  # finished curves beside the current ones
_PERCENTS = {"ylim": (0, 106), "yticks": [0, 10, 50, 100], "yticklabels": ["0", "guess 10", "50", "100"]}
_APART = 9  # from one label to the next: a line of text on the axis of percents
_BLOWN = 23  # a loss of ten guesses
_LOSSES = {-2: "≤ 0.01", math.log10(2.3): "guess 2.3", 2: "100", 4: "≥ 1e4"}  # by power of ten
_GRADIENTS = {-47: "0", -30: "1e-30", -15: "1e-15", 0: "1", 10: "≥ 1e10"}  # what is more stands here, too


@dataclass(frozen=True)
class Curve:
    """One network in training, as it is drawn."""

    kind: str  # "plain" or "skip"
    label: str  # what stands at its right end
    epochs: tuple[float, ...]  # where on the horizontal axis
    accuracies: tuple[float, ...]  # share of each step's images that were right, 0 to 1
    losses: tuple[float, ...]  # mean cross entropy of each step's images
    gradients: tuple[float, ...]  # norm of the gradient of the first convolution's weights
    current: bool = True  # whether it is drawn thick; finished ones become thin

    def powers(self, name: str) -> list[float]:
        """Where its "loss" or its "gradient" stands on an axis of powers of ten; nan leaves a gap.

        After an explosion the ReLUs may let nothing through. Such a gradient of 0 has not faded: it leaves a gap.
        """
        values, ticks = (self.losses, _LOSSES) if name == "loss" else (self.gradients, _GRADIENTS)
        lowest, highest = 10.0 ** min(ticks), 10.0 ** max(ticks)
        gaps = [math.isnan(value) or (value == 0 and name == "gradient" and self.blown) for value in values]
        inside = [math.log10(min(max(value, lowest), highest)) for value in values]
        return [math.nan if gap else power for gap, power in zip(gaps, inside, strict=True)]

    @property
    def blown(self) -> bool:
        """Whether its loss rose to ten times a guess, or left the numbers."""
        return not all(loss <= _BLOWN for loss in self.losses)


def draw_training(panels: Sequence[Axes], curves: Sequence[Curve], *, epochs: float) -> None:
    """Draw accuracy (a running mean), loss and gradient against epochs in three panels; a name at each curve's end.

    The axes do not depend on the curves. A cross marks where a curve leaves the numbers, or its gradient is gone.
    """
    above, *others = panels
    for curve in curves:
        colour, line = STYLES[curve.kind]
        width, alpha = (2.2, 1.0) if curve.current else (1.0, 0.55)
        look: dict[str, Any] = {"color": colour, "linestyle": line, "linewidth": width, "alpha": alpha}
        above.plot(curve.epochs, [100 * value for value in running_mean(curve.accuracies)], **look)
        for ax, name in zip(others, ("loss", "gradient"), strict=True):
            powers = curve.powers(name)
            ax.plot(curve.epochs, powers, **look)
            gone = next((step for step, power in enumerate(powers) if math.isnan(power)), 0)
            if gone:  # steps before
                at, why = (curve.epochs[gone - 1], powers[gone - 1]), "not a number" if name == "loss" else "0"
                ax.plot(*at, "x", color=colour, markersize=9, markeredgewidth=2.2)
                ax.annotate(f"{why} from step {gone + 1}", at, (9, 6), textcoords="offset points")
    _name_axes(panels, epochs)
    _label(above, curves)


def _name_axes(panels: Sequence[Axes], epochs: float) -> None:
    above, loss, gradient = panels
    above.set(**_PERCENTS, xlim=(0, epochs), ylabel=f"accuracy in the\nlast {_WINDOW} batches, %")
    loss.set(ylabel="loss", ylim=(-2.4, 4.6))
    gradient.set(xlabel="epochs: how often all images were seen", ylabel="gradient of the\nfirst weights")
    gradient.set_ylim(-56, 19)
    gradient.axhspan(-56, -45, color=GREY, linewidth=0)
    words, across = "below 1e-45: 0 in single precision", gradient.get_yaxis_transform()  # x from 0 to 1
    gradient.text(0.99, -45, words, transform=across, ha="right", va="top", fontsize=9)
    for ax, ticks in ((loss, _LOSSES), (gradient, _GRADIENTS)):
        ax.set_yticks(list(ticks), list(ticks.values()))


def _label(ax: Axes, curves: Sequence[Curve]) -> None:
    """Names at the right, pushed apart where they would overlap, each with a line to the end of its curve."""
    ends = [(100 * running_mean(curve.accuracies)[-1], curve) for curve in curves if curve.epochs]
    ends.sort(key=lambda end: end[0])
    places: list[float] = []
    for end, _ in ends:
        places.append(max(end, places[-1] + _APART) if places else end)
    ceiling = 103.0  # the highest would leave the panel, which ends at 106
    for rank in reversed(range(len(places))):
        places[rank] = min(places[rank], ceiling)
        ceiling = places[rank] - _APART
    for (end, curve), place in zip(ends, places, strict=True):
        colour, weight = STYLES[curve.kind][0], "bold" if curve.current else "normal"
        leader = {
            "arrowstyle": "-",
            "color": colour,
            "linewidth": 0.7,
            "shrinkA": 0,
            "shrinkB": 2,
            "relpos": (0, 0.5),
        }
        at: dict[str, Any] = {"xytext": (1.03, place), "textcoords": ax.get_yaxis_transform(), "arrowprops": leader}
        font: dict[str, Any] = {"color": colour, "fontsize": 9, "fontweight": weight, "va": "center"}
        ax.annotate(curve.label, (curve.epochs[-1], end), **at, **font)


def training_plot(curves: Sequence[Curve], *, epochs: float) -> Plot:
    """All panels, and what they show in words; at most the last few of the finished curves."""
    finished = [curve for curve in curves if not curve.current][-_LAST:]
    shown = [*finished, *(curve for curve in curves if curve.current)]
    figure, panels = make_figure(1.7, 1.2, 1.1)
    figure.subplots_adjust(right=0.78)
    draw_training(panels, shown, epochs=epochs)
    blown = {True: " (its loss blew up)", False: ""}
    ends = [f"{c.label} {share_in_words(running_mean(c.accuracies)[-1])}{blown[c.blown]}" for c in shown if c.epochs]
    said = f"Accuracy: {'; '.join(ends)}" if ends else "Nothing trained yet"
    return Plot(figure, f"Accuracy in the last {_WINDOW} batches, loss and gradient against epochs. {said}.")


def race_plot(depths: Sequence[int], plain: Sequence[Sequence[float]], skip: Sequence[Sequence[float]]) -> Plot:
    """Training accuracy against weighted layers: the middle of several seeds, and the band that they span.

    ``plain`` and ``skip`` hold accuracies from 0 to 1, a row for every seed, a column for every depth.
    """
    rows = {"plain": plain, "skip": skip}
    figure, (ax,) = make_figure(3.4)
    percents = {kind: [[100 * share for share in row] for row in shares] for kind, shares in rows.items()}
    draw_rows(ax, [str(depth) for depth in depths], percents)
    ax.set(**_PERCENTS, xlabel="weighted layers", ylabel="training accuracy, %")
    words = [f"{kind}: {', '.join(map(share_in_words, middle(shares)))}" for kind, shares in rows.items()]
    return Plot(figure, f"Training accuracy with {', '.join(map(str, depths))} layers. {'; '.join(words)}.")


def trust_plot(lengths: Sequence[float], plain: Sequence[Sequence[float]], skip: Sequence[Sequence[float]]) -> Plot:
    """Cosine of the gradients before and after a step against its length relative to all weights, the shortest first.

    ``plain`` and ``skip`` hold cosines, a row for every seed, a column for every length.
    """
    rows = {"plain": plain, "skip": skip}
    figure, (ax,) = make_figure(3.0)
    draw_rows(ax, [f"{length:g}" for length in lengths], rows)
    ax.set(ylim=(-0.5, 1.1), yticks=[0, 0.5, 1], ylabel="cosine\n1: the same, 0: forgotten")
    ax.set_xlabel("length of the step, relative to the weights")
    first = [f"{kind} {_cosine_in_words(middle(cosines)[0])}" for kind, cosines in rows.items()]
    return Plot(figure, f"Cosine of the gradients before and after a step of {lengths[0]:g}: {', '.join(first)}.")


def slices_plot(steps: Sequence[float], plain: Sequence[Sequence[float]], skip: Sequence[Sequence[float]]) -> Plot:
    """Loss along lines through trained weights: a row for every line, a column for every step."""
    rows = {"plain": plain, "skip": skip}
    figure, (ax,) = make_figure(3.0)
    draw_rows(ax, [f"{step:g}" for step in steps], rows)
    ax.set(yscale="log", ylim=(1e-3, 20), ylabel="loss", xlabel="step, relative to the weights")
    higher = max(rows, key=lambda kind: sum(map(sum, rows[kind])))
    return Plot(figure, f"Loss along a line through the trained weights; on average it is higher for {higher}.")


def _cosine_in_words(cosine: float) -> str:
    return "near 1" if cosine > 0.8 else "near 0" if abs(cosine) < 0.3 else "in between"


def running_mean(values: Sequence[float], window: int = _WINDOW) -> list[float]:
    """The mean of each value and of those before it, at most ``window`` of them.

    >>> running_mean([1.0, 3.0, 5.0], window=2)
    [1.0, 2.0, 4.0]
    """
    starts = (max(0, place + 1 - window) for place in range(len(values)))
    return [sum(part) / len(part) for part in (values[start : place + 1] for place, start in enumerate(starts))]
