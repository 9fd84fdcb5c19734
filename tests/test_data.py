import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import skiplib.data
from skiplib.data import load_digits


def test_digits_equal_scikit_learns_copy():
    datasets = pytest.importorskip("sklearn.datasets", reason="scikit-learn is a test extra: the digits' other copy")
    theirs = datasets.load_digits()
    images, labels = load_digits()
    assert np.array_equal(images, theirs.images)
    assert np.array_equal(labels, theirs.target)


def test_digits_are_small_integers_of_ten_classes():
    images, labels = load_digits()
    assert (images.shape, images.dtype, labels.shape, labels.dtype) == ((1797, 8, 8), np.uint8, (1797,), np.int64)
    assert (images.min(), images.max()) == (0, 16)
    assert np.bincount(labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]  # as UCI counts them


def test_digits_look_like_the_first_zero():
    images, labels = load_digits()
    assert labels[0] == 0
    assert images[0, 3].tolist() == [0, 4, 12, 0, 0, 8, 8, 0]  # two strokes and the hole between them


def test_digits_are_loaded_anew_so_that_nobody_spoils_them():
    load_digits()[0][:] = 0
    assert load_digits()[0].any()


def test_digits_need_numpy_alone():
    script = (
        "import sys, skiplib.data; skiplib.data.load_digits(); print({'torch', 'sklearn', 'scipy'} & {*sys.modules})"
    )
    assert subprocess.check_output([sys.executable, "-c", script], text=True).strip() == "set()"


def test_digits_file_is_small_and_says_where_it_comes_from():
    folder = Path(skiplib.data.__file__).parent
    assert (folder / "digits.npz").stat().st_size < 60_000
    text = (folder / "README.md").read_text(encoding="utf-8")
    assert all(word in text for word in ("Alpaydin", "Kaynak", "UCI", "1998", "Creative Commons Attribution 4.0"))
