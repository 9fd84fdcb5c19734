import itertools
import math

import pytest
import torch
from torch import nn

from skiplib.digits import first_digits, split_digits
from skiplib.directions import (
    block_jacobians,
    gradient_similarity,
    gradient_trust,
    singular_values,
    surviving_directions,
)
from skiplib.networks import make_stack

IMAGES, _ = first_digits(8)
SPLIT = split_digits()
FEW = SPLIT.images[:200], SPLIT.labels[:200]


def stack_of(depth=12, **settings):
    return make_stack(depth, **{"channels": 4, "skip": True, "head": "pool", "seed": 172} | settings)


def test_block_jacobians_multiply_to_the_jacobian_of_the_chain():
    stack = stack_of(8, channels=2, input_size=4, init="he").double()
    image = IMAGES[:1, :, :4, :4].double()
    matrices = block_jacobians(stack, image)
    whole = torch.autograd.functional.jacobian(stack.blocks, stack.stem(image)).reshape(32, 32)
    product = matrices[2] @ matrices[1] @ matrices[0]
    assert torch.allclose(product, whole, atol=1e-12)
    assert singular_values(matrices) == pytest.approx(torch.linalg.svdvals(whole).tolist())


def test_skip_adds_the_identity_to_the_first_jacobian():
    plain, skip = (stack_of(4, channels=2, input_size=4, skip=flag).double() for flag in (False, True))
    (without,), (with_skip,) = (block_jacobians(net, IMAGES[:1, :, :4, :4].double()) for net in (plain, skip))
    assert torch.allclose(with_skip - without, torch.eye(32, dtype=torch.float64), atol=1e-12)


def test_directions_above_a_share_of_the_largest_survive():
    assert [surviving_directions(values) for values in ([0.0, 0.0], [1.0, 0.02, 0.01], [3.0])] == [0, 2, 1]
    assert [surviving_directions(values) for values in ([300.0, 2.0], [1e-30, 1e-31])] == [1, 2]


@pytest.mark.parametrize(
    "settings", [{"depth": 8, "norm": "batch", "init": "he"}, {"depth": 40, "skip": False, "channels": 16}]
)
def test_similarity_is_the_mean_cosine_of_the_first_scores_gradients(settings):
    stack = stack_of(**settings)
    images = torch.stack([IMAGES[0] + step / 4 * (IMAGES[1] - IMAGES[0]) for step in range(5)]).requires_grad_()
    scores = stack(images)  # batch normalisation sees all five
    gradients = [torch.autograd.grad(scores[:, 0].sum(), images, retain_graph=True)[0][n].double() for n in range(5)]
    cosines = [((one * two).sum() / (one.norm() * two.norm())).item() for one, two in itertools.pairwise(gradients)]
    assert gradient_similarity(stack, *IMAGES[:2], points=5) == pytest.approx(sum(cosines) / 4, abs=1e-5)
    assert all(gradient.norm() > 0 for gradient in gradients)


def test_neighbours_of_a_deep_plain_network_with_batch_norm_share_no_gradient():
    settings = {"init": "he", "norm": "batch", "channels": 16}
    plain, skip = (
        gradient_similarity(stack_of(52, skip=flag, **settings).double(), *IMAGES[:2].double())
        for flag in (False, True)
    )
    assert abs(plain) < 0.2 < 0.4 < skip


def test_neighbours_may_share_the_gradient_of_weights_where_that_of_pixels_is_shattered():
    step, pixels, weights = (IMAGES[1] - IMAGES[0]) / 64, [], []
    for seed in range(172, 176):
        net = make_stack(102, channels=16, skip=False, init="he", seed=seed)
        pixels.append(gradient_similarity(net, *IMAGES[:2]))
        scores = [net((IMAGES[0] + place * step)[None])[0, 0] for place in range(6)]
        gradients = [torch.autograd.grad(score, list(net.parameters())) for score in scores]
        flat = [torch.cat([each.double().flatten() for each in gradient]) for gradient in gradients]
        weights += [torch.cosine_similarity(*pair, dim=0, eps=1e-300).item() for pair in itertools.pairwise(flat)]
    assert abs(sum(pixels) / 4) < 0.1 and sum(weights) / 20 == pytest.approx(0.8, abs=0.05)


@pytest.mark.parametrize("scores", [[3.0, 4.0], [40.0, 0.0]])  # the second are almost sure: a gradient of 1e-17
def test_trust_in_two_scores_is_what_algebra_says(scores):
    class Scores(nn.Module):
        def __init__(self):
            super().__init__()
            self.w = nn.Parameter(torch.tensor(scores).double())

        def forward(self, x):
            return x * self.w

    net, x, label = Scores(), torch.ones(1, 2).double(), torch.tensor([0])

    def gradient(w):
        p = torch.softmax(w, 0)
        return torch.stack([-p[1], p[1]])

    w = net.w.detach()
    there = w - 0.5 * w.norm() * gradient(w) / gradient(w).norm()
    trust = gradient_trust(net, x, label, length=0.5)
    expected = nn.functional.cosine_similarity(gradient(w), gradient(there), dim=0, eps=1e-300).item()
    assert trust.cosine == pytest.approx(expected, rel=1e-5)
    change = torch.log_softmax(w, 0)[0] - torch.log_softmax(there, 0)[0]
    assert trust.loss_change == pytest.approx(change.item(), rel=1e-5)


def test_trust_leaves_the_network_as_it_was():
    net = stack_of(norm="batch")
    before = {name: value.clone() for name, value in net.state_dict().items()}
    gradient_trust(net, *FEW, length=0.1)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert all(parameter.grad is None for parameter in net.parameters())


def test_gradient_of_a_deep_plain_network_cannot_be_trusted():
    plain, skip = (make_stack(50, channels=8, skip=flag, init="he", norm="batch", seed=172) for flag in (False, True))
    assert abs(gradient_trust(plain, *FEW).cosine) < 0.3 < 0.95 < gradient_trust(skip, *FEW).cosine


HUGE = 1e200 * torch.eye(2).double()


@pytest.mark.parametrize("matrices", [[], [torch.eye(2), torch.full((2, 2), math.inf)], [HUGE, HUGE]])
def test_spectrum_of_nothing_and_of_what_is_not_finite_is_refused(matrices):
    with pytest.raises(ValueError, match=rf"`matrices` must be one or more, .* finite; got {len(matrices)}"):
        singular_values(matrices)


@pytest.mark.parametrize(("points", "error"), [(1, ValueError), (0, ValueError), (2.5, TypeError), (True, TypeError)])
def test_similarity_needs_two_points(points, error):
    with pytest.raises(error, match="`points` must be"):
        gradient_similarity(stack_of(), *IMAGES[:2], points=points)
    assert gradient_similarity(stack_of(), *IMAGES[:2], points=2) > 0


def test_trust_refuses_labels_without_a_score():
    with pytest.raises(ValueError, match=r"`labels` must be 8 numbers from 0 to 9; got 8: .*10"):
        gradient_trust(stack_of(), IMAGES, torch.arange(3, 11))


@pytest.mark.parametrize("length", [0, -1, math.inf, math.nan])
def test_trust_refuses_a_bad_length(length):
    with pytest.raises(ValueError, match="`length` must be a positive number"):
        gradient_trust(stack_of(), *FEW, length=length)
