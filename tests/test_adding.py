import re
from itertools import product

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from skiplib.adding import add_message, add_verdict, checked_add

BROADCASTS = [
    ((1, 3, 32, 1), (1, 3, 1, 32), (1, 3, 32, 32)),
    ((8, 16, 1, 1), (8, 16, 8, 8), (8, 16, 8, 8)),
    ((1, 16, 8, 8), (8, 16, 8, 8), (8, 16, 8, 8)),
    ((8, 1, 28, 28), (8, 16, 28, 28), (8, 16, 28, 28)),
    ((8, 1), (8,), (8, 8)),
]


@pytest.mark.parametrize("here, there, out", BROADCASTS)
def test_plus_broadcasts_without_a_word_and_the_checked_add_does_not(here, there, out):
    assert (torch.zeros(here) + torch.zeros(there)).shape == out
    for one, other in ((here, there), (there, here)):
        with pytest.raises(ValueError, match=r"`\+` would broadcast them without a word$"):
            checked_add(torch.zeros(one), torch.zeros(other))


@pytest.mark.parametrize("here, there", [((8, 16), (8, 16, 4, 4)), ((1, 3, 32, 32), (1, 3, 11, 11))])
def test_plus_refuses_what_cannot_be_broadcast_and_so_does_the_checked_add(here, there):
    with pytest.raises(RuntimeError, match="must match the size"):
        torch.zeros(here) + torch.zeros(there)
    with pytest.raises(ValueError, match=r"`\+` cannot add them$"):
        checked_add(torch.zeros(here), torch.zeros(there))


@pytest.mark.parametrize(
    ("here", "there", "message"),
    [
        (
            (8, 1, 28, 28),
            (8, 16, 28, 28),
            "`identity` (8, 1, 28, 28) and `residual` (8, 16, 28, 28) differ on axis 1",
        ),
        (
            (1, 3, 32, 32),
            (1, 3, 11, 11),
            "differ on axis 2 (32 against 11) and on axis 3 (32 against 11); `+`",
        ),
        ((8, 1), (8,), "`identity` (8, 1) and `residual` (8,) differ in their number of axes (2 against 1)"),
    ],
)
def test_checked_add_names_shapes_and_axes(here, there, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        checked_add(torch.zeros(here), torch.zeros(there))


def test_verdict_is_pytorchs():
    shapes = [shape for rank in range(4) for shape in product((0, 1, 2, 3), repeat=rank)]
    for here, there in product(shapes, repeat=2):
        try:
            out = torch.broadcast_shapes(here, there)
        except RuntimeError:
            out = None
        expected = "error" if out is None else "equal" if here == there else "broadcast"
        assert add_verdict(here, there) == expected, (here, there)


@pytest.mark.parametrize("shape", [(), (3,), (2, 3, 4, 5), (0, 3)])
def test_checked_add_of_equal_shapes_is_plus(shape):
    a, b = torch.rand(shape), torch.rand(shape)
    assert torch.equal(checked_add(a, b), a + b)


shapes = st.lists(st.sampled_from([0, 1, 2, 3, 5]), max_size=5)


@given(shapes, shapes)
def test_message_is_pytorchs_word_by_word(a, b):
    try:
        torch.zeros(a) + torch.zeros(b)
        said = ""
    except RuntimeError as error:
        said = str(error)
    assert add_message(a, b) == said
