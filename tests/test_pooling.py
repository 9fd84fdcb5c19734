"""PyTorch on the CPU is the oracle, as in test_arithmetic.py."""

from itertools import product

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from skiplib.arithmetic import ConvGeometry
from skiplib.pooling import PoolGeometry

setting = st.fixed_dictionaries(
    {
        "kernel_size": st.integers(0, 7),
        "stride": st.integers(0, 5),
        "padding": st.integers(-1, 5),
        "dilation": st.integers(0, 4),
        "ceil_mode": st.booleans(),
    }
)
EVERY = [
    PoolGeometry(kernel, stride, padding, dilation, ceil_mode=ceil_mode)
    for kernel, stride, padding, dilation, ceil_mode in product(
        range(1, 6), range(1, 5), range(3), (1, 2), (False, True)
    )
    if padding <= kernel // 2
]


def size_or_none(function):
    """A size, or None where it is refused."""
    try:
        return function()
    except (ValueError, RuntimeError):
        return None


def pooled(input_size, setting, pool=F.max_pool2d):
    return size_or_none(lambda: pool(torch.zeros(1, 1, input_size, input_size), **setting).shape[-1])


@given(setting, st.integers(0, 24), st.booleans())
def test_size_is_that_of_max_pool2d(setting, input_size, own_stride):
    if own_stride:
        del setting["stride"]
    ours = size_or_none(lambda: PoolGeometry(**setting).output_size(input_size))
    assert ours == pooled(input_size, setting)


@given(setting, st.integers(0, 24), st.booleans())
def test_size_is_that_of_avg_pool2d(setting, input_size, own_stride):
    del setting["dilation"]
    if own_stride:
        del setting["stride"]
    ours = size_or_none(lambda: PoolGeometry(**setting, mode="average").output_size(input_size))
    assert ours == pooled(input_size, setting, F.avg_pool2d)


@pytest.mark.parametrize(
    ("input_size", "setting", "size"),
    [
        (5, {"kernel_size": 2, "stride": 2, "padding": 1}, 3),
        (32, {"kernel_size": 1, "stride": 2}, 16),
        (7, {"kernel_size": 1, "stride": 2}, 4),
        (5, {"kernel_size": 3, "stride": 3, "padding": 1}, 2),
        (7, {"kernel_size": 3, "padding": 1}, 3),  # the stride is the kernel
    ],
)
def test_sizes_with_ceil_mode_that_were_asked_about(input_size, setting, size):
    assert PoolGeometry(**setting, ceil_mode=True).output_size(input_size) == size


def test_smallest_and_input_sizes_are_exact_and_what_keeps_keeps():
    for geometry in EVERY:
        after = {size: size_or_none(lambda g=geometry, n=size: g.output_size(n)) for size in range(1, 40)}
        assert geometry.smallest_input_size == next(size for size in after if after[size])
        for places in range(1, 6):
            assert list(geometry.input_sizes(places)) == [size for size in after if after[size] == places]
        assert geometry.keeps_every_size == all(after[size] in (None, size) for size in after), geometry


@given(st.sampled_from(EVERY), st.integers(1, 30))
def test_leftover_and_unread_pixels_are_those_that_cannot_win(geometry, input_size):
    if size_or_none(lambda: geometry.output_size(input_size)) is None:
        return
    arguments = {
        name: getattr(geometry, name) for name in ("kernel_size", "stride", "padding", "dilation", "ceil_mode")
    }
    before = F.max_pool1d(torch.zeros(1, 1, input_size), **arguments)
    images = torch.eye(input_size)[:, None]  # one pixel of 1 in each
    unread = (F.max_pool1d(images, **arguments).amax((1, 2)) <= 0).nonzero().flatten().tolist()
    assert geometry.unread_pixels(input_size) == tuple(unread)
    last = geometry.window(before.shape[-1] - 1).last
    assert geometry.leftover(input_size) == max(0, input_size + 2 * geometry.padding - 1 - last)
    if not geometry.ceil_mode:
        conv = ConvGeometry(geometry.kernel_size, geometry.stride, geometry.padding, geometry.dilation)
        assert geometry.leftover(input_size) == conv.leftover(input_size)


@given(setting, st.integers(1, 30))
def test_shares_are_what_average_pooling_makes_of_ones(setting, input_size):
    del setting["dilation"]
    made = size_or_none(lambda: F.avg_pool1d(torch.ones(1, 1, input_size), **setting)[0, 0].tolist())
    shares = size_or_none(lambda: PoolGeometry(**setting, mode="average").shares(input_size))
    assert shares == (made if made is None else pytest.approx(made))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: PoolGeometry(3, padding=2).output_size(9),
            "`padding` of a pooling is at most half of `kernel_size`=3",
        ),
        (lambda: PoolGeometry(3, mode="mean"), "`mode` must be one of max, average; got 'mean'"),
        (lambda: PoolGeometry(3, dilation=2, mode="average"), "`dilation` must be 1 in an average pooling; got 2"),
        (lambda: PoolGeometry(0), "`kernel_size` must be at least 1; got 0"),
        (lambda: PoolGeometry(5, stride=2, ceil_mode=True).output_size(3), "that fits is 4$"),
    ],
)
def test_pooling_names_what_is_wrong(call, message):
    with pytest.raises(ValueError, match=message):
        call()
