"""Questions of notebook 00 (layer L0)."""

from skiplib.arithmetic import ConvGeometry
from skiplib.chains import sizes
from skiplib.exercises import Judge, number, numbers

_CONV = ConvGeometry(kernel_size=2, stride=2, padding=2)
_AFTER_FIRST, _AFTER_SECOND = sizes(32, [_CONV, _CONV])[1:]
_FORGOT_ONE = ((32 + 4 - 2) // 2 + 4 - 2) // 2  # the formula, both times without its + 1
_OTHER = next(size for size in _CONV.input_sizes(_AFTER_FIRST) if size != 32)

QUESTIONS: dict[str, Judge] = {
    "branch_shape": numbers(
        (1, 3, _AFTER_SECOND, _AFTER_SECOND),
        reason=f"The branch turns 32 into {_AFTER_FIRST} and then into {_AFTER_SECOND}. The next cells show it.",
        hint="One convolution at a time: how long is it padded, and how many windows of 2 fit, laid side by side?",
        mistakes=[
            ((1, 3, 32, 32), "That is what the article prints. Run the next cells and see what the machine says."),
            ((1, 3, 16, 16), "One stride of 2 does halve 32. But there are two convolutions, and both pad."),
            ((1, 3, 8, 8), "Two strides of 2 do quarter 32, but every convolution also pads 2 pixels on each side."),
            (
                (1, 3, _FORGOT_ONE, _FORGOT_ONE),
                "This comes out if padding counts once (it stands on both sides), or without the first window.",
            ),
            (
                (1, 3, _AFTER_FIRST, _AFTER_FIRST),
                "That is the size after the first convolution; a second one follows.",
            ),
            (
                (1, 6, _AFTER_FIRST, _AFTER_FIRST),
                "That is the shape after the first convolution; a second one follows.",
            ),
            ((1, 6, _AFTER_SECOND, _AFTER_SECOND), "The sizes are right; the second convolution gives 3 channels."),
        ],
    ),
    "dimension": number(
        2,
        reason="N, C, H, W are dimensions 0, 1, 2, 3. The widths agree, so the height is the first to differ.",
        hint="Count N, C, H, W from 0. PyTorch compares from the last dimension to the first.",
        mistakes=[
            (3, "Dimension 3 is the width, and the widths are equal here."),
            (1, "Dimension 1 is the channels: both have 3."),
            (-2, "The right place, but PyTorch's message counts from the front, starting at 0."),
        ],
    ),
    "other_size": number(
        _OTHER,
        reason=f"{_OTHER} + 4 = {_OTHER + 4} leaves one column that no window reaches, so the output stays the same.",
        hint="Move `input_size` in the explorer and watch for the output 18.",
        mistakes=[
            (32, "That is the size it started with; which other one gives 18?"),
            (31, "With 31 pixels the last window no longer fits: 17."),
            (34, "With 34 pixels one more window fits: 19."),
        ],
    ),
}
