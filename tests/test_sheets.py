"""The picture of the add, and the one that opens lesson 00: what lies where, what is hatched, what moves."""

import re
import xml.etree.ElementTree as ElementTree

import pytest
import torch
from draw_opening import FILE, LOOP, PIXEL, draw_opening

from skiplib.adding import add_verdict
from skiplib.arithmetic import ConvGeometry
from skiplib.diagrams.residual import draw_residual
from skiplib.diagrams.sheets import DIGIT, draw_add
from skiplib.digits import load_digits
from skiplib.shortcuts import Shortcut

SVG = "{http://www.w3.org/2000/svg}"
PUBLISHED = (ConvGeometry(2, 2, 2),) * 2
MAIN = (1, 3, 32, 32), (1, 3, 11, 11)
SHAPES = [
    MAIN,
    ((3, 8, 4), (3, 4, 8)),
    ((1, 3, 8, 8), (1, 6, 8, 8)),
    ((8, 1, 28, 28), (8, 16, 28, 28)),
    ((1, 3, 1, 1), (1, 3, 3, 3)),
    ((8, 8), (16, 8, 1)),
    ((4, 1, 5), (1, 3, 1)),
    ((1, 16, 79, 79), (1, 16, 79, 79)),
]


def parse(picture):
    return ElementTree.fromstring(picture.svg)


def groups(picture):
    """The sheets of skip and branch, first where they stand, then where they lie."""
    found = {"of-skip": [], "of-branch": []}
    for group in parse(picture).findall(f"{SVG}g"):
        found[group.get("class").split()[-1]].append(group)
    return found["of-skip"], found["of-branch"]


def first(group):
    """The first channel: left, top, width, height in drawing units."""
    (sheet,) = (each for each in group.iter(f"{SVG}rect") if each.get("class") == "sheet first")
    return [float(sheet.get(name)) for name in ("x", "y", "width", "height")]


def hatched(picture):
    paths = "".join(path.get("d") for path in parse(picture).iter(f"{SVG}path") if path.get("class") == "hatch late")
    ends = re.findall(r"M([-\d.e]+) ([-\d.e]+)L([-\d.e]+) ([-\d.e]+)", paths)
    return [tuple(map(float, each)) for each in ends]


@pytest.mark.parametrize(("skip", "branch"), SHAPES)
def test_sheets_are_to_scale_and_lie_on_one_another(skip, branch):
    picture = draw_add(skip, branch)
    (skip_stands, skip_lies), (branch_stands, branch_lies) = groups(picture)
    sides = [(1, 1, 1, *shape)[-3:] for shape in (skip, branch)]
    units = {round(first(skip_stands)[2] / sides[0][2], 3), round(first(branch_stands)[3] / sides[1][1], 3)}
    assert len(units) == 1
    assert first(skip_lies)[:2] == first(branch_lies)[:2]
    for group, stands in ((skip_lies, skip_stands), (branch_lies, branch_stands)):
        way = float(re.search(r"--from:([-\d.]+)px", group.get("style"))[1])
        assert first(group)[0] + way == pytest.approx(first(stands)[0], abs=0.01)
    for group, (channels, *_) in ((skip_stands, sides[0]), (branch_stands, sides[1])):
        assert sum(each.get("class", "").startswith("sheet") for each in group.iter()) == channels


@pytest.mark.parametrize(("skip", "branch"), SHAPES)
def test_what_pytorch_makes_of_the_add_is_what_lies_there(skip, branch):
    picture = draw_add(skip, branch)
    says = [each.text for each in parse(picture).iter(f"{SVG}text")]
    (_, skip_lies), (_, branch_lies) = groups(picture)
    try:
        channels, height, width = (1, 1, 1, *(torch.zeros(skip) + torch.zeros(branch)).shape)[-3:]
    except RuntimeError:
        assert "no result" in says and any(each.startswith("✗") for each in says) and hatched(picture)
        return
    assert not hatched(picture) and "nothing" not in says
    assert f"{(channels, height, width)}"[1:-1] in says[says.index("skip + branch") + 1]
    assert first(skip_lies) == first(branch_lies)
    for group in (skip_lies, branch_lies):
        assert sum(each.get("class", "").startswith("sheet") for each in group.iter()) == channels
    sign = "=" if add_verdict((1, 1, 1, *skip)[-3:], (1, 1, 1, *branch)[-3:]) == "equal" else "~"
    assert any(each.startswith(f"{sign} ") for each in says)


def test_hatch_covers_what_overhangs_and_nothing_else():
    picture = draw_add(*MAIN)
    (_, skip), (_, branch) = groups(picture)
    (left, top, wide, high), (_, _, narrow, low) = first(skip), first(branch)
    middles = [((x1 + x2) / 2, (y1 + y2) / 2) for x1, y1, x2, y2 in hatched(picture)]
    assert len(middles) > 40
    for x, y in middles:
        assert left <= x <= left + wide and top <= y <= top + high
        assert x >= left + narrow - 0.01 or y >= top + low - 0.01
    drawn = sum(((x1 - x2) ** 2 + (y1 - y2) ** 2) ** 0.5 for x1, y1, x2, y2 in hatched(picture))
    assert drawn * 6 / 2**0.5 == pytest.approx(wide * high - narrow * low, rel=0.1)  # a line for every 6 pixels


def test_channels_without_a_partner_are_hatched_behind_the_others():
    lines = hatched(draw_add((1, 3, 8, 8), (1, 6, 8, 8)))
    assert lines and lines == hatched(draw_add((1, 3, 8, 8), (1, 6, 8, 8)))
    (_, skip), _ = groups(draw_add((1, 3, 8, 8), (1, 6, 8, 8)))
    left, top, wide, high = first(skip)
    assert all(not (left < (a + c) / 2 < left + wide and top < (b + d) / 2 < top + high) for a, b, c, d in lines)


def test_only_what_is_stretched_is_copied():
    pixel, channel = draw_add((1, 3, 1, 1), (1, 3, 3, 3)), draw_add((8, 1, 28, 28), (8, 16, 28, 28))
    (_, lies), (_, other) = groups(pixel)
    copies = [each.get("style") for each in lies.iter() if each.get("class") == "copy"]
    assert len(copies) == 3 and all("steps(2)" in style for style in copies)
    assert not [each for each in other.iter() if each.get("class") in ("copy", "deal")]
    (_, lies), (_, other) = groups(channel)
    assert sum(each.get("class") == "deal" for each in lies.iter()) == 15
    assert not [each for each in other.iter() if each.get("class") in ("copy", "deal")]
    assert not [each for pair in groups(draw_add(*MAIN)) for each in pair[1].iter() if each.get("class") == "copy"]


def test_the_digit_is_one_of_ours():
    images, labels = load_digits()
    assert ["".join("#" if ink >= 7 else "." for ink in row) for row in images[22]] == list(DIGIT)
    assert labels[22] == 2


def digit_columns(kind, geometry, size):
    """Which output columns show ink on either side, measured: PyTorch reads the middle of every window."""
    shortcut = Shortcut(kind=kind, branch=PUBLISHED, in_channels=3, out_channels=3, geometry=geometry)
    verdicts = {size: shortcut.verdict(size)}
    alt = draw_residual(shortcut, size, hidden_channels=6, output_index=0, verdicts=verdicts, pictures=("add",)).alt
    return shortcut, alt


def test_an_unaligned_add_shows_the_digit_at_two_places():
    shortcut, alt = digit_columns("projection", ConvGeometry(1, stride=3), 32)
    image = torch.tensor([[mark == "#" for mark in row] for row in DIGIT]).float()
    large = image.repeat_interleave(4, 0).repeat_interleave(4, 1)  # the digit as an image of 32 x 32
    inked = torch.nn.functional.conv2d(large[None, None], torch.ones(1, 1, 1, 1), stride=3)[0, 0].any(0).nonzero()
    assert f"The skip shows a digit in columns {inked.min()} to {inked.max()}." in alt
    middles = [(read[0] + read[-1]) / 2 for _, read in shortcut.looks(range(11), 32)]
    inked = [
        index for index, place in enumerate(middles) if -0.5 <= place < 31.5 and large[:, int(place + 0.5)].any()
    ]
    assert f"The branch shows a digit in columns {inked[0]} to {inked[-1]}." in alt
    assert "the two look at different places" in alt and not shortcut.aligned(32)


def test_an_aligned_add_shows_the_digit_at_one_place():
    shortcut, alt = digit_columns("projection", ConvGeometry(4, 4, 6), 32)
    assert shortcut.aligned(32) and "different places" not in alt
    assert len(set(re.findall(r"columns \d+ to \d+", alt))) == 1


def test_every_column_shows_the_ink_at_the_place_where_it_looks():
    looks = [(column + 0.5) / 8 for column in range(8)]
    picture = draw_add((8, 8), (8, 8), looks=((looks, looks), (looks, looks)))
    (skip, _), _ = groups(picture)
    left, top, wide, _ = first(skip)
    (ink,) = (path.get("d") for path in skip.iter(f"{SVG}path") if path.get("class") == "ink")
    corners = {
        (round((float(y) - top) / wide * 8), round((float(x) - left) / wide * 8))
        for x, y in re.findall(r"M([\d.]+) ([\d.]+)", ink)
    }
    assert corners == {(r, c) for r, row in enumerate(DIGIT) for c, mark in enumerate(row) if mark == "#"}


def test_all_that_moves_rests_where_motion_is_not_wanted():
    picture = draw_add(*MAIN)
    sheets = "".join(each.text for each in parse(picture).iter(f"{SVG}style"))
    asked, _, rest = sheets.partition("@media(prefers-reduced-motion:no-preference){")
    assert "animation" not in asked and "animation:" in rest.partition("}}")[0]
    assert "animation:" not in rest.partition("}}")[2]
    assert "infinite" in picture.svg and "animation-iteration-count:1" in picture.live
    assert "again" in picture.live and "again" not in picture.svg.replace(".again", "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"skip": (1, 0, 8, 8), "branch": (1, 3, 8, 8)}, "`skip` must be at least 1; got 0"),
        ({"skip": (8, 4), "branch": (8, 4), "looks": (([0.5] * 4,) * 2,) * 2}, "for each row and column of"),
        ({"skip": (1, 3, 8, 8), "branch": (2, 3, 8, 8)}, r"`skip` and `branch` must hold the same number of images"),
        (
            {"skip": (3, 8, 8), "branch": (2, 3, 8, 8)},
            r"the same number of images; got \(3, 8, 8\) and \(2, 3, 8, 8\)",
        ),
        (
            {"skip": (8, 8), "branch": (8, 8), "looks": (([0.5], [0.5]),) * 2},
            r"`looks` must hold a place for each row",
        ),
    ],
)
def test_bad_shapes_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        draw_add(**arguments)


def test_stored_opening_is_the_one_that_is_drawn():
    assert FILE.read_text(encoding="utf-8") == draw_opening(), "run: python tools/draw_opening.py"
    assert FILE.stat().st_size < 30_000


def test_opening_does_not_answer_the_question_that_follows_it():
    root = ElementTree.fromstring(draw_opening())
    said = " ".join([root.get("aria-label"), *(each.text for each in root.iter(f"{SVG}text"))])
    assert set(re.findall(r"\d+", said)) == {"1", "2", "32"}


@pytest.mark.parametrize(("layer", "places"), [(0, 18), (1, 11)])
def test_window_of_the_opening_stands_where_pytorch_makes_a_pixel(layer, places):
    svg = draw_opening()
    frames = re.search(rf"@keyframes window{layer}{{(.*?}})}}", svg)[1]
    stands = {
        (float(x), float(y)) for x, y in re.findall(r"translate\(([\d.]+),([\d.]+)px\)", frames.replace("px,", ","))
    }
    image = torch.zeros(1, 1, {0: 32, 1: 18}[layer], {0: 32, 1: 18}[layer])
    assert torch.nn.functional.conv2d(image, torch.ones(1, 1, 2, 2), stride=2, padding=2).shape[-1] == places
    assert {y for _, y in stands} == {2 * PIXEL * place for place in range(places)}
    assert {x for x, _ in stands} == {0, 2 * PIXEL * (places - 1)} and f"steps({places},jump-none)" in frames


def test_opening_moves_only_where_motion_is_welcome_and_rests_at_its_end():
    svg = draw_opening()
    assert 8 <= LOOP <= 12
    welcome = re.findall(
        r"@media\(prefers-reduced-motion:no-preference\){[^{}]+{animation:(\w+) \d+s infinite}}", svg
    )
    assert sorted(welcome) == sorted(re.findall(r"@keyframes (\w+){", svg)) and svg.count("animation:") == len(
        welcome
    )
    root = ElementTree.fromstring(svg)
    carried, left = (group for group in root.iter(f"{SVG}g") if group.get("class") in ("carried", "left"))
    assert carried[0].get("x") == left[0].get("x") and carried[0].get("y") == left[0].get("y")
    assert float(carried[0].get("width")) == 32 * PIXEL and float(left[0].get("width")) == 11 * PIXEL


def test_size_that_is_no_integer_is_named():
    with pytest.raises(TypeError, match=r"`branch` must be an integer; got 8\.0"):
        draw_add((3, 8, 8), (3, 8, 8.0))


def test_sizes_that_are_missing_on_the_left_count_as_one_and_no_size_is_beyond_drawing():
    assert draw_add((1, 3, 4, 4), (3, 4, 4)).alt == draw_add((1, 3, 4, 4), (1, 3, 4, 4)).alt.replace(
        "branch (1, 3, 4, 4)", "branch (3, 4, 4)"
    )
    for shape, message in (((0, 3, 4, 4), "must be at least 1"), ((1, 16385, 4, 4), "no size above 16384")):
        with pytest.raises(ValueError, match=f"`skip` .*{message}"):
            draw_add(shape, (1, 3, 4, 4))


def test_rows_and_columns_show_the_ink_each_where_they_look():
    rows, columns = [(place + 0.5) / 4 for place in range(4)], [(place + 0.5) / 16 for place in range(16)]
    picture = draw_add((4, 16), (4, 16), looks=((rows, columns), (rows, columns)))
    ink = re.search('class="ink" d="([^"]*)"', picture.svg)[1]
    lefts, tops = zip(*((float(x), float(y)) for x, y in re.findall(r"M([\d.]+) ([\d.]+)", ink)), strict=True)
    sheet = first(groups(picture)[0][0])
    pixel = sheet[2] / 16
    assert sheet[3] == pytest.approx(4 * pixel)
    assert {round((x - sheet[0]) / pixel) % 2 for x in lefts} == {0}  # a column of the digit is two columns wide
    assert {round((y - sheet[1]) / pixel) for y in tops} <= set(range(4))


def test_large_images_and_many_channels_take_few_marks():
    picture = draw_add((1, 4096, 4096, 4096), (1, 4096, 4095, 4096))
    assert len(picture.live) < 60_000
    for _, group in groups(picture):
        assert 35 <= sum(each.get("class", "").startswith("sheet") for each in group.iter()) <= 40
