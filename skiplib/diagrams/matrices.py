"""Small matrices as pictures: digits, residuals, Jacobians, and what becomes of digits on their way (layer L2)."""

import struct
import zlib
from collections.abc import Mapping, Sequence
from math import isfinite

from skiplib.diagrams.marks import cells, path, rect, shade_rules, shaded, text
from skiplib.diagrams.svg import COLOURS, Picture, data_url, make_picture, play_button

Matrix = Sequence[Sequence[float]]

_SIDE, _PITCH, _TOP = 176, 236, 30  # of a matrix; from one to the next; room for the title
_SHADES = 12  # of each colour
_RULES = shade_rules({"p": COLOURS["skip"], "n": COLOURS["plain"]}, _SHADES) | {
    ".paper": "fill:#fff;stroke:#616161",
    ".minus": "fill:none;stroke:#212121;stroke-width:1.2",
}


def draw_matrices(matrices: Mapping[str, Matrix]) -> Picture:
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
        signs = [
            f"M{left + (column + 0.3) * cell:g} {_TOP + (row + 0.5) * cell:g}h{cell * 0.4:g}"
            for row, line in enumerate(rows)
            for column, value in enumerate(line)
            if round(_SHADES * value / largest) < 0
        ]
        parts += [shaded(rows, left, _TOP, cell, largest, _SHADES), path("minus", "".join(signs))]
        parts.append(text(left, _TOP + len(rows) * cell + 20, f"from {low:.1f} to {high:.1f}"))
        spoken.append(f"{title}: {len(rows)} by {len(rows[0])}, from {low:.1f} to {high:.1f}")
    alt = f"Matrices as pictures. {'; '.join(spoken)}."
    return make_picture(len(matrices) * _PITCH, _TOP + _SIDE + 30, parts, alt=alt, rules=_RULES)


_STEP, _DIGIT, _DOWN = 48, 33, 36  # from place to place; a digit; from digit to digit
_SCALE = 1.25  # of all this: a large screen has room
_SIZE = 480 * _SCALE, 368 * _SCALE  # with room for nine places, so that it stays the same
_TOPS = {"plain": 22, "skip": 200}  # where the digits begin
_MOTION = """<style>@keyframes skiplib-walk{from{opacity:0;transform:translateX(-48px)}}
@media (prefers-reduced-motion:no-preference){
.skiplib.playing .place{animation:skiplib-walk .5s calc(var(--at)*.6s) backwards}}</style>"""


def draw_stages(stages: Mapping[str, Sequence[tuple[Sequence[Matrix], float]]]) -> Picture:
    """Digits on their way through a "plain" and a "skip" network, a column for a place, and how far they differ.

    Not every block has its column: the first, second, fourth, eighth ... and the last. The digits in one column of
    one network share a scale: white is the smallest value of them all, black the largest.

    Args:
        stages: for each network the places from the digits themselves and the stem to the last block: images, and
            how far they are apart, from 0 to 1.

    Raises:
        ValueError: if a value is not finite.

    >>> same, apart = ([[[0.0, 1.0]]] * 4, 0.0), ([[[0.0, 1.0]], [[1.0, 0.0]]] * 2, 0.5)
    >>> draw_stages({"plain": [apart, same], "skip": [apart, apart]}).alt
    'How far four digits differ. plain: digit 50 %, stem 0 %. skip: digit 50 %, stem 50 %.'
    """
    count = len(stages["plain"])
    shown = [place for place in range(count) if place < 2 or place == count - 1 or (place - 1).bit_count() == 1]
    parts, spoken = [], {kind: list[str]() for kind in COLOURS}
    for column, place in enumerate(shown):
        name = ("digit", "stem")[place] if place < 2 else f"block {place - 1}"
        x = 56 + column * _STEP
        middle = x + _DIGIT / 2
        parts += [f'<g class="place" style="--at:{column}">', text(middle, 14, name if place < 3 else place - 1, "m")]
        for kind, y in _TOPS.items():
            images, spread = stages[kind][place]
            share, below = f"{100 * spread:.0f} %", y + 4 * _DOWN
            parts += _digits(images, x, y)
            parts.append(rect(x, below, _DIGIT, 5, "grid") + rect(x, below, _DIGIT * spread, 5, f"bar-{kind}"))
            parts.append(text(middle, below + 18, share, "m"))
            spoken[kind].append(f"{name} {share}")
        parts.append("</g>")
    parts += [text(0, y + 76, kind, "b") + text(0, y + 162, "differ") for kind, y in _TOPS.items()]
    rules = {f".bar-{kind}": f"fill:{colour}" for kind, colour in COLOURS.items()}
    said = [f"{kind}: {', '.join(each)}." for kind, each in spoken.items()]
    larger = [f'<g transform="scale({_SCALE})">', *parts, "</g>"]
    hover = _MOTION + play_button(0, 0, "Send the digits through the networks")
    return make_picture(*_SIZE, larger, alt=f"How far four digits differ. {' '.join(said)}", rules=rules, hover=hover)


def _digits(images: Sequence[Matrix], x: float, y: float) -> list[str]:
    """Images below one another in grey, on one scale, each with a frame."""
    values = [value for image in images for row in image for value in row]
    if not all(map(isfinite, values)):
        raise ValueError("`stages` must hold finite numbers only: these networks leave them")
    low, size = min(values), max(values) - min(values) or 1.0
    parts = []
    for place, image in enumerate(images):
        grey = [bytes(round(255 * (1 - (value - low) / size)) for value in row) for row in image]
        where = f'x="{x:g}" y="{y + place * _DOWN:g}" width="{_DIGIT}" height="{_DIGIT}"'
        parts.append(f'<image {where} style="image-rendering:pixelated" href="{_png(grey)}"/>')
    return [*parts, cells([(x, y + place * _DOWN) for place in range(len(images))], _DIGIT, "grid")]


def _png(rows: Sequence[bytes]) -> str:
    """Grey pixels as a PNG: a tenth of the same in SVG."""
    head = struct.pack(">IIBBBBB", len(rows[0]), len(rows), 8, 0, 0, 0, 0)
    chunks = [b"IHDR" + head, b"IDAT" + zlib.compress(b"".join(b"\0" + row for row in rows)), b"IEND"]
    framed = (struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) for chunk in chunks)
    return data_url("image/png", b"\x89PNG\r\n\x1a\n" + b"".join(framed))
