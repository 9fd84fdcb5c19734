"""ProductExplorer: a product of many equal factors, with and without a skip (layer L3)."""

from collections.abc import Sequence

from skiplib.diagrams.pairs import product_picture
from skiplib.explorers.base import View
from skiplib.explorers.controls import Control
from skiplib.explorers.resting import RestingExplorer
from skiplib.theory import plain_product, skip_product
from skiplib.words import counted, magnitude


class ProductExplorer(RestingExplorer):
    """q multiplied by itself, once for each block, beside sqrt(1 + alpha**2 q**2) with a skip.

    Args:
        q: by how much a plain block multiplies the norm of the gradient, 0 to 2.
        alpha: scale of the branch of a block with a skip, 0 to 1.
        blocks: how many, 1 to 100.
        show: the controls beside the picture, all unless some are named; the others wait behind "more".

    >>> ProductExplorer(q=0.9, blocks=50)
    ProductExplorer(q=0.9, alpha=1.0, blocks=50) -> plain=1e-2, skip=1e6
    """

    def __init__(self, *, q: float = 0.9, alpha: float = 1, blocks: int = 50, show: Sequence[str] = ()) -> None:
        controls = {
            "q": Control("q", q, 0, 2, step=0.05),
            "alpha": Control("alpha", alpha, 0, 1, step=0.05),
            "blocks": Control("blocks", blocks, 1, 100),
        }
        super().__init__(controls, show=show or None)

    def view(self) -> View:
        """Both products, from no block to all of them."""
        q, alpha, blocks = (control.value for control in self.controls.values())
        plain = [plain_product(q, n) for n in range(blocks + 1)]
        skip = [skip_product(q, alpha, n) for n in range(blocks + 1)]
        result = {"plain": magnitude(plain[-1]), "skip": magnitude(skip[-1])}
        status = f"After {counted(blocks, 'block')}: plain {result['plain']}, skip {result['skip']}."
        details = f"One block multiplies by {q:.3g} (plain) or √(1 + {alpha:.3g}²·{q:.3g}²) = {skip[1]:.3g} (skip)."
        self.drawn = {"plain": [plain], "skip": [skip]}
        return View(product_picture(self.drawn, ghost=self.ghost), status, result, details)
