"""How many examples a test tries: 200, or 20,000 with ``make thorough``; and fewer where each costs a lot."""

from math import isqrt

from hypothesis import settings


def slow(examples):
    """Settings for a dear test: so many examples, and ten times as many where others try a hundred times as many."""
    return settings(max_examples=examples * isqrt(settings.default.max_examples // 200))
