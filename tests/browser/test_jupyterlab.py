"""The notebooks as people use them: in a real JupyterLab, with eyes, keyboard and mouse."""

import io
import re

import pytest
from PIL import Image
from playwright.sync_api import expect
from test_house import folds, read
from test_slides import slides

from browser.conftest import ROOT, WINDOW

ROWS = ".widget-vbox:has(> .widget-text):has(> .widget-slider)"
REPAIR = ".widget-dropdown:has-text('repair')"
TRAINING = """
import torch
from skiplib.explorers.training import TrainingExplorer
torch.set_num_threads(1)
TrainingExplorer(epochs=20)
"""
LESIONS = """
import torch
from skiplib.explorers.lesions import LesionExplorer
torch.set_num_threads(1)
LesionExplorer()
"""
SCREENS = [(1400, 900), (1024, 640), (853, 480)]  # the last: 1280 x 720 at 150 %
PARTS = """place => {
    const view = window.panel.content.node.getBoundingClientRect();
    const explorer = window.panel.content.widgets[place].node.querySelector('.skiplib-explorer');
    const inside = box => Math.max(0, Math.min(box.bottom, view.bottom) - Math.max(box.top, view.top)) / box.height;
    const boxes = selector => [...explorer.querySelectorAll(selector)].map(part => part.getBoundingClientRect());
    const [picture] = boxes('svg[role=img]');
    const sliders = boxes('.widget-slider').filter(box => box.height);
    const column = explorer.querySelector('.skiplib-column').getBoundingClientRect();
    const status = boxes('[role=status]')[0];
    return {
        needed: Math.max(picture.bottom, column.bottom) - status.top,
        room: view.height,
        picture: inside(picture),
        sliders: sliders.filter(box => inside(box) === 1).length,
        widths: sliders.map(box => box.width),
    };
}"""
FOLD = """place => {
    const notebook = window.panel.content;
    if (notebook.widgets[place].headingCollapsed) return;
    notebook.activeCellIndex = place;
    return window.jupyterapp.commands.execute('notebook:toggle-heading-collapse');
}"""
HEIGHTS = """async () => {
    const notebook = window.panel.content, before = notebook.notebookConfig;
    notebook.notebookConfig = {...before, windowingMode: 'none'};
    await %s;
    const heights = notebook.widgets.map(cell => cell.node.getBoundingClientRect().height);
    notebook.notebookConfig = before;
    return heights;
}"""
PAINTED = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
BOX = "element => element.getBoundingClientRect().toJSON()"
TWO = (
    "from skiplib.explorers.convolution import ConvExplorer\nConvExplorer(input_size=8, stride=2)",
    "ConvExplorer(input_size=5)",
)


def test_freshly_opened_notebook_shows_pictures_with_alt_text(fresh, screenshot):
    for place in fresh.explorers():
        cell = fresh.cell(place)
        pictures = cell.locator(".jp-OutputArea-output img")
        expect(pictures).to_have_count(1)
        assert len(pictures.get_attribute("alt")) > 20
        assert pictures.evaluate("image => image.complete && image.naturalWidth") > 200
        said = cell.inner_text().lower()
        assert "geometries" not in said and "model not found" not in said and "error" not in said
        screenshot(fresh, place)
    assert fresh.errors == []


def on_screen(notebook, place):
    """Whether any part of a cell can be seen."""
    return notebook.page.evaluate(
        """place => {
            const box = window.panel.content.widgets[place].node.getBoundingClientRect();
            const view = window.panel.content.node.getBoundingClientRect();
            return box.height > 0 && box.bottom > view.top && box.top < view.bottom;
        }""",
        place,
    )


def assert_no_answer_is_on_the_screen_with_its_question(notebook, screenshot):
    folded = list(folds(read(ROOT / notebook.path).cells))
    assert folded
    for width, height in SCREENS:
        notebook.page.set_viewport_size({"width": width, "height": height})
        for look, hidden in folded:
            place = look - 1
            notebook.cell(place)
            notebook.page.evaluate(PAINTED)
            assert on_screen(notebook, place)
            assert [other for other in hidden if on_screen(notebook, other)] == []
        screenshot(notebook, width)
    notebook.page.set_viewport_size(WINDOW)
    assert notebook.errors == []


def test_no_answer_is_on_the_screen_with_its_question_in_a_fresh_notebook(fresh, screenshot):
    for look, _ in folds(read(ROOT / fresh.path).cells):  # the test above looked at explorers below, which opened it
        fresh.page.evaluate(FOLD, look)
    assert_no_answer_is_on_the_screen_with_its_question(fresh, screenshot)


def test_no_answer_is_on_the_screen_with_its_question_after_all_cells_ran(ran, screenshot):
    assert_no_answer_is_on_the_screen_with_its_question(ran, screenshot)


def test_every_slide_is_as_low_as_a_projector(ran):
    """jupyterlab-deck at 1280 x 720: text as wide as here, cells without their margins of 12, 10 above the slide."""
    ran.page.set_viewport_size({"width": 1299, "height": 720})
    ran.command("notebook:expand-all-headings")
    heights = ran.page.evaluate(HEIGHTS % PAINTED)
    shown = slides(read(ROOT / ran.path).cells)
    ran.page.set_viewport_size(WINDOW)
    needed = {str(slide): 10 + sum(heights[place] - 12 for place in slide) for slide in shown}
    assert min(heights[place] for slide in shown for place in slide) > 12
    assert {slide: round(height) for slide, height in needed.items() if height > 720} == {}


def test_every_explorer_lives_and_answers_the_keyboard(ran, screenshot):
    failed = [out for cell in ran.cells() for out in cell.get("outputs", []) if out["output_type"] == "error"]
    assert failed == []
    seen = set()
    for place, text in ran.explorers().items():
        cell, kind = ran.cell(place), text.partition("(")[0]
        expect(cell.locator("svg[role=img]").first).to_be_visible()
        screenshot(ran, place)
        if kind not in seen:  # once for every kind in a notebook: the others differ in where they start
            move_every_slider(ran, cell, answers=kind != "TrainingExplorer")
            move_every_choice(ran, cell, answers=kind != "TrainingExplorer")
        seen.add(kind)
    assert ran.errors == []


def move_every_slider(notebook, cell, *, answers):
    """To both ends by keyboard, and back by the number box."""
    rows = [row for row in cell.locator(ROWS).all() if row.is_visible()]
    assert rows
    for row in rows:
        handle, box, before = row.locator(".noUi-handle"), row.locator("input"), notebook.shown(cell)
        start, states = box.input_value(), set()
        for key, bound in (("Home", "aria-valuemin"), ("End", "aria-valuemax")):
            handle.focus()
            notebook.page.keyboard.press(key)
            notebook.settle()
            assert float(handle.get_attribute("aria-valuenow")) == float(handle.get_attribute(bound))
            states.add(notebook.shown(cell))
        assert len(states) == 2 or not answers, f"{row.inner_text()} changes nothing"
        box.fill(start)
        notebook.page.keyboard.press("Enter")
        notebook.settle()
        assert notebook.shown(cell) == before, f"{row.inner_text()} does not come back"


def move_every_choice(notebook, cell, *, answers):
    """Dropdowns through all their options, checkboxes twice.

    Not by arrow keys: JupyterLab takes them from a focused dropdown, to select another cell.
    """
    for choice in cell.locator(f"select:visible:not({REPAIR} select)").all():
        before, states, start = notebook.shown(cell), set(), choice.input_value()
        for option in choice.locator("option").all():
            choice.select_option(option.get_attribute("value"))
            notebook.settle()
            states.add(notebook.shown(cell))
        assert len(states) > 1 or not answers, f"{choice.inner_text()} changes nothing"
        choice.select_option(start)
        notebook.settle()
        assert notebook.shown(cell) == before
    for repair in cell.locator(f"{REPAIR} select").all():  # moves other controls, so there is no way back
        for look in cell.get_by_role("button", name="look for repairs").all():
            look.click()
            notebook.settle()
        before = notebook.shown(cell)
        repair.select_option(index=repair.locator("option").count() - 1)
        notebook.settle()
        assert notebook.shown(cell) != before
    for box in cell.locator("input[type=checkbox]:visible").all():
        before = notebook.shown(cell)
        for _ in range(2):
            box.focus()
            notebook.page.keyboard.press("Space")
            notebook.settle()
        assert notebook.shown(cell) == before


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_stands_out_from_its_background(ran, screenshot, theme):
    ran.theme(theme)
    kinds = {}
    for place, text in ran.explorers().items():
        kinds.setdefault(text.partition("(")[0], place)
    for kind, place in kinds.items():
        cell = ran.cell(place)
        cell.locator(".skiplib-both").scroll_into_view_if_needed()
        ran.page.wait_for_timeout(300)
        screenshot(ran, kind)
        found = list(contrasts(ran.page, cell))
        assert len(found) > 3
        faint = [(words, round(ratio, 1)) for words, ratio in found if ratio < 4.5]
        assert not faint, faint


@pytest.mark.parametrize("width", [900, 640], ids=["900 pixels", "1280 pixels at 200 %"])
def test_nothing_is_cut_off_in_a_narrow_window(ran, screenshot, width):
    ran.page.set_viewport_size({"width": width, "height": 700})
    try:
        for place in ran.explorers():
            cell = ran.cell(place)
            ran.page.wait_for_timeout(200)
            screenshot(ran, place)
            wide = cell.locator(".jp-OutputArea-output").evaluate_all(
                "parts => parts.map(part => part.scrollWidth - part.clientWidth).filter(excess => excess > 1)"
            )
            assert wide == []
    finally:
        ran.page.set_viewport_size(WINDOW)


def test_every_control_has_a_name(ran):
    for place in ran.explorers():
        for control in ran.cell(place).locator("input:visible, select:visible, button.jupyter-button:visible").all():
            expect(control).to_have_accessible_name(re.compile(r"\S"))
            # A slider's handle cannot have one (ipywidgets issue 2650): its number box stands beside it.


@pytest.mark.parametrize(("width", "height"), SCREENS)
def test_every_explorer_fits_one_screen_and_stays_in_view_after_its_cell_is_run(ran, screenshot, width, height):
    page = ran.page
    page.set_viewport_size({"width": width, "height": height})
    ran.command("notebook:expand-all-headings")
    for place in ran.explorers():
        ran.cell(place - 1)
        for _ in range(2):  # a reader comes from the cell before
            ran.command("notebook:run-cell-and-select-next")
            ran.settle()
        page.wait_for_timeout(200)
        parts = page.evaluate(PARTS, place)
        screenshot(ran, f"{width}-{place}")
        assert parts["needed"] <= parts["room"], (place, parts)
        assert parts["picture"] >= 0.5 and parts["sliders"] >= 1, (place, parts)
        assert min(parts["widths"]) >= 180
    page.set_viewport_size(WINDOW)


@pytest.fixture
def conv(of_cells):
    """Two explorers that need no torch, run, and the cell of the first."""
    notebook = of_cells("two", *TWO)
    notebook.run_all()
    return notebook, notebook.cell(0), 0


def test_picture_answers_the_mouse_and_a_click_moves_the_slider(conv, screenshot):
    notebook, cell, _ = conv
    output = cell.locator(".hits rect").last
    output.scroll_into_view_if_needed()
    box = output.bounding_box()
    for row, column in ((0, 0), (2, 1), (1, 2)):  # of 3 by 3
        x, y = (box[start] + (at + 0.5) * box["width"] / 3 for start, at in (("x", column), ("y", row)))
        notebook.page.mouse.move(x, y)
        words = " ".join(cell.locator(".now text").all_text_contents())
        assert (
            f"row {row} reads rows {2 * row}, " in words and f"column {column} reads columns {2 * column}, " in words
        )
    screenshot(notebook, "lit")
    notebook.page.mouse.click(x, y)
    notebook.settle()
    assert cell.locator(".skiplib-output_index input").input_value() == "5"
    assert "Marked: output row 1 reads" in cell.locator("svg[role=img]").first.get_attribute("aria-label")


def test_convolution_walks_paints_and_stops(of_cells, screenshot):
    notebook = of_cells(
        "walk",
        "from skiplib.explorers.convolution import ConvExplorer\n"
        "ConvExplorer(image=[[(3 * i + j) % 7 for i in range(8)] for j in range(8)], kernel='random')",
    )
    notebook.run_all()
    cell = notebook.cell(0)
    walk, index = cell.get_by_role("button", name="walk"), cell.locator(".skiplib-output_index input")
    for theme in ("light", "dark"):
        notebook.theme(theme)
        walk.click()
        notebook.page.wait_for_timeout(3000)
        screenshot(notebook, theme)
        walk.click()
        notebook.settle()
        assert cell.locator(".cover").get_attribute("d") is None
    assert 4 <= int(index.input_value()) <= 20
    cell.locator("select").first.select_option("own")
    notebook.settle()
    weight = cell.get_by_label("0,0")
    weight.fill("5")
    notebook.page.keyboard.press("Enter")
    notebook.settle()
    assert "×5" in cell.locator(".now text").all_text_contents()
    assert notebook.errors == []


def test_stray_keys_on_a_slider_leave_the_notebook_as_it_is(conv):
    notebook, cell, place = conv
    before = [(each["cell_type"], each["source"]) for each in notebook.cells()]
    cell.locator(".noUi-handle").first.focus()
    for key in ("d", "d", "x", "m"):
        notebook.page.keyboard.press(key)
    notebook.page.wait_for_timeout(300)
    assert [(each["cell_type"], each["source"]) for each in notebook.cells()] == before
    assert place in notebook.explorers()


def test_quick_keys_end_at_the_last_state(conv):
    notebook, cell, _ = conv
    row = cell.locator(ROWS).first
    row.locator(".noUi-handle").focus()
    for _ in range(100):
        notebook.page.keyboard.press("ArrowRight")
    for _ in range(100):
        notebook.page.keyboard.press("ArrowLeft")
    for _ in range(5):
        notebook.page.keyboard.press("ArrowRight")
    notebook.settle()
    value = int(row.locator("input").input_value())
    assert f"{value} × {value} becomes" in notebook.shown(cell)


def test_two_explorers_on_one_page_do_not_disturb_each_other(conv):
    notebook, cell, _ = conv
    before = notebook.shown(notebook.cell(1))
    notebook.cell(0)
    cell.locator(".noUi-handle").first.focus()
    notebook.page.keyboard.press("End")
    notebook.settle()
    assert notebook.shown(notebook.cell(1)) == before


def test_kernel_can_be_restarted_and_everything_run_again(conv):
    notebook, cell, place = conv
    before = notebook.shown(cell)
    notebook.restart()
    cell = notebook.cell(place)
    expect(cell.locator("svg[role=img]").first).to_be_visible()
    assert notebook.shown(cell) == before
    cell.locator(".noUi-handle").first.focus()
    notebook.page.keyboard.press("End")
    notebook.settle()
    assert notebook.shown(cell) != before


def contrasts(page, cell):
    """Each text that is shown, and its contrast (WCAG 2.1): its colour against the commonest one around it."""
    texts = cell.locator(".widget-html-content").evaluate_all(
        """parts => parts.flatMap(part => [...part.querySelectorAll('*')].filter(each =>
            [...each.childNodes].some(node => node.nodeType === 3 && node.data.trim())).map(each => {
                const box = each.getBoundingClientRect(), style = getComputedStyle(each);
                const colour = each instanceof SVGElement ? style.fill : style.color;
                const shown = style.visibility === 'visible' && box.width > 2 && style.opacity > 0.9;
                return [each.textContent.trim(), colour, box.x, box.y, box.width, box.height, shown];
            }))"""
    )
    image = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    for words, colour, x, y, width, height, shown in texts:
        inside = x >= 0 and y >= 60 and x + width <= image.width and y + height <= image.height - 30
        rgb = [float(part) for part in re.findall(r"[\d.]+", colour)][:3]
        rgb = [255 * part for part in rgb] if colour.startswith("color(srgb") else rgb  # a mix of two
        if not shown or not inside or len(rgb) < 3:
            continue
        crop = image.crop((int(x), int(y), int(x + width) + 1, int(y + height) + 1))
        _, background = max(crop.getcolors(crop.width * crop.height))
        dark, light = sorted((luminance(rgb), luminance(background)))
        yield words, (light + 0.05) / (dark + 0.05)


def luminance(rgb):
    red, green, blue = ((v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4) for v in (c / 255 for c in rgb))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_training_runs_stops_and_keeps_its_curves(of_cells, screenshot):
    notebook = of_cells("training", TRAINING.strip())
    notebook.run_all()
    page, cell = notebook.page, notebook.cell(0)
    start, stop, clear = (page.get_by_role("button", name=name, exact=True) for name in ("Start", "Stop", "Clear"))
    expect(stop).to_be_disabled()
    start.click()
    expect(cell.get_by_text("Training: ")).to_be_visible()
    page.wait_for_timeout(2500)
    screenshot(notebook, "running")
    stop.click()
    expect(cell.get_by_text("Stopped. Training accuracy: plain, 20 layers")).to_be_visible()
    screenshot(notebook, "stopped")
    assert "stopped at step" in notebook.shown(cell)
    clear.click()
    expect(cell.get_by_text("Press Start to train.")).to_be_visible()
    assert notebook.errors == []


def test_buttons_pressed_twice_and_in_a_row_end_in_what_is_true(of_cells, screenshot):
    notebook = of_cells("twice", TRAINING.strip())
    notebook.run_all()
    page, cell = notebook.page, notebook.cell(0)
    start, stop, clear = (page.get_by_role("button", name=name, exact=True) for name in ("Start", "Stop", "Clear"))
    ended = cell.get_by_text(
        re.compile(r"Stopped\. Training accuracy: plain, 20 layers: .*%.*; skip, 20 layers: .*%")
    )
    rows = cell.locator("table tr")
    for gap in (0, 100, 300):
        start.dblclick()
        expect(cell.get_by_text("Training: ")).to_be_visible()
        clear.click(force=True)  # the curves of the training before, if there is one
        page.wait_for_timeout(500)
        stop.click()
        page.wait_for_timeout(gap)
        for button in (stop, start, clear, stop):
            button.click(force=True)  # as a finger does, whether it is enabled or not
        notebook.settle()
        expect(cell.get_by_text(re.compile("Measuring|Training: "))).to_have_count(0)
        if cell.get_by_text("Press Start").is_visible():  # it was at rest before Clear came
            expect(rows).to_have_count(0)
        else:
            expect(ended).to_be_visible()
            expect(rows).to_have_count(3)
        expect(start).to_be_enabled()
        expect(stop).to_be_disabled()
        screenshot(notebook, gap)
    assert notebook.errors == []


def test_block_is_switched_off_by_mouse_and_keyboard_and_stopped_training_goes_on(of_cells, screenshot):
    notebook = of_cells("lesions", LESIONS.strip())
    notebook.run_all()
    page, cell = notebook.page, notebook.cell(0)
    start, stop, undo = (page.get_by_role("button", name=name, exact=True) for name in ("Start", "Stop", "Undo"))
    start.click()
    expect(cell.get_by_text("Training: ")).to_be_visible()
    stop.click()
    expect(cell.get_by_text(re.compile(r"Stopped\. Start goes on from step \d+\."))).to_be_visible()
    start.click()
    expect(cell.get_by_text("Of the test digits: plain ")).to_be_visible(timeout=60_000)
    before = notebook.shown(cell)
    for crosses, block in ((2, 5), (4, 2)):  # one in each network
        cell.locator(f".hits [data-block='{block}']").last.click()
        expect(cell.get_by_role("button", name=str(block), exact=True)).to_have_class(re.compile("mod-active"))
        expect(cell.locator("svg[role=img] text", has_text="✗")).to_have_count(crosses)
    screenshot(notebook, "two-off")
    cell.get_by_role("button", name="5", exact=True).press("Space")
    expect(cell.locator("svg[role=img] text", has_text="✗")).to_have_count(2)
    undo.click(click_count=3, delay=200)
    notebook.settle()
    assert notebook.shown(cell) == before and len(notebook.cells()) == 1
    assert notebook.errors == []


def test_interrupted_cell_leaves_a_kernel_that_works(of_cells):
    long = (
        "from skiplib.training import race\nruns = []\n"
        "for run in race([50], seeds=range(99)):\n    runs.append(run)\n    print('trained')"
    )
    notebook = of_cells("long", long, "print('works', len(runs) < 99)")
    notebook.page.evaluate("void window.jupyterapp.commands.execute('notebook:run-cell')")
    for _ in range(300):  # on a busy machine it takes a while to begin
        if "trained" in str(notebook.cells()[0]["outputs"]):
            break
        notebook.page.wait_for_timeout(200)
    notebook.page.evaluate("window.panel.sessionContext.session.kernel.interrupt()")
    notebook.settle()
    assert "KeyboardInterrupt" in str(notebook.cells()[0]["outputs"])
    notebook.cell(1)
    notebook.command("notebook:run-cell")
    notebook.settle()
    assert "works True" in str(notebook.cells()[1]["outputs"])


def test_what_a_learner_types_is_shown_as_text(of_cells):
    notebook = of_cells(
        "typed", "from skiplib.exercises import check\ncheck('01.places', '<img src=x onerror=alert(1)>')"
    )
    notebook.run_all()
    cell = notebook.cell(0)
    expect(cell.get_by_text("this is '<img src=x onerror")).to_be_visible()
    assert cell.locator("img").count() == 0


def test_gradient_is_predicted_with_the_hand_and_measured_over_the_guess(of_cells, screenshot):
    notebook = of_cells(
        "fates", "from skiplib.explorers.fates import FatesExplorer\nFatesExplorer('03.he', init='he')"
    )
    notebook.run_all()
    cell = notebook.cell(0)
    measure, picture = cell.get_by_role("button", name="Measure"), cell.get_by_role("img")
    expect(picture).to_have_attribute("aria-label", "A guess: none yet.")
    cell.get_by_role("button", name="holds").first.click()
    measure.click()
    expect(cell.get_by_role("status")).to_contain_text("a part is missing")
    cell.get_by_role("button", name="explodes").last.click()
    expect(picture).to_have_attribute("aria-label", "A guess: plain holds, skip explodes.")
    measure.click()
    notebook.settle()  # 16 networks take a while on a busy machine
    expect(cell.get_by_role("status")).to_contain_text("Right.", timeout=60_000)
    expect(picture).to_have_attribute("aria-label", re.compile("^Gradient of activations.* A guess: plain holds"))
    for theme, (width, height) in zip(("light", "dark", "light"), SCREENS, strict=True):
        notebook.theme(theme)
        notebook.page.set_viewport_size({"width": width, "height": height})
        notebook.page.wait_for_timeout(300)
        room = notebook.page.evaluate("window.panel.content.node.clientHeight")
        assert cell.locator(".skiplib-cell").bounding_box()["height"] <= room
        screenshot(notebook, f"{theme}-{width}")
    cell.get_by_role("button", name="vanishes").first.click()
    expect(cell.get_by_role("status")).to_contain_text("Not answered yet.")


def test_question_is_answered_by_mouse_and_keyboard_and_keeps_its_keys(of_cells, screenshot):
    notebook = of_cells(
        "asked", "from skiplib.explorers.asking import ask, predictions\nask('01.places')", "predictions('01')"
    )
    notebook.run_all()
    page, cell = notebook.page, notebook.cell(0)
    field = cell.get_by_label("your answer")
    for theme in ("light", "dark"):
        notebook.theme(theme)
        for text, said in (("4", "One too few"), ("five", "Not read."), ("5.0", "Almost."), ("5", "Right.")):
            field.fill(text)
            page.keyboard.press("Enter")
            expect(cell.get_by_role("status").get_by_text(said)).to_be_visible()
            screenshot(notebook, f"{theme}-{said[:3]}")
            assert all(ratio >= 4.5 for _, ratio in contrasts(page, cell))
    expect(page.get_by_text("you had 0 of 1 right at the first try")).to_be_visible()
    before = [(each["cell_type"], each["source"]) for each in notebook.cells()]
    cell.get_by_role("button", name="Check").focus()
    for key in ("a", "b", "d", "d", "x", "m", "z", "0", "0", "ArrowDown"):
        page.keyboard.press(key)
    page.wait_for_timeout(300)
    assert [(each["cell_type"], each["source"]) for each in notebook.cells()] == before
    assert page.locator(".jp-Dialog").count() == 0
    assert page.evaluate("window.panel.content.activeCellIndex") == 0
    page.keyboard.press("Shift+Enter")  # still goes on
    notebook.settle()
    assert page.evaluate("window.panel.content.activeCellIndex") == 1
