"""What the lessons say about PyTorch: these tests touch no line of ours."""

import re

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from skiplib.adding import checked_add


def test_in_place_plus_cannot_enlarge_its_left_side_but_broadcasts_its_right():
    column, row = torch.rand(1, 3, 1, 32), torch.rand(1, 3, 32, 32)
    message = "output with shape [1, 3, 1, 32] doesn't match the broadcast shape [1, 3, 32, 32]"
    with pytest.raises(RuntimeError, match=re.escape(message)):
        column += row
    row += column
    assert row.shape == (1, 3, 32, 32)


def test_in_place_plus_of_the_published_block_fails_with_the_same_message():
    x, residual = torch.rand(1, 3, 32, 32), torch.rand(1, 3, 11, 11)
    message = "The size of tensor a (32) must match the size of tensor b (11) at non-singleton dimension 3"
    with pytest.raises(RuntimeError, match=re.escape(message)):
        x += residual


@pytest.mark.parametrize("paddings, out", [((0, 1), 32), ((1, 0), 32), ((0, 0), 30), ((1, 1), 34)])
def test_kernel_two_keeps_the_size_only_if_one_of_two_convolutions_pads(paddings, out):
    convs = nn.Sequential(*[nn.Conv2d(3, 3, 2, padding=padding) for padding in paddings])
    assert convs(torch.rand(1, 3, 32, 32)).shape[-1] == out


@pytest.fixture
def every_warning():
    """Without it, only the first convolution of its kind in a process warns."""
    torch.set_warn_always(True)
    yield
    torch.set_warn_always(False)


def test_padding_same_pads_one_side_more_with_a_warning_and_refuses_a_stride(every_warning):
    with pytest.warns(UserWarning, match="Using padding='same' with even kernel lengths and odd dilation"):
        assert nn.Conv2d(3, 3, 2, padding="same")(torch.rand(1, 3, 32, 32)).shape[-1] == 32
    with pytest.raises(ValueError, match="padding='same' is not supported for strided convolutions"):
        nn.Conv2d(3, 3, 2, stride=2, padding="same")


def test_stride_two_keeps_the_size_with_an_absurd_padding():
    assert nn.Conv2d(3, 3, 3, stride=2, padding=17)(torch.rand(1, 3, 32, 32)).shape[-1] == 32


def test_average_pooling_refuses_the_padding_of_the_published_branch():
    message = "pad should be at most half of effective kernel size, but got pad=6, kernel_size=4 and dilation=1"
    with pytest.raises(RuntimeError, match=re.escape(message)):
        F.avg_pool2d(torch.rand(1, 3, 32, 32), 4, 4, 6)


def test_padding_never_wins_in_max_pooling_but_counts_in_average_pooling():
    negative = -torch.ones(1, 1, 12)
    assert F.max_pool1d(negative, 3, padding=1).unique().tolist() == [-1]
    assert F.avg_pool1d(negative, 3, padding=1).max() > -0.7


@pytest.mark.parametrize("n", range(2, 40))
def test_what_keras_pads_depends_on_the_size_and_gives_half_of_it_rounded_up(n):
    missing = (-(-n // 2) - 1) * 2 + 3 - n  # kernel 3, stride 2
    padded = F.pad(torch.zeros(1, 1, n), (missing // 2, missing - missing // 2))
    assert missing == 1 + n % 2 and F.conv1d(padded, torch.ones(1, 1, 3), stride=2).shape[-1] == -(-n // 2)


def test_transposed_convolution_comes_back_at_even_sizes_only():
    there_and_back = nn.Sequential(nn.Conv2d(3, 3, 2, stride=2), nn.ConvTranspose2d(3, 3, 2, stride=2))
    for n in range(2, 40):
        assert (there_and_back(torch.rand(1, 3, n, n)).shape[-1] == n) == (n % 2 == 0)


@pytest.mark.parametrize("stride, padding, size", [(2, 0, 16), (4, 0, 8), (3, 0, 11), (4, 5, 11), (4, 6, 11)])
def test_pointwise_projections_of_32_pixels(stride, padding, size):
    assert nn.Conv2d(3, 3, 1, stride=stride, padding=padding)(torch.rand(1, 3, 32, 32)).shape[-1] == size


def test_odd_image_comes_back_one_pixel_short_in_a_unet():
    x = torch.rand(1, 4, 15, 15)
    up = F.interpolate(F.max_pool2d(x, 2, ceil_mode=True), scale_factor=2)
    assert up.shape[-1] == 16
    with pytest.raises(RuntimeError, match="Sizes of tensors must match except in dimension 1"):
        torch.cat([x, up], dim=1)
    with pytest.raises(ValueError, match=r"differ on axis 2 \(15 against 16\)"):
        checked_add(x, up)


# traps of in-place operations


def pre_activation_with_inplace_relu(x):
    conv = nn.Conv2d(4, 4, 3, padding=1)
    return x + conv(nn.ReLU(inplace=True)(x)), conv


@pytest.mark.parametrize("norm", [False, True], ids=["conv", "conv and norm"])
def test_inplace_relu_at_the_start_of_a_branch_is_wrong_without_a_word(norm):
    stem = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), *[nn.BatchNorm2d(4)] * norm)
    x = stem(torch.randn(8, 4, 8, 8))
    before = x.detach().clone()
    out, conv = pre_activation_with_inplace_relu(x)
    out.sum().backward()
    assert torch.equal(x, F.relu(before))  # the caller's tensor has changed
    torch.testing.assert_close(out, F.relu(before) + conv(F.relu(before)))
    assert not torch.allclose(out, before + conv(F.relu(before)))
    assert 0.4 < (x == 0).double().mean() < 0.6
    repaired = before + conv(nn.ReLU()(before))
    torch.testing.assert_close(repaired, before + conv(F.relu(before)))


def test_inplace_relu_on_a_sigmoid_fails_at_backward():
    x = torch.sigmoid(torch.randn(2, 4, 8, 8, requires_grad=True))
    out, _ = pre_activation_with_inplace_relu(x)
    with pytest.raises(RuntimeError, match=r"modified by an inplace operation.* output 0 of Sigmoid.* at version 1"):
        out.sum().backward()


def test_inplace_relu_on_a_leaf_fails_at_once():
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad is being used in an in-place"):
        pre_activation_with_inplace_relu(torch.randn(2, 4, 8, 8, requires_grad=True))


def add_to_conv(h, conv):
    h += conv(h)
    return h


def add_to_relu_of_conv(h, conv):
    h += F.relu(conv(h))
    return h


def add_after(activation):
    def articles_order(h, conv):
        out = activation(conv(h))
        out += h
        return out

    return articles_order


def add_before_inplace_relu(h, conv):
    out = nn.BatchNorm2d(4)(conv(h))
    out += h
    return F.relu_(out)


@pytest.mark.parametrize(
    "add", [add_to_conv, add_to_relu_of_conv, add_after(F.relu), add_after(torch.tanh), add_after(torch.sigmoid)]
)
def test_inplace_add_to_what_backward_needs_fails_at_backward(add):
    conv, x = nn.Conv2d(4, 4, 3, padding=1), torch.randn(2, 4, 8, 8, requires_grad=True)
    out = add(nn.Conv2d(4, 4, 1)(x), conv)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        out.sum().backward()


@pytest.mark.parametrize("add", [add_after(nn.Identity()), add_before_inplace_relu, add_after(F.gelu)])
def test_inplace_add_to_what_backward_does_not_need_is_fine(add):
    conv, stem, x = nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(4, 4, 1), torch.randn(2, 4, 8, 8)
    add(stem(x), conv).sum().backward()
    assert conv.weight.grad.any() and stem.weight.grad.any()


def test_identity_is_another_name_for_x_and_not_a_copy():
    x = torch.randn(2, 4, 8, 8)
    identity, copy = x, x.clone()
    F.relu_(x)
    assert identity is x and not (identity < 0).any()
    assert (copy < 0).any()
