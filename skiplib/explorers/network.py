"""What the explorers of whole networks share: depth, weights, norm and branch scale (layer L3)."""

from typing import Any, get_args

from skiplib.blocks import Init, Norm
from skiplib.explorers.base import Explorer
from skiplib.explorers.controls import Control, choose
from skiplib.theory import branch_scale

_SCALES = ("1", "1/sqrt(n)", "any")


class NetworkExplorer(Explorer):
    """An explorer of networks with ``depth`` weighted layers: stem, two in each block, head."""

    @property
    def blocks(self) -> int:
        """Residual blocks in each network."""
        return int(self.controls["depth"].value) // 2 - 1

    @property
    def alpha(self) -> float:
        """The scale of every branch as a number."""
        scale: Any = self.settings["alpha"]
        return branch_scale(scale, self.blocks)

    @property
    def measured(self) -> dict[str, Any]:
        """The settings as a measuring takes them: alpha is a number."""
        return self.settings | {"alpha": self.alpha}

    @property
    def settings(self) -> dict[str, object]:
        """What makes the same explorer again."""
        values = super().settings
        any_alpha, scale = values.pop("any_alpha"), values["alpha"]
        any_alpha = 1 if any_alpha == 1 else any_alpha  # 1.0 and 1 are one setting, and one word
        return values | {"alpha": {"1": 1, "any": any_alpha}.get(str(scale), scale)}

    def bound_controls(self) -> None:
        """Show the slider for alpha where it counts."""
        self.controls["any_alpha"].layout.display = "" if self.controls["alpha"].value == "any" else "none"


def network_controls(depth: int, init: str, norm: str, alpha: float | str) -> dict[str, Any]:
    """The controls of a network: its depth, its weights, its norm, and the scale of its branches."""
    scale = alpha if isinstance(alpha, str) else "1" if alpha == 1 else "any"
    branch_scale(alpha, 1)  # refuses any other word
    return {
        "depth": Control("depth", depth, 2, 100, step=2),
        "init": choose("init", get_args(Init), init),
        "norm": choose("norm", get_args(Norm), norm),
        "alpha": choose("alpha", _SCALES, scale),
        "any_alpha": Control("any_alpha", 1.0 if isinstance(alpha, str) else alpha, 0, 1, step=0.05),
    }
