import base64
import io
import itertools
import json
import re
import xml.etree.ElementTree as ElementTree

import matplotlib.image
import pytest
import torch
import torch.nn.functional as F
from explorers.moving import painted

from skiplib.arithmetic import ConvGeometry
from skiplib.chains import compose, seen_pixels, sizes, sizes_after
from skiplib.diagrams.axis import Spread
from skiplib.diagrams.block import draw_block
from skiplib.diagrams.chain import draw_chain
from skiplib.diagrams.convolution import draw_convolution, draw_misfit
from skiplib.diagrams.marks import runs, strike, strip, text
from skiplib.diagrams.matrices import draw_matrices, draw_stages
from skiplib.diagrams.residual import draw_alignment, draw_legal_sizes, draw_residual
from skiplib.diagrams.sheets import draw_add
from skiplib.diagrams.strip import draw_strip
from skiplib.diagrams.svg import SIGNS, VERDICTS, make_picture, stack_pictures
from skiplib.diagrams.trace import Arc, Step, draw_trace
from skiplib.diagrams.transposed import draw_transposed
from skiplib.kernels import KERNELS, Convolution, named_weights, short
from skiplib.pooling import PoolGeometry
from skiplib.shortcuts import Shortcut
from skiplib.words import seen_in_words

SVG = "{http://www.w3.org/2000/svg}"
PUBLISHED = ConvGeometry(kernel_size=2, stride=2, padding=2)
SETTINGS = [
    ((32, 32), (PUBLISHED, PUBLISHED)),
    ((4, 4), (ConvGeometry(3), ConvGeometry(3))),
    ((64, 64), (ConvGeometry(3, padding=1), ConvGeometry(3, padding=1))),
    ((12, 20), (ConvGeometry(3, 3), ConvGeometry(5, 4, 1))),
    ((9, 9), (ConvGeometry(3, 2, 1, 2), ConvGeometry(1, 3))),
]
every_setting = pytest.mark.parametrize(("input_size", "geometries"), SETTINGS)


IDENTITY = Shortcut(kind="identity", branch=(PUBLISHED, PUBLISHED), in_channels=3, out_channels=3)
VERDICTS_OF_IDENTITY = {size: IDENTITY.verdict(size) for size in range(1, 33)}
EVERY_PICTURE = [
    lambda: draw_strip(12, ConvGeometry(3, 2, 2, 2)),
    lambda: draw_convolution((12, 20), (ConvGeometry(3, 3), ConvGeometry(5, 4, 1)), output_index=(1, 3)),
    lambda: draw_transposed(Spread("row", 6, ConvGeometry(3, 2, 1), 1), Spread("column", 4, ConvGeometry(2, 3))),
    lambda: draw_chain(32, [PUBLISHED, PUBLISHED], output_index=5),
    lambda: draw_block([("conv", (1, 3, 8, 8))], input_shape=(1, 3, 8, 8), verdict="equal"),
    lambda: draw_residual(IDENTITY, 32, hidden_channels=6, output_index=5, verdicts=VERDICTS_OF_IDENTITY),
    lambda: draw_matrices({"x": [[0.0, 1.0], [-1.0, 0.5]]}),
    lambda: draw_stages(on_their_way(5)),
]


def on_their_way(places, images=(((0.0, 1.0), (0.5, 0.25)), ((0.0, 2.0), (1.0, 1.0))), spread=0.5):
    return {kind: [(images, spread)] * places for kind in ("plain", "skip")}


def grey_pixels(image):
    """What matplotlib's PNG reader makes of an image in a picture, 255 for white."""
    data = base64.b64decode(image.get("href").removeprefix("data:image/png;base64,"))
    return (255 * matplotlib.image.imread(io.BytesIO(data))).round().tolist()


def parse(picture):
    return ElementTree.fromstring(picture.svg)


def words(picture):
    return [element.text for element in parse(picture).iter(f"{SVG}text")]


def numbers(element, *names):
    return [float(element.get(name)) for name in names]


def corners(path):
    return [(float(x), float(y)) for x, y in re.findall(r"[ML]([\d.]+) ([\d.]+)", path.get("d"))]


def classed(picture, name, kind="path"):
    return [each for each in parse(picture).iter(f"{SVG}{kind}") if name in (each.get("class") or "").split()]


def marked(picture):
    """Where the marked window and its output pixel stand, and the window's taps within it."""
    window, pixel = classed(picture, "now", "g")[0].findall(f"{SVG}g")
    places = [tuple(map(float, re.findall(r"[\d.]+", part.get("transform")))) for part in (window, pixel)]
    return *places, corners(window.find(f"{SVG}path"))


def answers(picture):
    """What the live picture knows for the mouse, with JavaScript beside it."""
    live = ElementTree.fromstring(picture.live)
    return json.loads(next(each for each in live.iter(f"{SVG}g") if each.get("class") == "hits").get("data-axes"))


@every_setting
def test_convolution_says_its_sizes_on_the_axes_and_in_words(input_size, geometries):
    picture = draw_convolution(input_size, geometries)
    out = F.conv2d(
        torch.zeros(1, 1, *input_size),
        torch.zeros(1, 1, *(geometry.kernel_size for geometry in geometries)),
        stride=tuple(geometry.stride for geometry in geometries),
        padding=tuple(geometry.padding for geometry in geometries),
        dilation=tuple(geometry.dilation for geometry in geometries),
    )
    height, width = out.shape[2:]
    assert {f"output {height} × {width}", str(height), str(width)} <= set(words(picture))
    assert f"at {height} by {width} places" in picture.alt
    assert f"moves by {geometries[0].stride} by {geometries[1].stride}:" in picture.alt
    assert parse(picture).get("role") == "img" and parse(picture).get("aria-label") == picture.alt


@every_setting
def test_picture_knows_what_every_output_reads_and_every_pixel_feeds(input_size, geometries):
    known = answers(draw_convolution(input_size, geometries))
    for name, size, axis in zip(("rows", "columns"), input_size, geometries, strict=True):
        pixels, ones = torch.eye(size + 2 * axis.padding)[:, None], torch.ones(1, 1, axis.kernel_size)
        fed = F.conv1d(pixels, ones, stride=axis.stride, dilation=axis.dilation)[:, 0]
        assert known[name]["feeds"] == [outputs.nonzero().flatten().tolist() for outputs in fed]
        assert known[name]["places"] == len(known[name]["reads"]) == fed.shape[1]
        for place, label in enumerate(known[name]["reads"]):
            assert label.startswith(f"output {name[:-1]} {place} reads {name} ")


UPWARD = [
    (6, ConvGeometry(3, 2, 1), 0),
    (6, ConvGeometry(3, 2, 1), 1),
    (3, ConvGeometry(2, 3, 0), 2),
    (4, ConvGeometry(3, 1, 1, 3), 2),
    (2, ConvGeometry(4, 3, 2), 2),
]


@pytest.mark.parametrize("setting", UPWARD)
def test_transposed_picture_knows_what_every_input_reaches(setting):
    inputs, geometry, added = setting
    known = answers(draw_transposed(Spread("row", *setting), Spread("column", 5, ConvGeometry(3))))["rows"]
    moves = {"stride": geometry.stride, "dilation": geometry.dilation}
    uncropped = F.conv_transpose1d(torch.eye(inputs)[:, None], torch.ones(1, 1, geometry.kernel_size), **moves)[:, 0]
    reached = [pixel.nonzero().flatten().tolist() for pixel in uncropped.T]
    assert known["feeds"] == reached + [[]] * max(0, added - geometry.padding)
    assert (known["places"], len(known["reads"]), known["padded"]) == (inputs, inputs, len(known["reached"]))
    cropped = ["(cropped)" in words for words in known["reached"]]
    assert cropped == [not 0 <= k - geometry.padding < known["size"] for k in range(known["padded"])]
    for k, (places, words) in enumerate(zip(known["feeds"], known["reached"], strict=True)):
        assert words.startswith(f"output row {k - geometry.padding}".replace("-", "−"))
        assert ("by no input" in words) == (not places)
    for place, words in enumerate(known["reads"]):
        assert words.startswith(f"input row {place} reaches output row")


@pytest.mark.parametrize("setting", UPWARD)
def test_transposed_picture_is_fainter_where_fewer_inputs_reach(setting):
    rows, columns = Spread("row", *setting), Spread("column", 5, ConvGeometry(2, 2))
    picture = draw_transposed(rows, columns)
    output = numbers(classed(picture, "output", "rect")[0], "x", "y", "width", "height")
    cell, left = output[2] / columns.size, [1.0] * rows.size
    for group in [each for each in parse(picture).iter(f"{SVG}g") if each.get("fill-opacity")]:
        for _, y in corners(group[0]):
            left[round((y - output[1]) / cell)] -= float(group.get("fill-opacity"))
    assert left == pytest.approx([count / max(rows.counts) for count in rows.counts], abs=0.01)
    added = classed(picture, "strike", "rect")
    assert len(added) == 2 * bool(rows.added)  # in the picture, and in its legend
    if added:
        _, y, _, height = numbers(added[0], "x", "y", "width", "height")
        assert height == pytest.approx(rows.added * cell, rel=1e-3)
        assert y + height == pytest.approx(output[1] + output[3], rel=1e-3)
    assert ("added" in words(picture)) == bool(rows.added) and ("cropped" in words(picture)) == bool(rows.padding)


@pytest.mark.parametrize("place", [(0, 0), (5, 4), (11, 7)])
def test_marked_output_and_the_inputs_that_reach_it_stand_at_their_rows_and_columns(place):
    rows, columns = Spread("row", 6, ConvGeometry(3, 2, 1), 1), Spread("column", 4, ConvGeometry(2, 2))
    picture = draw_transposed(rows, columns, output_index=place)
    small, output = (numbers(classed(picture, name, "rect")[0], "x", "y", "width") for name in ("image", "output"))
    cell = output[2] / columns.size
    *sources, pixel = corners(classed(picture, "now", "g")[0].find(f"{SVG}path"))
    assert pixel == pytest.approx((output[0] + place[1] * cell, output[1] + place[0] * cell))
    found = {(round((y - small[1]) / cell), round((x - small[0]) / cell)) for x, y in sources}
    assert found == set(itertools.product(rows.sources(place[0]), columns.sources(place[1]))) != set()
    assert {rows.reached(place[0]), columns.reached(place[1])} <= set(words(picture))
    assert {"13 − 2·1 + 1 = 12", "8", "input 6 × 4", "output 12 × 8"} <= set(words(picture))


def test_marked_window_and_its_output_pixel_stand_at_their_row_and_column():
    picture = draw_convolution((12, 20), (ConvGeometry(3, 3), ConvGeometry(5, 4, 1)), output_index=(1, 3))
    padded, _, output = (numbers(rect, "x", "y", "width") for rect in list(parse(picture).iter(f"{SVG}rect"))[:3])
    window, pixel, taps = marked(picture)
    cell = padded[2] / 22
    assert window == pytest.approx((padded[0] + 3 * 4 * cell, padded[1] + 1 * 3 * cell))
    assert pixel == pytest.approx((output[0] + 3 * cell, output[1] + 1 * cell))
    assert len(taps) == 15 and taps[0] == (0, 0)


def test_marked_window_shows_the_holes_of_a_dilation():
    geometry = ConvGeometry(3, dilation=2)
    assert marked(draw_convolution((9, 9), (geometry, geometry)))[2] == [
        (x * 28, y * 28) for y in (0, 2, 4) for x in (0, 2, 4)
    ]


@pytest.mark.parametrize(
    ("window", "said"),
    [
        (
            (0, 0),
            {"output row 0 reads rows −2, −1 (all padding)", "output column 0 reads columns −2, −1 (all padding)"},
        ),
        ((1, 17), {"output row 1 reads rows 0, 1", "output column 17 reads columns 32, 33 (all padding)"}),
    ],
)
def test_label_says_which_pixels_a_window_reads(window, said):
    assert said <= set(words(draw_convolution((32, 32), (PUBLISHED, PUBLISHED), output_index=window)))


def test_label_says_partly_padding_and_shortens_long_windows():
    geometry = ConvGeometry(5, padding=1)
    assert "output row 0 reads rows −1, 0, …, 3 (partly padding)" in words(
        draw_convolution((9, 9), (geometry, geometry), output_index=(0, 0))
    )


@pytest.mark.parametrize(
    ("geometry", "size", "struck", "unread"),
    [
        (ConvGeometry(3, 2), 8, 1, 1),
        (ConvGeometry(1, 2), 6, 3, 3),
        (ConvGeometry(3), 7, 0, 0),
        (ConvGeometry(3, 2, 1), 8, 1, 0),  # what is left over is padding
    ],
)
def test_unread_rows_and_columns_are_struck_through(geometry, size, struck, unread):
    picture = draw_convolution((size, size), (geometry, geometry))
    paths = [path.get("d") for path in parse(picture).iter(f"{SVG}path") if path.get("class") == "strike"]
    assert (paths[0].count("M") if paths else 0) == 2 * struck
    assert ("read by no window" in words(picture)) == bool(struck)
    assert f"No window reads {size**2 - (size - unread) ** 2} of {size**2} pixels of the image" in picture.alt


def test_strike_runs_along_the_longer_side():
    assert 'class="strike" d="M0 1h10M1 0v10"' in strike([(0, 0, 10, 2), (0, 0, 2, 10)])


@pytest.mark.parametrize(
    "geometry", [ConvGeometry(1), ConvGeometry(2, 2), ConvGeometry(7), ConvGeometry(3, dilation=3)]
)
def test_frame_at_36_padded_pixels_stays_small(geometry):
    assert len(draw_convolution((36, 36), (geometry, geometry), output_index=(5, 5)).live.encode()) < 100_000


DIGIT = [[(3 * row + 5 * column) % 17 - 4 * (row == 2) for column in range(8)] for row in range(7)]


def computed(image, kernel, geometries, **more):
    weights = named_weights(kernel, *(axis.kernel_size for axis in geometries))
    values = Convolution(image, weights, geometries)
    return values, draw_convolution((len(image), len(image[0])), geometries, values=values, **more)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("geometry", [ConvGeometry(3), ConvGeometry(2, 2, 1), ConvGeometry(3, 1, 1, 2)])
def test_every_pixel_shows_its_value_as_a_shade_and_a_number(kernel, geometry):
    values, picture = computed(DIGIT, kernel, (geometry, geometry), output_index=(1, 0))
    (cell,) = {round(float(path.get("d").split("h")[1].split("v")[0]), 3) for path in classed(picture, "p1")}
    shaded = {}
    for sign, shade in itertools.product("pn", range(1, 7)):
        shaded |= {place: (sign, shade) for path in classed(picture, f"{sign}{shade}") for place in corners(path)}
    plain = classed(picture, "paper", "rect")
    for rows, panel, lift in ((values.image, plain[0], 0.27), (values.output, plain[1], 0.5)):
        left, top = numbers(panel, "x", "y")
        most = max(abs(value) for row in rows for value in row)
        written = {
            tuple(numbers(each, "x", "y")): each.text for each in classed(picture, "v", "text") if each.text[0] != "×"
        }
        for row, line in enumerate(rows):
            for column, value in enumerate(line):
                x, y, shade = left + column * cell, top + row * cell, round(6 * abs(value) / most)
                assert shaded.get((x, y)) == (("n" if value < 0 else "p", shade) if shade else None)
                number = written[float(f"{x + cell / 2:g}"), float(f"{y + lift * cell + 4:g}")]
                assert number in [short(value, decimals) for decimals in (2, 1, 0)]
    assert values.written(1, 0) in words(picture) and f"Its sum: {values.written(1, 0)}." in picture.alt


def test_window_carries_its_weights_and_padding_its_zeros():
    _, picture = computed(DIGIT, "edge", (ConvGeometry(3, padding=1),) * 2)
    assert [word for word in words(picture) if word.startswith("×")] == ["×−1", "×0", "×1"] * 3
    assert [each.text for each in classed(picture, "faint", "text")] == ["0"] * (9 * 10 - 7 * 8)


@pytest.mark.parametrize(("size", "shown"), [(8, True), (16, False)])
def test_small_pixels_go_without_numbers(size, shown):
    image = [[13.5] * size for _ in range(size)]
    _, picture = computed(image, "blur", (ConvGeometry(3, padding=2),) * 2)
    assert ("13.5" in words(picture)) == shown


def test_sums_of_all_places_are_there_for_the_mouse():
    values, picture = computed(DIGIT, "random", (ConvGeometry(3, 2), ConvGeometry(3, 3)))
    assert answers(picture)["sums"] == [values.written(row, column) for row in range(3) for column in range(2)]


@pytest.mark.parametrize(
    ("input_size", "geometries", "said"),
    [
        ((3, 3), (ConvGeometry(9), ConvGeometry(9)), "spans 9 × 9 and sticks out by 6 rows and 6 columns"),
        ((9, 2), (ConvGeometry(3), ConvGeometry(3)), "spans 3 × 3 and sticks out by 0 rows and 1 column"),
        (
            (9, 9),
            (ConvGeometry(11, 1, 8, 6), ConvGeometry(1)),
            "spans 61 × 1 and sticks out by 36 rows and 0 columns",
        ),
    ],
)
def test_window_that_does_not_fit_is_drawn_as_far_as_it_sticks_out(input_size, geometries, said):
    picture = draw_misfit(input_size, geometries)
    assert any(said in word for word in words(picture)) and picture.live == picture.svg
    window, padded = (
        numbers(classed(picture, name, "rect")[0], "width", "height") for name in ("outside", "padding")
    )
    spans = [geometry.effective_kernel_size for geometry in geometries]
    pads = [size + 2 * geometry.padding for size, geometry in zip(input_size, geometries, strict=True)]
    assert window[0] / padded[0] == pytest.approx(spans[1] / pads[1], rel=1e-4)
    assert window[1] / padded[1] == pytest.approx(spans[0] / pads[0], rel=1e-4)


def test_lines_that_stand_for_four_pixels_say_so():
    for size, said in ((74, False), (75, True)):
        picture = draw_convolution((size, size), (ConvGeometry(3), ConvGeometry(3)))
        assert any("a line every 4 pixels" in word for word in words(picture)) == said


@pytest.mark.parametrize("padding", [0, 1])
def test_legend_names_padding_where_there_is_some(padding):
    geometry = ConvGeometry(3, padding=padding)
    for picture in (draw_convolution((7, 7), (geometry, geometry)), draw_strip(7, geometry)):
        assert ("padding" in words(picture)) == bool(padding)


@pytest.mark.parametrize("dilation", [1, 2])
def test_line_of_a_strip_shows_where_taps_part(dilation):
    assert bool(classed(draw_strip(9, ConvGeometry(3, dilation=dilation)), "line")) == (dilation > 1)


def test_one_is_not_said_in_the_plural():
    alt = draw_strip(3, ConvGeometry(3, 2, dilation=1)).alt
    assert "stands at 1 place, " in alt and "1 position left" in draw_strip(4, ConvGeometry(3, 2)).alt


@pytest.mark.parametrize(("height", "width", "unread"), [(7, 7, False), (8, 7, True), (7, 8, True)])
def test_legend_names_unread_pixels_of_either_axis(height, width, unread):
    picture = draw_convolution((height, width), (ConvGeometry(3, stride=2),) * 2)
    assert ("read by no window" in words(picture)) == unread


def test_output_stands_beside_the_middle_of_the_image():
    picture = draw_convolution((12, 9), (ConvGeometry(5), ConvGeometry(3)))
    image, output = (numbers(classed(picture, name, "rect")[0], "y", "height") for name in ("image", "output"))
    assert image[0] + image[1] / 2 == output[0] + output[1] / 2 and image[1] / 12 == output[1] / 8
    axes = answers(picture)
    assert axes["rows"]["input"] == image[0] and axes["rows"]["output"] == output[0]


def test_convolution_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="`input_size`=2 is too small"):
        draw_convolution((9, 2), (ConvGeometry(3), ConvGeometry(3)))


def test_strip_draws_each_window_under_the_pixels_that_it_reads():
    drawing = parse(draw_strip(12, ConvGeometry(3, 2, 2, 2)))
    left, width = numbers(next(drawing.iter(f"{SVG}rect")), "x", "width")
    cell = width / 16
    lines, windows = (
        [path for path in drawing.iter(f"{SVG}path") if path.get("class") == name] for name in ("line", "window")
    )
    for place, (line, window) in enumerate(zip(lines, windows, strict=True)):
        taps = [(x - 1 - left) / cell for x, _ in corners(window)]
        assert taps == pytest.approx([2 * place, 2 * place + 2, 2 * place + 4])
        start, length = re.fullmatch(r"M([\d.]+) [\d.]+h([\d.]+)", line.get("d")).groups()
        assert [float(start), float(length)] == pytest.approx([left + 2 * place * cell + 1, 5 * cell - 2])


@pytest.mark.parametrize("place", [(-1, 0), (0, -1), (7, 0), (0, 5)])
def test_output_pixel_outside_the_output_is_refused(place):
    with pytest.raises(
        ValueError, match=rf"`output_index` must lie in the output of 7 by 5 places; got \({place[0]}"
    ):
        draw_convolution((9, 7), (ConvGeometry(3), ConvGeometry(3)), output_index=place)


def test_strip_counts_windows_only_where_some_are_not_drawn_and_pixels_where_numbers_have_room():
    twelve, thirteen = (words(draw_strip(size, ConvGeometry(3))) for size in (14, 15))
    assert not any(word.endswith("more") for word in twelve) and "… and 1 more" in thirteen
    wide, narrow = (words(draw_strip(size, ConvGeometry(3))) for size in (32, 33))  # 22.5 and 21.8 wide
    assert "31" in wide and not any(word.isdigit() for word in narrow)


@pytest.mark.parametrize(
    ("size", "geometry"), [(7, ConvGeometry(3)), (12, ConvGeometry(3, 2, 2, 2)), (40, ConvGeometry(3))]
)
def test_strip_draws_its_windows_and_counts_them_all(size, geometry):
    places = geometry.output_size(size)
    picture = draw_strip(size, geometry)
    assert [word for word in words(picture) if word.startswith("place ")] == [
        f"place {i}" for i in range(min(12, places))
    ]
    assert f"stands at {places} places" in picture.alt
    assert (f"… and {places - 12} more" in words(picture)) == (places > 12)
    assert f"starting at {-geometry.padding}, {geometry.stride - geometry.padding}, " in picture.alt


@pytest.mark.parametrize(
    "geometries",
    [
        [PUBLISHED] * 2,
        [PUBLISHED],
        [ConvGeometry(3, padding=1)] * 3,
        [ConvGeometry(7, 2, 3), ConvGeometry(3, 1, 4, 4)],
        [ConvGeometry(5, 2), PoolGeometry(3, 2, ceil_mode=True), PoolGeometry(2, mode="average")],
    ],
)
def test_chain_says_every_size_and_which_are_kept(geometries):
    picture = draw_chain(32, geometries, output_index=1)
    chain = sizes(32, geometries)
    named = enumerate(zip(chain[1:], geometries, strict=True), start=1)
    assert {f"{size} after {geometry.name} {layer}" for layer, (size, geometry) in named} <= set(words(picture))
    assert f"chain of layers: {' to '.join(map(str, chain))}." in picture.alt
    seen = seen_in_words([pixel for pixel in seen_pixels(32, geometries, 1)[0] if pixel >= 0])
    assert f"Output 1 sees {seen}, out of a stretch of {compose(geometries).kernel_size} positions" in picture.alt
    kept = [size for size, after in sizes_after(geometries, range(1, 35)).items() if size == after]
    said = "every size" if len(kept) > 7 else "only" if kept else "no size up to 34"
    assert any(word.startswith(f"kept: {said}") for word in words(picture))


def test_chain_shades_the_seen_pixels_of_every_level():
    picture = draw_chain(32, [PUBLISHED] * 2, output_index=5)
    assert painted(picture, 32, 18, 11) == [[14, 15, 16, 17], [8, 9], [5]]
    gaps = draw_chain(9, [ConvGeometry(1, stride=2), ConvGeometry(2, dilation=2)], output_index=1)
    assert painted(gaps, 9, 5, 3) == [[2, 6], [1, 3], [1]]
    border = draw_chain(32, [PUBLISHED] * 2)
    assert painted(border, 32, 18, 11) == [[], [-2, -1], [0]] and "Output 0 sees padding only, out of" in border.alt


def test_cone_leads_from_all_that_is_seen_of_one_level_to_the_next():
    drawing = parse(draw_chain(32, [PUBLISHED] * 2, output_index=5))
    strips = [numbers(rect, "x", "width") for rect in drawing.iter(f"{SVG}rect") if rect.get("class") != "padding"]
    cones = [[x for x, _ in corners(path)] for path in drawing.iter(f"{SVG}path") if path.get("class") == "cone"]
    edges = [
        [left + pixel * width / size for pixel in ends]
        for (left, width), size, ends in zip(strips, (32, 18, 11), ((14, 18), (8, 10), (5, 6)), strict=True)
    ]
    expected = [[*below, *reversed(above)] for below, above in itertools.pairwise(edges)]
    assert cones == [pytest.approx(cone, abs=0.01) for cone in expected]


def test_cobweb_goes_up_to_the_map_and_across_to_the_diagonal():
    paths = {path.get("class"): corners(path) for path in parse(draw_chain(32, [PUBLISHED] * 2)).iter(f"{SVG}path")}
    left, (start, bottom) = paths["line"][0][0], paths["path"][0]
    steps = [32 * pixels / (start - left) for x, y in paths["path"][:5] for pixels in (x - left, bottom - y)]
    assert steps == pytest.approx([32, 0, 32, 11, 11, 11, 11, 5, 5, 5], abs=0.01)


STEPS = [Step(f"step {n}", "", "(1)") for n in range(12)]


def lanes(*arcs):
    """How far left of the rows each arc of a trace lies, from row to row."""
    picture = draw_trace("(1)", STEPS, [Arc(*ends, "equal") for ends in arcs])
    (left,) = numbers(parse(picture).find(f"{SVG}text"), "x")
    found = {}
    for arc in classed(picture, "arc"):
        top, far, bottom = map(float, re.match(r"M\S+ (\S+)H(\S+)V(\S+)H", arc.get("d")).groups())
        found[(top - 11) / 19 - 1, (bottom - 11) / 19 - 1] = (left - 26 - far) / 11
    return found


@pytest.mark.parametrize(
    ("arcs", "expected"),
    [
        ([(0, 4), (4, 8), (8, 11)], [0, 0, 0]),  # one ends where the next begins
        ([(0, 5), (4, 8)], [1, 0]),  # the shorter one is nearer
        ([(-1, 11), (1, 3), (5, 7)], [1, 0, 0]),
        ([(n, 11 - n) for n in range(5)], [4, 3, 2, 1, 0]),
        ([(0, n) for n in range(2, 12)], [0, 1, 2, 3, 4, 5, 6, 7, 7, 7]),  # there is room for eight
    ],
)
def test_arcs_of_a_trace_lie_side_by_side_only_where_they_overlap(arcs, expected):
    assert lanes(*arcs) == dict(zip(arcs, expected, strict=True))


def test_words_of_a_trace_are_cut_where_they_have_no_room_and_its_error_lies_inside():
    step = Step("l" * 31, "s" * 67, "(1, 2)", failed=True)
    picture = draw_trace("(1)", [step], [], error="e" * 97)
    assert {"l" * 29 + "…", "s" * 59 + "…", "✗ " + "e" * 95 + "…"} <= set(words(picture))
    (y,) = (numbers(each, "y")[0] for each in parse(picture).iter(f"{SVG}text") if each.text.startswith("✗"))
    (row,) = classed(picture, "failing", "rect")
    assert sum(numbers(row, "y", "height")) < y - 8 and y < picture.height
    whole = draw_trace("(1)", [Step("l" * 30, "s" * 63, "(1)")], [], error="e" * 96)
    assert not any("…" in word for word in words(whole))


def test_verdicts_differ_in_colour_and_in_sign():
    assert VERDICTS.keys() == SIGNS.keys()
    assert len(set(VERDICTS.values())) == len(set(SIGNS.values())) == 4


@pytest.mark.parametrize("verdict", VERDICTS)
def test_add_is_drawn_in_the_colour_of_its_verdict(verdict):
    drawing = parse(draw_block([], input_shape=None, verdict=verdict))
    classes = next(drawing.iter(f"{SVG}circle")).get("class").split()
    rules = re.findall(r"\.skiplib \.(\w+){fill:([^;}]+)", drawing.find(f"{SVG}style").text)
    assert [fill for name, fill in rules if name in classes][-1] == VERDICTS[verdict]  # the last rule wins


@pytest.mark.parametrize("verdict", VERDICTS)
def test_block_lets_nothing_out_if_the_add_fails(verdict):
    picture = draw_block([], input_shape=None, verdict=verdict, output_shape=(7,))
    assert ("(7)" in words(picture)) == (verdict != "error")


@pytest.mark.parametrize(
    ("verdict", "sign"), [("equal", "= "), ("broadcast", "~ "), ("error", "✗ "), ("unknown", "? ")]
)
def test_block_says_its_verdict_in_words_and_not_by_colour_alone(verdict, sign):
    picture = draw_block([("conv", (1, 3, 11, 11))], input_shape=(1, 3, 32, 32), verdict=verdict)
    assert any(word.startswith(sign) for word in words(picture))
    assert {"(1, 3, 32, 32)", "(1, 3, 11, 11)"} <= set(words(picture))
    assert "conv (1, 3, 11, 11)" in picture.alt


def test_block_shows_the_shortcut_and_escapes_its_label():
    evil = "<img onerror=alert(1)>"
    picture = draw_block([(evil, None)], input_shape=(1, 3, 8, 8), verdict="equal", shortcut=(evil, (1, 3, 8, 8)))
    assert words(picture).count(evil) == 2 and evil not in picture.svg and evil not in picture.to_html()


def test_text_and_alt_are_escaped():
    picture = make_picture(10, 10, [text(0, 0, '<b> & "')], alt='a "quoted" <alt>')
    assert words(picture) == ['<b> & "'] and parse(picture).get("aria-label") == picture.alt
    assert 'alt="a &quot;quoted&quot; &lt;alt&gt;"' in picture.to_html()


@pytest.mark.parametrize("draw", EVERY_PICTURE)
def test_every_form_of_every_picture_is_xml_named_by_its_alt(draw):
    picture = draw()
    for form in (picture.svg, picture.live):
        root = ElementTree.fromstring(form)
        assert root.get("role") == "img" and root.get("aria-label") == picture.alt
        assert numbers(root, "width", "height") == [picture.width, picture.height]


def test_only_the_live_form_answers_the_mouse():
    picture = draw_convolution((7, 7), (ConvGeometry(3), ConvGeometry(3)), output_index=(0, 0))
    stored = base64.b64decode(re.search(r"base64,([^\"]+)", picture.to_html())[1]).decode()
    assert stored == picture.svg
    for markup in ("data-axes", "onpointermove", "onclick", 'cover"/>'):
        assert markup not in picture.svg and markup in picture.live
    still, live = parse(picture), ElementTree.fromstring(picture.live)
    assert list(map(ElementTree.tostring, live))[: len(still)] == list(map(ElementTree.tostring, still))
    assert make_picture(10, 10, [], alt="nothing").live == make_picture(10, 10, [], alt="nothing").svg


def test_strip_lies_between_its_paddings_under_its_lines():
    markup = strip(100, 10, 3, 20, 24, (1, 2), '<path class="over"/>')
    padding, image, over, lines = ElementTree.fromstring(f"<svg>{markup}</svg>")
    assert numbers(padding, "x", "y", "width", "height") == [80, 10, 6 * 20, 24]
    assert numbers(image, "x", "y", "width", "height") == [100, 10, 3 * 20, 24] and image.get("class") == "image"
    assert over.get("class") == "over"
    assert corners(lines) == [(80 + 20 * place, 10) for place in range(1, 6)]


@pytest.mark.parametrize(
    ("pixels", "cell", "drawn"),
    [
        ([0, 1, 3], 4, [(10, 8), (22, 4)]),
        ([0, 2], 1, [(10, 1), (12, 1)]),
        ([0, 5], 0.5, [(10, 3)]),  # two pixels between them are lost
        ([0, 6], 0.5, [(10, 2), (13, 2)]),
        ([], 4, []),
    ],
)
def test_runs_of_marked_cells_stand_apart_where_that_can_be_seen(pixels, cell, drawn):
    d = runs(pixels, 10, 0, cell, 20)
    assert [tuple(map(float, each)) for each in re.findall(r"M(\S+) 0h(\S+)v20", d)] == drawn


def test_picture_shows_itself_as_an_image_with_a_text_twin():
    picture = draw_strip(7, ConvGeometry(3))
    bundle = picture._repr_mimebundle_()
    assert bundle["text/plain"] == picture.alt
    assert bundle["text/html"].startswith("<img ") and "data:image/svg+xml;base64," in bundle["text/html"]


def bars(picture):
    """The height of every bar of the strip of sizes, from left to right, by verdict."""
    marks = [element for element in parse(picture).iter(f"{SVG}rect") if element.get("class") in VERDICTS]
    return [(mark.get("class"), float(mark.get("height"))) for mark in marks[:-3]]


def test_legal_sizes_tell_verdicts_apart_without_colour():
    verdicts = {1: "broadcast", 2: "error", 3: "equal", 4: "equal", 5: "error"}
    picture = draw_legal_sizes(verdicts, marked=3)
    drawn = bars(picture)
    assert [verdict for verdict, _ in drawn] == list(verdicts.values())
    heights = dict(drawn)
    assert heights["equal"] > heights["broadcast"] > heights["error"]
    assert {"= equal", "~ stretched", "✗ fails"} <= set(words(picture))
    assert [word for word in words(picture) if word.isdigit()] == ["1", "4"]  # the first size, and every fourth
    assert picture.alt == "Input sizes 1 to 5. The add runs at 3 to 4; it is stretched at 1; elsewhere it fails."


def test_legal_sizes_mark_the_size_that_is_shown():
    picture = draw_legal_sizes(dict.fromkeys(range(1, 65), "equal"), marked=32)
    frame = next(path.get("d") for path in parse(picture).iter(f"{SVG}path") if path.get("class") == "line")
    marked = [element for element in parse(picture).iter(f"{SVG}rect") if element.get("class") == "equal"][31]
    assert float(frame[1:].split()[0]) == pytest.approx(float(marked.get("x")) - 1.5, abs=0.01)


def test_a_click_on_a_bar_names_its_size():
    verdicts = {1: "broadcast", 2: "error", 3: "equal"}
    live = ElementTree.fromstring(draw_legal_sizes(verdicts, marked=3).live)
    hits = next(group for group in live.iter(f"{SVG}g") if group.get("class") == "go")
    marks = [mark for mark in live.iter(f"{SVG}rect") if mark.get("class") in verdicts.values()]
    assert [hit.get("data-size") for hit in hits] == ["1", "2", "3"]
    assert [hit.find(f"{SVG}title").text for hit in hits] == ["1: stretched", "2: fails", "3: equal"]
    for hit, mark in zip(hits, marks, strict=False):
        (left, width), (x, wide) = numbers(hit, "x", "width"), numbers(mark, "x", "width")
        assert left <= x and x + wide <= left + width
    assert ".skiplib-input_size input" in hits.get("onclick") and "'change',{bubbles:true}" in hits.get("onclick")


def test_alignment_shades_what_each_side_reads():
    picture = draw_alignment(32, 0, ([0], [-1, 0, 1, 3]), ([0], range(-3, 6)))
    assert painted(picture, 32, 32) == [[-1, 0, 1, 3], [0]]
    (left, width), cell = numbers(classed(picture, "image", "rect")[0], "x", "width"), 630 / 35
    assert width == pytest.approx(32 * cell, abs=0.01)
    tips = [corners(path)[0][0] + 5 for path in parse(picture).iter(f"{SVG}path") if path.get("style")]
    assert tips == pytest.approx(
        [left + 1.5 * cell, left + 0.5 * cell], abs=0.01
    )  # the middle of where each side looks
    assert picture.alt == "For output column 0 the branch reads input columns 0 to 1, 3, the skip input column 0."
    nothing = draw_alignment(32, 0, (range(-6, -2), []), (range(-6, -2),) * 2)
    assert painted(nothing, 32, 32) == [[], [-6, -5, -4, -3]]
    assert nothing.alt == "For output column 0 the branch reads padding only, the skip padding only."


def test_alignment_of_a_long_axis_draws_the_stretch_around_what_is_read():
    picture = draw_alignment(4096, 500, *[([2000], range(1999, 2002))] * 2, axis=0)
    assert picture.alt == "For output row 500 the branch reads input rows 1999 to 2001, the skip input row 2000."
    (title,) = (word for word in words(picture) if word.startswith("where"))
    first, last = map(int, re.search(r"rows (\d+) to (\d+) of 4096", title).groups())
    assert first <= 1999 and last >= 2001 and 60 <= last - first + 1 <= 126
    many = last - first + 1
    assert painted(picture, many, many) == [
        [place - first for place in seen] for seen in ([1999, 2000, 2001], [2000])
    ]
    assert numbers(classed(picture, "image", "rect")[0], "width")[0] / many >= 5
    at_the_end = draw_alignment(4096, 9, *[(range(4095, 4096), range(4090, 4100))] * 2)
    assert "to 4095 of 4096" in " ".join(words(at_the_end))
    far = draw_alignment(4096, 1000, *[(range(4000, 4003), range(998, 1003))] * 2)
    assert "columns 998 to 4002 of 4096" in " ".join(words(far))
    assert [re.findall("h([0-9.]+)v", path.get("d")) for path in classed(far, "window")] == [["2"], ["2"]]


def test_chain_marks_what_is_seen_where_cells_are_finer_than_a_pixel():
    picture = draw_chain(4096, [ConvGeometry(3, padding=1)] * 4, output_index=2000)
    assert [re.findall("h([0-9.]+)v", path.get("d")) for path in classed(picture, "window")] == [["2"]] * 5
    gap = draw_chain(4096, [ConvGeometry(2, dilation=2000)], output_index=9)  # wider than a pixel: it is seen
    assert [len(re.findall("M", path.get("d"))) for path in classed(gap, "window")] == [2, 1]
    assert len(picture.live) < 20_000 and "kept: every size from 1" in words(picture)


def test_block_is_as_wide_as_its_words():
    shape, label = (1, 1024, 4096, 4096), "max pooling\nk (3,5), s (2,2), p (1,2), ceil"
    narrow = draw_block([("conv", (1, 3, 8, 8))] * 2, input_shape=(1, 3, 8, 8), verdict="equal")
    wide = draw_block([("conv", shape)] * 2, input_shape=shape, verdict="equal", shortcut=(label, shape))
    boxes = [float(each.get("width")) for each in parse(wide).iter(f"{SVG}rect") if each.get("class") == "box"]
    assert len(boxes) == 3 and {*boxes} == {7 * len(label.split("\n")[1]) + 6}
    assert wide.width > narrow.width + 3 * (7 * 21 - 100)


def test_residual_names_poolings_numbers_of_both_axes_and_what_is_cropped():
    pool = PoolGeometry(3, stride=2, padding=1, mode="average", ceil_mode=True)
    branch = ((ConvGeometry(3, padding=1), ConvGeometry(5, padding=2)), pool)
    shortcut = Shortcut(kind="max pooling", branch=branch, in_channels=2, out_channels=5, geometry=PoolGeometry(2))
    settings = {"hidden_channels": 4, "output_index": 0, "pictures": ["block"]}
    picture = draw_residual(shortcut, (8, 12), verdicts={}, **settings)
    assert picture.alt.startswith(
        "A block. Branch: x (1, 2, 8, 12), conv1, ReLU k (3,5), s 1, p (1,2) (1, 5, 8, 12), average pool 2 "
        "k 3, s 2, p 1, ceil (1, 5, 5, 7). Skip: x (1, 2, 8, 12), max pooling k 2, s 2, p 0 (1, 2, 4, 6)."
    )
    causal = Shortcut(kind="crop", branch=(ConvGeometry(3, padding=2),), in_channels=1, out_channels=1)
    cut = draw_residual(causal, 10, verdicts={}, **settings)
    assert "(1, 1, 12, 12), crop (1, 1, 10, 10). Skip: x (1, 1, 10, 10). At the add the shapes are equal." in cut.alt
    smaller = Shortcut(kind="crop", branch=(ConvGeometry(3),), in_channels=1, out_channels=1)
    assert "Skip: x (1, 1, 10, 10), crop (1, 1, 8, 8)." in draw_residual(smaller, 10, verdicts={}, **settings).alt
    uneven = ((ConvGeometry(3, padding=2), ConvGeometry(3)),)
    both = draw_residual(
        Shortcut(kind="crop", branch=uneven, in_channels=1, out_channels=1), 10, verdicts={}, **settings
    )
    assert "(1, 1, 12, 8), crop (1, 1, 10, 8). Skip: x (1, 1, 10, 10), crop (1, 1, 10, 8)." in both.alt


def test_residual_is_its_block_its_sizes_its_alignment_and_its_add():
    conv = ConvGeometry(3, stride=2, padding=1)
    shortcut = Shortcut(
        kind="projection", branch=(conv, conv), in_channels=2, out_channels=5, geometry=ConvGeometry(2, stride=4)
    )
    verdicts = {size: shortcut.verdict(size) for size in range(1, 17)}
    picture = draw_residual(shortcut, 16, hidden_channels=3, output_index=1, verdicts=verdicts)
    shapes = [
        ("conv1, ReLU\nk 3, s 2, p 1", (1, 3, 8, 8)),
        ("conv2, ReLU\nk 3, s 2, p 1", (1, 5, 4, 4)),
    ]
    parts = [
        draw_block(
            shapes,
            input_shape=(1, 2, 16, 16),
            verdict="equal",
            shortcut=("projection\nk 2, s 4, p 0", (1, 5, 4, 4)),
            output_shape=(1, 5, 4, 4),
        ),
        draw_legal_sizes(verdicts, marked=16),
        draw_alignment(16, 1, *[(range(4, 6), range(1, 8))] * 2),
        draw_add(
            (1, 5, 4, 4),
            (1, 5, 4, 4),
            looks=(
                ((1 / 16, 5 / 16, 9 / 16, 13 / 16),) * 2,
                ((0.5 / 16, 4.5 / 16, 8.5 / 16, 12.5 / 16),) * 2,
            ),
        ),
    ]
    assert picture.alt == " ".join(part.alt for part in parts)
    assert picture == stack_pictures(parts)
    some = draw_residual(
        shortcut, 16, hidden_channels=3, output_index=1, verdicts=verdicts, pictures=("add", "block")
    )
    assert some == stack_pictures([parts[3], parts[0]])


@pytest.mark.parametrize(
    ("settings", "label"),
    [
        ({"kind": "identity"}, None),
        ({"kind": "resize"}, "resize"),
        ({"kind": "option A", "geometry": ConvGeometry(1, stride=4)}, "k 1, s 4, p 0"),
        ({"kind": "projection", "geometry": ConvGeometry(3, 4, 1, 2)}, "k 3, s 4, p 1, d 2"),
    ],
)
def test_residual_names_its_shortcut_with_what_was_chosen(settings, label):
    shortcut = Shortcut(branch=(ConvGeometry(3), ConvGeometry(3)), in_channels=1, out_channels=1, **settings)
    verdicts = {16: shortcut.verdict(16)}
    said = words(draw_residual(shortcut, 16, hidden_channels=4, output_index=0, verdicts=verdicts))
    assert (label in said) if label else (shortcut.kind not in said)
    assert said.count("k 3, s 1, p 0") == 2


def test_stretched_add_gives_the_larger_of_both_shapes():
    shortcut = Shortcut(kind="identity", branch=(ConvGeometry(3, padding=1),) * 2, in_channels=1, out_channels=6)
    picture = draw_residual(
        shortcut, 8, hidden_channels=4, output_index=0, verdicts={8: shortcut.verdict(8)}, pictures=["block"]
    )
    assert words(picture).count("(1, 6, 8, 8)") == 2 and "~ legal, but stretched" in " ".join(words(picture))


def test_stacked_pictures_keep_their_order_and_their_words():
    one, two = draw_strip(7, ConvGeometry(3)), draw_strip(9, ConvGeometry(3))
    both = stack_pictures([one, two], gap=8)
    inner = parse(both).findall(f"{SVG}svg")
    assert [float(svg.get("y")) for svg in inner] == [0, one.height + 8]
    assert both.alt == f"{one.alt} {two.alt}" and both.height == one.height + two.height + 8


def test_stacked_pictures_answer_the_mouse_where_each_stands():
    one, two = draw_strip(7, ConvGeometry(3)), draw_legal_sizes({1: "error", 2: "equal"}, marked=2)
    both = stack_pictures([one, two])
    assert f'<g transform="translate(0 {one.height + 8:g})">{two.hover}</g></svg>' in both.live
    assert "onclick" not in both.svg and not stack_pictures([one]).hover


def test_matrices_shade_by_size_and_sign():
    picture = draw_matrices({"x": [[0.0, 1.0], [-1.0, 0.5]], "y": [[2.0]]})
    classes = [path.get("class") for path in parse(picture).iter(f"{SVG}path")]
    assert classes == ["n6", "p3", "p6", "minus", "p12"]
    assert picture.alt == "Matrices as pictures. x: 2 by 2, from -1.0 to 1.0; y: 1 by 1, from 2.0 to 2.0."


def test_matrices_of_zeros_are_white_and_bad_numbers_are_refused():
    assert "<path" not in draw_matrices({"zero": [[0.0]]}).svg
    for bad in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="`matrices` must hold finite numbers only"):
            draw_matrices({"bad": [[0.0, bad]]})


def test_digits_of_a_column_share_one_scale_from_white_to_black():
    images = list(parse(draw_stages(on_their_way(2))).iter(f"{SVG}image"))
    assert len(images) == 2 * 2 * 2  # networks, places, digits
    assert grey_pixels(images[0]) == [[255, 128], [191, 223]]
    assert grey_pixels(images[1]) == [[255, 0], [128, 128]]


@pytest.mark.parametrize(
    ("places", "names"),
    [
        (1, []),
        (2, ["stem"]),
        (3, ["stem", "block 1"]),
        (5, ["stem", "block 1", "2", "3"]),
        (6, ["stem", "block 1", "2", "4"]),
        (51, ["stem", "block 1", "2", "4", "8", "16", "32", "49"]),
    ],
)
def test_blocks_at_powers_of_two_and_the_last_one_have_a_column(places, names):
    picture = draw_stages(on_their_way(places))
    named = [
        word for word in words(picture) if (word[0].isdigit() and "%" not in word) or word[:5] in ("stem", "block")
    ]
    assert named == names
    columns = [numbers(image, "x") for image in parse(picture).iter(f"{SVG}image")]
    assert 1.25 * (max(columns)[0] + 33) < picture.width == draw_stages(on_their_way(2)).width  # it keeps its size


def test_spread_is_a_bar_and_a_number_under_its_column():
    stages = on_their_way(1, spread=0.4) | {"skip": on_their_way(1, spread=1.0)["skip"]}
    picture = draw_stages(stages)
    bars = {each.get("class"): numbers(each, "width")[0] for each in parse(picture).iter(f"{SVG}rect")}
    assert bars["bar-plain"] == pytest.approx(0.4 * bars["bar-skip"])
    assert {"40 %", "100 %"} <= set(words(picture))
    assert picture.alt == "How far four digits differ. plain: digit 40 %. skip: digit 100 %."


def test_digits_walk_on_the_live_picture_only_and_only_where_motion_is_welcome():
    picture = draw_stages(on_their_way(4))
    assert "animation" not in picture.svg and "Play" not in picture.svg
    before, _, after = picture.live.partition("@media (prefers-reduced-motion:no-preference)")
    assert "animation" not in before and after.count("animation:skiplib") == 1
    assert re.findall(r'class="place" style="--at:(\d)"', picture.live) == ["0", "1", "2", "3"]
    assert "{.skiplib .play{display:none}}" in after
    assert (
        list(ElementTree.fromstring(picture.live))[-1].find("{http://www.w3.org/1999/xhtml}button").text == "▶ Play"
    )


def test_equal_digits_are_white_and_bad_numbers_are_refused():
    images = parse(draw_stages(on_their_way(1, images=[[[3.0, 3.0]]] * 4, spread=0.0))).iter(f"{SVG}image")
    assert [grey_pixels(image) for image in images] == [[[255, 255]]] * 8
    with pytest.raises(ValueError, match="`stages` must hold finite numbers only"):
        draw_stages(on_their_way(1, images=[[[float("inf")]]]))
