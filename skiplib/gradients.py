"""How much of the gradient reaches each block, measured (layer L1, torch).

Layer 0 is nearest the input: activation 0 leaves the stem, activation l leaves block l. Norms are L2, over all
images, channels and pixels, in double precision, because in single precision the squares of numbers below 1e-23
are 0; all else is computed in the network's own. The loss is the cross entropy of a batch.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from skiplib.arithmetic import checked_word
from skiplib.blocks import ResidualBlock
from skiplib.networks import Stack, checked_loss, make_stack

PRECISIONS = {"single": torch.float32, "half": torch.float16, "bfloat16": torch.bfloat16}
_AT_ONCE = 4  # networks side by side; more are hardly faster, and take memory


@dataclass(frozen=True)
class Profile:
    """What one network does to the gradient, and to the activations, from the input side to the output side.

    ``spreads`` say how much every h differs between the images: the root mean square of its distance from the mean
    over images, relative to its own; 0 if all images look alike.
    """

    activations: tuple[float, ...]  # norm of dL/dh for the output h of the stem and of every block
    weights: tuple[float, ...]  # norm of dL/dW for every convolution, the stem's first, then those of the blocks
    rms: tuple[float, ...]  # root mean square of every h
    spreads: tuple[float, ...]
    branches: tuple[float, ...]  # norm of what dL/dh gains on its way back through the branch of every block
    off: tuple[float, ...]  # share of the outputs of every block's ReLUs that are 0; nan if it has none


@dataclass(frozen=True)
class Comparison:
    """Profiles of plain and of skip networks with the same weights, one for each seed."""

    plain: tuple[Profile, ...]
    skip: tuple[Profile, ...]

    def rows(self, of: str) -> dict[str, list[tuple[float, ...]]]:
        """What was measured, by its name in ``Profile``: rows of "plain" and of "skip"."""
        kinds = {"plain": self.plain, "skip": self.skip}
        return {kind: [getattr(profile, of) for profile in profiles] for kind, profiles in kinds.items()}

    def relative(self, of: str = "activations") -> dict[str, list[list[float]]]:
        """Gradients relative to the last one, as ``rows`` are: those of weights to weights, others to activations."""
        last = self.rows("weights" if of == "weights" else "activations")
        found: dict[str, list[list[float]]] = {"plain": [], "skip": []}
        for kind, rows in self.rows(of).items():
            for row, (*_, end) in zip(rows, last[kind], strict=True):
                found[kind].append([first_to_last([value, end]) for value in row])
        return found


def gradient_profiles(stacks: Sequence[Stack], images: Tensor, labels: Tensor) -> tuple[Profile, ...]:
    """Measure networks that differ only in their weights, all in one forward and one backward pass.

    They run side by side, each on its own group of channels. Nothing of them changes: no ``.grad``, no running
    statistics, no mode; batch normalisation takes the statistics of this batch.

    Shape:
        images (N, C, H, W), labels (N)

    Raises:
        ValueError: if there is no network, they differ in more than their weights, or a shortcut is not the identity.

    >>> stack = make_stack(10, channels=4, skip=True, seed=172)
    >>> (profile,) = gradient_profiles([stack], torch.rand(5, 1, 8, 8), torch.arange(5))
    >>> len(profile.activations), len(profile.weights)
    (5, 9)
    """
    nets = len(stacks)
    if len({_plan(stack) for stack in stacks}) != 1:
        raise ValueError(f"`stacks` must be one network, or several that differ only in their weights; got {nets}")
    images = images.to(next(stacks[0].parameters()).dtype)
    hidden, sums, relus = _forward(stacks, images.repeat(1, nets, 1, 1))
    last = hidden[-1].chunk(nets, dim=1)
    losses = [checked_loss(_run([stack.head], h, []), labels) for stack, h in zip(stacks, last, strict=True)]
    weights = [layer.weight for stack in stacks for layer in stack.modules() if isinstance(layer, nn.Conv2d)]
    gradients = torch.autograd.grad(torch.stack(losses).sum(), [*hidden, *sums, *weights])
    blocks = len(sums)
    layers, back = _by_net(hidden, nets), _by_net(gradients[: blocks + 1], nets)
    skips = any(block.skip for block in _blocks(stacks[0]))
    around = _by_net(gradients[blocks + 1 : 2 * blocks + 1], nets) if skips else 0
    rms = _l2(layers, mean=True)
    columns = (
        _l2(back),
        torch.stack([gradient.double().norm() for gradient in gradients[2 * blocks + 1 :]]).reshape(nets, -1),
        rms,
        torch.where(rms == 0, 0.0, _l2(layers - layers.mean(1, keepdim=True), mean=True) / rms),
        _l2(back[:-1] - around),
        _shares_off(relus, nets, blocks),
    )
    return tuple(Profile(*(tuple(column[net].tolist()) for column in columns)) for net in range(nets))


def compare(
    depth: int, *, seeds: Iterable[int], images: Tensor, labels: Tensor, precision: str = "single", **settings: Any
) -> Comparison:
    """Measure plain and skip networks of ``depth`` weighted layers: for every seed the same weights, one flag.

    The head averages over the pixels. Weights, images and all that follows are in one of ``PRECISIONS``. The
    settings are those of ``make_stack``; 16 channels unless given.

    >>> nets = compare(20, seeds=[172], images=torch.rand(5, 1, 8, 8), labels=torch.arange(5))
    >>> first_to_last(nets.plain[0].activations) < 1e-5 < 0.1 < first_to_last(nets.skip[0].activations)
    True
    """
    checked_word("precision", precision, PRECISIONS)
    plain: list[Profile] = []
    skip: list[Profile] = []
    settings.setdefault("channels", 16)
    seeds = list(seeds)
    for start in range(0, len(seeds) or 1, _AT_ONCE):
        some = seeds[start : start + _AT_ONCE]
        stacks = [make_stack(depth, skip=True, head="pool", seed=seed, **settings) for seed in some]
        stacks = [stack.to(PRECISIONS[precision]) for stack in stacks]
        skip += gradient_profiles(stacks, images, labels)
        for stack in stacks:
            for block in _blocks(stack):
                block.skip = False
        plain += gradient_profiles(stacks, images, labels)
    return Comparison(tuple(plain), tuple(skip))


def first_to_last(values: Sequence[float]) -> float:
    """What the first layer receives, relative to the last one; nan if that is 0 or not finite.

    >>> first_to_last([3.0, 2.0, 6.0])
    0.5
    """
    return values[0] / values[-1] if values[-1] and math.isfinite(values[-1]) else math.nan


def median_ratio(profiles: Iterable[Profile], of: str = "activations") -> float:
    """``first_to_last`` of the "activations" or the "weights", the median over networks.

    >>> nets = compare(20, seeds=range(3), images=torch.rand(5, 1, 8, 8), labels=torch.arange(5))
    >>> median_ratio(nets.plain) < 1e-5 < 0.1 < median_ratio(nets.skip)
    True
    """
    return median(first_to_last(getattr(profile, of)) for profile in profiles)


def _forward(stacks: Sequence[Stack], h: Tensor) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
    """What leaves the stem and every block, of all networks; every block's sum; and what leaves its ReLUs.

    It is ``ResidualBlock.forward`` with an identity shortcut.
    """
    hidden = [_run([stack.stem for stack in stacks], h, [])]
    sums: list[Tensor] = []
    relus: list[Tensor] = []
    for blocks in zip(*map(_blocks, stacks), strict=True):
        out = _run([block.branch for block in blocks], hidden[-1], relus)
        if blocks[0].skip:
            out = hidden[-1] + blocks[0].alpha * out
        sums.append(out)
        hidden.append(_run([nn.Sequential(block.after) for block in blocks], out, relus))
    return hidden, sums, relus


def _run(sequences: Sequence[nn.Module], h: Tensor, relus: list[Tensor]) -> Tensor:
    """The same layers of several networks, one after the other; what leaves a ReLU is put into ``relus``, too."""
    for layers in zip(*(sequence.children() for sequence in sequences), strict=True):
        h = _side_by_side(layers, h)
        if isinstance(layers[0], nn.ReLU):
            relus.append(h.detach())
    return h


def _shares_off(relus: Sequence[Tensor], nets: int, blocks: int) -> Tensor:
    """Which share of the ReLUs' outputs is 0, of each net and block; nan where not all are numbers."""
    if not relus:
        return torch.full((nets, blocks), math.nan)
    passed = torch.stack([*relus]).reshape(blocks, -1, len(relus[0]), nets, relus[0][0].numel() // nets)
    shares = (passed == 0).double().mean((1, 2, 4))
    return torch.where(passed.isfinite().all(4).all(2).all(1), shares, math.nan).T


def _side_by_side(layers: Sequence[nn.Module], h: Tensor) -> Tensor:
    """The same layer of several networks, each on its own group of channels: a grouped convolution."""
    # torch.func (stack_module_state and vmap) gives the same numbers, but for 8 networks of 50 layers it took 201,
    # 219 and 241 ms (no norm, batch, group) where this takes 188, 149 and 132: too slow to follow a slider.
    first, nets = layers[0], len(layers)
    if not isinstance(first, nn.Conv2d | nn.BatchNorm2d | nn.GroupNorm):
        out: Tensor = first(h)
        return out
    weight, bias = (torch.cat([layer.get_parameter(name) for layer in layers]) for name in ("weight", "bias"))
    if isinstance(first, nn.Conv2d):
        return F.conv2d(h, weight, bias, first.stride, first.padding, first.dilation, nets)
    if isinstance(first, nn.BatchNorm2d):
        return F.batch_norm(h, None, None, weight, bias, training=True, eps=first.eps)
    return F.group_norm(h, nets * first.num_groups, weight, bias, first.eps)


def _by_net(tensors: Sequence[Tensor], nets: int) -> Tensor:
    """Of tensors (N, nets * C, H, W), one for each layer: (layers, N, nets, C * H * W)."""
    return torch.stack([*tensors]).detach().double().reshape(len(tensors), len(tensors[0]), nets, -1)


def _l2(layers: Tensor, *, mean: bool = False) -> Tensor:
    """The L2 norm of each net at each layer (nets, layers), or with ``mean`` the root mean square."""
    squares = layers.square()
    return torch.sqrt(squares.mean((1, 3)) if mean else squares.sum((1, 3))).T


def _blocks(stack: Stack) -> list[ResidualBlock]:
    """The blocks, all of a kind that ``_forward`` can follow."""
    blocks = []
    for block in stack.blocks:
        if not isinstance(block, ResidualBlock) or not isinstance(block.shortcut, nn.Identity):
            kind = type(getattr(block, "shortcut", block)).__name__
            raise ValueError(f"`stacks` must hold ResidualBlocks whose shortcut is the identity; got {kind}")
        blocks.append(block)
    return blocks


def _plan(stack: Stack) -> tuple[object, ...]:
    """All but the weights: the layers with their arguments, as they print themselves, and what ``forward`` does."""
    return repr(stack), *((block.skip, block.alpha) for block in _blocks(stack))
