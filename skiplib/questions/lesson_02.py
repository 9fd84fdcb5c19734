"""Questions of notebook 02: what may be added to what (layer L1: the repairs are tried with torch)."""

from copy import deepcopy
from typing import Any

import torch
from torch import nn

from skiplib.adding import add_verdict
from skiplib.arithmetic import ConvGeometry, compose, sizes, transposed_output_size
from skiplib.blocks import make_conv
from skiplib.exercises import Feedback, Judge, choice, number, right, word, wrong

_PUBLISHED = ConvGeometry(kernel_size=2, stride=2, padding=2)
_HALF = ConvGeometry(kernel_size=3, stride=2, padding=1)
_SAME = ConvGeometry(kernel_size=3, padding=1)
_TRIED = range(8, 41)
_SIX_ADDS = {
    "A": ((1, 3, 32, 32), (1, 3, 11, 11)),
    "B": ((8, 1, 28, 28), (8, 16, 28, 28)),
    "C": ((8, 16, 8, 8), (8, 16, 1, 1)),
    "D": ((8, 16, 8, 8), (8, 16, 8, 8)),
    "E": ((8, 16, 4, 4), (8, 16)),
    "F": ((8, 1), (8,)),
}


def repair(geometries: list[ConvGeometry], channels: tuple[int, int, int], *, reason: str, hint: str) -> Judge:
    """A question whose answer is a shortcut module; it is run around the branch at every size from 8 to 40.

    Args:
        geometries: the two convolutions of the branch.
        channels: before the branch, in its middle, and after it.
        reason: why a right answer is right.
        hint: where to look if it fits some sizes, or none.
    """
    before, middle, after = channels

    def judge(given: Any) -> Feedback:
        if isinstance(given, type) or not isinstance(given, nn.Module):
            return wrong(f"The answer is a module, such as nn.Identity(); this is {type(given).__name__}.")
        with torch.random.fork_rng(devices=[]):
            branch = nn.Sequential(make_conv(before, middle, geometries[0]), make_conv(middle, after, geometries[1]))
        shortcut = deepcopy(given)  # running it may change it: batch normalisation counts
        failures: list[tuple[int, tuple[int, ...], tuple[int, ...]]] = []
        for size in _TRIED:
            x = torch.zeros(2, before, size, size + 4)  # two images, and not square
            with torch.no_grad():
                residual = branch(x)
                try:
                    identity = shortcut(x)
                except Exception as error:
                    return wrong(f"At size {size} your shortcut raised: {error}")
            if not isinstance(identity, torch.Tensor):
                return wrong("The shortcut must return one tensor.")
            verdict = add_verdict(identity.shape, residual.shape)
            if verdict == "broadcast" and not failures:
                return wrong(f"It runs, but {tuple(identity.shape)} is stretched to {tuple(residual.shape)}.")
            if verdict != "equal":
                failures.append((size, tuple(identity.shape), tuple(residual.shape)))
        if not failures:
            return right(f"{reason} Tried at sizes {_TRIED[0]} to {_TRIED[-1]}.")
        size, here, there = failures[0]
        return wrong(
            f"It fits {len(_TRIED) - len(failures)} of {len(_TRIED)} sizes. At size {size} the skip gives {here} and "
            f"the branch {there}. {hint}"
        )

    return judge


def _fitting(given: Any) -> Feedback:
    """Judge (kernel_size, stride, padding) of a shortcut around two halving convolutions."""
    shape = "The answer is a tuple (kernel_size, stride, padding) of whole numbers, such as (3, 2, 1)."
    if not isinstance(given, (tuple, list)) or len(given) != 3:
        return wrong(shape)
    try:
        geometry = ConvGeometry(*given)
        misses = [n for n in _TRIED if geometry.output_size(n) != sizes(n, [_HALF, _HALF])[-1]]
    except TypeError:
        return wrong(shape)
    except ValueError as error:
        return wrong(f"PyTorch refuses this: {error}.")
    if geometry.stride == _HALF.stride:
        return wrong("Each of the two convolutions halves the image. How far apart do two outputs look in the end?")
    if misses:
        return wrong(f"It misses {len(misses)} of the sizes {_TRIED[0]} to {_TRIED[-1]}, first {misses[0]}.")
    if geometry == compose([_HALF, _HALF]):
        return right("That is `compose` of the branch: the same geometry, so the same size for every image.")
    return right(
        "It gives the size of the branch for every image. Check in the explorer that it looks at the same place."
    )


def _verdicts(wanted: str) -> set[str]:
    return {name for name, (left, right_) in _SIX_ADDS.items() if add_verdict(left, right_) == wanted}


def _third_pixels_fail() -> set[int]:
    thirds = ConvGeometry(kernel_size=1, stride=3)
    return {n for n in range(30, 36) if thirds.output_size(n) != sizes(n, [_PUBLISHED] * 2)[-1]}


def _pixelwise_fits() -> set[int]:
    half, quarter = ConvGeometry(2, stride=2), ConvGeometry(1, stride=4)
    return {n for n in range(8, 17) if sizes(n, [half, half])[-1] == quarter.output_size(n)}


_STRETCHED = _verdicts("broadcast")
_UP = transposed_output_size(_HALF.output_size(15), 2, stride=2)

QUESTIONS: dict[str, Judge] = {
    "stretched": choice(
        _STRETCHED,
        options=_SIX_ADDS,
        reason="In B, C and F some size is 1 where the other side has more. A and E raise, D is fine.",
        hint="Write the shapes under one another, aligned at the right. A size of 1 is stretched to its partner.",
        mistakes=[
            (_STRETCHED - {"F"}, "Shapes are compared from the right: in F, 1 meets 8, and then 8 meets nothing."),
            (_STRETCHED | {"E"}, "In E, aligned at the right, 4 meets 16 and 4 meets 8. That is an error."),
            (_STRETCHED | {"A"}, "In A 32 meets 11, and neither is 1."),
            (_verdicts("error"), "Those two raise. The question asks for the silent ones."),
            ({"B"}, "B is one. Channels are not the only size that can be 1."),
            ({"D"}, "In D nothing needs stretching: the shapes are equal."),
            (set(), "PyTorch does stretch a size of 1, without a word."),
        ],
    ),
    "one_pixel": word(
        "stretched",
        options=("error", "stretched", "fine"),
        reason="The branch makes 3 × 3 out of one pixel, and that pixel is added to all nine.",
        hint="What does the branch make of 1 × 1? Use ⌊1/4⌋ + 3, and then the rule of `+`.",
        mistakes=[
            ("error", "Two different sizes raise only if neither of them is 1."),
            ("fine", "It runs, but the shapes are not equal: the branch gives 3 × 3."),
        ],
    ),
    "thirds": choice(
        _third_pixels_fail(),
        options=range(30, 36),
        reason="Stride 3 follows n/3, the branch n/4. They agree at 32 and part company soon.",
        hint="Compare ⌊(n − 1)/3⌋ + 1 with ⌊n/4⌋ + 3 for each of the six.",
        mistakes=[
            (set(), "It fits at 32. Try the neighbours."),
            (set(range(30, 36)) - {32}, "It fits some of its neighbours, too."),
            (set(range(30, 36)) - _third_pixels_fail(), "Those are the sizes where it fits."),
        ],
    ),
    "climbs": word(
        "climbs",
        options=("falls", "stays", "climbs"),
        reason="After a ReLU nothing is negative, so every block adds, and none takes away.",
        hint="Which sign can relu(...) have? What does adding it do?",
        mistakes=[
            ("falls", "To fall, a block would have to add something negative. Can a ReLU's output be negative?"),
            ("stays", "It would stay if the residual were zero on average. Can a ReLU's output be negative?"),
        ],
    ),
    "zero_branch": number(
        1,
        reason="With F = 0 the block is y = x, and the gradient passes unchanged.",
        hint="What is y if the branch gives 0? Then differentiate.",
        mistakes=[
            (0, "The branch passes nothing back. But x also reaches y by the other way."),
            (2, "There are two ways from x to y, but one of them multiplies by 0."),
        ],
    ),
    "in_place": choice(
        {"A"},
        options="ABCD",
        reason="relu_ overwrites x before the skip reads it. No rule of autograd is broken, so nothing is said.",
        hint="Ask of each: does it write into a tensor that is still needed, and would autograd notice?",
        mistakes=[
            ({"B"}, "B writes into what relu saved for its backward, and autograd notices: an error."),
            ({"D"}, "D writes into what the convolution saved for its backward, and autograd notices: an error."),
            ({"A", "D"}, "D is noticed: the convolution saved its input for the backward."),
            ({"A", "B", "D"}, "Two of these raise in the backward pass: autograd notices."),
            ({"B", "D"}, "Those two raise: autograd notices. Another one is wrong, and nothing is said."),
            ({"C"}, "C is fine: a convolution does not need its own output for the backward."),
            ({"A", "B"}, "B is noticed: ReLU saved its output for the backward."),
            ({"A", "C"}, "C is fine: a convolution does not need its own output for the backward."),
            (set(), "One of them gives a wrong number and says nothing."),
        ],
    ),
    "odd": number(
        _UP,
        reason="15 becomes 8, rounded up by the padding, and doubling gives 16.",
        hint="First ⌊(15 + 2 − 3)/2⌋ + 1, and then twice that.",
        mistakes=[
            (15, "Halving an odd size and doubling it again does not bring it back."),
            (14, "Here 15 becomes 8 and not 7: the padding makes room for one more window."),
            (7, "Work out both steps: down, and then up again."),
            (8, "That is the small size. It is doubled again."),
        ],
    ),
    "repair_1": repair(
        [_HALF, _SAME],
        (3, 6, 6),
        reason="Channels and stride both fit: this is He's option B, or as good as that.",
        hint="A convolution on the skip can change channels and size at once.",
    ),
    "repair_2": repair(
        [_SAME, _SAME],
        (1, 16, 16),
        reason="Now 16 channels meet 16, and nothing is stretched.",
        hint="The branch keeps the size, so the skip must keep it, too.",
    ),
    "repair_3": repair(
        [_PUBLISHED, _PUBLISHED],
        (3, 6, 3),
        reason="The published block, repaired for every image.",
        hint="The branch has the geometry of one convolution: see `compose` in lesson 01.",
    ),
    "runs_at": choice(
        _pixelwise_fits(),
        options=range(8, 17),
        reason="The branch gives ⌊⌊n/2⌋/2⌋, the skip ⌊(n − 1)/4⌋ + 1: the same only if 4 divides n.",
        hint="Work out both sides for n = 8 and for n = 9.",
        mistakes=[
            (set(range(8, 17)), "Try n = 9: the branch gives 2, the skip 3."),
            (set(range(8, 17, 2)), "Try n = 10: the branch gives 2, the skip 3."),
            ({8, 12}, "Those are right. There is one more."),
            ({8, 16}, "Those are right. There is one between them."),
        ],
    ),
    "fitting": _fitting,
}
