"""How many examples a test tries: 200, or 20,000 with ``make thorough``; and fewer where each costs a lot."""

from math import isqrt

from hypothesis import settings
from hypothesis import strategies as st

# For what few examples are made of many draws: Hypothesis makes most lists from the one before, by a change or two.
RANDOM = st.randoms(use_true_random=True)


def slow(examples):
    """Settings for a dear test: so many examples, and ten times as many where others try a hundred times as many."""
    return settings(max_examples=examples * isqrt(settings.default.max_examples // 200))
