from statistics import median

import pytest
import torch
from torch import nn

from skiplib.digits import first_digits
from skiplib.explorers.digits import DigitsExplorer
from skiplib.networks import make_stack, stages


def spread_of(stack):
    out = stack.blocks(stack.stem(first_digits(4)[0])).detach().double()
    return f"{((out - out.mean(0)).norm() / out.norm()).item():.0%}".replace("%", " %")


@pytest.mark.parametrize(
    "settings",
    [{}, {"order": "article"}, {"init": "he", "norm": "group"}, {"alpha": 0.3, "seed": 7, "channels": 8}],
)
def test_explorer_says_how_far_pytorchs_own_outputs_differ(settings):
    explorer = DigitsExplorer(depth=20, **settings)
    for kind, skip in (("plain", False), ("skip", True)):
        stack = make_stack(20, skip=skip, **{"channels": 16, "seed": 172} | settings)
        assert explorer.shown.result[kind] == spread_of(stack)
        assert f"{spread_of(stack)} {'of their size (plain)' if kind == 'plain' else '(skip)'}" in explorer.status


def test_biases_can_be_zero():
    stack = make_stack(20, channels=16, skip=False, order="article", seed=172)
    for layer in stack.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.zeros_(layer.bias)
    explorer = DigitsExplorer(depth=20, order="article", biases="zero")
    assert explorer.shown.result["plain"] == spread_of(stack) != DigitsExplorer(depth=20).shown.result["plain"]


def test_deeper_network_shows_the_same_blocks_and_more():
    spoken = [DigitsExplorer(depth=depth).shown.picture.alt for depth in (10, 18, 34)]
    shared = spoken[0].partition(". plain: ")[2].partition(". skip")[0]
    assert shared.endswith("block 4 0 %") and all(shared in alt for alt in spoken)


def test_in_a_deep_plain_network_four_digits_become_one_and_with_skips_they_do_not():
    for seed in range(172, 177):
        explorer = DigitsExplorer(seed=seed)
        shares = [float(share.removesuffix(" %")) for share in explorer.shown.result.values()]
        assert shares[0] == 0 and shares[1] > 25, seed


def test_setting_that_does_not_run_is_one_sentence():
    explorer = DigitsExplorer(depth=6, init="zero")
    explorer.controls["order"].value = "article"
    assert "This does not run: `init` must not be 'zero' with `order`='article'" in explorer.status


def test_measuring_leaves_the_random_numbers_as_they_were():
    before = torch.get_rng_state()
    DigitsExplorer(depth=100)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"biases": "none"}, "`biases` must be one of as drawn, zero"), ({"depth": 102}, "`depth` must lie between")],
)
def test_bad_starting_value_is_named(settings, message):
    with pytest.raises(ValueError, match=message):
        DigitsExplorer(**settings)


@pytest.mark.parametrize(
    ("settings", "shares"), [({}, (0, 20)), ({"biases": "zero"}, (30, 36)), ({"init": "he"}, (27, 15))]
)
def test_lesson_02_says_how_far_100_digits_differ(settings, shares):
    runs = [
        stages(20, images=first_digits(100)[0], order="article", seed=seed, **settings) for seed in range(172, 177)
    ]
    for kind, share in zip(("plain", "skip"), shares, strict=True):
        assert round(100 * median(run[kind][-1][1] for run in runs)) == share
