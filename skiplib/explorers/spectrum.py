"""SpectrumExplorer: how many directions a chain of blocks lets pass (layer L3, with torch)."""

from typing import Any

import torch.nn.functional as F

from skiplib.digits import first_digits
from skiplib.directions import block_jacobians, singular_values, surviving_directions
from skiplib.explorers.base import Control, Decimal, Explorer, View, choose, wrap
from skiplib.figures import Band, Plot, describe_pair, draw_pair, make_figure
from skiplib.networks import make_stack
from skiplib.words import magnitude

_INITS = ("default", "xavier", "he")


class SpectrumExplorer(Explorer):
    """Singular values of the Jacobian of a chain of blocks, plain and with skips, at one digit of 4 x 4 pixels.

    Args:
        blocks: how many, 1 to 50, of two 3x3 convolutions with 4 channels and ReLUs: 64 directions.
        init: "default" (PyTorch's), "xavier" or "he".
        alpha: scale of every branch where there is a skip, 0 to 1.
        seed: for the weights, 0 to 999.

    Raises:
        TypeError, ValueError: if a starting value is not as above.

    >>> SpectrumExplorer(blocks=5)._repr_mimebundle_()["text/plain"].partition(" -> ")[2]
    'plain=0, skip=64'
    """

    def __init__(self, *, blocks: int = 25, init: str = "default", alpha: float = 1.0, seed: int = 172) -> None:
        controls = {
            "blocks": Control("blocks", blocks, 1, 50),
            "init": choose("init", _INITS, init),
            "alpha": Decimal("alpha", alpha, 0, 1),
            "seed": Control("seed", seed, 0, 999),
        }
        digit, _ = first_digits(1)
        self._image = F.avg_pool2d(digit.double(), 2)
        super().__init__(controls, wrap(controls.values()))

    def view(self, *, hover: bool) -> View:
        """Both spectra, each relative to its largest value, and how many are above 1 % of it."""
        plain, skip = (self._singular_values(skip=flag) for flag in (False, True))
        counts = {"plain": surviving_directions(plain), "skip": surviving_directions(skip)}
        figure, (ax,) = make_figure(3.2)
        bands = [Band.of([[value / (values[0] or 1) for value in values]]) for values in (plain, skip)]
        draw_pair(
            ax,
            *bands,
            xs=range(1, 65),
            xlabel="direction, strongest first",
            ylabel="singular value,\nrelative to largest",
            floor=(-16, "lost in rounding"),
        )
        ax.axhline(-2, color="#616161", linestyle=":")
        ax.annotate(
            "1 %", (64, -2), xytext=(0, -3), textcoords="offset points", ha="right", va="top", color="#616161"
        )
        passes = {
            name: f"{count} of 64 directions pass" if count else "nothing passes" for name, count in counts.items()
        }
        status = f"Plain: {passes['plain']}. Skip: {passes['skip']}. (Counted above 1 % of the strongest.)"
        details = (
            f"The strongest direction is multiplied by {magnitude(plain[0])} (plain) and {magnitude(skip[0])} (skip)."
        )
        alt = describe_pair("Singular values, relative to the largest", *bands)
        return View(Plot(figure, alt), status, counts, details)

    def _singular_values(self, *, skip: bool) -> tuple[float, ...]:
        settings: dict[str, Any] = dict(self.settings)
        depth = 2 * settings.pop("blocks") + 2
        stack = make_stack(depth, channels=4, input_size=4, skip=skip, **settings).double()
        return singular_values(block_jacobians(stack, self._image))
