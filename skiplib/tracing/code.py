"""The learner's own code: the line that a call stands in, and the same line changed (layer L1)."""

import ast
import linecache
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from textwrap import indent
from types import FrameType
from typing import Any

_SIMPLE = (ast.Return, ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Expr)
_LATER = (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.IfExp, ast.BoolOp, ast.NamedExpr)


@dataclass(frozen=True)
class Place:
    """Where a call stands."""

    file: str = ""
    span: tuple[int, int, int, int] = (0, 0, 0, 0)  # first and last line, first and last column in bytes
    owner: str = ""  # how the function calls the module that runs: self
    names: tuple[str, ...] = ()  # of the function's variables

    @property
    def line(self) -> str:
        """The call's lines, as one."""
        first, last, *_ = self.span
        return " ".join(filter(None, (linecache.getline(self.file, n).strip() for n in range(first, last + 1))))


def place_of(frame: FrameType, module: object) -> Place:
    """Where a frame stands at this moment."""
    code = frame.f_code
    span = next(islice(code.co_positions(), frame.f_lasti // 2, None))
    if None in span:
        span = (frame.f_lineno, frame.f_lineno, 0, 0)
    first = code.co_varnames[0] if code.co_argcount else ""
    owner = first if first and frame.f_locals.get(first) is module else ""
    return Place(code.co_filename, span, owner, code.co_varnames)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Edit:
    """Lines of the learner's, exactly, and what stands in their place."""

    lines: str
    instead: str


def with_arguments(place: Place, first: str, new: dict[str, Any], bind: Any) -> Edit | None:
    """A call with other arguments by name; ``bind`` names those that it has."""
    found = _found(place)
    if not found or not isinstance(found[1], ast.Call) or not found[1].args:
        return None
    statement, call = found
    given = bind(call.args, {str(each.arg): each.value for each in call.keywords}) or {}
    texts = {name: ast.unparse(value) for name, value in given.items()} | {n: repr(v) for n, v in new.items()}
    named = ", ".join(f"{name}={text}" for name, text in texts.items() if name != first)
    return _edited(place, statement, call, f"{ast.unparse(call.func)}({texts[first]}, {named})")


def around(place: Place, sign: str, count: int, body: str) -> Edit | None:
    """The sides of a join taken out of its statement, the ``body`` behind them, and the statement without them.

    ``body`` speaks of SIDE_1, SIDE_2, ... and SELF. None unless the join is part of one plain statement of a method,
    alone on its lines, for only there would that mean the same.
    """
    found = _found(place)
    if not found or not place.owner:
        return None
    statement, node = found
    sides, whole = _sides(node, sign)
    alone = _alone(place, statement) and isinstance(statement, _SIMPLE)
    inside = any(
        isinstance(each, _LATER) and _span(each) != _span(node) and _holds(each, node) for each in ast.walk(statement)
    )
    if len(sides) not in (1, count) or not alone or inside:
        return None
    names = [f"side_{number}" for number in range(1, count + 1)]
    while {*names} & {*place.names}:
        names = [name + "_" for name in names]
    for number, name in reversed([*enumerate(names, start=1)]):
        body = body.replace(f"SIDE_{number}", name)
    body = body.replace("SIZES", "sizes" + "_" * ("sizes" in place.names)).replace("SELF", place.owner)
    operator = {"−": "-"}.get(sign, sign)
    instead = f"[{', '.join(names)}]" if sign == "cat" else f"{names[0]} {operator} {names[1]}"
    if isinstance(node, ast.AugAssign):
        instead = f"{ast.unparse(node.target)} = {instead}"
    taken = f"{', '.join(names)} = {', '.join(map(ast.unparse, sides))}"
    edit = _edited(place, statement, whole, instead)
    margin = edit.lines[: len(edit.lines) - len(edit.lines.lstrip())]
    before = indent(f"{taken}\n{body}\n", margin)
    return Edit(edit.lines, before + edit.instead)


def _sides(node: Any, sign: str) -> tuple[list[ast.expr], ast.AST]:
    """The expressions that meet, and the part of the code that stands for all of them."""
    if isinstance(node, ast.BinOp):
        return [node.left, node.right], node
    if isinstance(node, ast.AugAssign):
        return [node.target, node.value], node
    if not isinstance(node, ast.Call) or not node.args:
        return [], node
    if sign == "cat":
        first = node.args[0]
        return (first.elts if isinstance(first, ast.List | ast.Tuple) else [first]), first
    if node.keywords or not isinstance(node.func, ast.Attribute):
        return [], node
    return (node.args if len(node.args) == 2 else [node.func.value, *node.args]), node


def _found(place: Place) -> tuple[ast.stmt, Any] | None:
    """The statement around a place, and the call itself."""
    inside = [
        each for each in _nodes(place.file, "".join(linecache.getlines(place.file))) if _holds_span(each, place.span)
    ]
    calls = [
        each
        for each in inside
        if _span(each) == place.span and isinstance(each, ast.BinOp | ast.AugAssign | ast.Call)
    ]
    statements = [each for each in inside if isinstance(each, ast.stmt)]
    return (statements[-1], calls[-1]) if calls and statements else None


@lru_cache(maxsize=8)
def _nodes(file: str, source: str) -> list[Any]:
    """All parts of a file that have a place, the outer before the inner."""
    try:
        return [each for each in ast.walk(ast.parse(source)) if hasattr(each, "end_col_offset")]
    except SyntaxError:
        return []


def _span(node: Any) -> tuple[int, int, int, int]:
    return node.lineno, node.end_lineno, node.col_offset, node.end_col_offset


def _holds(node: Any, other: Any) -> bool:
    return _holds_span(node, _span(other))


def _holds_span(node: Any, span: tuple[int, int, int, int]) -> bool:
    first, last, begin, end = span
    return (node.lineno, node.col_offset) <= (first, begin) and (node.end_lineno, node.end_col_offset) >= (last, end)


def _alone(place: Place, statement: ast.stmt) -> bool:
    lines = _lines(place, statement)
    *_, begin, end = _span(statement)
    behind = lines[-1].encode()[end:].decode().strip()
    return not lines[0].encode()[:begin].strip() and (not behind or behind.startswith("#"))


def _lines(place: Place, statement: ast.stmt) -> list[str]:
    return linecache.getlines(place.file)[statement.lineno - 1 : statement.end_lineno]


def _edited(place: Place, statement: ast.stmt, node: Any, instead: str) -> Edit:
    """A statement's lines, and the same with one part replaced."""
    lines = _lines(place, statement)
    first, last = node.lineno - statement.lineno, node.end_lineno - statement.lineno
    before = "".join(lines[:first]) + lines[first].encode()[: node.col_offset].decode()
    after = lines[last].encode()[node.end_col_offset :].decode() + "".join(lines[last + 1 :])
    return Edit("".join(lines).rstrip("\n"), (before + instead + after).rstrip("\n"))
