"""ConvExplorer: one convolution, every parameter live (layer L3)."""

from collections.abc import Sequence
from dataclasses import astuple
from functools import partial
from itertools import product

import ipywidgets as widgets

from skiplib.arithmetic import Size
from skiplib.diagrams.axis import Axis, unread_pixels
from skiplib.diagrams.convolution import draw_convolution, draw_misfit
from skiplib.diagrams.svg import Picture
from skiplib.explorers.base import View, code_line
from skiplib.explorers.controls import INNER, choose
from skiplib.explorers.plane import PlaneExplorer
from skiplib.kernels import KERNELS, LARGEST, Convolution, checked_grid, named_weights
from skiplib.words import counted

_MOST_PIXELS = 16  # of an image's side: larger ones have no room for numbers
_OWN = "own"
_WALK = (
    f'<button class="jupyter-button widget-button" style="width:{INNER};margin-top:10px" onclick="'
    "this.closest('.skiplib-explorer').querySelector('.hits')?.onpointermove({walk: 1})\">▶ walk, or stop</button>"
)


class ConvExplorer(PlaneExplorer):
    """A convolution's padded input, windows and output, for every kernel, stride, padding and dilation.

    With an image it computes, too: one channel, one kernel, no bias. Named weights fit every kernel size, and the
    line under the picture says what they do; your own are 3 by 3.

    Args:
        input_size, kernel_size, stride, padding, dilation: starting values, one number or (height, width); a pair
            in any of them sets height and width apart.
        output_index: which output pixel is marked, and its window, counted row by row from 0.
        image: rows of numbers, at most 16 by 16 (a list, an array, a tensor), in place of ``input_size``.
        kernel: the weights: edge, blur, sharpen, identity, random, or 3 rows of 3 numbers.
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
        image: object = None,
        kernel: str | Sequence[Sequence[float]] = "edge",
        show: Sequence[str] = (),
    ) -> None:
        self._image = None if image is None else checked_grid("image", image, most=_MOST_PIXELS)
        start = dict(zip(self.bounds, (input_size, kernel_size, stride, padding, dilation), strict=True))
        self._boxes, more = [], {}
        if self._image:
            del start["input_size"]
            self._boxes, self._always_apart = _boxes(kernel), len(self._image) != len(self._image[0])
            more["weights"] = choose("weights", [*KERNELS, _OWN], kernel if isinstance(kernel, str) else _OWN)
        for box in self._boxes:
            box.observe(self._update, "value")
        self._own = widgets.GridBox(self._boxes, layout={"grid_template_columns": "repeat(3, 72px)"})
        show = show or ("weights" if self._image else "input_size", "kernel_size", "stride", "padding")
        under = [widgets.HTML(_WALK), self._own]
        super().__init__(start, output_index, more, show=show, under=under)

    @property
    def settings(self) -> dict[str, object]:
        """Every parameter by PyTorch's name; a (height, width) pair where the two are set apart."""
        return super().settings | ({"kernel": self._kernel} if self._image else {})

    @property
    def code(self) -> str:
        """The line that makes the same convolution in PyTorch and shows its output shape."""
        return self._code("Conv2d", *(1, 1) if self._image else ())

    def bound_controls(self) -> None:
        """Show the width's controls when they count, and let ``output_index`` run over the places there are."""
        super().bound_controls()
        self._own.layout.display = "" if self._image and self.controls["weights"].value == _OWN else "none"
        rows, columns = self._both(Axis)
        self.controls["output_index"].set_most(rows.places * columns.places - 1)

    def view(self) -> View:
        """The picture, the result in words, and the formula with these numbers in it."""
        rows, columns = self._both(Axis)
        row, column = divmod(self.controls["output_index"].value, columns.places)
        values = Convolution(self._image, self._weights, self.geometries) if self._image else None
        picture = draw_convolution(self.input_size, self.geometries, output_index=(row, column), values=values)
        count = rows.places * columns.places
        windows = f"There are {count} windows, 0 to {count - 1}." if count > 1 else "There is 1 window."
        sizes = f"{rows.size} × {columns.size} becomes {rows.places} × {columns.places}."
        places, leftover = (rows.places, columns.places), (rows.leftover, columns.leftover)
        result = {"output_size": self._given(places), "leftover": self._given(leftover)}
        details = [f"{name}: {_formula(axis)}" for name, axis in self._named(rows, columns)]
        details += [f"{name}: {_same(axis)}" for name, axis in self._named(rows, columns, "Same output")]
        details += _refusing_modes(max(axis.padding - axis.size for axis in (rows, columns)))
        if values:
            name = self.controls["weights"].value
            result["output"] = round(values.output[row][column], 2) + 0.0
            details.insert(0, f"Weights, {name}: {KERNELS.get(name, 'as you set them')}")
        status = f"{sizes} {_loss(rows, columns)} {windows}"
        return View(picture, status, result, "<br>".join(details) + code_line(self.code))

    def refusal(self) -> Picture | None:
        """The window that is larger than the image."""
        (height, width), (down, across) = self.input_size, self.geometries
        fits = height >= down.smallest_input_size and width >= across.smallest_input_size
        return None if fits else draw_misfit(self.input_size, self.geometries)

    @property
    def _kernel(self) -> str | list[list[float]]:
        """The name of the weights, or your own."""
        name, own = str(self.controls["weights"].value), [box.value for box in self._boxes]
        return [own[:3], own[3:6], own[6:]] if name == _OWN else name

    @property
    def _weights(self) -> list[list[float]]:
        kernel, sizes = self._kernel, self._axes("kernel_size")
        if isinstance(kernel, str):
            return named_weights(kernel, *sizes)
        if sizes != (3, 3):
            raise ValueError(f"`weights` of your own are 3 by 3, but `kernel_size` is {sizes[0]} by {sizes[1]}")
        return kernel

    def _axes(self, name: str) -> tuple[int, int]:
        if self._image and name == "input_size":
            return len(self._image), len(self._image[0])
        return super()._axes(name)


def _boxes(kernel: str | Sequence[Sequence[float]]) -> list[widgets.BoundedFloatText]:
    """A number box for each of nine weights; they begin at ``kernel``."""
    rows = named_weights(kernel, 3, 3) if isinstance(kernel, str) else checked_grid("kernel", kernel, most=3)
    if len(rows) != 3 or len(rows[0]) != 3:
        raise ValueError(f"`kernel` must have 3 rows of 3 numbers; got {len(rows)} of {len(rows[0])}")
    look = {"style": {"description_width": "26px"}, "layout": {"width": "70px"}}
    box = partial(widgets.BoundedFloatText, min=-LARGEST, max=LARGEST, step=0.5, **look)
    places = product(range(3), range(3))
    return [box(rows[row][column], description=f"{row},{column}") for row, column in places]


def _loss(rows: Axis, columns: Axis) -> str:
    """What no window reads: pixels anywhere, and rows and columns at the end, padding included."""
    left = " and ".join(counted(axis.leftover, axis.name) for axis in (rows, columns) if axis.leftover)
    sentence = f"{left} left over at the end" if left else "Nothing is left over"
    unread, pixels = unread_pixels(rows, columns)
    if unread:
        return f"No window reads {unread} of {counted(pixels, 'pixel')}. {sentence}."
    return f"{sentence}{', all of it padding' if left else ''}."


def _refusing_modes(excess: int) -> list[str]:
    """What PyTorch's other padding modes would say of more padding than there are pixels."""
    modes = ['"reflect"'] * (excess >= 0) + ['"circular"'] * (excess > 0)
    return [f"So much padding takes zeros: padding_mode={' and '.join(modes)} would refuse it"] if modes else []


def _formula(axis: Axis) -> str:
    kernel, stride, padding, dilation = astuple(axis.geometry)
    room = f"⌊{axis.size + axis.geometry.reach} / {stride}⌋ + 1 = <b>{axis.places}</b>"
    return f"⌊({axis.size} + 2·{padding} − {dilation}·({kernel} − 1) − 1) / {stride}⌋ + 1 = {room}"


def _same(axis: Axis) -> str:
    same = list(axis.geometry.input_sizes(axis.places))
    if len(same) == 1:
        return f"input size {axis.size} alone gives {axis.places}"
    return f"input sizes {str(same)[1:-1]} {'both' if len(same) == 2 else 'all'} give {axis.places}"
