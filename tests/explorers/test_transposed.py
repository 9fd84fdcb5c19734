import random

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from explorers.moving import assert_same_as_fresh, ends, move_anywhere, pytorch_shape
from skiplib.arithmetic import ConvGeometry
from skiplib.diagrams.axis import Spread
from skiplib.explorers.transposed import TransposedExplorer

SIZES = ("input_size", "kernel_size", "stride", "padding", "dilation", "output_padding")


@st.composite
def numbers(draw):
    """A setting of one axis that PyTorch takes."""
    stride, dilation = draw(st.integers(1, 5)), draw(st.integers(1, 4))
    geometry = ConvGeometry(draw(st.integers(1, 6)), stride, draw(st.integers(0, 4)), dilation)
    extra = draw(st.integers(0, max(stride, dilation) - 1))
    least = 1 + max(0, 2 * geometry.padding + 1 - extra - geometry.effective_kernel_size)
    return least + draw(st.integers(0, 6)), geometry, extra


def reaching(inputs, geometry, extra):
    """By autograd, for every output of PyTorch's: each input that reaches it, and the weight that it goes through."""
    x = torch.ones(1, 1, inputs, dtype=torch.float64, requires_grad=True)
    weight = torch.arange(1.0, geometry.kernel_size + 1, dtype=torch.float64)[None, None]
    out = F.conv_transpose1d(
        x,
        weight,
        stride=geometry.stride,
        padding=geometry.padding,
        dilation=geometry.dilation,
        output_padding=extra,
    )[0, 0]
    grads = [torch.autograd.grad(pixel, x, retain_graph=True)[0][0, 0] for pixel in out]
    return [{place: int(value) - 1 for place, value in enumerate(grad.tolist()) if value} for grad in grads]


@given(numbers())
def test_inputs_reach_the_outputs_that_autograd_says_through_the_same_weights(setting):
    axis, expected = Spread("row", *setting), reaching(*setting)
    assert axis.size == len(expected) and axis.counts == [len(sources) for sources in expected]
    for pixel, sources in enumerate(expected):
        assert axis.sources(pixel) == sorted(sources)
        windows = [axis.windows[place] for place in sources]
        assert [window.taps.index(pixel + axis.padding) for window in windows] == list(sources.values())


@given(numbers())
def test_far_from_the_borders_as_many_inputs_reach_an_output_as_it_says(setting):
    _, geometry, extra = setting
    counts = Spread("row", 40, geometry, extra).counts
    assert (
        set(counts[30 * geometry.stride - geometry.padding :][: geometry.stride])
        == Spread(*("row", *setting)).inner_counts
    )


@pytest.mark.parametrize(
    "setting",
    [
        {"input_size": 20, "kernel_size": 10, "stride": 5, "padding": 3},
        {"input_size": 20, "kernel_size": 10, "stride": 5, "padding": 3, "output_padding": 1},
        {"input_size": 25, "kernel_size": 8, "stride": 4, "padding": 2},
        {"input_size": (4, 9), "kernel_size": (2, 5), "stride": (3, 1), "dilation": (1, 3), "output_padding": (2, 2)},
    ],
)
def test_explorer_agrees_with_pytorch(setting):
    explorer = TransposedExplorer(**setting)
    _, _, height, width = pytorch_shape(explorer)
    assert f" becomes {height} × {width}. " in explorer.status
    assert (
        f"= <b>{height}</b>;" in explorer._details.value and f"{height} by {width} output" in explorer._picture.value
    )
    given = (height, width) if isinstance(setting["input_size"], tuple) else height
    assert f"-> output_size={given}, inputs=" in repr(explorer)


def test_every_control_moved_to_its_ends_agrees_with_pytorch_and_a_fresh_explorer():
    explorer, refused = TransposedExplorer(input_size=(3, 4), stride=3, output_index=5), 0
    for name, control in explorer.controls.items():
        start = control.value
        for end in ends(control):
            control.value = end
            assert_same_as_fresh(explorer)
            if "This does not run" in explorer.status:
                refused += 1
                with pytest.raises(RuntimeError, match="too small"):
                    pytorch_shape(explorer)
            else:
                _, _, height, width = pytorch_shape(explorer)
                assert f" becomes {height} × {width}. " in explorer.status, name
        control.value = start
    assert refused == 2  # padding at its most, of either axis


def test_random_moves_agree_with_pytorch():
    rng, explorer, ran = random.Random(172), TransposedExplorer(), 0
    for _ in range(150):
        move_anywhere(explorer.controls[rng.choice(list(explorer.controls))], rng)
        if "This does not run" not in explorer.status:
            _, _, height, width = pytorch_shape(explorer)
            assert f" becomes {height} × {width}. " in explorer.status
            ran += 1
    assert_same_as_fresh(explorer)
    assert ran > 100


@pytest.mark.parametrize(("axes", "most"), [((2, 1), 1), ((1, 4), 3), ((1, 1), 0), ((6, 2), 5)])
def test_output_padding_stays_below_stride_or_dilation_and_comes_back(axes, most):
    explorer = TransposedExplorer(stride=8, output_padding=7, kernel_size=8)
    explorer.controls["stride"].value, explorer.controls["dilation"].value = axes
    assert explorer.controls["output_padding"].value == most == explorer.controls["output_padding"].box.max
    assert pytorch_shape(explorer)[-1] == explorer.shown.result["output_size"]
    explorer.controls["stride"].value = 8
    assert explorer.controls["output_padding"].value == 7


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"output_padding": 1}, "adds 1 row and 1 column at the end: computed like the others."),
        ({"padding": 0, "output_padding": 1}, "computed like the others, but no input reaches them: bias alone."),
        ({"stride": 3, "output_padding": 2}, "but no input reaches 2 of them: bias alone."),
        ({"stride": (3, 1), "output_padding": (1, 0)}, "output_padding adds 1 row at the end: computed"),
        ({}, "6 × 6 becomes 11 × 11. An output pixel is reached by 1 to 4 inputs."),
        ({"kernel_size": 2, "padding": 0}, "An output pixel is reached by 1 input."),
        ({"kernel_size": 1, "padding": 0}, "An output pixel is reached by 0 to 1 input."),
    ],
)
def test_status_says_what_is_added_and_how_many_inputs_reach_an_output(setting, said):
    explorer = TransposedExplorer(**setting)
    assert explorer.status.endswith(said) or (said[-1] != "." and said in explorer.status)
    assert explorer.status.partition(". ")[2] in explorer.shown.picture.alt
    up = torch.nn.ConvTranspose2d(1, 1, **{name: explorer._axes(name) for name in SIZES[1:]})
    torch.nn.init.ones_(up.weight)
    values = up(torch.ones(1, 1, *explorer.input_size))[0, 0] - up.bias
    rows, columns = explorer._axes("output_padding")
    height, width = values.shape
    lines = [*values[height - rows :].unbind(0), *values[:, width - columns :].unbind(1)]
    alone = sum(line.abs().max().item() < 1e-5 for line in lines)
    assert (alone > 0) == ("bias alone" in said)


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({}, "Away from the borders 1, 2, 4 inputs reach an output pixel: a checkerboard"),
        ({"kernel_size": 4}, "Away from the borders 4 inputs reach an output pixel: no checkerboard"),
        ({"kernel_size": 2, "dilation": 2}, "Away from the borders 0, 4 inputs"),
        (
            {},
            "(6 − 1)·2 − 2·1 + 1·(3 − 1) + 1 + 0 = <b>11</b>; the convolution with the same numbers makes 6 of 11",
        ),
        ({"dilation": 4, "output_padding": 3}, "makes 6 of 17 to 18, not of 20"),
        ({"stride": (2, 3)}, "Width: (6 − 1)·3"),
    ],
)
def test_details_say_the_formula_the_way_back_and_the_checkerboard(setting, said):
    assert said in TransposedExplorer(**setting)._details.value


def test_marked_pixel_is_counted_row_by_row_and_said_in_the_alt_text():
    explorer = TransposedExplorer(input_size=(2, 6), output_padding=(0, 1), output_index=2 * 12 + 5)
    assert "output row 2 is reached by input row 1 through kernel row 1;" in explorer.shown.picture.alt
    assert "column 5 is reached by input columns 2, 3 through kernel columns 2, 0." in explorer.shown.picture.alt
    assert explorer.shown.result["inputs"] == 2 and repr(explorer).endswith("inputs=2")


@pytest.mark.parametrize(
    ("setting", "error", "message"),
    [
        ({"input_size": 33}, ValueError, "`input_size` must lie between 1 and 32"),
        ({"stride": 0}, ValueError, "`stride` must lie between 1 and 8"),
        ({"padding": 1.0}, TypeError, r"`padding` must be an integer; got 1.0 \(float\)"),
        ({"kernel_size": (1, 2, 3)}, TypeError, r"`kernel_size` must be one number or \(height, width\)"),
        ({"output_padding": 2}, ValueError, "`output_padding` goes up to 1 here; got 2"),
        ({"output_padding": (0, 2)}, ValueError, "`output_padding_w` goes up to 1 here; got 2"),
        ({"output_padding": -1}, ValueError, "`output_padding` must lie between 0 and 7"),
        ({"output_index": 121}, ValueError, "`output_index` goes up to 120 here; got 121"),
        ({"show": ["weights"]}, ValueError, "`show` must name some of "),
    ],
)
def test_bad_starting_value_is_named(setting, error, message):
    with pytest.raises(error, match=message):
        TransposedExplorer(**setting)


def test_setting_that_pytorch_refuses_is_one_sentence():
    explorer = TransposedExplorer()
    explorer.controls["padding"].value = 8
    assert explorer.status == ("This does not run: `padding`=8 crops the output of `input_size`=6 down to -3 pixels.")
    assert explorer._picture.value.startswith('<div style="opacity:.3">')
    with pytest.raises(RuntimeError, match="too small"):
        pytorch_shape(explorer)
