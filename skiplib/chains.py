"""Several layers in a row: their sizes, what one output sees, and what becomes of every size (layer L0).

A layer is a convolution or a pooling, along one axis; what takes ``Layer`` takes a pair, too: (vertical, horizontal).
The composed geometry is that of Araujo, Norris and Sim (2019, Distill, doi 10.23915/distill.00021).
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import reduce
from itertools import pairwise
from typing import Any

from skiplib.arithmetic import ConvGeometry, checked_counts, checked_integer, parameter_count
from skiplib.pooling import PoolGeometry
from skiplib.words import conv_arguments

Axes = tuple[ConvGeometry, ConvGeometry]  # (vertical, horizontal)
Layer = ConvGeometry | Axes  # one geometry stands for both axes


def sizes(input_size: int, geometries: Sequence[ConvGeometry]) -> list[int]:
    """The input size and the size after each layer of a chain; a ``ValueError`` says which window does not fit.

    >>> sizes(32, [ConvGeometry(2, stride=2, padding=2)] * 2)
    [32, 18, 11]
    """
    chain = [checked_integer("input_size", input_size, 1)]
    geometries = checked_geometries("geometries", geometries, least=0)
    for place, geometry in enumerate(geometries, start=1):
        try:
            chain.append(geometry.output_size(chain[-1]))
        except ValueError as error:
            raise ValueError(f"layer {place} of {len(geometries)}: {error}") from None
    return chain


def compose(geometries: Sequence[ConvGeometry]) -> ConvGeometry:
    """A whole chain as one geometry: receptive field, effective stride and effective padding (see ``then``).

    >>> compose([ConvGeometry(3, padding=1)] * 3)
    ConvGeometry(kernel_size=7, stride=1, padding=3, dilation=1)
    """
    geometries = checked_geometries("geometries", geometries, least=0)
    return reduce(ConvGeometry.then, geometries, ConvGeometry(kernel_size=1))


def seen_pixels(input_size: int, geometries: Sequence[ConvGeometry], index: int) -> list[list[int]]:
    """What output ``index`` of a chain depends on, level by level from the input to the output.

    Negative pixels of a level, and those past its end, lie in its padding; an output past the end depends on nothing.

    >>> seen_pixels(32, [ConvGeometry(2, stride=2, padding=2)] * 2, 5)
    [[14, 15, 16, 17], [8, 9], [5]]
    """
    levels = [[checked_integer("index", index, 0)]]
    for geometry, size in zip(reversed(geometries), reversed(sizes(input_size, geometries)[1:]), strict=True):
        inside = [pixel for pixel in levels[0] if 0 <= pixel < size]
        levels.insert(0, sorted({seen for pixel in inside for seen in geometry.pixels(pixel)}))
    return levels


def size_line(geometries: Sequence[ConvGeometry]) -> tuple[int, int, int]:
    """The size after a chain in closed form: (smallest, reach, stride), for ``(n + reach) // stride + 1``.

    It holds for every ``n`` from ``smallest`` on; below, a window does not fit.

    >>> size_line([ConvGeometry(2, stride=2, padding=2)] * 2)
    (1, 8, 4)
    """
    smallest, reach, stride = 1, -1, 1
    for geometry in geometries:
        reach, stride = reach + (geometry.reach + 1) * stride, geometry.stride * stride
    for geometry in reversed(geometries):
        smallest = geometry.input_sizes(smallest).start
    return smallest, reach, stride


def sizes_after(geometries: Sequence[ConvGeometry], sizes: Iterable[int]) -> dict[int, int]:
    """What a chain makes of every one of these input sizes; 0 where a window does not fit.

    >>> sizes_after([ConvGeometry(3), ConvGeometry(3)], range(1, 7))
    {1: 0, 2: 0, 3: 0, 4: 0, 5: 1, 6: 2}
    """
    smallest, reach, stride = size_line(geometries)
    whole = (checked_integer("sizes", size, 0) for size in sizes)
    return {size: (size + reach) // stride + 1 if size >= smallest else 0 for size in whole}


def smaller_size(size: int, period: int, what: Callable[[int], object], *, sizes: range) -> int | None:
    """The smallest of ``sizes``, a multiple of ``period`` below ``size``, of which ``what`` says the same.

    >>> smaller_size(700, 16, lambda n: sizes(n, [ConvGeometry(2, stride=2)] * 4)[-1] % 2, sizes=range(16, 65))
    28
    """
    size, period = checked_counts(size=size, period=period)
    for smaller in range(sizes.start + (size - sizes.start) % period, min(size, sizes.stop), period):
        with suppress(ValueError):
            if what(smaller) == what(size):
                return smaller
    return None


def along(layers: Sequence[Layer], axis: int) -> tuple[ConvGeometry, ...]:
    """The geometries along the vertical axis, 0, or the horizontal one, 1.

    >>> along([ConvGeometry(2), (ConvGeometry(3), ConvGeometry(5))], 1)[1]
    ConvGeometry(kernel_size=5, stride=1, padding=0, dilation=1)
    """
    return tuple(axes_of(layer)[axis] for layer in layers)


def axes_of(layer: Layer) -> Axes:
    """The geometries of a layer along both axes."""
    return layer if isinstance(layer, tuple) else (layer, layer)


def layer_of(axes: Axes) -> Layer:
    """The layer with these: one geometry where they are equal."""
    return axes[0] if axes[0] == axes[1] else axes


def pools(layer: Layer) -> bool:
    """Whether a layer is a pooling, which keeps its channels."""
    return isinstance(axes_of(layer)[0], PoolGeometry)


def numbers(layer: Layer) -> dict[str, Any]:
    """The parameters of a layer by name, each one number for both axes, or (height, width).

    >>> numbers((ConvGeometry(3), ConvGeometry(5)))
    {'kernel_size': (3, 5), 'stride': 1, 'padding': 0, 'dilation': 1}
    """
    height, width = map(vars, axes_of(layer))
    return {name: value if value == width[name] else (value, width[name]) for name, value in height.items()}


def layer_code(layer: Layer, in_channels: int, out_channels: int) -> str:
    """The line of PyTorch that makes a layer; a pooling keeps its channels.

    >>> layer_code(PoolGeometry(3, stride=2, mode="average", ceil_mode=True), 8, 8)
    'nn.AvgPool2d(kernel_size=3, stride=2, ceil_mode=True)'
    """
    given, channels = numbers(layer), checked_counts(in_channels=in_channels, out_channels=out_channels)
    mode, ceil_mode = given.pop("mode", ""), given.pop("ceil_mode", False)
    if not mode:
        return "nn.Conv2d({}, {}, {})".format(*channels, conv_arguments(**given))
    pool = "nn.MaxPool2d" if mode == "max" else "nn.AvgPool2d"
    return f"{pool}({conv_arguments(given['kernel_size'], **given)}{', ceil_mode=True' * ceil_mode})"


def channels_along(layers: Sequence[Layer], in_channels: int, hidden_channels: int, out_channels: int) -> list[int]:
    """Channels before a chain and after each layer: a pooling keeps them, the last convolution makes the last ones.

    >>> channels_along([ConvGeometry(3), PoolGeometry(2), ConvGeometry(3), PoolGeometry(2)], 3, 16, 8)
    [3, 16, 16, 8, 8]
    """
    in_channels, hidden_channels, out_channels = checked_counts(
        in_channels=in_channels, hidden_channels=hidden_channels, out_channels=out_channels
    )
    left, channels = [pools(layer) for layer in layers].count(False), [in_channels]
    for layer in layers:
        left -= not pools(layer)  # so many convolutions are still to come
        channels.append(channels[-1] if pools(layer) else hidden_channels if left else out_channels)
    return channels


def chain_parameter_count(layers: Sequence[Layer], channels: Sequence[int]) -> int:
    """Weights and biases of a chain with these channels before it and after each layer.

    >>> chain_parameter_count([ConvGeometry(3), PoolGeometry(2)], [3, 6, 6])
    168
    """
    steps = zip(layers, pairwise(channels), strict=True)
    return sum(parameter_count(*both, numbers(layer)["kernel_size"]) for layer, both in steps if not pools(layer))


def checked_geometries(name: str, geometries: object, *, least: int = 1) -> tuple[ConvGeometry, ...]:
    """The geometries as a tuple, or an error that names the parameter."""
    if not isinstance(geometries, Sequence) or not all(isinstance(each, ConvGeometry) for each in geometries):
        raise TypeError(f"`{name}` must be a list or tuple of ConvGeometry; got {geometries!r}")
    if len(geometries) < least:
        raise ValueError(f"`{name}` must hold at least one ConvGeometry; got none")
    return tuple(geometries)


def checked_layers(name: str, layers: Any) -> tuple[Layer, ...]:
    """The same for layers, of which each may be a pair."""
    pairs = [each for each in layers if isinstance(each, tuple)] if isinstance(layers, Sequence) else []
    for pair in pairs:
        kinds = {(type(each), getattr(each, "mode", ""), getattr(each, "ceil_mode", False)) for each in pair}
        if len(pair) != 2 or len(kinds) > 1:
            raise TypeError(f"`{name}` must hold pairs of two geometries of one kind; got {pair}")
    checked_geometries(name, along(layers, 0) + along(layers, 1) if pairs else layers)
    return tuple(layers)
