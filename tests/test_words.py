import math
from dataclasses import asdict
from itertools import product

import pytest
from torch import nn

from skiplib.arithmetic import ConvGeometry
from skiplib.words import conv_arguments, in_ranges, listed, magnitude, minus, seen_in_words, share_in_words, shown


def test_magnitude_is_the_nearest_power_of_ten():
    said = [magnitude(value) for value in (2e-7, 4e-7, 0.5, 4, 40, 0, math.inf, math.nan)]
    assert said == ["1e-7", "1e-6", "1", "10", "1e2", "0", "infinity", "not a number"]


@pytest.mark.parametrize(
    ("share", "words"),
    [(0.499, "below 50 %"), (0.5, "50 to 90 %"), (0.899, "50 to 90 %"), (0.9, "above 90 %"), (1.0, "above 90 %")],
)
def test_shares_in_words_change_at_50_and_90_percent(share, words):
    assert share_in_words(share) == words


@pytest.mark.parametrize("numbers", list(product((1, 3), (1, 2, 3), (0, 1), (1, 2))))
def test_arguments_as_code_make_the_same_layer(numbers):
    geometry = asdict(ConvGeometry(*numbers))
    code = f"nn.Conv2d(3, 6, {conv_arguments(**geometry)})"
    made = eval(code, {"nn": nn})
    assert {name: getattr(made, name) for name in geometry} == {name: (each,) * 2 for name, each in geometry.items()}
    assert all((f"{name}=" in code) == (geometry[name] != least) for name, least in (("stride", 1), ("padding", 0)))
    pooled = eval(
        f"nn.AvgPool2d({conv_arguments(geometry['kernel_size'], **geometry | {'dilation': 1})})", {"nn": nn}
    )
    assert (pooled.kernel_size, pooled.stride, pooled.padding) == tuple(geometry.values())[:3]


def test_arguments_that_differ_by_axis_are_written_out():
    assert conv_arguments(kernel_size=(3, 5), stride=(1, 2), padding=(0, 0)) == "kernel_size=(3, 5), stride=(1, 2)"
    assert conv_arguments(kernel_size=3, output_padding=(0, 0)) == "kernel_size=3"
    assert conv_arguments(kernel_size=3, output_padding=1) == "kernel_size=3, output_padding=1"


def test_sizes_are_listed_until_there_are_too_many():
    assert [listed(range(n), most=2) for n in range(4)] == ["no size", "0", "0, 1", "3 sizes"]
    assert in_ranges([1, 2, 4, 6, 7, 8]) == "1 to 2, 4, 6 to 8" and in_ranges([]) == "none"
    assert minus("-12 to 7") == "−12 to 7"


def test_ranges_are_shortened_only_where_there_are_more_than_may_be():
    assert in_ranges(range(0, 16, 2), most=8) == "0, 2, 4, 6, 8, 10, 12, 14"
    assert in_ranges([*range(0, 16, 2), 17, 18], most=8) == "0, 2, 4, 6, 8, 10, 12, …, 17 to 18 (10 in all)"
    assert seen_in_words(range(0, 40, 2)) == "pixels 0, 2, 4, 6, 8, 10, 12, …, 38 (20 in all)"


class Says(str):
    """A string with a ``repr`` of its own, or none."""

    def __repr__(self):
        return Says(self) if str(self) else 1 / 0

    def __len__(self):
        return 0


@pytest.mark.parametrize(
    ("value", "line"),
    [
        (nn.Sequential(nn.ReLU()), "Sequential( (0): ReLU() )"),
        (object(), "<object object>"),
        ("a" * 38, f"'{'a' * 38}'"),
        ("a" * 39, f"'{'a' * 38}…"),
        ([10**4400], "<list>"),
        (type("A" * 99, (), {"__repr__": None})(), f"<{'A' * 38}…"),
    ],
    ids=range(6),
)
def test_any_value_is_shown_in_one_short_line(value, line):
    assert shown(value) == line and len(line) <= 40


def test_what_is_shown_is_a_plain_string():
    assert shown(Says("one\n two")) == "one two" and type(shown(Says("one"))) is str
    assert shown(Says("")) == "<Says>" and shown(ValueError("no"), str, most=2) == "no"
    assert shown(-(10**4400)) == "<int>"


@pytest.mark.parametrize("error", [KeyboardInterrupt, GeneratorExit])
def test_interruption_gets_through_what_shows(error):
    def interrupted(value):
        raise error

    with pytest.raises(error):
        shown(1, interrupted)
