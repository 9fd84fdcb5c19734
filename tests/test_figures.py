import itertools
import math
import re

import matplotlib
import pytest

from skiplib.curves import Curve, draw_training, race_plot, running_mean, training_plot, trust_plot
from skiplib.digits import first_digits
from skiplib.explorers.base import Control
from skiplib.explorers.gradient import GradientExplorer, _measure
from skiplib.explorers.product import ProductExplorer
from skiplib.explorers.spectrum import SpectrumExplorer
from skiplib.figures import Band, Plot, draw_pair, make_figure
from skiplib.gradients import compare, median_ratio
from skiplib.words import magnitude, share_in_words

RISING, FLAT = Band.of([[1e-4, 1e-2, 1.0]]), Band.of([[1.0, 2.0, 1.0]])


def drawn(plain, skip, **settings):
    _, (ax,) = make_figure(3)
    draw_pair(ax, plain, skip, **settings)
    return ax


def test_both_curves_stand_at_their_powers_of_ten_under_their_names():
    ax = drawn(RISING, FLAT)
    assert [list(line.get_ydata()) for line in ax.lines] == [
        pytest.approx([-4, -2, 0]),
        pytest.approx([0, math.log10(2), 0]),
    ]
    assert {text.get_text() for text in ax.texts} == {"plain", "skip"}
    assert len({line.get_linestyle() for line in ax.lines}) == 2


@pytest.mark.parametrize(
    ("value", "label"), [(0.0, "below 1e-45: 0 in single precision"), (1e-60, "below 1e-45: 0 in single precision")]
)
def test_what_is_too_small_stands_on_a_line_that_says_so(value, label):
    ax = drawn(Band.of([[value, 1e-30, 1.0]]), FLAT)
    assert list(ax.lines[0].get_ydata()) == pytest.approx([-47, -30, 0])
    assert label in {text.get_text() for text in ax.texts}
    assert "0" in [tick.get_text() for tick in ax.get_yticklabels()]


def test_infinity_stands_at_the_top_and_nan_leaves_a_gap():
    ax = drawn(Band.of([[math.inf, math.nan, 1.0]]), FLAT)
    heights = list(ax.lines[0].get_ydata())
    assert heights[0] == max(ax.get_yticks()) and math.isnan(heights[1])
    assert "infinity" in [tick.get_text() for tick in ax.get_yticklabels()]


@pytest.mark.parametrize("values", [[1.0], [0.0, 0.0], [math.nan] * 3, [1e-40, 1e40]])
def test_every_curve_has_a_few_ticks_and_can_be_drawn(values):
    figure, (ax,) = make_figure(3)
    draw_pair(ax, Band.of([values]), Band.of([values]))
    assert 2 <= len(ax.get_yticks()) <= 9
    assert Plot(figure, "a curve").svg.endswith("</svg>\n")


def test_plot_has_a_name_in_both_forms_and_leaves_no_trace():
    before = dict(matplotlib.rcParams)
    figure, (ax,) = make_figure(3)
    draw_pair(ax, RISING, FLAT)
    plot = Plot(figure, "plain < skip")
    assert 'role="img" aria-label="plain &lt; skip"' in plot.svg and "{stroke" in plot.svg
    assert not re.search(r"[>}]\s*\*{", plot.svg) and "<dc:date>" not in plot.svg
    assert plot.to_html().startswith('<img alt="plain &lt; skip" src="data:image/webp;base64,')
    assert before == dict(matplotlib.rcParams)


def test_magnitude_is_the_nearest_power_of_ten():
    said = [magnitude(value) for value in (2e-7, 4e-7, 0.5, 4, 40, 0, math.inf, math.nan)]
    assert said == ["1e-7", "1e-6", "1", "10", "1e2", "0", "infinity", "not a number"]


@pytest.mark.parametrize(
    ("share", "words"),
    [(0.499, "below 50 %"), (0.5, "50 to 90 %"), (0.899, "50 to 90 %"), (0.9, "above 90 %"), (1.0, "above 90 %")],
)
def test_shares_in_words_change_at_50_and_90_percent(share, words):
    assert share_in_words(share) == words


def curve(kind="plain", label="plain, 4 layers", *, accuracies=(0.0, 0.5), current=True):
    return Curve(kind, label, (0.5, 1.0), accuracies, (1e-3, 0.0), current)


def test_training_is_drawn_in_percent_and_powers_of_ten_with_names_apart():
    _, (above, below) = make_figure(3, 2)
    curves = [curve(), curve("skip", "skip, 4 layers"), curve("skip", "old", current=False)]
    draw_training(above, below, curves, epochs=2)
    assert list(above.lines[0].get_ydata()) == [0, 25]
    assert list(below.lines[0].get_ydata()) == [-3, -47]
    assert above.lines[0].get_linewidth() > above.lines[2].get_linewidth()
    names = {text.get_text(): text.xy[1] for text in above.texts}
    heights = sorted(names.values())
    assert set(names) == {each.label for each in curves}
    assert all(high - low >= 8 for low, high in itertools.pairwise(heights))


def test_only_the_last_finished_curves_stay_in_the_picture():
    curves = [curve(label=f"old {number}", current=False) for number in range(30)]
    plot = training_plot([*curves, curve()], epochs=1)
    assert "old 29" in plot.alt and "old 21" not in plot.alt and "plain, 4 layers below 50 %" in plot.alt


def test_plots_say_what_they_show_in_coarse_words():
    assert training_plot([], epochs=1).alt.endswith("Nothing trained yet.")
    plot = race_plot([4, 20], plain=[[0.97, 0.11], [0.95, 0.10], [0.91, 0.3]], skip=[[0.97, 0.7]])
    assert "4, 20 layers" in plot.alt and "plain: above 90 %, below 50 %; skip: above 90 %, 50 to 90 %" in plot.alt
    (ax,) = plot.figure.axes
    assert list(ax.lines[0].get_ydata()) == [95, 11] and ax.lines[0].get_linestyle() != ax.lines[1].get_linestyle()
    plot = trust_plot([0.001, 0.01], plain=[[0.1, 0], [-0.1, 0]], skip=[[0.99, 0.5]])
    assert "step of 0.001: plain near 0, skip near 1" in plot.alt


def test_running_mean_of_less_than_a_window_takes_what_there_is():
    assert running_mean([2.0, 4.0], window=12) == [2.0, 3.0] and running_mean([]) == []


SMALL = [
    lambda: GradientExplorer(depth=6, seeds=2, channels=4),
    lambda: ProductExplorer(blocks=3),
    lambda: SpectrumExplorer(blocks=2),
]


def shown(explorer):
    return explorer._status.value, explorer._picture.value, explorer._details.value


@pytest.mark.parametrize("make", SMALL)
def test_moved_explorer_equals_a_fresh_one_at_every_end(make):
    explorer = make()
    for name, control in explorer.controls.items():
        start = control.value
        slider = getattr(control, "slider", None)
        ends = [slider.min, min(slider.max, 12)] if slider else [control.options[0], control.options[-1]]
        for end in ends:
            control.value = end
            assert shown(explorer) == shown(type(explorer)(**explorer.settings)), (name, end)
        control.value = start


def test_gradient_explorer_says_what_vanishes_and_what_explodes():
    default = GradientExplorer(seeds=2)
    assert default.status.startswith("Plain: the first block receives 1e-")
    assert "In theory, with q = 0.15 for a block: plain 1e-20, skip 1." in default._details.value
    he = GradientExplorer(seeds=2, init="he")
    assert "times what the last one does." in he.status and "In theory, with q = 0.92" in he._details.value
    sigmoid = GradientExplorer(depth=100, activation="sigmoid", seeds=1)
    assert sigmoid.status.startswith("Plain: the first block receives nothing.")
    assert "below 1e-45" in sigmoid._picture.value


def test_gradient_explorer_explains_what_does_not_run():
    explorer = GradientExplorer(depth=6, seeds=1)
    good = explorer._picture.value
    explorer.controls["depth"].value = 7
    assert "`depth` must be even" in explorer.status and good in explorer._picture.value


def test_gradient_explorer_says_that_it_computes_before_a_long_picture():
    explorer, said = GradientExplorer(depth=6, seeds=1), []
    explorer._status.observe(lambda change: said.append(change["new"]), "value")
    explorer.controls["depth"].value = 8
    assert len(said) <= 1 and not any("Computing" in sentence for sentence in said)
    explorer.controls["depth"].value = 100
    explorer.controls["seeds"].value = 2
    assert "Computing …" in said[-2] and "Computing" not in said[-1]


def test_alpha_shows_only_where_it_counts():
    explorer = GradientExplorer(depth=6, seeds=1)
    assert explorer.controls["alpha"].layout.display == "none"
    explorer.controls["scale"].value = "any"
    assert explorer.controls["alpha"].layout.display == ""
    assert GradientExplorer(depth=10, seeds=1, alpha="1/sqrt(n)").alpha == 0.5


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: GradientExplorer(depth=101), ValueError, "`depth` must lie between 2 and 100"),
        (lambda: GradientExplorer(init="random"), ValueError, "`init` must be one of default, xavier, he, zero"),
        (lambda: GradientExplorer(alpha="1/n"), ValueError, "`alpha` must be a number or '1/sqrt"),
        (lambda: GradientExplorer(alpha=2), ValueError, "must lie between 0 and 1"),
        (lambda: ProductExplorer(q="1"), TypeError, "`q` must be a number; got '1'"),
        (lambda: SpectrumExplorer(blocks=0), ValueError, "`blocks` must lie between 1 and 50"),
    ],
)
def test_bad_starting_value_of_a_measuring_explorer_is_named(make, error, message):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize("make", SMALL)
def test_number_boxes_have_names(make):
    for control in make().controls.values():
        assert (control if not hasattr(control, "box") else control.box).description
        assert not isinstance(control, Control) or control.box.description == control.box.description.strip()


def test_curves_do_not_depend_on_clip_paths_that_another_picture_may_own():
    _, (ax,) = make_figure(3)
    draw_pair(ax, Band.of([[1e-50, 1.0]]), Band.of([[1.0, 1.0]]))
    assert not [artist for artist in ax.get_children() if artist.get_clip_on()]
    low, high = ax.get_ylim()
    (floor,) = [patch for patch in ax.patches if patch is not ax.patch]
    assert low == pytest.approx(floor.get_y()) and floor.get_y() + floor.get_height() < high


@pytest.mark.parametrize(("ends", "side"), [((1e-8, 1.0), "left"), ((1.0, 1e-8), "right")])
def test_name_of_the_lower_curve_stands_on_its_open_side(ends, side):
    ax = make_figure(3)[1][0]
    heights = [ends[0] * (ends[1] / ends[0]) ** (place / 15) for place in range(16)]
    draw_pair(ax, Band.of([heights]), Band.of([[1e3] * 16]))
    (name,) = [text for text in ax.texts if text.get_text() == "plain"]
    assert name.get_ha() == side


def test_gradient_explorer_shows_the_median_of_its_seeds_and_of_what_is_asked():
    images, labels = first_digits(4)
    nets = compare(30, init="he", seeds=range(172, 174), images=images, labels=labels)
    for quantity in ("activations", "weights"):
        result = GradientExplorer(depth=30, init="he", seeds=2, gradient_of=quantity).view(hover=False).result
        assert result == {
            "plain": magnitude(median_ratio(nets.plain, quantity)),
            "skip": magnitude(median_ratio(nets.skip, quantity)),
        }
    assert magnitude(median_ratio(nets.skip, "weights")) != magnitude(median_ratio(nets.skip))
    assert len(_measure(depth=10, seeds=3).plain) == 3


def test_spectrum_starts_at_its_largest_value():
    alt = SpectrumExplorer(blocks=3, init="he").view(hover=False).picture.alt
    assert "plain 1 to " in alt and "skip 1 to " in alt
