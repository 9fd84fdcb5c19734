"""What explorers of a chain share: one set of controls for all its layers, of which one is chosen (layer L3)."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import lcm
from typing import Any

from skiplib.arithmetic import ConvGeometry, Size, checked_pair
from skiplib.chains import Layer, along, axes_of, compose, layer_of, sizes, smaller_size
from skiplib.diagrams.svg import set_size
from skiplib.explorers.base import Explorer
from skiplib.explorers.controls import Control, along_both, choose, tick
from skiplib.pooling import PoolGeometry
from skiplib.shortcuts import CHOICES, Kind, geometry_of

LARGEST = 4096  # pixels of an image's side, and channels
AXES = ("height", "width")
_MOST = 4  # layers
_BOUNDS = {"kernel_size": (1, 1024, 7), "stride": (1, 1024, 4), "padding": (0, 1024, 4), "dilation": (1, 64, 4)}
_WIDTHS = ["input_size_w", *(f"{name}_w" for name in _BOUNDS)]  # they follow the height's unless the two are apart
_OPERATIONS: dict[str, Kind] = {  # what a layer may be, and the shortcut that has the same numbers
    "convolution": "projection",
    "max pooling": "max pooling",
    "average pooling": "average pooling",
}


class LayersExplorer(Explorer):
    """An explorer of an image and up to four layers; a shortcut's geometry may be a layer more, "skip".

    The shortcut's kind is the control "shortcut" among ``before``, the controls above these. A bad number of layers,
    or a number that no box can hold, raises a ``ValueError``.
    """

    def __init__(
        self,
        layers: Sequence[Layer],
        input_size: Size,
        output_index: int,
        axis: str,
        *,
        before: Mapping[str, Any] | None = None,
        geometry: Layer | None = None,
        **shown: Any,
    ) -> None:
        if not 1 <= len(layers) <= _MOST:
            raise ValueError(f"`geometries` must hold 1 to {_MOST} layers; got {len(layers)}")
        known = [*layers, *([geometry] if geometry else [])]
        for layer in known:
            if not holds(layer):
                bounds = ", ".join(f"`{name}` up to {most}" for name, (_, most, _) in _BOUNDS.items())
                raise ValueError(f"this explorer takes {bounds}; got {layer}")
        filled = [*layers, *[layers[-1]] * _MOST][:_MOST]  # more layers begin as the last one
        self._kept = {str(place): _kept(layer) for place, layer in enumerate(filled, start=1)}
        self._kept |= {"skip": _kept(geometry)} if geometry else {}
        pair, first, controls = checked_pair("input_size", input_size), self._kept["1"], dict(before or {})
        self._chosen, self._kind = "1", controls["shortcut"].value if geometry else None
        controls |= along_both("input_size", pair, 1, LARGEST, reach=64)
        controls["layers"] = Control("layers", len(layers), 1, _MOST)
        controls["layer"] = choose("layer", self._names(len(layers)), "1")
        controls["operation"] = choose("operation", _OPERATIONS, first["operation"])
        for name, (least, most, reach) in _BOUNDS.items():
            controls |= along_both(name, (first[name], first[f"{name}_w"]), least, most, reach=reach)
        apart = pair[0] != pair[1] or any(isinstance(layer, tuple) for layer in known)
        controls |= tick("ceil_mode", first["ceil_mode"]) | tick("height_and_width_apart", apart)
        controls["axis"] = choose("axis", AXES, axis)
        super().__init__(controls | {"output_index": Control("output_index", output_index, 0, 4 * LARGEST)}, **shown)

    @property
    def input_size(self) -> tuple[int, int]:
        """(height, width)."""
        return self.controls["input_size"].value, self.controls["input_size_w"].value

    @property
    def geometries(self) -> list[Layer]:
        """The layers that are switched on."""
        return [self._layer(name) for name in self._names(self.controls["layers"].value) if name != "skip"]

    @property
    def geometry(self) -> Layer:
        """Where the shortcut reads."""
        return self._layer("skip")

    @property
    def square(self) -> bool:
        """Whether all is the same along both axes."""
        layers = [*self.geometries, *([self.geometry] if self._kind else [])]
        return self.input_size[0] == self.input_size[1] and not any(isinstance(layer, tuple) for layer in layers)

    @property
    def axis(self) -> int:
        """The axis that pictures of one axis show, 0 for height and 1 for width; if all is square it is the width."""
        return 1 if self.square else AXES.index(self.controls["axis"].value)

    @property
    def drawn(self) -> tuple[int, tuple[ConvGeometry, ...]]:
        """Size and geometries along that axis."""
        return self.input_size[self.axis], along(self.geometries, self.axis)

    @property
    def settings(self) -> dict[str, object]:
        """What makes the same explorer again."""
        size, index = self.input_size, self.controls["output_index"].value
        drawn = {} if self.square else {"axis": AXES[self.axis]}
        image = size[0] if size[0] == size[1] else size
        return {"geometries": self.geometries, "input_size": image, **drawn, "output_index": index}

    def bound_controls(self) -> None:
        """Keep what was set for the chosen layer, or show what was kept for another; show the controls that count."""
        controls, layer = self.controls, self.controls["layer"]
        apart = controls["height_and_width_apart"].value
        for name in () if apart else _WIDTHS:
            controls[name].value = controls[name.removesuffix("_w")].value
        if layer.value == self._chosen:
            self._kept[self._chosen] = {name: controls[name].value for name in self._kept["1"]}
        if self._kind and controls["shortcut"].value != self._kind:  # another kind: what it leaves to choose
            self._kind = controls["shortcut"].value
            layer.value = "skip" if CHOICES[self._kind] else layer.value
        names, chosen = self._names(controls["layers"].value), layer.value
        if layer.options != names:
            layer.options = names
            layer.value = chosen if chosen in names else str(controls["layers"].value)
        if not apart:
            for kept in self._kept.values():
                kept.update({f"{name}_w": kept[name] for name in _BOUNDS})
        if layer.value != self._chosen:
            self._chosen = layer.value
            for name, value in self._kept[self._chosen].items():
                controls[name].value = value
        idle = {*_BOUNDS, "ceil_mode"} - {*CHOICES[self._kind_of(self._chosen)]}
        idle |= {f"{name}_w" for name in idle} if apart else {*_WIDTHS, "axis"}
        idle |= {"operation"} if self._chosen == "skip" else set()
        for name, control in controls.items():
            control.layout.display = "none" if name in idle else ""

    def put(self, layers: Sequence[Layer], geometry: Layer) -> None:
        """Other layers, as many as there are, and another geometry of the shortcut, at the next redraw."""
        self._kept |= {str(place): _kept(layer) for place, layer in enumerate(layers, start=1)}
        self._kept["skip"], self._chosen = _kept(geometry), ""

    def borders(self) -> Iterator[str]:
        """What padding does to the border in every average pooling that has some, in words."""
        size, geometries = self.drawn
        chain = enumerate(zip(geometries, sizes(size, geometries), strict=False), start=1)
        named = [(f"layer {place}", *pair) for place, pair in chain]
        named += [("the skip", axes_of(self.geometry)[self.axis], size)] if self._kind else []
        for name, geometry, before in named:
            if isinstance(geometry, PoolGeometry) and geometry.mode == "average" and geometry.padding:
                shares = [f"{share:.2g}" for share in geometry.shares(before)]
                shown = shares if len(shares) <= 8 else [*shares[:3], "…", *shares[-3:]]
                yield (
                    f"Without <code>count_include_pad=False</code> {name} counts its padding as zeros: of ones it "
                    f"makes {', '.join(shown)} along this axis, and less in corners."
                )

    def behaves_as(self, what: Callable[[int], object]) -> Iterator[str]:
        """That a size beyond the slider behaves as a smaller one, with a button that sets it, if one does."""
        (size, geometries), skip = self.drawn, axes_of(self.geometry)[self.axis].stride if self._kind else 1
        whole, period = compose(geometries), lcm(compose(geometries).stride, skip)
        among = range(max(1, min(whole.kernel_size, 65 - period)), 65)
        smaller = smaller_size(size, period, what, sizes=among) if size > 64 and period > 1 else None
        if smaller is not None:
            click = set_size("input_size_w" if self.axis and not self.square else "input_size")
            said = f"{size} pixels behave as {smaller} do: the same remainder when divided by {period}."
            yield f'{said} <button data-size="{smaller}" onclick="{click}">try {smaller}</button>'

    def _names(self, count: int) -> tuple[str, ...]:
        return (*map(str, range(1, count + 1)), *(["skip"] if self._kind else []))

    def _kind_of(self, name: str) -> Kind:
        kind: Kind = self.controls["shortcut"].value if name == "skip" else _OPERATIONS[self._kept[name]["operation"]]
        return kind

    def _layer(self, name: str) -> Layer:
        kept, kind = self._kept[name], self._kind_of(name)
        height, width = (
            geometry_of(kind, {"ceil_mode": kept["ceil_mode"]} | {name: kept[name + end] for name in _BOUNDS})
            for end in ("", "_w")
        )
        return layer_of((height, width))


def holds(layer: Layer) -> bool:
    """Whether the boxes go as far as the numbers of a layer."""
    bounds = [(name, most) for name, (_, most, _) in _BOUNDS.items()]
    return all(getattr(geometry, name) <= most for geometry in axes_of(layer) for name, most in bounds)


def _kept(layer: Layer) -> dict[str, Any]:
    """What the controls say of a layer."""
    height, width = axes_of(layer)
    mode, ceil_mode = getattr(height, "mode", ""), getattr(height, "ceil_mode", False)
    kept = {"operation": f"{mode} pooling" if mode else "convolution", "ceil_mode": ceil_mode}
    for name in _BOUNDS:
        kept |= {name: getattr(height, name), f"{name}_w": getattr(width, name)}
    return kept
