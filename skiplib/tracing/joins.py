"""Adds and concatenations of a run: where their sides parted, whether they fit, whether they look alike (layer L1).

It reads rows and runs nothing.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from operator import and_
from typing import Literal

from skiplib.adding import Verdict, add_verdict
from skiplib.tracing.recorder import INPUT, Row
from skiplib.tracing.sums import Shape, along, kind_of

Field = tuple[Fraction, Fraction, Fraction]  # jump, low, high: position i reads low + i * jump to high + i * jump
Kind = Literal["identity", "shortcut", "formula"]  # layers on one side, on all, on none
_GATED = re.compile("_*(mul|multiply|div|true_divide)_*")
_ADDS = {"add": "+", "sub": "−", "subtract": "−", "rsub": "−"}


@dataclass(frozen=True)
class Join:
    """An add, a subtraction or a ``cat`` of things that depend on the input."""

    place: int  # of its row
    row: Row
    sign: str  # "+", "−" or "cat"
    fork: int  # the latest row on which all sides depend, or INPUT
    ways: tuple[tuple[int, ...], ...]  # for each side the rows after the fork, in order
    verdict: Verdict
    kind: Kind

    @property
    def sides(self) -> tuple[Shape, ...]:
        """The shapes that meet."""
        return self.row.before


def joins_of(rows: Sequence[Row]) -> list[Join]:
    """The joins of a run, one that failed included."""
    pasts, found = {INPUT: 1}, []  # as bits: a row and all that it depends on; the lowest bit is the input
    for place, row in enumerate(rows):
        pasts[place] = reduce(lambda all_, maker: all_ | pasts[maker], row.makers, 2 << place)
        sign = "cat" if kind_of(row.function) == "cat" else _ADDS.get(row.function.strip("_"), "")
        if sign and len(row.makers) > 1:
            fork = reduce(and_, (pasts[maker] for maker in row.makers)).bit_length() - 2
            ways = tuple(_way(rows, pasts, maker, fork) for maker in row.makers)
            layered = [any(map(_is_layer, (rows[each] for each in way))) for way in ways]
            kind: Kind = "shortcut" if all(layered) else "identity" if any(layered) else "formula"
            found.append(Join(place, row, sign, fork, ways, _verdict(row, sign, kind), kind))
    return found


def _verdict(row: Row, sign: str, kind: Kind) -> Verdict:
    """A formula, such as ``x - x.mean(1, keepdim=True)``, stretches because it is meant to."""
    if row.error:
        return "error"
    return "equal" if sign == "cat" or kind == "formula" else add_verdict(*row.before[:2])


def _is_layer(row: Row) -> bool:
    return row.learned or (row.call is not None and kind_of(row.function) not in ("cat", "pad", "flatten"))


def _way(rows: Sequence[Row], pasts: dict[int, int], place: int, fork: int) -> tuple[int, ...]:
    """The rows from a fork to a place; where several lead back, along what has most elements."""
    way: list[int] = []
    while place != fork:
        way.insert(0, place)
        back = [
            (elements(shape), -side, maker)
            for side, (maker, shape) in enumerate(zip(rows[place].makers, rows[place].before, strict=True))
            if pasts[maker] >> (fork + 1) & 1
        ]
        place = max(back)[-1]
    return tuple(way)


def short_and_long(join: Join) -> tuple[int, int]:
    """The side with the fewest steps since the fork, and that with the most."""
    lengths = [len(way) for way in join.ways]
    short = lengths.index(min(lengths))
    return short, max((place for place in range(len(lengths)) if place != short), key=lengths.__getitem__)


def elements(shape: Shape) -> int:
    """How many numbers a tensor of this shape holds."""
    return reduce(lambda count, size: count * size, shape, 1)


def fields(rows: Sequence[Row], origin: int, axis: int) -> dict[int, Field | None]:
    """What one position of each row reads of ``origin`` along one axis; None where it may be all of it.

    Norms, and gates that are one number for the whole axis, count as seeing one position. Rows that do not depend
    on the origin are left out.
    """
    known: dict[int, Field | None] = {origin: (Fraction(1), Fraction(0), Fraction(0))}
    for place in range(origin + 1, len(rows)):
        row = rows[place]
        sources = [each for each in zip(row.makers, row.before, strict=True) if each[0] in known]
        if _GATED.fullmatch(row.function) and row.shape:  # the gate's own view does not count
            shape = row.shape
            sources = [each for each in sources if _size(each[1], axis) == _size(shape, axis)] or sources
        if sources:
            fields_ = [_through(row, known[maker], before, axis) for maker, before in sources]
            known[place] = reduce(_union, fields_)
    return known


def _size(shape: Shape, axis: int) -> int:
    return shape[axis] if len(shape) >= -axis else 1


def _through(row: Row, field: Field | None, before: Shape, axis: int) -> Field | None:
    step = along(row.function, row.call, before, row.shape, axis) if len(before) >= -axis else None
    if field is None or step is None or step.jump is None:
        return None
    jump, low, high = field
    return jump * step.jump, low + jump * step.low, high + jump * step.high


def _union(a: Field | None, b: Field | None) -> Field | None:
    return (a[0], min(a[1], b[1]), max(a[2], b[2])) if a and b and a[0] == b[0] else None


def offset(rows: Sequence[Row], join: Join) -> float | None:
    """How far apart two sides look at the fork, in its positions: infinite if they drift, None if it is not known.

    At most half a position apart is the same place.
    """
    apart = [0.0]
    for axis in range(2 - len(join.row.before[0]), 0):
        known = fields(rows[: join.place], join.fork, axis)
        here, there = (known.get(maker) for maker in join.row.makers[:2])
        if here is None or there is None:
            return None
        middles = (here[1] + here[2] - there[1] - there[2]) / 2
        apart.append(float(abs(middles)) if here[0] == there[0] else math.inf)
    return max(apart)
