"""Numbers in words that are the same on every machine, values in one line, and settings as code (layer L0)."""

import math
import re
from collections.abc import Callable, Sequence
from typing import Any

FATES = ("vanishes", "holds", "explodes")  # of a gradient
FAULTS = (Exception, SystemExit)  # what a stranger's code may raise; a KeyboardInterrupt is meant, and gets through


def shown(value: object, say: Callable[[Any], str] = repr, *, most: int = 40) -> str:
    """Any value in one short line, the same in every run; its type where it cannot be said.

    >>> shown("a" * 99, most=9), shown(max), shown(10**5000)
    ("'aaaaaaa…", '<built-in function max>', '<int>')
    """
    try:
        text = re.sub(r" at 0x\w+", "", " ".join(str.split(say(value))))
    except FAULTS:
        text = f"<{type(value).__name__}>"
    return text if len(text) <= most else text[: most - 1] + "…"


def magnitude(value: float) -> str:
    """The nearest power of ten.

    >>> [magnitude(value) for value in (1.4e-20, 0.13, 2.5, 13, 2400, 0, math.inf, math.nan)]
    ['1e-20', '0.1', '1', '10', '1e3', '0', 'infinity', 'not a number']
    """
    if value == 0:
        return "0"
    if not math.isfinite(value):
        return "not a number" if math.isnan(value) else "infinity"
    power = round(math.log10(value))
    return {-1: "0.1", 0: "1", 1: "10"}.get(power, f"1e{power}")


def fate(ratio: float) -> str:
    """Which of ``FATES`` a ratio of gradients is: within a factor of 100 it holds.

    >>> [fate(ratio) for ratio in (1e-3, 0.1, 1e3)]
    ['vanishes', 'holds', 'explodes']
    """
    return FATES[0] if ratio < 1 / 100 else FATES[2] if ratio > 100 else FATES[1]


def share_in_words(share: float) -> str:
    """An accuracy from 0 to 1, coarsely.

    >>> [share_in_words(share) for share in (0.11, 0.7, 0.98)]
    ['below 50 %', '50 to 90 %', 'above 90 %']
    """
    return "below 50 %" if share < 0.5 else "50 to 90 %" if share < 0.9 else "above 90 %"


def in_ranges(sizes: Sequence[int], *, most: int | None = None) -> str:
    """Sizes in order, runs of neighbours shortened; of more than ``most`` runs the first ones and the last.

    >>> in_ranges([3, 4, 7, 19, 20, 21]), in_ranges([]), in_ranges(range(0, 99, 2), most=4)
    ('3 to 4, 7, 19 to 21', 'none', '0, 2, 4, …, 98 (50 in all)')
    """
    runs: list[list[int]] = []
    for size in sizes:
        if runs and runs[-1][-1] == size - 1:
            runs[-1][1:] = [size]
        else:
            runs.append([size])
    words = [" to ".join(map(str, run)) for run in runs]
    if most and len(runs) > most:
        words[most - 1 :] = ["…", f"{words[-1]} ({len(sizes)} in all)"]
    return ", ".join(words) or "none"


def seen_in_words(pixels: Sequence[int], word: str = "pixel") -> str:
    """What is read of an image.

    >>> seen_in_words([0, 2, 4], "column"), seen_in_words([3]), seen_in_words([])
    ('columns 0, 2, 4', 'pixel 3', 'padding only')
    """
    return f"{word}{'s' * (len(pixels) > 1)} {in_ranges(pixels, most=8)}" if pixels else "padding only"


def listed(sizes: Sequence[int], *, most: int) -> str:
    """Sizes one by one, or how many there are if there are more than ``most``.

    >>> listed([3, 4], most=4), listed(range(12), most=4), listed([], most=4)
    ('3, 4', '12 sizes', 'no size')
    """
    return f"{len(sizes)} sizes" if len(sizes) > most else ", ".join(map(str, sizes)) or "no size"


def counted(number: int, word: str) -> str:
    """A number and its word, in the plural unless there is one.

    >>> counted(1, "row"), counted(0, "row")
    ('1 row', '0 rows')
    """
    return f"{number} {word}{'' if number == 1 else 's'}"


def minus(numbers: str) -> str:
    """Numbers with minus signs that are as wide as a plus.

    >>> minus("-3, 3")
    '−3, 3'
    """
    return numbers.replace("-", "−")


def bracketed(shape: Sequence[int] | None) -> str:
    """A shape as PyTorch's users write it; a question mark where it is not known.

    >>> bracketed((1, 3, 32, 32)), bracketed([8]), bracketed(None)
    ('(1, 3, 32, 32)', '(8)', '?')
    """
    return "?" if shape is None else f"({', '.join(map(str, shape))})"


def conv_arguments(default_stride: int = 1, /, **arguments: object) -> str:
    """The arguments of a convolution as code, without those at PyTorch's defaults (one number, or two alike).

    Args:
        default_stride: 1 for a convolution; a pooling's is its kernel size.
        arguments: ``kernel_size``, ``stride``, ``padding``, ``dilation``, and ``output_padding`` on the way up,
            each a number or (height, width).

    >>> conv_arguments(kernel_size=2, stride=1, padding=(2, 0), dilation=(1, 1))
    'kernel_size=2, padding=(2, 0)'
    """
    defaults = {"stride": default_stride, "padding": 0, "dilation": 1, "output_padding": 0}
    return ", ".join(
        f"{name}={value}"
        for name, value in arguments.items()
        if name not in defaults or value not in (defaults[name], (defaults[name],) * 2)
    )
