"""Why a run fails, or what deserves a look though it does not, in words (layer L1)."""

import math
from collections.abc import Iterator, Sequence

from skiplib.tracing.joins import Join, offset
from skiplib.tracing.recorder import INPUT, Row
from skiplib.tracing.sums import along, axes_of, kind_of
from skiplib.tracing.tracer import Trace
from skiplib.words import bracketed, counted

_MOST = 10_000  # pixels that are tried in search of the smallest image


def explain(run: Trace) -> str:
    """Why a run fails, or which of its steps deserve a look.

    Where sides do not fit: every step that changed the size in question; elsewhere what the layer would take.
    """
    said = [*_worth_a_look(run)]
    if run.error:
        return "\n".join([*(_failing_join(run, run.failed_join) if run.failed_join else _failing_step(run)), *said])
    return "\n".join([*said, f"Joins whose shapes fit: {run.fit}."])


def _failing_join(run: Trace, join: Join) -> Iterator[str]:
    row, sides = join.row, join.sides
    yield f"`{row.line or join.sign}` fails: {' and '.join(map(bracketed, join.sides))}."
    yield f"PyTorch: {row.error}"
    yield f"{'Both' if len(sides) == 2 else 'All'} sides start at {run.name(join.fork)}."
    axes = range(-min(map(len, sides)), 0)
    differing = [axis for axis in axes if len({shape[axis] for shape in sides}) > 1]
    if join.sign == "cat" and row.call:
        differing = [axis for axis in differing if (axis - row.call.get("dim", 0)) % len(sides[0])]
    for side, way in enumerate(join.ways):
        steps = [words for place in way if (words := _change(run.rows[place], differing))]
        yield f"  side {side + 1}, {bracketed(join.sides[side])}: {'; '.join(steps) or 'no step changes its size'}"


def _change(row: Row, axes: Sequence[int]) -> str:
    """What a step does to these axes; empty if it leaves them as they are."""
    before, after = row.before[0], row.shape or ()
    if len(before) == len(after) and all(before[axis] == after[axis] for axis in axes):
        return ""
    spatial = any(len(before) + axis > 1 for axis in axes) and row.sum
    return f"{row.label}: {row.sum if spatial else f'{bracketed(before)} → {bracketed(after)}'}"


def _failing_step(run: Trace) -> Iterator[str]:
    if not (row := run.failed):
        yield from (f"`{run.line}` fails." if run.line else "It fails.", f"The words: {run.error}")
        return
    yield f"`{row.line or row.label}` fails in {row.label}: it gets {' and '.join(map(bracketed, row.before))}."
    yield f"PyTorch: {row.error}"
    if row.call and (wanted := wanted_channels(row)):
        yield f"{row.label} takes {counted(wanted[0], wanted[1])}; it gets {wanted[2]}."
        if len(row.before[0]) > 2 and row.before[0][-1] == wanted[0]:
            yield f"The last axis has {wanted[0]}: are the channels there? PyTorch wants them second."
    elif row.call and (smallest := smallest_input(run)):
        yield f"Its window finds no room: {row.sum}."
        yield f"The smallest input that would do up to here has {smallest} pixels a side."
    elif "norm" in row.function and "more than 1 value" in row.error:
        yield "In training a norm takes the mean and the spread of each channel: it needs more than one value."
        yield "Give it a larger batch or image, or put the model in eval mode."


def wanted_channels(row: Row) -> tuple[int, str, int] | None:
    """What a layer takes in and what arrives instead: how many, of what, how many; None if that is not the fault."""
    kind, before, weight = kind_of(row.function), row.before[0], (row.call or {}).get("weight")
    if not weight or kind not in ("conv", "conv_transpose", "linear"):
        return None
    channels = -1 if kind == "linear" else 1 - len(weight)
    takes = weight[0] if kind == "conv_transpose" else weight[1] * (row.call or {}).get("groups", 1)
    if len(before) < -channels or before[channels] == takes:
        return None
    return takes, "feature" if kind == "linear" else "channel", before[channels]


def smallest_input(run: Trace) -> int | None:
    """The smallest image, of equal sides, for which the failed step has room; None if room is not its trouble."""
    place, row = len(run.rows) - 1, run.rows[-1]
    axes = axes_of(row.function, row.before[0])
    ends = [along(row.function, row.call, row.before[0], None, axis) for axis in axes]
    if not any(end and end.sum and end.size < 1 for end in ends):
        return None
    needed = [1] * len(axes)
    while place != INPUT:
        needed = [_least(run.rows[place], axis, size) for axis, size in zip(axes, needed, strict=True)]
        place = run.rows[place].makers[0]
    return max(needed) if max(needed) < _MOST else None


def _least(row: Row, axis: int, size: int) -> int:
    """The least that must go into a step so that at least ``size`` comes out along one axis."""
    shape = [*row.before[0]]
    for goes_in in range(1, _MOST):
        shape[axis] = goes_in
        step = along(row.function, row.call, tuple(shape), None, axis)
        if step and step.size >= size:
            return goes_in
    return _MOST


def _worth_a_look(run: Trace) -> Iterator[str]:
    for row in run.rows:
        if row.overwritten:
            yield f"`{row.line}` uses a tensor that {run.name(row.overwritten[0])} had overwritten in place."
    for join in run.joins:
        apart = None if join.verdict == "error" else offset(run.rows, join)
        if join.verdict == "broadcast":
            yield f"`{join.row.line}` runs, but it stretches: {' with '.join(map(bracketed, join.sides))}."
        elif apart is not None and apart > 0.5:
            where = "drift apart" if apart == math.inf else f"look {apart:g} position{'s' * (apart != 1)} apart"
            yield f"`{join.row.line}` runs, but its sides {where}."
