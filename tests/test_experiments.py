import math
from copy import deepcopy
from functools import partial
from itertools import combinations

import numpy as np
import pytest
import torch
from torch import nn

from skiplib.arithmetic import ConvGeometry
from skiplib.digits import split_digits
from skiplib.experiments import measured_nets, try_fates, try_lesion, try_rescue, try_shortcut, try_worse
from skiplib.paths import lesioned
from skiplib.training import accuracy, race

HALVING = (ConvGeometry(kernel_size=3, stride=2, padding=1), ConvGeometry(kernel_size=3, padding=1))
SAME, PUBLISHED = [HALVING[1]] * 2, [ConvGeometry(kernel_size=2, stride=2, padding=2)] * 2
BOTTLENECK = [ConvGeometry(1), HALVING[0], ConvGeometry(1)]
TRIED = range(8, 41)
FIVE_BLOCKS = next(race([12], seeds=[172], skips=[True], epochs=1, init="he", norm="batch")).net
LEFT = {
    pair: accuracy(lesioned(FIVE_BLOCKS, without=pair), split_digits().test_images, split_digits().test_labels)
    for pair in combinations(range(1, 6), 2)
}
WORST, BEST = min(LEFT, key=LEFT.get), max(LEFT, key=LEFT.get)
TRY = {
    "02.repair_1": partial(try_shortcut, "02.repair_1", branch=HALVING, channels=(3, 6, 6), sizes=TRIED),
    "02.repair_2": partial(try_shortcut, "02.repair_2", branch=SAME, channels=(1, 16, 16), sizes=TRIED),
    "02.repair_3": partial(try_shortcut, "02.repair_3", branch=PUBLISHED, channels=(3, 6, 3), sizes=TRIED),
    "06.bottleneck": partial(try_shortcut, "06.bottleneck", branch=BOTTLENECK, channels=(16, 8, 8, 32), sizes=TRIED),
    "03.sigmoid": partial(try_fates, "03.sigmoid", depth=50, activation="sigmoid"),
    "03.he": partial(try_fates, "03.he", depth=50, init="he"),
    "03.scaled": partial(try_fates, "03.scaled", depth=50, init="he", alpha=1 / math.sqrt(24)),
    "03.batch": partial(try_fates, "03.batch", depth=50, init="he", norm="batch"),
    "03.tanh": partial(try_fates, "03.tanh", depth=50, activation="tanh", init="xavier"),
    "03.worse": partial(try_worse, "03.worse", depth=50),
    "04.rescue": partial(try_rescue, "04.rescue", depth=20, seed=172),
    "05.pair": partial(try_lesion, "05.pair", net=FIVE_BLOCKS, blocks=2),
    "05.spare": partial(try_lesion, "05.spare", net=FIVE_BLOCKS, blocks=2, at_least=0.9),
}


class Carries(nn.Module):
    """A shortcut that is a function."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def option_a(x):
    return nn.functional.pad(x[..., ::2, ::2], (0, 0, 0, 0, 0, 3))


def resized(x):
    return nn.functional.adaptive_avg_pool2d(x, [n // 4 + 3 for n in x.shape[2:]])


RIGHT = [
    ("06.bottleneck", nn.Conv2d(16, 32, 1, stride=2), "So does ResNet-50: 1 × 1, with the stride of the branch."),
    ("06.bottleneck", nn.Sequential(nn.AvgPool2d(2, ceil_mode=True), nn.Conv2d(16, 32, 1)), "So does ResNet-50"),
    ("02.repair_1", nn.Conv2d(3, 6, kernel_size=1, stride=2), "Channels and stride both fit. He's option B"),
    ("02.repair_1", nn.Sequential(nn.Conv2d(3, 6, 3, stride=2, padding=1), nn.BatchNorm2d(6)), "at 39 and 40 both"),
    ("02.repair_1", nn.Sequential(nn.AvgPool2d(2, ceil_mode=True), nn.Conv2d(3, 6, 1)), "sizes 8 to 40; at"),
    ("02.repair_1", nn.Sequential(nn.MaxPool2d(3, 2, 1), nn.Conv2d(3, 6, 1)), "Channels and stride both fit."),
    ("02.repair_1", nn.Sequential(nn.Identity(), nn.Conv2d(3, 6, 1, 2), nn.GroupNorm(1, 6)), "both fit."),
    ("02.repair_1", nn.Sequential(nn.Conv2d(3, 6, 1, 2), nn.ReLU(inplace=True), nn.Dropout(0.9)), "both fit."),
    ("02.repair_1", nn.Conv2d(3, 6, 15, stride=2, padding=7), "Channels and stride both fit."),
    ("02.repair_1", lambda x: option_a(x), "This is He's option A"),
    (
        "02.repair_1",
        nn.Sequential(nn.ZeroPad2d((1, 0, 1, 0)), nn.AvgPool2d(2), nn.Conv2d(3, 6, 1)),
        "Channels and stride both fit.",
    ),
    ("02.repair_1", lambda x: option_a(x).double(), "This is He's option A"),
    ("02.repair_1", nn.Conv2d(3, 6, 1, stride=2).double(), "Channels and stride both fit."),
    ("02.repair_1", nn.LazyConv2d(6, 1, stride=2), "Channels and stride both fit."),
    ("02.repair_1", Carries(option_a), "This is He's option A: no parameters, and zeros for the new channels. The"),
    ("02.repair_2", nn.Conv2d(1, 16, kernel_size=1), "Now 16 channels meet 16, and nothing is stretched. The shapes"),
    ("02.repair_2", nn.Conv2d(1, 16, 3, padding="same"), "at 39 and 40 both sides look at the same place."),
    ("02.repair_2", Carries(lambda x: x.repeat(1, 16, 1, 1)), "Now 16 channels meet 16"),
    ("02.repair_3", nn.Conv2d(3, 3, kernel_size=4, stride=4, padding=6), "The published block runs, repaired."),
    ("02.repair_3", nn.Conv2d(3, 3, 2, stride=4, padding=5), "The published block runs, repaired."),
    ("02.repair_3", nn.Conv2d(3, 3, 4, stride=4, padding=6, padding_mode="reflect"), "runs, repaired."),
    ("03.sigmoid", ("vanishes", "holds"), "the textbook case"),
    ("03.he", ("holds", "explodes"), "24 blocks multiply by about √2 each."),
    ("03.scaled", ("holds", "holds"), "multiply by √(1 + q²/n)"),
    ("03.batch", [" Explodes", "HOLDS"], "The plain gradient grows"),
    ("03.sigmoid", ("vanish", "hold"), "the textbook case"),
    ("03.batch", ("explode", "hold"), "The plain gradient grows"),
    ("03.tanh", ("holds", "holds"), "plain loses a factor of about 14"),
    ("03.worse", {"depth": 30, "init": "he"}, "Here the skip network is further from 1."),
    ("03.worse", {"init": "he", "alpha": 0.95}, "Here the skip network is further from 1."),
    ("03.worse", {"init": "he", "channels": 32}, "Here the skip network is further from 1."),
    ("04.rescue", {"init": "he", "norm": "batch", "epochs": 8}, "It reaches 95 % and more"),
    ("04.rescue", {"activation": "tanh", "init": "xavier", "epochs": 6}, "not without care."),
    ("05.pair", set(WORST), "No other two cost more than that"),
    ("05.pair", list(reversed(WORST)), "No other two"),
    ("05.spare", set(BEST), "and it reads 80 % and more."),
    ("05.spare", f"{BEST[0]}, {BEST[1]}", "More than half of its blocks are gone"),
]
MISTAKES = [
    ("06.bottleneck", nn.Conv2d(16, 32, 1), "The middle convolution halves the image."),
    ("06.bottleneck", nn.MaxPool2d(1, 2), "the skip gives (2, 16, 4, 6) and the branch (2, 32, 4, 6)"),
    ("02.repair_1", nn.Identity(), "the skip gives (2, 3, 8, 12) and the branch (2, 6, 4, 6)"),
    (
        "02.repair_1",
        nn.Conv2d(3, 6, 2, stride=2),
        "It fits 17 of 33 images, each 4 pixels wider than high. At height 9",
    ),
    ("02.repair_1", nn.Conv2d(3, 1, 1, stride=2), "(2, 1, 4, 6) is stretched to (2, 6, 4, 6)"),
    ("02.repair_1", nn.Conv2d(3, 1, 2, stride=2, padding=1), "It fits 0 of 33 images"),
    ("02.repair_1", nn.Conv2d(4, 6, 1, stride=2), "your shortcut raised"),
    ("02.repair_1", nn.Conv2d, "Conv2d is a class: give what is made from it, such as nn.Identity()."),
    ("02.repair_2", nn.Identity(), "(2, 1, 8, 12) is stretched"),
    ("02.repair_2", nn.LSTM(12, 12), "your shortcut raised"),
    ("02.repair_2", nn.MaxPool2d(1, return_indices=True), "must return one tensor"),
    ("02.repair_1", lambda x: option_a(x).to(torch.complex64), "must return one tensor, of real numbers."),
    ("02.repair_1", nn.Conv2d(3, 6, 1, 2, device="meta"), "Its weights have no values: they are on the meta device."),
    ("02.repair_3", nn.Conv2d(3, 3, 1, stride=3), "see `compose` in lesson 01"),
    ("02.repair_1", Carries(lambda x: 1 / 0), "At size 8 your shortcut raised ZeroDivisionError: division by zero."),
    ("02.repair_1", nn.Sequential(nn.ReLU(inplace=True), nn.Conv2d(3, 6, 1, 2)), "It writes over x"),
    ("02.repair_1", Carries(lambda x: option_a(x).log()), "It gives numbers that are not finite."),
    ("02.repair_1", Carries(lambda x: option_a(x)[:2]), "It makes (2, 6, 20, 22) of (120, 3, 39, 43)."),
    (
        "02.repair_1",
        Carries(lambda x: option_a(x).flatten(1 if len(x) > 2 else 3)),
        "It makes (120, 2640) of (120, 3, 39, 43).",
    ),
    ("02.repair_1", Carries(lambda x: 0 * option_a(x)), "at size 39, row 2 of the skip does not depend on x."),
    (
        "02.repair_1",
        Carries(lambda x: option_a(x) * (torch.arange(22) != 9)[: (x.shape[-1] + 1) // 2]),
        "column 9 of",
    ),
    (
        "02.repair_1",
        Carries(lambda x: option_a(x.flip(-1))),
        "at size 39, column 2 of the skip looks at column 38 of the image, and that of the branch at columns 1 to 7",
    ),
    (
        "02.repair_1",
        Carries(lambda x: option_a(x.flip(-2))),
        "at size 39, row 2 of the skip looks at row 34 of the image, and that of the branch at rows 1 to 7",
    ),
    ("02.repair_1", Carries(lambda x: option_a(x.roll(1, -1))), "column 2 of the skip looks at column 3 of"),
    ("02.repair_1", Carries(lambda x: option_a(x.roll(-1, -1))), "column 2 of the skip looks at column 5 of"),
    (
        "02.repair_1",
        Carries(lambda x: 0 * option_a(x) + x.mean((1, 2, 3), True)),
        "row 2 of the skip looks at rows 0 to 38 of",
    ),
    (
        "02.repair_2",
        Carries(lambda x: x.flip(-1).repeat(1, 16, 1, 1)),
        "The shapes agree at every size, the places do",
    ),
    ("02.repair_3", Carries(resized), "at size 39, row 2 of the skip looks at rows 6 to 9 of the image"),
    ("02.repair_3", Carries(lambda x: 0 * resized(x)), "does not depend on x."),
    ("03.sigmoid", ("vanishes", "vanishes"), "Plain is right, skip is not. The slope"),
    ("03.sigmoid", ("holds", "holds"), "Skip is right, plain is not."),
    ("03.he", ("vanishes", "holds"), "Neither is right. He's weights"),
    ("03.sigmoid", ("hold", "Vanish"), "Neither is right. The slope"),
    ("03.batch", ("explodes", "explodes"), "Plain is right, skip is not. This one"),
    ("03.scaled", ("vanishes", "holds"), "has no alpha"),
    ("03.batch", ("holds", "holds"), "cannot be computed with q"),
    ("03.tanh", ("vanishes", "explodes"), "made for tanh"),
    ("03.tanh", ("holds", "grows"), 'The answer is one of "vanishes", "holds", "explodes"; this is'),
    ("03.tanh", ("holds", "old"), 'The answer is one of "vanishes", "holds", "explodes"; this is'),
    ("03.tanh", ("holds", ""), 'The answer is one of "vanishes", "holds", "explodes"; this is'),
    ("03.worse", {"norm": "batch", "init": "he"}, "plain 1e4, skip 1e2. Look for"),
    (
        "03.worse",
        {"init": "He", "Depth": 20},
        "plain 1, skip 10. The skip network is further from 1, but not by more than a power of ten. Look for",
    ),
    ("03.worse", {"init": "he", "depth": 200}, "depth of 100"),
    ("03.worse", {"init": "he", "channels": 64}, "32 channels"),
    ("03.worse", {"init": "zero"}, "plain not a number, skip 1. What is 0 or not finite cannot be compared."),
    ("03.worse", {"init": "he", "alpha": 1e10}, "an alpha from 0 to 1, as in the explorers."),
    ("03.worse", {"alpha": -0.1}, "an alpha from 0 to 1, as in the explorers."),
    ("03.worse", {"init": "he", "alpha": "1/sqrt(n)"}, "plain 0.1, skip 1. Look for"),
    ("03.worse", {"depth": 2, "alpha": "1/sqrt(n)"}, "plain 1, skip 1. Look for"),
    ("03.worse", {"alpha": "0.5"}, "`alpha` is a number; got '0.5'."),
    ("03.worse", {"depth": 51}, "must be even"),
    ("03.worse", {"depth": "50"}, "`depth` is a whole number; got '50'."),
    ("03.worse", {"dept": 50}, "no setting 'dept'"),
    ("03.worse", {"init": ["he"]}, "`init` is one of default, xavier, he, zero, in quotes; got ['he']."),
    ("03.worse", {"depth": 50, "norm": "group"}, "Look for"),
    ("03.worse", 50, 'The answer is a dict of settings, such as {"depth": 50, "norm": "group"}.'),
    ("04.rescue", {}, "It reaches 10 % on the training digits. That is guessing. Which settings in lesson 03"),
    (
        "04.rescue",
        {"init": "he", "lr": np.float32(0.3), "epochs": 1},
        "That is guessing. With the usual `lr` (0.02 for sgd, 0.001 for adam), does it learn?",
    ),
    (
        "04.rescue",
        {"norm": "batch", "epochs": 2},
        " % on the training digits. That is more than a guess. Try other pairs",
    ),
    ("04.rescue", {"norm": "batch"}, "another `lr`, or up to 8 epochs."),
    ("04.rescue", {"init": "he", "lr": 100}, "not finite any more"),
    ("04.rescue", {"epochs": 9}, "8 epochs or less"),
    ("04.rescue", {"skip": True}, "no setting 'skip'"),
    ("04.rescue", {"lr": 1e10}, "Please stay at an `lr` of 100 or less."),
    ("04.rescue", {"lr": 1e308}, "≈ Not read. This number is too large to be the answer."),
    ("04.rescue", {"lr": 0}, "`lr` must be a positive number, up to 1e30; got 0.0."),
    ("04.rescue", {"lr": "fast"}, "`lr` is a number; got 'fast'."),
    ("04.rescue", {"lr": [0.1]}, "`lr` is a number; got [0.1]."),
    ("04.rescue", {"lr": True}, "`lr` is a number; got True."),
    ("04.rescue", {"epochs": "8"}, "`epochs` is a whole number; got '8'."),
    ("04.rescue", {"epochs": 4.0}, "`epochs` is a whole number; got 4.0."),
    ("04.rescue", {"epochs": 0}, "`epochs` must be"),
    ("04.rescue", {"norm": ["batch"]}, "`norm` is one of none, batch, group, in quotes; got ['batch']."),
    ("04.rescue", {"init": None}, "`init` is one of default, xavier, he, zero, in quotes; got None."),
    ("04.rescue", {"optimizer": "rmsprop"}, "`optimizer` is one of sgd, adam, in quotes; got 'rmsprop'."),
    ("04.rescue", ["norm"], 'The answer is a dict of settings, such as {"norm": "batch"}.'),
    ("05.pair", set(BEST), f"Without {BEST[0]}, {BEST[1]} it reads {LEFT[BEST]:.0%}. Look at the bars"),
    ("05.pair", {1}, "The answer is 2 blocks; this is 1."),
    ("05.pair", {1, 2, 3}, "The answer is 2 blocks; this is 3."),
    ("05.pair", {1, 6}, "6 is not a whole number from 1 to 5."),
    ("05.pair", "the first", "The answer is a set, such as {1}, or set() for none; this is 'the first'."),
    ("05.spare", set(WORST), f"Without {WORST[0]}, {WORST[1]} it reads {LEFT[WORST]:.0%}. Which blocks cost least"),
    ("05.spare", {1, 2, 3, 4, 5}, "Without 1, 2, 3, 4, 5 it reads"),
    ("05.spare", set(), "The answer is 2 blocks or more; this is 0."),
]


def test_trying_a_shortcut_leaves_the_module_and_the_random_numbers_as_they_were():
    module = nn.Sequential(nn.Conv2d(3, 6, 1, stride=2), nn.BatchNorm2d(6))
    before = torch.get_rng_state()
    assert TRY["02.repair_1"](module).right
    assert module[1].num_batches_tracked == 0 and torch.equal(torch.get_rng_state(), before)


def test_alpha_is_scaled_by_the_number_of_blocks():
    named, counted = (measured_nets(22, init="he", alpha=alpha) for alpha in ("1/sqrt(n)", 1 / math.sqrt(10)))
    assert named == counted != measured_nets(22, init="he", alpha=0.1)


def test_module_that_cannot_be_copied_is_run_itself():
    module = nn.Conv2d(3, 6, 1, stride=2)
    module.last = module(torch.rand(1, 3, 8, 8))
    with pytest.raises(RuntimeError, match="deepcopy"):
        deepcopy(module)
    assert TRY["02.repair_1"](module).right


def test_shortcut_that_changes_the_usual_type_is_judged_as_before():
    def changes(x):
        torch.set_default_dtype(torch.float64)
        return option_a(x)

    try:
        assert TRY["02.repair_1"](changes).right
    finally:
        torch.set_default_dtype(torch.float32)


def test_shortcut_is_judged_alike_whatever_its_weights_and_whenever():
    for seed in range(5):
        torch.manual_seed(seed)
        module = nn.Sequential(nn.Conv2d(3, 6, 3, stride=2, padding=1), nn.GroupNorm(1, 6), nn.ReLU())
        assert TRY["02.repair_1"](module).right
        assert "does not depend on x" in TRY["02.repair_1"](nn.Sequential(module, nn.Threshold(1e9, 0))).message


def test_identity_between_equal_channels_is_no_option_a():
    feedback = try_shortcut("02.repair_2", nn.Identity(), branch=SAME, channels=(3, 3, 3), sizes=TRIED)
    assert feedback.right and "option A" not in feedback.message


def test_shortcut_that_fits_squares_only_is_not_right():
    square = Carries(lambda x: nn.functional.interpolate(x, size=x.shape[-2] // 4 + 3))
    assert "It fits 0 of 33 images, each 4 pixels wider than high. At height 8" in TRY["02.repair_3"](square).message


@pytest.mark.parametrize("channels", [(3, 6), (3, 6, 6, 6)])
def test_channels_that_do_not_fit_the_branch_are_refused(channels):
    with pytest.raises(ValueError, match=r"`channels` must be 3 numbers, one more than `branch`; got \(3, 6"):
        try_shortcut("02.repair_1", nn.Identity(), branch=HALVING, channels=channels, sizes=TRIED)
