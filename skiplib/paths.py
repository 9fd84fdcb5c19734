"""What blocks do together: gradients by length of path, lesions, and slices of the loss (layer L1, torch).

Paths: Veit, Wilber and Belongie (2016, arXiv 1605.06431). Slices along directions whose filters are as long as the
network's own: Li et al. (2018, arXiv 1712.09913). Blocks are counted from 1, at the input. No network is changed.
"""

from collections.abc import Iterable, Sequence
from copy import deepcopy

import torch
from torch import Tensor, nn

from skiplib.arithmetic import checked_integer
from skiplib.blocks import ResidualBlock
from skiplib.networks import Stack, checked_loss


def path_gradients(stack: Stack, images: Tensor, labels: Tensor) -> Tensor:
    """The gradient of the loss at the stem's output, in parts: part k is what comes through exactly k branches.

    On its way back a block makes g + t J^T g of a gradient g, where J is the Jacobian of its scaled branch: part k is
    the coefficient of t**k in the product over all blocks. Their sum is the gradient.

    Shape:
        images (N, C, H, W), labels (N) -> (blocks + 1, *shape of the stem's output)

    Raises:
        ValueError: if a block is none with an identity skip, and nothing behind the add.

    >>> from skiplib.networks import make_stack
    >>> stack = make_stack(10, channels=4, skip=True, seed=172)
    >>> parts = path_gradients(stack, torch.rand(5, 1, 8, 8), torch.arange(5))
    >>> len(parts), parts[0].norm() > parts[4].norm()
    (5, tensor(True))
    """
    net = deepcopy(stack)  # batch normalisation may note what it sees
    blocks = residual_blocks(net)
    around = [part for block in blocks for part in (block.shortcut, block.after)]
    if not all(block.skip for block in blocks) or not all(isinstance(part, nn.Identity) for part in around):
        raise ValueError("`stack` must have identity skips, and nothing behind the add, as in pre-activation")
    with torch.no_grad():
        h = net.stem(images).detach()  # a stem that does nothing hands on the images themselves
    inputs, branches = [], []
    for block in blocks:
        inputs.append(h.requires_grad_())
        branches.append(block.alpha * block.branch(h))
        h = (h + branches[-1]).detach()
    loss = checked_loss(net.head(h.requires_grad_()), labels)
    parts: Tensor = torch.autograd.grad(loss, h)[0][None]
    for branch, x in zip(reversed(branches), reversed(inputs), strict=True):
        (through,) = torch.autograd.grad(branch, x, parts, is_grads_batched=True)
        none = torch.zeros_like(parts[:1])
        parts = torch.cat([parts, none]) + torch.cat([none, through])
    return parts


def mean_length(sizes: Sequence[float]) -> float:
    """The mean length of paths, where those of length k weigh ``sizes[k]``.

    >>> mean_length([1, 2, 1])
    1.0
    """
    if not 0 < sum(sizes) < float("inf"):
        raise ValueError(f"`sizes` must be finite numbers, not all of them 0; got {sizes}")
    return sum(length * size for length, size in enumerate(sizes)) / sum(sizes)


def lesioned(stack: Stack, *, without: Iterable[int] = (), swap: Sequence[int] = (), scale: float = 1.0) -> Stack:
    """A copy in which blocks are left out, two have changed places, or all branches with a skip are weaker.

    What reaches a block that is left out goes on as it is, in a plain network, too.

    Args:
        stack: blocks of equal shape.
        without, swap: numbers of blocks, of two for ``swap``.
        scale: of the branches; a plain block has nothing beside its branch, and stays as it is.

    >>> from skiplib.networks import make_stack
    >>> net = make_stack(10, channels=4, skip=True, seed=172)
    >>> len(lesioned(net, without=[2, 3]).blocks), len(net.blocks)
    (2, 4)
    """
    net = deepcopy(stack)
    blocks = dict(enumerate(residual_blocks(net), start=1))
    off = [checked_integer("without", number, 1) for number in without]
    swap = tuple(checked_integer("swap", number, 1) for number in swap)
    for name, numbers in (("without", off), ("swap", swap)):
        for number in numbers:
            if number > len(blocks):
                raise ValueError(f"`{name}` must name blocks from 1 to {len(blocks)}; got {number}")
    if len(swap) not in (0, 2):
        raise ValueError(f"`swap` must be the numbers of two blocks; got {swap!r}")
    places = dict(zip(swap, reversed(swap), strict=True))
    for block in blocks.values():
        block.alpha *= scale
    order = [places.get(place, place) for place in blocks]
    net.blocks = nn.Sequential(*(blocks[number] for number in order if number not in off))
    return net


def branch_shares(stack: Stack, images: Tensor) -> list[float]:
    """For every block, how large what its branch adds is, relative to its input: both as root mean squares.

    >>> from skiplib.networks import make_stack
    >>> branch_shares(make_stack(6, channels=4, skip=True, init="zero"), torch.rand(5, 1, 8, 8))
    [0.0, 0.0]
    """
    net, shares = deepcopy(stack), []
    with torch.no_grad():
        h = net.stem(images)
        for block in residual_blocks(net):
            residual = block.alpha * block.branch(h)
            shares.append((residual.norm() / h.norm()).item())
            h = block(h)
    return shares


def loss_slices(
    nets: Iterable[nn.Module], images: Tensor, labels: Tensor, *, steps: Sequence[float], seed: int = 172
) -> list[list[float]]:
    """The loss of each network along the same random direction, at each of ``steps``; 0 is the network itself.

    Every filter of the direction is as long as that of the network, so step 1 is as far as the weights are long.
    Biases and normalisations stay. The networks have parameters of the same shapes.

    Shape:
        images (N, C, H, W), labels (N)

    >>> from skiplib.networks import make_stack
    >>> nets = [make_stack(4, channels=4, skip=skip, seed=172) for skip in (False, True)]
    >>> plain, skip = loss_slices(nets, torch.rand(5, 1, 8, 8), torch.arange(5), steps=[0, 0.5])
    >>> len(plain), len(skip)
    (2, 2)
    """
    slices = []
    for each in nets:
        net, generator, losses = deepcopy(each), torch.Generator().manual_seed(checked_integer("seed", seed, 0)), []
        weights = [parameter for parameter in net.parameters() if parameter.ndim > 1]
        here = [weight.detach().clone() for weight in weights]
        there = [_as_long(torch.randn(weight.shape, generator=generator).to(weight), weight) for weight in here]
        with torch.no_grad():
            for step in steps:
                for weight, start, direction in zip(weights, here, there, strict=True):
                    weight.copy_(start + step * direction)
                losses.append(checked_loss(net(images), labels).item())
        slices.append(losses)
    return slices


def residual_blocks(stack: Stack) -> list[ResidualBlock]:
    """Its blocks, if all of them are residual blocks, plain or with a skip; else a ``ValueError``."""
    blocks = [block for block in stack.blocks if isinstance(block, ResidualBlock)]
    if len(blocks) < len(stack.blocks):
        raise ValueError("`stack` must hold ResidualBlocks only")
    return blocks


def _as_long(direction: Tensor, weight: Tensor) -> Tensor:
    """The direction, each of its filters as long as that of the weight."""
    own, long = (torch.linalg.vector_norm(each.flatten(1), dim=1) for each in (direction, weight))
    found: Tensor = direction * (long / own).reshape(-1, *[1] * (weight.ndim - 1))
    return found
