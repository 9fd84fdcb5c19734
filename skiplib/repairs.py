"""Repairs of an add that fails: other shortcuts around a branch, and a branch that keeps its size (layer L0)."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import product

from skiplib.arithmetic import ConvGeometry, Pair, Size, checked_counts, checked_pair
from skiplib.chains import Layer, along, axes_of, checked_layers, compose, layer_code, layer_of, numbers, pools, sizes
from skiplib.shortcuts import PIXEL, Kind, Shortcut, geometry_of

_CROPS = ("crop", "centre crop")


def around(size: int, *, most: int) -> range:
    """64 sizes to look at: the first ones, or if ``size`` is none of those, the ones around it, up to ``most``.

    >>> around(32, most=4096), around(700, most=4096)
    (range(1, 65), range(669, 733))
    """
    size, most = checked_counts(size=size, most=most)
    first = 1 if size <= 64 else min(size - 31, most - 63)
    return range(first, first + 64)


def propose_shortcuts(
    geometries: Sequence[Layer], in_channels: int, out_channels: int, *, input_size: Size
) -> tuple[Shortcut, ...]:
    """The shortcuts that fit around a branch at ``input_size``, the best first.

    Those come first that look at the same place, then those that fit at more of the sizes 1 to 64, then those with
    fewer parameters; crops come last, since they may change the size that comes out, but a crop that makes a causal
    branch comes first. A branch that keeps every shape gets the identity and, as He's option C, a 1x1 projection.
    A ``ValueError`` or ``TypeError`` says what is wrong with the branch.

    >>> published = [ConvGeometry(2, stride=2, padding=2)] * 2
    >>> for shortcut in propose_shortcuts(published, 3, 3, input_size=32):
    ...     print(shortcut.name, shortcut.parameter_count, shortcut.aligned(32))
    projection 4×4, stride 4, padding 6 147 True
    projection 1×1, stride 4, padding 5 12 True
    resize 0 False
    projection 1×1, stride 3, padding 0 12 False
    """
    branch, same = checked_layers("geometries", geometries), in_channels == out_channels
    pair = checked_pair("input_size", input_size)
    axes = [_candidates(along(branch, axis), size) for axis, size in enumerate(pair)]
    wholes = [compose(along(branch, axis)) for axis in (0, 1)]
    steps, kinds = any(whole.stride > 1 for whole in wholes), {"projection"}
    kinds |= {"identity", "resize", "max pooling", "average pooling"} if same else set()
    kinds |= {"option A"} if out_channels >= in_channels else set()
    kinds |= {"pool, then 1×1"} if steps and not same else set()
    kinds |= {*_CROPS} if same and not steps else set()
    if same and all(whole.keeps_every_size for whole in wholes):
        axes, kinds = [[("identity", PIXEL), ("projection", PIXEL)]] * 2, {"identity", "projection"}
    make = partial(Shortcut, branch=branch, in_channels=in_channels, out_channels=out_channels)
    tried = [
        make(kind=kind, geometry=layer_of((height, width)))
        for (kind, height), (_, width) in zip(*axes, strict=True)
        if kind in kinds
    ]
    fitting = [shortcut for shortcut in dict.fromkeys(tried) if shortcut.fits(pair)]
    best = dict[str, Shortcut]()  # of two poolings that differ in ceil_mode alone, the one that fits at more sizes
    for shortcut in sorted(fitting, key=lambda shortcut: _rank(shortcut, pair)):
        best.setdefault(shortcut.name.removesuffix(", ceil_mode"), shortcut)
    return tuple(best.values())


def keep_size(geometries: Sequence[Layer], in_channels: int, out_channels: int) -> Shortcut | None:
    """The same branch with as little as possible changed, so that it keeps every size, and what then carries x.

    Strides become 1, even windows a pixel larger, and padding half of it; ``None`` if that is so, or with a pooling.

    >>> keep_size([ConvGeometry(3, padding=1, dilation=2)], 8, 8).branch
    (ConvGeometry(kernel_size=3, stride=1, padding=2, dilation=2),)
    """
    branch = checked_layers("geometries", geometries)
    if any(map(pools, branch)):
        return None
    kept = tuple(layer_of((_keeping(high), _keeping(wide))) for high, wide in map(axes_of, branch))
    if kept == branch:
        return None
    kind = "identity" if in_channels == out_channels else "projection"
    return Shortcut(kind=kind, branch=kept, in_channels=in_channels, out_channels=out_channels)


def one_sided(layer: Layer, in_channels: int, out_channels: int) -> str:
    """A convolution with an even window, but no stride, as code that keeps every size; empty for other layers.

    >>> one_sided(ConvGeometry(4, padding=1), 3, 3)
    'nn.Sequential(nn.ZeroPad2d((1, 2, 1, 2)), nn.Conv2d(3, 3, kernel_size=4))'
    """
    height, width = axes_of(layer)
    down, across = height.effective_kernel_size - 1, width.effective_kernel_size - 1  # what no padding costs
    if pools(layer) or height.stride > 1 or width.stride > 1 or not (down % 2 or across % 2):
        return ""
    bare = replace(height, padding=0), replace(width, padding=0)
    pad = f"nn.ZeroPad2d({(across // 2, across - across // 2, down // 2, down - down // 2)})"
    return f"nn.Sequential({pad}, {layer_code(bare, in_channels, out_channels)})"


def changes(before: Sequence[Layer], after: Sequence[Layer]) -> str:
    """What another branch of as many layers has in place of this one's numbers.

    >>> changes([ConvGeometry(2), ConvGeometry(3)], [ConvGeometry(3, padding=1), ConvGeometry(3, padding=1)])
    'layer 1: kernel_size 3, padding 1; layer 2: padding 1'
    """
    said = []
    for place, (was, new) in enumerate(zip(map(numbers, before), map(numbers, after), strict=True), start=1):
        if changed := [f"{name} {value}" for name, value in new.items() if value != was[name]]:
            said.append(f"layer {place}: {', '.join(changed)}")
    return "; ".join(said)


def _keeping(geometry: ConvGeometry) -> ConvGeometry:
    kernel_size = geometry.kernel_size + (geometry.effective_kernel_size % 2 == 0)
    odd = replace(geometry, kernel_size=kernel_size, stride=1)
    return replace(odd, padding=odd.effective_kernel_size // 2)


def _candidates(branch: Sequence[ConvGeometry], input_size: int) -> list[tuple[Kind, ConvGeometry]]:
    """What may be worth trying along one axis, always as many and in the same order."""
    whole, places = compose(branch), sizes(input_size, branch)[-1]
    middle = replace(PIXEL, stride=whole.stride, padding=max(0, whole.padding - (whole.kernel_size - 1) // 2))
    windows = {"kernel_size": whole.stride} if whole.stride > 1 else vars(whole), vars(whole)
    poolings = ["max pooling", "average pooling", "pool, then 1×1"]
    pooled = [
        (kind, geometry_of(kind, {"stride": whole.stride, "padding": 0, "dilation": 1, **window, "ceil_mode": ceil}))
        for kind, window, ceil in product(poolings, windows, (False, True))
    ]
    larger = -(-((places - 1) * whole.stride + whole.kernel_size - input_size) // 2)  # where a pooling rounds up
    return [
        ("identity", PIXEL),
        ("option A", replace(PIXEL, stride=whole.stride)),
        *pooled,
        ("resize", PIXEL),
        ("projection", middle),
        ("projection", replace(PIXEL, stride=-(-input_size // places))),  # right in size, by luck in place
        ("projection", replace(whole, padding=max(whole.padding, larger))),
        *((crop, PIXEL) for crop in _CROPS),
    ]


def _rank(shortcut: Shortcut, input_size: Pair) -> tuple[int, bool, int, int]:
    place, runs = shortcut.place(input_size), len(shortcut.runs_at(range(1, 65)))
    crops = 0 if shortcut.kind not in _CROPS else -1 if place == "no later pixel" else 1
    return crops, place != "same place", -runs, shortcut.parameter_count
