"""Every repair that is offered is run again here: as it was offered, and as the code that is offered to paste."""

import copy
import linecache
import random

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from skiplib.arithmetic import ConvGeometry
from skiplib.blocks import PublishedBlock
from skiplib.repairs import propose_shortcuts
from skiplib.tracing.explaining import explain
from skiplib.tracing.repairs import repairs
from skiplib.tracing.tracer import sweep, trace
from tracing.networks import Audio, DenseNet, ResNet18, SegResNet, UNet

BLOCK = """
class Block(nn.Module):
    def __init__(self, *layers):
        super().__init__()
        self.branch = nn.Sequential(*layers)

    def forward(self, x):
        out = self.branch(x)
        {line}
        return out
"""
LINES = [
    "out = x + out", "out += x", "out = torch.add(x, out)", "out = out.add(x)", "out = out - x",
    "out = torch.cat([x, out], 1)", "out = torch.cat((out, x), dim=1)",
]  # fmt: skip

CONV, POOL = "nn.Conv2d", "nn.AvgPool2d(kernel_size=2, stride=2, padding=0)"


def written(source):
    """The class that the source defines; its lines can be looked up, as those of a notebook's cell can."""
    name = f"<cell {hash(source)}>"
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    namespace = {"nn": nn, "torch": torch, "F": F}
    exec(compile(source, name, "exec"), namespace)
    return namespace["Block"]


def pasted(source, model, repair):
    """The model with a repair's code in its place."""
    for edit in repair.fix.edits:
        assert source.count(edit.lines) == 1
        source = source.replace(edit.lines, edit.instead)
    other = copy.deepcopy(model)
    other.__class__ = written(source)
    if repair.multiple == 1:
        for statement in repair.fix.layers:
            exec(statement, {"model": other, "nn": nn, "torch": torch})
    return other


def random_layers(rng):
    channels, layers = 2, []
    for _ in range(rng.randint(1, 3)):
        kernel, stride = (
            [(rng.randint(1, 4), rng.randint(1, 4)), rng.randint(1, 4)][rng.random() < 0.6],
            rng.randint(1, 3),
        )
        if rng.random() < 0.75:
            after = rng.choice((2, 2, 2, 3))
            layers.append(nn.Conv2d(channels, after, kernel, stride, rng.randint(0, 3), rng.randint(1, 2)))
            channels = after
        else:
            least = min(kernel) if isinstance(kernel, tuple) else kernel
            pool = rng.choice((nn.MaxPool2d, nn.AvgPool2d))
            layers.append(pool(kernel, stride, rng.randint(0, least // 2), ceil_mode=rng.random() < 0.3))
    return layers


@pytest.mark.parametrize("seed", range(20))
def test_every_failing_add_is_repaired_and_every_repair_runs(seed):
    rng, failing, offered = random.Random(seed), 0, 0
    while failing < 20:
        line = rng.choice(LINES)
        source = BLOCK.format(line=line)
        model = written(source)(*random_layers(rng)).eval()
        shape = (1, 2, rng.randint(6, 14), rng.randint(6, 14))
        run = trace(model, shape)
        if run.failed_join is None:
            continue
        failing += 1
        found = repairs(run)
        assert found, (model, shape, explain(run))
        for repair in found:
            x = torch.randn(*shape[:2], *(-(-size // repair.multiple) * repair.multiple for size in shape[2:]))
            again = run.again(x, changes=repair.fix.changes)
            assert again.verdict == "equal" and again.output_shape == repair.output_shape
            other = pasted(source, model, repair)
            with torch.no_grad():
                assert tuple(other(x).shape) == repair.output_shape, (model, shape, repair.fix.code)
            more = sum(each.numel() for each in other.parameters()) - sum(each.numel() for each in model.parameters())
            assert more == repair.fix.parameters
            offered += 1
    assert offered >= 2 * failing


def named(found):
    return {repair.fix.name: repair for repair in found}


def test_repairs_of_the_published_block():
    found = named(repairs(trace(PublishedBlock(), (1, 3, 32, 32)), range(4, 68)))
    table = {name: (each.fix.parameters, each.output_shape[-1], len(each.sizes)) for name, each in found.items()}
    assert table == {
        "nn.Conv2d(3, 3, kernel_size=4, stride=4, padding=6) on the skip": (147, 11, 64),
        "nn.Conv2d(3, 3, kernel_size=1, stride=4, padding=5) on the skip": (12, 11, 48),
        "zeros at the end": (0, 32, 64),
        "cut at the end": (0, 11, 64),
        "resize": (0, 32, 64),
        "kernel_size=3, stride=1, padding=1 in conv2, conv1": (180, 32, 64),
    }


def test_repairs_of_a_u_net():
    found = named(repairs(trace(UNet(), (1, 1, 20, 20)), range(16, 81)))
    table = {name: (each.output_shape[-1], len(each.sizes)) for name, each in found.items()}
    assert table == {
        "output_padding=1 in up.2": (20, 4),
        "zeros at the end": (20, 65),
        "cut at the end": (16, 65),
        "resize": (20, 65),
        "pad the input to a multiple of 16": (32, 65),
    }
    assert found["output_padding=1 in up.2"].sizes == (20, 36, 52, 68)
    assert (
        "pad(x, (0, -x.shape[-1] % 16, 0, -x.shape[-2] % 16))" in found["pad the input to a multiple of 16"].fix.code
    )


def test_repairs_of_the_audio_net():
    found = named(repairs(trace(Audio(), (1, 1, 16000)), range(15990, 16010)))
    assert len(found["ceil_mode=True in pool"].sizes) == 20
    assert found["ceil_mode=True in pool"].fix.layers == ("model.pool.ceil_mode = True",)


def test_repair_of_a_line_that_joins_more_sides_each_time_it_runs():
    model = DenseNet()
    model.convs[0], model.convs[1] = nn.Conv2d(2, 2, 1, 3, 3), nn.Conv2d(4, 2, 2, 2)
    found = named(repairs(trace(model, (1, 2, 9, 9))))
    assert {name: found[name].output_shape for name in ("zeros at the end", "cut at the end", "resize")} == {
        "zeros at the end": (1, 10, 9, 9),
        "cut at the end": (1, 10, 2, 2),
        "resize": (1, 10, 9, 9),
    }


def test_repairs_of_one_kind_follow_each_other():
    found = named(repairs(trace(SegResNet(), (1, 2, 65, 65)), range(40, 88)))
    assert len(found["pad the input to a multiple of 8"].sizes) == 48
    assert len(found["cut at the end"].sizes) == 48
    two = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(9, 2), nn.Linear(3, 1))
    (repair,) = repairs(trace(two, (1, 3, 5, 5)))
    assert repair.fix.name == "in_features=36 in 2; in_features=2 in 3" and repair.fix.parameters == 2 * 27 - 1


def test_repair_where_nothing_is_wrong_or_nothing_helps():
    assert repairs(trace(ResNet18(), (1, 3, 32, 32))) == []
    assert repairs(trace(nn.MultiheadAttention(6, 2), input_data=[torch.zeros(1, 1, 5)] * 3)) == []
    linear = trace(nn.Linear(3, 3), (1, 4))
    assert [repair.fix.name for repair in repairs(linear)] == ["in_features=4 in Linear"]


def test_repairs_of_a_stretched_add():
    source = BLOCK.format(line="out = x + out")
    model = written(source)(nn.Conv2d(1, 16, 3, padding=1))
    found = repairs(trace(model, (1, 1, 28, 28)), [28, 30])
    assert {"15 channels of zeros on side 1", "nn.Conv2d(1, 16, kernel_size=1, stride=1) on the skip"} <= set(
        named(found)
    )
    assert all(repair.sizes == (28, 30) for repair in found)


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ([nn.Conv2d(2, 2, 1), nn.Conv2d(2, 2, 3, 1, 1, 2), nn.Conv2d(2, 2, 1)], "padding=2 in branch.1"),  # A06
        ([nn.Conv2d(2, 2, 3, 1, 2), nn.Conv2d(2, 2, 3, 1, 2)], "cut at the end"),  # A16
        ([nn.Conv2d(2, 2, 4, 1, 1)], "padding=same in branch.0"),  # A17
        ([nn.Conv2d(2, 2, 3, 2, 1), nn.Conv2d(2, 2, 3, 1, 1)], f"{CONV}(2, 2, kernel_size=1, stride=2) on the skip"),
        ([nn.Conv2d(2, 3, 3, 2, 1)], f"nn.Sequential({POOL}, {CONV}(2, 3, kernel_size=1, stride=1)) on the skip"),
    ],
)  # fmt: skip
def test_repairs_that_threads_ended_with(layers, expected):
    model = written(BLOCK.format(line="out = x + out"))(*layers)
    assert expected in named(repairs(trace(model, (1, 2, 32, 32))))


@pytest.mark.parametrize("channels", [(3, 3), (3, 5)])
def test_repairs_agree_with_those_of_a_branch_of_plain_convolutions(channels):
    geometries = [ConvGeometry(2, stride=2, padding=2), ConvGeometry(3, padding=1)]
    before, after = channels
    convs = [nn.Conv2d(before, before, 2, 2, 2), nn.Conv2d(before, after, 3, 1, 1)]
    model = written(BLOCK.format(line="out = x + out"))(*convs)
    ours = {repair.fix.parameters: repair for repair in repairs(trace(model, (1, before, 32, 32)))}
    for shortcut in propose_shortcuts(geometries, before, after, input_size=32):
        if shortcut.kind == "projection" and shortcut.aligned(32):
            assert shortcut.parameter_count in ours
            assert ours[shortcut.parameter_count].output_shape[1:] == shortcut.shapes(32)[0]


def test_function_calls_are_repaired_in_their_line():
    source = """
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(2, 2, 3, 2, 1)

    def forward(self, x):
        y = F.max_pool2d(x, 2)
        return self.conv(x) + y
"""
    model = written(source)()
    repair = named(repairs(trace(model, (1, 2, 7, 7))))["ceil_mode=True in max_pool2d"]
    (edit,) = repair.fix.edits
    assert (edit.lines.strip(), edit.instead.strip()) == (
        "y = F.max_pool2d(x, 2)",
        "y = F.max_pool2d(x, kernel_size=2, ceil_mode=True)",
    )
    assert tuple(pasted(source, model, repair)(torch.zeros(1, 2, 7, 7)).shape) == repair.output_shape == (1, 2, 4, 4)


def test_sizes_of_a_repair_are_those_of_the_pasted_model():
    source = BLOCK.format(line="out = x + out")
    model = written(source)(nn.Conv2d(2, 2, 3, 2, 1), nn.MaxPool2d(2))
    for repair in repairs(trace(model, (1, 2, 17, 17)), range(4, 30)):
        if repair.multiple == 1:
            assert tuple(sweep(pasted(source, model, repair), (1, 2, 17, 17), range(4, 30)).runs) == repair.sizes
