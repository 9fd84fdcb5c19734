"""Changes of a run's calls: at a layer or at a join, with the code that does the same (layer L1, torch)."""

import ast
import copy
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

from torch import Tensor, nn

from skiplib.tracing.joins import Join
from skiplib.tracing.recorder import Arguments, Change, Row
from skiplib.tracing.sums import bound

SIDES = "abcdefgh"  # how the code calls the sides of a join
_OF_THE_WEIGHT = ("kernel_size", "in_channels", "in_features")  # what a call does not say, its weight does
_JOINING = {"+": ("add", "add_"), "−": ("sub", "sub_", "subtract"), "cat": ("cat", "concat", "concatenate")}


@dataclass(frozen=True)
class Fix:
    """Changes of calls that belong together, and code that does the same."""

    what: str = ""
    where: tuple[str, ...] = ()  # the layers
    changes: Mapping[str, Change] = field(default_factory=dict, repr=False)  # by site
    layers: tuple[str, ...] = ()  # statements about ``model``
    lines: tuple[tuple[str, str], ...] = ()  # a line of the learner's, and what stands in its place
    parameters: int = 0  # more than before

    def __add__(self, other: "Fix") -> "Fix":
        what = self.what if other.what in self.what else ", ".join(filter(None, (self.what, other.what)))
        changes, parameters = {**self.changes, **other.changes}, self.parameters + other.parameters
        lines = self.lines + other.lines
        return Fix(what, self.where + other.where, changes, self.layers + other.layers, lines, parameters)


def merged(first: Mapping[str, Change], then: Mapping[str, Change]) -> dict[str, Change]:
    """Both changes, one after the other where they meet at a site."""

    def both(site: str) -> Change:
        return lambda function, given: then[site](function, first[site](function, given))

    return {**first, **then, **{site: both(site) for site in first.keys() & then.keys()}}


def at_layer(model: nn.Module, row: Row, **new: Any) -> Fix:
    """Other arguments for a layer, or for a call where no layer stands behind it."""
    weight = list((row.call or {}).get("weight", ()))
    arguments = {name: value for name, value in new.items() if not (weight and name in _OF_THE_WEIGHT)}
    shape = [*weight]
    shape[1:2] = [new.get("in_channels", new.get("in_features", size)) for size in weight[1:2]]
    shape[2:] = new.get("kernel_size", shape[2:])

    def change(function: str, given: Arguments) -> Arguments:
        named = (bound(function, *given) or {}) | arguments
        if shape != weight:
            named["weight"] = named["weight"].new_zeros(shape)
        return (), named

    words = ", ".join(f"{name}={_short(value)}" for name, value in new.items())
    fix = Fix(words, (row.label.partition(" ")[0],), {row.site: change}, parameters=prod(shape) - prod(weight))
    if ":" in row.site:
        return replace(fix, lines=((row.line, _with_arguments(row, new)),))
    layer = copy.copy(model.get_submodule(row.site))
    vars(layer).update(new)
    return replace(fix, layers=(f"{path_to(row.site)} = {constructor(layer)}",))


def at_join(
    join: Join, name: str, change: Callable[[list[Tensor]], list[Tensor]], body: str, made: nn.Module | None = None
) -> Fix:
    """A change of what meets at a join, and the ``body`` of code that does the same to sides called a, b, ..."""

    def changed(function: str, given: Arguments) -> Arguments:
        args, kwargs = given
        if join.sign == "cat":
            return [change(list(args[0])), *args[1:]], kwargs
        return [*change(list(args[:2])), *args[2:]], kwargs

    layers = [f"{path_to(join.row.layer.partition(' ')[0])}.shortcut = {constructor(made)}"] if made else []
    parameters = sum(each.numel() for each in made.parameters()) if made else 0
    lines = ((join.row.line, _around(join, body)),)
    return Fix(name, (), {join.row.site: changed}, tuple(layers), lines, parameters)


def _short(value: Any) -> str:
    alike = isinstance(value, tuple) and len(set(value)) == 1
    return str(value[0] if alike else value)


def path_to(name: str) -> str:
    """A module of ``model`` as code."""
    return "model" + "".join(f"[{part}]" if part.isdigit() else f".{part}" for part in filter(None, name.split(".")))


def constructor(layer: nn.Module) -> str:
    """The code that makes a layer."""
    if isinstance(layer, nn.Sequential):
        return f"nn.Sequential({', '.join(map(constructor, layer))})"
    words = re.sub(r"=([a-z]+)(?=[,)])", r"='\1'", repr(layer))  # padding=same
    if getattr(layer, "ceil_mode", False) and "ceil_mode" not in words:  # AvgPool2d does not say it
        words = words.removesuffix(")") + ", ceil_mode=True)"
    return "nn." + re.sub(r"\((\d+)(?:, \1)+,?\)|\((\d+),\)", r"\1\2", words)  # (2, 2) is 2


def _with_arguments(row: Row, new: Mapping[str, Any]) -> str:
    """The learner's line with other arguments in its call."""
    for node in _nodes(row.line):
        if isinstance(node, ast.Call) and _called(node) == row.function and node.args:
            given = bound(row.function, node.args, {str(each.arg): each.value for each in node.keywords}) or {}
            texts = {name: ast.unparse(value) for name, value in given.items()} | {n: repr(v) for n, v in new.items()}
            first, *others = texts.items()
            arguments = ", ".join([first[1], *(f"{name}={text}" for name, text in others)])
            return _replaced(row.line, node, f"{ast.unparse(node.func)}({arguments})")
    return f"# {row.function}: " + ", ".join(f"{name}={value!r}" for name, value in new.items())


def _around(join: Join, body: str) -> str:
    """The body, before it what the sides a, b, ... are, after it the learner's line with these in it."""
    names = ", ".join(SIDES[: len(join.sides)])
    operator, sign = (ast.Sub, "-") if join.sign == "−" else (ast.Add, "+")
    for node in _nodes(join.row.line):
        sides: list[ast.expr] = []
        instead = f"a {sign} b"
        if isinstance(node, ast.BinOp) and isinstance(node.op, operator):
            sides = [node.left, node.right]
        elif isinstance(node, ast.AugAssign) and isinstance(node.op, operator):
            sides, instead = [node.target, node.value], f"{ast.unparse(node.target)} = {instead}"
        elif isinstance(node, ast.Call) and _called(node) in _JOINING[join.sign]:
            if join.sign != "cat":
                sides = node.args[:2] if len(node.args) > 1 else [*_owner(node), *node.args]
            elif node.args:
                whole, instead = node.args[0], f"[{names}]"
                sides = whole.elts if isinstance(whole, ast.List | ast.Tuple) else [whole]
                node = whole
        if sides:
            taken = ", ".join(map(ast.unparse, sides))
            return f"{names} = {taken}\n{body}\n{_replaced(join.row.line, node, instead)}"
    return f"# {names}: the sides of the {join.sign}\n{body}"


def _nodes(line: str) -> Iterator[Any]:
    """The parts of a line, the outermost first; none if it is no statement by itself."""
    with suppress(SyntaxError):
        yield from ast.walk(ast.parse(line))


def _called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def _owner(node: ast.Call) -> list[ast.expr]:
    return [node.func.value] if isinstance(node.func, ast.Attribute) else []


def _replaced(line: str, node: Any, instead: str) -> str:
    text = line.encode()  # ast counts in bytes
    return (text[: node.col_offset] + instead.encode() + text[node.end_col_offset :]).decode()
