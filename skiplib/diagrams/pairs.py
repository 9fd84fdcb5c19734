"""Plain beside skip: products, singular values, a guess at where gradients end, and other layers' (layer L2)."""

import math
from collections.abc import Mapping, Sequence

from skiplib.diagrams.curves import RULES, WIDTH, Panel, Rows, describe_pair, from_the_loss, middle, pair
from skiplib.diagrams.marks import rect, text
from skiplib.diagrams.svg import INK, OUTPUT, WINDOW, Picture, make_picture
from skiplib.words import fate

_PRODUCT = Panel(0, 100, -15, 15, top=18, height=230)
_SPECTRUM = Panel(1, 384, -16, 0, top=18, height=230)
_OTHERS = {"pre-norm": OUTPUT, "post-norm": WINDOW}  # both have skips


def product_picture(rows: Rows, *, ghost: Rows | None = None) -> Picture:
    """The size of a gradient after 0, 1, 2, ... blocks, over that of the setting before."""
    parts = _PRODUCT.frame(range(0, 101, 20), "size of the gradient", "blocks that the gradient has passed")
    parts += pair(_PRODUCT, rows, ghost=ghost)
    return make_picture(WIDTH, 300, parts, alt=describe_pair("Size of the gradient", rows), rules=RULES)


def spectrum_picture(rows: Rows, *, ghost: Rows | None = None) -> Picture:
    """Singular values, each relative to the largest, which comes first; and a line at 1 % of that."""
    ticks, lost = (1, 100, 200, 300, 384), "lost in rounding: below 1e-16"
    parts = _SPECTRUM.frame(ticks, "singular value,\nrelative to largest", "direction, strongest first")
    parts += _SPECTRUM.line(-2, "1 %")
    parts += pair(_SPECTRUM, rows, lambda count: range(1, count + 1), ghost=ghost, below=lost)
    alt = describe_pair("Singular values, relative to the largest", rows)
    return make_picture(WIDTH, 300, parts, alt=alt, rules=RULES)


def fates_picture(guess: Mapping[str, str], gradients: Rows | None = None, *, blocks: int) -> Picture:
    """Where the gradients of "plain" and of "skip" are guessed to end, at the stem, and over it how they get there.

    Args:
        guess: for "plain" and "skip", if guessed, "vanishes", "holds" or "explodes".
        gradients: relative to the last one, from the stem on; None if not measured yet.
        blocks: in each network.
    """
    said = "A guess: " + (", ".join(f"{name} {word}" for name, word in guess.items()) or "none yet") + "."
    ends = [value for row in (gradients or {}).values() for value in middle(row) if value > 0 and value < math.inf]
    powers = [-4, 4, *(math.log10(value) for value in ends)]
    panel = Panel(1.08 * blocks, 0, max(-45, math.floor(min(powers))), math.ceil(max(powers)), 18, 180)
    ticks = range(0, blocks + 1, max(1, round(blocks / 40) * 5))
    words = "gradient of activations,\nrelative to the last", "blocks back from the loss"
    parts = panel.frame(ticks, *words) + panel.line(-2, "vanishes") + panel.line(2, "explodes", -5)
    zones = {"vanishes": (panel.low, -2), "holds": (-2, 2), "explodes": (2, panel.high)}
    for name, word in guess.items():
        y, bottom = (panel.y(10.0**power) for power in reversed(zones[word]))
        x, wide = panel.x((1.06 if name == "plain" else 1.03) * blocks), 0.02 * (panel.x(0) - panel.x(blocks))
        parts.append(rect(x, y, wide, bottom - y, f"bar of-{name}"))
        if not gradients:
            away = -5 if name == "plain" else 13
            parts.append(text(panel.x(blocks) + 8, (y + bottom) / 2 + away, f"{name}?", f"b of-{name}"))
    if gradients:
        parts += pair(panel, gradients, from_the_loss, leftwards=True, below="0 in single precision")
        said = f"{describe_pair('Gradient of activations', gradients)} {said}"
    x, y = panel.x(0), panel.y(1)  # the last block, by which all others are measured
    parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" class="spot"/>')
    return make_picture(WIDTH, 250, parts, alt=said, rules=RULES)


def layers_picture(gradients: Mapping[str, Sequence[float]]) -> Picture:
    """Gradients of layers of any kind, from the input on, each relative to its last.

    The names are "plain", "skip", "pre-norm" and "post-norm", or some of them.
    """
    curves = {name: [value / values[-1] for value in values] for name, values in gradients.items()}
    layers = max(map(len, curves.values())) - 1
    panel = Panel(1.2 * layers, 0, -12, 3, 18, 220)
    places = {name: from_the_loss(len(curve)) for name, curve in curves.items()}
    parts = panel.frame(range(0, layers + 1, 4), "gradient,\nrelative to the last", "layers back from the loss")
    parts += [panel.curve(places[name], [curve], name) for name, curve in curves.items()]
    parts += panel.names({name: (places[name][0], curve[0]) for name, curve in curves.items()}, leftwards=True)
    rules = {f".of-{name}": f"fill:{colour};stroke:{colour}" for name, colour in _OTHERS.items()}
    rules |= {f"text.of-{name}": f"stroke:none;fill:color-mix(in srgb,{c} 65%,{INK})" for name, c in _OTHERS.items()}
    said = ", ".join(f"{name} {fate(curve[0])}" for name, curve in curves.items())
    alt = f"Gradient of {layers} layers, from the last to the input: {said}."
    return make_picture(
        WIDTH, 290, parts, alt=alt, rules=RULES | rules | {".of-post-norm .curve": "stroke-dasharray:2 4"}
    )
