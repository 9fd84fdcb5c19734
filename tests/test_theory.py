import math

import pytest
import torch

from skiplib.theory import padding_leak, skip_product, variance_factor


def test_skip_product_is_a_right_triangle_for_each_block():
    assert skip_product(0.8, 0.3, 2) == pytest.approx(math.hypot(1, 0.3 * 0.8) ** 2)


@pytest.mark.parametrize("activation", ["tanh", "sigmoid"])
def test_mean_square_slope_is_that_at_0(activation):
    at_0 = torch.zeros((), dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(getattr(torch, activation)(at_0), at_0)
    assert variance_factor(activation, "xavier") == slope.item() ** 2


def test_padding_leak_is_an_eigenvalue():
    average = sum(torch.diag(torch.ones(8 - abs(k)), k) for k in (-1, 0, 1)) / 3
    assert padding_leak(8) == pytest.approx(torch.linalg.eigvalsh(average)[-1].item() ** 2)


def test_theory_names_what_it_does_not_know():
    with pytest.raises(ValueError, match="`activation` must be one of relu, tanh, sigmoid; got 'gelu'"):
        variance_factor("gelu", "he")
    with pytest.raises(ValueError, match="`init` must be one of default, xavier, he; got 'zero'"):
        variance_factor("relu", "zero")
