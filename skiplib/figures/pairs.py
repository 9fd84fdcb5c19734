"""Plain beside skip on an axis of powers of ten: products, singular values, gradients (layer L2)."""

import math
from collections.abc import Mapping, Sequence

from matplotlib.artist import Artist
from matplotlib.axes import Axes

from skiplib.figures.plot import (
    SINGLE,
    STYLES,
    Band,
    Plot,
    draw_bands,
    exponent,
    make_figure,
    name_curve,
    powers_of_ten,
)
from skiplib.words import magnitude

Rows = Mapping[str, Sequence[Sequence[float]]]  # of "plain" and of "skip": a row for every seed
_DARK = "#616161"  # of the line at 1 %, which is neither plain nor skip


def draw_pair(
    ax: Axes,
    plain: Band,
    skip: Band,
    *,
    xs: Sequence[float] | None = None,
    floor: tuple[int, str] = SINGLE,
    span: tuple[float, ...] = (),
) -> list[Artist]:
    """Draw both bands against ``xs`` (0, 1, 2, ... unless given) on an axis of powers of ten that holds ``span``.

    What is smaller than the floor, 0 included, stands on a line of its own that says so, infinity at the top; nan
    leaves a gap.
    """
    xs = range(len(plain.middle)) if xs is None else xs
    plain, skip = (band.map(lambda value: exponent(value, floor[0])) for band in (plain, skip))
    bands = {"plain": plain, "skip": skip}
    marker = "o" if len(xs) < 3 else ""  # a line of one or two points is hard to see
    artists = draw_bands(ax, xs, bands, marker=marker)
    artists += _name_curves(ax, xs, bands)
    ends = [*plain.low, *plain.high, *skip.low, *skip.high, *span]
    powers_of_ten(ax, [end for end in ends if not math.isnan(end)], floor)
    ax.margins(x=0.02)
    for artist in ax.get_children():  # all lie inside, and browsers lose clip paths shared with pictures off screen
        artist.set_clip_on(False)
    return artists


def _name_curves(ax: Axes, xs: Sequence[float], bands: Mapping[str, Band]) -> list[Artist]:
    """Each name near the left end of its curve, above the upper one and below the lower one, on its open side."""
    place, ahead = len(xs) // 8, len(xs) // 4
    upper = "plain" if bands["plain"].middle[place] > bands["skip"].middle[place] else "skip"
    names: list[Artist] = []
    for name, band in bands.items():
        here, next_ = band.middle[place], band.middle[ahead]
        into_it = place and (next_ > here if name == upper else next_ < here)
        at = xs[place], 0 if math.isnan(here) else here
        away, va = (9, "bottom") if name == upper else (-9, "top")
        names.append(name_curve(ax, name, at, (0, away), ha="right" if into_it else "left", va=va))
    return names


def describe_pair(what: str, plain: Band, skip: Band) -> str:
    """The two curves in one sentence: where they begin and where they end.

    >>> describe_pair("Gradient", Band.of([[1e-9, 1.0]]), Band.of([[2.0, 1.0]]))
    'Gradient, from left to right: plain 1e-9 to 1, skip 1 to 1.'
    """
    ends = [f"{magnitude(band.middle[0])} to {magnitude(band.middle[-1])}" for band in (plain, skip)]
    return f"{what}, from left to right: plain {ends[0]}, skip {ends[1]}."


def product_plot(plain: Sequence[float], skip: Sequence[float]) -> Plot:
    """The size of a gradient after 0, 1, 2, ... blocks."""
    figure, (ax,) = make_figure(3.2)
    bands = Band.of([plain]), Band.of([skip])
    draw_pair(ax, *bands)
    ax.set(xlabel="blocks that the gradient has passed", ylabel="size of the gradient")
    return Plot(figure, describe_pair("Size of the gradient", *bands))


def spectrum_plot(plain: Sequence[float], skip: Sequence[float]) -> Plot:
    """Singular values in double precision, from the largest, each relative to it; and a line at 1 % of that."""
    figure, (ax,) = make_figure(3.2)
    bands = [Band.of([[value / (values[0] or 1) for value in values]]) for values in (plain, skip)]
    draw_pair(ax, *bands, xs=range(1, len(plain) + 1), floor=(-16, "lost in rounding"))
    ax.set(xlabel="direction, strongest first", ylabel="singular value,\nrelative to largest")
    ax.axhline(-2, color=_DARK, linestyle=":")  # 1 % is 1e-2
    ax.annotate("1 %", (len(plain), -2), (0, -3), textcoords="offset points", ha="right", va="top", color=_DARK)
    return Plot(figure, describe_pair("Singular values, relative to the largest", *bands))


def fates_plot(guess: Mapping[str, str], gradients: Rows | None = None, *, blocks: int) -> Plot:
    """Where the gradients of "plain" and of "skip" are guessed to end at block 0, and over it how they get there.

    Args:
        guess: for "plain" and "skip", if guessed, one of ``FATES``.
        gradients: relative to the last one, from the stem on; None if not measured yet.
        blocks: in each network.
    """
    figure, (ax,) = make_figure(2.6)
    said = "A guess: " + (", ".join(f"{name} {fate}" for name, fate in guess.items()) or "none yet") + "."
    if gradients:
        bands = [Band.of(gradients[kind]) for kind in STYLES]
        draw_pair(ax, *bands, span=(-4, 4))
        said = f"{describe_pair('Gradient of activations', *bands)} {said}"
    else:
        powers_of_ten(ax, (-4, 4))
    ax.plot(blocks, 0, "o", color=_DARK)  # the last block, by which all others are measured
    low, high = ax.get_ylim()
    zones = {"vanishes": (low, -2), "holds": (-2, 2), "explodes": (2, high)}
    for fate, at, away, va in (("vanishes", -2, -3, "top"), ("explodes", 2, 3, "bottom")):
        ax.axhline(at, color=_DARK, linestyle=":")
        ax.annotate(fate, (0.6 * blocks, at), (0, away), textcoords="offset points", va=va, color=_DARK)
    for name, fate in guess.items():
        bottom, top = zones[fate]
        place, away = (-0.05, 9) if name == "plain" else (-0.02, -9)
        ax.bar(place * blocks, top - bottom, 0.02 * blocks, bottom, color=STYLES[name][0], alpha=0.6, zorder=2)
        if not gradients:
            name_curve(ax, f"{name}?", (0, (bottom + top) / 2), (6, away))
    ax.set(xlim=(-0.08 * blocks, 1.02 * blocks), ylim=(low, high))
    ax.set(xlabel="block (0: the stem, nearest the input)", ylabel="gradient of activations,\nrelative to the last")
    return Plot(figure, said)


def gradients_plot(gradients: Rows, rms: Rows, *, gradient_of: str) -> Plot:
    """How much of the gradient reaches each block, above how large the activations are there.

    Args:
        gradients: relative to the last one, from the stem on.
        rms: root mean square of the activations after the stem and after every block.
        gradient_of: "activations" or "weights".
    """
    step = 1 / 2 if gradient_of == "weights" else 1  # the stem's convolution, then two in each block
    name = f"gradient of {gradient_of}"
    upper, lower = ([Band.of(rows[kind]) for kind in ("plain", "skip")] for rows in (gradients, rms))
    figure, (above, below) = make_figure(3, 1.4)
    xs = [step * place for place in range(len(upper[0].middle))]
    draw_pair(above, *upper, xs=xs)
    draw_pair(below, *lower)
    above.set(ylabel=f"{name},\nrelative to the last")
    below.set(xlabel="block (0: the stem, nearest the input)", ylabel="size of the\nactivations")
    return Plot(figure, f"{describe_pair(name.capitalize(), *upper)} {describe_pair('Size', *lower)}")
