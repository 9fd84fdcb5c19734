"""What may be added to what: the rule of ``+``, and an add that stretches nothing (layer L1, torch)."""

from collections.abc import Sequence
from typing import Literal

from torch import Tensor


def checked_add(identity: Tensor, residual: Tensor) -> Tensor:
    """``identity + residual``, but only of equal shapes: nothing is broadcast.

    Shape:
        (*) and the same (*) -> (*)

    Raises:
        ValueError: if the shapes differ, whether ``+`` would fail or broadcast.

    >>> import torch
    >>> checked_add(torch.ones(8, 1, 28, 28), torch.ones(8, 16, 28, 28))
    Traceback (most recent call last):
    ValueError: `identity` (8, 1, 28, 28) and `residual` (8, 16, 28, 28) differ on axis 1 (1 against 16); \
`+` would broadcast them without a word
    """
    here, there = tuple(identity.shape), tuple(residual.shape)
    verdict = add_verdict(here, there)
    if verdict == "equal":
        return identity + residual
    pairs = enumerate(zip(here, there, strict=False))
    where = " and ".join(f"on axis {axis} ({a} against {b})" for axis, (a, b) in pairs if a != b)
    if len(here) != len(there):
        where = f"in their number of axes ({len(here)} against {len(there)})"
    consequence = "would broadcast them without a word" if verdict == "broadcast" else "cannot add them"
    raise ValueError(f"`identity` {here} and `residual` {there} differ {where}; `+` {consequence}")


def add_verdict(
    identity_shape: Sequence[int], residual_shape: Sequence[int]
) -> Literal["equal", "broadcast", "error"]:
    """What ``+`` makes of two shapes: an equal add, one that stretches sizes of 1, or an error.

    >>> add_verdict((8, 1, 28, 28), (8, 16, 28, 28)), add_verdict((3, 32), (3, 11))
    ('broadcast', 'error')
    """
    if tuple(identity_shape) == tuple(residual_shape):
        return "equal"
    pairs = zip(reversed(identity_shape), reversed(residual_shape), strict=False)  # compared from the last axis on
    return "broadcast" if all(a == b or 1 in (a, b) for a, b in pairs) else "error"
