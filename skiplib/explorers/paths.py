"""PathExplorer: how many paths there are of each length, and how much of the gradient they carry (layer L3)."""

from collections.abc import Sequence
from functools import lru_cache
from math import comb
from typing import Any

from skiplib.blocks import Init, Norm
from skiplib.diagrams.paths import paths_picture
from skiplib.digits import first_digits
from skiplib.explorers.base import View
from skiplib.explorers.controls import Control
from skiplib.explorers.network import NetworkExplorer, network_controls
from skiplib.explorers.resting import RestingExplorer
from skiplib.networks import make_stack
from skiplib.paths import mean_length, path_gradients
from skiplib.words import counted


class PathExplorer(RestingExplorer, NetworkExplorer):
    """Paths through blocks with skips, by length: their number, and the gradient of four digits that they carry.

    Args:
        blocks: how many, 1 to 24.
        init, norm, alpha: as for the GradientExplorer.
        seed: for the weights, 0 to 999.
        show: the controls beside the picture; the others wait behind "more".

    >>> str(PathExplorer(blocks=4)).partition(" -> ")[2]
    'paths=2.0, gradient=0.3'
    """

    inexact = True

    def __init__(
        self,
        *,
        blocks: int = 24,
        init: Init = "default",
        norm: Norm = "none",
        alpha: float | str = 1,
        seed: int = 172,
        show: Sequence[str] = ("blocks", "init", "norm", "alpha", "any_alpha"),
    ) -> None:
        network = network_controls(4, init, norm, alpha)
        del network["depth"]
        controls = {"blocks": Control("blocks", blocks, 1, 24), **network, "seed": Control("seed", seed, 0, 999)}
        super().__init__(controls, show=show)

    @property
    def blocks(self) -> int:
        """Residual blocks in the network."""
        return int(self.controls["blocks"].value)

    def view(self) -> View:
        """Both by length, and their means."""
        sizes = _sizes(**self.measured)
        counts = [comb(self.blocks, length) for length in range(self.blocks + 1)]
        means = mean_length(counts), mean_length(sizes)
        paths, gradient = (f"{mean:.1f}" for mean in means)
        passes = f"a path passes {paths} branches on average, the gradient {gradient}"
        status = f"{counted(self.blocks, 'block')}: {passes}."
        few = next(length for length in range(len(sizes)) if sum(sizes[: length + 1]) > 0.9 * sum(sizes))
        details = f"{sum(counts):,} paths. Nine tenths of the gradient's parts come through at most {few} "
        details += f"branch{'es' * (few != 1)}, on {sum(counts[: few + 1]):,} of them."
        picture = paths_picture(counts, sizes, means, ghost=self.ghost or ())
        self.drawn = sizes
        return View(picture, status, {"paths": paths, "gradient": gradient}, details)


@lru_cache(maxsize=64)
def _sizes(*, blocks: int, **settings: Any) -> list[float]:
    """The norm of the gradient's part of each length."""
    images, labels = first_digits(4)
    stack = make_stack(2 * blocks + 2, channels=16, skip=True, head="pool", **settings)
    return [part.double().norm().item() for part in path_gradients(stack, images, labels)]
