"""Run a module once, on a copy, and write down every step up to the one that fails (layer L1, torch).

The steps are the learner's own calls (``TorchFunctionMode``), their names come from hooks on the copy's modules.
"""

import copy
import linecache
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from traceback import walk_tb
from types import FrameType
from typing import Any
from warnings import catch_warnings

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils.weak import WeakIdKeyDictionary

from skiplib.tracing.sums import Call, Shape, bound, sum_of, window_of

INPUT = -1  # the model's input, where a row is named
Arguments = tuple[Sequence[Any], dict[str, Any]]
Change = Callable[[str, Arguments], Arguments]  # of the arguments of a function
_ONLY_SHAPE = ("_like", "new_")  # what such functions give does not depend on the values of their argument
_NOT_THE_LEARNERS = (str(Path(torch.__file__).parent), str(Path(__file__).parent))


@dataclass(frozen=True)
class Row:
    """One step: a call that makes a tensor of tensors that depend on the input."""

    layer: str  # the module that it runs in, "down.2.3"; at that module's second call "down.2.3 #2"
    op: str  # what the learner knows it by: Conv2d, relu, add
    function: str  # what PyTorch calls it: conv2d, relu, add
    line: str  # of the learner's code
    before: tuple[Shape, ...]  # shapes of what depends on the input
    shape: Shape | None  # of what comes out; None where it failed
    makers: tuple[int, ...]  # the rows that made what goes in, or INPUT
    call: Call | None  # the arguments, where they decide on a size
    parameters: int  # those that no earlier row has used
    learned: bool  # whether it uses any
    overwritten: tuple[int, ...]  # the rows that had changed what goes in, in place, after it was made
    error: str  # PyTorch's words
    site: str  # where its call stands, for a change of it

    @property
    def sum(self) -> str:
        """The step's arithmetic, as lesson 01 writes it."""
        return sum_of(self.function, self.call, self.before, self.shape)

    @property
    def window(self) -> dict[str, tuple[int, ...]]:
        """Its ``kernel_size``, ``stride``, ``padding``, ``dilation`` for each axis; empty if it has no window."""
        return window_of(self.function, self.call, self.before[0])

    @property
    def work(self) -> int:
        """About how many multiplications it takes."""
        weight = (self.call or {}).get("weight", (1,))
        return int(prod(weight[1:]) * prod(self.shape or ()))

    @property
    def label(self) -> str:
        """Its layer and what it is; for a function the module that calls it."""
        return f"{self.layer} {self.op}".strip()


class Recorder(TorchFunctionMode):
    """While it is switched on, writes down rows; ``changes`` are applied to calls at their sites.

    Attributes:
        rows: the steps so far.
    """

    def __init__(self, inputs: Sequence[Tensor], changes: Mapping[str, Change]) -> None:
        super().__init__()
        self.rows: list[Row] = []
        self._changes = changes
        self._makers, self._spoilt = WeakIdKeyDictionary(), WeakIdKeyDictionary()
        for each in inputs:
            self._makers[each] = INPUT
        self._running: list[tuple[str, nn.Module]] = [("", nn.Module())]
        self._counted: set[int] = set()
        self._waiting = 0  # parameters that went into weights which no step has used yet

    @contextmanager
    def follow(self, model: nn.Module) -> Iterator[None]:
        """Know which module is running."""
        calls: Counter[str] = Counter()

        def begin(name: str) -> Callable[[nn.Module, Any], None]:
            def hook(module: nn.Module, _: Any) -> None:
                calls[name] += 1
                self._running.append((name + (f" #{calls[name]}" if calls[name] > 1 else ""), module))

            return hook

        def end(*_: Any) -> None:
            self._running.pop()

        with ExitStack() as hooks:
            for name, module in model.named_modules():
                hooks.callback(module.register_forward_pre_hook(begin(name), prepend=True).remove)
                hooks.callback(module.register_forward_hook(end, always_call=True).remove)
            yield

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        function, kwargs = _name(func), dict(kwargs or {})
        inputs = [each for each in tensors((args, kwargs)) if self._maker(each) is not None]
        fresh, learned = self._parameters((args, kwargs))
        if not inputs or any(part in function for part in _ONLY_SHAPE):
            self._waiting += fresh
            return func(*args, **kwargs)
        step = self._step(func, function, inputs, fresh + self._waiting, learned)
        if change := self._changes.get(step["site"]):
            args, kwargs = change(function, (args, kwargs))
            changed = tuple(tuple(each.shape) for each in tensors((args, kwargs)))
            step["before"] = changed if len(changed) == len(inputs) else step["before"]
        if is_silent := kwargs.get("inplace") is True:  # run it beside its input, to see who still uses that
            kwargs["inplace"] = False
        versions = [each._version for each in inputs]
        try:
            result = func(*args, **kwargs)
        except Exception as error:
            self._write(step, func, args, kwargs, None, str(error))
            raise
        made = list(tensors(result))
        made_in_place = [each for each, version in zip(inputs, versions, strict=True) if each._version != version]
        if made_in_place or any(id(each) not in set(map(id, inputs)) for each in made):
            shape = tuple((made or made_in_place)[0].shape)
            self._write(step, func, args, kwargs, shape, "")
            for each in [*made, *made_in_place, *(each._base for each in made_in_place if each._base is not None)]:
                self._makers[each] = len(self.rows) - 1
        if is_silent and made[0] is not inputs[0]:
            self._spoilt[inputs[0]] = len(self.rows) - 1
        return result

    def _step(self, func: Any, function: str, inputs: Sequence[Tensor], fresh: int, learned: bool) -> dict[str, Any]:
        """What is known of a step before it runs."""
        layer, module = self._running[-1]
        frame = _learners(sys._getframe(2))
        place = (frame.f_code.co_filename, frame.f_lineno) if frame else ("", 0)
        is_layer = type(module).__module__.startswith("torch.nn.") and not any(module.children())
        return {
            "layer": layer,
            "op": type(module).__name__ if is_layer else function.strip("_"),
            "function": function,
            "line": linecache.getline(*place).strip(),
            "before": tuple(tuple(each.shape) for each in inputs),
            "makers": tuple(self._maker(each) for each in inputs),
            "parameters": fresh,
            "learned": learned,
            "overwritten": tuple(self._spoilt[each] for each in inputs if each in self._spoilt),
            "site": layer.partition(" ")[0] if is_layer else f"{place[0]}:{place[1]}:{function}",
        }

    def _write(self, step: Any, func: Any, args: Any, kwargs: Any, shape: Shape | None, error: str) -> None:
        self._waiting = 0
        call = None if _is_a_window_view(func) else bound(step["function"], args, kwargs)
        if call is not None:
            call = {name: _plain(value) for name, value in call.items()}
        self.rows.append(Row(**step, call=call, shape=shape, error=error))

    def _maker(self, tensor: Tensor) -> int | None:
        """The row that made a tensor, or changed what it is a view of; None where it does not depend on the input."""
        rows = [self._makers[each] for each in (tensor, tensor._base) if each is not None and each in self._makers]
        return max(rows, default=None)

    def _parameters(self, arguments: Any) -> tuple[int, bool]:
        """How many parameters are used for the first time, and whether any are used."""
        used = {id(each): each.numel() for each in tensors(arguments) if isinstance(each, nn.Parameter)}
        fresh = sum(count for key, count in used.items() if key not in self._counted)
        self._counted |= used.keys()
        return fresh, bool(used or self._waiting)


def record(
    model: nn.Module, inputs: Sequence[Tensor], changes: Mapping[str, Change]
) -> tuple[list[Row], str, str, Shape | None]:
    """Run a module that may be written to: its rows, the error that escaped and its line, or the output's shape."""
    recorder = Recorder(inputs, changes)
    try:
        with torch.no_grad(), catch_warnings(action="ignore"), recorder.follow(model), recorder:
            made = list(tensors(model(*inputs)))
    except Exception as error:
        places = [(frame.f_code.co_filename, line) for frame, line in walk_tb(error.__traceback__)]
        theirs = [place for place in places if not place[0].startswith(_NOT_THE_LEARNERS)]
        line = linecache.getline(*theirs[-1]).strip() if theirs else ""
        return recorder.rows, str(error) or type(error).__name__, line, None
    return recorder.rows, "", "", tuple(made[0].shape) if made else None


def copied(model: nn.Module, *, training: bool) -> nn.Module:
    """A copy that shares the parameters: whatever a forward does to it, the learner's own is left as it was."""
    kept = {id(each): each for module in model.modules() for each in tensors(vars(module))}
    for buffer in model.buffers():
        kept.pop(id(buffer), None)
    try:
        return copy.deepcopy(model, kept).train(training)
    except Exception as error:
        raise TypeError(f"`model` cannot be copied, so it would not be left as it was: {error}") from None


def tensors(value: Any) -> Iterator[Tensor]:
    """All tensors in lists, tuples and dicts."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, list | tuple | dict):
        for each in value.values() if isinstance(value, dict) else value:
            yield from tensors(each)


def _plain(value: Any) -> Any:
    """A tensor's shape in place of the tensor."""
    if isinstance(value, Tensor):
        return tuple(value.shape)
    return tuple(map(_plain, value)) if isinstance(value, list | tuple) else value


def _name(func: Any) -> str:
    name = getattr(func, "__name__", "")
    return func.__self__.__name__ if name == "__get__" else name  # a property, such as x.T


def _is_a_window_view(func: Any) -> bool:
    """``Tensor.unfold`` has the name of ``F.unfold`` and other arguments."""
    return _name(func) == "unfold" and getattr(func, "__module__", None) != "torch.nn.functional"


def _learners(frame: FrameType | None) -> FrameType | None:
    """The innermost frame that is not PyTorch's; None where the model is nothing but layers of PyTorch."""
    while frame and frame.f_code.co_filename.startswith(_NOT_THE_LEARNERS):
        frame = None if frame.f_code is record.__code__ else frame.f_back
    return frame
