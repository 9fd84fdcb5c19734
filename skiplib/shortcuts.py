"""Shortcuts: what carries x to the add when the branch changes its size or its channels (layer L1, torch).

Options A (zero channels), B and C (projections) are those of He et al. (2015, arXiv 1512.03385, Sec 3.3 and 4.1);
the projection that fits its branch for every size is the branch's composed geometry (``ConvGeometry.then``).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

from skiplib.arithmetic import (
    ConvGeometry,
    checked_geometries,
    checked_integer,
    compose,
    parameter_count,
    pool_output_size,
    sizes,
)
from skiplib.blocks import make_conv

Kind = Literal["identity", "option A", "average pooling", "projection", "resize"]
PIXEL = ConvGeometry(kernel_size=1)


class OptionA(nn.Module):
    """He's option A: every ``stride``-th pixel, then channels of zeros; no parameters.

    Shape:
        (N, in_channels, H, W) -> (N, out_channels, ceil(H / stride), ceil(W / stride))

    Raises:
        ValueError: if there would be fewer channels than before.

    >>> import torch
    >>> OptionA(3, 6, stride=2)(torch.ones(1, 3, 5, 8)).shape
    torch.Size([1, 6, 3, 4])
    """

    def __init__(self, in_channels: int, out_channels: int, *, stride: int = 1) -> None:
        super().__init__()
        self.stride = checked_integer("stride", stride, 1)
        least = checked_integer("in_channels", in_channels, 1)
        self.zero_channels = checked_integer("out_channels", out_channels, least) - in_channels

    def forward(self, x: Tensor) -> Tensor:
        kept = x[:, :, :: self.stride, :: self.stride]
        return F.pad(kept, (0, 0, 0, 0, 0, self.zero_channels))  # pairs from the last axis: W, H, C


class Resize(nn.Module):
    """Average x down (or repeat its pixels) to the size that a branch of these geometries gives; no parameters.

    Shape:
        (N, C, H, W) -> (N, C, H_out, W_out)

    >>> import torch
    >>> Resize([ConvGeometry(2, stride=2, padding=2)] * 2)(torch.ones(1, 3, 32, 9)).shape
    torch.Size([1, 3, 11, 5])
    """

    def __init__(self, geometries: Sequence[ConvGeometry]) -> None:
        super().__init__()
        self.geometries = checked_geometries("geometries", geometries)

    def forward(self, x: Tensor) -> Tensor:
        return F.interpolate(x, size=[sizes(n, self.geometries)[-1] for n in x.shape[-2:]], mode="area")


@dataclass(frozen=True, kw_only=True)
class Shortcut:
    """One shortcut around one branch: what it gives, for which sizes it fits, where it looks.

    Sizes are along one axis; a rectangular image fits if its height and its width do.

    Args:
        kind: "identity", "option A", "average pooling", "projection" or "resize".
        branch: the geometries of the branch's convolutions, in order.
        in_channels: channels of x.
        out_channels: channels that leave the branch.
        geometry: where the shortcut reads; identity and resize have none to choose, option A only a stride.

    Raises:
        TypeError: if ``branch`` holds anything but ``ConvGeometry``, or a channel count is not an integer.
        ValueError: if the kind is unknown or cannot have this geometry or these channels.

    >>> published = (ConvGeometry(2, stride=2, padding=2),) * 2
    >>> shortcut = Shortcut(
    ...     kind="projection", branch=published, in_channels=3, out_channels=3, geometry=ConvGeometry(1, stride=3)
    ... )
    >>> shortcut.output_shape(32), [n for n in range(30, 36) if shortcut.fits(n)], shortcut.aligned(32)
    ((3, 11, 11), [30, 32, 33], False)
    >>> shortcut.code
    'nn.Conv2d(3, 3, kernel_size=1, stride=3, padding=0)'
    """

    kind: Kind
    branch: tuple[ConvGeometry, ...]
    in_channels: int
    out_channels: int
    geometry: ConvGeometry = PIXEL

    def __post_init__(self) -> None:
        object.__setattr__(self, "branch", checked_geometries("branch", self.branch))
        (geometry,) = checked_geometries("geometry", [self.geometry])
        allowed = {
            "identity": PIXEL,
            "option A": replace(PIXEL, stride=geometry.stride),
            "average pooling": replace(geometry, dilation=1),
            "projection": geometry,
            "resize": PIXEL,
        }
        if self.kind not in list(allowed):  # a list compares, where a dict would have to hash
            raise ValueError(f"`kind` must be one of {', '.join(allowed)}; got {self.kind!r}")
        if geometry != allowed[self.kind]:
            raise ValueError(f"`geometry` of {self.kind} must be {allowed[self.kind]}; got {geometry}")
        in_channels = checked_integer("in_channels", self.in_channels, 1)
        checked_integer("out_channels", self.out_channels, in_channels if self.kind == "option A" else 1)

    @property
    def name(self) -> str:
        """The kind, with the numbers that were chosen."""
        window = self.geometry
        match self.kind:
            case "identity" | "resize":
                return self.kind
            case "option A":
                return f"option A, stride {window.stride}"
        size = f"{window.kernel_size}×{window.kernel_size}"
        dilation = f", dilation {window.dilation}" if window.dilation > 1 else ""
        return f"{self.kind} {size}, stride {window.stride}, padding {window.padding}{dilation}"

    @property
    def parameter_count(self) -> int:
        """Weights and biases: only a projection has any."""
        if self.kind != "projection":
            return 0
        return parameter_count(self.in_channels, self.out_channels, self.geometry.kernel_size)

    @property
    def code(self) -> str:
        """One line of PyTorch that makes this shortcut, for ``import torch.nn as nn, torch.nn.functional as F``."""
        match self.kind:
            case "identity":
                return "nn.Identity()"
            case "option A":
                every, zeros = self.geometry.stride, self.out_channels - self.in_channels
                return f"lambda x: F.pad(x[:, :, ::{every}, ::{every}], (0, 0, 0, 0, 0, {zeros}))"
            case "average pooling":
                return f"nn.AvgPool2d({_arguments(self.geometry)})"
            case "projection":
                return f"nn.Conv2d({self.in_channels}, {self.out_channels}, {_arguments(self.geometry)})"
            case "resize":
                whole = compose(self.branch)
                size = f"(n + 2 * {whole.padding} - {whole.kernel_size}) // {whole.stride} + 1"
                return f'lambda x: F.interpolate(x, size=[{size} for n in x.shape[-2:]], mode="area")'

    def make(self) -> nn.Module:
        """A new module; a projection draws its weights from PyTorch's global generator."""
        window = self.geometry
        match self.kind:
            case "identity":
                return nn.Identity()
            case "option A":
                return OptionA(self.in_channels, self.out_channels, stride=window.stride)
            case "average pooling":
                return nn.AvgPool2d(window.kernel_size, window.stride, window.padding)
            case "projection":
                return make_conv(self.in_channels, self.out_channels, window)
            case "resize":
                return Resize(self.branch)

    def output_shape(self, input_size: int) -> tuple[int, int, int]:
        """(C, H, W) that the shortcut gives for a square image.

        Raises:
            ValueError: where PyTorch refuses the shortcut.
        """
        window = self.geometry
        channels = self.out_channels if self.kind in ("option A", "projection") else self.in_channels
        if self.kind == "resize":
            size = sizes(input_size, self.branch)[-1]
        elif self.kind == "average pooling":
            size = pool_output_size(input_size, window.kernel_size, stride=window.stride, padding=window.padding)
        else:
            size = window.output_size(input_size)
        return channels, size, size

    def branch_shape(self, input_size: int) -> tuple[int, int, int]:
        """(C, H, W) that the branch gives for a square image.

        Raises:
            ValueError: where PyTorch refuses the branch.
        """
        size = sizes(input_size, self.branch)[-1]
        return self.out_channels, size, size

    def fits(self, input_size: int) -> bool:
        """Whether both sides run and give the same shape, so that nothing is broadcast."""
        checked_integer("input_size", input_size, 1)
        try:
            return self.output_shape(input_size) == self.branch_shape(input_size)
        except ValueError:
            return False

    def columns(self, index: int, input_size: int) -> range:
        """The image columns that output ``index`` of the shortcut reads; those outside the image are padding."""
        if self.kind != "resize":
            return _columns(self.geometry, index)
        places = sizes(input_size, self.branch)[-1]
        return range(index * input_size // places, -(-(index + 1) * input_size // places))

    def branch_columns(self, index: int) -> range:
        """The image columns that output ``index`` of the branch reads; those outside the image are padding."""
        return _columns(compose(self.branch), index)

    def aligned(self, input_size: int) -> bool:
        """Whether the shortcut fits and, for every output, both sides look at the same place.

        The same place means: the middle of the columns that one side reads is at most half a pixel from the
        middle of those that the other side reads.
        """
        if not self.fits(input_size):
            return False
        pairs = (
            (self.columns(index, input_size), self.branch_columns(index))
            for index in range(self.branch_shape(input_size)[-1])
        )
        return all(abs((here[0] + here[-1]) - (there[0] + there[-1])) <= 1 for here, there in pairs)


def propose_shortcuts(
    geometries: Sequence[ConvGeometry], in_channels: int, out_channels: int, *, input_size: int
) -> tuple[Shortcut, ...]:
    """The shortcuts that fit around a branch at ``input_size``, those without parameters first.

    The projection with the branch's own composed geometry fits at every size, so there is always one; the others
    may fit at this size and fail at the next: ask ``fits``. A branch that keeps every shape needs no repair: it
    gets the identity and, as He's option C, a 1x1 projection.

    Raises:
        TypeError: if ``geometries`` holds anything but ``ConvGeometry``.
        ValueError: if a channel count is below 1 or the branch is larger than its input.

    >>> published = [ConvGeometry(2, stride=2, padding=2)] * 2
    >>> for shortcut in propose_shortcuts(published, 3, 3, input_size=32):
    ...     print(shortcut.name, shortcut.parameter_count, shortcut.aligned(32))
    resize 0 False
    projection 1×1, stride 4, padding 5 12 True
    projection 1×1, stride 3, padding 0 12 False
    projection 4×4, stride 4, padding 6 147 True
    """
    branch = checked_geometries("geometries", geometries)
    whole, places = compose(branch), sizes(input_size, branch)[-1]
    middle = replace(PIXEL, stride=whole.stride, padding=max(0, whole.padding - (whole.kernel_size - 1) // 2))
    candidates: list[tuple[Kind, ConvGeometry]] = [
        ("identity", PIXEL),
        ("option A", replace(PIXEL, stride=whole.stride)),
        ("average pooling", ConvGeometry(whole.stride, stride=whole.stride)),
        ("average pooling", whole),
        ("resize", PIXEL),
        ("projection", middle),
        ("projection", replace(PIXEL, stride=-(-input_size // places))),  # right in size, by luck in place
        ("projection", whole),
    ]
    if whole.keeps_every_size and in_channels == out_channels:
        candidates = [("identity", PIXEL), ("projection", PIXEL)]
    shortcuts = (
        Shortcut(kind=kind, branch=branch, in_channels=in_channels, out_channels=out_channels, geometry=geometry)
        for kind, geometry in dict.fromkeys(candidates)
        if kind != "option A" or out_channels >= in_channels
    )
    return tuple(shortcut for shortcut in shortcuts if shortcut.fits(input_size))


def _columns(geometry: ConvGeometry, index: int) -> range:
    window = geometry.window(index)
    return range(window.first - geometry.padding, window.last - geometry.padding + 1, geometry.dilation)


def _arguments(geometry: ConvGeometry) -> str:
    dilation = f", dilation={geometry.dilation}" if geometry.dilation > 1 else ""
    return f"kernel_size={geometry.kernel_size}, stride={geometry.stride}, padding={geometry.padding}{dilation}"
