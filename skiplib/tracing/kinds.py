"""The kinds of repairs that are worth trying where a run fails or stretches (layer L1, torch).

Options A and B are those of He et al. (2015, arXiv 1512.03385, Sec 3.3); the projection that fits its branch at every
size is the branch's composed geometry (Araujo, Norris and Sim, 2019, Distill, doi 10.23915/distill.00021).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from skiplib.tracing.changes import Fix, at_join, at_layer, constructor
from skiplib.tracing.explaining import wanted_channels
from skiplib.tracing.joins import Join, fields, short_and_long
from skiplib.tracing.recorder import Row
from skiplib.tracing.sums import axes_of, each_axis, kind_of
from skiplib.tracing.tracer import Trace

_ONES = (1, 1, 1)  # of a layer without dilation
Kind = Callable[[Trace, Row, Join | None], Iterator[Fix]]  # what to try where a step or a join is in trouble


def _ceil_mode(run: Trace, row: Row, join: Join | None) -> Iterator[Fix]:
    for _, each in _nearest(run, join):
        if kind_of(each.function) in ("max_pool", "avg_pool"):
            yield at_layer(run.model, each, ceil_mode=not (each.call or {}).get("ceil_mode", False))


def _output_padding(run: Trace, row: Row, join: Join | None) -> Iterator[Fix]:
    for side, each in _nearest(run, join):
        if kind_of(each.function) == "conv_transpose" and each.call and join:
            axes = axes_of(each.function, each.before[0])
            now = each_axis(each.call.get("output_padding", 0), len(axes))
            others = next(shape for place, shape in enumerate(join.sides) if place != side)
            new = tuple(n + others[axis] - join.sides[side][axis] for n, axis in zip(now, axes, strict=True))
            if new != now and min(new) >= 0:
                yield at_layer(run.model, each, output_padding=new)


def _half_padding(run: Trace, row: Row, join: Join | None) -> Iterator[Fix]:
    """Half a window less one on every side; for an even window, which has no half, PyTorch's "same"."""
    fixes = []
    for each, window in _windows(run, row, join):
        reach = [d * (k - 1) for k, d in zip(window["kernel_size"], window.get("dilation", _ONES), strict=False)]
        half = tuple(one // 2 for one in reach)
        even_window = any(one % 2 for one in reach)
        if half != window["padding"] or even_window:
            fixes.append(at_layer(run.model, each, padding="same" if even_window else half))
    if fixes:
        yield sum(fixes, Fix())


def _same_size(run: Trace, row: Row, join: Join | None) -> Iterator[Fix]:
    """Convolutions that keep every size: an odd kernel, stride 1, half padding."""
    fixes = []
    for each, window in _windows(run, row, join):
        if kind_of(each.function) == "conv":
            kernel = tuple(size + 1 - size % 2 for size in window["kernel_size"])
            half = tuple(d * (k - 1) // 2 for k, d in zip(kernel, window["dilation"], strict=True))
            fixes.append(at_layer(run.model, each, kernel_size=kernel, stride=(1,) * len(kernel), padding=half))
    if fixes:
        yield sum(fixes, Fix())


def _projection(run: Trace, row: Row, join: Join | None) -> Iterator[Fix]:
    """The branch's own geometry, composed: right in size and in place wherever the branch runs."""
    if window := _branch_window(run, join):
        yield from _projected(run, join, *zip(*window, strict=True))


def _option_b(run: Trace, row: Row, join: Join | None) -> Iterator[Fix]:
    """He's 1x1 with the branch's stride, in the middle of what the branch reads, or at its beginning."""
    if window := _branch_window(run, join):
        kernel, stride, padding = zip(*window, strict=True)
        middle = tuple(max(0, p - (k - 1) // 2) for k, p in zip(kernel, padding, strict=True))
        for each in dict.fromkeys((middle, (0,) * len(middle))):
            yield from _projected(run, join, (1,) * len(middle), stride, each)


def _pooled(run: Trace, row: Row, join: Join | None) -> Iterator[Fix]:
    """A mean over as many positions as the branch jumps, and 1x1 where the channels change."""
    window = _branch_window(run, join)
    if not window or not join or max(stride for _, stride, _ in window) == 1:
        return
    short, long = short_and_long(join)
    before, after, axes = join.sides[short][1], join.sides[long][1], len(window)
    stride = tuple(stride for _, stride, _ in window)
    for ceil_mode in (False, True):
        pool = getattr(nn, f"AvgPool{axes}d")(stride, ceil_mode=ceil_mode)
        conv = getattr(nn, f"Conv{axes}d")(before, after, 1)
        yield _through(run, join, pool if before == after else nn.Sequential(pool, conv))


def _projected(
    run: Trace, join: Join | None, kernel: Sequence[int], stride: Sequence[int], padding: Sequence[int]
) -> Iterator[Fix]:
    if join and min(padding) >= 0:
        short, long = (join.sides[place] for place in short_and_long(join))
        conv = getattr(nn, f"Conv{len(kernel)}d")
        yield _through(run, join, conv(short[1], long[1], tuple(kernel), tuple(stride), tuple(padding)))


def _through(run: Trace, join: Join, made: nn.Module, *, resized: bool = False) -> Fix:
    """The shorter side goes through a new layer, and is ``resized`` behind it."""
    short, long = short_and_long(join)

    def change(sides: list[Tensor]) -> list[Tensor]:
        made_of = made.to(sides[short])(sides[short])
        sides[short] = F.interpolate(made_of, sides[long].shape[2:]) if resized else made_of
        return sides

    side, other = (f"SIDE_{place + 1}" for place in (short, long))
    body = f"{side} = SELF.LAYER({side})"
    body += f"\n{side} = nn.functional.interpolate({side}, {other}.shape[2:])" * resized
    return at_join(run, join, f"{constructor(made)} on the skip" + ", resized" * resized, change, body, made)


def _resized_projection(run: Trace, row: Row, join: Join | None) -> Iterator[Fix]:
    """Where the channels and the sizes differ, and no window has the branch's geometry (``ceil_mode`` has none)."""
    if join and join.sign != "cat" and len({len(shape) for shape in join.sides}) == 1:
        short, long = (join.sides[place] for place in short_and_long(join))
        if short[1] != long[1] and short[2:] != long[2:]:
            conv = getattr(nn, f"Conv{len(short) - 2}d")
            yield _through(run, join, conv(short[1], long[1], 1), resized=True)


def _zero_channels(run: Trace, row: Row, join: Join | None) -> Iterator[Fix]:
    """He's option A: channels of zeros on the side that has fewer."""
    if not join or join.sign == "cat" or join.sides[0][2:] != join.sides[1][2:]:
        return
    counts = [shape[1] for shape in join.sides]
    fewer, missing = counts.index(min(counts)), max(counts) - min(counts)
    pairs = [0] * 2 * (len(join.sides[0]) - 2) + [0, missing]

    def change(sides: list[Tensor]) -> list[Tensor]:
        sides[fewer] = F.pad(sides[fewer], pairs)
        return sides

    side = f"SIDE_{fewer + 1}"
    body = f"{side} = nn.functional.pad({side}, {tuple(pairs)})"
    yield at_join(run, join, f"{missing} channels of zeros on side {fewer + 1}", change, body)


def _crop(run: Trace, row: Row, join: Join | None) -> Iterator[Fix]:
    """Cut every side down to the smallest."""
    if join and _differ_in_size_only(join):
        yield _to_one_size(run, join, "cut at the end", min)


def _zeros(run: Trace, row: Row, join: Join | None) -> Iterator[Fix]:
    """Zeros at the end of every side, up to the largest."""
    if join and _differ_in_size_only(join):
        yield _to_one_size(run, join, "zeros at the end", max)


def _to_one_size(run: Trace, join: Join, what: str, choose: Callable[[Iterable[int]], int]) -> Fix:
    """Every side as large along each axis as the smallest or the largest; padding by less than 0 cuts."""

    def change(sides: list[Tensor]) -> list[Tensor]:
        wanted = [choose(sizes) for sizes in zip(*(each.shape[2:] for each in sides), strict=True)]
        return [F.pad(each, _missing(each, wanted)) for each in sides]

    axes, names = range(-1, 1 - len(join.sides[0]), -1), _names(join)
    lines = [f"SIZES = [{choose.__name__}(each) for each in zip({', '.join(f'{name}.shape[2:]' for name in names)})]"]
    for name in names:
        pairs = ", ".join(f"0, SIZES[{axis}] - {name}.shape[{axis}]" for axis in axes)
        lines.append(f"{name} = nn.functional.pad({name}, ({pairs}))")
    return at_join(run, join, what, change, "\n".join(lines))


def _missing(tensor: Tensor, wanted: Sequence[int]) -> list[int]:
    """Pixels before and behind each axis, the last first, up to a size; less than 0 cuts."""
    sizes = zip(reversed(tensor.shape), reversed(wanted), strict=False)
    return [pixels for now, size in sizes for pixels in (0, size - now)]


def _names(join: Join) -> list[str]:
    """How code bodies call the sides."""
    return [f"SIDE_{number}" for number in range(1, len(join.sides) + 1)]


def _resize(run: Trace, row: Row, join: Join | None) -> Iterator[Fix]:
    """Resized to the size of the shorter way."""
    if not join or not _differ_in_size_only(join):
        return
    short = short_and_long(join)[0]

    def change(sides: list[Tensor]) -> list[Tensor]:
        return [F.interpolate(each, sides[short].shape[2:]) for each in sides]

    fixed, *others = sorted(_names(join), key=lambda name: name != f"SIDE_{short + 1}")
    body = [f"{name} = nn.functional.interpolate({name}, {fixed}.shape[2:])" for name in others]
    yield at_join(run, join, "resize", change, "\n".join(body))


def _channels(run: Trace, row: Row, join: Join | None) -> Iterator[Fix]:
    """A layer that takes what arrives."""
    wanted = None if join else wanted_channels(row)
    if wanted and kind_of(row.function) != "conv_transpose" and (row.call or {}).get("groups", 1) == 1:
        yield at_layer(run.model, row, **{f"in_{wanted[1]}s": wanted[2]})


def _windows(run: Trace, row: Row, join: Join | None) -> list[tuple[Row, dict[str, tuple[int, ...]]]]:
    """The layers with a window that lead to a join, or the one that fails."""
    rows = [each for _, each in _nearest(run, join)] if join else [row]
    return [(each, window) for each in rows if kind_of(each.function) != "conv_transpose" and (window := each.window)]


def _nearest(run: Trace, join: Join | None) -> list[tuple[int, Row]]:
    """The rows of all ways to a join with their sides, those nearest to it first."""
    places = {place: side for side, way in enumerate(join.ways) for place in way} if join else {}
    return [(places[place], run.rows[place]) for place in sorted(places, reverse=True)]


def _differ_in_size_only(join: Join) -> bool:
    parts = len((join.row.call or {}).get("tensors", join.sides))  # of a cat, constants too
    if len({len(shape) for shape in join.sides}) > 1 or len(join.sides[0]) < 3 or parts != len(join.sides):
        return False
    return join.sign == "cat" or len({shape[:2] for shape in join.sides}) == 1


def _branch_window(run: Trace, join: Join | None) -> list[tuple[int, int, int]] | None:
    """Kernel, stride and padding of the longer way as one window, for each axis; None if it is none."""
    if join is None or join.sign == "cat" or len({len(shape) for shape in join.sides}) > 1:
        return None
    short, long = short_and_long(join)
    windows = []
    for axis in range(2 - len(join.sides[0]), 0):
        known = fields(run.rows[: join.place], join.fork, axis)
        here, there = known.get(join.row.makers[short]), known.get(join.row.makers[long])
        if here is None or there is None or [*here] != [1, 0, 0] or any(each.denominator > 1 for each in there):
            return None
        jump, low, high = map(int, there)
        windows.append((high - low + 1, jump, -low))
    return windows or None


KINDS: tuple[Kind, ...] = (
    _ceil_mode,
    _output_padding,
    _half_padding,
    _projection,
    _option_b,
    _pooled,
    _resized_projection,
    _zero_channels,
    _channels,
    _zeros,
    _crop,
    _resize,
    _same_size,
)
