"""The small pieces of markup that pictures are made of (layer L2)."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from itertools import product

FINEST = 5  # pixels: where cells are smaller, only every 4th, 16th, ... line between them is drawn


def text(x: float, y: float, content: object, classes: str = "", extra: str = "") -> str:
    """One line of text, escaped; ``classes``: b bold, m centred at x, e ending at x, on for text on a colour."""
    attributes = f' class="{classes}"' if classes else ""
    return f'<text x="{x:g}" y="{y:g}"{attributes}{extra}>{escape(str(content))}</text>'


def upright(x: float, y: float, content: object) -> str:
    """One line of text that reads from below, with its middle at (x, y)."""
    return text(x, y, content, "m", f' transform="rotate(-90 {x:g} {y:g})"')


def path(classes: str, d: str) -> str:
    """One path; none where there is nothing to draw."""
    return f'<path class="{classes}" d="{d}"/>' if d else ""


def rect(x: float, y: float, width: float, height: float, classes: str) -> str:
    """One rectangle."""
    return f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" class="{classes}"/>'


def grid(x: float, y: float, columns: int, rows: int, cell: float, *, height: float | None = None) -> str:
    """The lines between the cells of a region as one path; where cells are small, every fourth line.

    Cells are ``cell`` wide and as high, unless ``height`` is given.
    """
    step, tall = 1, height or cell
    while step * cell < FINEST:
        step *= 4
    lines = [f"M{x + column * cell:g} {y:g}v{rows * tall:g}" for column in range(step, columns, step)]
    lines += [f"M{x:g} {y + row * tall:g}h{columns * cell:g}" for row in range(step, rows, step)]
    return path("grid", "".join(lines))


def cells(corners: Iterable[tuple[float, float]], size: float, classes: str, *, height: float | None = None) -> str:
    """Equal cells with these top left corners as one path; square unless ``height`` is given."""
    return path(classes, "".join(f"M{x:g} {y:g}h{size:g}v{height or size:g}h-{size:g}z" for x, y in corners))


def runs(pixels: Iterable[int], left: float, y: float, cell: float, height: float) -> str:
    """The marked cells of a strip that begins at ``left``, runs as one; at least 2 wide where cells are finer."""
    found, least = list[list[int]](), 2 if cell < 1 else 0
    for pixel in pixels:
        if found and (pixel - found[-1][1]) * cell <= least:
            found[-1][1] = pixel + 1
        else:
            found.append([pixel, pixel + 1])
    sizes = [(left + start * cell, max(least, (end - start) * cell)) for start, end in found]
    return path("window", "".join(f"M{x:g} {y:g}h{wide:g}v{height:g}h-{wide:g}z" for x, wide in sizes))


def shade_rules(colours: Mapping[str, str], count: int, *, darkest: float = 1) -> dict[str, str]:
    """For ``shaded``: classes p1, p2, ... and n1, n2, ..., in the colours of "p", above 0, and of "n", below."""
    shades = product(colours.items(), range(1, count + 1))
    return {f".{sign}{n}": f"fill:{colour};fill-opacity:{darkest * n / count:.2f}" for (sign, colour), n in shades}


def shaded(rows: Sequence[Sequence[float]], left: float, top: float, cell: float, largest: float, count: int) -> str:
    """Numbers as cells in so many shades of each sign, one path for each that occurs; what is close to 0 has none."""
    shades: dict[str, list[tuple[float, float]]] = {}
    for row, line in enumerate(rows):
        for column, value in enumerate(line):
            if shade := round(count * abs(value) / largest):
                corner = left + column * cell, top + row * cell
                shades.setdefault(f"{'n' if value < 0 else 'p'}{shade}", []).append(corner)
    return "".join(cells(corners, cell, shade) for shade, corners in sorted(shades.items()))


def strip(
    x: float, y: float, size: int, cell: float, tall: float, padding: tuple[int, int], over: str, kind: str = "image"
) -> str:
    """One axis as a row of ``size`` cells from x on, ``tall`` pixels high, and its padding before and after them.

    ``over`` lies on the cells and under the lines between them.
    """
    left, columns = x - padding[0] * cell, size + sum(padding)
    filled = rect(left, y, columns * cell, tall, "padding") + rect(x, y, size * cell, tall, kind)
    return filled + over + grid(left, y, columns, 1, cell, height=tall)


def strike(bands: Sequence[tuple[float, float, float, float]]) -> str:
    """Fade bands of pixels (x, y, width, height) and strike them through along their longer side."""
    fade = "".join(f"M{x:g} {y:g}h{width:g}v{height:g}h-{width:g}z" for x, y, width, height in bands)
    lines = "".join(
        f"M{x:g} {y + height / 2:g}h{width:g}" if width >= height else f"M{x + width / 2:g} {y:g}v{height:g}"
        for x, y, width, height in bands
    )
    return path("unread", fade) + path("strike", lines)


def legend(x: float, y: float, kinds: Mapping[str, str], *, unread: bool) -> str:
    """The meaning of the colours in one row, each a class and its words; ``unread`` adds struck-through pixels."""
    parts = []
    for classes, words in kinds.items():
        parts.append(rect(x, y - 11, 14, 14, classes) + text(x + 20, y + 1, words))
        x += 94
    if unread:
        parts.append(rect(x, y - 11, 14, 14, "image") + strike([(x, y - 11, 14, 14)]))
        parts.append(text(x + 20, y + 1, "read by no window"))
    return "".join(parts)
