"""Draw docs/opening.svg, the moving picture at the top of lesson 00: ``python tools/draw_opening.py``.

Lesson 00 soon asks which size leaves the branch, so the picture names no size but that of the image. CSS moves it:
also in a notebook that nobody trusts or runs, and on a page without JavaScript.
"""

import re
from itertools import pairwise
from pathlib import Path

from skiplib.arithmetic import PUBLISHED
from skiplib.chains import sizes
from skiplib.diagrams.marks import cells, grid, rect, text
from skiplib.diagrams.sheets import DIGIT
from skiplib.diagrams.svg import COLOURS, INK, OUTPUT, PAPER, make_picture

FILE = Path(__file__).parent.parent / "docs" / "opening.svg"
ALT = (
    "A window of 2 by 2 pixels walks over a padded image of 32 by 32, two pixels a step; each place makes one pixel "
    "of a smaller picture. A second convolution does the same there. Then the image, which the skip carries "
    "around both, is laid on what they left of it: most of it has no partner, and the add fails."
)
PIXEL, LEFT, TOP, GAP = 6, 24, 66, 50
SIZE, PAD = 32, PUBLISHED.padding * PIXEL
LOOP = 11  # seconds
WALKS = ((0.3, 3.5), (3.9, 2.6))  # when each window sets out, and how long it walks, in seconds
SLOW = 3  # as often as another row takes the first, so that the eye finds the window
MEET, LAND, TOLD = 6.8, 7.9, 8.3  # when both sheets set out, lie on one another, and are judged
SKIP = COLOURS["skip"]
RULES = {
    ".ink": f"fill:{SKIP};fill-opacity:.55",
    ".skip": f"fill:none;stroke:{SKIP};stroke-width:3",
    ".tip": f"fill:{SKIP}",
    ".moving": f"fill:{PAPER};stroke:{SKIP};stroke-width:3",
    ".small": f"fill:{OUTPUT};stroke:{INK};stroke-width:1.5",
    ".alone": "fill:url(#alone)",
    ".frame": f"fill:none;stroke:{INK};stroke-opacity:.4",
    ".card": f"fill:{PAPER}",
    "rect.window": f"stroke:{INK};stroke-width:1.5",
    ".big": "font-size:17px;font-weight:700",
}
DARK = "--jp-ui-font-color1:#fff;--jp-layout-color0:#1b1b1b;--jp-ui-font-color2:#bbb"
STRIPES = (
    '<pattern id="alone" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    f'<path d="M0 0v7" style="stroke:{INK};stroke-width:3"/></pattern>'
)


def row_times(layer: int, rows: int) -> list[float]:
    """When a window begins each row, and when it ends the last one, in per cent of the loop."""
    start, walk = WALKS[layer]
    unit = walk / (rows - 1 + SLOW)
    return [100 * (start + unit * (row and row - 1 + SLOW)) / LOOP for row in range(rows + 1)]


def walking(layer: int, places: int) -> str:
    """Key frames of a window that walks over all its places, of the row that it makes, and of the rows before."""
    times, step = row_times(layer, places), PUBLISHED.stride * PIXEL
    pace, wait = f"animation-timing-function:steps({places},jump-none)", "animation-timing-function:step-end"
    window = f"0%{{transform:none;{wait}}}"
    row, rows = (f"0%{{transform:scale({scale});{wait}}}" for scale in ("0,1", "1,0"))
    for place, (begin, end) in enumerate(pairwise(times)):
        down, at, end = place * step, f"translateY({place * PIXEL}px)", end - 0.01
        window += f"{begin:.2f}%{{transform:translate(0,{down}px);{pace}}}"
        window += f"{end:.2f}%{{transform:translate({(places - 1) * step}px,{down}px);{wait}}}"
        row += f"{begin:.2f}%{{transform:{at} scaleX({1 / places:.4f});{pace}}}{end:.2f}%{{transform:{at};{wait}}}"
        rows += f"{begin:.2f}%{{transform:scaleY({place / places:.4f});{wait}}}"
    frames = {"window": window, "row": row, "rows": f"{rows}{times[-1]:.2f}%,100%{{transform:none}}"}
    moves = "".join(f"@keyframes {name}{layer}{{{each}}}" for name, each in frames.items())
    return moves + "".join(moved(f".{name}{layer}", f"{name}{layer}") for name in frames)


def moved(selector: str, name: str) -> str:
    """The rule that moves what ``selector`` finds, where motion is welcome."""
    return f"@media(prefers-reduced-motion:no-preference){{{selector}{{animation:{name} {LOOP}s infinite}}}}"


def landing(name: str, far: float) -> str:
    """Key frames of a sheet that comes from afar; before it sets out it is not to be seen."""
    leave, land = (f"{100 * when / LOOP:.2f}%" for when in (MEET, LAND))
    hidden = f"0%{{opacity:0;transform:translate({far:g}px,0);animation-timing-function:step-end}}"
    way = f"{leave}{{opacity:1;transform:translate({far:g}px,0)}}{land},100%{{opacity:1;transform:none}}"
    return f"@keyframes {name}{{{hidden}{way}}}" + moved(f".{name}", name)


def image(x: float, kind: str) -> str:
    """The image from x on, with a digit on it."""
    ink = [
        (x + 4 * PIXEL * column, TOP + 4 * PIXEL * row)
        for row in range(8)
        for column in range(8)
        if DIGIT[row][column] == "#"
    ]
    return (
        rect(x, TOP, SIZE * PIXEL, SIZE * PIXEL, kind)
        + cells(ink, 4 * PIXEL, "ink")
        + grid(x, TOP, SIZE, SIZE, PIXEL)
    )


def padding(x: float, size: int) -> str:
    """What is added around a picture of this size from x on."""
    return rect(x - PAD, TOP - PAD, size * PIXEL + 2 * PAD, size * PIXEL + 2 * PAD, "padding")


def window(x: float, layer: int) -> str:
    """The window on what begins at x."""
    side = PUBLISHED.kernel_size * PIXEL
    return f'<g transform="translate({x - PAD:g} {TOP - PAD})">{rect(0, 0, side, side, f"window window{layer}")}</g>'


def made(x: float, layer: int, places: int) -> str:
    """What a convolution makes, from x on: the rows before, the row that it is at, and their frame."""
    side = places * PIXEL
    both = rect(0, 0, side, side, f"output rows{layer}") + rect(0, 0, side, PIXEL, f"output row{layer}")
    return f'<g transform="translate({x:g} {TOP})">{both}{rect(0, 0, side, side, "frame")}</g>' + grid(
        x, TOP, places, places, PIXEL
    )


def draw_opening() -> str:
    """The picture as the text of an SVG file."""
    _, middle, last = sizes(SIZE, [PUBLISHED] * 2)
    first = LEFT + SIZE * PIXEL + 2 * PAD + GAP
    second, side = first + middle * PIXEL + PAD + GAP, SIZE * PIXEL
    land, small = second + last * PIXEL + GAP, last * PIXEL
    line, end, bottom = TOP - PAD - 22, land + side / 2, TOP + side + PAD + 24
    start = LEFT + side / 2
    told = f"@keyframes told{{0%,{100 * LAND / LOOP:.2f}%{{opacity:0}}{100 * TOLD / LOOP:.2f}%,100%{{opacity:1}}}}"
    style = walking(0, middle) + walking(1, last) + landing("carried", LEFT - land) + landing("left", second - land)
    style += told + moved(".told", "told") + f"@media(prefers-color-scheme:dark){{:root{{{DARK}}}}}"
    alone = f"M{land + small:g} {TOP}H{land + side:g}V{TOP + side}H{land:g}V{TOP + small}H{land + small:g}z"
    parts = [
        f"<style>{style}</style><defs>{STRIPES}</defs>",
        rect(0, 0, land + side + LEFT, bottom + 16, "card"),
        padding(LEFT, SIZE) + image(LEFT, "image") + window(LEFT, 0),
        padding(first, middle) + made(first, 0, middle) + window(first, 1) + made(second, 1, last),
        f'<path class="skip" d="M{start:g} {TOP - PAD}V{line}H{end:g}V{TOP - 16}"/>',
        f'<path class="tip" d="M{end - 7:g} {TOP - 18}h14l-7 12z"/>',
        rect(land, TOP, side, side, "frame"),
        f'<g class="carried">{image(land, "moving")}</g>',
        f'<g class="left">{rect(land, TOP, small, small, "small")}</g>',
        f'<path class="alone told" d="{alone}"/>',
        text(start + 10, line - 8, "the skip carries the image around both"),
        text(LEFT, bottom, f"an image of {SIZE} × {SIZE} pixels", "b"),
        text(first, TOP + middle * PIXEL + PAD + 20, "convolution 1"),
        text(second, TOP + small + 20, "convolution 2"),
        text(second + small + GAP / 2, TOP + small / 2 + 8, "+", "m big"),
        f'<g class="told">{text(land, bottom, "✗ the add does not fit", "b")}</g>',
    ]
    svg = make_picture(land + side + LEFT, bottom + 16, parts, alt=ALT, rules=RULES).svg
    return re.sub(r' style="max-width[^"]*"', "", svg, count=1) + "\n"


if __name__ == "__main__":
    FILE.write_text(draw_opening(), encoding="utf-8")
