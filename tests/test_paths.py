import math
from copy import deepcopy
from itertools import chain, combinations
from math import comb

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from skiplib.blocks import ResidualBlock
from skiplib.digits import first_digits, split_digits
from skiplib.networks import Stack, make_stack
from skiplib.paths import branch_shares, lesioned, loss_slices, mean_length, path_gradients
from skiplib.training import accuracy, race

IMAGES, LABELS = first_digits(4)
SPLIT = split_digits()
TEST = SPLIT.test_images, SPLIT.test_labels
SETTINGS = [
    {},
    {"init": "he"},
    {"init": "he", "alpha": 0.2},
    {"norm": "batch", "init": "he"},
    {"norm": "group", "order": "article"},
    {"activation": "tanh", "init": "xavier"},
    {"init": "zero"},
]


def stack_of(depth=12, **settings):
    return make_stack(depth, **{"channels": 4, "skip": True, "seed": 172} | settings)


def state(net):
    """All that could change: weights and statistics, modes, gradients."""
    modes = [module.training for module in net.modules()]
    alphas = [module.alpha for module in net.modules() if isinstance(module, ResidualBlock)]
    return deepcopy(net.state_dict()), modes, alphas, [parameter.grad for parameter in net.parameters()]


def assert_as_it_was(net, before):
    weights, *rest = state(net)
    assert rest == list(before[1:])
    assert all(torch.equal(weights[name], before[0][name]) for name in before[0])


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("depth", [2, 4, 50])
def test_parts_add_up_to_the_gradient_of_autograd(depth, settings):
    stack = stack_of(depth, **settings)
    parts = path_gradients(stack, IMAGES, LABELS)
    stem = stack.stem(IMAGES)
    (whole,) = torch.autograd.grad(F.cross_entropy(stack.head(stack.blocks(stem)), LABELS), stem)
    assert len(parts) == depth // 2 and parts.shape[1:] == whole.shape
    assert (parts.sum(0) - whole).double().norm() <= 1e-6 * whole.double().norm()


def test_a_part_is_the_sum_over_all_paths_of_its_length():
    stack = stack_of(8, channels=2, input_size=3, init="he", alpha=0.7).double()
    image, labels = IMAGES[:1, :, :3, :3].double(), LABELS[:1]
    h, jacobians = stack.stem(image), []
    for block in stack.blocks:
        through = torch.autograd.functional.jacobian(lambda x, block=block: block.alpha * block.branch(x), h)
        jacobians.append(through.reshape(18, 18))
        h = block(h)
    loss = F.cross_entropy(stack.head(h), labels)
    (last,) = torch.autograd.grad(loss, h)
    for length, part in enumerate(path_gradients(stack, image, labels)):
        found = torch.zeros(18, dtype=torch.float64)
        for path in combinations(range(3), length):  # as many as there are ways to choose
            gradient = last.flatten()
            for block in reversed(path):
                gradient = jacobians[block].T @ gradient
            found += gradient
        assert torch.allclose(part.flatten(), found, atol=1e-12)


def test_branches_that_pass_all_on_are_counted():
    stack = stack_of(14)
    for block in stack.blocks:
        block.branch = nn.Identity()
    parts = path_gradients(stack, IMAGES, LABELS)
    sizes = [(part.norm() / parts[0].norm()).item() for part in parts]
    assert sizes == pytest.approx([comb(6, length) for length in range(7)], rel=1e-5)
    assert mean_length(sizes) == pytest.approx(3)


@pytest.mark.parametrize(
    "settings", [{"skip": False}, {"order": "original"}], ids=["no skip", "a ReLU behind the add"]
)
def test_paths_need_a_free_way_back(settings):
    with pytest.raises(ValueError, match="`stack` must have identity skips, and nothing behind the add"):
        path_gradients(stack_of(6, **settings), IMAGES, LABELS)


def test_other_modules_than_residual_blocks_are_refused():
    stack = Stack(nn.Identity(), nn.Sequential(nn.ReLU()), nn.Flatten())
    for measure in (lambda: path_gradients(stack, IMAGES, LABELS), lambda: lesioned(stack, without=[1])):
        with pytest.raises(ValueError, match="`stack` must hold ResidualBlocks only"):
            measure()


def test_mean_length_weighs_lengths():
    assert [mean_length(sizes) for sizes in ([5], [0, 2], [1, 1], [3, 0, 1])] == [0, 1, 0.5, 0.5]


@pytest.mark.parametrize("sizes", [[], [0, 0], [1, math.inf], [math.nan]])
def test_mean_length_of_no_paths_is_refused(sizes):
    with pytest.raises(ValueError, match="`sizes` must be finite numbers, not all of them 0; got"):
        mean_length(sizes)


def test_images_themselves_may_enter_the_first_block_and_are_left_as_they_are():
    blocks = nn.Sequential(ResidualBlock(1, 1))
    parts = path_gradients(
        Stack(nn.Identity(), blocks, nn.Sequential(nn.Flatten(), nn.Linear(64, 10))), IMAGES, LABELS
    )
    assert len(parts) == 2 and not IMAGES.requires_grad


@pytest.mark.parametrize("measure", [path_gradients, lambda *given: loss_slices([given[0]], *given[1:], steps=[0])])
def test_labels_without_a_score_are_refused(measure):
    for labels in (LABELS - 1, LABELS + 7):
        with pytest.raises(ValueError, match="`labels` must be 4 numbers from 0 to 9; got 4: "):
            measure(stack_of(), IMAGES, labels)


MEASURES = {
    "paths": lambda stack: path_gradients(stack, IMAGES, LABELS),
    "slices": lambda stack: loss_slices([stack], IMAGES, LABELS, steps=[0.5]),
    "lesions": lambda stack: accuracy(lesioned(stack, without=[1], swap=(2, 3), scale=0.3), IMAGES, LABELS),
    "shares": lambda stack: branch_shares(stack, IMAGES),
}


@pytest.mark.parametrize("measure", MEASURES.values(), ids=MEASURES)
@pytest.mark.parametrize("train", [True, False])
def test_every_network_is_left_as_it_was(measure, train):
    stack = stack_of(8, norm="batch", init="he").train(train)
    before = state(stack)
    measure(stack)
    assert_as_it_was(stack, before)


@pytest.mark.parametrize("measure", MEASURES.values(), ids=MEASURES)
def test_every_network_is_left_as_it_was_by_an_error(measure):
    stack = stack_of(8, norm="batch", init="he")
    stack.blocks[2].branch[5] = nn.Conv2d(3, 3, 1)  # too few channels
    before = state(stack)
    with pytest.raises(RuntimeError, match="to have 3 channels"):
        measure(stack)
    assert_as_it_was(stack, before)


@pytest.mark.parametrize("skip", [False, True])
@pytest.mark.parametrize("norm", ["none", "batch"])
@pytest.mark.parametrize(
    ("lesion", "order"),
    [
        ({}, (1, 2, 3, 4, 5)),
        ({"without": [3]}, (1, 2, 4, 5)),
        ({"without": [5, 1, 5]}, (2, 3, 4)),
        ({"without": range(1, 6)}, ()),
        ({"swap": (2, 5)}, (1, 5, 3, 4, 2)),
        ({"swap": (1, 2), "without": [2]}, (1, 3, 4, 5)),
    ],
)
def test_lesion_runs_what_is_left_in_its_order(skip, norm, lesion, order):
    stack = stack_of(12, skip=skip, norm=norm).eval()
    h = stack.stem(IMAGES)
    for number in order:
        h = stack.blocks[number - 1](h)
    assert torch.equal(lesioned(stack, **lesion)(IMAGES), stack.head(h))


def test_scale_weakens_branches_with_a_skip_and_leaves_plain_blocks():
    plain, skip = (stack_of(6, skip=flag, alpha=0.5) for flag in (False, True))
    assert torch.equal(lesioned(plain, scale=0)(IMAGES), plain(IMAGES))
    h = skip.stem(IMAGES)
    for block in skip.blocks:
        h = h + 0.15 * block.branch(h)
    assert torch.allclose(lesioned(skip, scale=0.3)(IMAGES), skip.head(h), atol=1e-6)
    assert torch.equal(lesioned(skip, scale=0)(IMAGES), lesioned(skip, without=[1, 2])(IMAGES))


@pytest.mark.parametrize(
    ("lesion", "error", "message"),
    [
        ({"without": [0]}, ValueError, "`without` must be at least 1; got 0"),
        ({"without": [6]}, ValueError, "`without` must name blocks from 1 to 5; got 6"),
        ({"without": [1.5]}, TypeError, "`without` must be an integer"),
        ({"swap": (1, 9)}, ValueError, "`swap` must name blocks from 1 to 5; got 9"),
        ({"swap": (1,)}, ValueError, r"`swap` must be the numbers of two blocks; got \(1,\)"),
    ],
)
def test_lesion_that_cannot_be_is_named(lesion, error, message):
    with pytest.raises(error, match=message):
        lesioned(stack_of(), **lesion)


def test_share_of_a_branch_is_what_it_adds_relative_to_its_input():
    stack = stack_of(10, init="he", alpha=0.4)
    h, expected = stack.stem(IMAGES), []
    for block in stack.blocks:
        after = block(h)
        expected.append(((after - h).square().mean().sqrt() / h.square().mean().sqrt()).item())
        h = after
    assert branch_shares(stack, IMAGES) == pytest.approx(expected, rel=1e-5)


def test_slice_goes_through_the_network_itself_on_a_line_that_its_seed_decides():
    nets = [stack_of(8, skip=skip, init="he") for skip in (False, True)]
    slices = loss_slices(nets, IMAGES, LABELS, steps=[-0.5, 0, 0.5])
    assert [losses[1] for losses in slices] == [F.cross_entropy(net(IMAGES), LABELS).item() for net in nets]
    assert slices == loss_slices(nets, IMAGES, LABELS, steps=[-0.5, 0, 0.5], seed=172)
    assert slices != loss_slices(nets, IMAGES, LABELS, steps=[-0.5, 0, 0.5], seed=3)


def test_slice_is_measured_in_lengths_of_filters():
    class Weight(nn.Module):
        """Its scores are how long each of ten filters is, and how far from where it was."""

        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.randn(10, 3, 3) * torch.arange(1.0, 11)[:, None, None])
            self.bias = nn.Parameter(torch.randn(10))
            self.start, self.seen = self.weight.detach().clone(), []

        def forward(self, x):
            moved = (self.weight - self.start).flatten(1).norm(dim=1) / self.start.flatten(1).norm(dim=1)
            assert moved.allclose(moved[:1].expand(10), rtol=1e-4)
            return moved[:1, None] * torch.eye(10)[:1] + 0 * self.bias

    (losses,) = loss_slices([Weight()], IMAGES[:1], torch.tensor([1]), steps=[0, 0.5, 2])
    expected = [F.cross_entropy(torch.tensor([[step] + [0.0] * 9]), torch.tensor([1])).item() for step in (0, 0.5, 2)]
    assert losses == pytest.approx(expected, rel=1e-5)


def test_slice_does_not_care_which_of_two_layers_holds_the_size():
    def net(size):
        torch.manual_seed(172)
        layers = nn.Linear(64, 16, bias=False), nn.Linear(16, 10, bias=False)
        with torch.no_grad():
            layers[0].weight *= size
            layers[1].weight /= size
        return nn.Sequential(nn.Flatten(), layers[0], nn.ReLU(), layers[1])

    one, other = loss_slices([net(1), net(10)], IMAGES, LABELS, steps=[-1, -0.3, 0.4, 1])
    assert one == pytest.approx(other, rel=1e-4) and len(set(one)) == 4


@pytest.fixture(scope="module")
def trained():
    """The three networks of lesson 05: plain and skip with batch normalisation, and skip with default weights."""
    he = {"epochs": 8, "init": "he", "norm": "batch"}
    runs = chain(race([20], seeds=[172], **he), race([20], seeds=[172], skips=[True], epochs=8))
    return [run.net for run in runs]


def reads(net, **lesion):
    return accuracy(lesioned(net, **lesion), *TEST)


def test_trained_networks_are_as_the_lesson_says(trained):
    plain, skip, default = trained
    assert all(reads(net) > 0.92 for net in trained)
    plain_costs, skip_costs = ([reads(net) - reads(net, without=[b]) for b in range(1, 10)] for net in (plain, skip))
    assert reads(plain, without=[5]) < 0.4 and min(plain_costs) > 0.3
    assert reads(skip, without=[5]) > 0.92 and max(skip_costs[2:]) < 0.05
    assert skip_costs.index(max(skip_costs)) in (0, 1)
    assert reads(plain, swap=(4, 5)) < 0.4 and reads(skip, swap=(4, 5)) > 0.92
    assert reads(default, without=range(1, 10)) > 0.83 and reads(skip, without=range(1, 10)) < 0.7
    assert reads(skip, without=[5, 6, 7, 8, 9]) > 0.83
    pairs = {pair: reads(skip, without=pair) for pair in combinations(range(1, 10), 2)}
    assert pairs[1, 2] < min(pairs.values()) + 0.02


def test_small_changes_are_as_the_lesson_says(trained):
    plain, skip, default = trained
    shares, others = (branch_shares(net, SPLIT.images[:256]) for net in (skip, default))
    assert shares[0] > 0.55 and shares[-1] < 0.4 and all(0.1 < share < 0.45 for share in others)
    part = SPLIT.images[:256], SPLIT.labels[:256]
    for line in range(3):
        here, there = loss_slices([plain, skip], *part, steps=[-0.25, 0.25], seed=line)
        assert all(one > 1.5 * two for one, two in zip(here, there, strict=True))
