"""SpectrumExplorer: how many directions a chain of blocks lets pass, and how large they are on average (layer L3)."""

import math
from collections.abc import Sequence

from skiplib.diagrams.pairs import spectrum_picture
from skiplib.digits import first_digits
from skiplib.directions import block_jacobians, singular_values, surviving_directions
from skiplib.explorers.base import View
from skiplib.explorers.controls import Control, choose
from skiplib.explorers.resting import RestingExplorer
from skiplib.networks import make_stack
from skiplib.words import magnitude

_MANY = 8  # blocks: more take half a second


class SpectrumExplorer(RestingExplorer):
    """Singular values of the Jacobian of a chain of blocks, plain and with skips, at one digit.

    Args:
        blocks: how many, 1 to 25, of two 3x3 convolutions with 6 channels of 8 x 8 and ReLUs: 384 directions.
        init: "default" (PyTorch's), "xavier" or "he".
        alpha: scale of every branch where there is a skip, 0 to 1.
        seed: for the weights, 0 to 999.
        show: the controls beside the picture, all unless some are named; the others wait behind "more".

    >>> str(SpectrumExplorer(blocks=5)).partition(" -> ")[2]
    'plain=86, skip=384'
    """

    inexact = True

    def __init__(
        self, *, blocks: int = 9, init: str = "default", alpha: float = 1, seed: int = 172, show: Sequence[str] = ()
    ) -> None:
        controls = {
            "blocks": Control("blocks", blocks, 1, 25),
            "init": choose("init", ("default", "xavier", "he"), init),
            "alpha": Control("alpha", alpha, 0, 1, step=0.05),
            "seed": Control("seed", seed, 0, 999),
        }
        self._image = first_digits(1)[0].double()
        super().__init__(controls, show=show or None)

    @property
    def takes_long(self) -> bool:
        """Whether there are many Jacobians of 384 x 384 numbers."""
        return bool(self.controls["blocks"].value > _MANY)

    def view(self) -> View:
        """Both spectra, each relative to its largest value, and how many are above 1 % of it."""
        spectra = {"plain": self._singular_values(skip=False), "skip": self._singular_values(skip=True)}
        counts = {kind: surviving_directions(values) for kind, values in spectra.items()}
        plain, skip = (f"{count} of {len(spectra[kind])} directions survive" for kind, count in counts.items())
        status = f"Plain: {plain}. Skip: {skip}. (Counted above 1 % of the strongest.)"
        strongest = [f"{magnitude(values[0])} ({kind})" for kind, values in spectra.items()]
        average = [f"{magnitude(_average(values))} ({kind})" for kind, values in spectra.items()]
        details = f"The strongest direction is multiplied by {' and '.join(strongest)}, "
        details += f"all of them on average by {' and '.join(average)}."
        self.drawn = {kind: [[value / (values[0] or 1) for value in values]] for kind, values in spectra.items()}
        return View(spectrum_picture(self.drawn, ghost=self.ghost), status, counts, details)

    def _singular_values(self, *, skip: bool) -> tuple[float, ...]:
        blocks, init, alpha, seed = (control.value for control in self.controls.values())
        stack = make_stack(2 * blocks + 2, channels=6, skip=skip, init=init, alpha=alpha, seed=seed)
        return singular_values(block_jacobians(stack.double(), self._image))


def _average(values: Sequence[float]) -> float:
    """The root mean square: by how much a gradient that points anywhere is multiplied, on average."""
    return math.hypot(*values) / math.sqrt(len(values))
