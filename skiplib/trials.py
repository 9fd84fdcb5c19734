"""Answers that are tried with numbers alone: functions, geometries, scales (layer L0, imports nothing heavy).

Each ``try_...`` takes a question, its answer, and what to try it with; it gives feedback as ``check`` does.
"""

from collections.abc import Iterable, Sequence
from itertools import accumulate, product
from typing import Any

from skiplib.answers import Fault, Texts, Unread, raised, read, typed
from skiplib.arithmetic import ConvGeometry, output_size
from skiplib.chains import compose
from skiplib.exercises import UNANSWERED, Feedback, formula_slips, judge, right, wrong
from skiplib.theory import skip_product
from skiplib.words import FAULTS, magnitude

_NONE = """Your function returned None for the first setting. Give the value back with `return`, on every path: to \
compute or to print it is not enough."""


@judge
def try_function(question: Texts, answer: Any, **settings: Sequence[int]) -> Feedback:
    """Call a function with every combination of these settings of ``output_size``, and compare.

    The function gets the values in the order of the settings, so its parameters may have any names.

    >>> try_function("01.formula", lambda n, k: n - k + 1, input_size=[7, 32], kernel_size=[1, 2, 3])
    ✓ Right. It agrees with PyTorch's formula. Tried with 6 settings.
    """
    cases: list[dict[str, Any]] = [dict(zip(settings, values, strict=True)) for values in product(*settings.values())]
    wanted = [output_size(**case) for case in cases]
    if not callable(answer):
        raise Unread(f"The answer is a function, without calling it; this is {typed(answer)}.")
    try:
        first = answer(*cases[0].values())
        if first is None:  # once, not for every setting: it may print
            return Feedback("", UNANSWERED) if _untouched(answer) else wrong(_NONE)
        results = [first, *(answer(*case.values()) for case in cases[1:])]
    except FAULTS as error:
        return wrong(f"The function raised {raised(error)}.")
    sizes = [_number(result) for result in results]
    misses = [place for place, size in enumerate(wanted) if sizes[place] != size]
    if not misses:
        return right(f"{question['reason']} Tried with {len(cases)} settings.")
    for slip in zip(*(formula_slips(**case) for case in cases), strict=True):
        if sizes == [size for size, _ in slip]:
            return wrong(slip[0][1])
    setting = ", ".join(f"{name}={value}" for name, value in cases[misses[0]].items())
    gives = f"first for {setting}: there it gives {typed(results[misses[0]])}"
    return wrong(f"It is wrong for {len(misses)} of {len(cases)} settings, {gives}. {question['hint']}")


@judge
def try_branch_geometry(question: Texts, answer: Any, *, input_size: int) -> Feedback:
    """Try a (kernel_size, stride, padding) twice in a row: every size, not only this one, has to stay.

    >>> try_branch_geometry("01.keeping", (3, 1, 2), input_size=32)
    ✗ Not yet. Here 32 pixels become 34 and then 36.
    """
    geometry, ((_, once, twice),) = _tried(answer, [input_size], times=2)
    stride, lost = geometry.stride, geometry.effective_kernel_size - 1
    if lost == 0:
        return wrong("A 1×1 kernel sees no neighbours. The exercise asks for a kernel larger than 1.")
    if stride > 1:
        return wrong(
            f"Stride {stride} leaves about one place in {stride} of the padded strip; only a few sizes can survive."
        )
    if lost % 2:
        return wrong("An even kernel needs k − 1 extra pixels, an odd number. Padding adds the same on both sides.")
    if not geometry.keeps_every_size:
        return wrong(f"Here {input_size} pixels become {once} and then {twice}.")
    return right(f"Padding {geometry.padding} on each side makes up for the {lost} places that are lost.")


@judge
def try_skip_geometry(
    question: Texts, answer: Any, *, branch: Sequence[ConvGeometry], sizes: Sequence[int]
) -> Feedback:
    """Try a (kernel_size, stride, padding) on the skip: it has to give what the branch gives, for each of the sizes.

    >>> branch = [ConvGeometry(kernel_size=3, stride=2, padding=1)] * 2
    >>> try_skip_geometry("02.fitting", (3, 4, 0), branch=branch, sizes=range(8, 41))
    ✗ Not yet. It misses 16 of the sizes 8 to 40: at 9 the skip gives 2, the branch 3.
    """
    whole = compose(branch)
    geometry, tried = _tried(answer, sizes)
    misses = [pair for pair in tried if whole.output_size(pair[0]) != pair[1]]
    if geometry.stride == branch[0].stride < whole.stride:
        return wrong(question["hint"])
    if misses:
        size, here = misses[0]
        gives = f"at {size} the skip gives {here}, the branch {whole.output_size(size)}"
        return wrong(f"It misses {len(misses)} of the sizes {sizes[0]} to {sizes[-1]}: {gives}.")
    if geometry == whole:
        return right(question["reason"])
    return right(
        "It gives the size of the branch for every image. So its k − 2p is that of the branch, and both look at the "
        "same place."
    )


@judge
def try_alpha(question: Texts, answer: Any, *, blocks: int) -> Feedback:
    """Try a scale for the branches of so many blocks with q near 1: n alpha**2 is to be 1, or not far below.

    >>> try_alpha("03.alpha", 0.2, blocks=50)
    ✗ Not yet. n · alpha² is 2.00, which is above 1: in theory 50 blocks multiply by 2.67.
    """
    alpha, _ = read(answer, {"answer": 0, "float": True})
    if alpha == 0:
        return wrong("With 0 the branches do nothing at all.")
    if alpha < 0:
        return wrong("The sign changes nothing about the size: give a positive number.")
    if alpha > 1:
        return wrong("Then a branch counts more than the skip. Make it smaller than 1.")
    total, growth = blocks * alpha**2, skip_product(1, alpha, blocks)
    said = f"{growth:.2f}" if growth < 100 else f"about {magnitude(growth)}"
    if round(total, 2) > 1:  # 0.1415 rounds 1 / sqrt(50)
        return wrong(f"n · alpha² is {total:.2f}, which is above 1: in theory {blocks} blocks multiply by {said}.")
    if total < 0.9:
        return wrong(f"n · alpha² is {total:.2f}: in theory a factor of {said}. Safe, but alpha may be larger.")
    return right(f"n · alpha² is {total:.2f}: in theory {blocks} blocks multiply by {said}, less than √e = 1.65.")


def _untouched(function: Any) -> bool:
    """Whether a function's body does no more than ``return None`` does, as before anyone has written in it."""
    code = getattr(function, "__code__", None)
    return code is not None and len(code.co_code) <= len((lambda: None).__code__.co_code)


def _number(result: Any) -> Any:
    """The number that a function gave, if it is one."""
    try:
        return None if issubclass(type(result), str) else read(result, {"answer": 0})[0]
    except Unread:
        return None


def _tried(answer: Any, sizes: Iterable[int], *, times: int = 1) -> tuple[ConvGeometry, list[list[int]]]:
    """The (kernel_size, stride, padding) that were meant, and every size with what so many in a row make of it."""
    geometry = answer
    try:
        if not issubclass(type(answer), ConvGeometry):
            numbers, _ = read(answer, {"answer": [3, 1, 1]})
            geometry = ConvGeometry(*numbers)
        chains = (accumulate([geometry] * times, lambda n, each: each.output_size(n), initial=size) for size in sizes)
        return geometry, [list(chain) for chain in chains]
    except (Unread, TypeError) as error:
        raise Unread(f"(kernel_size, stride, padding): {str(error).rstrip('.')}.") from None
    except ValueError as error:
        raise Fault(f"PyTorch refuses this: {error}.") from None
