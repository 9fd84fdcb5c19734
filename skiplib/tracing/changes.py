"""Changes of a run's calls: at a layer or at a join, with the code that does the same (layer L1, torch)."""

import copy
import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain, count, islice, product
from math import prod
from textwrap import dedent, indent
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from skiplib.tracing.code import Edit, around, with_arguments
from skiplib.tracing.joins import Join
from skiplib.tracing.recorder import Arguments, Changes, Row
from skiplib.tracing.sums import bound

_OF_THE_WEIGHT = {"kernel_size", "in_channels", "in_features"}  # what a call does not say, its weight does


@dataclass(frozen=True, eq=False)
class Fix:
    """Changes of calls that belong together, and code that does the same."""

    what: tuple[tuple[str, str], ...] = ()  # what is done, and where
    changes: Changes = ()
    layers: tuple[str, ...] = ()  # statements about ``model``
    edits: tuple[Edit, ...] = ()  # of the learner's lines
    parameters: int = 0  # more than before

    def __add__(self, other: "Fix") -> "Fix":
        both = {name: value + vars(other)[name] for name, value in vars(self).items()}
        return Fix(**both | {"edits": tuple(dict.fromkeys(self.edits + other.edits))})  # one line for all instances

    @property
    def name(self) -> str:
        """What is done, and where: each once."""
        places: dict[str, list[str]] = {}
        for what, where in self.what:
            places.setdefault(what, []).extend([where] if where else [])
        return "; ".join(f"{what} in {', '.join(where)}" if where else what for what, where in places.items())

    @property
    def code(self) -> str:
        """What to write, to paste."""
        edits = (f"{indent(dedent(edit.lines), '# ', lambda _: True)}\n{dedent(edit.instead)}" for edit in self.edits)
        code = [*self.layers, *(f"# in place of\n{edit}" for edit in edits)]
        return "\n".join(code or ["# by hand: the line is not one plain statement"])


def at_layer(model: nn.Module, row: Row, **new: Any) -> Fix:
    """Other arguments for a layer, or for a call where no layer stands behind it."""
    weight = shape = (row.call or {}).get("weight", ())
    said = {name: value for name, value in new.items() if not weight or name not in _OF_THE_WEIGHT}
    if weight:
        inputs = new.get("in_channels", new.get("in_features", weight[1]))
        shape = (weight[0], inputs, *new.get("kernel_size", weight[2:]))

    def change(function: str, given: Arguments) -> Arguments:
        named = (bound(function, *given) or {}) | said
        if shape != weight:
            named["weight"] = named["weight"].new_zeros(shape)
        return (), named

    edit, layers, where = None, [], row.label
    if row.is_layer:
        path, where = path_to(model, row.module), row.module or row.label
        layers = [f"{path}.{key} = {value!r}" for key, value in new.items()]
        if shape != weight:  # it has to be made anew
            layer = copy.copy(model.get_submodule(row.module))
            vars(layer).update(new)
            layers = [f"{path} = {constructor(layer)}"]
    elif shape == weight:
        edit = with_arguments(row.place, "input", new, lambda *given: bound(row.function, *given))
    alike = {name: value[0] for name, value in new.items() if isinstance(value, tuple) and len({*value}) == 1}
    what = ", ".join(f"{name}={value}" for name, value in (new | alike).items())
    edits, parameters = (edit,) if edit else (), prod(shape) - prod(weight)
    return Fix(((what, where),), ((row.site, change),), tuple(layers), edits, parameters)


class Step(NamedTuple):
    """What is done to a side of a join, which all sides may decide on: to tensors, and the same as code."""

    change: Callable[[Tensor, list[Tensor]], Tensor]
    code: Callable[[str, list[str]], str]  # empty where there is nothing to do
    first: Callable[[list[str]], str] = lambda _: ""  # code in front of it


def at_join(
    run: Any, join: Join, what: str, *steps: Step, place: int | None = None, made: nn.Module | None = None
) -> Fix:
    """Steps for every side of a join of a ``Trace``, or for one; code calls what is ``made`` SELF.LAYER."""

    def changed(function: str, given: Arguments) -> Arguments:
        args, kwargs = given
        sides = [*(args[0] if join.sign == "cat" else args[:2])]
        for side, step in product(range(len(sides)) if place is None else [place], steps):
            sides[side] = step.change(sides[side], sides)
        return ([sides, *args[1:]] if join.sign == "cat" else [*sides, *args[2:]]), kwargs

    owner = run.model.get_submodule(join.row.module)
    names = chain(["shortcut"], (f"shortcut_{number}" for number in count(2)))
    taken = sum(site[0] == join.row.module for site, _ in run.changes)  # by earlier steps of the same repair
    name = next(islice((each for each in names if not hasattr(owner, each)), taken, None))
    shared = sum(type(each) is type(owner) for each in run.model.modules()) > 1  # others go without
    sides = [f"SIDE_{number}" for number in range(1, len(join.sides) + 1)]
    lines = [step.first(sides) for step in steps]
    for side, step in product(sides if place is None else [sides[place]], steps):
        only = f' if hasattr(SELF, "{name}") else {side}' * (made is not None and shared)
        lines += [f"{side} = {code}{only}" for code in [step.code(side, sides)] if code]
    body = "\n".join(filter(None, lines)).replace("SELF.LAYER", f"SELF.{name}")
    edit = around(join.row.place, join.sign, len(sides), body)
    layers = (f"{path_to(run.model, join.row.module)}.{name} = {constructor(made)}",) if made and edit else ()
    parameters = sum(each.numel() for each in made.parameters()) if made else 0
    return Fix(((what, ""),), ((join.row.site, changed),), layers, (edit,) if edit else (), parameters)


def is_movable(model: nn.Module, row: Row) -> bool:
    """Whether a layer's numbers are those of its call; other padding modes pad in a call of their own."""
    layer = model.get_submodule(row.module) if row.is_layer else None
    return bool(row.window) and getattr(layer, "padding_mode", "zeros") == "zeros"


def path_to(model: nn.Module, name: str) -> str:
    """A module of ``model`` as code."""
    code = "model"
    for part in filter(None, name.split(".")):
        if isinstance(model, nn.Sequential | nn.ModuleList):
            code += f"[{part}]"
        elif isinstance(model, nn.ModuleDict) or not part.isidentifier():
            code += f"._modules[{part!r}]"
        else:
            code += f".{part}"
        model = getattr(model, part)
    return code


def constructor(layer: nn.Module) -> str:
    """The code that makes a layer."""
    if isinstance(layer, nn.Sequential):
        return f"nn.Sequential({', '.join(map(constructor, layer))})"
    words = re.sub(r"=([a-z]+)(?=[,)])", r"='\1'", repr(layer))  # padding=same
    words = "nn." + re.sub(r"\((\d+)(?:, \1)+,?\)|\((\d+),\)", r"\1\2", words)  # (2, 2) is 2
    if getattr(layer, "ceil_mode", False) and "ceil_mode" not in words:  # AvgPool2d does not say it
        words = words.removesuffix(")") + ", ceil_mode=True)"
    kinds = {each.dtype for each in layer.parameters()} - {torch.float32}
    return words + "".join(f".to({kind})" for kind in kinds)
