"""Shortcuts: what carries x to the add when the branch changes its size or its channels (layer L0).

Options A (zero channels), B and C (projections) are those of He et al. (2015, arXiv 1512.03385, Sec 3.3 and 4.1);
the projection that fits its branch for every size is the branch's composed geometry (``ConvGeometry.then``).
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Literal

from skiplib.adding import Verdict, add_verdict
from skiplib.arithmetic import ConvGeometry, checked_integer, checked_word, parameter_count, pool_output_size
from skiplib.chains import checked_geometries, compose, sizes
from skiplib.words import conv_arguments

Kind = Literal["identity", "option A", "average pooling", "projection", "resize"]
PIXEL = ConvGeometry(kernel_size=1)
CHOICES: dict[Kind, tuple[str, ...]] = {  # what of its geometry each kind leaves to choose
    "identity": (),
    "option A": ("stride",),
    "average pooling": ("kernel_size", "stride", "padding"),
    "projection": ("kernel_size", "stride", "padding", "dilation"),
    "resize": (),
}


@dataclass(frozen=True, kw_only=True)
class Shortcut:
    """One shortcut around one branch: what it gives, for which sizes it fits, where it looks.

    Sizes are along one axis; a rectangular image fits if its height and its width do.

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
    'nn.Conv2d(3, 3, kernel_size=1, stride=3)'
    """

    kind: Kind
    branch: tuple[ConvGeometry, ...]  # the branch's convolutions, in order
    in_channels: int  # of x
    out_channels: int  # of what leaves the branch
    geometry: ConvGeometry = PIXEL  # where the shortcut reads, as far as its kind leaves it to choose

    def __post_init__(self) -> None:
        object.__setattr__(self, "branch", checked_geometries("branch", self.branch))
        (geometry,) = checked_geometries("geometry", [self.geometry])
        checked_word("kind", self.kind, CHOICES)
        allowed = replace(PIXEL, **{name: getattr(geometry, name) for name in CHOICES[self.kind]})
        if geometry != allowed:
            raise ValueError(f"`geometry` of {self.kind} must be {allowed}; got {geometry}")
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
        """One line of PyTorch that makes this shortcut, for ``from torch import nn``."""
        window = asdict(self.geometry)
        match self.kind:
            case "identity":
                return "nn.Identity()"
            case "option A":
                every, zeros = self.geometry.stride, self.out_channels - self.in_channels
                kept = f"x[:, :, ::{every}, ::{every}]"
                return f"lambda x: nn.functional.pad({kept}, (0, 0, 0, 0, 0, {zeros}))"  # pairs from the last axis
            case "average pooling":
                return f"nn.AvgPool2d({conv_arguments(self.geometry.kernel_size, **window)})"
            case "projection":
                return f"nn.Conv2d({self.in_channels}, {self.out_channels}, {conv_arguments(**window)})"
            case "resize":
                whole = compose(self.branch)
                size = f"(n + 2 * {whole.padding} - {whole.kernel_size}) // {whole.stride} + 1"
                return f'lambda x: nn.functional.interpolate(x, size=[{size} for n in x.shape[-2:]], mode="area")'

    def output_shape(self, input_size: int) -> tuple[int, int, int]:
        """(C, H, W) that the shortcut gives for a square image; a ``ValueError`` where PyTorch refuses it."""
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
        """(C, H, W) that the branch gives for a square image; a ``ValueError`` where PyTorch refuses it."""
        size = sizes(input_size, self.branch)[-1]
        return self.out_channels, size, size

    def verdict(self, input_size: int) -> Verdict:
        """What becomes of the add: "equal", "broadcast", or "error", also where PyTorch refuses one of its sides."""
        checked_integer("input_size", input_size, 1)
        try:
            return add_verdict(self.output_shape(input_size), self.branch_shape(input_size))
        except ValueError:
            return "error"

    def fits(self, input_size: int) -> bool:
        """Whether both sides run and give the same shape, so that nothing is broadcast."""
        return self.verdict(input_size) == "equal"

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
        whole = compose(self.branch)
        pairs = (
            (self.columns(index, input_size), _columns(whole, index))
            for index in range(self.branch_shape(input_size)[-1])
        )
        return all(abs((here[0] + here[-1]) - (there[0] + there[-1])) <= 1 for here, there in pairs)


def propose_shortcuts(
    geometries: Sequence[ConvGeometry], in_channels: int, out_channels: int, *, input_size: int
) -> tuple[Shortcut, ...]:
    """The shortcuts that fit around a branch at ``input_size``, those without parameters first.

    The projection with the branch's own composed geometry fits wherever the branch runs, so there is always one.
    Others may fit at this size and fail at the next: ask ``fits``. A branch that keeps every shape needs no
    repair: it gets the identity and, as He's option C, a 1x1 projection.

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
    shortcuts = (
        Shortcut(kind=kind, branch=branch, in_channels=in_channels, out_channels=out_channels, geometry=geometry)
        for kind, geometry in _candidates(branch, in_channels == out_channels, input_size)
        if kind != "option A" or out_channels >= in_channels
    )
    return tuple(shortcut for shortcut in shortcuts if shortcut.fits(input_size))


def _candidates(
    branch: tuple[ConvGeometry, ...], same_channels: bool, input_size: int
) -> dict[tuple[Kind, ConvGeometry], None]:
    """What may be worth trying, each once and in the order in which it is proposed."""
    whole, places = compose(branch), sizes(input_size, branch)[-1]
    if whole.keeps_every_size and same_channels:
        return {("identity", PIXEL): None, ("projection", PIXEL): None}
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
    return dict.fromkeys(candidates)


def _columns(geometry: ConvGeometry, index: int) -> range:
    window = geometry.window(index)
    return range(window.first - geometry.padding, window.last - geometry.padding + 1, geometry.dilation)
