import pytest

from skiplib.explorers.controls import Control, choose
from skiplib.explorers.convolution import ConvExplorer


def test_moved_slider_moves_the_number_box_and_back():
    explorer = ConvExplorer()
    control = explorer.controls["padding"]
    control.slider.value = 3
    assert (control.box.value, control.value) == (3, 3)
    control.box.value = 1
    assert (control.slider.value, explorer.geometries[0].padding) == (1, 1)


def test_value_that_had_to_move_down_comes_back_when_there_is_room():
    explorer = ConvExplorer(input_size=8, kernel_size=3, output_index=30)
    before = explorer._picture.value
    explorer.controls["kernel_size"].value = 5
    assert explorer.controls["output_index"].value == 15
    explorer.controls["kernel_size"].value = 3
    assert explorer.controls["output_index"].value == 30 and explorer._picture.value == before
    explorer.controls["kernel_size"].value = 5
    explorer.controls["output_index"].value = 2  # the learner wants another one now
    explorer.controls["kernel_size"].value = 3
    assert explorer.controls["output_index"].value == 2


@pytest.mark.parametrize(("step", "start", "end"), [(1, 2, 5), (0.05, 0.2, 0.75)])
def test_value_is_a_trait_that_slider_and_box_follow(step, start, end):
    control, seen = Control("n", start, 0, 8, step=step), []
    control.observe(lambda change: seen.append(change["new"]), "value")
    control.value = end
    assert control.slider.value == control.box.value == end and seen == [end]
    control.box.value = start
    assert control.value == control.slider.value == start and type(control.value) is type(step)


def test_slider_may_end_before_the_box_and_pulls_no_value_down():
    control, seen = Control("n", 700, 1, 4096, reach=64), []
    control.observe(lambda change: seen.append(change["new"]), "value")
    assert (control.value, control.box.value, control.slider.value) == (700, 700, 64)
    control.box.value = 4096
    control.slider.value = 64  # where it is already
    assert (control.value, control.slider.value, seen) == (4096, 64, [4096])
    control.slider.value = 63
    assert (control.value, control.box.value, seen) == (63, 63, [4096, 63])
    control.value = 65
    assert (control.box.value, control.slider.value) == (65, 64)


def test_bound_of_a_value_beyond_the_slider_moves_it_down_and_lets_it_come_back():
    control = Control("n", 700, 1, 4096, reach=64)
    for most, value, slider in ((100, 100, 64), (40, 40, 40), (4096, 700, 64)):
        control.set_most(most)
        assert (control.value, control.box.value, control.slider.value) == (value, value, slider)
        assert (control.box.max, control.slider.max) == (most, min(most, 64))


@pytest.mark.parametrize(
    ("value", "step", "error", "message"),
    [
        (2.5, 1, TypeError, r"`n` must be an integer; got 2.5 \(float\)"),
        (True, 1, TypeError, r"`n` must be an integer; got True \(bool\)"),
        ("2", 0.1, TypeError, r"`n` must be a number; got '2' \(str\)"),
        (True, 0.1, TypeError, "`n` must be a number; got True"),
        (9, 1, ValueError, "`n` must lie between 0 and 8 in this explorer; got 9"),
        (float("nan"), 0.1, ValueError, "`n` must lie between 0 and 8 in this explorer; got nan"),
    ],
)
def test_control_names_a_bad_starting_value(value, step, error, message):
    with pytest.raises(error, match=message):
        Control("n", value, 0, 8, step=step)


@pytest.mark.parametrize(("asked", "shown"), [(99, 8), (-3, 0), (2.5, 2), ("4", 4)])
def test_value_is_what_slider_and_box_can_show(asked, shown):
    control, seen = Control("n", 1, 0, 8), []
    control.observe(lambda change: seen.append(change["new"]), "value")
    control.value = asked
    assert control.value == control.slider.value == control.box.value == shown and type(control.value) is int
    assert seen == [shown]  # and at no time anything else


def test_value_that_is_no_number_is_refused_and_the_last_one_stays():
    control = Control("n", 1, 0, 8)
    with pytest.raises(ValueError, match="invalid literal"):
        control.value = "x"
    assert control.value == control.slider.value == 1


def test_choice_that_is_no_option_is_named():
    with pytest.raises(ValueError, match="`norm` must be one of none, batch; got 'layer'"):
        choose("norm", ["none", "batch"], "layer")
