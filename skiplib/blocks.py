"""The residual block: as published, corrected, and in general; and stacks of it (layer L1, torch).

``y = shortcut(x) + alpha * branch(x)``. Orders of ReLU and normalisation: He et al. (2015, arXiv 1512.03385, Fig 2)
and He et al. (2016, arXiv 1603.05027, Fig 4). Initialisations: Glorot and Bengio (2010), and He et al. (2015,
arXiv 1502.01852).
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from skiplib.adding import checked_add
from skiplib.arithmetic import ConvGeometry, checked_integer
from skiplib.chains import checked_geometries

Order = Literal["article", "original", "pre-activation"]
Activation = Literal["relu", "tanh", "sigmoid"]
Norm = Literal["none", "batch", "group"]
Init = Literal["default", "xavier", "he", "zero"]
Head = Literal["flatten", "pool"]

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}
SAME_SIZE = ConvGeometry(kernel_size=3, padding=1)


class PublishedBlock(nn.Module):
    """A published skip connection that will not add, except on images of 3 or 4 pixels a side.

    Shape:
        (N, 3, H, W) -> (N, 3, H, W), for H and W in {3, 4}; the branch gives H // 4 + 3.

    >>> try:
    ...     PublishedBlock()(torch.ones(1, 3, 32, 32))
    ... except RuntimeError as error:
    ...     print(error)
    The size of tensor a (32) must match the size of tensor b (11) at non-singleton dimension 3
    """

    kernel_size, stride, padding = 2, 2, 2

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 6, self.kernel_size, self.stride, self.padding)
        self.conv2 = nn.Conv2d(6, 3, self.kernel_size, self.stride, self.padding)

    def forward(self, x: Tensor) -> Tensor:
        residual = F.relu(self.conv1(x))
        residual = F.relu(self.conv2(residual))
        return x + residual


class SkipConnection(PublishedBlock):
    """The published block, corrected: three numbers changed, and the branch keeps every size.

    Shape:
        (N, 3, H, W) -> (N, 3, H, W)

    >>> SkipConnection()(torch.ones(1, 3, 32, 32)).shape
    torch.Size([1, 3, 32, 32])
    """

    kernel_size, stride, padding = 3, 1, 1


class ResidualBlock(nn.Module):
    """``y = shortcut(x) + alpha * branch(x)``, or its plain twin ``y = alpha * branch(x)``.

    ``skip`` changes ``forward`` and nothing else: with the same seed, both twins have the same parameters.

    Args:
        in_channels: channels of x.
        out_channels: channels that leave the branch.
        hidden_channels: channels between the convolutions; ``out_channels`` unless given.
        geometries: one for each convolution of the branch.
        shortcut: a function that makes the shortcut: ``nn.Identity``, ``Shortcut.make``, or a ``lambda``.
        order: where norm and activation stand. "article": after each convolution, before the add; "original": the
            last activation moves behind the add; "pre-activation": before each convolution.
        activation: "relu", "tanh" or "sigmoid".
        norm: "none", "batch" or "group".
        num_groups: groups of channels for ``norm="group"``.
        init: weights of the branch's convolutions. "default": PyTorch's; "xavier" and "he": biases zero; "zero":
            PyTorch's, and the last layer of the branch that has weights is zero, so that the branch gives 0 (not
            with "article", whose ReLU behind that layer would never let it learn).
        alpha: scale of the branch.
        skip: whether the shortcut is added.
        seed: for the initial weights; None draws them from PyTorch's global generator.

    Shape:
        (N, in_channels, H, W) -> (N, out_channels, H_out, W_out)

    Raises:
        TypeError, ValueError: if an argument is not as above; in ``forward``, if the shapes at the add differ.

    >>> plain, skip = (ResidualBlock(3, 3, skip=skip, seed=172) for skip in (False, True))
    >>> x = torch.ones(1, 3, 8, 8)
    >>> torch.equal(skip(x), x + plain(x))
    True
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        hidden_channels: int | None = None,
        geometries: Sequence[ConvGeometry] = (SAME_SIZE, SAME_SIZE),
        shortcut: Callable[[], nn.Module] = nn.Identity,
        order: Order = "pre-activation",
        activation: Activation = "relu",
        norm: Norm = "none",
        num_groups: int = 4,
        init: Init = "default",
        alpha: float = 1.0,
        skip: bool = True,
        seed: int | None = None,
    ) -> None:
        super().__init__()
        hidden_channels = out_channels if hidden_channels is None else hidden_channels
        _positive(in_channels=in_channels, out_channels=out_channels, hidden_channels=hidden_channels)
        geometries = checked_geometries("geometries", geometries)
        _one_of("order", order, Order)
        if isinstance(shortcut, nn.Module) or not callable(shortcut):
            raise TypeError(f"`shortcut` must be a function that makes a module; got {shortcut!r}")
        if init == "zero" and order == "article":
            raise ValueError("`init` must not be 'zero' with `order`='article': a ReLU of zeros has no gradient")
        if isinstance(alpha, bool) or not isinstance(alpha, int | float):
            raise TypeError(f"`alpha` must be a number; got {alpha!r}")
        if not abs(alpha) <= sys.float_info.max:
            raise ValueError(f"`alpha` must be a finite number; got {alpha!r}")
        self.alpha, self.skip = alpha, skip
        around = partial(_norm_and_activation, norm=norm, num_groups=num_groups, activation=activation)
        plan = [in_channels, *[hidden_channels] * (len(geometries) - 1), out_channels]
        with _seeded(seed):
            layers: list[nn.Module] = []
            for before, after, geometry in zip(plan, plan[1:], geometries, strict=False):
                conv = _conv(before, after, geometry, init)
                layers += [*around(before), conv] if order == "pre-activation" else [conv, *around(after)]
            self.shortcut = shortcut()
        self.after = layers.pop() if order == "original" else nn.Identity()
        self.branch = nn.Sequential(*layers)
        if init == "zero":
            last = [layer for layer in layers if list(layer.parameters())][-1]
            for parameter in last.parameters():
                nn.init.zeros_(parameter)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.alpha * self.branch(x)
        if self.skip:
            out = checked_add(self.shortcut(x), out)
        after: Tensor = self.after(out)
        return after


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
    order: Order = "pre-activation",
    activation: Activation = "relu",
    norm: Norm = "none",
    num_groups: int = 4,
    init: Init = "default",
    alpha: float = 1.0,
    head: Head = "flatten",
    seed: int | None = None,
) -> Stack:
    """A plain or a skip network of ``depth`` weighted layers: stem, (depth - 2) / 2 blocks of two, linear head.

    ``skip`` is the only difference between the two: with the same seed they have the same parameters. All
    convolutions are 3x3 and keep the size. The head takes all pixels ("flatten") or their mean ("pool") to a
    linear layer. One more norm and activation stand before it if the blocks are "pre-activation", else after the
    stem. The other arguments are those of ``ResidualBlock``; the linear layer keeps PyTorch's initial weights.

    Shape:
        (N, in_channels, input_size, input_size) -> (N, classes)

    Raises:
        TypeError, ValueError: if an argument is not as above, or ``depth`` is odd.

    >>> stack = make_stack(20, channels=16, skip=True, seed=172)
    >>> len(stack.blocks), stack(torch.ones(5, 1, 8, 8)).shape
    (9, torch.Size([5, 10]))
    """
    if checked_integer("depth", depth, 2) % 2:
        raise ValueError(f"`depth` must be even: stem, two layers a block, head; got {depth}")
    _positive(channels=channels, in_channels=in_channels, input_size=input_size, classes=classes)
    _one_of("head", head, Head)
    _one_of("order", order, Order)
    norm_and_activation = _norm_and_activation(channels, norm, num_groups, activation)
    make_block = partial(
        ResidualBlock,
        *(channels, channels),
        order=order,
        activation=activation,
        norm=norm,
        num_groups=num_groups,
        init=init,
        alpha=alpha,
        skip=skip,
    )
    with _seeded(seed):
        stem: list[nn.Module] = [_conv(in_channels, channels, SAME_SIZE, init)]
        blocks = nn.Sequential(*[make_block() for _ in range(depth // 2 - 1)])
        pixels = input_size**2 if head == "flatten" else 1
        top: list[nn.Module] = [nn.Flatten(), nn.Linear(channels * pixels, classes)]
    if head == "pool":
        top = [nn.AdaptiveAvgPool2d(1), *top]
    if order == "pre-activation":
        top = [*norm_and_activation, *top]
    else:
        stem = [*stem, *norm_and_activation]
    return Stack(nn.Sequential(*stem), blocks, nn.Sequential(*top))


def make_conv(in_channels: int, out_channels: int, geometry: ConvGeometry) -> nn.Conv2d:
    """The convolution that has this geometry in both directions."""
    return nn.Conv2d(in_channels, out_channels, **asdict(geometry))


def _conv(in_channels: int, out_channels: int, geometry: ConvGeometry, init: Init) -> nn.Conv2d:
    _one_of("init", init, Init)
    conv = make_conv(in_channels, out_channels, geometry)
    if conv.bias is not None and init in ("xavier", "he"):
        fill = nn.init.xavier_uniform_ if init == "xavier" else nn.init.kaiming_normal_
        fill(conv.weight)
        nn.init.zeros_(conv.bias)
    return conv


def _norm_and_activation(channels: int, norm: Norm, num_groups: int, activation: Activation) -> list[nn.Module]:
    _one_of("norm", norm, Norm)
    _one_of("activation", activation, Activation)
    if norm == "none":
        return [ACTIVATIONS[activation]()]
    if norm == "batch":
        return [nn.BatchNorm2d(channels), ACTIVATIONS[activation]()]
    if channels % checked_integer("num_groups", num_groups, 1):
        raise ValueError(f"`num_groups` must divide the channels that it normalises, {channels}; got {num_groups}")
    return [nn.GroupNorm(num_groups, channels), ACTIVATIONS[activation]()]


@contextmanager
def _seeded(seed: int | None) -> Iterator[None]:
    """Draw from a generator seeded with ``seed``, and leave PyTorch's global one as it was."""
    if seed is None:
        yield
        return
    checked_integer("seed", seed, 0)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would reach the GPUs' generators too
        yield


def _positive(**counts: int) -> None:
    for name, count in counts.items():
        checked_integer(name, count, 1)


def _one_of(name: str, value: str, literal: object) -> None:
    if value not in get_args(literal):
        raise ValueError(f"`{name}` must be one of {', '.join(get_args(literal))}; got {value!r}")
