"""What pencil and paper say about the gradient's norm, one number for each block (layer L0).

In the mean square, a convolution with independent weights and the activation before it multiply the gradient by a
variance factor: weight variance times the number of outputs that an input feeds, which is the fan-in where as many
channels leave as enter (He et al. 2015, arXiv 1502.01852, Sec 2.2; Glorot and Bengio 2010), times the mean square
slope of the activation, times what zero padding lets pass. With a skip, the identity and the
branch add up like independent numbers: 1 + alpha**2 q**2 instead of q**2.
"""

import math

from skiplib.arithmetic import checked_word

WEIGHT_VARIANCE = {"default": 1 / 3, "xavier": 1.0, "he": 2.0}  # times the fan-in, for as many channels out as in
MEAN_SQUARE_SLOPE = {"relu": 1 / 2, "tanh": 1.0, "sigmoid": 1 / 16}  # tanh and sigmoid: at 0, where it is largest


def variance_factor(activation: str, init: str) -> float:
    """By how much one activation and convolution multiply the gradient's mean square, padding left out.

    PyTorch's default draws weights from U(-1/sqrt(fan_in), 1/sqrt(fan_in)), whose variance is 1 / (3 fan_in).

    Raises:
        ValueError: if ``activation`` or ``init`` is not one of those in this module.

    >>> [round(variance_factor("relu", init), 3) for init in ("default", "xavier", "he")]
    [0.167, 0.5, 1.0]
    """
    for name, value, known in (("activation", activation, MEAN_SQUARE_SLOPE), ("init", init, WEIGHT_VARIANCE)):
        checked_word(name, value, known)
    return WEIGHT_VARIANCE[init] * MEAN_SQUARE_SLOPE[activation]


def padding_leak(input_size: int) -> float:
    """What is left of the mean square where a 3x3 window with padding 1 also averages zeros, on a square image.

    It is the largest eigenvalue of that average along one axis, squared for two axes; 1 without a border.

    >>> [round(padding_leak(size), 3) for size in (4, 8, 16, 32)]
    [0.762, 0.921, 0.977, 0.994]
    """
    return ((1 + 2 * math.cos(math.pi / (input_size + 1))) / 3) ** 2


def block_factor(activation: str, init: str, input_size: int) -> float:
    """q: by how much one block of two 3x3 convolutions without a skip multiplies the norm of the gradient.

    >>> round(block_factor("relu", "he", 8), 2), round(block_factor("relu", "default", 8), 2)
    (0.92, 0.15)
    """
    return variance_factor(activation, init) * padding_leak(input_size)


def plain_product(q: float, blocks: int) -> float:
    """Norm of the gradient after ``blocks`` plain blocks, relative to where it started.

    >>> plain_product(0.5, 3)
    0.125
    """
    return float(q**blocks)


def branch_scale(alpha: float | str, blocks: int) -> float:
    """``alpha`` as a number: itself, or 1 / sqrt(blocks) where it says "1/sqrt(n)".

    >>> branch_scale("1/sqrt(n)", 4), branch_scale(0.3, 4)
    (0.5, 0.3)
    """
    if isinstance(alpha, str) and alpha != "1/sqrt(n)":
        raise ValueError(f"`alpha` must be a number or '1/sqrt(n)'; got {alpha!r}")
    return 1 / math.sqrt(max(1, blocks)) if isinstance(alpha, str) else alpha


def skip_product(q: float, alpha: float, blocks: int) -> float:
    """The same with skips: each block multiplies by sqrt(1 + alpha**2 q**2), which is never below 1.

    >>> skip_product(0.5, 0.0, 3), round(skip_product(1.0, 1.0, 10))
    (1.0, 32)
    """
    return math.sqrt(1 + (alpha * q) ** 2) ** blocks
