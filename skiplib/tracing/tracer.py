"""Trace any module on one input, or at many sizes: its steps, its joins, where it fails (layer L1, torch)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor, nn
from torch.nn.modules.lazy import LazyModuleMixin

from skiplib.adding import Verdict
from skiplib.arithmetic import checked_integer, checked_word
from skiplib.tracing.joins import Join, fields, joins_of
from skiplib.tracing.recorder import INPUT, Changes, Row, record
from skiplib.tracing.sums import Shape
from skiplib.words import bracketed, in_ranges

_FEW = 6  # sizes are listed


@dataclass(frozen=True)
class Trace:
    """One run of a module, up to its end or to the step that fails."""

    model: nn.Module = field(repr=False)  # the learner's own
    inputs: tuple[Tensor, ...] = field(repr=False)
    mode: str  # "eval" or "train"
    changes: Changes = field(repr=False)
    rows: Sequence[Row]
    error: str  # PyTorch's words, where the run failed
    line: str  # of the learner's code, that failed
    output_shape: Shape | None

    @cached_property
    def joins(self) -> list[Join]:
        """Every add, subtraction and ``cat`` of things that depend on the input."""
        return joins_of(self.rows)

    @property
    def verdict(self) -> Verdict:
        """What becomes of the run: "error", "broadcast" where an add stretches one of its sides, or "equal"."""
        return "error" if self.error else "broadcast" if self.stretched else "equal"

    @cached_property
    def stretched(self) -> list[Row]:
        """The adds that stretch one of their sides."""
        return [join.row for join in self.joins if join.verdict == "broadcast"]

    @property
    def failed(self) -> Row | None:
        """The step that failed; None if none did, or if no call of PyTorch is to blame."""
        return self.rows[-1] if self.error and self.rows and self.rows[-1].error == self.error else None

    @property
    def failed_join(self) -> Join | None:
        """The join that failed, if it was one."""
        return self.joins[-1] if self.failed and self.joins and self.joins[-1].row is self.failed else None

    @property
    def fit(self) -> str:
        """How many joins fit, of how many."""
        return f"{sum(join.verdict == 'equal' for join in self.joins)} of {len(self.joins)}"

    def name(self, place: int) -> str:
        """A row in a word or two."""
        if place == INPUT:
            return "the input"
        row = self.rows[place]
        return f"`{row.label}`" + f" in `{row.line}`" * (row.op[0].islower() and bool(row.line))

    def sees(self, place: int, axis: int = -1) -> int | None:
        """How many positions of the input one of a row sees along an axis (-1: width), at most; None if maybe all."""
        seen = fields(self.rows[: place + 1], INPUT, axis).get(place)
        return None if seen is None else int(seen[2] - seen[1]) + 1

    def again(self, *inputs: Tensor, changes: Changes | None = None) -> "Trace":
        """The same module on other inputs, or with other changes of its calls."""
        inputs, changes = inputs or self.inputs, self.changes if changes is None else changes
        run = record(self.model, inputs, changes, training=self.mode == "train")
        return Trace(self.model, inputs, self.mode, changes, *run)

    def __str__(self) -> str:
        """A line for each step: its name, its shape, its sum."""
        lines = [f"{'input':26} {bracketed(each.shape)}" for each in self.inputs]
        for row in self.rows:
            met = " with ".join(map(bracketed, row.before))
            said = f"~ stretches {met}" if row in self.stretched else row.sum
            lines.append(f"{row.label:26} {met if row.shape is None else bracketed(row.shape):18} {said}".rstrip())
        return "\n".join([*lines, *[f"✗ {self.error}"] * bool(self.error)])


def trace(
    model: nn.Module,
    input_size: Sequence[int] | None = None,
    *,
    input_data: Tensor | Sequence[Tensor] | None = None,
    mode: str = "eval",
) -> Trace:
    """Run a copy of a module once, on zeros of ``input_size`` or on ``input_data``, and write down every step.

    Raises:
        TypeError: if ``model`` cannot be followed, or ``input_data`` holds anything but tensors.
        ValueError: if there is not exactly one of ``input_size`` and ``input_data``.

    >>> from skiplib.blocks import PublishedBlock
    >>> trace(PublishedBlock(), (1, 3, 32, 32)).failed_join.sides
    ((1, 3, 32, 32), (1, 3, 11, 11))
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"`model` must be an nn.Module; got {model!r}")
    if isinstance(model, torch.jit.ScriptModule) or "_orig_mod" in model._modules:
        words = "there are no calls to follow; trace the module it was made of"
        raise TypeError(f"`model` is scripted or compiled: {words}")
    if any(isinstance(each, LazyModuleMixin) and each.has_uninitialized_params() for each in model.modules()):
        raise TypeError("`model` has lazy layers, whose sizes are not known yet: run it once before")
    checked_word("mode", mode, ("eval", "train"))
    if (input_size is None) == (input_data is None):
        raise ValueError("give either `input_size` or `input_data`")
    if input_size is not None:
        if not isinstance(input_size, Sequence):
            raise TypeError(f"`input_size` must be a list or tuple of integers; got {input_size!r}")
        like = next((each for each in model.parameters() if each.is_floating_point()), torch.empty(0))
        input_data = like.new_zeros([checked_integer("input_size", size, 1) for size in input_size]).detach()
    inputs = tuple(input_data) if isinstance(input_data, list | tuple) else (input_data,)
    if not inputs or not all(isinstance(each, Tensor) for each in inputs):
        raise TypeError(f"`input_data` must be a tensor or a list of several; got {type(input_data).__name__}")
    return Trace(model, inputs, mode, (), (), "", "", None).again()


@dataclass
class Sweep:
    """What becomes of a module at each size of its input."""

    verdicts: dict[int, Verdict] = field(default_factory=dict)
    broke: dict[int, str] = field(default_factory=dict)  # where it failed or stretched: the first step to blame
    work: int = 0  # multiplications so far

    def add(self, size: int, run: Trace) -> None:
        """Note what became of a run."""
        self.verdicts[size] = run.verdict
        self.work += sum(row.work for row in run.rows)
        if blamed := run.failed or next(iter(run.stretched), None):
            self.broke[size] = f"{blamed.label}: {' and '.join(map(bracketed, blamed.before))}"
        elif run.error:
            self.broke[size] = run.error

    @property
    def runs(self) -> list[int]:
        """The sizes at which it runs and nothing is stretched."""
        return [size for size, verdict in self.verdicts.items() if verdict == "equal"]

    @property
    def rule(self) -> str:
        """Which sizes those are, as a rule if they follow one."""
        return self._rule(self.runs)

    @property
    def sentence(self) -> str:
        """What becomes of the sizes that were tried."""
        stretched = [size for size, verdict in self.verdicts.items() if verdict == "broadcast"]
        kinds = [self.rule] * bool(self.runs) + [f"{self._rule(stretched)}, stretched"] * bool(stretched)
        runs = f"runs at {' and at '.join(kinds)}" if kinds else "fails"
        return f"Of the sizes {min(self.verdicts)} to {max(self.verdicts)} it {runs}."

    def _rule(self, sizes: Sequence[int]) -> str:
        if len(sizes) == len(self.verdicts):
            return "every size"
        step = sizes[1] - sizes[0] if len(sizes) > 1 else 0
        alike = [size for size in self.verdicts if step and size % step == sizes[0] % step]
        if not alike or sizes != [size for size in alike if size >= sizes[0]]:
            listed = len(sizes) < _FEW or sizes[-1] - sizes[0] < len(sizes)
            return in_ranges(sizes) if listed else f"{len(sizes)} of {len(self.verdicts)} sizes"
        if step > 2 and sizes[0] % step:
            return f"{sizes[0]}, {sizes[1]} and on in steps of {step}"
        words = {1: "every size", 2: "odd sizes" if sizes[0] % 2 else "even sizes"}.get(step, f"multiples of {step}")
        return f"{words} from {sizes[0]}" if sizes[0] != alike[0] else words


def sweep(model: nn.Module, input_size: Sequence[int], sizes: Iterable[int]) -> Sweep:
    """Run a module at every size of ``sizes``: all axes of ``input_size`` behind batch and channels take it.

    >>> from skiplib.blocks import PublishedBlock
    >>> sweep(PublishedBlock(), (1, 3, 32, 32), range(1, 65)).runs
    [3, 4]
    """
    return swept(trace(model, input_size), sizes)


def swept(run: Trace, sizes: Iterable[int]) -> Sweep:
    """The same for a run, with its changes."""
    batch, axes = run.inputs[0].shape[:2], run.inputs[0].dim() - 2
    if axes < 1:
        raise ValueError(f"`input_size` must have axes behind batch and channels; got {tuple(batch)}")
    found = Sweep()
    for size in sizes:
        found.add(size, run.again(run.inputs[0].new_zeros(*batch, *[size] * axes)))
    return found
