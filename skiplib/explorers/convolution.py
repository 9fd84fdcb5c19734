"""ConvExplorer: one convolution, every parameter live (layer L3)."""

from collections.abc import Iterator, Mapping, Sequence

import ipywidgets as widgets

from skiplib.arithmetic import ConvGeometry, Size
from skiplib.diagrams.convolution import draw_convolution
from skiplib.explorers.base import Explorer, View, code_line
from skiplib.explorers.controls import Control
from skiplib.words import conv_arguments

_BOUNDS = {"input_size": (1, 64), "kernel_size": (1, 11), "stride": (1, 8), "padding": (0, 8), "dilation": (1, 6)}
_MOST_PLACES = (64 + 2 * 8) ** 2


class ConvExplorer(Explorer):
    """A convolution's padded input, windows and output, for every kernel, stride, padding and dilation.

    Args:
        input_size, kernel_size, stride, padding, dilation: starting values, one number or (height, width); a pair
            in any of them sets height and width apart.
        output_index: which output pixel is marked, and its window, counted row by row from 0.
        show: the controls beside the picture; the others wait behind "more".

    >>> ConvExplorer(input_size=32, kernel_size=2, stride=2, padding=2)
    ConvExplorer(input_size=32, kernel_size=2, stride=2, padding=2, dilation=1) -> output_size=18, leftover=0
    """

    def __init__(
        self,
        *,
        input_size: Size = 7,
        kernel_size: Size = 3,
        stride: Size = 1,
        padding: Size = 0,
        dilation: Size = 1,
        output_index: int = 0,
        show: Sequence[str] = ("input_size", "kernel_size", "stride", "padding"),
    ) -> None:
        start = dict(zip(_BOUNDS, (input_size, kernel_size, stride, padding, dilation), strict=True))
        pairs = {name: _pair(name, value) for name, value in start.items()}
        height = {name: Control(name, pairs[name][0], *bounds) for name, bounds in _BOUNDS.items()}
        width = {f"{name}_w": Control(f"{name}_w", pairs[name][1], *bounds) for name, bounds in _BOUNDS.items()}
        apart = widgets.Checkbox(
            any(isinstance(value, tuple) for value in start.values()),
            description="width apart from height",
            indent=False,
            layout={"width": "216px"},
        )
        index = Control("output_index", output_index, 0, _MOST_PLACES - 1)
        self._play = widgets.Play(value=output_index, max=_MOST_PLACES - 1, interval=400, layout={"width": "150px"})
        widgets.link((index, "value"), (self._play, "value"))
        controls = {**height, "output_index": index, "width_apart": apart, **width}
        super().__init__(controls, show=show, under=[self._play])

    @property
    def input_size(self) -> tuple[int, int]:
        """Height and width of the image."""
        return self._axes("input_size")

    @property
    def geometries(self) -> tuple[ConvGeometry, ConvGeometry]:
        """The vertical and the horizontal geometry."""
        names = [name for name in _BOUNDS if name != "input_size"]
        vertical, horizontal = zip(*(self._axes(name) for name in names), strict=True)
        return ConvGeometry(*vertical), ConvGeometry(*horizontal)

    @property
    def settings(self) -> dict[str, object]:
        """Every parameter by PyTorch's name; a (height, width) pair where the two are set apart."""
        apart = self.controls["width_apart"].value
        return {name: self._axes(name) if apart else self._axes(name)[0] for name in _BOUNDS}

    @property
    def code(self) -> str:
        """The line that makes the same convolution in PyTorch and shows its output shape."""
        arguments = {name: value for name, value in self.settings.items() if name != "input_size"}
        return f"nn.Conv2d(3, 6, {conv_arguments(**arguments)})(torch.zeros{(1, 3, *self.input_size)}).shape"

    def bound_controls(self) -> None:
        """Show the width's controls when they count, and let ``output_index`` run over the places there are."""
        for name in _BOUNDS:
            self.controls[f"{name}_w"].layout.display = "" if self.controls["width_apart"].value else "none"
        rows, columns = (geometry.output_size(size) for _, size, geometry in self._named_axes())
        self.controls["output_index"].set_most(rows * columns - 1)
        self._play.max = rows * columns - 1
        self._play.value = self.controls["output_index"].value  # it may have come back before there was room here

    def view(self) -> View:
        """The picture, the result in words, and the formula with these numbers in it."""
        apart = self.controls["width_apart"].value
        axes = list(self._named_axes())
        rows, columns = (geometry.output_size(size) for _, size, geometry in axes)
        height, width = (size for _, size, _ in axes)
        marked = divmod(self.controls["output_index"].value, columns)
        picture = draw_convolution((height, width), (axes[0][2], axes[1][2]), output_index=marked)
        axes = axes if apart else axes[:1]
        lines = ("rows", "columns") if apart else ("rows and columns",)
        lost = " ".join(
            f"{name + ': ' if apart else ''}{_loss(size, geometry, unit)}"
            for (name, size, geometry), unit in zip(axes, lines, strict=True)
        )
        count = rows * columns
        windows = f"There are {count} windows, 0 to {count - 1}." if count > 1 else "There is 1 window."
        status = f"{height} × {width} becomes {rows} × {columns}. {lost} {windows}"
        details = [f"{name if apart else 'Size'}: {_formula(size, geometry)}" for name, size, geometry in axes]
        details += [f"{name if apart else 'Same output'}: {_same(size, geometry)}" for name, size, geometry in axes]
        leftovers = [geometry.leftover(size) for _, size, geometry in axes]
        result: Mapping[str, object] = {
            "output_size": (rows, columns) if apart else rows,
            "leftover": tuple(leftovers) if apart else leftovers[0],
        }
        return View(picture, status, result, "<br>".join(details) + code_line(self.code))

    def _axes(self, name: str) -> tuple[int, int]:
        height = self.controls[name].value
        return height, self.controls[f"{name}_w"].value if self.controls["width_apart"].value else height

    def _named_axes(self) -> Iterator[tuple[str, int, ConvGeometry]]:
        return zip(("Height", "Width"), self.input_size, self.geometries, strict=True)


def _pair(name: str, value: Size) -> tuple[int, int]:
    if isinstance(value, tuple) and len(value) != 2:
        raise TypeError(f"`{name}` must be one number or (height, width); got {value!r}")
    return value if isinstance(value, tuple) else (value, value)


def _loss(size: int, geometry: ConvGeometry, lines: str) -> str:
    leftover, unread = geometry.leftover(size), len(geometry.unread_pixels(size))
    if unread:
        return f"No window reads {unread} of {size} {lines} (leftover at the end: {leftover})."
    return f"{leftover} left over, all of it padding." if leftover else "Nothing is left over."


def _formula(size: int, geometry: ConvGeometry) -> str:
    kernel, stride, padding, dilation = geometry.kernel_size, geometry.stride, geometry.padding, geometry.dilation
    room = size + 2 * padding - geometry.effective_kernel_size
    return (
        f"⌊({size} + 2·{padding} − {dilation}·({kernel} − 1) − 1) / {stride}⌋ + 1"
        f" = ⌊{room} / {stride}⌋ + 1 = <b>{geometry.output_size(size)}</b>"
    )


def _same(size: int, geometry: ConvGeometry) -> str:
    same = geometry.input_sizes(geometry.output_size(size))
    sizes = ", ".join(map(str, same))
    together = "both" if len(same) == 2 else "all"
    ending = f"sizes {sizes} {together} give" if len(same) > 1 else f"size {sizes} alone gives"
    return f"input {ending} {geometry.output_size(size)}"
