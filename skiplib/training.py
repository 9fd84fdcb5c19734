"""Training plain and skip networks on the digits, one record a step (layer L1, torch).

Everything is seeded: on one thread of one machine, the same call gives the same numbers. A GPU is used if there is
one.
"""

import math
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from skiplib.arithmetic import checked_integer, checked_word
from skiplib.digits import split_digits
from skiplib.networks import Stack, checked_loss, left_alone, make_stack

Optimizer = Literal["sgd", "adam"]
LEARNING_RATE = {"sgd": 0.02, "adam": 0.001}
_OF_TRAIN = ("epochs", "batch_size", "optimizer", "lr")


@dataclass(frozen=True)
class Record:
    """One step of training, measured before it changes the weights."""

    step: int  # 1, 2, 3, ...
    epoch: float  # how often all images have been seen, a fraction
    loss: float  # mean cross entropy of this step's images; the last one may not be finite
    accuracy: float  # share of this step's images that were classified correctly
    gradient: float  # norm of dL/dW of the first convolution
    seconds: float  # since training began


@dataclass(frozen=True)
class Run:
    """One network's training, and how it ended: accuracies from 0 to 1, over all images of each part.

    ``net`` is the trained network itself: whoever wants to change it takes a copy.
    """

    depth: int
    skip: bool
    seed: int
    records: tuple[Record, ...]
    train_accuracy: float
    test_accuracy: float
    net: Stack = field(repr=False)

    @property
    def diverged(self) -> bool:
        """Whether the loss left the finite numbers."""
        return not math.isfinite(self.records[-1].loss)


@dataclass
class Lane:
    """One network on its way through its training (see ``make_lane``)."""

    depth: int
    skip: bool
    seed: int
    net: Stack  # as it is now
    epochs: int  # if nothing ends it before
    steps: Iterator[Record]  # the rest of its training
    records: list[Record] = field(default_factory=list)  # of the steps so far

    @property
    def share(self) -> float:
        """How much of it is done, from 0 to 1."""
        return self.records[-1].epoch / self.epochs if self.records else 0

    def advance(self) -> bool:
        """Take one step; False if there is none left."""
        record = next(self.steps, None)
        if record is not None:
            self.records.append(record)
        return record is not None

    def finish(self) -> Run:
        """Measure the network as it is now."""
        split = split_digits()
        known = accuracy(self.net, split.images, split.labels)
        new = accuracy(self.net, split.test_images, split.test_labels)
        return Run(self.depth, self.skip, self.seed, tuple(self.records), known, new, self.net)


def train(
    net: nn.Module,
    images: Tensor,
    labels: Tensor,
    *,
    epochs: int = 4,
    batch_size: int = 64,
    optimizer: Optimizer = "sgd",
    lr: float | None = None,
    seed: int = 172,
) -> Iterator[Record]:
    """Train ``net`` in place by mini-batches, and yield a record after each step; stop whenever you like.

    It ends early, after a record that says so, if the loss is not finite.

    Args:
        net: takes the images to scores.
        images, labels: what to learn; ``net`` moves to their device.
        epochs: how often all images are seen.
        batch_size: images in a step; the last step of an epoch takes what is left.
        optimizer: "sgd", with momentum 0.9, or "adam".
        lr: learning rate; 0.02 for SGD and 0.001 for Adam unless given.
        seed: for the order of the images.

    Shape:
        images (N, C, H, W), labels (N)

    >>> split = split_digits()
    >>> net = make_stack(4, channels=8, skip=True, seed=172)
    >>> records = list(train(net, split.images, split.labels, epochs=1))
    >>> len(records), records[0].loss > records[-1].loss
    (23, True)
    """
    checked_integer("epochs", epochs, 1)
    checked_integer("batch_size", batch_size, 1)
    if images.ndim != 4 or not len(images):
        raise ValueError(f"`images` must be (N, C, H, W) with at least one image; got {tuple(images.shape)}")
    if labels.shape != images.shape[:1]:
        raise ValueError(f"`labels` must be one for each of {len(images)} images; got {tuple(labels.shape)}")
    descent = make_optimizer(net.to(images.device), optimizer, lr)
    order, count = torch.Generator().manual_seed(checked_integer("seed", seed, 0)), len(images)
    batches = (
        part for _ in range(epochs) for part in torch.split(torch.randperm(count, generator=order), batch_size)
    )
    return _steps(net, images, labels, batches, math.ceil(count / batch_size), descent)


def _steps(
    net: nn.Module, images: Tensor, labels: Tensor, batches: Iterator[Tensor], per_epoch: int, optimizer: Any
) -> Iterator[Record]:
    first, start = next(net.parameters()), time.perf_counter()
    for step, batch in enumerate(batches, start=1):
        net.train()
        scores = net(images[batch])
        loss = checked_loss(scores, labels[batch])
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        gradient = torch.zeros(()) if first.grad is None else first.grad.double().norm()
        accuracy = (scores.argmax(1) == labels[batch]).double().mean().item()
        seconds = time.perf_counter() - start
        yield Record(step, step / per_epoch, loss.item(), accuracy, gradient.item(), seconds)
        if not math.isfinite(loss.item()):
            return
        optimizer.step()


def make_optimizer(net: nn.Module, optimizer: Optimizer, lr: float | None = None) -> torch.optim.Optimizer:
    """SGD with momentum 0.9, or Adam, for all parameters of ``net``; a bad name or rate raises a ``ValueError``."""
    checked_word("optimizer", optimizer, get_args(Optimizer))
    rate = LEARNING_RATE[optimizer] if lr is None else lr
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 < rate <= 1e30:
        raise ValueError(f"`lr` must be a positive number, up to 1e30; got {lr!r}")
    if optimizer == "adam":
        return torch.optim.Adam(net.parameters(), lr=rate)
    return torch.optim.SGD(net.parameters(), lr=rate, momentum=0.9)


def accuracy(net: nn.Module, images: Tensor, labels: Tensor) -> float:
    """Share of the images that ``net`` classifies correctly, batch normalisation in evaluation mode; 0 to 1."""
    if not len(images) or labels.shape != images.shape[:1]:
        raise ValueError(f"`labels` must be one for each of 1 or more images; got {labels.shape} for {len(images)}")
    parts = zip(torch.split(images, 512), torch.split(labels, 512), strict=True)
    with left_alone(net), torch.no_grad():
        net.eval()
        return sum(int((net(part).argmax(1) == label).sum()) for part, label in parts) / len(images)


def make_lane(depth: int, skip: bool, seed: int, **settings: Any) -> Lane:
    """A network and its training on the digits, before the first step; the arguments are those of ``race``.

    >>> lane = make_lane(4, True, 172, epochs=1)
    >>> lane.advance(), lane.advance(), len(lane.records)
    (True, True, 2)
    """
    split = split_digits()
    of_train = {"epochs": 4} | {name: settings.pop(name) for name in _OF_TRAIN if name in settings}
    net = make_stack(depth, skip=skip, seed=seed, **{"channels": 8} | settings)
    steps = train(net, split.images, split.labels, seed=seed, **of_train)
    return Lane(depth, skip, seed, net, of_train["epochs"], steps)


_finished: dict[object, Run] = {}  # by settings, for the next time that a race asks


def race(
    depths: Iterable[int], *, seeds: Iterable[int], skips: Iterable[bool] = (False, True), **settings: Any
) -> Iterator[Run]:
    """Train a network for every depth, plain (False) and skip (True), and seed; yield each when it is done.

    The seed decides the weights and the order of the images. The settings are those of ``make_stack`` and ``train``;
    8 channels unless given. Runs are kept in memory: asked for again, also after an interruption, they come back at
    once.

    >>> [run.depth for run in race([4], seeds=[172], skips=[True], epochs=1)]
    [4]
    """
    for depth, skip, seed in product(depths, skips, list(seeds)):
        run = finished(depth, skip, seed, **settings)
        if run is None:
            lane = make_lane(depth, skip, seed, **settings)
            while lane.advance():
                pass
            run = keep(lane, **settings)
        yield run


def finished(depth: int, skip: bool, seed: int, **settings: Any) -> Run | None:
    """The run that a race, or a ``keep``, of these settings has left in memory, if there is one.

    >>> finished(4, True, 172, epochs=2) is None
    True
    """
    return _finished.get((depth, skip, seed, tuple(sorted(settings.items()))))


def keep(lane: Lane, **settings: Any) -> Run:
    """Measure a network at the end of its training, and keep it: a race of these settings finds it."""
    lane.net.zero_grad()  # the network is kept, without the gradients of its last step
    key = lane.depth, lane.skip, lane.seed, tuple(sorted(settings.items()))
    return _finished.setdefault(key, lane.finish())


def race_table(runs: Iterable[Run]) -> dict[str, list[list[float]]]:
    """The training accuracies of a whole race, "plain" and "skip": a row for every seed, a column for every depth.

    >>> race_table(race([4, 6], seeds=[172], skips=[True], epochs=1)).keys()
    dict_keys(['skip'])
    """
    rows: dict[str, dict[int, list[float]]] = {}
    for run in runs:
        rows.setdefault("skip" if run.skip else "plain", {}).setdefault(run.seed, []).append(run.train_accuracy)
    return {name: list(of_seed.values()) for name, of_seed in rows.items()}
