"""The residual block: as published, corrected, and in general (layer L1, torch).

``y = shortcut(x) + alpha * branch(x)``. Orders of ReLU and normalisation: He et al. (2015, arXiv 1512.03385, Fig 2)
and He et al. (2016, arXiv 1603.05027, Fig 4). Initialisations: Glorot and Bengio (2010), and He et al. (2015,
arXiv 1502.01852).
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from typing import Any, Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from skiplib.adding import checked_add
from skiplib.arithmetic import ConvGeometry, checked_counts, checked_integer, checked_word
from skiplib.chains import checked_geometries

Order = Literal["article", "original", "pre-activation"]
Activation = Literal["relu", "tanh", "sigmoid"]
Norm = Literal["none", "batch", "group"]
Init = Literal["default", "xavier", "he", "zero"]

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}
SAME_SIZE = ConvGeometry(kernel_size=3, padding=1)


class PublishedBlock(nn.Module):
    """A published skip connection whose add fails, unless each side has 3 or 4 pixels, or 1, which is stretched.

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


@dataclass(frozen=True)
class Recipe:
    """Of which layers, and in which order, a block is made: checked once, and then the same for a whole network.

    Args:
        order: where norm and activation stand. "article": after each convolution, before the add; "original": the
            last activation moves behind the add; "pre-activation": before each convolution.
        init: weights of the convolutions. "default": PyTorch's; "xavier" and "he": biases zero; "zero": PyTorch's,
            and the last layer of the branch that has weights is zero, so that the branch gives 0 (not with
            "article", whose ReLU behind that layer would never let it learn).

    >>> [type(layer).__name__ for layer in Recipe(norm="batch").layers(3, 3, SAME_SIZE)]
    ['BatchNorm2d', 'ReLU', 'Conv2d']
    """

    order: Order = "pre-activation"
    activation: Activation = "relu"
    norm: Norm = "none"
    num_groups: int = 4  # of channels, for norm="group"
    init: Init = "default"
    alpha: float = 1.0  # scale of the branch where there is a skip

    def __post_init__(self) -> None:
        for name, literal in (("order", Order), ("activation", Activation), ("norm", Norm), ("init", Init)):
            checked_word(name, getattr(self, name), get_args(literal))
        checked_integer("num_groups", self.num_groups, 1)
        if self.init == "zero" and self.order == "article":
            raise ValueError("`init` must not be 'zero' with `order`='article': a ReLU of zeros has no gradient")
        if isinstance(self.alpha, bool) or not isinstance(self.alpha, int | float):
            raise TypeError(f"`alpha` must be a number; got {self.alpha!r}")
        if not abs(self.alpha) <= sys.float_info.max:
            raise ValueError(f"`alpha` must be a finite number; got {self.alpha!r}")

    def layers(self, in_channels: int, out_channels: int, geometry: ConvGeometry) -> list[nn.Module]:
        """A convolution with its norm and activation, in order."""
        conv = self.conv(in_channels, out_channels, geometry)
        if self.order == "pre-activation":
            return [*self.norm_and_activation(in_channels), conv]
        return [conv, *self.norm_and_activation(out_channels)]

    def conv(self, in_channels: int, out_channels: int, geometry: ConvGeometry = SAME_SIZE) -> nn.Conv2d:
        """A convolution with this recipe's initial weights."""
        conv = make_conv(in_channels, out_channels, geometry)
        if conv.bias is not None and self.init in ("xavier", "he"):
            fill = nn.init.xavier_uniform_ if self.init == "xavier" else nn.init.kaiming_normal_
            fill(conv.weight)
            nn.init.zeros_(conv.bias)
        return conv

    def norm_and_activation(self, channels: int) -> list[nn.Module]:
        """What stands before or after a convolution: the norm, if there is one, and the activation."""
        activation = ACTIVATIONS[self.activation]()
        if self.norm == "none":
            return [activation]
        if self.norm == "batch":
            return [nn.BatchNorm2d(channels), activation]
        if channels % self.num_groups:
            raise ValueError(
                f"`num_groups` must divide the channels that it normalises, {channels}; got {self.num_groups}"
            )
        return [nn.GroupNorm(self.num_groups, channels), activation]


USUAL = Recipe()


class ResidualBlock(nn.Module):
    """``y = shortcut(x) + alpha * branch(x)``, or its plain twin ``y = branch(x)``; "original": its activation.

    ``skip`` changes ``forward`` and nothing else: with the same seed, both twins have the same parameters.

    Args:
        in_channels: channels of x.
        out_channels: channels that leave the branch.
        hidden_channels: channels between the convolutions; ``out_channels`` unless given.
        geometries: one for each convolution of the branch.
        shortcut: a function that makes the shortcut: ``nn.Identity``, or a ``lambda``.
        skip: whether the shortcut is added.
        seed: for the initial weights; None draws them from PyTorch's global generator.
        recipe: the layers of the branch, and ``alpha``.
        options: what differs from ``recipe``, such as ``norm="batch"``.

    Shape:
        (N, in_channels, H, W) -> (N, out_channels, H_out, W_out)

    Raises:
        ValueError: in ``forward``, if the shapes at the add differ.

    >>> plain, skip = (ResidualBlock(3, 3, alpha=0.5, skip=skip, seed=172) for skip in (False, True))
    >>> x = torch.ones(1, 3, 8, 8)
    >>> torch.equal(skip(x), x + 0.5 * plain(x))
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
        skip: bool = True,
        seed: int | None = None,
        recipe: Recipe = USUAL,
        **options: Any,
    ) -> None:
        super().__init__()
        recipe = replace(recipe, **options) if options else recipe  # a network's blocks need no check each
        hidden_channels = out_channels if hidden_channels is None else hidden_channels
        in_channels, out_channels, hidden_channels = checked_counts(
            in_channels=in_channels, out_channels=out_channels, hidden_channels=hidden_channels
        )
        geometries = checked_geometries("geometries", geometries)
        if isinstance(shortcut, nn.Module) or not callable(shortcut):
            raise TypeError(f"`shortcut` must be a function that makes a module; got {shortcut!r}")
        self.alpha, self.skip = recipe.alpha, skip
        plan = [in_channels, *[hidden_channels] * (len(geometries) - 1), out_channels]
        with seeded(seed):
            steps = zip(pairwise(plan), geometries, strict=True)
            layers = [layer for channels, geometry in steps for layer in recipe.layers(*channels, geometry)]
            self.shortcut = shortcut()
        self.after = layers.pop() if recipe.order == "original" else nn.Identity()
        self.branch = nn.Sequential(*layers)
        if recipe.init == "zero":
            last = [layer for layer in layers if list(layer.parameters())][-1]
            for parameter in last.parameters():
                nn.init.zeros_(parameter)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.branch(x)
        if self.skip:
            out = checked_add(self.shortcut(x), self.alpha * out)
        after: Tensor = self.after(out)
        return after


def make_conv(in_channels: int, out_channels: int, geometry: ConvGeometry) -> nn.Conv2d:
    """The convolution that has this geometry in both directions."""
    return nn.Conv2d(in_channels, out_channels, **asdict(geometry))  # its names are PyTorch's


@contextmanager
def seeded(seed: int | None) -> Iterator[None]:
    """Draw from a generator seeded with ``seed``, and leave PyTorch's global one as it was; None changes nothing."""
    if seed is None:
        yield
        return
    seed = checked_integer("seed", seed, 0)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would reach the GPUs' generators too
        yield
