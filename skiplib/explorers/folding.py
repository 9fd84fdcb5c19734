"""The rows of a run as rows of a picture: steps that change nothing fold, then whole modules (layer L3)."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby, takewhile

from skiplib.adding import Verdict
from skiplib.diagrams.trace import Arc, Step
from skiplib.tracing.joins import Join
from skiplib.tracing.recorder import INPUT, Row, Site
from skiplib.tracing.sums import Shape
from skiplib.tracing.tracer import Trace, shown

_MOST = 22  # rows of a picture
_WORST: tuple[Verdict, ...] = ("equal", "broadcast", "error")
Group = list[int]  # places of rows that are drawn as one


def folded(
    run: Trace, *, menu: Mapping[Site, str] | None = None, chosen: Site | None = None
) -> tuple[list[Step], list[Arc]]:
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
    for depth in range(max((row.module.count(".") + 1 for row in rows), default=0), 0, -1):
        if len(groups) > _MOST:
            groups = _flat(inside for _, inside in groupby(groups, lambda group: _module(rows, group, depth)))  # noqa: B023
    if (many := len(groups) - _MOST) > 0:  # no modules to fold: the middle
        groups = [
            *groups[: _MOST // 2],
            *_flat([groups[_MOST // 2 : _MOST // 2 + many + 1]]),
            *groups[-_MOST // 2 + 1 :],
        ]
    return groups


def _flat(several: Iterable[Iterable[Group]]) -> list[Group]:
    return [[place for group in groups for place in group] for groups in several]


def _is_idle(rows: Sequence[Row], place: int) -> bool:
    """Whether a step changes no size and learns nothing, right after the one before it."""
    row = rows[place]
    return row.makers == (place - 1,) and row.shape == row.before[0] and not row.learned and not row.call


def _module(rows: Sequence[Row], group: Group, depth: int) -> object:
    """The module that a group runs in, up to a depth; outside of modules each group by itself."""
    return rows[group[0]].module.split(".")[:depth] if rows[group[0]].module else group[0]


def _step(run: Trace, joins: dict[int, Join], group: Group, menu: Mapping[Site, str], chosen: Site | None) -> Step:
    rows = [run.rows[place] for place in group]
    first, last = rows[0], rows[-1]
    if all(_is_idle(run.rows, place) for place in group[1:]):
        label, arithmetic = ", ".join([first.label, *(row.op for row in rows[1:])]), first.sum
    else:
        busy = [row for row, place in zip(rows, group, strict=True) if not _is_idle(run.rows, place)]
        names = zip(*(row.module.split(".") for row in busy), strict=False)
        module = ".".join(parts[0] for parts in takewhile(lambda parts: len(set(parts)) == 1, names))
        label, arithmetic = f"{module or '…'}: {len(rows)} steps", ""
    verdicts = [joins[place].verdict for place in group if place in joins]
    parameters = sum(row.parameters for row in rows)
    return Step(
        label,
        arithmetic,
        shown(last.shape) if last.shape is not None else _meeting(last.before),
        layer=menu.get(first.site, ""),
        join=max(verdicts, key=_WORST.index, default=None),
        failed=bool(last.error),
        chosen=chosen in [row.site for row in rows],
        title="\n".join(filter(None, [first.line, f"{parameters} parameters" * bool(parameters)])),
    )


def _meeting(shapes: Sequence[Shape]) -> str:
    """The shapes that meet; of many each once, with how many they are."""
    counts = Counter(shapes) if len(shapes) > 2 else dict.fromkeys(shapes, 1)
    return " with ".join(
        f"{count} × {shown(shape)}" if count > 1 else shown(shape) for shape, count in counts.items()
    )
