"""Small matrices as pictures: digits, residuals, Jacobians (layer L2)."""

from collections.abc import Mapping, Sequence
from math import isfinite

from skiplib.diagrams.svg import Picture, cells, make_picture, rect, text

_SIDE, _PITCH, _TOP = 176, 236, 30  # of a matrix; from one to the next; room for the title
_SHADES = 12  # of each colour; each that occurs is one path, however many cells have it
_POSITIVE, _NEGATIVE = "#0072B2", "#D55E00"
_RULES = {
    ".paper": "fill:#fff;stroke:#616161",
    **{f".p{shade}": f"fill:{_POSITIVE};fill-opacity:{shade / _SHADES:.2f}" for shade in range(1, _SHADES + 1)},
    **{f".n{shade}": f"fill:{_NEGATIVE};fill-opacity:{shade / _SHADES:.2f}" for shade in range(1, _SHADES + 1)},
    ".minus": "fill:none;stroke:#212121;stroke-width:1.2",
}


def draw_matrices(matrices: Mapping[str, Sequence[Sequence[float]]]) -> Picture:
    """Matrices side by side: white is 0, blue above, and orange with a minus sign below; one scale for all.

    Args:
        matrices: a title for each matrix; all rows of a matrix have one length.

    Raises:
        ValueError: if a value is not finite.

    >>> draw_matrices({"x": [[0.0, 2.0], [-1.0, 1.0]]}).alt
    'Matrices as pictures. x: 2 by 2, from -1.0 to 2.0.'
    """
    values = [value for rows in matrices.values() for row in rows for value in row]
    if not all(map(isfinite, values)):
        raise ValueError("`matrices` must hold finite numbers only")
    largest = max(map(abs, values)) or 1.0
    parts, spoken = [], []
    for place, (title, rows) in enumerate(matrices.items()):
        left, cell = 8 + place * _PITCH, _SIDE / max(len(rows), len(rows[0]))
        low, high = min(map(min, rows)), max(map(max, rows))
        parts.append(text(left, 18, title, "b"))
        parts.append(rect(left, _TOP, len(rows[0]) * cell, len(rows) * cell, "paper"))
        parts += _shaded(rows, left, cell, largest)
        parts.append(text(left, _TOP + len(rows) * cell + 20, f"from {low:.1f} to {high:.1f}"))
        spoken.append(f"{title}: {len(rows)} by {len(rows[0])}, from {low:.1f} to {high:.1f}")
    alt = f"Matrices as pictures. {'; '.join(spoken)}."
    return make_picture(len(matrices) * _PITCH, _TOP + _SIDE + 30, parts, alt=alt, rules=_RULES)


def _shaded(rows: Sequence[Sequence[float]], left: float, cell: float, largest: float) -> list[str]:
    """One path for each shade that occurs, and a minus sign on every clearly negative cell."""
    shades: dict[str, list[tuple[float, float]]] = {}
    minus = []
    for row, line in enumerate(rows):
        for column, value in enumerate(line):
            x, y = left + column * cell, _TOP + row * cell
            shade = round(abs(value) / largest * _SHADES)
            if shade:
                shades.setdefault(f"{'p' if value > 0 else 'n'}{shade}", []).append((x, y))
            if shade and value < 0:
                minus.append(f"M{x + cell * 0.3:g} {y + cell / 2:g}h{cell * 0.4:g}")
    signs = f'<path class="minus" d="{"".join(minus)}"/>' if minus else ""
    return [*(cells(corners, cell, name) for name, corners in sorted(shades.items())), signs]
