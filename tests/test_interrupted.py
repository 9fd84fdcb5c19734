"""Whoever measures a network leaves it as it was, also where an interrupt or an error ends the measuring."""

from contextlib import suppress

import pytest
import torch
from torch.overrides import TorchFunctionMode

from skiplib.arithmetic import ConvGeometry
from skiplib.digits import first_digits, split_digits
from skiplib.directions import block_jacobians, gradient_similarity, gradient_trust
from skiplib.experiments import try_lesion, try_shortcut
from skiplib.gradients import gradient_profiles
from skiplib.networks import make_stack
from skiplib.paths import branch_shares, lesioned, loss_slices, path_gradients
from skiplib.tracing.tracer import trace
from skiplib.training import accuracy

IMAGES, LABELS = first_digits(4)
SPLIT = split_digits()
SAME = ConvGeometry(3, padding=1)
MEASURE = {
    "accuracy": lambda net: accuracy(net, IMAGES, LABELS),
    "block_jacobians": lambda net: block_jacobians(net, IMAGES[:1]),
    "gradient_similarity": lambda net: gradient_similarity(net, IMAGES[0], IMAGES[1], points=3),
    "gradient_trust": lambda net: gradient_trust(net, IMAGES, LABELS, length=0.1),
    "gradient_profiles": lambda net: gradient_profiles([net], IMAGES, LABELS),
    "path_gradients": lambda net: path_gradients(net, IMAGES, LABELS),
    "branch_shares": lambda net: branch_shares(net, IMAGES),
    "loss_slices": lambda net: loss_slices([net], IMAGES, LABELS, steps=[0, 0.5]),
    "lesioned": lambda net: accuracy(lesioned(net, without=[1], scale=0.5), IMAGES, LABELS),
    "try_lesion": lambda net: try_lesion("05.pair", {1}, net=net, blocks=1),
    "try_shortcut": lambda net: try_shortcut("02.repair_1", net.stem, branch=[SAME], channels=(1, 2), sizes=[6]),
    "trace": lambda net: trace(net, (1, 1, 8, 8)),
}


class Breaks(TorchFunctionMode):
    """Raises at the call of PyTorch that comes after so many."""

    def __init__(self, left, error):
        super().__init__()
        self.left, self.error = left, error

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func.__name__ != "_set_grad_enabled":  # which is how PyTorch itself gives back
            self.left -= 1
            if self.left == -1:
                raise self.error
        return func(*args, **kwargs or {})


def made():
    """A network that would show a touch: a part in another mode than the rest, statistics, a gradient."""
    net = make_stack(6, channels=2, skip=True, norm="batch", seed=172)
    net.stem.eval()
    next(net.parameters()).grad = torch.ones(2, 1, 3, 3)
    return net


def state(net):
    """All that a measuring could change, as one comparable value."""
    tensors = [*net.named_parameters(), *net.named_buffers()]
    values = [
        (name, id(each), each.data_ptr(), each.requires_grad, each.flatten().tolist()) for name, each in tensors
    ]
    grads = [each.grad if each.grad is None else each.grad.tolist() for each in net.parameters()]
    modules = [(each.training, len(each._forward_hooks), len(each._forward_pre_hooks)) for each in net.modules()]
    images = [(each.requires_grad, each.sum().item()) for each in (IMAGES, SPLIT.images, SPLIT.test_images)]
    return values, grads, modules, images, torch.get_rng_state().tolist()[:200], torch.is_grad_enabled()


@pytest.mark.parametrize("name", MEASURE)
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_network_is_as_it_was_wherever_its_measuring_ends(name, error, training):
    net = made().train(training)
    net.stem.eval()
    before, at, left = state(net), 0, -1
    while left < 0:
        with suppress(error, TypeError), Breaks(at, error) as mode:  # TypeError: it cannot be copied
            MEASURE[name](net)
        assert state(net) == before, at
        left, at = mode.left, at + 1 + at // 10
    assert at > 15
