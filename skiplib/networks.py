"""Stacks of residual blocks: plain and skip networks with the same weights (layer L1, torch)."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from skiplib.arithmetic import checked_counts, checked_integer, checked_word
from skiplib.blocks import Recipe, ResidualBlock, seeded

Head = Literal["flatten", "pool"]
Biases = Literal["as drawn", "zero"]


def checked_loss(scores: Tensor, labels: Tensor) -> Tensor:
    """Cross entropy; a ``ValueError`` unless there are images, a label for each, and a score for each label."""
    known, (images, classes) = sorted(set(labels.flatten().tolist())), scores.shape[:2]
    if labels.shape != scores.shape[:1] or not known or known[0] < 0 or known[-1] >= classes:
        raise ValueError(f"`labels` must be {images} numbers from 0 to {classes - 1}; got {len(labels)}: {known}")
    return F.cross_entropy(scores, labels)


class Stack(nn.Module):
    """A stem, residual blocks one after the other, and a head (see ``make_stack``)."""

    def __init__(self, stem: nn.Module, blocks: nn.Sequential, head: nn.Module) -> None:
        super().__init__()
        self.stem, self.blocks, self.head = stem, blocks, head

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.head(self.blocks(self.stem(x)))
        return scores


def make_stack(
    depth: int,
    *,
    channels: int,
    skip: bool,
    in_channels: int = 1,
    input_size: int = 8,
    classes: int = 10,
    head: Head = "flatten",
    seed: int | None = None,
    **options: Any,
) -> Stack:
    """A plain or a skip network of ``depth`` weighted layers: stem, (depth - 2) / 2 blocks of two, linear head.

    ``skip`` is the only difference between the two: with the same seed they have the same parameters. All
    convolutions are 3x3 and keep the size. The head takes all pixels ("flatten") or their mean ("pool") to a
    linear layer, which keeps PyTorch's initial weights. The options are those of ``Recipe``, for the stem and all
    blocks; one more norm and activation stand before the head if the order is "pre-activation", else after the stem.

    Shape:
        (N, in_channels, input_size, input_size) -> (N, classes)

    >>> import torch
    >>> stack = make_stack(20, channels=16, skip=True, norm="batch", seed=172)
    >>> len(stack.blocks), stack(torch.ones(5, 1, 8, 8)).shape
    (9, torch.Size([5, 10]))
    """
    depth = checked_integer("depth", depth, 2)
    if depth % 2:
        raise ValueError(f"`depth` must be even: stem, two layers a block, head; got {depth}")
    channels, in_channels, input_size, classes = checked_counts(
        channels=channels, in_channels=in_channels, input_size=input_size, classes=classes
    )
    checked_word("head", head, get_args(Head))
    recipe = Recipe(**options)
    between = recipe.norm_and_activation(channels)
    with seeded(seed):
        stem: list[nn.Module] = [recipe.conv(in_channels, channels)]
        blocks = [ResidualBlock(channels, channels, skip=skip, recipe=recipe) for _ in range(depth // 2 - 1)]
        pixels = input_size**2 if head == "flatten" else 1
        top: list[nn.Module] = [nn.Flatten(), nn.Linear(channels * pixels, classes)]
    if head == "pool":
        top = [nn.AdaptiveAvgPool2d(1), *top]
    if recipe.order == "pre-activation":
        top = [*between, *top]
    else:
        stem = [*stem, *between]
    return Stack(nn.Sequential(*stem), nn.Sequential(*blocks), nn.Sequential(*top))


def stages(
    depth: int, *, images: Tensor, channels: int = 16, biases: Biases = "as drawn", **settings: Any
) -> dict[str, list[tuple[list[list[list[float]]], float]]]:
    """What becomes of a batch in a "plain" and in a "skip" stack of the same weights: a pair for every place.

    The places are the images themselves, the stem, and every block. A pair is an image for each of the batch (at
    every pixel the root mean square over the channels), and the spread: how far the batch is from its mean, relative
    to its size; 0 if all are alike. ``biases`` are those of the convolutions; the settings are those of
    ``make_stack``. Batch normalisation takes the statistics of this batch.

    >>> places = stages(6, images=torch.rand(4, 1, 8, 8), seed=172)
    >>> len(places["plain"]), places["plain"][:2] == places["skip"][:2]
    (4, True)
    """
    checked_word("biases", biases, get_args(Biases))
    stack = make_stack(depth, channels=channels, skip=True, **settings)
    blocks, found = [each for each in stack.modules() if isinstance(each, ResidualBlock)], {}
    with torch.no_grad():
        for layer in stack.modules():
            if biases == "zero" and isinstance(layer, nn.Conv2d) and layer.bias is not None:
                layer.bias.zero_()
        for kind in ("plain", "skip"):
            hidden = [images, stack.stem(images)]
            for block in blocks:
                block.skip = kind == "skip"
                hidden.append(block(hidden[-1]))
            found[kind] = [_stage(h.double()) for h in hidden]
    return found


def _stage(h: Tensor) -> tuple[list[list[list[float]]], float]:
    spread = (h - h.mean(0)).norm() / h.norm().clamp(min=1e-300)  # 0 where all is 0
    return h.square().mean(1).sqrt().tolist(), spread.item()


@contextmanager
def left_alone(net: nn.Module) -> Iterator[None]:
    """Give a network that runs inside its modes and its buffers back, however that ends."""
    modes = [(module, module.training) for module in net.modules()]
    buffers = [(buffer, version_of(buffer), buffer.clone()) for buffer in net.buffers()]
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode
        with torch.no_grad():
            for buffer, version, value in buffers:
                if version_of(buffer) != version:
                    buffer.copy_(value)


def version_of(tensor: Tensor) -> int:
    """How often it was changed in place; those of ``torch.inference_mode`` do not count it."""
    return 0 if tensor.is_inference() else tensor._version
