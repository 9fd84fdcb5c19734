"""What may be added to what: the rule of ``+``, PyTorch's words for it, and an add that stretches nothing (layer L0).

The rule is PyTorch's "Broadcasting semantics": sizes are compared from the last axis on.
"""

from collections.abc import Sequence
from typing import Any, Literal

Verdict = Literal["equal", "broadcast", "error"]


def add_verdict(identity_shape: Sequence[int], residual_shape: Sequence[int]) -> Verdict:
    """What ``+`` makes of two shapes: an equal add, one that stretches sizes of 1, or an error.

    >>> add_verdict((8, 1, 28, 28), (8, 16, 28, 28)), add_verdict((3, 32), (3, 11))
    ('broadcast', 'error')
    """
    if tuple(identity_shape) == tuple(residual_shape):
        return "equal"
    return "error" if add_message(identity_shape, residual_shape) else "broadcast"


def add_message(a: Sequence[int], b: Sequence[int]) -> str:
    """What PyTorch says to ``a + b`` of two shapes that do not fit, word by word; empty if they do.

    >>> add_message((1, 3, 32, 32), (1, 3, 11, 11))
    'The size of tensor a (32) must match the size of tensor b (11) at non-singleton dimension 3'
    """
    last = max(len(a), len(b)) - 1
    for back, (here, there) in enumerate(zip(reversed(a), reversed(b), strict=False)):
        if here != there and 1 not in (here, there):
            sizes = f"The size of tensor a ({here}) must match the size of tensor b ({there})"
            return f"{sizes} at non-singleton dimension {last - back}"
    return ""


def checked_add(identity: Any, residual: Any) -> Any:
    """``identity + residual``, tensors or arrays; a ``ValueError`` unless their shapes are equal.

    >>> import torch
    >>> checked_add(torch.ones(8, 1, 28, 28), torch.ones(8, 16, 28, 28))
    Traceback (most recent call last):
    ValueError: `identity` (8, 1, 28, 28) and `residual` (8, 16, 28, 28) differ on axis 1 (1 against 16); \
`+` would broadcast them without a word
    """
    here, there = tuple(identity.shape), tuple(residual.shape)
    if here == there:
        return identity + residual
    pairs = enumerate(zip(here, there, strict=False))
    where = " and ".join(f"on axis {axis} ({a} against {b})" for axis, (a, b) in pairs if a != b)
    if len(here) != len(there):
        where = f"in their number of axes ({len(here)} against {len(there)})"
    consequence = "cannot add them" if add_message(here, there) else "would broadcast them without a word"
    raise ValueError(f"`identity` {here} and `residual` {there} differ {where}; `+` {consequence}")
