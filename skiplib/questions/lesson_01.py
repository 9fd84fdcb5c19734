"""Questions of notebook 01: output sizes (layer L0)."""

import math

from skiplib.arithmetic import ConvGeometry, output_size, parameter_count, transposed_output_size
from skiplib.chains import compose, sizes
from skiplib.exercises import Feedback, Judge, choice, function, number, numbers, right, wrong

_PUBLISHED = ConvGeometry(kernel_size=2, stride=2, padding=2)
_FIVE = {
    "A": (8, ConvGeometry(3)),
    "B": (8, ConvGeometry(3, stride=2)),
    "C": (8, ConvGeometry(3, stride=2, padding=1)),
    "D": (9, ConvGeometry(3, stride=3)),
    "E": (9, ConvGeometry(1, stride=2)),
}
_TIMED = 24, ConvGeometry(kernel_size=5, stride=2, padding=4, dilation=3)
_FORGOT_ONE = "One too few: the window at the very start counts as well. Places are steps plus 1."
_ROUNDED_UP = "You rounded up. A window that hangs over the end does not count, so the division rounds down."
_PADDED_ONCE = "You counted the padding once. PyTorch adds it on both sides: n + 2p."
_NO_SPAN = "You used the number of taps, k. With dilation the window spans d·(k − 1) + 1 pixels."


def size_mistakes(input_size: int, geometry: ConvGeometry) -> list[tuple[int, str]]:
    """The output sizes that well-known slips lead to, each with its name.

    >>> [size for size, _ in size_mistakes(7, ConvGeometry(3, padding=1))]
    [6, 6, 5]
    """
    kernel, span = geometry.kernel_size, geometry.effective_kernel_size
    stride, padding = geometry.stride, geometry.padding
    room = input_size + 2 * padding - span
    slips = [
        (room // stride, _FORGOT_ONE),
        (-(-room // stride) + 1, _ROUNDED_UP),
        ((room - padding) // stride + 1, _PADDED_ONCE),
        ((room + span - kernel) // stride + 1, _NO_SPAN),
        ((room - 2 * padding) // stride + 1, "You left the padding out."),
        (room + 1, "You left the stride out: the window moves several pixels at a time."),
        (input_size, "Nothing promises that the size stays. Count the places."),
    ]
    return [(size, why) for size, why in slips if size != geometry.output_size(input_size)]


def size_question(input_size: int, geometry: ConvGeometry, *, reason: str) -> Judge:
    """A question for one output size, with every slip that leads to another number."""
    return number(
        geometry.output_size(input_size),
        reason=reason,
        hint="Find the last pixel where a window may begin, divide by the stride, and add the first window.",
        mistakes=[
            *size_mistakes(input_size, geometry),
            (
                input_size // geometry.kernel_size,
                "You laid windows side by side. They move by the stride, so they may overlap.",
            ),
        ],
    )


def _keeps(answer: object) -> Feedback:
    """Judge a (kernel_size, stride, padding): larger than one pixel, and every size stays."""
    shape = "The answer is a tuple (kernel_size, stride, padding) of whole numbers, such as (2, 2, 2)."
    if not isinstance(answer, (tuple, list)) or len(answer) != 3:
        return wrong(shape)
    try:
        geometry = ConvGeometry(*answer)
        chain = sizes(32, [geometry, geometry])
    except TypeError:
        return wrong(shape)
    except ValueError as error:
        return wrong(f"PyTorch refuses this: {error}.")
    if geometry.kernel_size == 1:
        return wrong("A 1×1 kernel with padding 0 would keep sizes but sees no neighbours. Take a larger kernel.")
    if geometry.stride > 1:
        return wrong(
            f"Stride {geometry.stride} leaves about one place in {geometry.stride}; only small images can survive."
        )
    if geometry.kernel_size % 2 == 0:
        return wrong("An even kernel needs k − 1 extra pixels, an odd number. Padding adds the same on both sides.")
    if not geometry.keeps_every_size:
        return wrong(f"Here 32 pixels become {chain[1]} and then {chain[2]}.")
    return right(
        f"Padding {geometry.padding} on each side makes up for the {geometry.kernel_size - 1} places that are lost."
    )


def _places(input_size: int, kernel_size: int, stride: int, padding: int, dilation: int, sides: int = 2) -> float:
    return (input_size + sides * padding - dilation * (kernel_size - 1) - 1) / stride + 1


_HALF = ConvGeometry(kernel_size=3, stride=2, padding=1)
_receptive = compose([_HALF, _HALF]).kernel_size
_wasteful = {name for name, (size, geometry) in _FIVE.items() if geometry.unread_pixels(size)}
_same_kernels = {k for k in range(1, 8) if any(ConvGeometry(k, padding=p).keeps_every_size for p in range(8))}
_kept = {n for n in range(1, 200) if sizes(n, [_PUBLISHED] * 2)[-1] == n}
_halving = next(p for p in range(4) if all(output_size(n, 4, stride=2, padding=p) == n // 2 for n in (8, 20, 32)))

QUESTIONS: dict[str, Judge] = {
    "places": size_question(
        7,
        ConvGeometry(3),
        reason="The window may begin at pixels 0 to 4: that is 7 − 3 = 4 steps, plus the first place.",
    ),
    "padded": size_question(
        7, ConvGeometry(3, padding=2), reason="The strip is 7 + 2·2 = 11 long, and 11 − 3 + 1 windows find room."
    ),
    "wasteful": choice(
        _wasteful,
        options=_FIVE,
        reason="B never reaches its last pixel; E steps over every second one. What C leaves over is padding.",
        hint="For each setting ask: which pixels does no window read? Look past the last window and between windows.",
        mistakes=[
            ({"B"}, "B is one. But a pixel can also be lost between two windows."),
            ({"B", "C"}, "C leaves one position over, but what is it? And look between windows, too."),
            ({"B", "C", "E"}, "C does leave one position over. Is it a pixel of the image?"),
            ({"C", "E"}, "What C leaves over is padding. And look at the last pixel of B."),
            ({"B", "D", "E"}, "9 pixels are three windows of 3 side by side: D leaves nothing over."),
            ({"B", "C", "D", "E"}, "D leaves nothing over, and what C leaves over: is it a pixel of the image?"),
            ({"E"}, "E is one. Now look past the last window of each setting."),
            (set(), "Some do. Look past the last window and between windows."),
        ],
    ),
    "span": number(
        ConvGeometry(3, dilation=2).effective_kernel_size,
        reason="Three taps with one pixel between neighbours: positions 0, 2 and 4.",
        hint="Put the taps on a strip: one at 0, the next `dilation` pixels on, and so forth. Count both ends.",
        mistakes=[
            (6, "k·d counts a gap after the last tap, too. There are only k − 1 steps between taps."),
            (3, "Three is the number of taps. The window is wider than that: there are holes in it."),
            (4, "That is the distance from the first tap to the last. Count both end pixels."),
        ],
    ),
    "axes": numbers(
        (output_size(12, 3, stride=3), output_size(20, 5, stride=4, padding=1)),
        reason="Height: ⌊(12 − 3)/3⌋ + 1. Width: ⌊(20 + 2 − 5)/4⌋ + 1. Two separate sums.",
        hint="Do the height with the first number of every pair, then the width with the second.",
        mistakes=[
            (
                (output_size(20, 5, stride=4, padding=1), output_size(12, 3, stride=3)),
                "The numbers are right, but the height comes first in PyTorch.",
            ),
            ((4, 6), "You rounded the width up. A window that hangs over the end does not count."),
            ((3, 4), "One too few on each axis: the first window counts as well."),
            ((output_size(12, 3, stride=3), output_size(20, 5, stride=4)), "You left out the width's padding."),
        ],
    ),
    "same": choice(
        _same_kernels,
        options=range(1, 8),
        reason="At stride 1 the padding must add k − 1 pixels, half on each side, so k − 1 is even.",
        hint="At stride 1 the output has n + 2p − k + 1 places. When is that n?",
        mistakes=[
            (set(range(1, 8)), "Try kernel 2: it needs one extra pixel, and padding adds two at a time."),
            (_same_kernels - {1}, "Almost. A kernel of 1 keeps every size, too, with padding 0."),
            (_same_kernels - {7}, "Those do. One more does, as well."),
            ({3}, "3 with padding 1 is the famous one. Others work in the same way."),
            ({2, 4, 6}, "The other way round: an even kernel needs an odd number of extra pixels."),
        ],
    ),
    "kept": choice(
        _kept,
        options=range(1, 200),
        reason="⌊n/4⌋ + 3 equals n for these two only. The block is fine for images of 3 or 4 pixels.",
        hint="Write down what both convolutions make of n, and compare it with n. Begin with small images.",
        mistakes=[
            (set(), "Large images shrink, but tiny ones grow. In between something stays the same."),
            ({4}, "4 stays. One more size does."),
            ({3}, "3 stays. One more size does."),
            ({1, 3, 4}, "3 and 4 stay. But 1 becomes 3: an add would stretch it, and the size is not kept."),
            ({11}, "11 is what 32 becomes. Feed it in again: 11 becomes 5."),
        ],
    ),
    "receptive_field": number(
        _receptive,
        reason="Three neighbours after the first convolution start 2 pixels apart and span 3 each: 3 + (3 − 1)·2.",
        hint="One output reads 3 pixels of the middle strip. Which pixels of the image do those three read?",
        mistakes=[
            (3, "That is what one convolution sees. The second looks at three outputs of the first."),
            (5, "k + k − 1 holds for stride 1. Here the windows below stand 2 pixels apart."),
            (9, "Three windows of 3 would be 9 pixels side by side. But they start 2 apart, so they overlap."),
            (4, "That is the published branch. Here the kernel is 3."),
        ],
    ),
    "going_back": number(
        transposed_output_size(6, 3, stride=2, padding=1),
        reason="(6 − 1)·2 + 3 − 2·1: the smallest size that the convolution turns into 6.",
        hint="Windows begin every 2 pixels: where does the last of 6 end, and how much of that is padding?",
        mistakes=[
            (12, "12 becomes 6 as well. Without output_padding the smaller of the two comes back."),
            (13, "That is the padded size. Padding is cropped off again, on both sides."),
            (3, "That is the way down. A transposed convolution goes up."),
        ],
    ),
    "cost": number(
        parameter_count(3, 6, 2),
        reason="6 filters of 3·2·2 weights, and 6 biases. The image's size plays no part.",
        hint="How many numbers does one filter hold, how many filters are there, and what else is added?",
        mistakes=[
            (72, "Those are the weights. Every filter has a bias, too."),
            (30, "Each filter reads all 3 input channels."),
            (42, "The kernel is 2 wide and 2 high: 4 weights for each input channel."),
            (73, "There is one bias for every output channel, not one for all."),
        ],
    ),
    "timed": size_question(
        *_TIMED, reason="The window spans 13. ⌊(24 + 8 − 13)/2⌋ = ⌊19/2⌋ = 9, plus the first window."
    ),
    "formula": function(
        output_size,
        [
            {"input_size": n, "kernel_size": k, "stride": s, "padding": p, "dilation": d}
            for n in (15, 16, 32, 33)
            for k in (1, 2, 3, 5)
            for s in (1, 2, 3)
            for p in (0, 1, 2)
            for d in (1, 2)
        ],
        reason="It agrees with PyTorch's formula.",
        hint="Work that one out by hand, or set it in the explorer.",
        mistakes=[
            (lambda **setting: output_size(**setting) - 1, _FORGOT_ONE),
            (lambda **setting: _places(**setting), "Places are whole: divide with //, which rounds down."),
            (lambda **setting: math.ceil(_places(**setting)), _ROUNDED_UP),
            (lambda **setting: math.floor(_places(**setting, sides=1)), _PADDED_ONCE),
            (lambda **setting: output_size(**setting | {"dilation": 1}), _NO_SPAN),
        ],
    ),
    "halving": number(
        _halving,
        reason="n + 2 − 4 = n − 2, halved is n/2 − 1, plus the first place: n/2.",
        hint="Put n = 8 into the formula with padding 0, 1, 2 and 3.",
        mistakes=[
            (2, "With padding 2, 8 becomes 5: one too many. Padding counts on both sides."),
            (0, "With padding 0, 8 becomes 3: one too few."),
        ],
    ),
    "keeping": _keeps,
}
