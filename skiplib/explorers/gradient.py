"""GradientExplorer: how much of the gradient reaches each block, measured while you move (layer L3)."""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, get_args

from skiplib.blocks import Activation, Init, Norm, Order
from skiplib.diagrams.curves import Rows, middle
from skiplib.diagrams.journey import Journey, in_words, journey_picture
from skiplib.diagrams.svg import COLOURS
from skiplib.digits import first_digits
from skiplib.explorers.base import View
from skiplib.explorers.controls import Control, choose
from skiplib.explorers.network import NetworkExplorer, network_controls
from skiplib.explorers.resting import RestingExplorer
from skiplib.gradients import PRECISIONS, Comparison, compare, median_ratio
from skiplib.theory import block_factor, plain_product, skip_product
from skiplib.words import counted, magnitude

_DIGITS = 4
_ENDS = {
    "activations": ("the stem", "the last block"),
    "weights": ("the first convolution", "the last"),
}
_MUCH = 2500  # channels of all layers: more take a quarter of a second
_FIRST, _AT_ONCE = 172, 4  # the first seed; how many are measured between two moves


class GradientExplorer(RestingExplorer, NetworkExplorer):
    """Plain and skip networks with the same weights, on real digits: the gradient at every block.

    Args:
        depth: weighted layers, even, 2 to 100: stem, two in each block, head.
        activation: "sigmoid", "tanh" or "relu".
        init: "default" (PyTorch's), "xavier", "he", or "zero" (the last layer of every branch).
        norm: "none", "batch" or "group".
        alpha: scale of the branch where there is a skip, a number from 0 to 1, or "1/sqrt(n)" for n blocks.
        channels: of every convolution, 4 to 32.
        seeds: how many networks of each kind, 1 to 16; the band spans them, the line is their median.
        gradient_of: "activations" or "weights".
        order: "pre-activation", "original" or "article", as for a ``Recipe``.
        precision: "single", "half" or "bfloat16", of all weights and activations.
        show: the controls beside the picture; the others wait behind "more".

    >>> str(GradientExplorer()).partition(" -> ")[2]
    'plain=1e-20, skip=1'
    """

    sketches = inexact = True
    _ready = 0  # of the groups of seeds, for the next whole view

    def __init__(
        self,
        *,
        depth: int = 50,
        activation: Activation = "relu",
        init: Init = "default",
        norm: Norm = "none",
        alpha: float | str = 1,
        channels: int = 16,
        seeds: int = 8,
        gradient_of: str = "activations",
        order: Order = "pre-activation",
        precision: str = "single",
        show: Sequence[str] = ("depth", "init", "alpha", "any_alpha"),
    ) -> None:
        controls = network_controls(depth, init, norm, alpha) | {
            "activation": choose("activation", get_args(Activation), activation),
            "channels": Control("channels", channels, 4, 32, step=4),
            "seeds": Control("seeds", seeds, 1, 16),
            "gradient_of": choose("gradient_of", ("activations", "weights"), gradient_of),
            "order": choose("order", get_args(Order)[::-1], order),
            "precision": choose("precision", PRECISIONS, precision),
        }
        super().__init__(controls, show=show)

    def view(self) -> View:
        """Both networks measured, drawn, and said in words; one of each while a control moves."""
        setting, groups = self.measured, self._seeds()
        quantity, held = setting["gradient_of"], setting["precision"]
        self._ready = 1 if self.moving else len(groups)
        parts = [_measured(seeds, setting) for seeds in groups[: self._ready]]
        nets = Comparison(*(tuple(each for part in parts for each in getattr(part, kind)) for kind in COLOURS))
        plain, skip = (median_ratio(profiles, quantity) for profiles in (nets.plain, nets.skip))
        gradients = (nets.relative(of) for of in ("activations", "weights", "branches"))
        self.drawn = Journey(*gradients, *map(nets.rows, ("rms", "off")))
        first, last = _ENDS[quantity]
        status = f"Plain: {first} receives {_share(plain, held, last)}. Skip: {_share(skip, held, last)}."
        theory = _in_theory(setting, self.blocks) if quantity == "activations" else ""
        one = "One seed, until it rests." if self.moving else ""
        facts = [f"{counted(self.blocks, 'block')}, alpha = {self.alpha:.2g}.", theory, one, "<br>"]
        facts += [_too_large(self.drawn.sizes, held), _difference(nets), _off(self.drawn.off)]
        details = " ".join(fact for fact in facts if fact)
        picture = journey_picture(self.drawn, gradient_of=quantity, precision=held, ghost=self.ghost)
        return View(picture, status, {"plain": magnitude(plain), "skip": magnitude(skip)}, details)

    @property
    def takes_long(self) -> bool:
        """Whether a move takes longer than a moment, such as half precision at 50 layers."""
        depth, channels, precision = (self.controls[name].value for name in ("depth", "channels", "precision"))
        return bool(depth * channels * (4 if precision == "half" else 1) > _MUCH)

    def prepared(self) -> bool:
        """Measure the next few seeds."""
        rest = self._seeds()[self._ready :]
        if rest:
            _measured(rest[0], self.measured)
            self._ready += 1
        return len(rest) < 2

    def _seeds(self) -> list[range]:
        """One seed alone, then the others, as many as are measured at once."""
        end = _FIRST + int(self.controls["seeds"].value)
        starts = range(_FIRST + 1, end, _AT_ONCE)
        return [range(_FIRST, _FIRST + 1), *(range(start, min(start + _AT_ONCE, end)) for start in starts)]


def _measured(seeds: range, setting: dict[str, Any]) -> Comparison:
    return _compared(seeds=seeds, **{name: setting[name] for name in setting if name not in ("gradient_of", "seeds")})


@lru_cache(maxsize=64)
def _compared(**setting: Any) -> Comparison:
    images, labels = first_digits(_DIGITS)
    return compare(images=images, labels=labels, **setting)


def _share(ratio: float, precision: str, last: str) -> str:
    """The first layer's gradient in words.

    >>> _share(1.4e-20, "single", "the last block"), _share(1.3, "single", "the last block")
    ('1e-20 of what the last block does', 'about as much as the last block')
    """
    if not ratio > 0:
        why = f"nothing that can be compared: {last} receives 0, or is not finite"
        return f"no gradient, or less than {in_words(precision)} can hold" if ratio == 0 else why
    power = magnitude(ratio)
    if power == "1":
        return f"about as much as {last}"
    return f"{power} {'of' if ratio < 1 else 'times'} what {last} does"


def _in_theory(setting: dict[str, Any], blocks: int) -> str:
    if setting["norm"] != "none" or setting["init"] == "zero" or setting["order"] != "pre-activation":
        return ""
    q = block_factor(setting["activation"], setting["init"], 8)
    plain, skip = plain_product(q, blocks), skip_product(q, setting["alpha"], blocks)
    return f"In theory, with q = {q:.2g} for a block: plain {magnitude(plain)}, skip {magnitude(skip)}."


def _difference(nets: Comparison) -> str:
    plain, skip = (middle(rows)[-1] for rows in nets.rows("spreads").values())
    if math.isnan(plain + skip):
        return ""
    differ = f"{plain:.0%} of the size (plain), {skip:.0%} (skip)"
    return f"After the last block, {_DIGITS} digits still differ by {differ}."


def _too_large(sizes: Rows, precision: str) -> str:
    """From which block on the activations are no numbers any more, if they are not."""
    finite = {kind: list(map(math.isfinite, middle(rows))) for kind, rows in sizes.items()}
    lost = [f"{kind} from block {blocks.index(False)}" for kind, blocks in finite.items() if not all(blocks)]
    return f"Too large for {in_words(precision)}: {', '.join(lost)} on." if lost else ""


def _off(shares: Rows) -> str:
    """Between which shares of a block's ReLUs are off, the median over seeds; nothing if there are none."""
    lines = {kind: [share for share in middle(rows) if share >= 0] for kind, rows in shares.items()}  # not nan
    said = [f"{min(line):.0%} to {max(line):.0%} ({kind})" for kind, line in lines.items() if line]
    return f"ReLUs that are off, by block: {', '.join(said)}." if said else ""
