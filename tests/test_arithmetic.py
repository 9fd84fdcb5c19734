"""PyTorch on the CPU is the oracle: equal values, or both refuse. (Its meta device accepts what the CPU refuses.)"""

import subprocess
import sys
from dataclasses import FrozenInstanceError
from itertools import product

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from skiplib.arithmetic import (
    ConvGeometry,
    multiply_add_count,
    output_size,
    parameter_count,
    transposed_output_size,
)
from skiplib.chains import sizes

PUBLISHED = ConvGeometry(kernel_size=2, stride=2, padding=2)
setting = st.fixed_dictionaries(
    {
        "input_size": st.integers(0, 24),
        "kernel_size": st.integers(0, 7),
        "stride": st.integers(0, 5),
        "padding": st.integers(-1, 5),
        "dilation": st.integers(0, 4),
    }
)
geometry = st.builds(ConvGeometry, st.integers(1, 5), st.integers(1, 4), st.integers(0, 4), st.integers(1, 3))


def result(function, *arguments, **keywords):
    """A value, or None where it is refused."""
    try:
        return function(*arguments, **keywords)
    except (ValueError, RuntimeError):
        return None


def conv1d_size(input_size, kernel_size, **keywords):
    return F.conv1d(torch.zeros(1, 1, input_size), torch.zeros(1, 1, kernel_size), **keywords).shape[-1]


@given(setting)
def test_output_size_is_that_of_conv1d(setting):
    assert result(output_size, **setting) == result(conv1d_size, **setting)


@given(setting, setting)
def test_height_and_width_are_two_separate_sums(vertical, horizontal):
    both = {name: (vertical[name], horizontal[name]) for name in vertical}
    image, kernel = torch.zeros(1, 1, *both.pop("input_size")), torch.zeros(1, 1, *both.pop("kernel_size"))
    out = result(F.conv2d, image, kernel, **both)
    ours = result(output_size, **vertical), result(output_size, **horizontal)
    assert (None in ours) if out is None else ours == tuple(out.shape[2:])


@given(setting, st.integers(-1, 5))
def test_transposed_output_size_is_that_of_conv_transpose1d(setting, output_padding):
    ours = result(transposed_output_size, output_padding=output_padding, **setting)
    size, kernel = setting.pop("input_size"), setting.pop("kernel_size")
    image, weight = torch.zeros(1, 1, size), torch.zeros(1, 1, kernel)
    out = result(F.conv_transpose1d, image, weight, output_padding=output_padding, **setting)
    assert ours == (None if out is None else out.shape[-1])


@given(geometry, st.integers(1, 40))
def test_smallest_input_size_fits_and_one_less_does_not(geometry, extra):
    smallest = geometry.smallest_input_size
    assert geometry.output_size(smallest) >= 1 and geometry.output_size(smallest + extra) >= 1
    if smallest > 1:
        with pytest.raises(ValueError, match=f"the smallest `input_size` that fits is {smallest}$"):
            geometry.output_size(smallest - 1)


@given(geometry, st.integers(1, 30))
def test_input_sizes_is_the_exact_inverse(geometry, places):
    fits = [size for size in range(1, 200) if result(geometry.output_size, size) == places]
    assert list(geometry.input_sizes(places)) == fits


@given(geometry, st.integers(1, 30))
def test_leftover_and_unread_pixels_are_those_without_a_gradient(geometry, input_size):
    if result(geometry.output_size, input_size) is None:
        return
    padded = torch.zeros(1, 1, input_size + 2 * geometry.padding, requires_grad=True)
    kernel = torch.ones(1, 1, geometry.kernel_size)
    F.conv1d(padded, kernel, stride=geometry.stride, dilation=geometry.dilation).sum().backward()
    unread = (padded.grad[0, 0] == 0).nonzero().flatten().tolist()
    inside = [place - geometry.padding for place in unread]
    assert geometry.unread_pixels(input_size) == tuple(pixel for pixel in inside if 0 <= pixel < input_size)
    last = geometry.window(geometry.output_size(input_size) - 1).last
    assert geometry.leftover(input_size) == padded.shape[-1] - 1 - last


@given(geometry, st.integers(0, 5))
def test_window_is_what_one_output_depends_on(geometry, index):
    window = geometry.window(index)
    padded = torch.zeros(1, 1, window.last + 3, requires_grad=True)
    kernel = torch.ones(1, 1, geometry.kernel_size)
    F.conv1d(padded, kernel, stride=geometry.stride, dilation=geometry.dilation)[0, 0, index].backward()
    assert window.taps == tuple(padded.grad[0, 0].nonzero().flatten().tolist())
    assert (window.first, window.last) == (window.taps[0], window.taps[-1])


def test_keeps_every_size_is_true_exactly_where_it_does():
    for numbers in product(range(1, 8), range(1, 4), range(0, 7), range(1, 4)):
        geometry = ConvGeometry(*numbers)
        kept = all(result(geometry.output_size, size) in (None, size) for size in range(1, 60))
        assert geometry.keeps_every_size == kept, geometry


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (PUBLISHED, PUBLISHED),
        (ConvGeometry(3, 2, 1), ConvGeometry(3, 1, 1)),
        (ConvGeometry(5, 3, 0, 2), ConvGeometry(2, 2, 1)),
        (ConvGeometry(1, 4, 0), ConvGeometry(3, 1, 2, 3)),
        (ConvGeometry(7, 1, 3), ConvGeometry(4, 3, 2)),
    ],
)
def test_then_gives_the_size_of_two_real_convolutions_for_every_size(first, second):
    # Where the chain is refused (its first window finds no room), the one convolution may still run.
    whole = first.then(second)
    convs = [
        nn.Conv1d(1, 1, g.kernel_size, stride=g.stride, padding=g.padding, dilation=g.dilation)
        for g in (first, second)
    ]
    for size in range(1, 201):
        out = result(nn.Sequential(*convs), torch.zeros(1, 1, size))
        if out is not None:
            assert whole.output_size(size) == out.shape[-1] == sizes(size, [first, second])[-1]


@pytest.mark.parametrize("groups", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("channels", [(4, 6), (6, 4), (4, 4), (0, 4), (3, 0)])
@pytest.mark.parametrize("kernel_size", [1, 3, (2, 5)])
@pytest.mark.parametrize("bias", [True, False])
def test_parameter_count_is_that_of_conv2d(channels, kernel_size, groups, bias):
    def torch_count():
        conv = nn.Conv2d(*channels, kernel_size, groups=groups, bias=bias)
        return sum(parameter.numel() for parameter in conv.parameters())

    expected = None if 0 in channels else result(torch_count)
    assert result(parameter_count, *channels, kernel_size, groups=groups, bias=bias) == expected


@pytest.mark.parametrize(("kernel_size", "groups"), [(3, 1), (3, 4), ((1, 5), 2)])
def test_multiply_add_count_counts_every_product(kernel_size, groups):
    conv = nn.Conv2d(4, 8, kernel_size, groups=groups, bias=False)
    out = conv(torch.zeros(1, 4, 9, 12))
    products = conv.weight[0].numel() * out.numel()
    assert multiply_add_count(tuple(out.shape[2:]), 4, 8, kernel_size, groups=groups) == products


NOT_INTEGERS = [True, np.bool_(True), torch.tensor(True), 2.0, "2", None, (2,)]
CALLS = {
    "kernel_size": lambda bad: ConvGeometry(bad),
    "stride": lambda bad: ConvGeometry(1, stride=bad),
    "padding": lambda bad: ConvGeometry(1, padding=bad),
    "dilation": lambda bad: ConvGeometry(1, dilation=bad),
    "input_size": lambda bad: output_size(bad, 1),
    "index": lambda bad: PUBLISHED.window(bad),
    "output_size": lambda bad: PUBLISHED.input_sizes(bad),
    "output_padding": lambda bad: transposed_output_size(4, 2, output_padding=bad),
    "in_channels": lambda bad: parameter_count(bad, 4, 1),
    "out_channels": lambda bad: parameter_count(4, bad, 1),
    "groups": lambda bad: parameter_count(4, 4, 1, groups=bad),
}


@pytest.mark.parametrize("bad", NOT_INTEGERS, ids=repr)
@pytest.mark.parametrize("name", CALLS)
def test_what_is_not_an_integer_is_named(name, bad):
    with pytest.raises(TypeError, match=f"^`{name}` must be an integer; got "):
        CALLS[name](bad)


@pytest.mark.parametrize("name", CALLS)
def test_what_is_too_small_is_named_with_its_rule(name):
    with pytest.raises(ValueError, match=f"^`{name}` must be at least [01]; got -1$"):
        CALLS[name](-1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: output_size(4, 3, dilation=3), "window spans 7 pixels .*`dilation`=3.* only 4; .* that fits is 7$"),
        (lambda: output_size(1, 5, padding=1), "`padding`=1 on each side there are only 3; .* that fits is 3$"),
        (lambda: transposed_output_size(4, 2, stride=2, output_padding=2), "smaller than `stride`=2 or `dilation`=1"),
        (lambda: transposed_output_size(1, 1, padding=1), "crops the output of `input_size`=1 down to -1 pixels"),
        (lambda: parameter_count(4, 6, 1, groups=4), "`out_channels` must be divisible by `groups`=4; got 6"),
    ],
)
def test_message_says_the_value_and_the_rule(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_integers_of_other_libraries_are_welcome():
    assert ConvGeometry(torch.tensor(3)) == ConvGeometry(3)
    assert type(ConvGeometry(torch.tensor(3)).kernel_size) is int


def test_geometry_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        PUBLISHED.stride = 1


def test_importing_arithmetic_loads_nothing_heavy():
    script = (
        "import sys, skiplib.arithmetic; print({'torch', 'numpy', 'matplotlib', 'ipywidgets'} & sys.modules.keys())"
    )
    assert subprocess.check_output([sys.executable, "-c", script], text=True) == "set()\n"
