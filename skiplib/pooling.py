"""Sizes of poolings, and what an average pooling makes of its padding (layer L0).

The rules are those in the documentation of PyTorch's ``MaxPool2d`` and ``AvgPool2d``.
"""

from dataclasses import dataclass
from typing import Literal

from skiplib.arithmetic import ConvGeometry, checked_integer, checked_word


@dataclass(frozen=True)
class PoolGeometry(ConvGeometry):
    """Where the windows of a pooling stand along one axis: as those of a convolution, with rules of its own.

    The stride is the kernel size unless given, and the padding at most half the kernel. With ``ceil_mode`` a last
    window may hang over the end, if it begins inside the image or the padding before it.

    >>> PoolGeometry(3, stride=2).output_size(6), PoolGeometry(3, stride=2, ceil_mode=True).output_size(6)
    (2, 3)
    """

    stride: int = None  # type: ignore[assignment]
    mode: Literal["max", "average"] = "max"
    ceil_mode: bool = False

    def __post_init__(self) -> None:
        if self.stride is None:
            object.__setattr__(self, "stride", self.kernel_size)
        super().__post_init__()
        checked_word("mode", self.mode, ("max", "average"))
        if self.mode == "average" and self.dilation > 1:
            raise ValueError(f"`dilation` must be 1 in an average pooling; got {self.dilation}")

    @property
    def name(self) -> str:
        """What it is, in a word or two."""
        return f"{self.mode} pool"

    @property
    def reach(self) -> int:
        """As for a convolution; a ``ValueError`` with more padding than PyTorch lets a pooling have."""
        if self.padding > self.kernel_size // 2:
            half = f"half of `kernel_size`={self.kernel_size}"
            raise ValueError(f"`padding` of a pooling is at most {half}; got {self.padding}")
        return min(super().reach + self.stride - 1, self.padding - 1) if self.ceil_mode else super().reach

    def shares(self, input_size: int) -> list[float]:
        """What an average pooling makes of ones: of all that its mean divides by, the share that is image.

        >>> [round(share, 2) for share in PoolGeometry(7, stride=3, padding=3, ceil_mode=True).shares(9)]
        [0.57, 1.0, 0.86, 0.5]
        """
        input_size = checked_integer("input_size", input_size, 1)
        starts = range(-self.padding, input_size + self.padding, self.stride)[: self.output_size(input_size)]
        ends = [(start, start + self.kernel_size) for start in starts]
        padded = input_size + self.padding
        return [(min(end, input_size) - max(start, 0)) / (min(end, padded) - start) for start, end in ends]
