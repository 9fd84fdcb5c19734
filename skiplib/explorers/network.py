"""What the explorers of whole networks share: depth, weights, norm and branch scale (layer L3)."""

import math
from typing import Any, get_args

from skiplib.blocks import Init, Norm
from skiplib.explorers.base import Explorer
from skiplib.explorers.controls import Control, choose

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
        words = {"1": 1.0, "1/sqrt(n)": 1 / math.sqrt(max(1, self.blocks))}
        return float(words.get(self.controls["alpha"].value, self.controls["any_alpha"].value))

    @property
    def settings(self) -> dict[str, object]:
        """What makes the same explorer again."""
        values = super().settings
        any_alpha, scale = values.pop("any_alpha"), values["alpha"]
        return values | {"alpha": {"1": 1, "any": any_alpha}.get(str(scale), scale)}

    def bound_controls(self) -> None:
        """Show the slider for alpha where it counts."""
        self.controls["any_alpha"].layout.display = "" if self.controls["alpha"].value == "any" else "none"


def network_controls(depth: int, init: str, norm: str, alpha: float | str) -> dict[str, Any]:
    """The controls of a network: its depth, its weights, its norm, and the scale of its branches."""
    scale = alpha if alpha in _SCALES else "1" if alpha == 1 else "any"
    if isinstance(alpha, str) and alpha not in _SCALES[:2]:
        raise ValueError(f"`alpha` must be a number or '1/sqrt(n)'; got {alpha!r}")
    return {
        "depth": Control("depth", depth, 2, 100, step=2),
        "init": choose("init", get_args(Init), init),
        "norm": choose("norm", get_args(Norm), norm),
        "alpha": choose("alpha", _SCALES, scale),
        "any_alpha": Control("any_alpha", 1.0 if isinstance(alpha, str) else alpha, 0, 1, step=0.05),
    }
