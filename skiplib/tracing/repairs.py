"""Repairs of a run that fails or stretches, each of them run before it is offered (layer L1, torch).

A repair changes calls, at a layer or at a line of the learner's code; the module itself stays as it is.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from skiplib.tracing.changes import Fix, merged
from skiplib.tracing.kinds import KINDS, Kind
from skiplib.tracing.sums import Shape
from skiplib.tracing.tracer import Trace, shown, swept

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
        return f"{self.name}: {self.fix.parameters} parameters more, gives {shown(self.output_shape)}{runs}"

    @property
    def name(self) -> str:
        """What is done."""
        if self.multiple > 1:
            return f"pad the input to a multiple of {self.multiple}"
        return self.fix.what + f" in {', '.join(self.fix.where)}" * bool(self.fix.where)

    @property
    def code(self) -> str:
        """What to write, to paste."""
        code = list(self.fix.layers)
        for line, instead in self.fix.lines:
            code += [f"# in place of `{line}`", instead]
        if self.multiple > 1:
            pairs = ", ".join(f"0, -x.shape[{axis}] % {self.multiple}" for axis in (-1, -2))
            code.append(f"x = nn.functional.pad(x, ({pairs}))")
        return "\n".join(code)


def repairs(run: Trace, sizes: Iterable[int] = ()) -> list[Repair]:
    """What makes a run go through with nothing stretched, and at which of ``sizes`` it then runs.

    Those that keep what the model means come first, those that change its branch last.
    """
    sizes, found = list(sizes), []
    for kind in KINDS:
        if grown := _grown(run, kind):
            fix, repaired = grown
            runs = swept(repaired, sizes).runs if sizes else []
            found.append(Repair(fix, repaired.output_shape, tuple(runs), len(sizes)))
    if padded := _padded_input(run, sizes):
        found.append(padded)
    return found


def _trouble(run: Trace) -> int | None:
    """The place of the first step that fails or stretches."""
    stretched = [join.place for join in run.joins if join.verdict == "broadcast"]
    return min([*stretched, *[len(run.rows) - 1] * bool(run.failed)], default=None)


def _grown(run: Trace, kind: Kind) -> tuple[Fix, Trace] | None:
    """One kind of repair, once more at each place where the trouble comes back; None if that leads nowhere."""
    fix = Fix()
    for _ in range(_MOST_STEPS):
        place = _trouble(run)
        if place is None:
            return None if run.error or not fix.changes else (fix, run)
        join = next((each for each in run.joins if each.place == place), None)
        for step in kind(run, run.rows[place], join):
            if step.changes.keys().isdisjoint(fix.changes):  # a repair never undoes itself
                tried = run.again(changes=merged(run.changes, step.changes))
                after = _trouble(tried)
                if (not tried.error) if after is None else after > place:
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
    verdicts: dict[Shape, bool] = {}
    for multiple in _MULTIPLES:
        wanted = [tuple(shape), *((*shape[:2], *[size] * (len(shape) - 2)) for size in sizes)]
        for padded in [(*each[:2], *(-(-size // multiple) * multiple for size in each[2:])) for each in wanted]:
            if padded not in verdicts:
                verdicts[padded] = run.again(run.inputs[0].new_zeros(padded)).verdict == "equal"
            if not verdicts[padded]:
                break
        else:
            first = (*shape[:2], *(-(-size // multiple) * multiple for size in shape[2:]))
            return Repair(
                Fix(), run.again(run.inputs[0].new_zeros(first)).output_shape, tuple(sizes), len(sizes), multiple
            )
    return None
