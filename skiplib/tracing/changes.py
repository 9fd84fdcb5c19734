"""Changes of a run's calls: at a layer or at a join, with the code that does the same (layer L1, torch)."""

import copy
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import chain, count, islice
from math import prod
from textwrap import dedent
from typing import Any

import torch
from torch import Tensor, nn

from skiplib.tracing.code import Edit, around, with_arguments
from skiplib.tracing.joins import Join
from skiplib.tracing.recorder import Arguments, Change, Row, Site
from skiplib.tracing.sums import bound

_OF_THE_WEIGHT = ("kernel_size", "in_channels", "in_features")  # what a call does not say, its weight does


@dataclass(frozen=True, eq=False)
class Fix:
    """Changes of calls that belong together, and code that does the same."""

    what: tuple[tuple[str, str], ...] = ()  # what is done, and where
    changes: Mapping[Site, Change] = field(default_factory=dict, repr=False)
    layers: tuple[str, ...] = ()  # statements about ``model``
    edits: tuple[Edit, ...] = ()  # of the learner's lines
    parameters: int = 0  # more than before

    def __add__(self, other: "Fix") -> "Fix":
        changes, layers = {**self.changes, **other.changes}, self.layers + other.layers
        edits, parameters = self.edits + other.edits, self.parameters + other.parameters
        return Fix(self.what + other.what, changes, layers, edits, parameters)

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
        edits = [f"# in place of\n{_commented(edit.lines)}\n{dedent(edit.instead)}" for edit in self.edits]
        return "\n".join([*self.layers, *edits])


def merged(first: Mapping[Site, Change], then: Mapping[Site, Change]) -> dict[Site, Change]:
    """Both changes, one after the other where they meet at a site."""

    def both(site: Site) -> Change:
        return lambda function, given: then[site](function, first[site](function, given))

    return {**first, **then, **{site: both(site) for site in first.keys() & then.keys()}}


def at_layer(model: nn.Module, row: Row, **new: Any) -> Fix:
    """Other arguments for a layer, or for a call where no layer stands behind it."""
    weight = list((row.call or {}).get("weight", ()))
    arguments = {name: value for name, value in new.items() if not (weight and name in _OF_THE_WEIGHT)}
    shape = [*weight]
    if weight:
        shape[1:2] = [new.get("in_channels", new.get("in_features", weight[1]))]
        shape[2:] = new.get("kernel_size", shape[2:])

    def change(function: str, given: Arguments) -> Arguments:
        named = (bound(function, *given) or {}) | arguments
        if shape != weight:
            named["weight"] = named["weight"].new_zeros(shape)
        return (), named

    words = ", ".join(f"{name}={_short(value)}" for name, value in new.items())
    layers: tuple[str, ...] = ()
    edit = None
    if row.is_layer:
        layers = tuple(_statements(model, row.module, new, made=shape != weight))
    elif shape == weight:
        edit = with_arguments(row.place, "input", new, lambda *given: bound(row.function, *given))
    parameters = prod(shape) - prod(weight) if weight else 0
    return Fix(
        ((words, row.module if row.is_layer and row.module else row.label),),
        {row.site: change},
        layers,
        (edit,) if edit else (),
        parameters,
    )


def _statements(model: nn.Module, name: str, new: Mapping[str, Any], *, made: bool) -> list[str]:
    """Code that gives a layer other numbers; one whose weights change in shape has to be ``made`` anew."""
    if not made:
        return [f"{path_to(model, name)}.{key} = {value!r}" for key, value in new.items()]
    layer = copy.copy(model.get_submodule(name))
    vars(layer).update(new)
    return [f"{path_to(model, name)} = {constructor(layer)}"]


def at_join(
    run: Any, join: Join, what: str, change: Callable[[list[Tensor]], list[Tensor]], body: str, made: Any = None
) -> Fix:
    """A change of what meets at a join of a ``Trace``, and code that does the same to SIDE_1, SIDE_2, ...

    ``made`` is a new layer, which the ``body`` calls SELF.LAYER.
    """

    def changed(function: str, given: Arguments) -> Arguments:
        args, kwargs = given
        if join.sign == "cat":
            return [change(list(args[0])), *args[1:]], kwargs
        return [*change(list(args[:2])), *args[2:]], kwargs

    owner = run.model.get_submodule(join.row.module)
    names = chain(["shortcut"], (f"shortcut_{number}" for number in count(2)))
    name = next(islice((each for each in names if not hasattr(owner, each)), len(run.changes), None))
    edit = around(join.row.place, join.sign, len(join.sides), body.replace("SELF.LAYER", f"SELF.{name}"))
    layers = (f"{path_to(run.model, join.row.module)}.{name} = {constructor(made)}",) if made and edit else ()
    parameters = sum(each.numel() for each in made.parameters()) if made else 0
    return Fix(((what, ""),), {join.row.site: changed}, layers, (edit,) if edit else (), parameters)


def _short(value: Any) -> str:
    alike = isinstance(value, tuple) and len(set(value)) == 1
    return str(value[0] if alike else value)


def _commented(lines: str) -> str:
    return "\n".join(f"# {line}" for line in dedent(lines).splitlines())


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
