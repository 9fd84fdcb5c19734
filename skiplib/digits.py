"""The handwritten digits, as they are and as tensors to measure with and to train on (layer L1, torch).

Their source and licence stand in ``data/README.md``.
"""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from skiplib.arithmetic import checked_integer


@dataclass(frozen=True)
class Split:
    """Digits to train on, and others to test with; images standardised, (N, 1, 8, 8)."""

    images: Tensor
    labels: Tensor
    test_images: Tensor
    test_labels: Tensor


def load_digits() -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """1797 images of 8x8 pixels, from 0 (paper) to 16 (ink), and the digit that each one shows.

    Shape:
        images (1797, 8, 8), labels (1797,)

    >>> images, labels = load_digits()
    >>> images.shape, images.max(), labels[:4]
    ((1797, 8, 8), np.uint8(16), array([0, 1, 2, 3]))
    """
    with files("skiplib").joinpath("data/digits.npz").open("rb") as file, np.load(file) as arrays:
        return arrays["images"], arrays["labels"].astype(np.int64)


def first_digits(count: int) -> tuple[Tensor, Tensor]:
    """The first digits of the data set as a batch, their pixels from 0 (paper) to 1 (ink), and what they show.

    Shape:
        images (count, 1, 8, 8), labels (count,)

    >>> images, labels = first_digits(4)
    >>> images.shape, labels
    (torch.Size([4, 1, 8, 8]), tensor([0, 1, 2, 3]))
    """
    images, labels = load_digits()
    if checked_integer("count", count, 1) > len(images):
        raise ValueError(f"`count` must be at most {len(images)}; got {count}")
    return torch.tensor(images[:count, None] / 16, dtype=torch.float32), torch.tensor(labels[:count])


@cache
def split_digits() -> Split:
    """1437 digits to train on and 360 to test with, standardised by the first part's mean and deviation.

    >>> split = split_digits()
    >>> len(split.images), len(split.test_images)
    (1437, 360)
    """
    images, labels = first_digits(1797)
    order = torch.randperm(1797, generator=torch.Generator().manual_seed(172))
    images, labels = images[order], labels[order]
    known = images[:1437]
    device = "cuda" if torch.cuda.is_available() else "cpu"  # everything that trains follows the images
    images, labels = ((images - known.mean()) / known.std()).to(device), labels.to(device)
    return Split(images[:1437], labels[:1437], images[1437:], labels[1437:])
