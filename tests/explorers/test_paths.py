from math import comb

import pytest
import torch
import torch.nn.functional as F

from explorers.moving import assert_same_as_fresh, ends
from skiplib.digits import first_digits
from skiplib.explorers.paths import PathExplorer
from skiplib.networks import make_stack
from skiplib.paths import path_gradients


def test_what_is_shown_is_measured_with_four_digits():
    explorer = PathExplorer(blocks=6, init="he", norm="batch", alpha=0.5, seed=3)
    stack = make_stack(14, channels=16, skip=True, head="pool", init="he", norm="batch", alpha=0.5, seed=3)
    images, labels = first_digits(4)
    parts = path_gradients(stack, images, labels)
    stem = stack.stem(images)
    (whole,) = torch.autograd.grad(F.cross_entropy(stack.head(stack.blocks(stem)), labels), stem)
    assert torch.allclose(parts.sum(0), whole, atol=1e-6)
    sizes = [part.norm().item() for part in parts]
    assert explorer.drawn == pytest.approx(sizes, rel=1e-4)
    mean = sum(length * size for length, size in enumerate(sizes)) / sum(sizes)
    assert explorer.status == f"6 blocks: a path passes 3.0 branches on average, the gradient {mean:.1f}."


def test_few_branches_carry_nine_tenths():
    explorer = PathExplorer(blocks=10)
    carried = sum(explorer.drawn[:3]) / sum(explorer.drawn)
    assert sum(explorer.drawn[:2]) / sum(explorer.drawn) < 0.9 < carried
    paths = sum(comb(10, length) for length in range(3))
    assert (
        f"1,024 paths. Nine tenths of the gradient's parts come through at most 2 branches, on {paths} of them."
        in (explorer.shown.details)
    )


@pytest.mark.parametrize("name", ["blocks", "init", "norm", "alpha", "any_alpha", "seed"])
def test_every_control_moves_to_its_ends(name):
    explorer = PathExplorer(blocks=3, alpha=0.5)
    for value in ends(explorer.controls[name]):
        explorer.controls[name].value = value
        assert "branches on average" in explorer.status
        assert_same_as_fresh(explorer)


def test_branches_of_zeros_leave_the_shortest_path():
    assert repr(PathExplorer(blocks=5, init="zero")).endswith("-> paths=2.5, gradient=0.0")


def test_setting_before_stays_as_a_ghost():
    explorer = PathExplorer(blocks=4)
    assert "ghost" not in explorer._picture.value
    explorer.controls["blocks"].value = 8
    assert explorer._picture.value.count('class="ghost"') == 1


def test_bad_starting_value_is_named():
    with pytest.raises(ValueError, match="`blocks` must lie between 1 and 24"):
        PathExplorer(blocks=25)
