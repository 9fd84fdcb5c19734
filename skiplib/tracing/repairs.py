"""Repairs of a run that fails or stretches, each of them run before it is offered (layer L1, torch).

A repair changes calls, at a layer or at a line of the learner's code; the module itself stays as it is.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

import torch

from skiplib.tracing.changes import Fix
from skiplib.tracing.joins import Join
from skiplib.tracing.kinds import KINDS, Kind
from skiplib.tracing.sums import Shape
from skiplib.tracing.tracer import Trace, swept
from skiplib.words import bracketed

_MOST_STEPS = 8  # of one kind, where the same trouble waits at several places of a network
_MULTIPLES = (2, 4, 8, 16, 32, 64)


@dataclass(frozen=True, eq=False)
class Repair:
    """A repair that was run: what it costs, what comes out, at which sizes it runs."""

    fix: Fix
    output_shape: Shape | None
    sizes: tuple[int, ...]  # those of the sizes asked for at which it runs and stretches nothing
    asked: int  # how many sizes were asked for
    multiple: int = 1  # of which the input's sides are made, by zeros at their end

    def __str__(self) -> str:
        """The repair in one line."""
        runs = f", runs at {len(self.sizes)} of {self.asked} sizes" if self.asked else ""
        return f"{self.fix.name}: {self.fix.parameters} parameters more, gives {bracketed(self.output_shape)}{runs}"


def repairs(run: Trace, sizes: Iterable[int] = ()) -> list[Repair]:
    """What makes a run go through with nothing stretched, and at which of ``sizes`` it then runs.

    Those that keep what the model means come first, those that change its branch last.
    """
    sizes = list(sizes)
    found: list[Repair] = []
    with torch.random.fork_rng(devices=[]):  # new layers draw their weights
        for kind in KINDS:
            if (grown := _grown(run, kind)) and grown[0].name not in [each.fix.name for each in found]:
                fix, repaired = grown
                runs = swept(repaired, sizes).runs if sizes else []
                found.append(Repair(fix, repaired.output_shape, tuple(runs), len(sizes)))
    return [*found, *filter(None, [_padded_input(run, sizes)])]


def _trouble(run: Trace) -> int | None:
    """The place of the first step that fails, or that stretches the skip; the branch may be meant to be stretched."""
    places = [len(run.rows) - 1] * bool(run.failed)
    for join in run.joins:
        if join.verdict == "broadcast" and join.sides[join.skip] != join.row.shape:
            places.append(join.place)
    return min(places, default=None)


def _join_at(run: Trace, place: int) -> Join | None:
    return next((join for join in run.joins if join.place == place), None)


def _grown(run: Trace, kind: Kind) -> tuple[Fix, Trace] | None:
    """One kind of repair, once more at each place where the trouble comes back; None if that leads nowhere."""
    fix = Fix()
    for _ in range(_MOST_STEPS):
        place = _trouble(run)
        if place is None:
            return None if run.error or not fix.changes else (fix, run)
        for step in kind(run, run.rows[place], _join_at(run, place)):
            if not {*dict(step.changes)} & {*dict(fix.changes)}:  # a repair never undoes itself
                tried = run.again(changes=(*run.changes, *step.changes))
                after, met = _trouble(tried), _join_at(tried, place)
                if ((not tried.error) if after is None else after > place) and (not met or met.verdict == "equal"):
                    break
        else:
            return None
        fix, run = fix + step, tried
    return None


def _padded_input(run: Trace, sizes: Sequence[int]) -> Repair | None:
    """Zeros at the end of the input, up to the smallest multiple that makes every size run."""
    shape = run.inputs[0].shape
    if len(shape) < 3 or len(run.inputs) > 1 or _trouble(run) is None:
        return None
    tried = cache(lambda shape: run.again(run.inputs[0].new_zeros(shape)))
    for multiple in _MULTIPLES:
        wanted = [shape, *((*shape[:2], *[size] * len(shape[2:])) for size in sizes)]
        padded = [rounded_up(each, multiple) for each in wanted]
        if all(tried(each).verdict == "equal" for each in padded):
            pairs = ", ".join(f"0, -x.shape[{axis}] % {multiple}" for axis in range(-1, 1 - len(shape), -1))
            code = (f"x = nn.functional.pad(x, ({pairs}))  # before the model",)
            fix = Fix(((f"pad the input to a multiple of {multiple}", ""),), layers=code)
            return Repair(fix, tried(padded[0]).output_shape, tuple(sizes), len(sizes), multiple)
    return None


def rounded_up(shape: Sequence[int], multiple: int) -> Shape:
    """A shape whose axes behind batch and channels are multiples of a number."""
    return (*shape[:2], *(-(-size // multiple) * multiple for size in shape[2:]))
