import math
from itertools import pairwise
from statistics import median

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from skiplib.arithmetic import ConvGeometry
from skiplib.blocks import ResidualBlock
from skiplib.digits import first_digits
from skiplib.gradients import Profile, compare, first_to_last, gradient_profiles, median_ratio
from skiplib.networks import make_stack
from skiplib.theory import block_factor, skip_product

IMAGES, LABELS = first_digits(8)
SETTINGS = [
    {},
    {"skip": False},
    {"norm": "batch", "init": "he"},
    {"norm": "group", "num_groups": 2, "order": "original", "alpha": 0.3},
    {"activation": "tanh", "order": "article", "init": "xavier"},
    {"skip": False, "depth": 70},  # down to 1e-30, whose square single precision takes for 0
]


def stack_of(depth=12, **settings):
    return make_stack(depth, **{"channels": 4, "skip": True, "head": "pool", "seed": 172} | settings)


def by_hand(stack):
    """The norms of one network, by a plain loop through its own modules."""
    hidden = [stack.stem(IMAGES.to(stack.stem[0].weight.dtype))]
    for block in stack.blocks:
        hidden.append(block(hidden[-1]))
    weights = [layer.weight for layer in stack.modules() if isinstance(layer, nn.Conv2d)]
    loss = F.cross_entropy(stack.head(hidden[-1]), LABELS)
    norms = [gradient.double().norm().item() for gradient in torch.autograd.grad(loss, [*hidden, *weights])]
    layers = [h.detach().double() for h in hidden]
    rms = [h.square().mean().sqrt().item() for h in layers]
    spreads = [(h - h.mean(0)).square().mean().sqrt().item() / size for h, size in zip(layers, rms, strict=True)]
    return norms[: len(hidden)], norms[len(hidden) :], rms, spreads


@pytest.mark.parametrize("settings", SETTINGS)
def test_profile_equals_a_loop_by_hand(settings):
    stack = stack_of(**settings)
    (profile,) = gradient_profiles([stack], IMAGES, LABELS)
    activations, weights, rms, spreads = by_hand(stack)
    assert profile.activations == pytest.approx(activations, rel=1e-4)
    assert profile.weights == pytest.approx(weights, rel=1e-4)
    assert profile.rms == pytest.approx(rms, rel=1e-5)
    assert profile.spreads == pytest.approx(spreads, rel=1e-3)


@pytest.mark.parametrize("settings", SETTINGS)
def test_networks_side_by_side_equal_networks_one_by_one(settings):
    stacks = [stack_of(seed=seed, **settings).double() for seed in range(3)]
    together = gradient_profiles(stacks, IMAGES.double(), LABELS)
    for stack, profile in zip(stacks, together, strict=True):
        (alone,) = gradient_profiles([stack], IMAGES.double(), LABELS)
        for name in ("activations", "weights", "rms", "spreads"):
            assert getattr(profile, name) == pytest.approx(getattr(alone, name), rel=1e-9)


@pytest.mark.parametrize("precision", ["half", "bfloat16"])
@pytest.mark.parametrize("settings", [{}, {"norm": "batch"}, {"norm": "group", "order": "original"}])
def test_low_precision_is_that_of_the_whole_network(precision, settings):
    nets = compare(12, seeds=[172], images=IMAGES, labels=LABELS, channels=4, precision=precision, **settings)
    for profiles, skip in ((nets.plain, False), (nets.skip, True)):
        activations, weights, rms, _ = by_hand(stack_of(skip=skip, **settings).to(getattr(torch, precision)))
        assert profiles[0].activations == pytest.approx(activations, rel=0.05)
        assert profiles[0].weights == pytest.approx(weights, rel=0.05)
        assert profiles[0].rms == pytest.approx(rms, rel=0.02)


def test_half_precision_loses_what_single_keeps_and_overflows():
    lost = compare(30, seeds=[172], images=IMAGES[:4], labels=LABELS[:4], precision="half").plain[0]
    assert lost.activations[0] == 0 < lost.activations[-1]
    deep = compare(100, seeds=[172], images=IMAGES[:4], labels=LABELS[:4], precision="half", init="he").skip[0]
    assert not math.isfinite(deep.rms[-1]) and math.isfinite(deep.rms[0])
    assert math.isnan(deep.off[-1]) and 0 < deep.off[0] < 1


def test_precision_that_is_none_is_named():
    with pytest.raises(ValueError, match="`precision` must be one of single, half, bfloat16"):
        compare(12, seeds=[172], images=IMAGES, labels=LABELS, precision="double")


@pytest.mark.parametrize("order", ["pre-activation", "original", "article"])
@pytest.mark.parametrize("skip", [False, True])
def test_branches_carry_what_autograd_sends_through_them(order, skip):
    stack = stack_of(order=order, skip=skip, alpha=0.4).double()
    (profile,) = gradient_profiles([stack], IMAGES, LABELS)
    hidden = [stack.stem(IMAGES.double())]
    for block in stack.blocks:
        hidden.append(block(hidden[-1]))
    back = torch.autograd.grad(F.cross_entropy(stack.head(hidden[-1]), LABELS), hidden)
    for block, h, gradient, carried in zip(stack.blocks, hidden, back[1:], profile.branches, strict=False):
        x = h.detach().requires_grad_()
        branch = block.branch(x)
        out = x + 0.4 * branch if skip else branch
        total = torch.autograd.grad(block.after(out), out, gradient, retain_graph=True)[0]
        (through,) = torch.autograd.grad(branch, x, (0.4 if skip else 1) * total)
        assert carried == pytest.approx(through.norm().item(), rel=1e-9)
    assert len(profile.branches) == len(stack.blocks)


@pytest.mark.parametrize(("order", "each"), [("pre-activation", 2), ("original", 2), ("article", 2)])
def test_relus_that_are_off_are_the_zeros_that_leave_them(order, each):
    stacks = [stack_of(order=order, seed=seed) for seed in range(2)]
    profiles = gradient_profiles(stacks, IMAGES, LABELS)
    for stack, profile in zip(stacks, profiles, strict=True):
        zeros = []
        for block in stack.blocks:
            for layer in block.modules():
                if isinstance(layer, nn.ReLU):
                    layer.register_forward_hook(
                        lambda *args, to=zeros: to.append((args[2] == 0).double().mean().item())
                    )
        stack(IMAGES)
        pairs = [zeros[place : place + each] for place in range(0, len(zeros), each)]
        assert profile.off == pytest.approx([sum(pair) / each for pair in pairs])
        assert len(pairs) == len(stack.blocks) and min(profile.off) < max(profile.off)


def test_other_activations_have_no_relus_that_are_off():
    (profile,) = gradient_profiles([stack_of(activation="tanh")], IMAGES, LABELS)
    assert len(profile.off) == 5 and all(map(math.isnan, profile.off))


@pytest.mark.parametrize("labels", [LABELS - 100, LABELS + 3, LABELS[:7], LABELS[:0]])
def test_labels_that_are_not_one_score_for_each_image_are_refused(labels):
    said = rf"`labels` must be 8 numbers from 0 to 9; got {len(labels)}: \["
    with pytest.raises(ValueError, match=said):
        gradient_profiles([stack_of()], IMAGES, labels)


def test_norms_are_added_up_in_double_precision_where_single_has_no_squares():
    deep = stack_of(skip=False, depth=70, channels=16)
    (profile,) = gradient_profiles([deep], IMAGES, LABELS)
    (same,) = gradient_profiles([deep.double()], IMAGES, LABELS)
    assert 0 < profile.activations[0] < 1e-24  # the squares are below 1e-45, the smallest number of single precision
    assert profile.activations == pytest.approx(same.activations, rel=1e-3)
    assert profile.weights == pytest.approx(same.weights, rel=1e-3) and profile.weights[0] > 0


def test_network_without_blocks_has_a_gradient():
    nets = compare(2, seeds=[1, 2], images=IMAGES, labels=LABELS, channels=4)
    assert nets.plain == nets.skip and nets.relative() == {"plain": [[1.0]] * 2, "skip": [[1.0]] * 2}
    assert nets.plain[0].branches == nets.plain[0].off == ()


def test_branches_are_relative_to_the_last_gradient_of_activations():
    nets = compare(12, seeds=[172], images=IMAGES, labels=LABELS, channels=4)
    (profile,), (row,) = nets.skip, nets.relative("branches")["skip"]
    assert row == pytest.approx([value / profile.activations[-1] for value in profile.branches])


def test_measuring_leaves_the_network_as_it_was():
    stack = stack_of(norm="batch").eval()
    before = {name: tensor.clone() for name, tensor in stack.state_dict().items()}
    gradient_profiles([stack], IMAGES, LABELS)
    assert all(torch.equal(tensor, before[name]) for name, tensor in stack.state_dict().items())
    assert not stack.training and all(parameter.grad is None for parameter in stack.parameters())


@pytest.mark.parametrize("others", [[], [{"skip": False}], [{"depth": 14}], [{"alpha": 0.5}], [{"norm": "batch"}]])
def test_networks_of_different_plans_are_refused(others):
    stacks = [stack_of(), *[stack_of(**other) for other in others]] if others else []
    with pytest.raises(ValueError, match="`stacks` must be one network, or several"):
        gradient_profiles(stacks, IMAGES, LABELS)


def test_networks_whose_channels_are_normalised_in_other_groups_are_refused():
    stacks = [stack_of(norm="group", num_groups=groups) for groups in (2, 4)]  # with weights of the same shapes
    with pytest.raises(ValueError, match="`stacks` must be one network, or several"):
        gradient_profiles(stacks, IMAGES, LABELS)


@pytest.mark.parametrize("skip", [False, True])
def test_blocks_whose_shortcut_is_not_the_identity_are_refused(skip):
    stack = stack_of()
    stack.blocks[3] = ResidualBlock(4, 4, shortcut=lambda: nn.Conv2d(4, 4, 1), skip=skip)
    with pytest.raises(ValueError, match=r"^`stacks` must hold ResidualBlocks whose .* is the identity; got Conv2d$"):
        gradient_profiles([stack], IMAGES, LABELS)
    stack.blocks[3] = nn.Conv2d(4, 4, 1)
    with pytest.raises(ValueError, match=r"; got Conv2d$"):
        gradient_profiles([stack], IMAGES, LABELS)


def test_profile_knows_the_geometry_of_its_blocks():
    stack = stack_of(4)
    stack.blocks[0] = ResidualBlock(4, 4, geometries=[ConvGeometry(3, padding=2, dilation=2)] * 2)
    (profile,) = gradient_profiles([stack], IMAGES, LABELS)
    activations, *_ = by_hand(stack)
    assert profile.activations == pytest.approx(activations, rel=1e-4)


def test_plain_networks_have_the_weights_of_the_skip_networks_and_no_alpha():
    nets = compare(12, seeds=[172], images=IMAGES, labels=LABELS, channels=4, alpha=0.1)
    (plain,) = gradient_profiles([stack_of(skip=False)], IMAGES, LABELS)
    (skip,) = gradient_profiles([stack_of(alpha=0.1)], IMAGES, LABELS)
    assert (nets.plain, nets.skip) == ((plain,), (skip,))


def test_seeds_keep_their_order_also_where_there_are_many():
    nets = compare(12, seeds=range(9), images=IMAGES, labels=LABELS, channels=4)
    for seed in (0, 4, 8):
        for profiles, skip in ((nets.plain, False), (nets.skip, True)):
            activations, weights, *_ = by_hand(stack_of(seed=seed, skip=skip))
            assert profiles[seed].activations == pytest.approx(activations, rel=1e-4)
            assert profiles[seed].weights == pytest.approx(weights, rel=1e-4)
    assert len(nets.plain) == len(nets.skip) == 9
    with pytest.raises(ValueError, match="got 0"):
        compare(12, seeds=[], images=IMAGES, labels=LABELS)


def test_median_ratio_is_the_middle_one_of_what_is_asked():
    nets = [Profile((first, 1.0), (first, 2.0), (), (), (), ()) for first in (8.0, 2.0, 4.0)]
    assert median_ratio(nets) == 4.0 and median_ratio(nets, "weights") == 2.0


def median_ratios(**settings):
    nets = compare(50, seeds=range(172, 177), images=IMAGES[:4], labels=LABELS[:4], **settings)
    return [median(first_to_last(net.activations) for net in each) for each in (nets.plain, nets.skip)]


SIX = [
    ({"activation": "sigmoid"}, (0, 1e-38), (0.5, 2)),
    ({}, (3e-22, 1e-18), (0.5, 3)),
    ({"init": "he"}, (0.01, 0.4), (200, 10_000)),
    ({"init": "he", "alpha": 24**-0.5}, (0.01, 0.4), (1, 3)),
    ({"init": "he", "norm": "batch"}, (500, 20_000), (4, 60)),
    ({"activation": "tanh", "init": "xavier"}, (0.01, 0.25), (4, 30)),
]


@pytest.mark.parametrize(("settings", "plain", "skip"), SIX)
def test_six_settings_land_where_the_lesson_says(settings, plain, skip):
    measured = median_ratios(**settings)
    assert plain[0] <= measured[0] <= plain[1] and skip[0] <= measured[1] <= skip[1]


@pytest.mark.parametrize("settings", [settings for settings, _, _ in SIX])
def test_no_block_with_an_identity_skip_takes_more_than_a_few_percent(settings):
    nets = compare(50, seeds=range(172, 180), images=IMAGES[:4], labels=LABELS[:4], **settings).skip
    assert min(here / next_ for net in nets for here, next_ in pairwise(net.activations)) > 0.95


def test_sigmoids_gradient_is_below_single_precision_for_most_seeds_and_1e_minus_42_in_double():
    nets = [
        make_stack(50, channels=16, skip=False, activation="sigmoid", head="pool", seed=s) for s in range(172, 175)
    ]
    assert (
        median_ratio(gradient_profiles(nets, IMAGES[:4], LABELS[:4])) < 1e-40
    )  # 0, or what some machines still hold
    double = gradient_profiles([net.double() for net in nets], IMAGES[:4].double(), LABELS[:4])
    assert 3e-43 < median_ratio(double) < 5e-42


@pytest.mark.parametrize("init", ["default", "xavier", "he"])
def test_theory_is_within_15_percent_a_block_and_5_with_a_skip(init):
    q = block_factor("relu", init, 8)
    plain, skip = (ratio ** (1 / 24) for ratio in median_ratios(init=init))
    assert q / 1.15 < plain < q * 1.15
    assert skip_product(q, 1, 1) / 1.05 < skip < skip_product(q, 1, 1) * 1.05


def test_first_to_last_of_nothing_is_not_a_number():
    assert math.isnan(first_to_last([1.0, 0.0])) and math.isnan(first_to_last([1.0, math.inf]))
    assert first_to_last([0.0, 1.0]) == 0
