import math
from functools import partial
from itertools import product

import numpy as np
import pytest
import torch
from torch import nn

from skiplib.arithmetic import ConvGeometry
from skiplib.exercises import UNANSWERED
from skiplib.trials import try_alpha, try_branch_geometry, try_function, try_skip_geometry

HALF = ConvGeometry(kernel_size=3, stride=2, padding=1)
QUARTER = [ConvGeometry(9, stride=4, padding=4), ConvGeometry(9, padding=4)]
SETTINGS = {
    "input_size": (15, 16, 32, 33),
    "kernel_size": (1, 2, 3, 5),
    "stride": (1, 2, 3),
    "padding": (0, 1, 2),
    "dilation": (1, 2),
}
TRY = {
    "01.formula": partial(try_function, "01.formula", **SETTINGS),
    "01.keeping": partial(try_branch_geometry, "01.keeping", input_size=32),
    "02.fitting": partial(try_skip_geometry, "02.fitting", branch=[HALF, HALF], sizes=range(8, 41)),
    "03.alpha": partial(try_alpha, "03.alpha", blocks=50),
    "06.audio_skip": partial(try_skip_geometry, "06.audio_skip", branch=QUARTER, sizes=range(16, 257)),
}


def formula(input_size, kernel_size, stride, padding, dilation):
    return (input_size + 2 * padding - dilation * (kernel_size - 1) - 1) // stride + 1


def forgets_one(n, k, s, p, d):
    return formula(n, k, s, p, d) - 1


def divides(n, k, s, p, d):
    return (n + 2 * p - d * (k - 1) - 1) / s + 1


def rounds_up(n, k, s, p, d):
    return -(-(n + 2 * p - d * (k - 1) - 1) // s) + 1


def pads_once(n, k, s, p, d):
    return (n + p - d * (k - 1) - 1) // s + 1


def forgets_the_span(n, k, s, p, d):
    return (n + 2 * p - k) // s + 1


def asserts(*setting):
    raise AssertionError


def only_prints(n, k, s, p, d):
    print(formula(n, k, s, p, d))


def forgets_to_return(n, k, s, p, d):
    places = formula(n, k, s, p, d)  # noqa: F841


def as_it_stands_in_the_lesson(input_size, kernel_size, stride, padding, dilation):
    return None


def only_described(*setting):
    """The size of a convolution's output."""


RIGHT = [
    ("01.formula", formula, "It agrees with PyTorch's formula. Tried with 288 settings."),
    ("01.keeping", (3, 1, 1), "Padding 1 on each side makes up for the 2 places that are lost."),
    ("01.keeping", "(3, 1, 1)", "Padding 1 on each side makes up for the 2"),
    ("01.keeping", ConvGeometry(2, padding=1, dilation=2), "Padding 1 on each side makes up for the 2"),
    ("01.keeping", [5, 1, 2], "Padding 2 on each side makes up for the 4 places that are lost."),
    ("02.fitting", (7, 4, 3), "That is `compose` of the branch"),
    ("02.fitting", [1, 4, 0], "So its k − 2p is that of the branch, and both look at the same place."),
    ("06.audio_skip", (41, 4, 20), "That is `compose` of the branch: as long as the branch"),
    ("06.audio_skip", (1, 4, 0), "and both look at the same place."),
    ("03.alpha", 1 / math.sqrt(50), "n · alpha² is 1.00: in theory 50 blocks multiply by 1.64, less than"),
    ("03.alpha", 0.1415, "n · alpha² is 1.00"),
    ("03.alpha", np.float32(0.14), "n · alpha² is 0.98: in theory 50 blocks multiply by 1.62"),
    ("03.alpha", "0.1345", "n · alpha² is 0.90"),
]
MISTAKES = [
    ("01.formula", forgets_one, "One too few"),
    ("01.formula", divides, "divide with //"),
    ("01.formula", rounds_up, "if you round up"),
    ("01.formula", pads_once, "padding once"),
    ("01.formula", forgets_the_span, "number of taps"),
    (
        "01.formula",
        only_prints,
        "Your function returned None for the first setting. Give the value back with `return`, on every",
    ),
    ("01.formula", forgets_to_return, "Your function returned None"),
    ("01.formula", print, "Your function returned None"),
    (
        "01.formula",
        lambda *setting: 1,
        "settings, first for input_size=15, kernel_size=1, stride=1, padding=0, dilation=1: ",
    ),
    ("01.formula", lambda *setting: str(formula(*setting)), "It is wrong for 288 of 288 settings, first for"),
    ("01.formula", lambda *setting: (1,), "there it gives (1,) (tuple). Work"),
    ("01.formula", lambda *setting: np.ones(2), "there it gives array([1., 1.]) (ndarray). Work"),
    ("01.formula", lambda n, k, s, p, d: (n - d * (k - 1) - 1) // s + 1, "You left the padding out."),
    ("01.formula", lambda *setting: exit(), "The function raised SystemExit"),
    ("01.formula", asserts, "The function raised AssertionError."),
    ("01.formula", lambda *setting: setting[0], "Work that one out by hand, or set it in the explorer."),
    ("01.formula", lambda n: n, "raised TypeError"),
    (
        "01.formula",
        lambda *setting: None if setting[-1] > 1 else formula(*setting),
        "It is wrong for 144 of 288 settings",
    ),
    ("01.formula", 5, "The answer is a function, without calling it; this is 5 (int)."),
    ("01.keeping", (1, 1, 0), "sees no neighbours"),
    (
        "01.keeping",
        (3, 2, 1),
        "Stride 2 leaves about one place in 2 of the padded strip; only a few sizes can survive.",
    ),
    ("01.keeping", (3, 2, 17), "only a few sizes can survive."),  # 32 is one of them
    ("01.keeping", (2, 1, 1), "odd number"),
    ("01.keeping", (3, 1, 2), "Here 32 pixels become 34 and then 36."),
    ("01.keeping", (3, 1, 0), "30 and then 28"),
    ("01.keeping", (0, 1, 0), "PyTorch refuses this: `kernel_size` must be at least 1; got 0."),
    ("01.keeping", (9, 1, 0), "24 and then 16"),
    ("01.keeping", (35, 1, 0), "too small"),
    ("01.keeping", (3, 1, 1.5), "must be an integer"),
    ("01.keeping", (3, 1), "(kernel_size, stride, padding): The answer is 3 whole numbers in order, such as"),
    ("02.fitting", (1, 2, 0), "How far apart"),
    ("02.fitting", (3, 4, 0), "It misses 16 of the sizes 8 to 40: at 9 the skip gives 2, the branch 3."),
    ("02.fitting", (4, 4, 2), "It misses 9 of the sizes 8 to 40: at 8 the skip gives 3, the branch 2."),
    ("02.fitting", (9, 4, 0), "PyTorch refuses"),
    ("02.fitting", "741", "(kernel_size, stride, padding): The answer is 3 whole numbers in order, such as"),
    ("02.fitting", (7, 4, "x"), "(kernel_size, stride, padding): The answer is 3 whole numbers in order, such as"),
    ("06.audio_skip", (4, 4, 0), "It misses 180 of the sizes 16 to 256: at 17 the skip gives 4, the branch 5."),
    ("06.audio_skip", (8, 4, 4), "It misses 61 of the sizes 16 to 256: at 16 the skip gives 5, the branch 4."),
    ("03.alpha", 0, "do nothing at all"),
    ("03.alpha", -0.1, "The sign changes nothing about the size: give a positive number."),
    ("03.alpha", 2, "smaller than 1"),
    ("03.alpha", 0.2, "n · alpha² is 2.00, which is above 1: in theory 50 blocks multiply by 2.67."),
    ("03.alpha", 0.142, "n · alpha² is 1.01, which is above 1"),
    ("03.alpha", 0.13, "n · alpha² is 0.85: in theory a factor of 1.52. Safe, but alpha may be larger."),
    ("03.alpha", 0.9, "in theory 50 blocks multiply by about 1e6."),
    ("03.alpha", "1/7", "The answer is one number, such as 0.5; this is '1/7'."),
]


def width(convs, size):
    for conv in convs:
        size = conv(torch.zeros(1, 1, size)).shape[-1]
    return size


def conv(kernel_size, stride, padding):
    return nn.Conv1d(1, 1, kernel_size, stride=stride, padding=padding)


@pytest.mark.parametrize("function", [as_it_stands_in_the_lesson, only_described, lambda *setting: None])
def test_function_in_which_nothing_is_written_is_not_answered_yet(function):
    assert repr(TRY["01.formula"](function)) == UNANSWERED


def test_function_that_prints_is_called_once_only(capsys):
    TRY["01.formula"](only_prints)
    assert capsys.readouterr().out == "15\n"


def middle(convs):
    """Between the first and the last pixel on which an output in the middle of the image depends."""
    x = torch.zeros(1, 1, 64, requires_grad=True)
    convs(x)[..., 8].sum().backward()
    read = x.grad.flatten().nonzero()
    return int(read[0] + read[-1]) / 2


def test_function_gets_the_values_in_the_order_of_the_settings():
    feedback = try_function("01.formula", lambda k, n: n - k + 1, kernel_size=[1, 2], input_size=[7])
    assert repr(feedback) == "✓ Right. It agrees with PyTorch's formula. Tried with 2 settings."


@pytest.mark.parametrize(("kernel_size", "stride", "padding"), [*product(range(2, 8), (1, 2), range(4))])
def test_geometry_is_right_twice_in_a_row_if_it_keeps_every_size_in_pytorch(kernel_size, stride, padding):
    twice = [conv(kernel_size, stride, padding)] * 2
    keeps = all(width(twice, n) == n for n in range(24, 33))
    assert TRY["01.keeping"]((kernel_size, stride, padding)).right == keeps


@pytest.mark.parametrize(("kernel_size", "stride", "padding"), [*product((1, 2, 3, 5, 7, 8), (3, 4), range(4))])
def test_geometry_is_right_on_the_skip_if_it_fits_the_branch_in_pytorch(kernel_size, stride, padding):
    skip, branch = [conv(kernel_size, stride, padding)], [conv(3, 2, 1)] * 2
    fits = all(width(skip, n) == width(branch, n) for n in range(8, 41))
    assert TRY["02.fitting"]((kernel_size, stride, padding)).right == fits


def test_geometry_that_fits_the_branch_looks_at_the_same_place():
    found = [each for each in product(range(1, 16), (4,), range(8)) if TRY["02.fitting"](each).right]
    assert found == [(2 * padding + 1, 4, padding) for padding in range(8)]
    for kernel_size, stride, padding in found:
        middles = [conv(kernel_size, stride, padding), nn.Sequential(conv(3, 2, 1), conv(3, 2, 1))]
        assert middle(middles[0]) == middle(middles[1])


def test_geometry_with_the_stride_of_the_whole_branch_is_not_met_by_the_hint():
    branch = [HALF, ConvGeometry(kernel_size=3, padding=1)]
    assert try_skip_geometry("02.fitting", (1, 2, 0), branch=branch, sizes=range(8, 41)).right


def test_error_of_a_function_ends_in_one_full_stop():
    def fails(*setting):
        raise ValueError("no.")

    assert repr(TRY["01.formula"](fails)) == "✗ Not yet. The function raised ValueError: no."


@pytest.mark.parametrize(("alpha", "blocks", "right"), [(1, 1, True), (0.5, 4, True), (0.47, 4, False)])
def test_limits_of_alpha_belong_to_it(alpha, blocks, right):
    assert try_alpha("03.alpha", alpha, blocks=blocks).right is right
