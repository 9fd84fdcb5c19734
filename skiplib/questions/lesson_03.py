"""Questions of notebook 03: how much of the gradient arrives (layer L1: the settings are measured with torch)."""

import math
import operator
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from skiplib.digits import first_digits
from skiplib.exercises import Feedback, Judge, number, numbers, right, word, wrong
from skiplib.gradients import compare, median_ratio
from skiplib.theory import skip_product
from skiplib.words import magnitude

FATES = ("vanishes", "holds", "explodes")
_SEEDS = range(172, 180)


@lru_cache(maxsize=16)
def _ratios(depth: int, **settings: Any) -> tuple[float, float]:
    """The gradient at the first block relative to the last, plain and skip: medians over the seeds."""
    images, labels = first_digits(4)
    nets = compare(depth, seeds=_SEEDS, images=images, labels=labels, **settings)
    return median_ratio(nets.plain), median_ratio(nets.skip)


def _fate(ratio: float) -> str:
    return FATES[0] if ratio < 1 / 100 else FATES[2] if ratio > 100 else FATES[1]


def fates(*, reason: str, hint: str, **settings: Any) -> Judge:
    """A question whose answer is a pair of words, for the plain and the skip network; a right one is measured.

    Args:
        reason: why it is as it is.
        hint: what to think of.
        settings: those of ``compare`` for 50 layers.
    """

    def judge(given: Any) -> Feedback:
        words = [str(each).strip().lower() for each in given] if isinstance(given, (tuple, list)) else []
        if len(words) != 2 or not set(words) <= set(FATES):
            return wrong('The answer is two words, plain first, such as ("holds", "explodes").')
        answer = tuple(map(_fate, _ratios(50, **settings)))
        verdicts = [guess == true for guess, true in zip(words, answer, strict=True)]
        if all(verdicts):
            return right(reason)
        which = {(True, False): "Plain is right, skip is not.", (False, True): "Skip is right, plain is not."}
        return wrong(f"{which.get((verdicts[0], verdicts[1]), 'Neither is right.')} {hint}")

    return judge


def _worse(given: Any) -> Feedback:
    """Judge a setting of ``compare`` in which the skip network's ratio is further from 1 than the plain one's."""
    if not isinstance(given, Mapping) or not all(isinstance(key, str) for key in given):
        return wrong('The answer is a dict of settings, such as {"depth": 50, "norm": "group"}.')
    allowed = ("depth", "activation", "init", "norm", "alpha", "channels")
    strangers = sorted(given.keys() - set(allowed))
    if strangers:
        return wrong(f"There is no setting {strangers[0]!r} here. There are: {', '.join(allowed)}.")
    try:
        settings = {"depth": 50} | dict(given)
        if operator.index(settings["depth"]) > 100 or operator.index(settings.get("channels", 16)) > 32:
            return wrong("Please stay at a depth of 100 and 32 channels or less.")
        plain, skip = _ratios(**settings)
    except (TypeError, ValueError) as error:
        return wrong(f"This does not run: {error}.")
    measured = f"First to last: plain {magnitude(plain)}, skip {magnitude(skip)}."
    if _decades(skip) > _decades(plain) + 1:
        return right(f"{measured} Here the skip network is further from 1.")
    return wrong(f"{measured} Look for a plain network that holds, and a branch that is not small.")


def _decades(ratio: float) -> float:
    """How many powers of ten a ratio is away from 1."""
    return abs(math.log10(ratio)) if 0 < ratio < math.inf else math.inf


def _alpha(given: Any) -> Feedback:
    """Judge the branch scale for 50 blocks with q near 1: n alpha**2 at most 1, and not far below."""
    if isinstance(given, bool) or not isinstance(given, int | float) or not math.isfinite(given):
        return wrong("The answer is a number, such as 0.5.")
    if given <= 0:
        return wrong("With 0 the branches do nothing at all, and a negative sign changes nothing about the size.")
    if given > 1:
        return wrong("Then a branch counts more than the skip. Make it smaller than 1.")
    total, growth = 50 * given**2, skip_product(1, given, 50)
    if round(total, 2) > 1:  # 0.1415 rounds 1 / sqrt(50)
        return wrong(f"In theory 50 blocks then multiply by {growth:.3g}. Which alpha makes n · alpha² equal to 1?")
    if total < 1 / 4:
        return wrong(f"Safe: in theory a factor of {growth:.2f}. But the branches hardly count. May alpha be larger?")
    return right(f"n · alpha² is {total:.2f}: in theory 50 blocks multiply by {growth:.2f}, less than √e = 1.65.")


QUESTIONS: dict[str, Judge] = {
    "product": numbers(
        (round(50 * math.log10(0.9)), round(50 * math.log10(1.1))),
        reason="0.9^50 is 0.005, 1.1^50 is 117. A tenth less or more, fifty times, is a factor of 200 or 100.",
        hint="0.9^7 is about a half, and 1.1^7 about two. How many sevens are there in 50?",
        mistakes=[
            ((-1, 1), "Fifty factors: 0.9 alone is halved seven times over."),
            ((2, -2), "The other way round: 0.9 is below 1, so its product shrinks."),
            ((-50, 50), "That would be 0.1^50 and 10^50."),
            ((-3, 2), "Close: 0.9^50 is nearer to 1/100 than to 1/1000."),
            ((-2, 3), "Close: 1.1^50 is nearer to 100 than to 1000."),
        ],
    ),
    "which_explodes": word(
        "skip",
        options=("plain", "skip", "both", "neither"),
        reason="Below 1, a power of q shrinks. √(1 + alpha² q²) is above 1, so its power grows.",
        hint="Is q above or below 1? Is √(1 + q²) above or below 1?",
        mistakes=[
            ("plain", "With q below 1 every plain block makes the gradient smaller."),
            ("both", "With q below 1 every plain block makes the gradient smaller."),
            ("neither", "√(1 + q²) is never below 1. What does its 50th power do?"),
        ],
    ),
    "relu_default": word(
        "less than a millionth",
        options=("more", "about a tenth", "about a thousandth", "less than a millionth"),
        reason="Nine blocks, and each leaves about 15 %.",
        hint="Nine blocks with q = 0.15. How many of them make a thousandth?",
        mistakes=[
            ("more", "For that q would have to be above 1."),
            ("about a tenth", "That is what one block leaves, and there are nine."),
            ("about a thousandth", "Three or four blocks do that, and there are nine."),
        ],
    ),
    "sigmoid": fates(
        activation="sigmoid",
        reason="The slope of a sigmoid is at most 1/4: the textbook case. The skip goes around it.",
        hint="The slope of a sigmoid is at most 1/4. What does a plain block do to a gradient, 24 times? And a skip?",
    ),
    "he": fates(
        init="he",
        reason="He's weights make q nearly 1: plain loses only what leaks at the border, and with a skip 24 blocks "
        "multiply by about √2 each.",
        hint="He's weights make q about 0.92. Compute 0.92^24, and then √(1 + 0.92²)^24.",
    ),
    "scaled": fates(
        init="he",
        alpha=1 / math.sqrt(24),
        reason="The plain network is the same as before. The skip blocks now multiply by √(1 + q²/n).",
        hint="The plain network has no alpha. With one, the skip blocks multiply by √(1 + q²/24), 24 times.",
    ),
    "batch": fates(
        init="he",
        norm="batch",
        reason="The plain gradient grows on its way down, in every block.",
        hint="This one cannot be computed with q. What does dividing by a small spread do to the gradient? And what "
        "share has one branch in a growing sum?",
    ),
    "tanh": fates(
        activation="tanh",
        init="xavier",
        reason="Plain loses about a factor of 10 in all 24 blocks together, and the skip gains about as much.",
        hint="These weights are made for tanh: near 0 its slope is 1. And further out, where a skip leads?",
    ),
    "directions": word(
        "fewer than 10",
        options=("all 64", "about 30", "fewer than 10"),
        reason="The size is kept on average, and the directions are lost.",
        hint="Keeping the average size says nothing about how it is spread over 64 directions.",
        mistakes=[
            ("all 64", "For that each block would have to treat all directions alike. Half of its ReLUs are closed."),
            ("about 30", "One layer of ReLUs closes about half of them. There are 50 layers."),
        ],
    ),
    "neighbours": word(
        "nothing",
        options=("nearly everything", "about half", "nothing"),
        reason="The gradient is large, and it points somewhere else for the next image.",
        hint="Each layer folds the space at other places. How many lie between two neighbours after 100 layers?",
        mistakes=[
            ("nearly everything", "That is so after one block."),
            ("about half", "That is so somewhere on the way down. There are 50 blocks."),
        ],
    ),
    "weights": word(
        "about the same",
        options=("a thousandth", "about the same", "a thousand times"),
        reason="The gradient of a weight is the gradient behind it times the activation before it. One grows on the "
        "way down, the other on the way up.",
        hint="dL/dW has two factors: the gradient behind the layer, the activation before it. Where is each large?",
        mistakes=[
            ("a thousandth", "The gradient is large at the first block. And the activation?"),
            ("a thousand times", "That holds for activations. For a weight the activation before it counts, too."),
        ],
    ),
    "unmoved": number(
        24,
        reason="The first convolution in every branch: what is behind it is multiplied by zero.",
        hint="Each of the 24 branches has two convolutions, and the last one is zero. Which of them gets a gradient?",
        mistakes=[
            (0, "The gradient reaches every activation. But from the end of a branch back through a zero layer?"),
            (48, "The zero layer itself does get a gradient: its input is not zero."),
            (49, "The stem is before all blocks, and the gradient reaches it through the skips."),
            (1, "There is one in every branch."),
            (25, "The stem gets its gradient through the skips."),
        ],
    ),
    "order": number(
        round(30 * math.log10(0.5)),
        reason="2^10 is about 10^3, so 2^30 is about 10^9.",
        hint="2^10 is 1024. How many tens are there in 30?",
        mistakes=[
            (9, "It shrinks: mind the sign."),
            (-30, "That would be 0.1^30."),
            (-15, "Half of 30 is 15, but a half is not 0.1."),
            (-10, "Close. 2^10 is 10^3, a little more."),
        ],
    ),
    "worse": _worse,
    "alpha": _alpha,
}
