"""GradientExplorer: how much of the gradient reaches each block, measured while you move (layer L3)."""

from collections.abc import Sequence
from statistics import median
from typing import Any, get_args

from skiplib.blocks import Activation, Init, Norm
from skiplib.digits import first_digits
from skiplib.explorers.base import View
from skiplib.explorers.controls import Control, choose
from skiplib.explorers.network import NetworkExplorer, network_controls
from skiplib.figures.pairs import gradients_plot
from skiplib.gradients import Comparison, compare, median_ratio
from skiplib.theory import block_factor, plain_product, skip_product
from skiplib.words import magnitude

_DIGITS = 4
_LONG = 150  # convolutions times seeds: above this a picture takes about half a second


class GradientExplorer(NetworkExplorer):
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
        show: the controls beside the picture; the others wait behind "more".

    >>> str(GradientExplorer()).partition(" -> ")[2]
    'plain=1e-20, skip=1'
    """

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
        show: Sequence[str] = ("depth", "init", "alpha", "any_alpha"),
    ) -> None:
        controls = network_controls(depth, init, norm, alpha) | {
            "activation": choose("activation", get_args(Activation), activation),
            "channels": Control("channels", channels, 4, 32, step=4),
            "seeds": Control("seeds", seeds, 1, 16),
            "gradient_of": choose("gradient_of", ("activations", "weights"), gradient_of),
        }
        super().__init__(controls, show=show)

    @property
    def takes_long(self) -> bool:
        """Whether there are many layers to measure."""
        return bool(self.controls["depth"].value * self.controls["seeds"].value > _LONG)

    def view(self) -> View:
        """Both networks measured, drawn, and said in words."""
        setting: dict[str, Any] = self.settings | {"alpha": self.alpha}
        quantity, seeds = setting.pop("gradient_of"), range(172, 172 + setting.pop("seeds"))
        images, labels = first_digits(_DIGITS)
        nets = compare(images=images, labels=labels, seeds=seeds, **setting)
        plain, skip = (median_ratio(profiles, quantity) for profiles in (nets.plain, nets.skip))
        unit = "block" if quantity == "activations" else "convolution"
        status = f"Plain: the first {unit} receives {_share(plain)}. Skip: {_share(skip)}."
        theory = _in_theory(setting, self.blocks, self.alpha) if quantity == "activations" else ""
        details = f"{self.blocks} blocks, alpha = {self.alpha:.2g}. {theory}<br>{_difference(nets)}"
        rms = {kind: [profile.rms for profile in getattr(nets, kind)] for kind in ("plain", "skip")}
        picture = gradients_plot(nets.relative(quantity), rms, gradient_of=quantity)
        return View(picture, status, {"plain": magnitude(plain), "skip": magnitude(skip)}, details)


def _share(ratio: float) -> str:
    """The first layer's gradient in words.

    >>> _share(1.4e-20), _share(1.3)
    ('1e-20 of what the last one does', 'about as much as the last one')
    """
    if not ratio > 0:
        why = "nothing that can be compared: the last one receives 0, or is not finite"
        return "no gradient, or less than single precision can hold" if ratio == 0 else why
    power = magnitude(ratio)
    if power == "1":
        return "about as much as the last one"
    return f"{power} {'of' if ratio < 1 else 'times'} what the last one does"


def _in_theory(setting: dict[str, Any], blocks: int, alpha: float) -> str:
    if setting["norm"] != "none" or setting["init"] == "zero":
        return ""
    q = block_factor(setting["activation"], setting["init"], 8)
    plain, skip = plain_product(q, blocks), skip_product(q, alpha, blocks)
    return f"In theory, with q = {q:.2g} for a block: plain {magnitude(plain)}, skip {magnitude(skip)}."


def _difference(nets: Comparison) -> str:
    plain, skip = (median(profile.spreads[-1] for profile in each) for each in (nets.plain, nets.skip))
    differ = f"{plain:.0%} of the size (plain), {skip:.0%} (skip)"
    return f"After the last block, {_DIGITS} digits still differ by {differ}."
