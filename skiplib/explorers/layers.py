"""One set of controls for all layers of a chain: a layer is chosen, and the others are kept (layer L3)."""

from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import Any

import ipywidgets as widgets

from skiplib.arithmetic import ConvGeometry, Size, checked_pair
from skiplib.chains import Layer, along, sizes, smaller_size
from skiplib.diagrams.svg import set_size
from skiplib.explorers.controls import INNER, Control, choose
from skiplib.pooling import PoolGeometry
from skiplib.shortcuts import CHOICES, Kind, geometry_of

LARGEST = 4096  # pixels of an image's side, and channels
AXES = ("height", "width")
_MOST = 4  # layers
_BOUNDS = {"kernel_size": (1, 1024, 7), "stride": (1, 1024, 4), "padding": (0, 1024, 4), "dilation": (1, 64, 4)}
_OPERATIONS: dict[str, Kind] = {  # what a layer may be, and the shortcut that has the same numbers
    "convolution": "projection",
    "max pooling": "max pooling",
    "average pooling": "average pooling",
}
_BOTH = ("", "_w")  # what the names of controls for height and for width end in


class Layers:
    """The size of an image, and up to four layers; a shortcut's geometry may be a layer more, "skip".

    Attributes:
        controls: to be handed to an explorer, whose ``bound_controls`` has to call ``sync`` first.

    Raises:
        ValueError: if there are too few or too many layers, or one of them has a number that no box can hold.
    """

    def __init__(
        self, layers: Sequence[Layer], *, input_size: Size, axis: str, shortcut: Any = None, geometry: Any = None
    ) -> None:
        """Take the layers, and for a shortcut the control that says its kind, and its geometry."""
        if not 1 <= len(layers) <= _MOST:
            raise ValueError(f"`geometries` must hold 1 to {_MOST} layers; got {len(layers)}")
        for layer in (*layers, *([geometry] if shortcut else [])):
            if not self.holds(layer):
                bounds = ", ".join(f"`{name}` up to {most}" for name, (_, most, _) in _BOUNDS.items())
                raise ValueError(f"this explorer takes {bounds}; got {layer}")
        self._shortcut, self._chosen, self._last = shortcut, "1", shortcut and shortcut.value
        filled = [*layers, *[layers[-1]] * _MOST][:_MOST]  # more layers begin as the last one
        self._kept = {str(place): _kept(layer) for place, layer in enumerate(filled, start=1)}
        self._kept |= {"skip": _kept(geometry)} if shortcut else {}
        pair, first = checked_pair("input_size", input_size), self._kept["1"]
        apart = pair[0] != pair[1] or any(isinstance(each, tuple) for each in (*layers, geometry))
        look = {"indent": False, "layout": {"width": INNER}}
        self.controls: dict[str, Any] = {}
        for end, pixels in zip(_BOTH, pair, strict=True):
            self.controls[f"input_size{end}"] = Control(f"input_size{end}", pixels, 1, LARGEST, reach=64)
        self.controls["layers"] = Control("layers", len(layers), 1, _MOST)
        self.controls["layer"] = choose("layer", self._names(len(layers)), "1")
        self.controls["operation"] = choose("operation", _OPERATIONS, first["operation"])
        for (name, (least, most, reach)), end in product(_BOUNDS.items(), _BOTH):
            self.controls[name + end] = Control(name + end, first[name + end], least, most, reach=reach)
        self.controls["ceil_mode"] = widgets.Checkbox(first["ceil_mode"], description="ceil_mode", **look)
        self.controls["height_and_width_apart"] = widgets.Checkbox(
            apart, description="height and width apart", **look
        )
        self.controls["axis"] = choose("axis", AXES, axis)

    @property
    def input_size(self) -> tuple[int, int]:
        """(height, width)."""
        return self.controls["input_size"].value, self.controls["input_size_w"].value

    @property
    def layers(self) -> list[Layer]:
        """Those that are switched on."""
        return [self._layer(name) for name in self._names(self.controls["layers"].value) if name != "skip"]

    @property
    def geometry(self) -> Layer:
        """Where the shortcut reads."""
        return self._layer("skip")

    @property
    def square(self) -> bool:
        """Whether all is the same along both axes."""
        layers = [*self.layers, *([self.geometry] if self._shortcut else [])]
        return self.input_size[0] == self.input_size[1] and not any(isinstance(layer, tuple) for layer in layers)

    @property
    def axis(self) -> int:
        """The axis that pictures of one axis show, 0 for height and 1 for width; if all is square it is the width."""
        return 1 if self.square else AXES.index(self.controls["axis"].value)

    @property
    def drawn(self) -> tuple[int, tuple[ConvGeometry, ...]]:
        """Size and geometries along that axis."""
        return self.input_size[self.axis], along(self.layers, self.axis)

    @property
    def size_control(self) -> str:
        """The name of the control that sets the size along it."""
        return "input_size_w" if self.axis and not self.square else "input_size"

    @property
    def settings(self) -> dict[str, object]:
        """What makes the same image and layers again."""
        size = self.input_size
        drawn = {} if self.square else {"axis": AXES[self.axis]}
        return {"geometries": self.layers, "input_size": size[0] if size[0] == size[1] else size, **drawn}

    def sync(self) -> None:
        """Keep what was set for the chosen layer, or show what was kept for another; show the controls that count."""
        apart, layer = self.controls["height_and_width_apart"].value, self.controls["layer"]
        for name in () if apart else ("input_size", *_BOUNDS):
            self.controls[f"{name}_w"].value = self.controls[name].value
        if layer.value == self._chosen:
            self._kept[self._chosen] = {name: self.controls[name].value for name in self._kept["1"]}
        if self._shortcut and self._shortcut.value != self._last:  # another kind: what it leaves to choose
            self._last = self._shortcut.value
            layer.value = "skip" if CHOICES[self._last] else layer.value
        names, chosen = self._names(self.controls["layers"].value), layer.value
        if layer.options != names:
            layer.options = names
            layer.value = chosen if chosen in names else str(self.controls["layers"].value)
        if not apart:
            for kept in self._kept.values():
                kept.update({f"{name}_w": kept[name] for name in _BOUNDS})
        if layer.value != self._chosen:
            self._chosen = layer.value
            for name, value in self._kept[self._chosen].items():
                self.controls[name].value = value
        idle = {*_BOUNDS, "ceil_mode"} - {*CHOICES[self._kind(self._chosen)]}
        idle |= {f"{name}_w" for name in (idle if apart else ("input_size", *_BOUNDS))}
        idle |= set() if apart else {"axis"}
        idle |= {"operation"} if self._chosen == "skip" else set()
        for name, control in self.controls.items():
            control.layout.display = "none" if name in idle else ""

    def put(self, layers: Sequence[Layer], geometry: Layer) -> None:
        """Other layers, as many as there are, and another geometry of the shortcut; ``sync`` shows them."""
        self._kept |= {str(place): _kept(layer) for place, layer in enumerate(layers, start=1)}
        self._kept["skip"], self._chosen = _kept(geometry), ""

    def holds(self, layer: Layer) -> bool:
        """Whether the boxes go as far as the numbers of a layer."""
        return all(
            getattr(geometry, name) <= most
            for geometry in (*along([layer], 0), *along([layer], 1))
            for name, (_, most, _) in _BOUNDS.items()
        )

    def _names(self, count: int) -> tuple[str, ...]:
        return (*map(str, range(1, count + 1)), *(["skip"] if self._shortcut else []))

    def _kind(self, name: str) -> Kind:
        kind: Kind = self._shortcut.value if name == "skip" else _OPERATIONS[self._kept[name]["operation"]]
        return kind

    def _layer(self, name: str) -> Layer:
        kept, kind = self._kept[name], self._kind(name)
        height, width = (
            geometry_of(kind, {"ceil_mode": kept["ceil_mode"]} | {name: kept[name + end] for name in _BOUNDS})
            for end in _BOTH
        )
        return height if height == width else (height, width)


def _kept(layer: Layer) -> dict[str, Any]:
    """What the controls say of a layer."""
    axes = [along([layer], axis)[0] for axis in (0, 1)]
    mode = getattr(axes[0], "mode", None)
    given = {name + end: getattr(axis, name) for name in _BOUNDS for axis, end in zip(axes, _BOTH, strict=True)}
    operation = f"{mode} pooling" if mode else "convolution"
    return {"operation": operation, "ceil_mode": getattr(axes[0], "ceil_mode", False), **given}


def borders(input_size: int, geometries: Sequence[ConvGeometry], skip: ConvGeometry | None = None) -> Iterator[str]:
    """What padding does to the border in every average pooling that has some, in words."""
    chain = enumerate(zip(geometries, sizes(input_size, geometries), strict=False), start=1)
    named = [(f"layer {place}", *pair) for place, pair in chain]
    for name, geometry, size in [*named, *([("the skip", skip, input_size)] if skip else [])]:
        if isinstance(geometry, PoolGeometry) and geometry.mode == "average" and geometry.padding:
            shares = [f"{share:.2g}" for share in geometry.shares(size)]
            shown = shares if len(shares) <= 8 else [*shares[:3], "…", *shares[-3:]]
            yield (
                f"Without <code>count_include_pad=False</code> {name} counts its padding as zeros: of ones it makes "
                f"{', '.join(shown)} along this axis, and less in corners."
            )


def behaves_as(size: int, period: int, least: int, what: Callable[[int], object], control: str) -> list[str]:
    """That a size beyond the slider behaves as a smaller one, with a button that sets it; nothing if none does."""
    sizes = range(max(1, min(least, 65 - period)), 65)
    smaller = smaller_size(size, period, what, sizes=sizes) if size > 64 and period > 1 else None
    if smaller is None:
        return []
    said = f"{size} pixels behave as {smaller} do: the same remainder when divided by {period}."
    return [f'{said} <button data-size="{smaller}" onclick="{set_size(control)}">try {smaller}</button>']
