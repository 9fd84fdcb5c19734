"""ChainExplorer: up to three convolutions in a row, and the map of sizes (layer L3)."""

from collections.abc import Sequence
from dataclasses import asdict
from itertools import product

from skiplib.arithmetic import PUBLISHED, ConvGeometry
from skiplib.chains import checked_geometries, compose, seen_pixels, sizes
from skiplib.diagrams.chain import draw_chain
from skiplib.explorers.base import Explorer, View, code_line
from skiplib.explorers.controls import Control
from skiplib.words import conv_arguments

_BOUNDS = {"kernel_size": (1, 7), "stride": (1, 4), "padding": (0, 4), "dilation": (1, 4)}
_MOST = 3


class ChainExplorer(Explorer):
    """Sizes through a chain of convolutions, what one output pixel sees, and a cobweb of the map of sizes.

    Args:
        geometries: one to three convolutions to begin with.
        input_size: pixels of the image along this axis, 1 to 64.
        output_index: the output pixel whose view of the input is marked.
        show: the controls beside the picture; the others wait behind "more".

    >>> str(ChainExplorer([ConvGeometry(2, stride=2, padding=2)] * 2, output_index=5)).partition(" -> ")[2]
    'sizes=32 > 18 > 11, receptive_field=4, seen=14..17'
    """

    def __init__(
        self,
        geometries: Sequence[ConvGeometry] = (PUBLISHED,) * 2,
        *,
        input_size: int = 32,
        output_index: int = 0,
        show: Sequence[str] = ("input_size", "output_index", "layers"),
    ) -> None:
        geometries = checked_geometries("geometries", geometries, least=0)
        if not 1 <= len(geometries) <= _MOST:
            raise ValueError(f"`geometries` must hold 1 to {_MOST} convolutions; got {len(geometries)}")
        controls = {
            "input_size": Control("input_size", input_size, 1, 64),
            "layers": Control("layers", len(geometries), 1, _MOST),
            "output_index": Control("output_index", output_index, 0, 64 + _MOST * 2 * 4 - 1),  # padding: 4 a side
        }
        for layer, geometry in enumerate([*geometries, *[geometries[-1]] * _MOST][:_MOST], start=1):
            starts = {f"{name}_{layer}": (getattr(geometry, name), *bounds) for name, bounds in _BOUNDS.items()}
            controls |= {name: Control(name, *start) for name, start in starts.items()}
        super().__init__(controls, show=show)

    @property
    def geometries(self) -> list[ConvGeometry]:
        """The convolutions that are switched on."""
        layers = range(1, self.controls["layers"].value + 1)
        return [ConvGeometry(*(self.controls[f"{name}_{layer}"].value for name in _BOUNDS)) for layer in layers]

    @property
    def settings(self) -> dict[str, object]:
        """What makes the same explorer again."""
        numbers = {name: self.controls[name].value for name in ("input_size", "output_index")}
        return {"geometries": self.geometries, **numbers}

    @property
    def code(self) -> str:
        """The line that makes the same chain in PyTorch and shows its output shape."""
        convs = [f"nn.Conv2d(1, 1, {conv_arguments(**asdict(geometry))})" for geometry in self.geometries]
        size = self.controls["input_size"].value
        return f"nn.Sequential({', '.join(convs)})(torch.zeros(1, 1, {size}, {size})).shape"

    def bound_controls(self) -> None:
        """Show the layers that are switched on, and let ``output_index`` run over the output."""
        for layer, name in product(range(1, _MOST + 1), _BOUNDS):
            on = layer <= self.controls["layers"].value
            self.controls[f"{name}_{layer}"].layout.display = "" if on else "none"
        places = sizes(self.controls["input_size"].value, self.geometries)[-1]
        self.controls["output_index"].set_most(places - 1)

    def view(self) -> View:
        """The picture, the sizes in words, and the one convolution with the same geometry."""
        geometries, input_size = self.geometries, self.controls["input_size"].value
        index = self.controls["output_index"].value
        chain, whole = sizes(input_size, geometries), compose(geometries)
        seen = [pixel for pixel in seen_pixels(input_size, geometries, index)[0] if 0 <= pixel < chain[0]]
        view = f"pixels {seen[0]} to {seen[-1]} of the image" if seen else "padding only, no pixel of the image"
        status = f"{' → '.join(map(str, chain))}. Output {index} (of 0 to {chain[-1] - 1}) sees {view}."
        details = (
            f"Receptive field {whole.kernel_size}, effective stride {whole.stride}, effective padding "
            f"{whole.padding}: one convolution with these numbers gives the same sizes."
        )
        result = {
            "sizes": " > ".join(map(str, chain)),
            "receptive_field": whole.kernel_size,
            "seen": f"{seen[0]}..{seen[-1]}" if seen else "padding",
        }
        picture = draw_chain(input_size, geometries, output_index=index)
        return View(picture, status, result, details + code_line(self.code))
