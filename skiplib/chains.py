"""Several convolutions in a row: their sizes, what one output sees, and what becomes of every size (layer L0).

The composed geometry is that of Araujo, Norris and Sim (2019, Distill, doi 10.23915/distill.00021).
"""

from collections.abc import Sequence
from functools import reduce

from skiplib.arithmetic import ConvGeometry, checked_integer


def sizes(input_size: int, geometries: Sequence[ConvGeometry]) -> list[int]:
    """The input size and the size after each convolution of a chain.

    Raises:
        ValueError: if a window does not fit; the message says in which place of the chain.

    >>> sizes(32, [ConvGeometry(2, stride=2, padding=2)] * 2)
    [32, 18, 11]
    """
    chain = [checked_integer("input_size", input_size, 1)]
    geometries = checked_geometries("geometries", geometries, least=0)
    for place, geometry in enumerate(geometries, start=1):
        try:
            chain.append(geometry.output_size(chain[-1]))
        except ValueError as error:
            raise ValueError(f"convolution {place} of {len(geometries)}: {error}") from None
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

    Positions are pixels of each level; negative ones, and those past its end, lie in its padding.
    An index past the end of the output depends on nothing.

    >>> seen_pixels(32, [ConvGeometry(2, stride=2, padding=2)] * 2, 5)
    [[14, 15, 16, 17], [8, 9], [5]]
    """
    levels = [[index]]
    for geometry, size in zip(reversed(geometries), reversed(sizes(input_size, geometries)[1:]), strict=True):
        inside = [pixel for pixel in levels[0] if 0 <= pixel < size]
        taps = {tap - geometry.padding for pixel in inside for tap in geometry.window(pixel).taps}
        levels.insert(0, sorted(taps))
    return levels


def sizes_after(geometries: Sequence[ConvGeometry], largest: int) -> dict[int, int]:
    """What a chain makes of every input size from 1 to ``largest``; 0 where a window does not fit.

    >>> sizes_after([ConvGeometry(3), ConvGeometry(3)], 6)
    {1: 0, 2: 0, 3: 0, 4: 0, 5: 1, 6: 2}
    """
    after = {}
    for size in range(1, largest + 1):
        try:
            after[size] = sizes(size, geometries)[-1]
        except ValueError:
            after[size] = 0
    return after


def checked_geometries(name: str, geometries: object, *, least: int = 1) -> tuple[ConvGeometry, ...]:
    """Return the geometries as a tuple, or raise an error that names the parameter."""
    if not isinstance(geometries, Sequence) or not all(isinstance(each, ConvGeometry) for each in geometries):
        raise TypeError(f"`{name}` must be a list or tuple of ConvGeometry; got {geometries!r}")
    if len(geometries) < least:
        raise ValueError(f"`{name}` must hold at least one ConvGeometry; got none")
    return tuple(geometries)
