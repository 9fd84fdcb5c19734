"""TransposedExplorer: one transposed convolution, every parameter live (layer L3)."""

from collections.abc import Sequence
from dataclasses import astuple
from itertools import product

from skiplib.arithmetic import Size
from skiplib.diagrams.axis import Spread, in_words
from skiplib.diagrams.transposed import draw_transposed
from skiplib.explorers.base import View, code_line
from skiplib.explorers.plane import PlaneExplorer
from skiplib.words import in_ranges


class TransposedExplorer(PlaneExplorer):
    """A transposed convolution's input and output: which inputs reach one output pixel, and what is cropped or added.

    Args:
        input_size, kernel_size, stride, padding, dilation, output_padding: starting values, one number or (height,
            width); a pair in any of them sets height and width apart.
        output_index: which output pixel is marked, and the inputs that reach it, counted row by row from 0.
        show: the controls beside the picture; the others wait behind "more".

    >>> str(TransposedExplorer(input_size=20, kernel_size=10, stride=5, padding=3)).partition(" -> ")[2]
    'output_size=99, inputs=1'
    """

    bounds = PlaneExplorer.bounds | {"input_size": (1, 32), "output_padding": (0, 7)}

    def __init__(
        self,
        *,
        input_size: Size = 6,
        kernel_size: Size = 3,
        stride: Size = 2,
        padding: Size = 1,
        dilation: Size = 1,
        output_padding: Size = 0,
        output_index: int = 0,
        show: Sequence[str] = ("input_size", "kernel_size", "stride", "padding", "output_padding"),
    ) -> None:
        given = (input_size, kernel_size, stride, padding, dilation, output_padding)
        super().__init__(dict(zip(self.bounds, given, strict=True)), output_index, {}, show=show)

    @property
    def settings(self) -> dict[str, object]:
        """What makes the same explorer again."""
        return super().settings | {"output_index": self.controls["output_index"].value}

    @property
    def code(self) -> str:
        """The line that makes the same transposed convolution in PyTorch and shows its output shape."""
        return self._code("ConvTranspose2d")

    def bound_controls(self) -> None:
        """Keep ``output_padding`` below stride or dilation, and let ``output_index`` run over the output."""
        super().bound_controls()
        for name, geometry in zip(("output_padding", "output_padding_w"), self.geometries, strict=True):
            self.controls[name].set_most(max(geometry.stride, geometry.dilation) - 1)
        rows, columns = self._both(Spread, self._axes("output_padding"))
        self.controls["output_index"].set_most(rows.size * columns.size - 1)

    def view(self) -> View:
        """The picture, the result in words, and the formula with these numbers in it."""
        rows, columns = self._both(Spread, self._axes("output_padding"))
        row, column = divmod(self.controls["output_index"].value, columns.size)
        sources = len(rows.sources(row)) * len(columns.sources(column))
        status = f"{rows.places} × {columns.places} becomes {rows.size} × {columns.size}. {in_words(rows, columns)}"
        result = {"output_size": self._given((rows.size, columns.size)), "inputs": sources}
        details = [f"{name}: {_formula(axis)}" for name, axis in self._named(rows, columns)]
        inner = sorted({down * across for down, across in product(rows.inner_counts, columns.inner_counts)})
        pattern = "a checkerboard" if len(inner) > 1 else "no checkerboard"
        details.append(f"Away from the borders {', '.join(map(str, inner))} inputs reach an output pixel: {pattern}")
        picture = draw_transposed(rows, columns, output_index=(row, column))
        return View(picture, status, result, "<br>".join(details) + code_line(self.code))


def _formula(axis: Spread) -> str:
    inputs, back = axis.places, axis.geometry.input_sizes(axis.places)
    kernel, stride, padding, dilation = astuple(axis.geometry)
    return (
        f"({inputs} − 1)·{stride} − 2·{padding} + {dilation}·({kernel} − 1) + 1 + {axis.added} = <b>{axis.size}</b>; "
        f"the convolution with the same numbers makes {inputs} of {in_ranges(back)}"
        f"{'' if axis.size in back else f', not of {axis.size}'}"
    )
