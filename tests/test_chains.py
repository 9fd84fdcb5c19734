import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from skiplib.arithmetic import ConvGeometry
from skiplib.chains import compose, seen_pixels, sizes, sizes_after

PUBLISHED = ConvGeometry(kernel_size=2, stride=2, padding=2)
geometry = st.builds(ConvGeometry, st.integers(1, 5), st.integers(1, 4), st.integers(0, 4), st.integers(1, 3))
some = settings(max_examples=300, deadline=None)


@pytest.mark.parametrize("index", [0, 2, 5, 10])
def test_seen_pixels_are_those_with_a_gradient(index):
    x = torch.zeros(1, 1, 32, requires_grad=True)
    kernel = torch.ones(1, 1, 2)
    F.conv1d(F.conv1d(x, kernel, stride=2, padding=2), kernel, stride=2, padding=2)[0, 0, index].backward()
    seen = [pixel for pixel in seen_pixels(32, [PUBLISHED] * 2, index)[0] if 0 <= pixel < 32]
    assert seen == x.grad[0, 0].nonzero().flatten().tolist()


def kept(geometries, largest):
    return [size for size, after in sizes_after(geometries, largest).items() if size == after]


def test_sizes_after_a_chain_are_pytorchs_and_say_which_are_kept():
    convs = nn.Sequential(nn.Conv1d(1, 1, 5, stride=2), nn.Conv1d(1, 1, 3, padding=1))
    after = sizes_after([ConvGeometry(5, stride=2), ConvGeometry(3, padding=1)], 40)
    assert after == {n: convs(torch.zeros(1, 1, n)).shape[-1] if n >= 5 else 0 for n in range(1, 41)}
    assert kept([PUBLISHED] * 2, 500) == [3, 4]
    assert kept([ConvGeometry(3, padding=1)] * 3, 20) == list(range(1, 21))


@some
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


def test_sizes_names_the_convolution_that_does_not_fit():
    with pytest.raises(ValueError, match="convolution 2 of 2: `input_size`=2 is too small: the window spans 5"):
        sizes(4, [ConvGeometry(3), ConvGeometry(5)])


def test_seen_pixels_of_the_last_output_leave_out_the_padding_between():
    chain = [ConvGeometry(3, padding=1), ConvGeometry(3, padding=1)]
    x = torch.zeros(1, 1, 6, requires_grad=True)
    F.conv1d(F.conv1d(x, torch.ones(1, 1, 3), padding=1), torch.ones(1, 1, 3), padding=1)[0, 0, 5].backward()
    seen = [pixel for pixel in seen_pixels(6, chain, 5)[0] if pixel < 6]
    assert seen == x.grad[0, 0].nonzero().flatten().tolist() and seen_pixels(6, chain, 5)[0] == [3, 4, 5, 6]
