import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from skiplib.arithmetic import ConvGeometry
from skiplib.chains import (
    along,
    chain_parameter_count,
    channels_along,
    checked_layers,
    compose,
    layer_code,
    seen_pixels,
    sizes,
    sizes_after,
    smaller_size,
)
from skiplib.pooling import PoolGeometry

PUBLISHED = ConvGeometry(kernel_size=2, stride=2, padding=2)
geometry = st.builds(ConvGeometry, st.integers(1, 5), st.integers(1, 4), st.integers(0, 4), st.integers(1, 3))


@pytest.mark.parametrize("index", [0, 2, 5, 10])
def test_seen_pixels_are_those_with_a_gradient(index):
    x = torch.zeros(1, 1, 32, requires_grad=True)
    kernel = torch.ones(1, 1, 2)
    F.conv1d(F.conv1d(x, kernel, stride=2, padding=2), kernel, stride=2, padding=2)[0, 0, index].backward()
    seen = [pixel for pixel in seen_pixels(32, [PUBLISHED] * 2, index)[0] if 0 <= pixel < 32]
    assert seen == x.grad[0, 0].nonzero().flatten().tolist()


def kept(geometries, largest):
    return [size for size, after in sizes_after(geometries, range(1, largest + 1)).items() if size == after]


def test_sizes_after_a_chain_are_pytorchs_and_say_which_are_kept():
    convs = nn.Sequential(nn.Conv1d(1, 1, 5, stride=2), nn.Conv1d(1, 1, 3, padding=1))
    after = sizes_after([ConvGeometry(5, stride=2), ConvGeometry(3, padding=1)], range(1, 41))
    assert after == {n: convs(torch.zeros(1, 1, n)).shape[-1] if n >= 5 else 0 for n in range(1, 41)}
    assert kept([PUBLISHED] * 2, 500) == [3, 4]
    assert kept([ConvGeometry(3, padding=1)] * 3, 20) == list(range(1, 21))


@given(st.lists(geometry, min_size=1, max_size=3), st.integers(0, 3))
def test_composed_window_spans_what_autograd_finds(geometries, index):
    whole = compose(geometries)
    size = whole.window(index).last + 1
    x = torch.zeros(1, 1, size + 40, requires_grad=True)
    out = x
    for g in geometries:  # without padding, every output sees all of its window
        out = F.conv1d(out, torch.ones(1, 1, g.kernel_size), stride=g.stride, dilation=g.dilation)
    out[0, 0, index].backward()
    seen = x.grad[0, 0].nonzero().flatten()
    assert (seen[0], seen[-1]) == (whole.window(index).first, whole.window(index).last)


def test_composed_padding_says_where_the_image_begins():
    whole = compose([PUBLISHED, PUBLISHED])
    assert whole == ConvGeometry(kernel_size=4, stride=4, padding=6)
    x = torch.zeros(1, 1, 32, requires_grad=True)
    kernel = torch.ones(1, 1, 2)
    F.conv1d(F.conv1d(x, kernel, stride=2, padding=2), kernel, stride=2, padding=2)[0, 0, 5].backward()
    assert x.grad[0, 0].nonzero().flatten().tolist() == [tap - whole.padding for tap in whole.window(5).taps]


@pytest.mark.parametrize(
    ("chain", "index", "read", "composed"),
    [
        ([ConvGeometry(3, stride=2), ConvGeometry(3, padding=1)], 2, [2, 3, 4, 5, 6], [2, 3, 4, 5, 6, 7, 8]),
        ([ConvGeometry(3), ConvGeometry(1, padding=1)], 0, [], [-1, 0, 1]),
    ],
    ids=["a remainder", "padding between"],
)
def test_at_a_border_a_chain_reads_less_than_its_composed_window(chain, index, read, composed):
    x = torch.zeros(1, 1, 8, requires_grad=True)
    out = x
    for g in chain:
        out = F.conv1d(out, torch.ones(1, 1, g.kernel_size), stride=g.stride, padding=g.padding)
    out[0, 0, index].backward()
    whole = compose(chain)
    assert x.grad[0, 0].nonzero().flatten().tolist() == read == seen_pixels(8, chain, index)[0]
    assert [tap - whole.padding for tap in whole.window(index).taps] == composed


def test_nothing_composes_to_a_pixel():
    assert compose([]) == ConvGeometry(1) and sizes(9, []) == [9]


def test_sizes_names_the_layer_that_does_not_fit():
    with pytest.raises(ValueError, match="layer 2 of 2: `input_size`=2 is too small: the window spans 5"):
        sizes(4, [ConvGeometry(3), ConvGeometry(5)])


def test_seen_pixels_of_the_last_output_leave_out_the_padding_between():
    chain = [ConvGeometry(3, padding=1), ConvGeometry(3, padding=1)]
    x = torch.zeros(1, 1, 6, requires_grad=True)
    F.conv1d(F.conv1d(x, torch.ones(1, 1, 3), padding=1), torch.ones(1, 1, 3), padding=1)[0, 0, 5].backward()
    seen = [pixel for pixel in seen_pixels(6, chain, 5)[0] if pixel < 6]
    assert seen == x.grad[0, 0].nonzero().flatten().tolist() and seen_pixels(6, chain, 5)[0] == [3, 4, 5, 6]


pooling = st.tuples(
    st.integers(1, 5), st.integers(1, 4), st.integers(0, 2), st.sampled_from(["max", "average"]), st.booleans()
).map(lambda n: PoolGeometry(n[0], n[1], min(n[2], n[0] // 2), mode=n[3], ceil_mode=n[4]))
layer = st.one_of(geometry, pooling)
pair = st.one_of(
    layer, st.tuples(geometry, geometry), st.tuples(pooling, pooling).map(lambda two: (two[0], _as(two[1], two[0])))
)


def _as(one, other):
    return PoolGeometry(one.kernel_size, one.stride, one.padding, mode=other.mode, ceil_mode=other.ceil_mode)


def make(layers, channels):
    """The network that the lines make, with nothing but what every lesson imports."""
    steps = zip(layers, channels, channels[1:], strict=False)
    return nn.Sequential(*(eval(layer_code(each, *both), {"nn": nn}) for each, *both in steps))


@given(st.lists(pair, min_size=1, max_size=4), st.integers(1, 60), st.integers(1, 60))
def test_lines_sizes_channels_and_parameters_are_those_of_pytorch(layers, height, width):
    channels = channels_along(layers, 2, 3, 4)
    network = make(checked_layers("layers", layers), channels)
    try:
        out = network(torch.zeros(1, 2, height, width))
    except RuntimeError:
        out = None
    ours = []
    for axis, size in enumerate((height, width)):
        after = sizes_after(along(layers, axis), [size])[size]
        ours.append(after)
        if after:
            assert sizes(size, along(layers, axis))[-1] == after
        else:
            with pytest.raises(ValueError, match=f"layer . of {len(layers)}: `input_size`"):
                sizes(size, along(layers, axis))
    assert (out is None) == (0 in ours)
    if out is not None:
        assert tuple(out.shape) == (1, channels[-1], *ours)
    assert chain_parameter_count(layers, channels) == sum(each.numel() for each in network.parameters())


def test_seen_pixels_of_a_window_that_hangs_over_are_those_with_a_gradient():
    chain = [ConvGeometry(3, padding=1), PoolGeometry(3, stride=2, mode="average", ceil_mode=True)]
    x = torch.zeros(1, 1, 8, requires_grad=True)
    out = F.avg_pool1d(F.conv1d(x, torch.ones(1, 1, 3), padding=1), 3, stride=2, ceil_mode=True)
    out[0, 0, 3].backward()
    seen = [pixel for pixel in seen_pixels(8, chain, out.shape[-1] - 1)[0] if 0 <= pixel < 8]
    assert seen == x.grad[0, 0].nonzero().flatten().tolist() == [5, 6, 7]


@pytest.mark.parametrize(
    ("size", "period", "among", "smaller"),
    [
        (700, 16, range(1, 65), 28),
        (700, 16, range(29, 65), 44),
        (700, 16, range(1, 28), None),
        (28, 16, range(1, 65), None),
        (96, 32, range(1, 65), 32),
    ],
)
def test_smaller_size_is_the_first_one_of_which_the_same_is_true(size, period, among, smaller):
    halvings = [ConvGeometry(2, stride=2)] * 4

    def lost(n):
        return [g.leftover(before) for g, before in zip(halvings, sizes(n, halvings), strict=False)]

    assert smaller_size(size, period, lost, sizes=among) == smaller


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([(ConvGeometry(3), PoolGeometry(3))], "pairs of two geometries of one kind"),
        ([(PoolGeometry(3), PoolGeometry(3, mode="average"))], "pairs of two geometries of one kind"),
        ([(PoolGeometry(3), PoolGeometry(3, ceil_mode=True))], "pairs of two geometries of one kind"),
        ([(ConvGeometry(3),)], "pairs of two geometries of one kind"),
        ([(3, 3)], "`layers` must be a list or tuple of ConvGeometry"),
        (3, "`layers` must be a list or tuple of ConvGeometry"),
        ([3], "`layers` must be a list or tuple of ConvGeometry"),
    ],
)
def test_layers_that_are_none_are_named(layers, message):
    with pytest.raises(TypeError, match=message):
        checked_layers("layers", layers)
