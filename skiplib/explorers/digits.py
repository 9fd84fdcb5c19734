"""DigitsExplorer: four digits on their way through a plain and a skip network, block by block (layer L3)."""

from collections.abc import Sequence
from typing import get_args

from skiplib.blocks import Init, Norm, Order
from skiplib.diagrams.matrices import draw_stages
from skiplib.digits import first_digits
from skiplib.explorers.base import View
from skiplib.explorers.controls import Control, choose
from skiplib.explorers.network import NetworkExplorer, network_controls
from skiplib.networks import Biases, stages
from skiplib.words import counted


class DigitsExplorer(NetworkExplorer):
    """What is left of four digits in an untrained network: with the same weights, without skips and with them.

    Args:
        depth: weighted layers, even, 2 to 100: stem, two in each block, head (which is not shown).
        init, norm, alpha: as for the GradientExplorer.
        order: of the block: "article", "original" or "pre-activation".
        biases: of the convolutions: "as drawn" by the initialisation, or "zero".
        channels: of every convolution, 4 to 32.
        seed: for the weights, 0 to 999.
        show: the controls beside the picture; the others wait behind "more".

    >>> str(DigitsExplorer()).partition(" -> ")[2]
    'plain=0 %, skip=39 %'
    """

    inexact = True

    def __init__(
        self,
        *,
        depth: int = 50,
        init: Init = "default",
        order: Order = "pre-activation",
        biases: Biases = "as drawn",
        norm: Norm = "none",
        alpha: float | str = 1,
        channels: int = 16,
        seed: int = 172,
        show: Sequence[str] = ("depth", "init", "order", "biases"),
    ) -> None:
        controls = network_controls(depth, init, norm, alpha) | {
            "order": choose("order", get_args(Order), order),
            "biases": choose("biases", get_args(Biases), biases),
            "channels": Control("channels", channels, 4, 32, step=4),
            "seed": Control("seed", seed, 0, 999),
        }
        super().__init__(controls, show=show)

    def view(self) -> View:
        """The digits at some places of both networks, and how far they differ in the end."""
        places = stages(images=first_digits(4)[0], **self.measured)
        plain, skip = (f"{100 * places[kind][-1][1]:.0f} %" for kind in ("plain", "skip"))
        blocks = counted(self.blocks, "block")
        status = f"After {blocks} the four digits differ by {plain} of their size (plain), {skip} (skip)."
        details = "Grey: how large a pixel is, over all channels; each column has a scale of its own, white to black."
        return View(draw_stages(places), status, {"plain": plain, "skip": skip}, details)
