"""ChainExplorer: up to four layers in a row, and the map of sizes (layer L3)."""

from collections.abc import Sequence

from skiplib.arithmetic import PUBLISHED, ConvGeometry, Size
from skiplib.chains import Layer, along, checked_layers, compose, layer_code, seen_pixels, size_line, sizes
from skiplib.diagrams.chain import draw_chain
from skiplib.explorers.base import View, code_line
from skiplib.explorers.layers import AXES, LayersExplorer
from skiplib.words import in_ranges, seen_in_words


class ChainExplorer(LayersExplorer):
    """Sizes through a chain of layers, what one output pixel sees, and a cobweb of the map of sizes.

    Args:
        geometries: one to four layers to begin with, convolutions or poolings, each for both axes or as
            (vertical, horizontal).
        input_size: pixels of the image, 1 to 4096, one number or (height, width).
        output_index: the output pixel, along the axis that is drawn, whose view of the input is marked.
        axis: the one that is drawn, "height" or "width", where they differ.
        show: the controls beside the picture; the others wait behind "more".

    >>> str(ChainExplorer([ConvGeometry(2, stride=2, padding=2)] * 2, output_index=5)).partition(" -> ")[2]
    'sizes=32 > 18 > 11, receptive_field=4, seen=14..17'
    """

    def __init__(
        self,
        geometries: Sequence[Layer] = (PUBLISHED,) * 2,
        *,
        input_size: Size = 32,
        output_index: int = 0,
        axis: str = "width",
        show: Sequence[str] = ("input_size", "output_index", "layers"),
    ) -> None:
        super().__init__(checked_layers("geometries", geometries), input_size, output_index, axis, show=show)

    @property
    def code(self) -> str:
        """The line that makes the same chain in PyTorch and shows its output shape."""
        lines = ", ".join(layer_code(layer, 1, 1) for layer in self.geometries)
        return f"nn.Sequential({lines})(torch.zeros{(1, 1, *self.input_size)}).shape"

    def bound_controls(self) -> None:
        """Show the controls that count, and let ``output_index`` run over the output."""
        super().bound_controls()
        self.controls["output_index"].set_most(sizes(*self.drawn)[-1] - 1)

    def view(self) -> View:
        """The picture, the sizes in words, and the one convolution with the same geometry."""
        input_size, geometries = self.drawn
        index = self.controls["output_index"].value
        chain, whole = sizes(input_size, geometries), compose(geometries)
        both = [sizes(size, along(self.geometries, axis)) for axis, size in enumerate(self.input_size)]
        shown = [str(pair[0]) if self.square else " × ".join(map(str, pair)) for pair in zip(*both, strict=True)]
        seen = [pixel for pixel in seen_pixels(input_size, geometries, index)[0] if 0 <= pixel < chain[0]]
        output = "Output" if self.square else f"Along the {AXES[self.axis]}, output"
        status = f"{' → '.join(shown)}. {output} {index} (of 0 to {chain[-1] - 1}) sees "
        status += f"{seen_in_words(seen)}{' of the image' * bool(seen)}."
        result = {"sizes": " > ".join(shown), "receptive_field": whole.kernel_size}
        result["seen"] = in_ranges(seen, most=8).replace(" to ", "..") if seen else "padding"
        picture = draw_chain(input_size, geometries, output_index=index)
        return View(picture, status, result, self._explained(input_size, geometries))

    def _explained(self, input_size: int, geometries: Sequence[ConvGeometry]) -> str:
        """The one convolution with the same sizes, what padding does to borders, a smaller size, and the code."""
        whole = compose(geometries)
        rounds_up = size_line(geometries)[1] > whole.reach

        def lost(size: int) -> list[int]:
            return [each.leftover(before) for each, before in zip(geometries, sizes(size, geometries), strict=False)]

        details = [
            f"Receptive field {whole.kernel_size}, effective stride {whole.stride}, effective padding "
            f"{whole.padding}: one convolution with these numbers gives the same sizes"
            f"{', but where ceil_mode makes them larger' if rounds_up else ''}.",
            *self.borders(),
            *self.behaves_as(lost),
        ]
        return "<br>".join(details) + code_line(self.code)
