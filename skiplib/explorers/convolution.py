"""ConvExplorer: one convolution, every parameter live (layer L3)."""

from collections.abc import Sequence
from dataclasses import astuple
from functools import partial
from itertools import product
from math import prod

import ipywidgets as widgets

from skiplib.arithmetic import ConvGeometry, Size
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
        self._boxes, oblong, more = [], False, {}
        if self._image:
            del start["input_size"]
            self._boxes, oblong = _boxes(kernel), len(self._image) != len(self._image[0])
            more["weights"] = choose("weights", [*KERNELS, _OWN], kernel if isinstance(kernel, str) else _OWN)
        for box in self._boxes:
            box.observe(self._update, "value")
        self._own = widgets.GridBox(self._boxes, layout={"grid_template_columns": "repeat(3, 72px)"})
        show = show or ("weights" if self._image else "input_size", "kernel_size", "stride", "padding")
        under = [widgets.HTML(_WALK), self._own]
        super().__init__(start, output_index, apart=oblong, more=more, show=show, under=under)

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
        rows, columns = (geometry.output_size(size) for _, size, geometry in self._named_axes())
        self.controls["output_index"].set_most(rows * columns - 1)

    def view(self) -> View:
        """The picture, the result in words, and the formula with these numbers in it."""
        axes = list(self._named_axes())
        rows, columns = (geometry.output_size(size) for _, size, geometry in axes)
        marked = divmod(self.controls["output_index"].value, columns)
        values = Convolution(self._image, self._weights, self.geometries) if self._image else None
        picture = draw_convolution(self.input_size, self.geometries, output_index=marked, values=values)
        count = rows * columns
        windows = f"There are {count} windows, 0 to {count - 1}." if count > 1 else "There is 1 window."
        height, width = self.input_size
        status = f"{height} × {width} becomes {rows} × {columns}. {_loss(axes)} {windows}"
        leftovers = [geometry.leftover(size) for _, size, geometry in axes]
        result = {"output_size": self._given((rows, columns)), "leftover": self._given(leftovers)}
        first, second = ("", "") if self._apart else ("Size", "Same output")
        said = axes if self._apart else axes[:1]
        details = [f"{first or name}: {_formula(size, geometry)}" for name, size, geometry in said]
        details += [f"{second or name}: {_same(size, geometry)}" for name, size, geometry in said]
        details += _refusing_modes(axes)
        if values:
            value, name = values.output[marked[0]][marked[1]], self.controls["weights"].value
            result["output"] = round(value, 2) + 0.0
            details.insert(0, f"Weights, {name}: {KERNELS.get(name, 'as you set them')}")
        return View(picture, status, result, "<br>".join(details) + code_line(self.code))

    def refusal(self) -> Picture | None:
        """The window that is larger than the image."""
        fits = all(size >= geometry.smallest_input_size for _, size, geometry in self._named_axes())
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


def _loss(axes: Sequence[tuple[str, int, ConvGeometry]]) -> str:
    """What no window reads: pixels anywhere, and rows and columns at the end, padding included."""
    pixels = prod(size for _, size, _ in axes)
    unread = pixels - prod(size - len(geometry.unread_pixels(size)) for _, size, geometry in axes)
    ends = zip((geometry.leftover(size) for _, size, geometry in axes), ("row", "column"), strict=True)
    left = " and ".join(counted(end, word) for end, word in ends if end)
    sentence = f"{left} left over at the end" if left else "Nothing is left over"
    if unread:
        return f"No window reads {unread} of {counted(pixels, 'pixel')}. {sentence}."
    return f"{sentence}{', all of it padding' if left else ''}."


def _refusing_modes(axes: Sequence[tuple[str, int, ConvGeometry]]) -> list[str]:
    """What PyTorch's other padding modes would say where zeros may be any number."""
    excess = max(geometry.padding - size for _, size, geometry in axes)
    modes = ['"reflect"'] * (excess >= 0) + ['"circular"'] * (excess > 0)
    return [f"So much padding takes zeros: padding_mode={' and '.join(modes)} would refuse it"] if modes else []


def _formula(size: int, geometry: ConvGeometry) -> str:
    kernel, stride, padding, dilation = astuple(geometry)
    room = f"⌊{size + geometry.reach} / {stride}⌋ + 1 = <b>{geometry.output_size(size)}</b>"
    return f"⌊({size} + 2·{padding} − {dilation}·({kernel} − 1) − 1) / {stride}⌋ + 1 = {room}"


def _same(size: int, geometry: ConvGeometry) -> str:
    output = geometry.output_size(size)
    same = list(geometry.input_sizes(output))
    if same == [size]:
        return f"input size {size} alone gives {output}"
    return f"input sizes {str(same)[1:-1]} {'both' if len(same) == 2 else 'all'} give {output}"
