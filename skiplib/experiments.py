"""Answers that are tried with torch: a shortcut is run, a setting is measured or trained (layer L1, torch).

Each ``try_...`` takes a question, its answer, and what to try it with; it gives feedback as ``check`` does.
"""

import math
import operator
from collections.abc import Mapping, Sequence
from copy import deepcopy
from functools import lru_cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from skiplib.adding import add_verdict
from skiplib.arithmetic import ConvGeometry
from skiplib.blocks import make_conv, seeded
from skiplib.chains import checked_geometries, compose
from skiplib.digits import first_digits
from skiplib.exercises import UNANSWERED, Feedback, right, texts, wrong
from skiplib.gradients import compare, median_ratio
from skiplib.training import race
from skiplib.words import magnitude

FATES = ("vanishes", "holds", "explodes")


def try_shortcut(
    question: str, answer: Any, *, branch: Sequence[ConvGeometry], channels: Sequence[int], sizes: Sequence[int]
) -> Feedback:
    """Run a module on the skip around a branch of convolutions, with images of random numbers.

    The two shapes have to be equal at every size. At the two largest sizes, where most windows are inside the
    image, every output has to depend on x, and the middle of what it reads may be half a pixel from the middle of
    what the branch reads there, as in ``Shortcut.aligned``.

    Args:
        question, answer: the answer is a module; it is left as it was.
        branch: the geometries of the convolutions.
        channels: before the branch, between its convolutions, and after it.
        sizes: heights of the images, in order; each is 4 pixels wider than high.

    >>> half, same = ConvGeometry(3, stride=2, padding=1), ConvGeometry(3, padding=1)
    >>> try_shortcut("02.repair_1", nn.Identity(), branch=[half, same], channels=(3, 3, 3), sizes=[8])
    ✗ Not yet. It fits 0 of 1 sizes. At size 8 the skip gives (2, 3, 8, 12) and the branch (2, 3, 4, 6). \
A convolution on the skip can change channels and size at once.
    """
    known = texts(question, "try_shortcut")
    convolutions, whole = _convolutions(branch, channels), compose(branch)
    if answer is None:
        return Feedback("", UNANSWERED)
    if isinstance(answer, type) or not isinstance(answer, nn.Module):
        return wrong(f"The answer is a module, such as nn.Identity(); this is {type(answer).__name__}.")
    try:
        with seeded(172), torch.no_grad():
            shortcut = _apart(answer)
            _check_shapes(shortcut, convolutions, channels[0], sizes, known["hint"])
            for size in sizes[-2:]:
                _check_places(shortcut, whole, channels[0], size)
            is_a = _is_option_a(shortcut, whole.stride, channels[0], channels[-1])
    except _Fault as fault:
        return wrong(str(fault))
    reason = "This is He's option A: no parameters, and zeros for the new channels." if is_a else known["reason"]
    places = " and ".join(map(str, sizes[-2:]))
    return right(
        f"{reason} The shapes agree at sizes {sizes[0]} to {sizes[-1]}; "
        f"at {places} both sides look at the same place."
    )


def try_fates(question: str, answer: Any, *, depth: int, **settings: Any) -> Feedback:
    """Measure what becomes of the gradient with these settings of ``compare``, and compare with a pair of ``FATES``.

    >>> try_fates("03.he", ("holds", "holds"), depth=50, init="he")
    ✗ Not yet. Plain is right, skip is not. He's weights make q about 0.92. Compute 0.92^24, and then √(1 + 0.92²)^24.
    """
    known = texts(question, "try_fates")
    if answer is None:
        return Feedback("", UNANSWERED)
    words = [str(each).strip().lower() for each in answer] if isinstance(answer, (tuple, list)) else []
    if len(words) != 2 or not set(words) <= set(FATES):
        return wrong('The answer is two words, plain first, such as ("explodes", "vanishes").')
    plain, skip = (word == _fate(ratio) for word, ratio in zip(words, _ratios(depth, **settings), strict=True))
    if plain and skip:
        return right(known["reason"])
    which = {(True, False): "Plain is right, skip is not.", (False, True): "Skip is right, plain is not."}
    return wrong(f"{which.get((plain, skip), 'Neither is right.')} {known['hint']}")


def try_worse(question: str, answer: Any, *, depth: int) -> Feedback:
    """Measure settings of ``compare`` in which the skip network is to be further from 1 than the plain one.

    The answer is a dict; it may name another ``depth``.

    >>> try_worse("03.worse", {"norm": "layer"}, depth=50)
    ✗ Not yet. This does not run: `norm` must be one of none, batch, group; got 'layer'.
    """
    known = texts(question, "try_worse")
    allowed = ("depth", "activation", "init", "norm", "alpha", "channels")
    refusal = _refusal(answer, allowed, example='{"depth": 50, "norm": "group"}')
    if refusal:
        return refusal
    try:
        settings = {"depth": depth, **answer}
        if operator.index(settings["depth"]) > 100 or operator.index(settings.get("channels", 16)) > 32:
            return wrong("Please stay at a depth of 100 and 32 channels or less.")
        plain, skip = _ratios(**settings)
    except (TypeError, ValueError) as error:
        return wrong(f"This does not run: {error}.")
    measured = f"First to last: plain {magnitude(plain)}, skip {magnitude(skip)}."
    if _decades(skip) > _decades(plain) + 1:
        return right(f"{measured} {known['reason']}")
    return wrong(f"{measured} {known['hint']}")


def try_rescue(question: str, answer: Any, *, depth: int, seed: int) -> Feedback:
    """Train a plain network with a dict of settings of ``race``: it is to learn 95 % of the training digits.

    >>> try_rescue("04.rescue", {"epochs": 9}, depth=20, seed=172)
    ✗ Not yet. Please stay at 8 epochs or less.
    """
    known = texts(question, "try_rescue")
    allowed = ("init", "norm", "activation", "optimizer", "lr", "epochs")
    refusal = _refusal(answer, allowed, example='{"norm": "batch"}')
    if refusal:
        return refusal
    try:
        if answer.get("epochs", 4) > 8:
            return wrong("Please stay at 8 epochs or less.")
        (run,) = race([depth], seeds=[seed], skips=[False], **answer)
    except (TypeError, ValueError) as error:
        return wrong(f"This does not run: {error}.")
    if run.train_accuracy >= 0.95:
        return right(known["reason"])
    if run.diverged:
        return wrong("The loss is not finite any more: a smaller step may help.")
    reached = f"It reaches {run.train_accuracy:.0%} on the training digits."
    if run.train_accuracy < 0.15:
        return wrong(
            f"{reached} That is guessing. Which settings in lesson 03 kept the plain gradient from vanishing?"
        )
    return wrong(f"{reached} {known['hint']}")


class _Fault(Exception):
    """What is wrong with a shortcut, as a sentence for the learner."""


def _apart(module: nn.Module) -> nn.Module:
    """A copy to run, since running may change a module; one that cannot be copied is run itself."""
    try:
        return deepcopy(module).to("cpu", torch.float32).eval()
    except Exception:  # it may hold anything
        return module


def _carried(shortcut: nn.Module, x: Tensor) -> Tensor:
    """What the shortcut makes of x; a ``_Fault`` where it is of no use."""
    given = x.clone()
    try:
        identity = shortcut(given)
    except Exception as error:  # a learner's module
        said = str(error).rstrip(".")
        raise _Fault(f"At size {x.shape[2]} your shortcut raised {type(error).__name__}: {said}.") from None
    if not isinstance(identity, Tensor):
        raise _Fault("The shortcut must return one tensor.")
    if not torch.equal(given, x):
        raise _Fault("It writes over x, which the branch reads, too: see section 6.")
    if not torch.isfinite(identity).all():
        raise _Fault("It gives numbers that are not finite.")
    return identity


def _check_shapes(
    shortcut: nn.Module, convolutions: nn.Module, channels: int, sizes: Sequence[int], hint: str
) -> None:
    """Raise a ``_Fault`` unless the shapes at the add are equal at every size."""
    failures: list[tuple[int, tuple[int, ...], tuple[int, ...]]] = []
    for size in sizes:
        x = torch.randn(2, channels, size, size + 4)  # two images, and not square
        here, there = tuple(_carried(shortcut, x).shape), tuple(convolutions(x).shape)
        verdict = add_verdict(here, there)
        if verdict == "broadcast" and not failures:
            raise _Fault(f"It runs, but {here} is stretched to {there}.")
        if verdict != "equal":
            failures.append((size, here, there))
    if failures:
        size, here, there = failures[0]
        fits = f"It fits {len(sizes) - len(failures)} of {len(sizes)} sizes."
        raise _Fault(f"{fits} At size {size} the skip gives {here} and the branch {there}. {hint}")


def _check_places(shortcut: nn.Module, whole: ConvGeometry, channels: int, size: int) -> None:
    """Raise a ``_Fault`` unless both sides of the add look at the same place.

    Only outputs whose window in the branch, ``whole``, lies inside the image are compared: the others see padding.
    """
    x, other = torch.randn(2, 3, channels, size, size + 4)
    for axis, name in ((2, "row"), (3, "column")):
        for place, read in enumerate(_reads(shortcut, x, other, axis)):
            first = place * whole.stride - whole.padding
            last = first + whole.effective_kernel_size - 1
            if first < 0 or last >= x.shape[axis]:
                continue
            if not read:
                raise _Fault(f"The shapes agree, but at size {size} {name} {place} of the skip does not depend on x.")
            apart = (read[0] + read[-1]) - (first + last)  # between the middles, in half pixels
            low, high = read[0] == 0, read[-1] == x.shape[axis] - 1
            unknown = low != high  # cut off at one border, it may reach further into the padding
            if (apart > 1 and not (low and unknown)) or (apart < -1 and not (high and unknown)):
                here, there = _span(name, read[0], read[-1]), _span(name, first, last)
                raise _Fault(
                    f"The shapes agree at every size, the places do not: at size {size}, {name} {place} of the skip "
                    f"looks at {here} of the image, and that of the branch at {there} (counted from 0)."
                )


def _is_option_a(shortcut: nn.Module, stride: int, in_channels: int, out_channels: int) -> bool:
    """Whether it keeps x as it is, at every ``stride``-th pixel, and fills the new channels with zeros."""
    x = torch.randn(2, in_channels, 8, 12)
    padded = F.pad(x[..., ::stride, ::stride], (0, 0, 0, 0, 0, out_channels - in_channels))
    return out_channels > in_channels and torch.equal(_carried(shortcut, x), padded)


def _span(name: str, first: int, last: int) -> str:
    return f"{name} {first}" if first == last else f"{name}s {first} to {last}"


def _reads(shortcut: nn.Module, x: Tensor, other: Tensor, axis: int) -> list[list[int]]:
    """For each row or column of the output: which rows or columns of the images it depends on.

    One after the other is replaced, and the outputs are compared. What changes them by less than a tenth of what
    the most important one does is left out: the statistics of a group norm reach everywhere.
    """
    pixels = x.shape[axis]
    one = torch.eye(pixels, dtype=torch.bool).reshape(pixels, 1, 1, *((pixels, 1) if axis == 2 else (1, pixels)))
    changed = torch.where(one, other, x)  # (pixels, N, C, H, W)
    batch = torch.cat([x[None], changed]).flatten(0, 1)
    out = _carried(shortcut, batch).double()
    if out.ndim != 4 or len(out) != len(batch):
        raise _Fault(f"It makes {tuple(out.shape)} of {tuple(batch.shape)}.")
    out = out.reshape(pixels + 1, len(x), *out.shape[1:])
    difference = (out[1:] - out[0]).abs().amax((1, 2, 6 - axis))  # (pixels, places)
    return [(row > row.max() / 10).nonzero().flatten().tolist() for row in difference.T]


def _convolutions(branch: Sequence[ConvGeometry], channels: Sequence[int]) -> nn.Sequential:
    geometries = checked_geometries("branch", branch)
    if len(channels) != len(geometries) + 1:
        raise ValueError(f"`channels` must be {len(geometries) + 1} numbers, one more than `branch`; got {channels}")
    with torch.random.fork_rng(devices=[]):
        return nn.Sequential(*map(make_conv, channels, channels[1:], geometries))


@lru_cache(maxsize=16)
def _ratios(depth: int, **settings: Any) -> tuple[float, float]:
    """The gradient at the first block relative to the last, plain and skip: medians over eight seeds, as drawn."""
    images, labels = first_digits(4)
    nets = compare(depth, seeds=range(172, 180), images=images, labels=labels, **settings)
    return median_ratio(nets.plain), median_ratio(nets.skip)


def _fate(ratio: float) -> str:
    return FATES[0] if ratio < 1 / 100 else FATES[2] if ratio > 100 else FATES[1]


def _decades(ratio: float) -> float:
    """How many powers of ten a ratio is away from 1."""
    return abs(math.log10(ratio)) if 0 < ratio < math.inf else math.inf


def _refusal(answer: Any, allowed: Sequence[str], *, example: str) -> Feedback | None:
    """What there is to say of an answer that is no dict of these settings."""
    if answer is None:
        return Feedback("", UNANSWERED)
    if not isinstance(answer, Mapping) or not all(isinstance(key, str) for key in answer):
        return wrong(f"The answer is a dict of settings, such as {example}.")
    strangers = sorted(answer.keys() - set(allowed))
    if strangers:
        return wrong(f"There is no setting {strangers[0]!r} here. There are: {', '.join(allowed)}.")
    return None
