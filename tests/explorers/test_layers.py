"""The one set of controls for all layers, in the two explorers that have it."""

import random
import re

import ipywidgets
import pytest
import torch
import torch.nn.functional as F
from effort import slow
from hypothesis import assume, given
from hypothesis import strategies as st

from explorers.moving import assert_same_as_fresh, ends, move_anywhere, painted
from skiplib.arithmetic import PUBLISHED, ConvGeometry
from skiplib.chains import along, axes_of, layer_of
from skiplib.explorers.base import View
from skiplib.explorers.chain import ChainExplorer
from skiplib.explorers.layers import AXES
from skiplib.explorers.residual import ResidualExplorer
from skiplib.pooling import PoolGeometry
from skiplib.shortcuts import CHOICES, geometry_of

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


@st.composite
def layers(draw):
    """A convolution or a pooling, along both axes."""
    stride, dilation = draw(st.sampled_from([1, 1, 2, 3])), draw(st.sampled_from([1, 1, 2, 3]))
    window = [draw(st.integers(1, 4)), stride, draw(st.integers(0, 3)), dilation]
    if draw(st.booleans()):
        other = ConvGeometry(draw(st.integers(1, 3)), padding=draw(st.integers(0, 2)))
        return draw(st.sampled_from([ConvGeometry(*window), (ConvGeometry(*window), other)]))
    mode = draw(st.sampled_from(["max", "average"]))
    more = {"padding": min(window[2], window[0] // 2), "dilation": dilation if mode == "max" else 1}
    return PoolGeometry(*window[:2], **more, mode=mode, ceil_mode=draw(st.booleans()))


def read(geometries, size, index):
    """Which pixels of one axis an output of PyTorch's depends on, by autograd."""
    images = torch.eye(size, dtype=torch.float64)[:, None].requires_grad_()  # in each, another pixel is the largest
    out = images
    for each in geometries:
        numbers = {"stride": each.stride, "padding": each.padding}
        if type(each) is ConvGeometry:
            out = F.conv1d(out, torch.ones(1, 1, each.kernel_size).double(), dilation=each.dilation, **numbers)
        elif each.mode == "max":
            more = {"dilation": each.dilation, "ceil_mode": each.ceil_mode}
            out = F.max_pool1d(out, each.kernel_size, **numbers, **more)
        else:
            out = F.avg_pool1d(out, each.kernel_size, **numbers, ceil_mode=each.ceil_mode)
        out = out.where(out.isfinite(), 0)  # a dilated window may hold padding alone, and its gradient goes anywhere
    (gradient,) = torch.autograd.grad(out[:, 0, index].sum(), images)
    return gradient[:, 0].diagonal().nonzero().flatten().tolist()


def says(words, pixels, name="pixel"):
    """Whether words say exactly these pixels, or of very many the first, the last, and how many there are."""
    if not pixels:
        return words == "padding only"
    assert words.startswith(f"{name}{'s' * (len(pixels) > 1)} ")
    runs = [run.split(" to ") for run in words.removeprefix(name).removeprefix("s ").split(" (")[0].split(", ")]
    said = [pixel for run in runs if run != ["…"] for pixel in range(int(run[0]), int(run[-1]) + 1)]
    if ["…"] in runs:
        return said[-1] == pixels[-1] and said[0] == pixels[0] and words.endswith(f" ({len(pixels)} in all)")
    return said == pixels


def inside(cells, size):
    return [cell for cell in cells if 0 <= cell < size]


@given(
    st.lists(layers(), min_size=1, max_size=4),
    st.tuples(st.integers(1, 30), st.integers(1, 30)),
    st.sampled_from(AXES),
    st.sampled_from([kind for kind in CHOICES if kind != "resize"]),
    layers(),
    st.floats(0, 1),
)
@slow(100)
def test_both_explorers_say_and_paint_what_autograd_finds(branch, size, name, kind, geometry, where):
    ipywidgets.Widget.close_all()  # of the example before
    chain = ChainExplorer(branch, input_size=size, axis=name)
    assume(isinstance(chain.shown, View))
    axis, many = chain.axis, chain.input_size[chain.axis]  # of a square, the width
    index = chain.controls["output_index"]
    index.value = round(where * index.box.max)
    pixels = read(along(branch, axis), many, index.value)
    words, result = re.search(r"sees (.*?)( of the image)?\.$", chain.status)[1], chain.shown.result
    assert says(words, pixels) and f"Output {index.value} sees {words}, out of" in chain.shown.picture.alt
    levels = [int(each.split(" × ")[axis if " × " in each else 0]) for each in result["sizes"].split(" > ")]
    assert inside(painted(chain.shown.picture, *levels)[0], many) == pixels
    assert result["seen"] == (re.sub("pixels? ", "", words).replace(" to ", "..") if pixels else "padding")

    allowed = [{**vars(each), "padding": min(each.padding, 1), "ceil_mode": False} for each in axes_of(geometry)]
    try:
        skip = layer_of(tuple(geometry_of(kind, each) for each in allowed))
    except ValueError:  # a dilation in an average pooling
        assume(False)
    convs = any(type(axes_of(layer)[0]) is ConvGeometry for layer in branch)
    more = {"kind": kind, "geometry": skip, "out_channels": 4 if convs and "crop" not in kind else 3}
    both = ResidualExplorer(branch, input_size=size, axis=name, pictures=["places"], **more)
    assume(isinstance(both.shown, View) and both.axis == axis)
    index = both.controls["output_index"]
    index.value = round(where * index.box.max)
    here, there = both.shortcut.sides(many, axis)
    cut = (max(0, here - there) // 2, max(0, there - here) // 2) if kind == "centre crop" else (0, 0)
    expected = [read(along(branch, axis), many, index.value + cut[1])]
    expected.append(read(along([skip], axis), many, index.value + cut[0]))
    words = re.search(r"the branch reads (.*), the skip (.*)\.$", both.shown.picture.alt).groups()
    assert all(map(says, words, expected, [f"input {('row', 'column')[axis]}"] * 2))
    assert [inside(cells, many) for cells in painted(both.shown.picture, many, many)] == expected


@pytest.mark.parametrize(
    ("branch", "size", "geometry", "words", "skip"),
    [
        ([ConvGeometry(3), ConvGeometry(1, padding=1)], 8, ConvGeometry(3, padding=1), "padding only", [0, 1]),
        ([ConvGeometry(1, 2), ConvGeometry(3)], 9, ConvGeometry(5, 2), "input columns 0, 2, 4", [0, 1, 2, 3, 4]),
        ([ConvGeometry(3, dilation=2)], 9, ConvGeometry(5), "input columns 0, 2, 4", [0, 1, 2, 3, 4]),
    ],
)
def test_gaps_and_padding_between_layers_are_not_read_though_both_look_there(branch, size, geometry, words, skip):
    settings = {"input_size": size, "kind": "projection", "geometry": geometry, "pictures": ["places"]}
    explorer = ResidualExplorer(branch, **settings)
    assert explorer.status.endswith("and both look at the same place.")
    assert f"the branch reads {words}, the skip" in explorer.shown.picture.alt
    columns = read(branch, size, 0)
    assert [inside(cells, size) for cells in painted(explorer.shown.picture, size, size)] == [columns, skip]
    assert says(words, columns, "input column")
    assert f"sees {words.replace('input column', 'pixel')}" in ChainExplorer(branch, input_size=size).status


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
