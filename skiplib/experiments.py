"""Answers that are tried with torch: a shortcut is run, a setting is measured or trained (layer L1, torch).

Each ``try_...`` takes a question, its answer, and what to try it with; it gives feedback as ``check`` does.
"""

import math
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import combinations
from typing import Any, get_args

import torch
from torch import nn

from skiplib.answers import Texts, Unread, named, read, typed
from skiplib.arithmetic import ConvGeometry
from skiplib.blocks import Activation, Init, Norm, make_conv, seeded
from skiplib.chains import checked_geometries, compose
from skiplib.digits import first_digits, split_digits
from skiplib.exercises import Feedback, judge, right, which_is_right, wrong
from skiplib.gradients import Comparison, compare, median_ratio
from skiplib.judging import apart, check_places, check_shapes, is_option_a
from skiplib.networks import Stack
from skiplib.paths import lesioned
from skiplib.theory import branch_scale
from skiplib.training import LEARNING_RATE, Optimizer, accuracy, race
from skiplib.words import fate, magnitude

_WORDS = {"init": get_args(Init), "norm": get_args(Norm), "activation": get_args(Activation)}
_WORSE = {
    "settings": {"depth": (int,), **_WORDS, "alpha": (float, "1/sqrt(n)"), "channels": (int,)},
    "example": '{"depth": 50, "norm": "group"}',
}
_RESCUE = {
    "settings": {**_WORDS, "optimizer": get_args(Optimizer), "lr": (float,), "epochs": (int,)},
    "example": '{"norm": "batch"}',
}


@judge
def try_shortcut(
    question: Texts, answer: Any, *, branch: Sequence[ConvGeometry], channels: Sequence[int], sizes: Sequence[int]
) -> Feedback:
    """Run a module on the skip around a branch of convolutions, with images of random numbers.

    The two shapes have to be equal at every size. At the two largest sizes, where most windows are inside the
    image, every output has to depend on x, and the middle of what it reads may be half a pixel from the middle of
    what the branch reads there, as in ``Shortcut.aligned``.

    Args:
        question, answer: the answer is a module, of which a copy is run where there can be one, or a function.
        branch: the geometries of the convolutions.
        channels: before the branch, between its convolutions, and after it.
        sizes: heights of the images, in order; each is 4 pixels wider than high.

    >>> half, same = ConvGeometry(3, stride=2, padding=1), ConvGeometry(3, padding=1)
    >>> try_shortcut("02.repair_1", nn.Identity(), branch=[half, same], channels=(3, 3, 3), sizes=[8])
    ✗ Not yet. It fits 0 of 1 images, each 4 pixels wider than high. At height 8 the skip gives (2, 3, 8, 12) and \
the branch (2, 3, 4, 6). A convolution on the skip can change channels and size at once. Does it round as the branch \
does, at odd sizes, too?
    """
    convolutions, whole = _convolutions(branch, channels), compose(branch)
    if issubclass(type(answer), type):
        raise Unread(f"{named(answer)} is a class: give what is made from it, such as nn.Identity().")
    if not callable(answer):
        raise Unread(f"The answer is a module, such as nn.Identity(); this is {typed(answer)}.")
    with seeded(172), torch.no_grad():
        shortcut = apart(answer)
        check_shapes(shortcut, convolutions, channels[0], sizes, question["hint"])
        for size in sizes[-2:]:
            check_places(shortcut, whole, channels[0], size)
        is_a = is_option_a(shortcut, whole.stride, channels[0], channels[-1])
    reason = "This is He's option A: no parameters, and zeros for the new channels." if is_a else question["reason"]
    places = " and ".join(map(str, sizes[-2:]))
    return right(
        f"{reason} The shapes agree at sizes {sizes[0]} to {sizes[-1]}; "
        f"at {places} both sides look at the same place."
    )


@judge
def try_fates(question: Texts, answer: Any, *, depth: int, **settings: Any) -> Feedback:
    """Measure what becomes of the gradient with these settings of ``compare``, and compare with a pair of ``FATES``.

    >>> try_fates("03.he", ("holds", "holds"), depth=50, init="he")
    ✗ Not yet. Plain is right, skip is not. He's weights make q about 0.92. Plain: what are 24 such factors? Skip: \
what is √(1 + q²), 24 times?
    """
    given, _ = read(answer, question)
    measured = [fate(ratio) for ratio in _ratios(measured_nets(depth, **settings))]
    plain, skip = (word == fate for word, fate in zip(given, measured, strict=True))
    if plain and skip:
        return right(question["reason"])
    return wrong(f"{which_is_right(question['rows'], plain, skip)} {question['hint']}")


@judge
def try_worse(question: Texts, answer: Any, *, depth: int) -> Feedback:
    """Measure settings of ``compare`` in which the skip network is to be further from 1 than the plain one.

    The answer is a dict; it may name another ``depth``, and an ``alpha`` as the explorers take it.

    >>> try_worse("03.worse", {"norm": "layer"}, depth=50)
    ≈ Not read. `norm` is one of none, batch, group, in quotes; got 'layer'.
    """
    try:
        settings = {"depth": depth} | read(answer, _WORSE)[0]
        if settings["depth"] > 100 or settings.get("channels", 16) > 32:
            return wrong("Please stay at a depth of 100 and 32 channels or less.")
        if not 0 <= branch_scale(settings.get("alpha", 1), 1) <= 1:
            return wrong("Please stay at an alpha from 0 to 1, as in the explorers.")
        plain, skip = _ratios(measured_nets(**settings))
    except ValueError as error:
        raise Unread(f"{str(error).rstrip('.')}.") from None
    measured = f"First to last: plain {magnitude(plain)}, skip {magnitude(skip)}."
    if not all(0 < ratio < math.inf for ratio in (plain, skip)):
        return wrong(f"{measured} What is 0 or not finite cannot be compared. {question['hint']}")
    further = abs(math.log10(skip)) - abs(math.log10(plain))  # in powers of ten
    if further > 1:
        return right(f"{measured} {question['reason']}")
    if further > 0:
        measured += " The skip network is further from 1, but not by more than a power of ten."
    return wrong(f"{measured} {question['hint']}")


@judge
def try_rescue(question: Texts, answer: Any, *, depth: int, seed: int) -> Feedback:
    """Train a plain network with a dict of settings of ``race``: it is to learn 95 % of the training digits.

    >>> try_rescue("04.rescue", {"epochs": 9}, depth=20, seed=172)
    ✗ Not yet. Please stay at 8 epochs or less.
    """
    try:
        settings, _ = read(answer, _RESCUE)
        if settings.get("epochs", 4) > 8:
            return wrong("Please stay at 8 epochs or less.")
        if settings.get("lr", 1) > 100:
            return wrong("Please stay at an `lr` of 100 or less.")
        (run,) = race([depth], seeds=[seed], skips=[False], **settings)
    except ValueError as error:
        raise Unread(f"{str(error).rstrip('.')}.") from None
    if run.diverged:
        return wrong("The loss is not finite any more: a smaller step may help.")
    if run.train_accuracy >= 0.95:
        return right(question["reason"])
    reached = f"It reaches {math.floor(100 * run.train_accuracy)} % on the training digits."
    if run.train_accuracy < 0.15:
        rates = ", ".join(f"{rate} for {name}" for name, rate in LEARNING_RATE.items())
        usual = f"With the usual `lr` ({rates}), does it learn?"
        vanishing = "Which settings in lesson 03 kept the plain gradient from vanishing?"
        return wrong(f"{reached} That is guessing. {usual if 'lr' in settings else vanishing}")
    return wrong(f"{reached} {question['hint']}")


@judge
def try_lesion(question: Texts, answer: Any, *, net: Stack, blocks: int, at_least: float | None = None) -> Feedback:
    """Leave blocks out of a trained network, and see how many of the test digits it still reads.

    Args:
        question, answer: the answer is a set of block numbers.
        net: the network, which is left as it was.
        blocks: how many to leave out: exactly so many, those whose loss costs most; or with ``at_least`` so many or
            more, and it has to read that share.
        at_least: from 0 to 1.

    >>> from skiplib.networks import make_stack
    >>> try_lesion("05.pair", {1}, net=make_stack(8, channels=4, skip=True), blocks=2)
    ✗ Not yet. The answer is 2 blocks; this is 1.
    """
    off, _ = read(answer, {**question, "answer": [1, 2], "range": [1, len(net.blocks)]})
    if len(off) < blocks or (at_least is None and len(off) > blocks):
        return wrong(f"The answer is {blocks} blocks{' or more' if at_least else ''}; this is {len(off)}.")
    left = _left(net, off)
    others = combinations(range(1, len(net.blocks) + 1), blocks) if at_least is None else ()
    worst = min((_left(net, each) for each in others), default=0)
    if left >= at_least if at_least else left <= worst + 0.02:  # a few digits more or less
        return right(question["reason"])
    return wrong(f"Without {', '.join(map(str, sorted(off)))} it reads {left:.0%}. {question['hint']}")


def _left(net: Stack, off: Iterable[int]) -> float:
    split = split_digits()
    return accuracy(lesioned(net, without=off), split.test_images, split.test_labels)


def _convolutions(branch: Sequence[ConvGeometry], channels: Sequence[int]) -> nn.Sequential:
    geometries = checked_geometries("branch", branch)
    if len(channels) != len(geometries) + 1:
        raise ValueError(f"`channels` must be {len(geometries) + 1} numbers, one more than `branch`; got {channels}")
    with torch.random.fork_rng(devices=[]):
        return nn.Sequential(*map(make_conv, channels, channels[1:], geometries))


@lru_cache(maxsize=16)
def measured_nets(depth: int, *, alpha: float | str = 1, **settings: Any) -> Comparison:
    """Plain and skip networks of eight seeds, measured with four digits, as a ``GradientExplorer`` begins.

    >>> len(measured_nets(4, channels=4, alpha="1/sqrt(n)").skip)
    8
    """
    images, labels = first_digits(4)
    settings["alpha"] = branch_scale(alpha, depth // 2 - 1)
    return compare(depth, seeds=range(172, 180), images=images, labels=labels, **settings)


def _ratios(nets: Comparison) -> tuple[float, float]:
    """The gradient at the first block relative to the last, plain and skip: medians, as drawn."""
    return median_ratio(nets.plain), median_ratio(nets.skip)
