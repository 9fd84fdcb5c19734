"""The one set of controls for all layers, in the two explorers that have it."""

import random

import pytest

from explorers.moving import assert_same_as_fresh, ends, move_anywhere
from skiplib.arithmetic import PUBLISHED, ConvGeometry
from skiplib.explorers.chain import ChainExplorer
from skiplib.explorers.residual import ResidualExplorer
from skiplib.pooling import PoolGeometry

EVERY = [ChainExplorer, ResidualExplorer]
NUMBERS = ("kernel_size", "stride", "padding", "dilation")


def shown(explorer):
    """Those of the layer's controls that count."""
    names = ("operation", *NUMBERS, "ceil_mode", *(f"{name}_w" for name in NUMBERS), "input_size_w", "axis")
    return [name for name in names if explorer.controls[name].layout.display != "none"]


@pytest.mark.parametrize("make", EVERY)
def test_other_layers_stay_when_one_is_set_and_come_back_when_chosen(make):
    layers = [ConvGeometry(5, 2, 1), ConvGeometry(3, padding=1)]
    explorer = make(layers)
    controls = explorer.controls
    controls["layer"].value = "2"
    assert [controls[name].value for name in NUMBERS] == [3, 1, 1, 1]
    controls["kernel_size"].value = 7
    controls["operation"].value = "max pooling"
    controls["ceil_mode"].value = True
    assert explorer.geometries == [layers[0], PoolGeometry(7, 1, 1, ceil_mode=True)]
    controls["layer"].value = "1"
    assert [controls[name].value for name in NUMBERS] == [5, 2, 1, 1] and not controls["ceil_mode"].value
    assert explorer.geometries == [layers[0], PoolGeometry(7, 1, 1, ceil_mode=True)]
    assert_same_as_fresh(explorer)


@pytest.mark.parametrize("make", EVERY)
def test_choosing_a_layer_changes_nothing_and_draws_once(make, monkeypatch):
    explorer = make([ConvGeometry(5, 2, 1), ConvGeometry(3, padding=1)])
    before, views, view = repr(explorer), [], make.view
    monkeypatch.setattr(make, "view", lambda self: views.append(self) or view(self))
    explorer.controls["layer"].value = "2"
    assert repr(explorer) == before and len(views) == 1


@pytest.mark.parametrize("make", EVERY)
def test_layer_that_is_switched_off_gives_its_place_to_the_last_and_comes_back(make):
    explorer = make([ConvGeometry(3, padding=1), ConvGeometry(5, padding=2), ConvGeometry(7, padding=3)])
    explorer.controls["layer"].value = "3"
    explorer.controls["layers"].value = 2
    assert explorer.controls["layer"].value == "2" and explorer.controls["kernel_size"].value == 5
    explorer.controls["kernel_size"].value = 3
    explorer.controls["layers"].value = 4
    assert [geometry.kernel_size for geometry in explorer.geometries] == [3, 3, 7, 7]
    assert explorer.controls["layer"].value == "2"


@pytest.mark.parametrize("make", EVERY)
def test_controls_that_do_not_count_are_hidden(make):
    explorer = make()
    assert shown(explorer) == ["operation", *NUMBERS]
    explorer.controls["operation"].value = "average pooling"
    assert shown(explorer) == ["operation", *NUMBERS[:3], "ceil_mode"]
    explorer.controls["operation"].value = "max pooling"
    explorer.controls["height_and_width_apart"].value = True
    names = [f"{name}_w" for name in NUMBERS]
    assert shown(explorer) == ["operation", *NUMBERS, "ceil_mode", *names, "input_size_w", "axis"]


@pytest.mark.parametrize("make", EVERY)
def test_widths_follow_heights_until_they_are_set_apart(make):
    explorer = make()
    controls = explorer.controls
    controls["kernel_size"].value, controls["input_size"].value = 5, 40
    before = repr(explorer)
    controls["height_and_width_apart"].value = True
    assert repr(explorer) == before
    controls["kernel_size_w"].value, controls["input_size_w"].value = 3, 30
    assert explorer.settings["input_size"] == (40, 30) and explorer.settings["axis"] == "width"
    assert explorer.geometries == [(ConvGeometry(5, 2, 2), ConvGeometry(3, 2, 2)), PUBLISHED]
    assert_same_as_fresh(explorer)
    controls["layer"].value = "2"
    controls["stride_w"].value = 1
    controls["layer"].value = "1"  # the other one's width is given up, too
    controls["height_and_width_apart"].value = False
    assert repr(explorer) == before


@pytest.mark.parametrize("make", EVERY)
def test_pair_in_any_layer_sets_height_and_width_apart(make):
    explorer = make([PUBLISHED, (ConvGeometry(3), ConvGeometry(5))])
    assert explorer.controls["height_and_width_apart"].value
    explorer.controls["layer"].value = "2"
    assert [explorer.controls[name].value for name in ("kernel_size", "kernel_size_w")] == [3, 5]


def test_skip_is_a_layer_with_what_its_kind_leaves_to_choose():
    explorer = ResidualExplorer()
    explorer.controls["shortcut"].value = "option A"
    assert explorer.controls["layer"].value == "skip"  # another kind shows what it leaves to choose
    seen = {}
    for kind in explorer.controls["shortcut"].options:
        explorer.controls["shortcut"].value = kind
        seen[kind] = shown(explorer)
    window = ["kernel_size", "stride", "padding"]
    assert seen == {
        "identity": [],
        "option A": ["stride"],
        "max pooling": [*window, "dilation", "ceil_mode"],
        "average pooling": [*window, "ceil_mode"],
        "pool, then 1×1": [*window, "ceil_mode"],
        "projection": [*window, "dilation"],
        "resize": [],
        "crop": [],
        "centre crop": [],
    }
    explorer.controls["shortcut"].value = "projection"
    explorer.controls["stride"].value = 3
    assert explorer.shortcut.geometry == ConvGeometry(1, 3) and explorer.geometries == [PUBLISHED] * 2


@pytest.mark.parametrize("make", EVERY)
def test_boxes_go_on_where_sliders_end(make):
    explorer = make([ConvGeometry(1)])
    for name in ("input_size", *NUMBERS):
        control = explorer.controls[name]
        control.box.value = control.box.max
        assert control.value == control.box.max > control.slider.max == control.slider.value
        assert_same_as_fresh(explorer)
        control.slider.value = control.slider.min
        assert control.value == control.box.value == control.slider.min


@pytest.mark.parametrize("make", EVERY)
@pytest.mark.parametrize("seed", range(3))
def test_random_moves_of_rectangles_equal_a_fresh_explorer(make, seed):
    rng = random.Random(seed)
    explorer = make()
    explorer.controls["height_and_width_apart"].value = True
    for step in range(150):
        name = rng.choice([name for name in explorer.controls if name != "height_and_width_apart"])
        move_anywhere(explorer.controls[name], rng)
        if step % 10 == 0:
            assert_same_as_fresh(explorer)


def test_ends_of_every_control_are_those_of_its_slider():
    assert ends(ChainExplorer().controls["input_size"]) == (1, 64)
    assert ends(ResidualExplorer().controls["in_channels"]) == (1, 16)


def test_padding_that_no_pooling_may_have_is_a_sentence():
    explorer = ChainExplorer([PoolGeometry(3)])
    explorer.controls["padding"].value = 2
    assert explorer.status == (
        "This does not run: layer 1 of 1: `padding` of a pooling is at most half of `kernel_size`=3; got 2."
    )
    assert "does not run" in repr(explorer)
    assert_same_as_fresh(explorer)
