"""Run a copy of a module, and write down every step of it (layer L1, torch).

The steps are the learner's own calls (``TorchFunctionMode``), their names come from hooks on the modules. What a
scripted function does, or NumPy, is not seen. A forward may still reach what lies outside of its module: a hook that
fills a list of the learner's does.
"""

import copy
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, redirect_stdout
from dataclasses import dataclass, replace
from functools import partial
from io import StringIO
from math import prod
from typing import Any
from warnings import catch_warnings

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils.weak import WeakIdKeyDictionary

from skiplib.networks import left_alone, version_of
from skiplib.tracing.code import Place, line_of, place_of
from skiplib.tracing.sums import Call, Shape, bound, sum_of, window_of
from skiplib.words import minus

INPUT = -1  # the model's input, where a row is named
Arguments = tuple[Sequence[Any], dict[str, Any]]
Change = Callable[[str, Arguments], Arguments]  # of the arguments of a function
Site = tuple[str, str, Place | None]  # a module, a function, and the line: for a layer none, wherever it is called
Changes = Sequence[tuple[Site, Change]]  # of calls, in the order in which they are made
_ONLY_SHAPE = ("_like", "new_")  # what such functions give does not depend on the values of their argument
_SMALL = 10**6  # parameters are copied, too, so that a forward may write to them; of larger models they are shared


@dataclass(frozen=True)
class Row:
    """One step: a call that makes a tensor of tensors that depend on the input."""

    module: str  # the path of the module that runs it, "down.2.3"
    name: str  # the same, and which of its calls: "down.2.3 #2"
    is_layer: bool  # whether that is a layer of PyTorch's
    op: str  # what the learner knows it by: Conv2d, relu, add
    function: str  # what PyTorch calls it: conv2d, relu, add
    place: Place  # in the learner's code
    before: tuple[Shape, ...]  # shapes of what depends on the input
    makers: tuple[int, ...]  # the rows that made it, or INPUT
    overwritten: tuple[int, ...]  # the rows that have changed it since then, in place
    parameters: int = 0  # those that no earlier row has used
    learned: bool = False  # whether it uses any
    call: Call | None = None  # the arguments, where they decide on a size
    shape: Shape | None = None  # of what comes out; None where it failed
    error: str = ""  # PyTorch's words

    @property
    def site(self) -> Site:
        """Where its call stands."""
        return self.module, self.function, None if self.is_layer else self.place

    @property
    def line(self) -> str:
        """The learner's own, where the call stands."""
        return self.place.line

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


class Recorder(TorchFunctionMode):
    """While it is switched on, writes down rows; ``changes`` are applied to calls at their sites."""

    def __init__(self, inputs: Sequence[Tensor], changes: Changes) -> None:
        super().__init__()
        self.rows: list[Row] = []
        self._changes = changes
        self._makers = WeakIdKeyDictionary(dict.fromkeys(inputs, INPUT))
        self._spoilt, self._spoilt_in_part = WeakIdKeyDictionary(), WeakIdKeyDictionary()
        self._running: list[tuple[str, int, nn.Module]] = [("", 1, nn.Module())]
        self._counted: set[int] = set()
        self._waiting = 0  # parameters that went into weights which no step has used yet

    @contextmanager
    def follow(self, model: nn.Module) -> Iterator[None]:
        """Know which module is running."""
        calls: Counter[str] = Counter()

        def begin(name: str, module: nn.Module, _: Any) -> None:
            calls[name] += 1
            self._running.append((name, calls[name], module))

        def end(*_: Any) -> None:
            self._running.pop()

        with ExitStack() as hooks:
            for name, module in model.named_modules():
                if not isinstance(module, torch.jit.ScriptModule):
                    hooks.callback(module.register_forward_pre_hook(partial(begin, name), prepend=True).remove)
                    hooks.callback(module.register_forward_hook(end, always_call=True).remove)
            yield

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        function, kwargs = _name(func), dict(kwargs or {})
        given = list(_tensors((args, kwargs)))
        inputs = [each for each in given if self._maker(each) is not None]
        parameters, learned = self._parameters(given)
        if not inputs or any(part in function for part in _ONLY_SHAPE):
            self._waiting = parameters
            return func(*args, **kwargs)
        row = replace(self._row(function, inputs), parameters=parameters, learned=learned)
        for site, change in self._changes:
            if site == row.site:
                args, kwargs = change(function, (args, kwargs))
                changed = tuple(tuple(each.shape) for each in _tensors((args, kwargs)))
                row = replace(row, before=changed if len(changed) == len(row.before) else row.before)
        if silent := kwargs.get("inplace") is True:  # run it beside its input, to see who still uses that
            kwargs["inplace"] = False
        versions = [version_of(each) for each in given]
        try:
            result = func(*args, **kwargs)
        except Exception as error:
            self._write(replace(row, error=_legible(error)), func, args, kwargs)
            raise
        made = list(_tensors(result))
        in_place = [each for each, version in zip(given, versions, strict=True) if version_of(each) != version]
        if in_place or any(all(each is not other for other in given) for each in made):
            self._write(replace(row, shape=tuple((made or in_place)[0].shape)), func, args, kwargs)
            for each in [*made, *in_place, *(each._base for each in in_place if each._base is not None)]:
                self._makers[each] = len(self.rows) - 1
        if silent and made[0] is not given[0]:
            self._spoilt[given[0]] = len(self.rows) - 1
            if given[0]._base is not None:
                self._spoilt_in_part[given[0]._base] = len(self.rows) - 1
        return result

    def _row(self, function: str, inputs: Sequence[Tensor]) -> Row:
        """What is known of a step before it runs."""
        path, again, module = self._running[-1]
        is_layer = type(module).__module__.startswith("torch.nn.") and not any(module.children())
        return Row(
            path,
            path + f" #{again}" * (again > 1),
            is_layer,
            type(module).__name__ if is_layer else function.strip("_"),
            function,
            place_of(sys._getframe(2), module),
            before=tuple(tuple(each.shape) for each in inputs),
            makers=tuple(maker for each in inputs if (maker := self._maker(each)) is not None),
            overwritten=tuple(rows[0] for each in inputs if (rows := self._spoilers(each))),
        )

    def _write(self, row: Row, func: Any, args: Any, kwargs: Any) -> None:
        self._waiting = 0
        call = None if func is Tensor.unfold else bound(row.function, args, kwargs)  # that is not F.unfold
        self.rows.append(replace(row, call=call and {name: _plain(value) for name, value in call.items()}))

    def _maker(self, tensor: Tensor) -> int | None:
        """The row that made a tensor, or changed what it is a view of; None where it does not depend on the input."""
        return max(_known(self._makers, tensor, tensor._base), default=None)

    def _spoilers(self, tensor: Tensor) -> list[int]:
        """The rows of in-place layers that changed all that a tensor is a view of, or it, or a part of it."""
        return [*_known(self._spoilt, tensor._base, tensor), *_known(self._spoilt_in_part, tensor)]

    def _parameters(self, given: Sequence[Tensor]) -> tuple[int, bool]:
        """How many parameters are used for the first time, and whether any are used."""
        used = {id(each): each.numel() for each in given if isinstance(each, nn.Parameter)}
        fresh = sum(count for key, count in used.items() if key not in self._counted)
        self._counted |= used.keys()
        return fresh + self._waiting, bool(used or self._waiting)


def _known(rows: Mapping[Tensor, int], *several: Tensor | None) -> list[int]:
    return [rows[each] for each in several if each is not None and each in rows]


def _tensors(value: Any) -> Iterator[Tensor]:
    """All tensors in lists, tuples and dicts."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, list | tuple | dict):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _tensors(each)


def _legible(error: Exception) -> str:
    """An error's words, without what no page can show."""
    return "".join(each if each.isprintable() or each == "\n" else "·" for each in str(error))


def _plain(value: Any) -> Any:
    """A tensor's shape in place of the tensor; a number that is a tensor stays one."""
    if isinstance(value, Tensor):
        is_number = value.dim() == 0 and not value.is_floating_point() and not value.is_meta
        return int(value) if is_number else tuple(value.shape)
    return tuple(map(_plain, value)) if isinstance(value, list | tuple) else value


def _name(func: Any) -> str:
    name = getattr(func, "__name__", "")
    return func.__self__.__name__ if name == "__get__" else name  # a property, such as x.T


def record(
    model: nn.Module, inputs: Sequence[Tensor], changes: Changes, *, training: bool
) -> tuple[list[Row], str, str, Shape | None]:
    """Run a copy of a module: its rows, the error that escaped and its line, or the output's shape.

    What the module prints is not shown, and no generator of random numbers moves.
    """
    with left_alone(model), torch.random.fork_rng(devices=[]), redirect_stdout(StringIO()):
        twin = _copied(model)
        for module in model.modules():  # a forward may reach past its copy, by a lambda
            module.training = training
        twin.train(training)
        inputs = [each.clone() for each in inputs]
        recorder, state = Recorder(inputs, changes), random.getstate()
        try:
            with torch.no_grad(), catch_warnings(action="ignore"), recorder.follow(twin), recorder:
                made = list(_tensors(twin(*inputs)))
        except Exception as error:
            told = _legible(error)
            if not any(row.error == told for row in recorder.rows[-1:]):  # no call of PyTorch is to blame
                told = f"{type(error).__name__}: {told}".removesuffix(": ")
            return recorder.rows, told, line_of(error), None
        finally:
            random.setstate(state)
    return recorder.rows, "", "", tuple(made[0].shape) if made else None


def _copied(model: nn.Module) -> nn.Module:
    """A copy; what cannot be copied (activations that are kept), or is too large, is shared."""
    shared = {id(each): each for module in model.modules() for each in _tensors(vars(module)) if each.grad_fn}
    parameters = list(model.parameters())
    if sum(each.numel() for each in parameters) > _SMALL:
        shared |= {id(each): each for each in parameters}
    try:
        return copy.deepcopy(model, shared)
    except Exception as error:
        raise TypeError(f"`model` cannot be copied, so it would not be left as it was: {error}") from None
