"""What is left of a gradient besides its length: which way it points, and how many ways there are (layer L1, torch).

A norm says how large a gradient is, not how much of it is left: many directions may have become one (Jacobians and
their singular values), or neighbours may have nothing in common (Balduzzi et al. 2017, arXiv 1702.08591). What is
measured is a copy of the network: batch normalisation would note what it sees.
"""

import math
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import reduce

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.functional import jacobian

from skiplib.arithmetic import checked_integer
from skiplib.networks import Stack, checked_loss


@dataclass(frozen=True)
class Trust:
    """What a small step against the gradient does: the cosine of the gradients before and after, and to the loss."""

    cosine: float
    loss_change: float


def block_jacobians(stack: Stack, image: Tensor) -> list[Tensor]:
    """The Jacobian of every block, where one image passes: row = output number, column = input number.

    Shape:
        image (1, C, H, W) -> one (channels * H * W, channels * H * W) for each block

    >>> from skiplib.networks import make_stack
    >>> stack = make_stack(6, channels=2, skip=True, input_size=3, init="zero", seed=172)
    >>> [bool((matrix == torch.eye(18)).all()) for matrix in block_jacobians(stack, torch.rand(1, 1, 3, 3))]
    [True, True]
    """
    stack, matrices = deepcopy(stack), []
    with torch.no_grad():
        h = stack.stem(image)
    for block in stack.blocks:
        matrix = jacobian(block, h, vectorize=True)  # type: ignore[no-untyped-call]
        matrices.append(matrix.reshape(h.numel(), h.numel()))
        with torch.no_grad():
            h = block(h)
    return matrices


def singular_values(matrices: Sequence[Tensor]) -> tuple[float, ...]:
    """Singular values of the product of the matrices, the last one leftmost, from the largest to the smallest.

    >>> singular_values([torch.eye(2), 3 * torch.eye(2)])
    (3.0, 3.0)
    """
    if not len(matrices) or not (product := reduce(lambda before, here: here @ before, matrices)).isfinite().all():
        raise ValueError(f"`matrices` must be one or more, and their product finite; got {len(matrices)}")
    return tuple(torch.linalg.svdvals(product).tolist())


def surviving_directions(values: Sequence[float], share: float = 0.01) -> int:
    """How many singular values are above ``share`` of the largest; 0 if all of them are 0.

    >>> surviving_directions([5.0, 4.0, 0.01])
    2
    """
    return sum(value > share * max(values) for value in values)


def gradient_similarity(stack: Stack, start: Tensor, end: Tensor, *, points: int = 65) -> float:
    """How alike the input gradients of neighbours are: their mean cosine along the line between two images.

    The gradient is that of the first score; 1 means that neighbours agree, 0 that they have nothing in common (or
    that there is no gradient).

    Shape:
        start, end (C, H, W)

    >>> from skiplib.networks import make_stack
    >>> same = make_stack(4, channels=2, skip=True, seed=172)
    >>> round(gradient_similarity(same, torch.zeros(1, 8, 8), torch.zeros(1, 8, 8), points=3), 3)
    1.0
    """
    line = torch.linspace(0, 1, checked_integer("points", points, 2)).reshape(-1, 1, 1, 1)
    images = (start + line * (end - start)).to(start.dtype).requires_grad_()
    (gradients,) = torch.autograd.grad(deepcopy(stack)(images)[:, 0].sum(), images)
    unit = F.normalize(gradients.flatten(1).double(), eps=1e-300)  # the default eps would take small for zero
    return (unit[1:] * unit[:-1]).sum(1).mean().item()


def gradient_trust(net: nn.Module, images: Tensor, labels: Tensor, *, length: float = 1e-3) -> Trust:
    """Step against the gradient by ``length`` times the norm of all weights, in a copy of ``net``, and look again.

    Shape:
        images (N, C, H, W), labels (N)

    Raises:
        ValueError: if ``length`` is not a positive number.

    >>> from skiplib.digits import split_digits
    >>> from skiplib.networks import make_stack
    >>> split = split_digits()
    >>> net = make_stack(4, channels=8, skip=True, seed=172).to(split.images.device)
    >>> trust = gradient_trust(net, split.images[:64], split.labels[:64])
    >>> trust.cosine > 0.9, trust.loss_change < 0
    (True, True)
    """
    if not 0 < length < math.inf:
        raise ValueError(f"`length` must be a positive number; got {length!r}")
    net = deepcopy(net)
    parameters = list(net.parameters())
    weights = torch.cat([parameter.detach().flatten() for parameter in parameters])
    before, gradient = _loss_and_gradient(net, images, labels)
    norm = gradient.norm()
    step = (length * weights.double().norm() / norm * gradient).to(weights) if norm > 0 else torch.zeros_like(weights)
    nn.utils.vector_to_parameters(weights - step, parameters)
    after, gradient_there = _loss_and_gradient(net, images, labels)
    cosine = F.cosine_similarity(gradient, gradient_there, dim=0, eps=1e-300)
    return Trust(cosine.item(), after - before)


def _loss_and_gradient(net: nn.Module, images: Tensor, labels: Tensor) -> tuple[float, Tensor]:
    loss = checked_loss(net(images), labels)
    return loss.item(), torch.cat([g.double().flatten() for g in torch.autograd.grad(loss, list(net.parameters()))])
