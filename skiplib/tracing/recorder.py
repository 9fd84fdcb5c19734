"""Write down every step of a module while it runs (layer L1, torch).

The steps are the learner's own calls (``TorchFunctionMode``), their names come from hooks on the modules. What a
scripted function does, or NumPy, is not seen.
"""

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils.weak import WeakIdKeyDictionary

from skiplib.tracing.code import Place, place_of
from skiplib.tracing.sums import Call, Shape, bound, sum_of, window_of
from skiplib.words import minus

INPUT = -1  # the model's input, where a row is named
Arguments = tuple[Sequence[Any], dict[str, Any]]
Change = Callable[[str, Arguments], Arguments]  # of the arguments of a function
RUN = "record"  # the function that runs a module: outside of it there are no lines of the module's
Site = tuple[object, ...]  # where a call stands, for a change of it
_ONLY_SHAPE = ("_like", "new_")  # what such functions give does not depend on the values of their argument
NOT_THE_LEARNERS = (str(Path(torch.__file__).parent) + os.sep, str(Path(__file__).parent) + os.sep)


@dataclass(frozen=True)
class Row:
    """One step: a call that makes a tensor of tensors that depend on the input."""

    module: str  # the path of the module that runs it, "down.2.3"
    again: int  # which of that module's calls
    is_layer: bool  # whether that is a layer of PyTorch's
    op: str  # what the learner knows it by: Conv2d, relu, add
    function: str  # what PyTorch calls it: conv2d, relu, add
    place: Place  # in the learner's code
    before: tuple[Shape, ...]  # shapes of what depends on the input
    makers: tuple[int, ...]  # the rows that made it, or INPUT
    overwritten: tuple[int, ...]  # the rows that have changed it since then, in place
    call: Call | None  # the arguments, where they decide on a size
    shape: Shape | None  # of what comes out; None where it failed
    error: str  # PyTorch's words
    parameters: int  # those that no earlier row has used
    learned: bool  # whether it uses any

    @property
    def site(self) -> Site:
        """Where its call stands."""
        return site_of(self.module, self.function, None if self.is_layer else self.place)

    @property
    def line(self) -> str:
        """The learner's own, where the call stands."""
        return self.place.line

    @property
    def name(self) -> str:
        """The module, and which of its calls."""
        return self.module + f" #{self.again}" * (self.again > 1)

    @property
    def sum(self) -> str:
        """The step's arithmetic, as lesson 01 writes it."""
        return minus(sum_of(self.function, self.call, self.before, self.shape))

    @property
    def window(self) -> dict[str, tuple[int, ...]]:
        """Its ``kernel_size``, ``stride``, ``padding``, ``dilation`` for each axis; empty if it has no window."""
        return window_of(self.function, self.call, self.before[0])

    @property
    def work(self) -> int:
        """About how many multiplications it takes, a call counting as 100,000 of them."""
        weight = (self.call or {}).get("weight") or (1, self.before[0][-1] if "mul" in self.function else 1)
        return int(prod(weight[1:]) * prod(self.shape or ())) + 100_000

    @property
    def label(self) -> str:
        """Its module and what it is."""
        return f"{self.name} {self.op}".strip()


def site_of(module: str, function: str, place: Place | None) -> Site:
    """Where a call stands: for a layer that is its name, wherever it is called."""
    return (module, function, place)


class Recorder(TorchFunctionMode):
    """While it is switched on, writes down rows; ``changes`` are applied to calls at their sites.

    Attributes:
        rows: the steps so far.
    """

    def __init__(self, inputs: Sequence[Tensor], changes: Mapping[Site, Change]) -> None:
        super().__init__()
        self.rows: list[Row] = []
        self._changes = changes
        self._makers, self._spoilt, self._spoilt_in_part = (WeakIdKeyDictionary() for _ in range(3))
        for each in inputs:
            self._makers[each] = INPUT
        self._running: list[tuple[str, int, nn.Module]] = [("", 1, nn.Module())]
        self._counted: set[int] = set()
        self._waiting = 0  # parameters that went into weights which no step has used yet

    @contextmanager
    def follow(self, model: nn.Module) -> Iterator[None]:
        """Know which module is running."""
        calls: Counter[str] = Counter()

        def begin(name: str) -> Callable[[nn.Module, Any], None]:
            def hook(module: nn.Module, _: Any) -> None:
                calls[name] += 1
                self._running.append((name, calls[name], module))

            return hook

        def end(*_: Any) -> None:
            self._running.pop()

        with ExitStack() as hooks:
            for name, module in model.named_modules():
                if not isinstance(module, torch.jit.ScriptModule):
                    hooks.callback(module.register_forward_pre_hook(begin(name), prepend=True).remove)
                    hooks.callback(module.register_forward_hook(end, always_call=True).remove)
            yield

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        function, kwargs = _name(func), dict(kwargs or {})
        given = list(tensors((args, kwargs)))
        fresh, learned = self._parameters(given)
        if not any(self._maker(each) is not None for each in given) or any(part in function for part in _ONLY_SHAPE):
            self._waiting += fresh
            return func(*args, **kwargs)
        step = self._step(function, given) | {"parameters": fresh + self._waiting, "learned": learned}
        if change := self._changes.get(
            site_of(step["module"], function, None if step["is_layer"] else step["place"])
        ):
            args, kwargs = change(function, (args, kwargs))
            changed = tuple(tuple(each.shape) for each in tensors((args, kwargs)))
            step["before"] = changed if len(changed) == len(step["before"]) else step["before"]
        if silent := kwargs.get("inplace") is True:  # run it beside its input, to see who still uses that
            kwargs["inplace"] = False
        versions = [version_of(each) for each in given]
        try:
            result = func(*args, **kwargs)
        except Exception as error:
            self._write(step, func, args, kwargs, None, legible(error))
            raise
        made = list(tensors(result))
        in_place = [each for each, version in zip(given, versions, strict=True) if version_of(each) != version]
        if in_place or any(all(each is not other for other in given) for each in made):
            self._write(step, func, args, kwargs, tuple((made or in_place)[0].shape), "")
            for each in [*made, *in_place, *(each._base for each in in_place if each._base is not None)]:
                self._makers[each] = len(self.rows) - 1
        if silent and made[0] is not given[0]:
            self._spoilt[given[0]] = len(self.rows) - 1
            if given[0]._base is not None:
                self._spoilt_in_part[given[0]._base] = len(self.rows) - 1
        return result

    def _step(self, function: str, given: Sequence[Tensor]) -> dict[str, Any]:
        """What is known of a step before it runs."""
        path, again, module = self._running[-1]
        frame = _learners(sys._getframe(2))
        is_layer = type(module).__module__.startswith("torch.nn.") and not any(module.children())
        inputs = [each for each in given if self._maker(each) is not None]
        return {
            "module": path,
            "again": again,
            "is_layer": is_layer,
            "op": type(module).__name__ if is_layer else function.strip("_"),
            "function": function,
            "place": place_of(frame, module) if frame else Place(),
            "before": tuple(tuple(each.shape) for each in inputs),
            "makers": tuple(self._maker(each) for each in inputs),
            "overwritten": tuple(row for each in inputs if (row := self._overwritten(each)) is not None),
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

    def _overwritten(self, tensor: Tensor) -> int | None:
        """The row of the in-place layer that changed a tensor, or all that it is a view of, or a part of it."""
        base = tensor._base
        whole = [self._spoilt[each] for each in (base, tensor) if each is not None and each in self._spoilt]
        part = [self._spoilt_in_part[tensor]] if tensor in self._spoilt_in_part else []
        return next(iter([*whole, *part]), None)

    def _parameters(self, given: Sequence[Tensor]) -> tuple[int, bool]:
        """How many parameters are used for the first time, and whether any are used."""
        used = {id(each): each.numel() for each in given if isinstance(each, nn.Parameter)}
        fresh = sum(count for key, count in used.items() if key not in self._counted)
        self._counted |= used.keys()
        return fresh, bool(used or self._waiting)


def tensors(value: Any) -> Iterator[Tensor]:
    """All tensors in lists, tuples and dicts."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, list | tuple | dict):
        for each in value.values() if isinstance(value, dict) else value:
            yield from tensors(each)


def legible(error: Exception) -> str:
    """An error's words, without what no page can show."""
    return "".join(each if each.isprintable() or each == "\n" else "·" for each in str(error))


def version_of(tensor: Tensor) -> int:
    """How often it was changed in place; those of ``torch.inference_mode`` do not count it."""
    return 0 if tensor.is_inference() else tensor._version


def _plain(value: Any) -> Any:
    """A tensor's shape in place of the tensor; a number that is a tensor stays one."""
    if isinstance(value, Tensor):
        is_number = value.dim() == 0 and not value.is_floating_point() and not value.is_meta
        return int(value) if is_number else tuple(value.shape)
    return tuple(map(_plain, value)) if isinstance(value, list | tuple) else value


def _name(func: Any) -> str:
    name = getattr(func, "__name__", "")
    return func.__self__.__name__ if name == "__get__" else name  # a property, such as x.T


def _is_a_window_view(func: Any) -> bool:
    """``Tensor.unfold`` has the name of ``F.unfold`` and other arguments."""
    return _name(func) == "unfold" and getattr(func, "__module__", None) != "torch.nn.functional"


def _learners(frame: FrameType | None) -> FrameType | None:
    """The innermost frame that is not PyTorch's; None where the model is nothing but layers of PyTorch."""
    while frame and frame.f_code.co_filename.startswith(NOT_THE_LEARNERS):
        frame = (
            None
            if frame.f_code.co_name == RUN and frame.f_code.co_filename.startswith(NOT_THE_LEARNERS[1])
            else frame.f_back
        )
    return frame
