"""Controls and picture on one screen, in numbers."""

import pytest

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


@pytest.mark.parametrize(("width", "height"), SCREENS)
def test_every_explorer_fits_one_screen_and_stays_in_view_after_its_cell_is_run(ran, screenshot, width, height):
    page = ran.page
    page.set_viewport_size({"width": width, "height": height})
    ran.command("notebook:expand-all-headings")
    for place in ran.explorers():
        ran.cell(place)
        ran.command("notebook:run-cell-and-select-next")
        ran.settle()
        page.wait_for_timeout(300)
        parts = page.evaluate(PARTS, place)
        screenshot(ran, f"{width}-{place}")
        assert parts["needed"] <= parts["room"], (place, parts)
        assert parts["picture"] >= 0.5 and parts["sliders"] >= 1, (place, parts)
        assert min(parts["widths"]) >= 180
