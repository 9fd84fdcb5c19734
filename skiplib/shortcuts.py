"""Shortcuts: what carries x to the add when the branch changes its size or its channels (layer L0).

Options A (zero channels), B and C (projections) are those of He et al. (2015, arXiv 1512.03385, Sec 3.3 and 4.1);
the projection that fits its branch for every size is the branch's composed geometry (``ConvGeometry.then``).
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

from skiplib.adding import Verdict, add_verdict
from skiplib.arithmetic import ConvGeometry, Size, checked_integer, checked_pair, checked_word, parameter_count
from skiplib.chains import Layer, along, checked_layers, compose, layer_code, numbers, size_line, sizes, sizes_after
from skiplib.pooling import PoolGeometry

Kind = str  # one of CHOICES
Shape = tuple[int, int, int]  # (C, H, W)
Place = Literal["same place", "no later pixel", "other places"]
PIXEL = ConvGeometry(kernel_size=1)
_WINDOW = ("kernel_size", "stride", "padding")
CHOICES: dict[Kind, tuple[str, ...]] = {  # what of its geometry each kind leaves to choose
    "identity": (),
    "option A": ("stride",),
    "max pooling": (*_WINDOW, "dilation", "ceil_mode"),
    "average pooling": (*_WINDOW, "ceil_mode"),
    "pool, then 1×1": (*_WINDOW, "ceil_mode"),
    "projection": (*_WINDOW, "dilation"),
    "resize": (),
    "crop": (),
    "centre crop": (),
}
_PROJECTING = ("projection", "pool, then 1×1")


def geometry_of(kind: Kind, given: Mapping[str, Any]) -> ConvGeometry:
    """What a kind makes of numbers by name: it takes those that it leaves to choose.

    >>> geometry_of("max pooling", {"kernel_size": 3, "stride": 2, "padding": 1, "dilation": 1, "ceil_mode": False})
    PoolGeometry(kernel_size=3, stride=2, padding=1, dilation=1, mode='max', ceil_mode=False)
    """
    chosen = {"kernel_size": 1} | {name: given[name] for name in CHOICES[kind]}
    if "ceil_mode" in chosen:
        return PoolGeometry(**chosen, mode="max" if kind == "max pooling" else "average")
    return ConvGeometry(**chosen)


@dataclass(frozen=True, kw_only=True)
class Shortcut:
    """One shortcut around one branch: what it gives, for which sizes it fits, where it looks.

    A size is one number for height and width, or (height, width). A ``ValueError`` or ``TypeError`` says what does
    not go together.

    >>> published = (ConvGeometry(2, stride=2, padding=2),) * 2
    >>> one = ConvGeometry(1, stride=3)
    >>> shortcut = Shortcut(kind="projection", branch=published, in_channels=3, out_channels=3, geometry=one)
    >>> shortcut.shapes(32), [n for n in range(30, 36) if shortcut.fits(n)], shortcut.aligned(32)
    (((3, 11, 11), (3, 11, 11)), [30, 32, 33], False)
    >>> shortcut.code
    'nn.Conv2d(3, 3, kernel_size=1, stride=3)'
    """

    kind: Kind
    branch: tuple[Layer, ...]  # the branch's layers, in order
    in_channels: int  # of x
    out_channels: int  # of what leaves the branch
    geometry: Layer = PIXEL  # where the shortcut reads, as far as its kind leaves it to choose

    def __post_init__(self) -> None:
        branch = checked_layers("branch", self.branch)
        checked_layers("geometry", [self.geometry])
        checked_word("kind", self.kind, CHOICES)
        for geometry in self._reads:
            allowed = geometry_of(self.kind, {"ceil_mode": False} | vars(geometry))
            if geometry != allowed:
                raise ValueError(f"`geometry` of {self.kind} must be {allowed}; got {geometry}")
        in_channels = checked_integer("in_channels", self.in_channels, 1)
        least = in_channels if self.kind == "option A" else 1
        out_channels = checked_integer("out_channels", self.out_channels, least)
        pools = all(isinstance(geometry, PoolGeometry) for geometry in along(branch, 0))
        if pools and out_channels != in_channels:
            rule = f"`out_channels` of poolings alone is `in_channels`={in_channels}, for they keep their channels"
            raise ValueError(f"{rule}; got {out_channels}")
        vars(self).update(branch=branch, in_channels=in_channels, out_channels=out_channels)

    @property
    def _reads(self) -> tuple[ConvGeometry, ...]:
        return along([self.geometry], 0)[0], along([self.geometry], 1)[0]

    @property
    def _channels(self) -> int:
        return self.out_channels if self.kind in (*_PROJECTING, "option A") else self.in_channels

    @property
    def name(self) -> str:
        """The kind, with the numbers that were chosen."""
        given = numbers(self.geometry)
        if self.kind == "option A":
            return f"option A, stride {given['stride']}"
        if not CHOICES[self.kind]:
            return self.kind
        size = "×".join(str(geometry.kernel_size) for geometry in self._reads)
        dilation = f", dilation {given['dilation']}" if given["dilation"] != 1 else ""
        ceil_mode = ", ceil_mode" if given.get("ceil_mode") else ""
        kind = f"pool {size}, then 1×1" if "then" in self.kind else f"{self.kind} {size}"
        return f"{kind}, stride {given['stride']}, padding {given['padding']}{dilation}{ceil_mode}"

    @property
    def parameter_count(self) -> int:
        """Weights and biases: only a projection has any."""
        if self.kind not in _PROJECTING:
            return 0
        kernel_size = 1 if "then" in self.kind else numbers(self.geometry)["kernel_size"]
        return parameter_count(self.in_channels, self.out_channels, kernel_size)

    @property
    def code(self) -> str:
        """One line of PyTorch that makes this shortcut, for ``from torch import nn``."""
        match self.kind:
            case "option A":
                kept = "x[:, :, ::{}, ::{}]".format(*(geometry.stride for geometry in self._reads))
                zeros = (0, 0, 0, 0, 0, self.out_channels - self.in_channels)  # pairs from the last axis
                return f"lambda x: nn.functional.pad({kept}, {zeros})"
            case "max pooling" | "projection":
                return layer_code(self.geometry, self.in_channels, self.out_channels)
            case "average pooling" | "pool, then 1×1":
                pool = layer_code(self.geometry, self.in_channels, self.in_channels)
                if any(geometry.padding for geometry in self._reads):  # else zeros would darken the border
                    pool = f"{pool[:-1]}, count_include_pad=False)"
                one = f"nn.Conv2d({self.in_channels}, {self.out_channels}, kernel_size=1)"
                return pool if self.kind == "average pooling" else f"nn.Sequential({pool}, {one})"
            case "resize":
                axes = [along(self.branch, axis) for axis in (0, 1)]
                size = ", ".join(_size_code(axis, f"x.shape[{place - 2}]") for place, axis in enumerate(axes))
                if axes[0] == axes[1]:
                    size = f"{_size_code(axes[0], 'n')} for n in x.shape[-2:]"
                return f'lambda x: nn.functional.interpolate(x, size=[{size}], mode="area")'
        return "nn.Identity()"

    @property
    def add_code(self) -> str:
        """The lines of PyTorch that add ``shortcut(x)`` and ``branch(x)``, and show the shape."""
        if "crop" not in self.kind:
            return "(shortcut(x) + branch(x)).shape"
        centred = "[..., (t.shape[-2] - height) // 2 :, (t.shape[-1] - width) // 2 :]" * ("centre" in self.kind)
        return (
            "skip, out = shortcut(x), branch(x)\nheight, width = map(min, skip.shape[-2:], out.shape[-2:])\n"
            f"crop = lambda t: t{centred}[..., :height, :width]\n(crop(skip) + crop(out)).shape"
        )

    def shapes(self, input_size: Size) -> tuple[Shape, Shape]:
        """(C, H, W) that shortcut and branch bring to the add; a ``ValueError`` where PyTorch refuses one of them."""
        both = [self.sides(size, axis) for axis, size in enumerate(checked_pair("input_size", input_size))]
        if "crop" in self.kind:
            both = [(min(sides), min(sides)) for sides in both]
        (skip_height, height), (skip_width, width) = both
        return (self._channels, skip_height, skip_width), (self.out_channels, height, width)

    def sides(self, input_size: int, axis: int) -> tuple[int, int]:
        """What shortcut and branch make of a size along one axis, before anything is cropped."""
        after = sizes(input_size, along(self.branch, axis))[-1]
        return after if self.kind == "resize" else self._reads[axis].output_size(input_size), after

    def verdict(self, input_size: Size) -> Verdict:
        """What becomes of the add: "equal", "broadcast", or "error", also where PyTorch refuses one of its sides."""
        checked_pair("input_size", input_size)
        try:
            return add_verdict(*self.shapes(input_size))
        except ValueError:
            return "error"

    def fits(self, input_size: Size) -> bool:
        """Whether both sides run and give the same shape, so that nothing is broadcast."""
        return self.verdict(input_size) == "equal"

    def verdicts(self, input_sizes: Iterable[int], axis: int = 1) -> dict[int, Verdict]:
        """What becomes of the add along one axis, 0 for heights and 1 for widths, for many sizes at once."""
        verdicts: dict[int, Verdict] = {checked_integer("input_sizes", size, 0): "error" for size in input_sizes}
        with suppress(ValueError):
            there = sizes_after(along(self.branch, axis), verdicts)
            here = there if self.kind == "resize" else sizes_after([self._reads[axis]], verdicts)
            for size in verdicts:
                pair = here[size], there[size]
                a, b = (min(pair), min(pair)) if "crop" in self.kind else pair
                if all(pair):
                    verdicts[size] = add_verdict((self._channels, a), (self.out_channels, b))
        return verdicts

    def runs_at(self, input_sizes: Iterable[int]) -> list[int]:
        """Those of the sizes at which a square image fits."""
        heights = self.verdicts(input_sizes, 0)
        widths = self.verdicts(heights, 1)
        return [size for size in heights if heights[size] == widths[size] == "equal"]

    def looks(self, outputs: Iterable[int], input_size: int, axis: int = 1) -> list[tuple[range, range]]:
        """The image columns (rows, for axis 0) at which shortcut and branch look for some outputs, padding included.

        By convention a branch looks at all from the first to the last that it would read on a canvas without borders.
        """
        input_size = checked_integer("input_size", input_size, 1)
        here, there = self.sides(input_size, axis)
        skip, branch = self._reads[axis], compose(along(self.branch, axis))
        cut = self.kind == "centre crop"
        before, over = (max(0, here - there) // 2, max(0, there - here) // 2) if cut else (0, 0)

        def carried(index: int) -> range:
            if self.kind == "resize":
                return range(index * input_size // there, -(-(index + 1) * input_size // there))
            return skip.pixels(index + before)

        whole = (checked_integer("outputs", index, 0) for index in outputs)
        return [(carried(index), branch.pixels(index + over)) for index in whole]

    def place(self, input_size: Size) -> Place:
        """Whether, for every output, both sides look at the same place; "other places" if the shortcut does not fit.

        The same place means that the middles of what they look at are at most half a pixel apart. "no later pixel"
        means that these are not, but the last column of both is the same, as a causal network wants it.
        """
        if not self.fits(input_size):
            return "other places"
        pairs, counts = list[tuple[range, range]](), self.shapes(input_size)[0][1:]
        for axis, (size, count) in enumerate(zip(checked_pair("input_size", input_size), counts, strict=True)):
            # Where both sides move evenly, the first and the last output are the furthest apart.
            pairs += self.looks(range(count) if self.kind == "resize" else (0, count - 1), size, axis)
        if all(abs((here[0] + here[-1]) - (there[0] + there[-1])) <= 1 for here, there in pairs):
            return "same place"
        return "no later pixel" if all(here[-1] == there[-1] for here, there in pairs) else "other places"

    def aligned(self, input_size: Size) -> bool:
        """Whether the shortcut fits and both sides look at the same place, as on a canvas without borders."""
        return self.place(input_size) == "same place"


def _size_code(branch: Sequence[ConvGeometry], n: str) -> str:
    whole, (_, reach, stride) = compose(branch), size_line(branch)
    over = reach - whole.reach  # where a pooling rounds up
    return f"({n} + 2 * {whole.padding} - {whole.kernel_size}{f' + {over}' if over else ''}) // {stride} + 1"
