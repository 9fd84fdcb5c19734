"""Paths through a chain of blocks: how many there are of each length, and the gradient that they carry (layer L2)."""

from collections.abc import Sequence

from skiplib.diagrams.curves import RULES, WIDTH
from skiplib.diagrams.marks import path, text, upright
from skiplib.diagrams.svg import FAINT, INK, Picture, make_picture

_LEFT, _TOP, _TALL, _PITCH, _MOST = 60, 34, 190, 26, 24  # pixels; the most blocks
_HALF = 11  # of a pair of bars
_FLOOR = _TOP + _TALL
_RULES = {
    ".many": f"fill:{INK};fill-opacity:.22;stroke:{INK};stroke-opacity:.6",
    ".carried": "stroke:none",
    ".mean": f"fill:{FAINT}",
    ".mean.of-skip": "stroke:none",
}


def paths_picture(
    counts: Sequence[float], gradients: Sequence[float], means: Sequence[float], *, ghost: Sequence[float] = ()
) -> Picture:
    """Two bars for every length: paths, and gradient, each relative to its largest; and where their means are.

    Counts and gradients are those of paths through 0, 1, 2, ... branches; ``ghost`` are the gradients before.
    """
    right = _x(_MOST) + _HALF
    axes = f"M{_LEFT} {_TOP}V{_FLOOR}H{right}M{_LEFT} {_TOP}H{right}M{_LEFT} {_FLOOR - _TALL / 2}H{right}"
    parts = [path("frame", axes), upright(16, _FLOOR - _TALL / 2, "relative to the largest")]
    parts += [text(_LEFT - 6, _FLOOR - _TALL * share + 4, share, "e") for share in (0, 0.5, 1)]
    parts += [text(_x(length), _FLOOR + 34, length, "m") for length in range(0, _MOST + 1, 4)]
    parts.append(text(_x(_MOST / 2), _FLOOR + 52, "branches on the path", "m"))
    parts += [path("many", _bars(counts, -_HALF)), f'<g class="of-skip">{path("carried", _bars(gradients, 0))}</g>']
    if ghost:
        tops = [f"{_x(k) + _HALF / 2:g} {_FLOOR - _TALL * size / max(ghost):.1f}" for k, size in enumerate(ghost)]
        parts.append(path("ghost", f"M{'L'.join(tops)}"))
    for name, mean, kind, up in zip(("paths", "gradient"), means, ("", " of-skip"), (4, 20), strict=True):
        x = _x(mean)
        parts.append(path(f"mean{kind}", f"M{x:.1f} {_FLOOR + 2}l-6 11h12z"))
        parts.append(text(x + 6, _TOP - up, f"▾ {name}: {mean:.1f} on average", f"b{kind}"))
        parts.append(path("mark", f"M{x:.1f} {_TOP - up}V{_FLOOR}"))
    paths, gradient = (f"{mean:.1f} branches" for mean in means)
    alt = f"Paths through {len(counts) - 1} blocks pass {paths} on average, the gradient passes {gradient}."
    return make_picture(WIDTH, _FLOOR + 60, parts, alt=alt, rules=RULES | _RULES)


def _x(length: float) -> float:
    return _LEFT + 18 + _PITCH * length


def _bars(sizes: Sequence[float], left: float) -> str:
    """Bars that stand on the floor, as one path."""
    tops = ((_x(k) + left, _TALL * size / max(sizes)) for k, size in enumerate(sizes))
    return "".join(f"M{x:g} {_FLOOR}v{-tall:.1f}h{_HALF}V{_FLOOR}z" for x, tall in tops)
