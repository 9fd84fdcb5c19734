"""Sizes of convolutions in plain integers (layer L0).

One axis at a time, in pixels; ``padding`` is per side, as in PyTorch, whose "convolution" is a cross-correlation.
The formulas are those in the "Shape" sections of its ``Conv2d`` and ``ConvTranspose2d``; relation 6 of Dumoulin and
Visin (2016, arXiv 1603.07285) is the case ``dilation=1``. What is no integer (``bool`` and ``float`` included) raises
a ``TypeError``.
"""

import operator
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from skiplib.words import shown

Pair = tuple[int, int]  # (height, width)
Size = int | Pair  # one number is that of both
LARGEST = 10**30  # longer numbers can hardly be shown


def checked_integer(name: str, value: object, least: int) -> int:
    """``value`` as Python's int, or an error that names the parameter, its value and the rule."""
    try:
        integer = operator.index(value)  # type: ignore[arg-type]
    except (TypeError, RuntimeError):  # some types, such as tensors, have __index__ and refuse it value by value
        integer = None
    if integer is None or str(getattr(value, "dtype", type(value).__name__)) in ("bool", "torch.bool"):
        raise TypeError(f"`{name}` must be an integer; got {shown(value)} ({type(value).__name__})")
    if not least <= integer <= LARGEST:
        rule = f"at least {least}" if integer < least else "at most 1e30"
        raise ValueError(f"`{name}` must be {rule}; got {shown(integer)}")
    return integer


def checked_counts(**counts: int) -> list[int]:
    """Counts by name, each as an int of at least 1, or an error as that of ``checked_integer``."""
    return [checked_integer(name, count, 1) for name, count in counts.items()]


def checked_pair(name: str, value: Size) -> Pair:
    """(height, width) of one number for both or of a pair, or an error as that of ``checked_integer``."""
    height, width = value if isinstance(value, tuple) and len(value) == 2 else (value, value)
    return checked_integer(name, height, 1), checked_integer(name, width, 1)


def checked_word(name: str, value: object, words: Iterable[str]) -> None:
    """Raise an error that names the parameter unless ``value`` is one of the words."""
    if value not in (words := list(words)):  # a list compares, where a dict would have to hash
        raise ValueError(f"`{name}` must be one of {', '.join(words)}; got {shown(value)}")


class Window(NamedTuple):
    """Padded positions that one window reaches: the first, the last, and every tap that it reads."""

    first: int
    last: int
    taps: tuple[int, ...]


@dataclass(frozen=True)
class ConvGeometry:
    """Where the windows of a convolution stand along one axis; a value that is too small raises a ``ValueError``.

    >>> ConvGeometry(kernel_size=2, stride=2, padding=2).output_size(32)
    18
    """

    kernel_size: int  # taps in a window, at least 1
    stride: int = 1  # pixels from one window to the next, at least 1
    padding: int = 0  # pixels added on each side, at least 0
    dilation: int = 1  # pixels from one tap to the next, at least 1

    def __post_init__(self) -> None:
        for name, least in (("kernel_size", 1), ("stride", 1), ("padding", 0), ("dilation", 1)):
            object.__setattr__(self, name, checked_integer(name, getattr(self, name), least))

    @property
    def effective_kernel_size(self) -> int:
        """Pixels from the first tap to the last, both included: ``dilation * (kernel_size - 1) + 1``."""
        return self.dilation * (self.kernel_size - 1) + 1

    @property
    def name(self) -> str:
        """What it is, in a word or two."""
        return "conv"

    @property
    def reach(self) -> int:
        """Where the last window may begin: so many positions after the padded position ``input_size``."""
        return 2 * self.padding - self.effective_kernel_size

    @property
    def smallest_input_size(self) -> int:
        """The smallest image on which one window finds room."""
        return max(1, -self.reach)

    @property
    def keeps_every_size(self) -> bool:
        """Whether ``output_size(n) == n`` for every n that fits.

        >>> ConvGeometry(3, padding=1).keeps_every_size, ConvGeometry(2, padding=1).keeps_every_size
        (True, False)
        """
        return self.stride == 1 and self.reach == -1

    def output_size(self, input_size: int) -> int:
        """Number of places where the window can stand; a ``ValueError`` if there is none."""
        input_size = checked_integer("input_size", input_size, 1)
        last_start = input_size + self.reach
        if last_start < 0:
            raise ValueError(
                f"`input_size`={input_size} is too small: the window spans {self.effective_kernel_size} pixels "
                f"(`kernel_size`={self.kernel_size}, `dilation`={self.dilation}), but with `padding`={self.padding} "
                f"on each side there are only {input_size + 2 * self.padding}; the smallest `input_size` that fits "
                f"is {self.smallest_input_size}"
            )
        return last_start // self.stride + 1

    def leftover(self, input_size: int) -> int:
        """Positions at the end, padding included, that no window reaches.

        >>> ConvGeometry(kernel_size=3, stride=2).leftover(8)
        1
        """
        input_size = checked_integer("input_size", input_size, 1)
        last = self.pixels(self.output_size(input_size) - 1)[-1]
        return max(0, input_size + self.padding - 1 - last)

    def unread_pixels(self, input_size: int) -> tuple[int, ...]:
        """Pixels of the image (0 is its first) that no tap reads: past the last window, or in a gap.

        >>> ConvGeometry(kernel_size=1, stride=2).unread_pixels(6)
        (1, 3, 5)
        """
        read = {pixel for index in range(self.output_size(input_size)) for pixel in self.pixels(index)}
        return tuple(pixel for pixel in range(input_size) if pixel not in read)

    def pixels(self, index: int) -> range:
        """What output ``index`` (from 0) reads, in pixels of the image; what lies outside it is padding.

        >>> list(ConvGeometry(kernel_size=3, stride=2, padding=1).pixels(0))
        [-1, 0, 1]
        """
        first = checked_integer("index", index, 0) * self.stride - self.padding
        return range(first, first + self.effective_kernel_size, self.dilation)

    def window(self, index: int) -> Window:
        """The same in padded positions: image pixel 0 is at ``padding``.

        >>> ConvGeometry(kernel_size=3, stride=2, dilation=2).window(1)
        Window(first=2, last=6, taps=(2, 4, 6))
        """
        taps = tuple(pixel + self.padding for pixel in self.pixels(index))
        return Window(taps[0], taps[-1], taps)

    def input_sizes(self, output_size: int) -> range:
        """Every input size that gives ``output_size``, in a row; empty if there is none.

        >>> ConvGeometry(kernel_size=2, stride=2, padding=2).input_sizes(18)
        range(32, 34)
        """
        places = checked_integer("output_size", output_size, 1)
        first = (places - 1) * self.stride - self.reach
        return range(max(1, first), max(1, first + self.stride))

    def then(self, other: "ConvGeometry") -> "ConvGeometry":
        """This one followed by ``other`` as one: their receptive field, effective stride and effective padding.

        It gives the same output size for every input size that both accept in turn, unless a window of theirs hangs
        over the end (``PoolGeometry.ceil_mode``). (Araujo, Norris and Sim, 2019, doi 10.23915/distill.00021.)

        >>> conv = ConvGeometry(kernel_size=2, stride=2, padding=2)
        >>> conv.then(conv)
        ConvGeometry(kernel_size=4, stride=4, padding=6, dilation=1)
        """
        kernel_size = self.effective_kernel_size + (other.effective_kernel_size - 1) * self.stride
        return ConvGeometry(kernel_size, self.stride * other.stride, self.padding + other.padding * self.stride)


PUBLISHED = ConvGeometry(kernel_size=2, stride=2, padding=2)  # both convolutions of the published block


def output_size(input_size: int, kernel_size: int, *, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:
    """Size of a convolution's output along one axis; a ``ValueError`` wherever PyTorch refuses the same setting.

    >>> output_size(32, 2, stride=2, padding=2)
    18
    """
    return ConvGeometry(kernel_size, stride, padding, dilation).output_size(input_size)


def transposed_output_size(
    input_size: int,
    kernel_size: int,
    *,
    stride: int = 1,
    padding: int = 0,
    output_padding: int = 0,
    dilation: int = 1,
) -> int:
    """Size of a transposed convolution's output along one axis.

    The smallest size that the convolution with the same setting maps to ``input_size``, plus ``output_padding``; a
    ``ValueError`` wherever ``conv_transpose1d`` refuses it. (``conv_transpose2d`` may let 0 pixels pass.)

    >>> [transposed_output_size(18, 2, stride=2, padding=2, output_padding=extra) for extra in (0, 1)]
    [32, 33]
    """
    geometry = ConvGeometry(kernel_size, stride, padding, dilation)
    extra = checked_integer("output_padding", output_padding, 0)
    if extra >= max(geometry.stride, geometry.dilation):
        most = f"`stride`={stride} or `dilation`={dilation}"
        raise ValueError(f"`output_padding` must be smaller than {most}; got {extra}")
    size = (checked_integer("input_size", input_size, 1) - 1) * geometry.stride - geometry.reach + extra
    if size < 1:
        raise ValueError(f"`padding`={padding} crops the output of `input_size`={input_size} down to {size} pixels")
    return size


def parameter_count(
    in_channels: int, out_channels: int, kernel_size: Size, *, groups: int = 1, bias: bool = True
) -> int:
    """Weights (and biases) of an ``nn.Conv2d``; ``groups`` must divide both channel counts.

    >>> parameter_count(3, 6, kernel_size=2)
    78
    """
    height, width = checked_pair("kernel_size", kernel_size)
    here, there, groups = checked_counts(in_channels=in_channels, out_channels=out_channels, groups=groups)
    for name, channels in (("in_channels", here), ("out_channels", there)):
        if channels % groups:
            raise ValueError(f"`{name}` must be divisible by `groups`={groups}; got {channels}")
    return there * (here // groups * height * width + bool(bias))


def multiply_add_count(
    output_size: Size, in_channels: int, out_channels: int, kernel_size: Size, *, groups: int = 1
) -> int:
    """Multiply-adds of an ``nn.Conv2d`` for one image: one for each weight at each place (biases left out).

    >>> multiply_add_count(18, 3, 6, kernel_size=2)
    23328
    """
    height, width = checked_pair("output_size", output_size)
    return height * width * parameter_count(in_channels, out_channels, kernel_size, groups=groups, bias=False)
