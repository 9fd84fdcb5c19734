import re
from itertools import product

import pytest
import torch
import torch.nn.functional as F
from test_blocks import ORDERS, SEED, every_setting, same_parameters
from torch import nn

from skiplib.networks import make_stack, stages


def make_deep(depth=10, **keywords):
    return make_stack(depth, **{"channels": 8, "skip": True, **keywords})


@pytest.mark.parametrize("depth", [2, 4, 10, 50])
def test_depth_counts_weighted_layers(depth):
    stack = make_deep(depth)
    assert sum(isinstance(layer, nn.Conv2d | nn.Linear) for layer in stack.modules()) == depth
    assert len(stack.blocks) == (depth - 2) // 2


@every_setting
@pytest.mark.parametrize("head", ["flatten", "pool"])
def test_stack_twins_share_weights_and_differ_in_their_outputs(setting, head):
    setting = {**setting, "num_groups": 4, "head": head, "init": "he"}
    plain, skip = (make_deep(skip=skip, seed=SEED, **setting) for skip in (False, True))
    x = torch.rand(6, 1, 8, 8)
    assert same_parameters(plain, skip)
    assert plain(x).shape == skip(x).shape == (6, 10)
    assert not torch.equal(plain(x), skip(x))


@pytest.mark.parametrize("order, head", list(product(ORDERS, ("flatten", "pool"))))
def test_stack_is_stem_blocks_head_in_plain_functions(order, head):
    stack, x = make_deep(6, order=order, head=head, seed=SEED), torch.rand(3, 1, 8, 8)
    conv, linear = stack.stem[0], stack.head[-1]
    h = conv(x) if order == "pre-activation" else F.relu(conv(x))
    for block in stack.blocks:
        h = block(h)
    h = F.relu(h) if order == "pre-activation" else h
    h = h.mean(dim=(2, 3)) if head == "pool" else h.flatten(1)
    torch.testing.assert_close(stack(x), linear(h))


def test_stack_takes_other_images_and_classes():
    stack = make_deep(in_channels=3, input_size=12, classes=2)
    assert stack(torch.rand(2, 3, 12, 12)).shape == (2, 2)


def test_stack_blocks_are_all_different_and_take_every_option():
    stack = make_deep(norm="group", num_groups=2, alpha=0.25, activation="tanh", init="xavier", seed=SEED)
    assert not same_parameters(stack.blocks[0], stack.blocks[1])
    assert all(block.alpha == 0.25 and block.skip for block in stack.blocks)
    assert not any(layer.bias.any() for layer in stack.modules() if isinstance(layer, nn.Conv2d))
    assert sum(isinstance(layer, nn.GroupNorm) and layer.num_groups == 2 for layer in stack.modules()) == 9
    assert sum(isinstance(layer, nn.Tanh) for layer in stack.modules()) == 9


def first_to_last_gradient(skip, **setting):
    """How much larger the gradient is after the stem than before the head."""
    stack = make_stack(20, channels=16, head="pool", skip=skip, seed=SEED, **setting)
    hidden = [stack.stem(torch.rand(32, 1, 8, 8))]
    for block in stack.blocks:
        hidden.append(block(hidden[-1]))
    loss = F.cross_entropy(stack.head(hidden[-1]), torch.arange(32) % 10)
    first, last = torch.autograd.grad(loss, (hidden[0], hidden[-1]))
    return (first.double().norm() / last.double().norm()).item()


@pytest.mark.parametrize(
    ("setting", "plain", "skip"),
    [
        ({"activation": "sigmoid"}, (0, 1e-13), (0.5, 2)),
        ({}, (1e-10, 1e-5), (0.5, 3)),
        ({"init": "he"}, (0.05, 3), (3, 100)),
        ({"init": "he", "alpha": 1 / 3}, (0, 3), (0.8, 3)),
        ({"init": "he", "norm": "batch"}, (3, 300), (1, 50)),
        ({"init": "xavier", "activation": "tanh"}, (0.03, 1), (1.5, 10)),
    ],
)
def test_stack_gradients_have_the_orders_of_magnitude_of_the_lesson(setting, plain, skip):
    assert plain[0] <= first_to_last_gradient(False, **setting) <= plain[1]
    assert skip[0] <= first_to_last_gradient(True, **setting) <= skip[1]


@pytest.mark.parametrize(
    ("keywords", "error", "message"),
    [
        ({"depth": 5}, ValueError, "`depth` must be even: stem, two layers a block, head; got 5"),
        ({"depth": 0}, ValueError, "`depth` must be at least 2; got 0"),
        ({"depth": 4.0}, TypeError, "`depth` must be an integer; got 4.0"),
        ({"channels": 0}, ValueError, "`channels` must be at least 1; got 0"),
        ({"in_channels": 0}, ValueError, "`in_channels` must be at least 1; got 0"),
        ({"input_size": 0}, ValueError, "`input_size` must be at least 1; got 0"),
        ({"classes": -1}, ValueError, "`classes` must be at least 1; got -1"),
        ({"head": "mean"}, ValueError, "`head` must be one of flatten, pool; got 'mean'"),
        (
            {"norm": "group", "num_groups": 3},
            ValueError,
            "`num_groups` must divide the channels that it normalises",
        ),
        ({"depth": 2, "order": "post"}, ValueError, "`order` must be one of"),
        ({"depth": 2, "activation": "gelu"}, ValueError, "`activation` must be one of"),
        ({"depth": 2, "init": "ones"}, ValueError, "`init` must be one of"),
    ],
)
def test_stack_names_the_wrong_argument(keywords, error, message):
    with pytest.raises(error, match=re.escape(message)):
        make_deep(**keywords)


@pytest.mark.parametrize("settings", [{}, {"order": "article", "init": "he"}, {"order": "original", "norm": "batch"}])
def test_stages_are_what_each_block_gives_and_how_far_it_differs(settings):
    images = torch.rand(5, 1, 8, 8)
    found = stages(12, images=images, seed=3, **settings)
    for kind, skip in (("plain", False), ("skip", True)):
        stack, hidden = make_stack(12, channels=16, skip=skip, seed=3, **settings), [images]
        for layer in [stack.stem, *stack.blocks]:
            hidden.append(layer(hidden[-1]).detach())
        assert len(found[kind]) == len(hidden) == 7
        for (pictures, spread), h in zip(found[kind], hidden, strict=True):
            assert torch.allclose(torch.tensor(pictures), h.square().mean(1).sqrt(), atol=1e-5)
            assert spread == pytest.approx(((h - h.mean(0)).norm() / h.norm()).item(), rel=1e-4)


def test_stages_of_images_that_are_all_alike_or_all_zero_have_no_spread():
    for images in (torch.ones(3, 1, 8, 8), torch.zeros(3, 1, 8, 8)):
        spreads = [
            spread for place in stages(6, images=images, biases="zero", seed=1).values() for _, spread in place
        ]
        assert spreads == [0.0] * 8


def test_stages_name_the_wrong_argument():
    with pytest.raises(ValueError, match="`biases` must be one of as drawn, zero; got 'none'"):
        stages(6, images=torch.rand(2, 1, 8, 8), biases="none")
