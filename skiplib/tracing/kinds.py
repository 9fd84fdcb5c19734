"""The kinds of repairs that are worth trying where a run fails or stretches (layer L1, torch).

Options A and B are those of He et al. (2015, arXiv 1512.03385, Sec 3.3); the projection that fits its branch at every
size is the branch's composed geometry (Araujo, Norris and Sim, 2019, Distill, doi 10.23915/distill.00021).
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from skiplib.tracing.changes import Fix, Step, at_join, at_layer, constructor, is_movable
from skiplib.tracing.explaining import wanted_channels
from skiplib.tracing.joins import Join, fields
from skiplib.tracing.recorder import Row
from skiplib.tracing.sums import axes_of, each_axis, kind_of
from skiplib.tracing.tracer import Trace
from skiplib.words import counted

Kind = Callable[[Trace, Row, Join | None], Iterable[Fix]]  # what to try where a step or a join is in trouble


def _of_a_join(fixes: Callable[[Trace, Join], Iterable[Fix]]) -> Kind:
    return lambda run, row, join: fixes(run, join) if join else ()


def _of_steps(fix: Callable[[nn.Module, Row], Fix]) -> Kind:
    """All steps that lead to a join at once, or the one that fails."""

    def fixes(run: Trace, row: Row, join: Join | None) -> Iterable[Fix]:
        rows = [each for _, each in _nearest(run, join) if is_movable(run.model, each)] if join else [row]
        whole = sum((fix(run.model, each) for each in rows), Fix())
        return [whole] if whole.changes else []

    return fixes


@_of_a_join
def _ceil_mode(run: Trace, join: Join) -> Iterator[Fix]:
    for _, row in _nearest(run, join):
        if kind_of(row.function) in ("max_pool", "avg_pool"):
            yield at_layer(run.model, row, ceil_mode=not (row.call or {}).get("ceil_mode", False))


@_of_a_join
def _output_padding(run: Trace, join: Join) -> Iterator[Fix]:
    for side, row in _nearest(run, join):
        if kind_of(row.function) == "conv_transpose" and row.call:
            axes = axes_of(row.function, row.before[0])
            now = each_axis(row.call.get("output_padding", 0), len(axes))
            here, other = join.sides[side], join.sides[0 if side else 1]
            new = tuple(n + other[axis] - here[axis] for n, axis in zip(now, axes, strict=True))
            if new != now and min(new) >= 0:
                yield at_layer(run.model, row, output_padding=new)


@_of_steps
def _half_padding(model: nn.Module, row: Row) -> Fix:
    """Half a window less one on every side; for an even window, which has no half, PyTorch's "same"."""
    window = row.window
    if not window or kind_of(row.function) == "conv_transpose":
        return Fix()
    reach = [d * (k - 1) for k, d in zip(window["kernel_size"], window.get("dilation", (1, 1, 1)), strict=False)]
    half = "same" if any(one % 2 for one in reach) else tuple(one // 2 for one in reach)
    return at_layer(model, row, padding=half) if half != window["padding"] else Fix()


@_of_steps
def _same_size(model: nn.Module, row: Row) -> Fix:
    """Windows that keep every size: an odd kernel, stride 1, half padding."""
    window = row.window
    if kind_of(row.function) not in ("conv", "max_pool", "avg_pool"):
        return Fix()
    kernel = tuple(size + 1 - size % 2 for size in window["kernel_size"])
    half = tuple(d * (k - 1) // 2 for k, d in zip(kernel, window.get("dilation", (1, 1, 1)), strict=False))
    wanted = {"kernel_size": kernel, "stride": (1,) * len(kernel), "padding": half}
    new = {name: value for name, value in wanted.items() if value != window[name]}
    return at_layer(model, row, **new) if new else Fix()


@_of_steps
def _channels(model: nn.Module, row: Row) -> Fix:
    """A layer that takes what arrives."""
    wanted = wanted_channels(row)
    last = row.before[0][-1] if len(row.before[0]) > 2 else 0
    grouped = (row.call or {}).get("groups", 1) > 1
    if not wanted or kind_of(row.function) == "conv_transpose" or grouped or last == wanted[0]:  # channels come last
        return Fix()
    return at_layer(model, row, **{f"in_{wanted[1]}s": wanted[2]})


@_of_a_join
def _projection(run: Trace, join: Join) -> Iterator[Fix]:
    """The branch's own geometry, composed: right in size and in place wherever the branch runs."""
    if (window := _branch_window(run, join)) and min(window[2]) >= 0:
        yield _through(run, join, _conv(join, *window))


@_of_a_join
def _option_b(run: Trace, join: Join) -> Iterator[Fix]:
    """He's 1x1 with the branch's stride, in the middle of what the branch reads, or at its beginning."""
    if window := _branch_window(run, join):
        kernel, stride, padding = window
        middle = tuple(max(0, p - (k - 1) // 2) for k, p in zip(kernel, padding, strict=True))
        for each in dict.fromkeys((middle, (0,) * len(middle))):
            yield _through(run, join, _conv(join, 1, stride, each))


@_of_a_join
def _pooled(run: Trace, join: Join) -> Iterator[Fix]:
    """A mean over as many positions as the branch jumps, and 1x1 where the channels change."""
    if (window := _branch_window(run, join)) and max(window[1]) > 1:
        for ceil_mode in (False, True):
            pool = getattr(nn, f"AvgPool{len(window[1])}d")(window[1], ceil_mode=ceil_mode)
            alike = join.sides[join.skip][1] == join.sides[join.branch][1]
            yield _through(run, join, pool if alike else nn.Sequential(pool, _conv(join)))


@_of_a_join
def _resized_projection(run: Trace, join: Join) -> Iterator[Fix]:
    """Where the channels and the sizes differ, and no window has the branch's geometry (``ceil_mode`` has none)."""
    skip, branch = join.sides[join.skip], join.sides[join.branch]
    if join.sign != "cat" and len(skip) == len(branch) and skip[1] != branch[1] and skip[2:] != branch[2:]:
        yield _through(run, join, _conv(join), resized=True)


def _conv(join: Join, kernel: Any = 1, stride: Any = 1, padding: Any = 0) -> nn.Module:
    """A convolution from the channels of the skip to those of the branch."""
    channels = (join.sides[side][1] for side in (join.skip, join.branch))
    conv: nn.Module = getattr(nn, f"Conv{len(join.sides[0]) - 2}d")(*channels, kernel, stride, padding)
    return conv


def _through(run: Trace, join: Join, made: nn.Module, *, resized: bool = False) -> Fix:
    """The skip goes through a new layer, and is ``resized`` behind it."""
    steps = [Step(lambda side, _: made.to(side)(side), lambda side, _: f"SELF.LAYER({side})")]
    steps += [_size_of(join.branch)] * resized
    what = f"{constructor(made)} on the skip" + ", resized" * resized
    return at_join(run, join, what, *steps, place=join.skip, made=made)


def _size_of(other: int) -> Step:
    def code(side: str, sides: list[str]) -> str:
        return "" if side == sides[other] else f"nn.functional.interpolate({side}, {sides[other]}.shape[2:])"

    return Step(lambda side, sides: F.interpolate(side, sides[other].shape[2:]), code)


@_of_a_join
def _resize(run: Trace, join: Join) -> Iterator[Fix]:
    """Resized to the size of the skip."""
    if _differ_in_size_only(join):
        yield at_join(run, join, "resize", _size_of(join.skip))


@_of_a_join
def _zero_channels(run: Trace, join: Join) -> Iterator[Fix]:
    """He's option A: channels of zeros on the side that has fewer."""
    axes = {len(shape) for shape in join.sides}
    if join.sign != "cat" and len(axes) == 1 and min(axes) > 1 and join.sides[0][2:] == join.sides[1][2:]:
        counts = [shape[1] for shape in join.sides]
        fewer, missing = counts.index(min(counts)), max(counts) - min(counts)
        pairs = (*[0, 0] * (len(join.sides[0]) - 2), 0, missing)
        step = Step(lambda side, _: F.pad(side, pairs), lambda side, _: f"nn.functional.pad({side}, {pairs})")
        yield at_join(run, join, f"{counted(missing, 'channel')} of zeros on side {fewer + 1}", step, place=fewer)


def _to_one_size(what: str, choose: Callable[[Iterable[int]], int], run: Trace, join: Join) -> Iterator[Fix]:
    """Every side as large along each axis as the smallest or the largest; padding by less than 0 cuts."""
    axes = range(-1, 1 - len(join.sides[0]), -1)

    def change(side: Tensor, sides: list[Tensor]) -> Tensor:
        wanted = [choose(each) for each in zip(*(each.shape[2:] for each in sides), strict=True)]
        return F.pad(side, [pixels for axis in axes for pixels in (0, wanted[axis] - side.shape[axis])])

    def code(side: str, _: list[str]) -> str:
        pairs = ", ".join(f"0, SIZES[{axis}] - {side}.shape[{axis}]" for axis in axes)
        return f"nn.functional.pad({side}, ({pairs}))"

    def first(sides: list[str]) -> str:
        sizes = ", ".join(f"{side}.shape[2:]" for side in sides)
        return f"SIZES = [{choose.__name__}(each) for each in zip({sizes})]"

    if _differ_in_size_only(join):
        yield at_join(run, join, what, Step(change, code, first))


def _nearest(run: Trace, join: Join) -> list[tuple[int, Row]]:
    """The rows of all ways to a join with their sides, those nearest to it first."""
    sides = {place: side for side, way in enumerate(join.ways) for place in way}
    return [(sides[place], run.rows[place]) for place in sorted(sides, reverse=True)]


def _differ_in_size_only(join: Join) -> bool:
    parts = len((join.row.call or {}).get("tensors", join.sides))  # of a cat, constants too
    axes, channels = {len(shape) for shape in join.sides}, {shape[:2] for shape in join.sides}
    alike = len(axes) == 1 and min(axes) > 2 and (join.sign == "cat" or len(channels) == 1)
    return alike and parts == len(join.sides)


def _branch_window(run: Trace, join: Join) -> list[tuple[int, ...]] | None:
    """Kernel, stride and padding of the branch as one window, each for every axis; None if it is none."""
    if join.sign == "cat" or len({len(shape) for shape in join.sides}) > 1:
        return None
    windows = []
    for axis in range(2 - len(join.sides[0]), 0):
        known = fields(run.rows[: join.place], join.fork, axis)
        here, there = (known.get(join.row.makers[side]) for side in (join.skip, join.branch))
        if not here or not there or [*here] != [1, 0, 0] or any(each.denominator > 1 for each in there):
            return None
        jump, low, high = map(int, there)
        windows.append((high - low + 1, jump, -low))
    return [*zip(*windows, strict=True)] or None


_zeros = _of_a_join(partial(_to_one_size, "zeros at the end", max))
_cut = _of_a_join(partial(_to_one_size, "cut at the end", min))
KINDS: list[Kind] = [_ceil_mode, _output_padding, _half_padding, _option_b, _projection, _pooled]
KINDS += [_resized_projection, _zero_channels, _channels, _zeros, _cut, _resize, _same_size]
