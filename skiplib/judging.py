"""What a learner's module gives on the skip, and where it looks: with images of random numbers (layer L1, torch).

The two sides of an add look at the same place as ``Shortcut.aligned`` means it: the middles of what they read are at
most half a pixel apart. Faults are raised as sentences for the learner.
"""

from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from skiplib.adding import add_verdict
from skiplib.answers import Fault, raised
from skiplib.arithmetic import ConvGeometry
from skiplib.words import FAULTS

Skip = Callable[[Tensor], Any]  # a module or a function


def apart(answer: Skip) -> Skip:
    """A copy to run, since running may change a module; a function, or what cannot be copied, is run itself."""
    try:
        return deepcopy(answer).to("cpu", torch.float32).eval() if isinstance(answer, nn.Module) else answer
    except NotImplementedError:  # PyTorch would compute with whatever there is in memory
        raise Fault("Its weights have no values: they are on the meta device.") from None
    except FAULTS:  # it may hold anything
        return answer


def _carried(shortcut: Skip, x: Tensor) -> Tensor:
    """What the shortcut makes of x; a ``Fault`` where it is of no use."""
    given = x.clone()
    try:  # what a learner's module returns may raise, too
        identity = shortcut(given)
        if not isinstance(identity, Tensor) or identity.is_complex():
            raise Fault("The shortcut must return one tensor, of real numbers.")
        if not torch.equal(given, x):
            raise Fault("It writes over x, which the branch reads, too: see section 6.")
        if not torch.isfinite(identity).all():
            raise Fault("It gives numbers that are not finite.")
        return identity.detach().to("cpu", torch.float32)
    except FAULTS as error:
        said = Fault(f"At size {x.shape[2]} your shortcut raised {raised(error)}.")
        raise (error if type(error) is Fault else said) from None


def check_shapes(shortcut: Skip, convolutions: nn.Module, channels: int, sizes: Sequence[int], hint: str) -> None:
    """Raise a ``Fault`` unless the shapes at the add are equal at every size."""
    failures: list[tuple[int, tuple[int, ...], tuple[int, ...]]] = []
    for size in sizes:
        x = torch.randn(2, channels, size, size + 4, dtype=torch.float32)  # two images, and not square
        here, there = tuple(_carried(shortcut, x).shape), tuple(convolutions(x).shape)
        verdict = add_verdict(here, there)
        if verdict == "broadcast" and not failures:
            raise Fault(f"It runs, but {here} is stretched to {there}.")
        if verdict != "equal":
            failures.append((size, here, there))
    if failures:
        size, here, there = failures[0]
        fits = f"It fits {len(sizes) - len(failures)} of {len(sizes)} images, each 4 pixels wider than high."
        raise Fault(f"{fits} At height {size} the skip gives {here} and the branch {there}. {hint}")


def check_places(shortcut: Skip, whole: ConvGeometry, channels: int, size: int) -> None:
    """Raise a ``Fault`` unless both sides of the add look at the same place.

    Only outputs whose window in the branch, ``whole``, lies inside the image are compared: the others see padding.
    """
    x, other = torch.randn(2, 3, channels, size, size + 4, dtype=torch.float32)
    for axis, name in ((2, "row"), (3, "column")):
        for place, read in enumerate(_reads(shortcut, x, other, axis)):
            first = place * whole.stride - whole.padding
            last = first + whole.effective_kernel_size - 1
            if first < 0 or last >= x.shape[axis]:
                continue
            if not read:
                raise Fault(f"The shapes agree, but at size {size}, {name} {place} of the skip does not depend on x.")
            off = (read[0] + read[-1]) - (first + last)  # between the middles, in half pixels
            low, high = read[0] == 0, read[-1] == x.shape[axis] - 1
            # What is cut off at one border only may reach further there, into the padding.
            if (off > 1 and (high or not low)) or (off < -1 and (low or not high)):
                here, there = _span(name, read[0], read[-1]), _span(name, first, last)
                raise Fault(
                    f"The shapes agree at every size, the places do not: at size {size}, {name} {place} of the skip "
                    f"looks at {here} of the image, and that of the branch at {there} (counted from 0)."
                )


def is_option_a(shortcut: Skip, stride: int, in_channels: int, out_channels: int) -> bool:
    """Whether it keeps x as it is, at every ``stride``-th pixel, and fills the new channels with zeros."""
    x = torch.randn(2, in_channels, 8, 12, dtype=torch.float32)
    padded = F.pad(x[..., ::stride, ::stride], (0, 0, 0, 0, 0, out_channels - in_channels))
    return out_channels > in_channels and torch.equal(_carried(shortcut, x), padded)


def _span(name: str, first: int, last: int) -> str:
    return f"{name} {first}" if first == last else f"{name}s {first} to {last}"


def _reads(shortcut: Skip, x: Tensor, other: Tensor, axis: int) -> list[list[int]]:
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
        raise Fault(f"It makes {tuple(out.shape)} of {tuple(batch.shape)}.")
    out = out.reshape(pixels + 1, len(x), *out.shape[1:])
    difference = (out[1:] - out[0]).abs().amax((1, 2, 6 - axis))  # (pixels, places)
    return [(row > row.max() / 10).nonzero().flatten().tolist() for row in difference.T]
