"""The learner's own code: the line that a call stands in, and the same line changed (layer L1)."""

import ast
import linecache
import os
import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from textwrap import indent
from traceback import extract_tb
from types import FrameType
from typing import Any, NamedTuple

import torch

Span = tuple[tuple[int, int], tuple[int, int]]  # where it begins and ends: lines, and columns in bytes
_TORCH, _HERE = (str(Path(file).parent) + os.sep for file in (torch.__file__, __file__))
_NOT_THE_LEARNERS = (_TORCH, _HERE)
_CALLS = (ast.BinOp, ast.AugAssign, ast.Call)
_SIMPLE = (ast.Return, ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Expr)
_LATER = (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.IfExp, ast.BoolOp, ast.NamedExpr)


@dataclass(frozen=True)
class Place:
    """Where a call stands."""

    file: str = ""
    span: Span = ((0, 0), (0, 0))
    owner: str = ""  # how the function calls the module that runs: self
    names: tuple[str, ...] = ()  # of the function's variables

    @property
    def line(self) -> str:
        """The call's lines, as one."""
        (first, _), (last, _) = self.span
        return " ".join(filter(None, (linecache.getline(self.file, n).strip() for n in range(first, last + 1))))


def place_of(frame: FrameType, module: object) -> Place:
    """Where the learner's code stands that led to a frame; nowhere if the model is nothing but layers of PyTorch."""
    while frame.f_code.co_filename.startswith(_TORCH) and frame.f_back:
        frame = frame.f_back
    code = frame.f_code
    if code.co_filename.startswith(_NOT_THE_LEARNERS):
        return Place()
    first, last, begin, end = next(islice(code.co_positions(), frame.f_lasti // 2, None))
    if first is None or last is None or begin is None or end is None:
        first, last, begin, end = frame.f_lineno, frame.f_lineno, 0, 0
    owner = code.co_varnames[0] if code.co_argcount else ""
    is_method = owner and frame.f_locals.get(owner) is module
    return Place(code.co_filename, ((first, begin), (last, end)), owner if is_method else "", code.co_varnames)


def line_of(error: Exception) -> str:
    """The learner's line that raised an error."""
    frames = [each for each in extract_tb(error.__traceback__) if not each.filename.startswith(_NOT_THE_LEARNERS)]
    return (frames[-1].line or "") if frames else ""


@dataclass(frozen=True)
class Edit:
    """Lines of the learner's, exactly, and what stands in their place."""

    lines: str
    instead: str


def with_arguments(place: Place, first: str, new: dict[str, Any], bind: Any) -> Edit | None:
    """A call with other arguments by name; ``bind`` names those that it has."""
    found = _found(place)
    if not found or not isinstance(found.call, ast.Call) or not found.call.args:
        return None
    call = found.call
    given = bind(call.args, {str(each.arg): each.value for each in call.keywords}) or {}
    texts = {name: ast.unparse(value) for name, value in given.items()} | {n: repr(v) for n, v in new.items()}
    named = ", ".join(f"{name}={text}" for name, text in texts.items() if name != first)
    return found.edited(call, f"{ast.unparse(call.func)}({texts[first]}, {named})")


def around(place: Place, sign: str, count: int, body: str) -> Edit | None:
    """The sides of a join taken out of its statement, the ``body`` behind them, and the statement without them.

    ``body`` speaks of SIDE_1, SIDE_2, ... and SELF. None unless the join is part of one plain statement of a method,
    alone on its lines, for only there would that mean the same.
    """
    found = _found(place)
    if not found or not found.is_plain or not place.owner:
        return None
    sides, whole = _sides(found.call, sign)
    if len(sides) not in (1, count):
        return None
    names = [f"side_{number}" for number in range(1, count + 1)]
    while {*names} & {*place.names}:
        names = [name + "_" for name in names]
    body = re.sub(r"SIDE_(\d+)", lambda side: names[int(side[1]) - 1], body)
    body = body.replace("SIZES", "sizes" + "_" * ("sizes" in place.names)).replace("SELF", place.owner)
    instead = f"[{', '.join(names)}]" if sign == "cat" else f" {sign.replace('−', '-')} ".join(names)
    if isinstance(found.call, ast.AugAssign):
        instead = f"{ast.unparse(found.call.target)} = {instead}"
    edit = found.edited(whole, instead)
    margin = edit.lines[: len(edit.lines) - len(edit.lines.lstrip())]
    before = f"{', '.join(names)} = {', '.join(map(ast.unparse, sides))}\n{body}\n"
    return Edit(edit.lines, indent(before, margin) + edit.instead)


def _sides(node: Any, sign: str) -> tuple[list[ast.expr], ast.AST]:
    """The expressions that meet, and the part of the code that stands for all of them."""
    if isinstance(node, ast.BinOp):
        return [node.left, node.right], node
    if isinstance(node, ast.AugAssign):
        return [node.target, node.value], node
    if not node.args:
        return [], node
    if sign == "cat":
        first = node.args[0]
        return (first.elts if isinstance(first, ast.List | ast.Tuple) else [first]), first
    if node.keywords or not isinstance(node.func, ast.Attribute):
        return [], node
    return (node.args if len(node.args) == 2 else [node.func.value, *node.args]), node


class _Found(NamedTuple):
    """A call, or an operation, in its statement."""

    statement: ast.stmt
    call: Any
    is_later: bool  # whether it runs at another time than its statement, or more than once
    lines: list[bytes]  # of the statement

    @property
    def is_plain(self) -> bool:
        """Whether the statement is a simple one that stands alone on its lines, and runs the call once."""
        before, behind = self.lines[0][: self.statement.col_offset], self.lines[-1][self.statement.end_col_offset :]
        alone = not before.strip() and behind.strip()[:1] in (b"", b"#")
        return alone and not self.is_later and isinstance(self.statement, _SIMPLE)

    def edited(self, part: Any, instead: str) -> Edit:
        """The statement's lines, and the same with one part replaced."""
        first, last = part.lineno - self.statement.lineno, part.end_lineno - self.statement.lineno
        before = b"".join(self.lines[:first]) + self.lines[first][: part.col_offset]
        after = self.lines[last][part.end_col_offset :] + b"".join(self.lines[last + 1 :])
        lines = b"".join(self.lines).decode().rstrip("\n")
        return Edit(lines, (before.decode() + instead + after.decode()).rstrip("\n"))


def _found(place: Place) -> _Found | None:
    """The call at a place."""
    lines, (begin, end) = linecache.getlines(place.file), place.span
    inside = [(node, span) for node, span in _nodes("".join(lines)) if span[0] <= begin and end <= span[1]]
    calls = [node for node, span in inside if span == place.span and isinstance(node, _CALLS)]
    if not calls:
        return None
    statement = [node for node, _ in inside if isinstance(node, ast.stmt)][-1]
    is_later = any(isinstance(node, _LATER) and span != place.span for node, span in inside)
    own = lines[statement.lineno - 1 : statement.end_lineno]
    return _Found(statement, calls[-1], is_later, [line.encode() for line in own])


@lru_cache(maxsize=8)
def _nodes(source: str) -> list[tuple[Any, Span]]:
    """All parts of a code that have a place, the outer before the inner."""
    try:
        nodes: list[Any] = [*ast.walk(ast.parse(source))]
    except SyntaxError:
        return []
    placed = (each for each in nodes if hasattr(each, "end_col_offset"))
    return [(each, ((each.lineno, each.col_offset), (each.end_lineno, each.end_col_offset))) for each in placed]
