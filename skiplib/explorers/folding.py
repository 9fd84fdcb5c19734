"""The rows of a run as rows of a picture: steps that change nothing fold, then whole modules (layer L3)."""

from collections.abc import Mapping, Sequence
from itertools import groupby, takewhile

from skiplib.adding import Verdict
from skiplib.diagrams.trace import Arc, Step
from skiplib.tracing.joins import Join
from skiplib.tracing.recorder import INPUT, Row
from skiplib.tracing.tracer import Trace, shown

_MOST = 22  # rows of a picture
_WORST: tuple[Verdict, ...] = ("equal", "broadcast", "error")
Group = list[int]  # places of rows that are drawn as one


def folded(run: Trace, *, menu: Mapping[str, str] | None = None, chosen: str = "") -> tuple[list[Step], list[Arc]]:
    """The rows to draw and the arcs of their joins; ``menu`` names sites that can be chosen, ``chosen`` is marked."""
    joins = {join.place: join for join in run.joins}
    groups = _groups(run.rows, joins)
    row_of = {place: number for number, group in enumerate(groups) for place in group} | {INPUT: INPUT}
    arcs = [
        Arc(row_of[join.fork], row_of[join.place], join.verdict)
        for join in run.joins
        if row_of[join.place] > row_of[join.fork] + 1
    ]
    return [_step(run, joins, group, menu or {}, chosen) for group in groups], arcs


def _groups(rows: Sequence[Row], joins: dict[int, Join]) -> list[Group]:
    groups: list[Group] = []
    for place in range(len(rows)):
        if groups and place not in joins and _is_idle(rows, place):
            groups[-1].append(place)
        else:
            groups.append([place])
    for depth in range(max((row.layer.count(".") + 1 for row in rows), default=0), 0, -1):
        if len(groups) > _MOST:
            pairs = groupby(groups, lambda group: _module(rows[group[0]], depth) or group[0])  # noqa: B023
            groups = [[place for group in inside for place in group] for _, inside in pairs]
    return groups


def _is_idle(rows: Sequence[Row], place: int) -> bool:
    """Whether a step changes no size and learns nothing, right after the one before it."""
    row = rows[place]
    return row.makers == (place - 1,) and row.shape == row.before[0] and not row.learned and not row.call


def _module(row: Row, depth: int) -> str:
    """The module that a row runs in, up to a depth."""
    return ".".join(row.layer.split(".")[:depth])


def _step(run: Trace, joins: dict[int, Join], group: Group, menu: Mapping[str, str], chosen: str) -> Step:
    rows = [run.rows[place] for place in group]
    first, last = rows[0], rows[-1]
    if all(_is_idle(run.rows, place) for place in group[1:]):
        label, arithmetic = ", ".join([first.label, *(row.op for row in rows[1:])]), first.sum
    else:
        busy = [row for row, place in zip(rows, group, strict=True) if not _is_idle(run.rows, place)]
        names = zip(*(row.layer.split(".") for row in busy), strict=False)
        module = ".".join(parts[0] for parts in takewhile(lambda parts: len(set(parts)) == 1, names))
        label, arithmetic = f"{module or first.label}: {len(rows)} steps", ""
    verdicts = [joins[place].verdict for place in group if place in joins]
    parameters = sum(row.parameters for row in rows)
    title = "\n".join(filter(None, [first.line, f"{parameters} parameters" * bool(parameters)]))
    return Step(
        label,
        arithmetic,
        shown(last.shape) if last.shape else " with ".join(map(shown, last.before)),
        layer=menu.get(first.site, ""),
        join=max(verdicts, key=_WORST.index, default=None),
        failed=bool(last.error),
        chosen=chosen in [row.site for row in rows] and chosen != "",
        title=title,
    )
