"""Where an add works, and whether both of its sides look at the same place (layer L2)."""

from collections.abc import Mapping, Sequence

from skiplib.diagrams.svg import VERDICTS, Picture, Verdict, grid, make_picture, rect, text

_LEFT, _SPAN = 92, 760  # where the strips begin, and how wide they may be
_HEIGHTS: dict[Verdict, int] = {"equal": 24, "broadcast": 15, "error": 6}


def draw_legal_sizes(verdicts: Mapping[int, Verdict], *, marked: int) -> Picture:
    """For every input size, what becomes of the add: a tall bar runs, a middle one is stretched, a low one fails.

    Args:
        verdicts: one for each input size, in order.
        marked: the input size that the rest of the picture shows.

    >>> draw_legal_sizes({1: "error", 2: "broadcast", 3: "equal"}, marked=3).alt
    'Input sizes 1 to 3. The add runs at 3; it is stretched at 2; elsewhere it fails.'
    """
    cell = min(24, _SPAN / len(verdicts))
    parts = [text(_LEFT, 14, "for which input sizes does this block run?", "b")]
    for place, (size, verdict) in enumerate(verdicts.items()):
        x, height = _LEFT + place * cell, _HEIGHTS[verdict]
        parts.append(rect(x + 0.5, 50 - height, cell - 1, height, verdict))
        if size == marked:
            parts.append(f'<path class="line" d="M{x - 1:g} 22h{cell + 2:g}v30h-{cell + 2:g}z"/>')
        if size == 1 or size % 4 == 0:
            parts.append(text(x + cell / 2, 66, size, "m"))
    x = _LEFT
    for verdict, words in (("equal", "runs"), ("broadcast", "stretched"), ("error", "fails")):
        height = _HEIGHTS[verdict]
        parts.append(rect(x, 94 - height * 0.6, 12, height * 0.6, verdict))
        parts.append(text(x + 18, 94, f"{VERDICTS[verdict].sign} {words}"))
        x += 120
    runs, stretched = (
        _ranges([n for n, each in verdicts.items() if each == kind]) for kind in ("equal", "broadcast")
    )
    first, last = min(verdicts), max(verdicts)
    alt = (
        f"Input sizes {first} to {last}. The add runs at {runs}; it is stretched at {stretched}; elsewhere it fails."
    )
    return make_picture(_LEFT + _SPAN + 30, 102, parts, alt=alt)


def draw_alignment(input_size: int, index: int, branch: Sequence[int], shortcut: Sequence[int]) -> Picture:
    """Which input columns each side of the add looks at for one output column.

    Args:
        input_size: pixels of the input along this axis.
        index: the output column.
        branch: the input columns that the branch reads; those outside 0 to input_size - 1 are padding.
        shortcut: the same for the skip.

    >>> draw_alignment(32, 5, range(14, 18), [15]).alt
    'For output column 5 the branch looks at input columns 14 to 17, the skip at 15.'
    """
    first = min(0, *branch, *shortcut)
    columns = max(input_size - 1, *branch, *shortcut) - first + 1
    cell = min(24, _SPAN / columns)
    parts = [text(_LEFT, 14, f"where output column {index} comes from", "b")]
    for row, (name, seen) in enumerate((("branch", branch), ("skip", shortcut))):
        y = 26 + row * 28
        parts.append(text(_LEFT - 12, y + 15, name, "e"))
        parts.append(rect(_LEFT, y, columns * cell, 20, "padding"))
        parts.append(rect(_LEFT - first * cell, y, input_size * cell, 20, "image"))
        parts += [rect(_LEFT + (column - first) * cell, y, cell, 20, "window") for column in seen]
        parts.append(grid(_LEFT, y, columns, 1, cell, height=20))
        middle = _LEFT + ((seen[0] + seen[-1] + 1) / 2 - first) * cell
        parts.append(f'<path style="fill:#212121" d="M{middle - 5:g} {y + 5}h10l-5 9z"/>')
    alt = (
        f"For output column {index} the branch looks at input columns {_span(branch)}, the skip at {_span(shortcut)}."
    )
    return make_picture(_LEFT + _SPAN + 30, 84, parts, alt=alt)


def _span(columns: Sequence[int]) -> str:
    first, last = (f"−{-column}" if column < 0 else str(column) for column in (columns[0], columns[-1]))
    return first if first == last else f"{first} to {last}"


def _ranges(sizes: Sequence[int]) -> str:
    """Sizes in words, runs of neighbours shortened: 3, 4 and 19 to 23."""
    runs: list[list[int]] = []
    for size in sizes:
        if runs and runs[-1][-1] == size - 1:
            runs[-1][1:] = [size]
        else:
            runs.append([size])
    return ", ".join(" to ".join(map(str, run)) for run in runs) or "none"
