"""What explorers of one convolution share: every number for both axes, or for height and width apart (layer L3)."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, TypeVar

from skiplib.arithmetic import ConvGeometry, Pair, Size
from skiplib.chains import Axes
from skiplib.diagrams.axis import Axis
from skiplib.explorers.base import Explorer
from skiplib.explorers.controls import Control, along_both, tick
from skiplib.words import conv_arguments

_A = TypeVar("_A", bound=Axis)
_GEOMETRY = {"kernel_size": (1, 11), "stride": (1, 8), "padding": (0, 8), "dilation": (1, 6)}
_MOST_PLACES = 99_999  # no output has more


class PlaneExplorer(Explorer):
    """An explorer of a convolution's numbers, each a control for both axes or one for each, and of one output pixel.

    ``start`` has a value or a (height, width) for each of ``bounds`` that has controls; a pair sets the two apart.
    ``more`` are further controls.
    """

    _always_apart = False
    bounds: ClassVar[dict[str, tuple[int, int]]] = {"input_size": (1, 64), **_GEOMETRY}

    def __init__(self, start: Mapping[str, Size], output_index: int, more: Mapping[str, Any], **shown: Any) -> None:
        both = {name: along_both(name, value, *self.bounds[name]) for name, value in start.items()}
        controls: dict[str, Any] = {name: pair[name] for name, pair in both.items()}
        controls["output_index"] = Control("output_index", output_index, 0, _MOST_PLACES)
        apart = self._always_apart or any(isinstance(value, tuple) for value in start.values())
        controls |= tick("height_and_width_apart", apart)
        controls |= {f"{name}_w": pair[f"{name}_w"] for name, pair in both.items()}
        super().__init__({**controls, **more}, **shown)

    @property
    def input_size(self) -> Pair:
        """Height and width of the image."""
        return self._axes("input_size")

    @property
    def geometries(self) -> Axes:
        """The vertical and the horizontal geometry."""
        vertical, horizontal = zip(*map(self._axes, _GEOMETRY), strict=True)
        return ConvGeometry(*vertical), ConvGeometry(*horizontal)

    @property
    def settings(self) -> dict[str, object]:
        """Every parameter by PyTorch's name; a (height, width) pair where the two are set apart."""
        return {name: self._given(self._axes(name)) for name in self.bounds}

    def bound_controls(self) -> None:
        """Show the width's controls when they count."""
        for name, control in self.controls.items():
            if name.endswith("_w"):
                control.layout.display = "" if self._apart else "none"

    def _code(self, layer: str, in_channels: int = 3, out_channels: int = 6) -> str:
        """The line that makes the same layer in PyTorch and shows its output shape."""
        arguments = {name: self._given(self._axes(name)) for name in self.bounds if name != "input_size"}
        made = f"nn.{layer}({in_channels}, {out_channels}, {conv_arguments(**arguments)})"
        return f"{made}(torch.zeros{(1, in_channels, *self.input_size)}).shape"

    @property
    def _apart(self) -> bool:
        """Whether height and width are set apart."""
        return self._always_apart or bool(self.controls["height_and_width_apart"].value)

    def _given(self, pair: Sequence[int]) -> object:
        """What is said of (height, width): both where they are set apart, else one number."""
        return tuple(pair) if self._apart else pair[0]

    def _axes(self, name: str) -> Pair:
        height = self.controls[name].value
        return height, self.controls[f"{name}_w"].value if self._apart else height

    def _both(self, make: Callable[..., _A], *more: Sequence[int]) -> tuple[_A, _A]:
        """The vertical and the horizontal axis of a picture."""
        rows, columns = map(make, ("row", "column"), self.input_size, self.geometries, *more)
        return rows, columns

    def _named(self, rows: _A, columns: _A, one: str = "Size") -> list[tuple[str, _A]]:
        """The axes of which something is to be said, by name."""
        return [("Height", rows), ("Width", columns)] if self._apart else [(one, rows)]
