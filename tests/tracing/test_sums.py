"""Every sum against PyTorch: the size, and the words when it refuses."""

import re

import pytest
import torch
from effort import slow
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from skiplib.tracing.sums import along, axes_of
from skiplib.tracing.tracer import trace

small = st.integers(1, 5)


def per_axis(numbers, axes):
    """One number for all axes, or one for each."""
    return st.one_of(numbers, st.tuples(*[numbers] * axes))


def conv(axes, draw):
    padding = draw(st.one_of(per_axis(st.integers(0, 4), axes), st.just("valid"), st.just("same")))
    stride = 1 if padding == "same" else draw(per_axis(small, axes))
    kernel, dilation = draw(per_axis(small, axes)), draw(per_axis(st.integers(1, 3), axes))
    return getattr(nn, f"Conv{axes}d")(1, 2, kernel, stride, padding, dilation)


def transposed(axes, draw):
    numbers = (draw(per_axis(each, axes)) for each in (small, small, st.integers(0, 3), st.integers(0, 3)))
    kernel, stride, padding, extra = numbers
    dilation = draw(st.integers(1, 3))
    return getattr(nn, f"ConvTranspose{axes}d")(1, 1, kernel, stride, padding, extra, dilation=dilation)


def max_pool(axes, draw):
    kernel, stride = draw(per_axis(small, axes)), draw(st.one_of(st.none(), per_axis(small, axes)))
    padding, dilation = draw(per_axis(st.integers(0, 2), axes)), draw(per_axis(st.integers(1, 2), axes))
    return getattr(nn, f"MaxPool{axes}d")(kernel, stride, padding, dilation, ceil_mode=draw(st.booleans()))


def avg_pool(axes, draw):
    kernel, stride = draw(per_axis(small, axes)), draw(st.one_of(st.none(), per_axis(small, axes)))
    padding = draw(per_axis(st.integers(0, 2), axes))
    return getattr(nn, f"AvgPool{axes}d")(kernel, stride, padding, ceil_mode=draw(st.booleans()))


def adaptive(axes, draw):
    kind = draw(st.sampled_from(("Avg", "Max")))
    return getattr(nn, f"Adaptive{kind}Pool{axes}d")(
        draw(st.one_of(small, st.tuples(*[st.one_of(st.none(), small)] * axes)))
    )


def resized(axes, draw):
    if draw(st.booleans()):
        return nn.Upsample(size=draw(per_axis(small, axes)))
    return nn.Upsample(scale_factor=draw(st.sampled_from((0.5, 1.5, 2, 120 / 88, 800 / 199, 1.8))))


def padded(axes, draw):
    pairs = draw(st.lists(st.integers(-2, 3), min_size=2 * axes, max_size=2 * axes))
    return getattr(nn, f"ConstantPad{axes}d")(tuple(pairs), 0)


def unfold(axes, draw):
    numbers = {
        name: draw(per_axis(st.integers(0 if name == "padding" else 1, 3), 2))
        for name in ("dilation", "padding", "stride")
    }
    return nn.Unfold(draw(per_axis(small, 2)), **numbers)


def shuffled(axes, draw):
    return nn.PixelShuffle(2)


KINDS = {
    conv: (1, 2, 3), transposed: (1, 2, 3), max_pool: (1, 2, 3), avg_pool: (1, 2, 3), adaptive: (1, 2, 3),
    resized: (1, 2, 3), padded: (1, 2, 3), unfold: (2,), shuffled: (2,),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@slow(120)
@given(data=st.data())
def test_sum_gives_pytorchs_size_and_words(kind, data):
    axes = data.draw(st.sampled_from(KINDS[kind]))
    layer = kind(axes, data.draw)
    channels = 4 if kind is shuffled else 1
    shape = (1, channels, *data.draw(st.tuples(*[st.integers(1, 12)] * axes)))
    run = trace(layer, shape)
    try:
        expected = tuple(layer(torch.zeros(shape)).shape)
    except (RuntimeError, ValueError, TypeError) as error:
        assert run.error.endswith(str(error)) and run.output_shape is None
        return
    assert run.output_shape == expected
    (row,) = run.rows or [None]  # nothing is written down where a layer hands on its input
    if row is None:
        return
    steps = [along(row.function, row.call, shape, row.shape, axis) for axis in axes_of(row.function, shape)]
    if kind is unfold:
        assert expected[2] == torch.tensor([step.size for step in steps]).prod()
        assert row.sum.endswith(f"; {steps[0].size}·{steps[1].size} windows")
        return
    assert tuple(step.size for step in steps) == expected[2:]
    for step in steps:
        if step.sum:
            assert re.search(r"(?:= |→ )(\d+)", step.sum)[1]
            assert re.search(rf"(= |→ ){step.size}\b", step.sum)


@slow(150)
@given(data=st.data())
def test_sum_is_true_as_arithmetic(data):
    """The text itself, computed by Python, gives the size."""
    kind = data.draw(st.sampled_from((conv, transposed, max_pool, avg_pool)))
    layer = kind(1, data.draw)
    size = data.draw(st.integers(1, 40))
    run = trace(layer, (1, 1, size))
    if not run.error:
        said, _, result = run.rows[0].sum.partition(" = ")
        code = said.replace("·", "*").replace("−", "-")
        code = re.sub(r"⌊(.*)⌋", lambda found: f"math.floor({found[1]})", code)
        code = re.sub(r"⌈(.*)⌉", lambda found: f"math.ceil({found[1]})", code)
        assert eval(code, {"math": __import__("math")}) == run.output_shape[-1] == int(result.split(",")[0])


@pytest.mark.parametrize(
    ("layer", "shape", "expected"),
    [
        (nn.Conv2d(3, 6, 2, 2, 2), (1, 3, 32, 32), "⌊(32 + 2·2 − 2) / 2⌋ + 1 = 18"),
        (nn.Conv2d(1, 1, (3, 1)), (1, 1, 7, 9), "7 − 3 + 1 = 5; 9 − 1 + 1 = 9"),
        (nn.Conv1d(1, 1, 4, padding="same"), (1, 1, 9), "9 + 1 + 2 − 4 + 1 = 9"),
        (nn.Conv1d(1, 1, 3, padding=2, dilation=2), (1, 1, 9), "9 + 2·2 − (2·(3 − 1) + 1) + 1 = 9"),
        (nn.MaxPool2d(2), (1, 1, 5, 5), "⌊(5 − 2) / 2⌋ + 1 = 2, 1 left over"),
        (nn.MaxPool2d(2, ceil_mode=True), (1, 1, 5, 5), "⌈(5 − 2) / 2⌉ + 1 = 3"),
        (nn.AvgPool1d(1, 2, ceil_mode=True), (1, 1, 4), "⌈(4 − 1) / 2⌉ + 1 − 1 = 2"),
        (nn.ConvTranspose2d(1, 1, 3, 2, 1, 1), (1, 1, 8, 8), "(8 − 1)·2 − 2·1 + 3 + 1 = 16"),
        (nn.Upsample(scale_factor=1.8), (1, 1, 32, 32), "⌊32 · 1.8⌋ = 57"),
        (nn.AdaptiveAvgPool2d(7), (1, 1, 12, 12), "12 → 7, i reads ⌊12·i/7⌋ to ⌈12·(i+1)/7⌉ − 1"),
        (nn.ZeroPad2d((1, 2, 0, 0)), (1, 1, 9, 9), "as it is; 9 + 1 + 2 = 12"),
        (nn.ZeroPad2d(-1), (1, 1, 9, 9), "9 − 2·1 = 7"),
        (nn.Unfold(3), (1, 1, 16, 16), "16 − 3 + 1 = 14; 14·14 windows"),
        (nn.PixelShuffle(2), (1, 4, 3, 3), "3·2 = 6"),
        (nn.Linear(1568, 10), (1, 1568), "1568 → 10 features"),
        (nn.Flatten(), (1, 16, 7, 7), "16·7·7 = 784"),
        (nn.Flatten(2), (1, 16, 7, 7), "7·7 = 49"),
    ],
)
def test_sum_in_words(layer, shape, expected):
    (row,) = trace(layer, shape).rows
    assert row.sum == expected


def test_unbatched_input_has_the_same_sum():
    batched, single = (trace(nn.Conv2d(3, 6, 2, 2, 2), shape) for shape in ((1, 3, 32, 30), (3, 32, 30)))
    assert batched.rows[0].sum == single.rows[0].sum
    assert single.output_shape == batched.output_shape[1:]
