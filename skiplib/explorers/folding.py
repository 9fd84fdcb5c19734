"""The rows of a run as rows of a picture: steps that change nothing fold, then whole modules (layer L3)."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from itertools import chain, groupby, takewhile
from types import MappingProxyType

from skiplib.adding import Verdict
from skiplib.diagrams.trace import Arc, Step
from skiplib.tracing.recorder import INPUT, Row, Site
from skiplib.tracing.tracer import Trace
from skiplib.words import bracketed

_MOST = 22  # rows of a picture
_WORST: tuple[Verdict, ...] = ("equal", "broadcast", "error")
Group = list[int]  # places of rows that are drawn as one


def folded(
    run: Trace, menu: Mapping[Site, str] = MappingProxyType({}), chosen: Site | None = None
) -> tuple[list[Step], list[Arc]]:
    """The rows to draw and the arcs of their joins; ``menu`` names sites that can be chosen, ``chosen`` is marked."""
    verdicts = {join.place: join.verdict for join in run.joins}
    groups = _groups(run.rows, verdicts)
    row_of = {place: number for number, group in enumerate(groups) for place in group} | {INPUT: INPUT}
    arcs = [Arc(row_of[join.fork], row_of[join.place], join.verdict) for join in run.joins]
    steps = [_step(run.rows, verdicts, group, menu, chosen) for group in groups]
    return steps, [arc for arc in arcs if arc.end > arc.start + 1]


def _groups(rows: Sequence[Row], joins: Mapping[int, Verdict]) -> list[Group]:
    groups: list[Group] = []
    for place in range(len(rows)):
        if groups and place not in joins and _is_idle(rows, place):
            groups[-1].append(place)
        else:
            groups.append([place])
    for depth in range(max((row.module.count(".") + 1 for row in rows), default=0), 0, -1):
        if len(groups) > _MOST:
            groups = [_flat(inside) for _, inside in groupby(groups, partial(_module, rows, depth))]
    if (many := len(groups) - _MOST) > 0:  # no modules to fold: the middle
        half = _MOST // 2
        groups[half : half + many + 1] = [_flat(groups[half : half + many + 1])]
    return groups


def _flat(groups: Iterable[Group]) -> Group:
    return [*chain.from_iterable(groups)]


def _module(rows: Sequence[Row], depth: int, group: Group) -> object:
    """The module that a group runs in, up to a depth; outside of modules each group by itself."""
    return rows[group[0]].module.split(".")[:depth] if rows[group[0]].module else group


def _is_idle(rows: Sequence[Row], place: int) -> bool:
    """Whether a step changes no size and learns nothing, right after the one before it."""
    row = rows[place]
    return row.makers == (place - 1,) and row.shape == row.before[0] and not row.learned and not row.call


def _step(
    rows: Sequence[Row], joins: Mapping[int, Verdict], group: Group, menu: Mapping[Site, str], chosen: Site | None
) -> Step:
    here, first, last = [rows[place] for place in group], rows[group[0]], rows[group[-1]]
    label, arithmetic = ", ".join([first.label, *(row.op for row in here[1:])]), first.sum
    busy = [rows[place].module.split(".") for place in group if not _is_idle(rows, place)]
    if not all(_is_idle(rows, place) for place in group[1:]):
        names = takewhile(lambda parts: len({*parts}) == 1, zip(*busy, strict=False))
        label, arithmetic = f"{'.'.join(parts[0] for parts in names) or '…'}: {len(group)} steps", ""
    parameters, counts = sum(row.parameters for row in here), dict.fromkeys(last.before, 1)
    if len(last.before) > 2:  # of many each once, with how many they are
        counts = Counter(last.before)
    meeting = " with ".join(f"{count} × " * (count > 1) + bracketed(shape) for shape, count in counts.items())
    return Step(
        label,
        arithmetic,
        meeting if last.shape is None else bracketed(last.shape),
        layer=menu.get(first.site, ""),
        join=max((joins[place] for place in group if place in joins), key=_WORST.index, default=None),
        failed=bool(last.error),
        chosen=chosen in [row.site for row in here],
        title="\n".join(filter(None, [first.line, f"{parameters} parameters" * bool(parameters)])),
    )
