"""SpectrumExplorer: how many directions a chain of blocks lets pass, and how large they are on average (layer L3)."""

import math
from collections.abc import Sequence

from skiplib.digits import first_digits
from skiplib.directions import block_jacobians, singular_values, surviving_directions
from skiplib.explorers.base import Explorer, View
from skiplib.explorers.controls import Control, choose
from skiplib.figures.pairs import spectrum_plot
from skiplib.networks import make_stack
from skiplib.words import magnitude


class SpectrumExplorer(Explorer):
    """Singular values of the Jacobian of a chain of blocks, plain and with skips, at one digit.

    Args:
        blocks: how many, 1 to 25, of two 3x3 convolutions with 6 channels of 8 x 8 and ReLUs: 384 directions.
        init: "default" (PyTorch's), "xavier" or "he".
        alpha: scale of every branch where there is a skip, 0 to 1.
        seed: for the weights, 0 to 999.
        show: the controls beside the picture; the others wait behind "more".

    >>> str(SpectrumExplorer(blocks=5)).partition(" -> ")[2]
    'plain=86, skip=384'
    """

    def __init__(
        self,
        *,
        blocks: int = 9,
        init: str = "default",
        alpha: float = 1.0,
        seed: int = 172,
        show: Sequence[str] | None = None,
    ) -> None:
        controls = {
            "blocks": Control("blocks", blocks, 1, 25),
            "init": choose("init", ("default", "xavier", "he"), init),
            "alpha": Control("alpha", alpha, 0, 1, step=0.05),
            "seed": Control("seed", seed, 0, 999),
        }
        self._image = first_digits(1)[0].double()
        super().__init__(controls, show=show)

    def view(self) -> View:
        """Both spectra, each relative to its largest value, and how many are above 1 % of it."""
        plain, skip = (self._singular_values(skip=flag) for flag in (False, True))
        counts = {"plain": surviving_directions(plain), "skip": surviving_directions(skip)}
        passes = [
            f"{count} of {len(plain)} directions pass" if count else "nothing passes" for count in counts.values()
        ]
        status = f"Plain: {passes[0]}. Skip: {passes[1]}. (Counted above 1 % of the strongest.)"
        by = f"{magnitude(plain[0])} (plain) and {magnitude(skip[0])} (skip)"
        average = f"{magnitude(_average(plain))} (plain) and {magnitude(_average(skip))} (skip)"
        details = f"The strongest direction is multiplied by {by}, all of them on average by {average}."
        return View(spectrum_plot(plain, skip), status, counts, details)

    def _singular_values(self, *, skip: bool) -> tuple[float, ...]:
        blocks, init, alpha, seed = (control.value for control in self.controls.values())
        settings = {"init": init, "alpha": alpha, "seed": seed}
        stack = make_stack(2 * blocks + 2, channels=6, skip=skip, **settings)
        return singular_values(block_jacobians(stack.double(), self._image))


def _average(values: Sequence[float]) -> float:
    """The root mean square: by how much a gradient that points anywhere is multiplied, on average."""
    return math.hypot(*values) / math.sqrt(len(values))
