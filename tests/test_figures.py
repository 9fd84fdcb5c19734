import base64
import io
import itertools
import math
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import matplotlib
import pytest
from PIL import Image

from skiplib.figures.plot import STYLES, Plot, draw_rows, make_figure
from skiplib.figures.training import (
    Curve,
    draw_training,
    race_plot,
    running_mean,
    slices_plot,
    training_plot,
    trust_plot,
)


def test_plot_has_a_name_in_both_forms_and_leaves_no_trace():
    before = dict(matplotlib.rcParams)
    figure, (ax,) = make_figure(3)
    ax.set(xlabel="a name")
    plot = Plot(figure, "plain < skip")
    assert 'role="img" aria-label="plain &lt; skip"' in plot.live and "{stroke" in plot.live
    assert not re.search(r"[>}]\s*\*{", plot.live) and "<dc:date>" not in plot.live
    assert plot.to_html().startswith('<img alt="plain &lt; skip" src="data:image/webp;base64,')
    assert before == dict(matplotlib.rcParams)


def test_live_plot_takes_the_colours_of_its_page_and_the_stored_one_is_white():
    plot = race_plot([4, 20], plain=[[0.9, 0.1]], skip=[[0.9, 0.8]])
    assert "#000000" not in plot.live and "#ffffff" not in plot.live and "currentColor" in plot.live
    assert ".skiplib-plot text{fill:currentColor}" in plot.live and STYLES["skip"][0].lower() in plot.live
    assert plot.figure.get_facecolor() == (1, 1, 1, 1)
    data = re.search('base64,([^"]*)', plot.to_html()).group(1)
    assert Image.open(io.BytesIO(base64.b64decode(data))).convert("RGBA").getpixel((2, 2)) == (255,) * 4


def test_rows_are_drawn_in_the_style_of_their_name_from_low_to_high():
    _, (ax,) = make_figure(3)
    rows = {"plain": [[3, 2], [1, 4], [5, 6]], "skip": [[0, 0], [1, 1], [2, 2]]}
    draw_rows(ax, ["10", "20"], rows)
    assert [list(each.get_ydata()) for each in ax.lines] == [[3, 4], [1, 1]]
    assert [each.get_color() for each in ax.lines] == [STYLES[name][0] for name in rows]
    area, line = ax.collections[0], ax.lines[0]
    assert {tuple(corner) for corner in area.get_paths()[0].vertices} == {(0, 1), (1, 2), (1, 6), (0, 5)}
    assert list(line.get_xdata()) == [0, 1] and line.get_marker() == "o"
    assert [text.get_text() for text in ax.texts] == list(rows)


@pytest.mark.parametrize("heights", [(3.2,), (3, 1.4), (1, 1, 1)])
def test_figure_leaves_the_same_room_below_whatever_its_height(heights):
    figure, panels = make_figure(*heights)
    panels[-1].set_xlabel("a name")
    assert figure.subplotpars.bottom * figure.get_figheight() == pytest.approx(0.62)  # inches
    assert (1 - figure.subplotpars.top) * figure.get_figheight() == pytest.approx(0.31)
    figure.draw_without_rendering()
    name = panels[-1].xaxis.label.get_window_extent()
    assert 0 < name.y0 < 0.25 * figure.dpi  # inside the figure, and not far from its edge


@pytest.mark.parametrize(
    "plot",
    [
        lambda: race_plot([4, 20], plain=[[0.9, 0.1]], skip=[[0.9, 0.8]]),
        lambda: trust_plot([0.1, 1], plain=[[0.9, 0.1]], skip=[[0.9, 0.8]]),
        lambda: slices_plot([-1, 0, 1], plain=[[2, 0.1, 2]], skip=[[1, 0.1, 1]]),
        lambda: training_plot([curve(), curve("skip", "skip & co.")], epochs=2),
    ],
)
def test_every_figure_is_xml_named_by_its_alt(plot):
    plot = plot()
    root = ElementTree.fromstring(plot.live)
    assert root.get("role") == "img" and root.get("aria-label") == plot.alt


def curve(kind="plain", label="plain 4", *, accuracies=(0.0, 0.5), losses=(2.3, 1.0), gradients=(1e-3, 0.0), **more):
    return Curve(kind, label, (0.5, 1.0), accuracies, losses, gradients, **more)


def panels(*curves, epochs=2):
    _, axes = make_figure(3, 2, 2)
    draw_training(axes, curves, epochs=epochs)
    return axes


def test_training_is_drawn_in_percent_and_powers_of_ten_with_names_apart():
    curves = [curve(), curve("skip", "skip 4"), curve("skip", "old", current=False)]
    above, middle, below = panels(*curves)
    assert list(above.lines[0].get_ydata()) == [0, 25]
    assert list(middle.lines[0].get_ydata()) == pytest.approx([math.log10(2.3), 0])
    assert list(below.lines[0].get_ydata()) == [-3, -47]
    assert above.lines[0].get_linewidth() > above.lines[2].get_linewidth()
    names = {text.get_text(): text.get_position()[1] for text in above.texts}
    heights = sorted(names.values())
    assert set(names) == {each.label for each in curves}
    assert all(high - low >= 9 for low, high in itertools.pairwise(heights))
    assert all(text.xy == (1.0, 25) for text in above.texts)  # each with a line to the end of its curve


@pytest.mark.parametrize("height", [0.0, 0.1, 0.5, 1.0])
def test_ten_names_at_one_place_stay_apart_and_inside_the_panel(height):
    names = panels(*(curve(label=str(n), accuracies=(height, height)) for n in range(10)))[0].texts
    heights = sorted(text.get_position()[1] for text in names)
    assert all(high - low >= 9 for low, high in itertools.pairwise(heights))
    assert heights[0] >= 0 and heights[-1] <= 103


def test_axes_of_a_training_do_not_depend_on_its_curves():
    wild = curve(losses=(1e30, math.inf), gradients=(1e35, math.inf))
    tame = curve(losses=(1e-9, 1e-9), gradients=(1e-30, 1e-44))
    limits = [[(*ax.get_xlim(), *ax.get_ylim()) for ax in panels(*curves)] for curves in ([], [wild], [tame])]
    assert limits[0] == limits[1] == limits[2] and limits[0][0][:3] == (0, 2, 0)
    for ax, ends in zip(panels(wild)[1:], ([4, 4], [10, 10]), strict=True):
        assert list(ax.lines[0].get_ydata()) == ends  # "and more"
        assert ax.get_yticklabels()[-1].get_text().startswith("≥ 1e")
    assert list(panels(tame)[1].lines[0].get_ydata()) == [-2, -2]


def test_explosion_is_not_drawn_as_a_gradient_that_has_faded():
    burst = curve(losses=(218.0, 2.3), gradients=(311.0, 0.0))
    _, middle, below = panels(burst)
    line, cross = below.lines
    assert math.isnan(line.get_ydata()[1]) and cross.get_marker() == "x"
    assert list(*cross.get_xydata()) == [0.5, pytest.approx(math.log10(311))]
    assert "0 from step 2" in {text.get_text() for text in below.texts} and len(middle.lines) == 1
    assert training_plot([burst], epochs=1).alt.endswith("plain 4 below 50 % (its loss blew up).")
    faded = curve(losses=(2.3, 2.3), gradients=(1e-44, 0.0))
    assert list(panels(faded)[2].lines[0].get_ydata()) == pytest.approx([-44, -47])


def test_loss_that_is_no_number_any_more_is_crossed_where_it_was_last_one():
    _, middle, _ = panels(curve(losses=(2.3, math.nan), gradients=(1.0, math.nan)))
    assert middle.lines[1].get_marker() == "x" and list(middle.lines[1].get_xdata()) == [0.5]
    assert [text.get_text() for text in middle.texts] == ["not a number from step 2"]


def test_only_the_last_finished_curves_stay_in_the_picture():
    curves = [curve(label=f"old {number}", current=False) for number in range(30)]
    plot = training_plot([*curves, curve()], epochs=1)
    assert "old 29" in plot.alt and "old 21" not in plot.alt and "plain 4 below 50 %" in plot.alt


def test_plots_say_what_they_show_in_coarse_words():
    assert training_plot([], epochs=1).alt.endswith("Nothing trained yet.")
    plot = race_plot([4, 20], plain=[[0.97, 0.11], [0.95, 0.10], [0.91, 0.3]], skip=[[0.97, 0.7]])
    assert "4, 20 layers" in plot.alt and "plain: above 90 %, below 50 %; skip: above 90 %, 50 to 90 %" in plot.alt
    (ax,) = plot.figure.axes
    assert list(ax.lines[0].get_ydata()) == [95, 11] and ax.lines[0].get_linestyle() != ax.lines[1].get_linestyle()
    plot = trust_plot([0.001, 0.01], plain=[[0.1, 0], [-0.1, 0]], skip=[[0.99, 0.5]])
    assert "step of 0.001: plain near 0, skip near 1" in plot.alt
    for plain, skip, higher in (([[2, 0.1]], [[1, 0.1]], "plain"), ([[2, 0.1], [1, 1]], [[9, 1], [9, 1]], "skip")):
        plot = slices_plot([0.5, 1], plain=plain, skip=skip)
        assert (
            plot.alt.endswith(f"on average it is higher for {higher}.") and plot.figure.axes[0].get_yscale() == "log"
        )


def test_running_mean_of_less_than_a_window_takes_what_there_is():
    assert running_mean([2.0, 4.0], window=12) == [2.0, 3.0] and running_mean([]) == []


def test_home_that_cannot_be_written_to_is_not_mentioned(tmp_path):
    home = tmp_path / "a file"
    home.touch()
    places = {name: str(home / "none") for name in ("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "MPLCONFIGDIR")}
    command = [sys.executable, "-c", "import skiplib.figures.plot"]
    done = subprocess.run(command, env=os.environ | places, capture_output=True, text=True, check=True)
    assert done.stdout + done.stderr == ""
