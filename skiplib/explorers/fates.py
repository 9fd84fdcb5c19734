"""FatesExplorer: say where a gradient ends, then measure it over the guess (layer L3, with torch)."""

from typing import Any

import ipywidgets as widgets

from skiplib.diagrams.curves import Rows
from skiplib.diagrams.pairs import fates_picture
from skiplib.exercises import Feedback
from skiplib.experiments import measured_nets, try_fates
from skiplib.explorers.asking import Question


class FatesExplorer(Question):
    """Asks what becomes of the gradient of plain and of skip networks; **Measure** draws it over the guess.

    Args:
        question: one for ``try_fates``, such as "03.sigmoid".
        depth: weighted layers: stem, two in each block, head.
        settings: more of those of ``measured_nets``, such as ``activation="sigmoid"``.

    >>> FatesExplorer("03.sigmoid", activation="sigmoid")
    Question 03.sigmoid: 50 layers with sigmoid in place of ReLU, and PyTorch's default weights. What becomes of the \
gradient? [plain, skip: vanishes | holds | explodes] Not answered yet.
    """

    asked_by = "try_fates"

    def __init__(self, question: str, *, depth: int = 50, **settings: Any) -> None:
        self.settings = {"depth": depth, **settings}
        self._picture = widgets.HTML(layout={"flex": "1 1 340px", "min_width": "0"})
        self._gradients: Rows | None = None
        super().__init__(question)
        for row in self.entry.rows:
            row.observe(self._new_guess, "value")
        self._draw()

    def parts(self) -> list[widgets.Widget]:
        """The guess and what is said of it, beside the picture where the page is wide."""
        left = widgets.VBox(super().parts(), layout={"width": "250px", "flex": "0 0 auto"})
        return [widgets.HBox([left, self._picture], layout={"flex_flow": "row wrap"})]

    def judge(self, answer: object) -> Feedback:
        """Measure, draw, and compare with the guess."""
        self._gradients = measured_nets(**self.settings).relative()
        self._draw()
        return try_fates(self.question, answer, **self.settings)

    def _new_guess(self, _: object) -> None:
        self.open_again()  # what was said is about another guess
        self._draw()

    def _draw(self) -> None:
        guess = {row.description: row.value for row in self.entry.rows if row.value}
        self._picture.value = fates_picture(guess, self._gradients, blocks=self.settings["depth"] // 2 - 1).live
