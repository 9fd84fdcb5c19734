import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import skiplib
from skiplib.digits import first_digits, load_digits, split_digits

SPLIT = split_digits()


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


def test_digits_need_no_library_of_data_sets():
    script = (
        "import sys, skiplib.digits; skiplib.digits.load_digits();"
        "print({'sklearn', 'scipy', 'torchvision'} & {*sys.modules})"
    )
    assert subprocess.check_output([sys.executable, "-c", script], text=True).strip() == "set()"


def test_digits_file_is_small_and_says_where_it_comes_from():
    folder = Path(skiplib.__file__).parent / "data"
    assert (folder / "digits.npz").stat().st_size < 60_000
    text = (folder / "README.md").read_text(encoding="utf-8")
    assert all(word in text for word in ("Alpaydin", "Kaynak", "UCI", "1998", "Creative Commons Attribution 4.0"))


def test_first_digits_are_their_pixels_between_paper_and_ink():
    (images, labels), (pixels, shown) = first_digits(20), load_digits()
    assert images.shape == (20, 1, 8, 8) and images.dtype == torch.float32
    assert (16 * images[:, 0] == torch.tensor(pixels[:20])).all() and labels.tolist() == shown[:20].tolist()


@pytest.mark.parametrize(("count", "said"), [(-1, "at least 1; got -1"), (0, "at least 1"), (1798, "at most 1797")])
def test_first_digits_are_as_many_as_there_are(count, said):
    with pytest.raises(ValueError, match=f"`count` must be {said}"):
        first_digits(count)
    assert len(first_digits(1797)[0]) == 1797


def test_digits_are_split_and_standardised_by_the_training_part():
    assert len(SPLIT.images) + len(SPLIT.test_images) == 1797
    assert SPLIT.images.mean().item() == pytest.approx(0, abs=1e-5)
    assert SPLIT.images.std().item() == pytest.approx(1, abs=1e-5)
    rows = {tuple(image.flatten().tolist()) for image in SPLIT.images}
    assert len(rows & {tuple(image.flatten().tolist()) for image in SPLIT.test_images}) == 0
    assert SPLIT.labels.bincount().min() > 120


def test_digits_are_shuffled_by_the_projects_seed():
    pixels, labels = load_digits()
    order = torch.randperm(1797, generator=torch.Generator().manual_seed(172))
    assert torch.equal(torch.cat([SPLIT.labels, SPLIT.test_labels]).cpu(), torch.tensor(labels)[order])
    first = torch.tensor(pixels)[order[0]].double()
    ours = SPLIT.images[0, 0].cpu().double()
    assert (first - first.mean()) / first.std() == pytest.approx(
        ((ours - ours.mean()) / ours.std()).numpy(), abs=1e-5
    )
