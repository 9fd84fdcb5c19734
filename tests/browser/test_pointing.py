"""What a convolution's picture answers to the mouse, in a browser without JupyterLab: convolution.js at work."""

import re
from itertools import product

import pytest

from skiplib.arithmetic import ConvGeometry
from skiplib.diagrams.axis import Spread
from skiplib.diagrams.convolution import draw_convolution
from skiplib.diagrams.transposed import draw_transposed
from skiplib.explorers.convolution import _WALK as WALK
from skiplib.kernels import Convolution, named_weights

PAGE = """<div class="skiplib-explorer"><div>{walk}</div>
<div class="skiplib-output_index"><input type="number" value="0" onchange="window.set = this.value"></div>
<div id="picture">{picture}</div></div>"""
INSIDE = "([d, x, y]) => document.createElement('canvas').getContext('2d').isPointInPath(new Path2D(d), x, y)"
PAIRS = [
    ((7, 8), (ConvGeometry(3, 2, 1), ConvGeometry(2, 3, 2)), None),
    ((7, 8), (ConvGeometry(3, 2, 1), ConvGeometry(2, 3, 2)), "edge"),
    ((8, 8), (ConvGeometry(3, 1, 0, 2), ConvGeometry(3)), "random"),
    ((8, 8), (ConvGeometry(1, 3), ConvGeometry(1, 2)), None),
]


def drawn(size, geometries, kernel, place=(0, 0)):
    image = [[3 * row - column for column in range(size[1])] for row in range(size[0])]
    weights = named_weights(kernel, *(axis.kernel_size for axis in geometries)) if kernel else None
    values = Convolution(image, weights, geometries) if weights else None
    return draw_convolution(size, geometries, output_index=place, values=values)


@pytest.fixture
def page(chromium):
    page = chromium.new_page(viewport={"width": 900, "height": 700})
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    page.close()
    assert errors == []


@pytest.fixture
def show(page):
    def shown(picture):
        page.set_content(PAGE.format(walk=WALK, picture=picture.live))
        return page.locator("svg")

    return shown


def pieces(markup):
    """Words and numbers of the marked window, the numbers as far as both languages write them alike."""
    texts = re.findall(r">([^<]+)</text>", markup)
    return texts, [round(float(n), 2) for n in re.findall(r"-?\d+\.?\d*", re.sub(r">[^<]+</text>", "", markup))]


def now(picture):
    return re.search('<g class="now">(.*)</g><text [^>]*class="m halo"', picture.svg)[1]


def point(page, known, panel, row, column):
    """Move the mouse to a pixel of a panel."""
    svg = page.locator("svg")
    frame = svg.bounding_box()
    scale = frame["width"] / float(svg.get_attribute("width"))
    x, y = (
        scale * (known[axis][panel] + (at + 0.5) * known["cell"]) for axis, at in (("columns", column), ("rows", row))
    )
    page.mouse.move(frame["x"] + x, frame["y"] + y)


def knowledge(page):
    return page.evaluate("JSON.parse(document.querySelector('.hits').dataset.axes)")


@pytest.mark.parametrize(("size", "geometries", "kernel"), PAIRS)
def test_pointing_at_an_output_draws_what_python_draws_there(page, show, size, geometries, kernel):
    start = drawn(size, geometries, kernel)
    show(start)
    known = knowledge(page)
    for row in range(known["rows"]["places"]):
        for column in range(known["columns"]["places"]):
            point(page, known, "output", row, column)
            markup = page.locator(".now").inner_html()
            assert pieces(markup) == pieces(now(drawn(size, geometries, kernel, (row, column))))
    page.mouse.move(1, 1)
    assert pieces(page.locator(".now").inner_html()) == pieces(now(start))


@pytest.mark.parametrize(("size", "geometries", "kernel"), PAIRS)
def test_pointing_at_the_image_lights_the_outputs_that_read_the_pixel(page, show, size, geometries, kernel):
    show(drawn(size, geometries, kernel))
    known = knowledge(page)
    cell, fed = known["cell"], page.locator(".hits path").nth(1)
    counts = set()
    for row in range(known["rows"]["padded"]):
        for column in range(known["columns"]["padded"]):
            point(page, known, "input", row, column)
            outputs = [
                (across, down)
                for down in range(known["rows"]["places"])
                if row in geometries[0].window(down).taps
                for across in range(known["columns"]["places"])
                if column in geometries[1].window(across).taps
            ]
            places = re.findall(r"M([\d.]+) ([\d.]+)", fed.get_attribute("d"))[1:]
            lit = [
                (
                    round((float(x) - known["columns"]["output"]) / cell),
                    round((float(y) - known["rows"]["output"]) / cell),
                )
                for x, y in places
            ]
            assert lit == outputs
            counts.add(len(lit))
            said = page.locator(".now text.said").first.inner_html()
            assert said.endswith(f" feeds {len(lit) or 'no'} output{'s' if len(lit) != 1 else ''}")
            inside = [
                0 <= at - axis.padding < pixels
                for at, axis, pixels in zip((row, column), geometries, size, strict=True)
            ]
            assert ("padding" in said) != all(inside)
    assert len(counts) > 1
    page.mouse.move(1, 1)
    assert fed.get_attribute("d") == ""


def test_click_on_an_output_sets_the_number_box(page, show):
    show(drawn(*PAIRS[1]))
    known = knowledge(page)
    point(page, known, "output", 2, 1)
    page.mouse.down(), page.mouse.up()
    assert page.evaluate("window.set") == str(2 * known["columns"]["places"] + 1)
    page.evaluate("window.set = null")
    point(page, known, "input", 2, 1)
    page.mouse.down(), page.mouse.up()
    assert page.evaluate("window.set") is None


SPREADS = [
    (Spread("row", 4, ConvGeometry(3, 2, 1), 1), Spread("column", 3, ConvGeometry(2, 3, 0), 2)),
    (Spread("row", 3, ConvGeometry(3, 1, 1, 3), 2), Spread("column", 5, ConvGeometry(4, 2, 2))),
]


def lit_cells(page, known):
    """The panel and place of every pixel that is lit, the one under the mouse first."""
    d = page.locator(".hits path").nth(1).get_attribute("d")
    for x, y in re.findall(r"M([\d.]+) ([\d.]+)", d):
        panel = "input" if float(x) >= known["columns"]["input"] else "output"  # the larger one is on the right
        at = [
            round((float(each) - known[axis][panel]) / known["cell"]) for axis, each in (("rows", y), ("columns", x))
        ]
        yield panel, tuple(at)


@pytest.mark.parametrize("spreads", SPREADS)
def test_pointing_at_the_output_of_a_transposed_convolution_marks_what_python_marks_there(page, show, spreads):
    rows, columns = spreads
    start = draw_transposed(rows, columns)
    show(start)
    known = knowledge(page)
    for row in range(-rows.padding, rows.padded - rows.padding):
        for column in range(-columns.padding, columns.padded - columns.padding):
            here = row + rows.padding, column + columns.padding
            point(page, known, "input", *here)
            sources = {("output", (down, across)) for down in rows.sources(row) for across in columns.sources(column)}
            assert set(lit_cells(page, known)) == sources | {("input", here)}
            assert page.locator(".now text.said").all_text_contents() == [rows.reached(row), columns.reached(column)]
            assert not page.locator(".now path").is_visible()
    page.mouse.move(1, 1)
    assert pieces(page.locator(".now").inner_html()) == pieces(re.search('<g class="now">(.*?)</g>', start.svg)[1])


@pytest.mark.parametrize("spreads", SPREADS)
def test_pointing_at_an_input_lights_the_outputs_that_it_reaches(page, show, spreads):
    rows, columns = spreads
    show(draw_transposed(rows, columns))
    known = knowledge(page)
    for row, column in ((0, 0), (rows.places - 1, 1), (1, columns.places - 1)):
        point(page, known, "output", row, column)
        reached = product(rows.windows[row].taps, columns.windows[column].taps)
        assert set(lit_cells(page, known)) == {("output", (row, column)), *(("input", place) for place in reached)}
        said = [f"input {rows.reads(row)}", f"input {columns.reads(column)}"]
        assert page.locator(".now text.said").all_text_contents() == said


def test_click_on_an_output_of_a_transposed_convolution_sets_the_number_box(page, show):
    rows, columns = SPREADS[0]
    show(draw_transposed(rows, columns))
    known = knowledge(page)
    for panel, place, expected in (
        ("input", (rows.padding + 2, 1), str(2 * columns.size + 1)),
        ("input", (0, 1), None),  # it is cropped
        ("output", (1, 1), None),
    ):
        page.evaluate("window.set = null")
        point(page, known, panel, *place)
        page.mouse.down(), page.mouse.up()
        assert page.evaluate("window.set") == expected


def covered(page, known):
    """How many output pixels are not painted yet."""
    path = page.locator(".hits path").first.get_attribute("d")
    box = known["columns"]["places"], known["rows"]["places"]
    hidden = 0
    for row in range(box[1]):
        for column in range(box[0]):
            x, y = (
                known[axis]["output"] + (at + 0.5) * known["cell"]
                for axis, at in (("columns", column), ("rows", row))
            )
            hidden += page.evaluate(INSIDE, [path, x, y])
    return hidden


def test_walk_paints_place_by_place_in_order_and_sets_the_last(page, show):
    page.clock.install(time=0)
    page.clock.pause_at(1000)
    picture = drawn(*PAIRS[2])
    show(picture)
    known = knowledge(page)
    places = known["rows"]["places"] * known["columns"]["places"]
    page.get_by_role("button", name="walk").click()
    for place in range(places):
        page.clock.run_for(400)
        at = divmod(place, known["columns"]["places"])
        assert pieces(page.locator(".now").inner_html()) == pieces(now(drawn(*PAIRS[2], at)))
        assert covered(page, known) == places - 1 - place
    page.clock.run_for(400)
    assert page.evaluate("window.set") == str(places - 1) and covered(page, known) == 0
    page.evaluate("window.set = null")
    page.clock.run_for(4000)
    assert page.evaluate("window.set") is None  # it has come to its end


def test_walk_stops_where_it_is_and_goes_on_from_there(page, show):
    page.clock.install(time=0)
    page.clock.pause_at(1000)
    show(drawn(*PAIRS[2]))
    button = page.get_by_role("button", name="walk")
    button.click()
    page.clock.run_for(3 * 400)
    button.click()
    assert page.evaluate("window.set") == "2" and covered(page, knowledge(page)) == 0
    button.click()
    page.clock.run_for(400)
    assert "column 2 reads" in page.locator(".now").inner_html()
    page.evaluate("document.querySelector('#picture').innerHTML = ''")  # a control has moved
    page.clock.run_for(4000)


def test_walk_of_many_places_takes_20_seconds(page, show):
    page.clock.install(time=0)
    page.clock.pause_at(1000)
    show(draw_convolution((32, 32), (ConvGeometry(2, 2, 2),) * 2))
    page.get_by_role("button", name="walk").click()
    page.clock.run_for(19_000)
    assert page.evaluate("window.set ?? null") is None
    page.clock.run_for(2_000)
    assert page.evaluate("window.set") == "323"


def test_walk_is_one_step_where_motion_is_not_wanted(page, show):
    page.emulate_media(reduced_motion="reduce")
    show(drawn(*PAIRS[2]))
    page.get_by_role("button", name="walk").click()
    assert page.evaluate("window.set") == "1"
