"""Integers of numpy and torch are Python's integers everywhere, however small their type; True and False are none."""

import warnings

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from skiplib.arithmetic import (
    LARGEST,
    ConvGeometry,
    multiply_add_count,
    output_size,
    parameter_count,
    transposed_output_size,
)
from skiplib.blocks import ResidualBlock
from skiplib.chains import (
    chain_parameter_count,
    channels_along,
    layer_code,
    seen_pixels,
    sizes,
    sizes_after,
    smaller_size,
)
from skiplib.kernels import named_weights
from skiplib.networks import make_stack
from skiplib.paths import lesioned
from skiplib.pooling import PoolGeometry
from skiplib.repairs import around, keep_size, one_sided, propose_shortcuts
from skiplib.shortcuts import Shortcut

CONV, POOL = ConvGeometry(3, stride=2, padding=1), PoolGeometry(3, stride=2, padding=1, ceil_mode=True)
CHAIN = [ConvGeometry(2, stride=2, padding=2)] * 2
WIDE = ConvGeometry(100, padding=100)  # so that sums leave the small types
CROP = Shortcut(kind="centre crop", branch=(ConvGeometry(3),), in_channels=3, out_channels=3)
RESIZE = Shortcut(kind="resize", branch=(*CHAIN,), in_channels=3, out_channels=3)
FUNCTIONS = {
    "ConvGeometry": (lambda *n: ConvGeometry(*n), 4),
    "PoolGeometry": (lambda *n: (PoolGeometry(n[0]), PoolGeometry(*n, mode="average", ceil_mode=True)), 3),
    "output_size": (lambda *n: output_size(n[0], n[1], stride=n[2], padding=n[3], dilation=n[4]), 5),
    "transposed_output_size": (
        lambda *n: transposed_output_size(n[0], n[1], stride=n[2], padding=n[3], output_padding=n[4], dilation=n[5]),
        6,
    ),
    "parameter_count": (lambda *n: parameter_count(*n[:3], groups=n[3]), 4),
    "parameter_count of a pair": (lambda *n: parameter_count(n[0], n[1], (n[2], n[3])), 4),
    "multiply_add_count": (lambda *n: multiply_add_count(*n), 4),
    "size": (lambda n: (WIDE.output_size(n), CONV.output_size(n), POOL.output_size(n)), 1),
    "leftover": (lambda n: (WIDE.leftover(n), CONV.leftover(n), POOL.leftover(n)), 1),
    "unread_pixels": (lambda n: (WIDE.unread_pixels(n), CONV.unread_pixels(n)), 1),
    "pixels": (lambda n: (WIDE.pixels(n), CONV.pixels(n)), 1),
    "window": (lambda n: CONV.window(n), 1),
    "input_sizes": (lambda n: (WIDE.input_sizes(n), CONV.input_sizes(n)), 1),
    "shares": (lambda n: POOL.shares(n), 1),
    "sizes": (lambda n: sizes(n, CHAIN), 1),
    "seen_pixels": (lambda *n: seen_pixels(n[0], CHAIN, n[1]), 2),
    "sizes_after": (lambda *n: sizes_after([WIDE, *CHAIN], n), 3),
    "smaller_size": (lambda *n: smaller_size(*n, lambda size: size % 5, sizes=range(90, 100)), 2),
    "channels_along": (lambda *n: channels_along(CHAIN, *n), 3),
    "chain_parameter_count": (lambda *n: chain_parameter_count(CHAIN, n), 3),
    "layer_code": (lambda *n: layer_code(CONV, *n), 2),
    "Shortcut": (
        lambda *n: Shortcut(kind="projection", branch=CHAIN, in_channels=n[0], out_channels=n[1]),
        2,
    ),
    "what a shortcut costs": (
        lambda *n: Shortcut(kind="projection", branch=CHAIN, in_channels=n[0], out_channels=n[1]).parameter_count,
        2,
    ),
    "shapes": (lambda *n: (RESIZE.shapes(n[0]), CROP.shapes(n)), 2),
    "sides": (lambda n: RESIZE.sides(n, 0), 1),
    "verdict": (lambda *n: (RESIZE.verdict(n), CROP.fits(n[0])), 2),
    "verdicts": (lambda *n: (RESIZE.verdicts(n), CROP.runs_at(n)), 3),
    "looks": (lambda *n: (RESIZE.looks(n[:2], n[2]), CROP.looks(n[:2], n[2])), 3),
    "place": (lambda *n: (RESIZE.place(n[0]), RESIZE.aligned(n), CROP.place(n)), 2),
    "propose_shortcuts": (lambda *n: propose_shortcuts(CHAIN, n[0], n[1], input_size=n[2:]), 4),
    "keep_size": (lambda *n: keep_size(CHAIN, *n), 2),
    "one_sided": (lambda *n: one_sided(ConvGeometry(4, padding=1), *n), 2),
    "around": (lambda n: around(n, most=4096), 1),
    "named_weights": (lambda *n: named_weights("sharpen", *n), 2),
}
KINDS = [np.uint8, np.int8, np.int16, np.int32, np.int64]
TYPES = [torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64]
KINDS += [lambda n, of=of: torch.tensor(n, dtype=of) for of in TYPES]
BOOLS = [True, False, np.bool_(True), np.array(True), torch.tensor(True), torch.tensor([False])]
every_function = pytest.mark.parametrize("name", FUNCTIONS)


def outcome(function, *numbers):
    """What a function gives or raises, as text: np.uint8(3) and 3 are not alike there."""
    with warnings.catch_warnings(action="error"):  # of an overflow, too
        try:
            return repr(function(*numbers))
        except (ValueError, TypeError) as error:
            return f"{type(error).__name__}: {error}"


@every_function
@given(data=st.data())
def test_small_integers_give_what_pythons_give(name, data):
    function, count = FUNCTIONS[name]
    numbers = data.draw(st.lists(st.integers(0, 127) | st.integers(1, 8), min_size=count, max_size=count))
    kind = data.draw(st.sampled_from(KINDS))
    assert outcome(function, *map(kind, numbers)) == outcome(function, *numbers)


@every_function
@pytest.mark.parametrize("kind", KINDS[:2])
def test_the_largest_that_fit_give_what_pythons_give(name, kind):
    function, count = FUNCTIONS[name]
    largest = int(np.iinfo(kind).max)
    for small in (1, 2, largest):
        numbers = [largest, small, largest, largest, small, largest][:count]
        assert outcome(function, *map(kind, numbers)) == outcome(function, *numbers)


@every_function
@pytest.mark.parametrize("bad", BOOLS, ids=repr)
def test_true_and_false_are_no_integers(name, bad):
    function, count = FUNCTIONS[name]
    for place in range(count):
        numbers = [4, 4, 4, 4, 1, 4][:count]
        numbers[place] = bad
        assert outcome(function, *numbers).startswith("TypeError: `"), place


@pytest.mark.parametrize(
    ("call", "value"),
    [
        (lambda: multiply_add_count(224, np.int32(512), np.int32(512), 3), 118380036096),
        (lambda: parameter_count(np.uint8(3), np.uint8(100), 3), 2800),
        (lambda: RESIZE.aligned(np.uint8(200)), RESIZE.aligned(200)),
        (lambda: len(propose_shortcuts(CHAIN, 3, 3, input_size=np.uint8(32))), 4),
    ],
)
def test_sums_that_were_wrong_once(call, value):
    assert call() == value


def test_message_counts_as_python_does():
    with pytest.raises(ValueError, match="there are only 270;"):
        output_size(np.uint8(250), 300, padding=10)


def test_networks_take_small_integers():
    net = make_stack(np.uint8(4), channels=np.uint8(2), skip=True, input_size=np.uint8(16), seed=np.uint8(172))
    assert net(torch.zeros(1, 1, 16, 16)).shape == (1, 10)
    assert next(ResidualBlock(torch.tensor(2), np.uint8(2)).parameters()).shape[:2] == (2, 2)
    eight = make_stack(8, channels=2, skip=True)
    assert len(lesioned(eight, without=[torch.tensor(1), np.uint8(2)]).blocks) == 1
    swapped = lesioned(eight, swap=(torch.tensor(1), torch.tensor(3))).blocks
    assert torch.equal(swapped[0].branch[1].weight, eight.blocks[2].branch[1].weight)


@pytest.mark.parametrize("bad", [-(10**5000), -1, LARGEST + 1, 10**5000], ids=["long", "small", "large", "longer"])
def test_numbers_that_are_too_long_to_be_shown_are_refused_in_our_words(bad):
    rule = "at least 1" if bad < 0 else "at most 1e30"
    with pytest.raises(ValueError, match=f"^`kernel_size` must be {rule}; got .{{1,40}}$"):
        ConvGeometry(bad)
    assert ConvGeometry(LARGEST).kernel_size == LARGEST
