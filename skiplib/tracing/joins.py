"""Adds and concatenations of a run: where their sides parted, whether they fit and look alike (layer L1)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from math import inf, prod
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

    @property
    def skip(self) -> int:
        """The side with the fewest steps since the fork."""
        return min(range(len(self.ways)), key=lambda side: len(self.ways[side]))

    @property
    def branch(self) -> int:
        """Of the other sides that with the most."""
        others = (side for side in range(len(self.ways)) if side != self.skip)
        return max(others, key=lambda side: len(self.ways[side]))


def joins_of(rows: Sequence[Row]) -> list[Join]:
    """The joins of a run, one that failed included."""
    pasts, found = {INPUT: 1}, []  # as bits: a row and all that it depends on; the lowest bit is the input
    for place, row in enumerate(rows):
        pasts[place] = reduce(lambda all_, maker: all_ | pasts[maker], row.makers, 2 << place)
        sign = "cat" if kind_of(row.function) == "cat" else _ADDS.get(row.function.strip("_"), "")
        if sign and len(row.makers) > 1:
            fork = reduce(and_, (pasts[maker] for maker in row.makers)).bit_length() - 2
            ways = tuple(_way(rows, pasts, maker, fork) for maker in row.makers)
            layered = [any(_is_layer(rows[each]) for each in way) for way in ways]
            kind: Kind = "shortcut" if all(layered) else "identity" if any(layered) else "formula"
            verdict: Verdict = "error" if row.error else "equal"
            if not (row.error or sign == "cat" or kind == "formula"):  # that stretches because it is meant to
                verdict = add_verdict(*row.before[:2])
            found.append(Join(place, row, sign, fork, ways, verdict, kind))
    return found


def _is_layer(row: Row) -> bool:
    return row.learned or (row.call is not None and kind_of(row.function) not in ("cat", "pad", "flatten"))


def _way(rows: Sequence[Row], pasts: dict[int, int], place: int, fork: int) -> tuple[int, ...]:
    """The rows from a fork to a place; where several lead back, along what has most elements."""
    way: list[int] = []
    while place != fork:
        way.insert(0, place)
        sources = zip(rows[place].before, rows[place].makers, strict=True)
        back = [each for each in sources if pasts[each[1]] >> (fork + 1) & 1]
        _, place = max(back, key=lambda source: prod(source[0]))
    return tuple(way)


def fields(rows: Sequence[Row], origin: int, axis: int) -> dict[int, Field | None]:
    """What one position of each row reads of ``origin`` along one axis; None where it may be all of it.

    Norms, and gates that are one number for the whole axis, count as seeing one position. Rows that do not depend
    on the origin are left out.
    """
    known: dict[int, Field | None] = {origin: (Fraction(1), Fraction(0), Fraction(0))}
    for place, row in enumerate(rows[origin + 1 :], start=origin + 1):
        sources = [each for each in zip(row.makers, row.before, strict=True) if each[0] in known]
        if _GATED.fullmatch(row.function) and row.shape:  # the gate's own view does not count
            ones = (1,) * -axis  # an axis that a shape lacks counts as 1
            sources = [each for each in sources if (ones + each[1])[axis] == (ones + row.shape)[axis]] or sources
        if sources:
            known[place] = reduce(_union, (_through(row, known[maker], before, axis) for maker, before in sources))
    return known


def _through(row: Row, field: Field | None, before: Shape, axis: int) -> Field | None:
    step = along(row.function, row.call, before, row.shape, axis) if len(before) >= -axis else None
    if not field or not step or step.jump is None:
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
        apart.append(float(abs(middles)) if here[0] == there[0] else inf)
    return max(apart)
