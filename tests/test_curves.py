import math
import re
import xml.etree.ElementTree as ElementTree

import pytest

from skiplib.diagrams.curves import Panel, describe_pair, middle, pair
from skiplib.diagrams.journey import Journey, journey_picture
from skiplib.diagrams.pairs import fates_picture, product_picture, spectrum_picture
from skiplib.words import FATES

PANEL = Panel(0, 10, -4, 4, top=0, height=80, right=24)  # 60 pixels for 1 across, 10 for a power of ten


def rows(plain, skip):
    return {"plain": [plain], "skip": [skip]}


def path(svg, of, kind=None):
    """The points of a path of this class, of the group of plain or skip, if any."""
    group = re.search(f'<g class="of-{kind}">(.*?)</g>', svg).group(1) if kind else svg
    found = re.search(f'class="{of}" d="([^"]*)"', group)
    numbers = [float(number) for number in re.findall(r"-?[\d.]+", found.group(1).replace("h0", ""))] if found else []
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def written(svg):
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg)


def journey(blocks, *, plain=0.1, skip=1.0, share=0.5, seeds=1, **others):
    """Gradients that shrink by a factor in every block, from the last, which is 1."""

    def falling(factor, count):
        return [[factor ** (count - 1 - place) for place in range(count)]] * seeds

    everything = {
        "activations": {"plain": falling(plain, blocks + 1), "skip": falling(skip, blocks + 1)},
        "weights": {kind: falling(1.0, 2 * blocks + 1) for kind in ("plain", "skip")},
        "branches": {kind: [[share] * blocks] * seeds for kind in ("plain", "skip")},
        "sizes": {kind: [[1.0] * (blocks + 1)] * seeds for kind in ("plain", "skip")},
        "off": {kind: [[0.5] * blocks] * seeds for kind in ("plain", "skip")},
    }
    return Journey(**(everything | others))


def test_curves_stand_at_their_powers_of_ten():
    svg = "".join(pair(PANEL, rows([1e-2, 1, 1e3], [1, 1, 1])))
    assert path(svg, "curve", "plain") == [(96, 60), (156, 40), (216, 10)]
    assert path(svg, "curve", "skip") == [(96, 40), (156, 40), (216, 40)]
    assert written(svg) == ["plain", "skip"]


@pytest.mark.parametrize(("value", "edge", "y"), [(0.0, "below 1e-4", 87), (1e-9, "below 1e-4", 87), (1e-4, "", 80)])
def test_what_is_too_small_is_a_dot_on_the_edge_that_says_so(value, edge, y):
    svg = "".join(pair(PANEL, rows([1, 1, 1, value], [1, 1, 1, 1])))
    assert (path(svg, "spots", "plain") or path(svg, "curve", "plain"))[-1] == (276, y)
    assert [words for words in written(svg) if "e" in words] == ([edge] if edge else [])


@pytest.mark.parametrize("value", [1e5, math.inf])
def test_what_is_too_large_stands_on_the_upper_edge_and_nan_is_left_out(value):
    svg = "".join(pair(PANEL, rows([1, math.nan, 1, value], [1, 1, 1, 1])))
    assert path(svg, "curve", "plain") == [(96, 40), (216, 40), (276, -7)]
    assert "above 1e4" in written(svg) and "nan" not in svg


def test_every_other_0_is_a_row_of_dots_and_no_zigzag():
    svg = "".join(pair(PANEL, rows([1, 0, 1, 0, 1], [1] * 5)))
    assert path(svg, "curve", "plain") == [(96, 40), (216, 40), (336, 40)]
    assert path(svg, "spots", "plain") == [(156, 87), (276, 87)]


def test_band_spans_all_rows_and_the_line_is_their_median():
    svg = "".join(pair(PANEL, {"plain": [[1, 1], [1e2, 1], [1e-1, 1]], "skip": [[1, 1]]}))
    assert path(svg, "band", "plain") == [(96, 50), (156, 40), (156, 40), (96, 20)]
    assert path(svg, "curve", "plain") == [(96, 40), (156, 40)] and not path(svg, "band", "skip")
    assert middle([[3, 1], [1, 2], [2, 3]]) == [2, 2]


def test_one_point_has_a_mark_and_no_number_at_all_can_be_drawn():
    assert path("".join(pair(PANEL, rows([1], [1]))), "spots", "plain") == [(96, 40)]
    assert written("".join(pair(PANEL, rows([math.nan] * 3, [math.nan] * 3)))) == []


@pytest.mark.parametrize("leftwards", [False, True])
@pytest.mark.parametrize("ends", [(1, 1), (1e-3, 1e3), (1e3, 1e-3), (0, 0), (1e-4, 1e-4), (1e9, 1e9)])
@pytest.mark.parametrize("count", [3, 11])
def test_names_stand_apart_and_inside_the_picture(leftwards, ends, count):
    svg = "".join(pair(PANEL, rows([ends[0]] * count, [ends[1]] * count), leftwards=leftwards))
    places = [(float(x), float(y)) for x, y in re.findall(r'<text x="([\d.]+)" y="([-\d.]+)" class="b of', svg)]
    assert len(places) == 2 and abs(places[0][1] - places[1][1]) >= 15
    assert all(96 < x < 716 and -20 < y < 112 for x, y in places)


def test_axis_stays_put_whatever_is_drawn():
    def frame(picture):
        return re.search('class="frame" d="([^"]*)"', picture.svg).group(1), written(
            picture.svg.partition("drawn")[0]
        )

    products = [
        product_picture(rows([q**n for n in range(b + 1)], [1.0] * (b + 1))) for q, b in ((0.9, 4), (1.1, 100))
    ]
    assert frame(products[0]) == frame(products[1])
    grids = {
        re.findall('class="frame" d="([^"]*)"', journey_picture(journey(blocks)).svg)[0] for blocks in (1, 9, 49)
    }
    assert len(grids) == 1


def test_product_is_a_straight_line_over_its_blocks_and_over_the_ghost_before():
    before = rows([1, 0.1], [1, 10])
    picture = product_picture(rows([1, 0.1, 0.01], [1, 10, 100]), ghost=before)
    (_, top), (_, center), (right, bottom) = path(picture.svg, "curve", "plain")
    assert center - top == pytest.approx(bottom - center, abs=0.15)
    assert path(picture.svg, "ghost") == path(picture.svg, "curve", "plain")[:2]
    assert right == pytest.approx(96 + 604 * 2 / 100, abs=0.1)
    assert picture.alt == "Size of the gradient, from left to right: plain 1 to 1e-2, skip 1 to 1e2."
    assert "blocks that the gradient has passed" in picture.svg


def test_spectrum_marks_one_percent_and_what_rounding_loses():
    picture = spectrum_picture(rows([1, 1e-2, 0], [0, 0, 0]))
    (height,) = re.findall(r'class="mark" d="M[\d.]+ ([\d.]+)', picture.svg)
    assert path(picture.svg, "curve", "plain")[1][1] == float(height)
    assert path(picture.svg, "curve", "plain")[0][0] == 96  # the first one stands at 1
    assert {"1 %", "lost in rounding: below 1e-16"} <= set(written(picture.svg))
    assert picture.alt.endswith("plain 1 to 0, skip 0 to 0.")


@pytest.mark.parametrize(("gradient_of", "count"), [("activations", 5), ("weights", 9)])
def test_journey_counts_blocks_back_from_the_loss(gradient_of, count):
    picture = journey_picture(journey(4), gradient_of=gradient_of)
    points = path(picture.svg, "curve", "skip")
    assert len(points) == count and points[-1][0] == 664  # beside the loss
    assert points[0][0] == pytest.approx(664 - 568 * 4 / 49, abs=0.1)
    assert picture.alt.startswith(f"Gradient of {gradient_of}, from left to right: plain ")
    assert picture.alt.endswith("Size, from left to right: plain 1 to 1, skip 1 to 1.")


def test_deeper_network_is_the_same_line_but_longer():
    short, long = (path(journey_picture(journey(blocks)).svg, "curve", "plain") for blocks in (9, 40))
    assert long[-10:] == short


def test_blocks_stand_above_their_part_of_the_curve():
    picture = journey_picture(journey(12))
    units = re.findall(r"M([\d.]+) \d+h7v12h-7z", picture.svg)
    assert len(units) == 24
    points = path(picture.svg, "curve", "plain")
    for block in range(12):
        between = (points[block][0] + points[block + 1][0]) / 2
        assert float(units[11 - block]) + 3.5 == pytest.approx(between, abs=0.2)


def widths(svg):
    """How thick every arc is, and in the same order the line through its block."""
    wires = re.findall(r'<g class="wire of-skip"[^>]*>(.*?)</g>', svg)
    arcs = [float(re.search('stroke-width="([^"]*)"', wire).group(1)) for wire in wires]
    lines = []
    for wire in wires:
        through = re.search(r'^<path d="M[\d.]+ ([\d.]+)L.*L[\d.]+ ([\d.]+)z"', wire)
        lines.append(float(through.group(2)) - float(through.group(1)) if through else 0.0)
    return arcs, lines


def test_plain_line_gets_thinner_as_its_gradient_does_and_arcs_do_not():
    svg = journey_picture(journey(8, plain=1e-2)).svg
    heights = []
    for wire in re.findall(r'<g class="wire of-plain"[^>]*>(.*?)</g>', svg):
        numbers = [float(n) for n in re.findall(r"[\d.]+", wire.partition('d="')[2].partition('"')[0])]
        heights.append((numbers[7] - numbers[1], numbers[5] - numbers[3]))  # at the right, at the left
    assert heights[0][0] == pytest.approx(9) and heights[-1][1] == pytest.approx(9 * 10**-1.6, abs=0.02)
    assert all(left == pytest.approx(right * 10**-0.2, abs=0.02) for right, left in heights)
    assert set(widths(svg)[0]) == {4.5}


@pytest.mark.parametrize("share", [0.0, 0.15, 1.0, 3.0])
def test_branch_is_as_thick_as_its_share_of_what_the_arc_carries(share):
    arcs, lines = widths(journey_picture(journey(3, share=share)).svg)
    assert lines == pytest.approx([min(1, share) * arc for arc in arcs], abs=0.02)


@pytest.mark.parametrize("last", [math.nan, math.inf, 0.0, 1e300])
def test_journey_of_no_numbers_can_be_drawn(last):
    lost = {"plain": [[last] * 4], "skip": [[1.0] * 4]}
    picture = journey_picture(journey(3, activations=lost, sizes=lost))
    ElementTree.fromstring(picture.live)
    assert 'd="nan' not in picture.live and "Lnan" not in picture.live and "inf," not in picture.live
    said = {math.inf: "infinity", 0.0: "0", 1e300: "1e300"}.get(last, "?")
    assert f"plain {said}" in written(picture.svg)


def test_pulse_moves_only_after_play_only_in_the_page_and_not_for_those_who_want_no_motion():
    picture = journey_picture(journey(5))
    assert "animation" not in picture.svg and "onclick" not in picture.svg and "Play" not in picture.svg
    motion = picture.live.partition("@media (prefers-reduced-motion:no-preference)")[2]
    assert picture.live.count("animation:skiplib") == motion.count("animation:skiplib") == 3
    assert motion.partition("reduce")[0].count(".skiplib.playing ") == 3
    assert "@media (prefers-reduced-motion:reduce){.skiplib .play{display:none}}" in motion


@pytest.mark.parametrize("blocks", [0, 1, 24, 49])
def test_pulse_starts_at_the_loss_and_passes_every_block_once(blocks):
    svg = journey_picture(journey(blocks)).svg
    for kind in ("plain", "skip"):
        order = re.findall(f'<g class="wire of-{kind}" style="--at:(\\d+)"><path [^>]*?d="M([\\d.]+)', svg)
        assert [int(at) for at, _ in order] == list(range(blocks))
        assert [float(x) for _, x in order] == sorted((float(x) for _, x in order), reverse=True)
    pace = re.search(r"--step:(\d+)ms", svg).group(1)
    assert int(pace) * blocks <= 4000


def test_mouse_reads_what_is_measured_at_a_block():
    live = journey_picture(journey(2, plain=0.01, off={"plain": [[0.25, 0.5]], "skip": [[0.5, 0.75]]})).live
    first = "Block 1 of 2. Gradient that leaves it: plain 1e-4, skip 1. ReLUs that are off: plain 25%, skip 50%."
    assert [first] == re.findall("<title>(Block 1 .*?)</title>", live)
    none = journey_picture(journey(2, off={kind: [[math.nan] * 2] for kind in ("plain", "skip")})).live
    assert "ReLU" not in none


def test_every_guess_has_its_zone_and_the_curves_come_over_it():
    bars = set()
    for fate in FATES:
        picture = fates_picture({"plain": fate}, blocks=24)
        assert picture.alt == f"A guess: plain {fate}." and "plain?" in written(picture.svg)
        bars.add(re.search('y="([^"]*)" width="[^"]*" height="[^"]*" class="bar of-plain"', picture.svg).group(1))
    assert len(bars) == 3
    both = fates_picture({"plain": "holds", "skip": "holds"}, blocks=24).svg
    marks = sorted({float(y) for y in re.findall(r'class="mark" d="M[\d.]+ ([\d.]+)', both)})  # above 1e2, below 1e-2
    found = re.findall('x="([^"]*)" y="([^"]*)" width="([^"]*)" height="([^"]*)" class="bar of-', both)
    (plain, top, wide, tall), (skip, *_) = [tuple(map(float, each)) for each in found]
    assert [top, top + tall] == pytest.approx(marks, abs=0.1) and plain + wide < skip
    deep = written(fates_picture({}, rows([1e-60, 1.0], [1.0, 1.0]), blocks=1).svg)
    assert "1e-40" in deep and "1e-50" not in deep  # single precision holds no more
    measured = rows([1e-20] + [1.0] * 24, [1e3] + [1.0] * 24)
    picture = fates_picture({"plain": "vanishes"}, measured, blocks=24)
    assert picture.alt == (
        "Gradient of activations, from left to right: plain 1e-20 to 1, skip 1e3 to 1. A guess: plain vanishes."
    )
    assert "1e-20" in written(picture.svg) and {"plain", "skip"} <= set(written(picture.svg))


@pytest.mark.parametrize(
    "picture",
    [
        product_picture(rows([1, 0], [1, math.inf])),
        spectrum_picture(rows([1, 0], [1, 1]), ghost=rows([1, 1], [1, 1])),
        fates_picture({"plain": "holds", "skip": "explodes"}, rows([0.0, 1.0], [math.inf, 1.0]), blocks=1),
        journey_picture(journey(49, seeds=3), precision="half", ghost=journey(9)),
    ],
)
def test_every_picture_is_xml_named_by_its_alt_in_colours_of_its_page(picture):
    for svg in (picture.svg, picture.live):
        root = ElementTree.fromstring(svg)
        assert root.get("role") == "img" and root.get("aria-label") == picture.alt
    assert "var(--jp-ui-font-color1" in picture.svg and "<title>" not in picture.svg
    assert len(picture.live) < 60_000


def test_two_curves_are_one_sentence():
    assert describe_pair("Size", rows([1, math.inf], [0, 1])) == (
        "Size, from left to right: plain 1 to infinity, skip 0 to 1."
    )
