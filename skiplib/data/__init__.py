"""The handwritten digits of scikit-learn, in one small file (layer L1, numpy alone; see ``README.md`` here)."""

from importlib.resources import files

import numpy as np
from numpy.typing import NDArray


def load_digits() -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """1797 images of 8x8 pixels, from 0 (paper) to 16 (ink), and the digit that each one shows.

    Shape:
        images (1797, 8, 8), labels (1797,)

    >>> images, labels = load_digits()
    >>> images.shape, images.max(), labels[:4]
    ((1797, 8, 8), np.uint8(16), array([0, 1, 2, 3]))
    """
    with files(__name__).joinpath("digits.npz").open("rb") as file, np.load(file) as arrays:
        return arrays["images"], arrays["labels"].astype(np.int64)
