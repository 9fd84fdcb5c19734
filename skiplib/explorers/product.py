"""ProductExplorer: a product of many equal factors, with and without a skip (layer L3)."""

from skiplib.explorers.base import Control, Decimal, Explorer, View, wrap
from skiplib.figures import Band, Plot, describe_pair, draw_pair, make_figure
from skiplib.theory import plain_product, skip_product
from skiplib.words import magnitude


class ProductExplorer(Explorer):
    """q multiplied by itself, once for each block, beside sqrt(1 + alpha**2 q**2) with a skip.

    Args:
        q: by how much a plain block multiplies the size of the gradient, 0 to 2.
        alpha: scale of the branch of a block with a skip, 0 to 1.
        blocks: how many, 1 to 100.

    Raises:
        TypeError, ValueError: if a starting value is not as above.

    >>> ProductExplorer(q=0.9, blocks=50)._repr_mimebundle_()["text/plain"].partition(" -> ")[2]
    'plain=1e-2, skip=1e6'
    """

    def __init__(self, *, q: float = 0.9, alpha: float = 1.0, blocks: int = 50) -> None:
        controls = {
            "q": Decimal("q", q, 0, 2),
            "alpha": Decimal("alpha", alpha, 0, 1),
            "blocks": Control("blocks", blocks, 1, 100),
        }
        super().__init__(controls, wrap(controls.values()))

    def view(self, *, hover: bool) -> View:
        """Both products, from no block to all of them."""
        q, alpha, blocks = (self.controls[name].value for name in ("q", "alpha", "blocks"))
        plain = [plain_product(q, n) for n in range(blocks + 1)]
        skip = [skip_product(q, alpha, n) for n in range(blocks + 1)]
        figure, (ax,) = make_figure(3.2)
        bands = Band.of([plain]), Band.of([skip])
        draw_pair(ax, *bands, xlabel="blocks that the gradient has passed", ylabel="size of the gradient")
        status = f"After {blocks} blocks: plain {magnitude(plain[-1])}, skip {magnitude(skip[-1])}."
        details = f"One block multiplies by {q:.3g} (plain) or √(1 + {alpha:.3g}²·{q:.3g}²) = {skip[1]:.3g} (skip)."
        result = {"plain": magnitude(plain[-1]), "skip": magnitude(skip[-1])}
        return View(Plot(figure, describe_pair("Size of the gradient", *bands)), status, result, details)
