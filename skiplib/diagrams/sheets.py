"""The add as two sheets that slide onto one another, to scale (layer L2); CSS moves them, not the kernel."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from math import ceil, floor

from skiplib.adding import Verdict, add_verdict
from skiplib.arithmetic import checked_integer
from skiplib.diagrams.marks import grid, path, rect, text
from skiplib.diagrams.svg import COLOURS, INK, PAPER, SIGNS, Picture, make_picture, play_button

DIGIT = ("..##....", "..###...", "..#.#...", "....#...", "...##...", "...#....", "..####..", "..#####.")
_INKED = [(row, column) for row, line in enumerate(DIGIT) for column, mark in enumerate(line) if mark == "#"]
_SIDE, _WIDEST = 168, 28  # of the longer side of the larger sheet, and of a pixel
_STEP, _DEPTH = 6, 40  # from one channel to the one behind it, and of all of them together
_MOST, _SHEETS = 2**14, 40  # of any size; of the channels so many are drawn at most
_HATCH = 6  # from line to line
_BOTH = 584  # pixels for the longest sentence, and the button beside it
_LEAST, _GAP, _TOP = 150, 34, 50  # a place is so wide that its shape stands over it; room for "+" and "=", for words
_COLOURS = {"skip": COLOURS["skip"], "branch": COLOURS["plain"]}
_SAID: dict[Verdict, str] = {
    "error": "what is hatched has no partner, and nothing comes out",
    "broadcast": "copied until it fits: legal, but probably not what was meant",
    "equal": "every number has its partner",
}
Looks = tuple[Sequence[float], Sequence[float]]  # of rows, and of columns
_RULES = {
    ".sheet": f"fill:{PAPER};stroke-width:1.5",
    **{f".of-{name} .sheet": f"stroke:{colour}" for name, colour in _COLOURS.items()},
    ".slide.of-skip .sheet": "stroke-width:4",
    ".slide.of-branch .sheet": "fill-opacity:0",  # what it lies on shines through
    ".slide.of-branch .first": f"fill:{_COLOURS['branch']};fill-opacity:.12",
    ".slide .copy .first": "fill-opacity:.35",
    ".slide.of-skip .copy .first": f"fill:{_COLOURS['skip']}",
    ".ink": f"fill:{_COLOURS['skip']};fill-opacity:.55",
    ".edge": f"fill:none;stroke:{_COLOURS['branch']};stroke-width:2.5;stroke-linecap:square",
    ".sign": "font-size:24px;font-weight:700",
    ".hatch": f"fill:none;stroke:{INK};stroke-width:1.5",
}
_MOVES = (  # without motion all lies where it ends, and nothing is missing
    "<style>@media(prefers-reduced-motion:no-preference){.skiplib .slide{animation:skiplib-slide 9s infinite}"
    ".skiplib .deal{animation:skiplib-deal 9s infinite}.skiplib .copy{animation:skiplib-copy 9s infinite}"
    ".skiplib .late{animation:skiplib-late 9s infinite}}"
    "@keyframes skiplib-slide{0%,4%{transform:translate(var(--from))}26%,100%{transform:none}}"
    "@keyframes skiplib-copy{0%,28%{clip-path:inset(-2px var(--wide) var(--high) -2px)}"
    "40%{clip-path:inset(-2px -2px var(--high) -2px)}52%,100%{clip-path:inset(-2px)}}"
    "@keyframes skiplib-deal{0%,50%{transform:translate(var(--front))}62%,100%{transform:none}}"
    "@keyframes skiplib-late{0%,30%{opacity:0}36%,100%{opacity:1}}</style>"
)
_ONCE = "<style>.skiplib :is(.slide,.deal,.copy,.late){animation-iteration-count:1;animation-delay:.4s}</style>"


def draw_add(
    skip: Sequence[int], branch: Sequence[int], *, looks: tuple[Looks, Looks] | None = None, aligned: bool = True
) -> Picture:
    """Skip and branch as sheets that slide onto one another: what overhangs is hatched, what is stretched is copied.

    Args:
        skip, branch: their shapes, (N, C, H, W) with the same N; axes that are missing on the left count as 1.
        looks: where the rows and the columns of skip look in the image, and where those of branch do, from 0 at its
            top or left edge to 1 at the other; then both sheets show what they see of one digit.
        aligned: whether both look at the same places, as far as that is known.

    >>> draw_add((1, 3, 32, 32), (1, 3, 11, 11)).alt[-72:]
    'one on the other: what is hatched has no partner, and nothing comes out.'
    """
    sides, seen = (_volume("skip", skip), _volume("branch", branch)), looks or (((), ()), ((), ()))
    images = [tuple(each[:-3]) or (1,) for each in (skip, branch)]
    if images[0] != images[1]:
        raise ValueError(f"`skip` and `branch` must hold the same number of images; got {skip} and {branch}")
    if looks and [(len(rows), len(columns)) for rows, columns in looks] != [side[1:] for side in sides]:
        raise ValueError(f"`looks` must hold a place for each row and column of {skip} and of {branch}")
    places, verdict = _Places(*sides), add_verdict(*sides)
    parts = [_MOVES]
    for side, name in enumerate(_COLOURS):
        standing, lying = ("".join(places.stack(side, seen[side], lying=flag)) for flag in (False, True))
        way = places.lefts[side] - places.lefts[2]
        parts.append(f'<g class="of-{name}">{standing}</g>')
        parts.append(f'<g class="slide of-{name}" style="--from:{way:g}px">{lying}</g>')
    parts.append(path("hatch late", places.hatch() if verdict == "error" else ""))
    said = _SAID[verdict] + ("" if aligned or verdict != "equal" else ", but the two look at different places")
    result = "no result" if verdict == "error" else str((*max(skip[:-3], branch[:-3], key=len), *places.sizes))
    parts += _words(places, (str(tuple(skip)), str(tuple(branch)), result), f"{SIGNS[verdict]} {said}")
    alt = f"Skip {tuple(skip)} and branch {tuple(branch)}, one on the other: {said}."
    for name, (_, columns) in zip(_COLOURS, seen, strict=True):
        alt += f" The {name} shows a digit in {_extent(columns)}." if columns else ""
    right, y = max(places.lefts[3] - _GAP, _BOTH), places.bottom + 28
    hover = _ONCE + play_button(right - 64, y - 16, "Let them slide once more", "▶ again")
    return make_picture(right + 8, y + 12, parts, alt=alt, rules=_RULES, hover=hover)


class _Places:
    """Where the sheets of skip and branch stand, and where they lie on one another."""

    def __init__(self, *sides: tuple[int, ...]) -> None:
        self.sides = sides
        self.after = [tuple(b if a == 1 else a for a, b in zip(*pair, strict=True)) for pair in (sides, sides[::-1])]
        self.sizes = channels, height, width = tuple(map(max, *self.after))
        self.pixel, self.step = min(_WIDEST, _SIDE / max(height, width)), min(_STEP, _DEPTH / channels)
        self.top, self.every = _TOP + self.step * (channels - 1), ceil(channels / _SHEETS)
        self.bottom, self.lefts = self.top + height * self.pixel, [8.0]
        for count, _, columns in (*sides, self.sizes):
            wide = max(_LEAST, columns * self.pixel + (count - 1) * self.step)
            self.lefts.append(self.lefts[-1] + wide + _GAP)

    def stack(self, side: int, looks: Looks, *, lying: bool) -> Iterator[str]:
        """The channels of one side from the last to the first, where they stand or where they lie."""
        before, after = self.sides[side], (self.after if lying else self.sides)[side]
        left, (count, rows, columns) = self.lefts[2 if lying else side], after
        strip = self.step * self.every  # what is to be seen of a sheet behind another
        for channel in reversed(range(0, count, self.every)):
            away = channel * self.step
            x, y, width, height = left + away, self.top - away, columns * self.pixel, rows * self.pixel
            if channel and before[1:] == after[1:]:  # only what the one in front leaves to be seen
                edge = f"h{width:g}v{height:g}h-{strip:g}v{strip - height:g}h{strip - width:g}z"
                sheet = path("sheet", f"M{x:g} {y:g}{edge}")
            else:
                sheet = rect(x, y, width, height, "sheet" if channel else "sheet first")
            if channel == 0:
                sheet += grid(left, self.top, columns, rows, self.pixel)
                if (len(looks[0]), len(looks[1])) == (rows, columns):
                    sheet += _digit(looks, left, self.top, self.pixel, outlined=side == 1)
            if before[1:] != after[1:]:
                high, wide = ((n - size) * self.pixel - 2 for size, n in zip(before[1:], after[1:], strict=True))
                moves = f"--high:{high:g}px;--wide:{wide:g}px;animation-timing-function:steps({max(after[1:]) - 1})"
                sheet = f'<g class="copy" style="{moves}">{sheet}</g>'
            if channel and count > before[0]:
                sheet = f'<g class="deal" style="--front:{-away:g}px,{away:g}px">{sheet}</g>'
            yield sheet

    def hatch(self) -> str:
        """Lines across all that has no partner: columns, rows, and the edges of channels."""
        (channels, height, width), step = (map(min, *self.after)), self.step * self.every
        more = max(self.after, key=lambda sizes: sizes[0])
        regions = [(width, 0, after[2] - width, after[1]) for after in self.after]
        regions += [(0, height, width, after[1] - height) for after in self.after]
        regions = [tuple(side * self.pixel for side in region) for region in regions]
        wide, high = more[2] * self.pixel, more[1] * self.pixel
        for away in (channel * self.step for channel in range(channels, more[0], self.every)):
            regions += [(away, -away, wide, step), (away + wide - step, step - away, step, high - step)]
        seen = [region for region in regions if region[2] > 0 < region[3]]
        return "".join(_lines(self.lefts[2] + x, self.top + y, *size) for x, y, *size in seen)


def _words(places: _Places, shapes: Sequence[str], said: str) -> Iterator[str]:
    """What stands in each place, the signs between them, and what becomes of the add."""
    for name, shape, left in zip((*_COLOURS, "skip + branch"), shapes, places.lefts, strict=False):
        yield text(left, 16, name, "b") + text(left, 34, shape)
    middle = (places.top + places.bottom) / 2 + 8
    for sign, left in zip("+=", places.lefts[1:], strict=False):
        yield text(left - _GAP / 2, middle, sign, "m sign")
    yield text(places.lefts[0], places.bottom + 28, said, "b")


def _digit(looks: Looks, left: float, top: float, pixel: float, *, outlined: bool) -> str:
    """What these rows and columns see of the digit, filled or outlined."""
    edges = [place / len(DIGIT) for place in range(len(DIGIT) + 1)]
    down, across = ([pixel * bisect_left(each, edge) for edge in edges] for each in looks)
    squares, outline = "", set[tuple[float, float, str]]()
    for row, column in _INKED:
        x, right = left + across[column], left + across[column + 1]
        y, below = top + down[row], top + down[row + 1]
        if x < right and y < below:
            level, upright = f"H{right:g}", f"V{below:g}"
            squares += f"M{x:g} {y:g}{level}{upright}H{x:g}z"
            outline ^= {(x, y, level), (x, below, level), (x, y, upright), (right, y, upright)}  # not what two share
    lines = "".join(f"M{x:g} {y:g}{way}" for x, y, way in sorted(outline))
    return path("edge", lines) if outlined else path("ink", squares)


def _extent(looks: Sequence[float]) -> str:
    """The columns in which the digit is seen."""
    inked = {column for _, column in _INKED}
    seen = [place for place, look in enumerate(looks) if floor(look * len(DIGIT)) in inked]
    return f"columns {seen[0]} to {seen[-1]}" if seen else "no column"


def _lines(x: float, y: float, width: float, height: float) -> str:
    """Slanted lines across a rectangle; those of neighbours meet."""
    lines = ""
    for sum_ in range(_HATCH * ceil((x + y) / _HATCH), ceil(x + y + width + height), _HATCH):
        begin, end = min(x + width, sum_ - y), max(x, sum_ - y - height)
        lines += f"M{begin:g} {sum_ - begin:g}L{end:g} {sum_ - end:g}"
    return lines


def _volume(name: str, shape: Sequence[int]) -> tuple[int, ...]:
    """Channels, height and width."""
    sizes = [checked_integer(name, size, 1) for size in (1, 1, 1, *shape)]
    if max(sizes) > _MOST:
        raise ValueError(f"`{name}` must have no size above {_MOST} to be drawn; got {shape}")
    return tuple(sizes[-3:])
