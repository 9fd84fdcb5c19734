"""TraceExplorer: any module, moved, repaired, and left as it was."""

import asyncio
import copy
import random
import re

import pytest
import torch
from torch import nn
from tracing.networks import EXAMPLES, Audio, InPlace, ResNet18, Transformer, UNet

from explorers.moving import comes_to_rest, ends, move_anywhere
from skiplib.blocks import PublishedBlock, SkipConnection
from skiplib.explorers.folding import folded
from skiplib.explorers.trace import TraceExplorer
from skiplib.tracing.tracer import sweep, trace


def test_published_block_says_where_it_fails_and_where_it_runs():
    explorer = TraceExplorer(PublishedBlock(), (1, 3, 32, 32))
    sizes = "Of the sizes 1 to 64 it runs at 3 to 4 and at 1, stretched."
    assert explorer.status == f"`add` fails on (1, 3, 32, 32) and (1, 3, 11, 11). {sizes}"
    assert (explorer.controls["layer"].index, explorer.repair.index) == (0, 0)  # no menu is blank
    picture = explorer._picture.value
    assert "⌊(32 + 2·2 − 2) / 2⌋ + 1 = 18" in picture and "(1, 3, 32, 32) with (1, 3, 11, 11)" in picture
    assert picture.count('class="arc fails"') == 1
    assert "The size of tensor a (32) must match" in explorer._details.value


@pytest.mark.parametrize("name", EXAMPLES)
def test_strip_is_the_sweep_and_picture_is_the_trace_at_every_size(name):
    make, shape = EXAMPLES[name]
    model = make().eval()
    explorer = TraceExplorer(model, shape)
    first = (shape[-1] - 1) // 64 * 64 + 1
    assert explorer.drawn[0].verdicts == sweep(model, shape, range(first, first + 64)).verdicts
    for size in (1, 2, 7, 16, 33, 64):
        explorer.controls["input_size"].value = size
        run = trace(model, (*shape[:2], *[size] * (len(shape) - 2)))
        steps, arcs = folded(run)
        assert all(step.shape in explorer._picture.value for step in steps)
        assert explorer._picture.value.count('class="arc') == len(set(arcs))
        assert ("fails" in explorer.status.partition(". ")[0]) == bool(run.error)


def test_every_control_moves_to_its_ends_and_a_layer_is_the_learners_own_with_other_numbers():
    explorer = TraceExplorer(PublishedBlock(), (1, 3, 32, 32))
    explorer.controls["layer"].label = "conv1 Conv2d"
    for name in ("kernel_size", "stride", "padding", "dilation"):
        control = explorer.controls[name]
        start = control.value
        for value in ends(control):
            control.value = value
            numbers = {
                each: explorer.controls[each].value for each in ("kernel_size", "stride", "padding", "dilation")
            }
            other = PublishedBlock()
            other.conv1 = nn.Conv2d(3, 6, **numbers)
            assert explorer.shown.result["fails_at"] == (trace(other, (1, 3, 32, 32)).failed.label)
            if value != start:
                assert "model.conv1" in explorer._details.value
        control.value = start
    assert "nn.Conv2d" not in explorer._details.value  # all is as it was


def test_layers_keep_what_was_set_when_another_is_chosen():
    explorer = TraceExplorer(PublishedBlock(), (1, 3, 32, 32))
    for layer in ("conv1 Conv2d", "conv2 Conv2d"):
        explorer.controls["layer"].label = layer
        for name, value in {"kernel_size": 3, "stride": 1, "padding": 1}.items():
            explorer.controls[name].value = value
    assert explorer.shown.result == {"fails_at": "nothing", "runs_at": "every size"}
    explorer.controls["layer"].label = "conv1 Conv2d"
    assert [explorer.controls[name].value for name in ("kernel_size", "stride", "padding")] == [3, 1, 1]
    expected = sweep(SkipConnection(), (1, 3, 32, 32), range(1, 65))
    assert explorer.drawn[-1].verdicts == expected.verdicts


def test_controls_of_a_layer_show_only_where_they_count():
    explorer = TraceExplorer(UNet(), (1, 1, 20, 20))
    seen = {name: explorer.controls[name].layout.display for name in ("kernel_size", "dilation")}
    assert seen == {"kernel_size": "none", "dilation": "none"}
    explorer.controls["layer"].label = "pool MaxPool2d"
    assert (explorer.controls["kernel_size"].value, explorer.controls["stride"].value) == (2, 2)
    assert explorer.controls["kernel_size"].layout.display == ""
    average = nn.Sequential(nn.AvgPool2d(3))
    other = TraceExplorer(average, (1, 1, 9, 9))
    other.controls["layer"].label = "0 AvgPool2d"
    assert other.controls["dilation"].layout.display == "none" and other.controls["stride"].value == 3


def test_a_layer_larger_than_the_slider_is_left_as_it_is():
    explorer = TraceExplorer(nn.Sequential(nn.Conv1d(1, 1, 31, 16, 15)), (1, 1, 64))
    explorer.controls["layer"].label = "0 Conv1d"
    assert [explorer.controls[name].value for name in ("kernel_size", "stride", "padding")] == [31, 16, 15]
    assert "nn.Conv1d" not in explorer._details.value and "(1, 1, 4)" in explorer.status


def test_repairs_are_looked_for_switched_on_and_shown_before_and_after():
    explorer = TraceExplorer(UNet(), (1, 1, 20, 20))
    explorer._look_for_repairs(None)
    names = [name for name, _ in explorer.repair.options]
    assert names[0] == "as it is" and "output_padding=1 in up.2" in names and "cut at the end" in names
    explorer.repair.value = dict(explorer.repair.options)["output_padding=1 in up.2"]
    before, after = explorer.drawn
    assert before.runs == [16, 32, 48, 64] and after.runs == [20, 36, 52]
    assert explorer.status.startswith("It gives (1, 2, 20, 20); joins that fit: 4 of 4.")
    assert "model.up[2].output_padding = (1, 1)" in explorer._details.value
    explorer.controls["input_size"].value = 32
    assert "fails" in explorer.status
    explorer.repair.value = ""
    assert explorer.shown.result["fails_at"] == "nothing" and len(explorer.drawn) == 1


def test_repair_that_pads_the_input():
    explorer = TraceExplorer(UNet(), (1, 1, 20, 20))
    explorer._look_for_repairs(None)
    explorer.repair.value = dict(explorer.repair.options)["pad the input to a multiple of 16"]
    assert "(1, 2, 32, 32)" in explorer.status and explorer.drawn[-1].rule == "every size"


def test_nothing_to_repair():
    explorer = TraceExplorer(ResNet18(), (1, 3, 32, 32))
    explorer._look_for_repairs(None)
    assert explorer.repair.options == (("nothing to repair at this size", ""),)


def test_next_size_that_fails():
    explorer = TraceExplorer(UNet(), (1, 1, 16, 16))
    explorer._next_failing(None)
    assert explorer.controls["input_size"].value == 17
    explorer.controls["input_size"].value = 64
    explorer._next_failing(None)
    assert explorer.controls["input_size"].value == 1
    whole = TraceExplorer(ResNet18(), (1, 3, 32, 32))
    whole._next_failing(None)
    assert whole.controls["input_size"].value == 32


def test_height_and_width_apart():
    explorer = TraceExplorer(UNet(), (1, 1, 16, 32))
    assert explorer.controls["height_and_width_apart"].value and "(1, 2, 16, 32)" in explorer.status
    explorer.controls["input_size_w"].value = 20
    assert "fails on" in explorer.status and "5)" in explorer.status
    line = TraceExplorer(Audio(), (1, 1, 1024))
    assert "height_and_width_apart" not in line.controls and "(1, 2, 4)" in line.status


def test_model_is_left_as_it_was():
    model = UNet()
    state, switches = copy.deepcopy(model.state_dict()), {name: repr(each) for name, each in model.named_modules()}
    explorer = TraceExplorer(model, (1, 1, 20, 20))
    explorer._look_for_repairs(None)
    for _, repair in explorer.repair.options:
        explorer.repair.value = repair
    explorer.controls["layer"].label = "pool MaxPool2d"
    explorer.controls["stride"].value = 3
    assert {name: repr(each) for name, each in model.named_modules()} == switches and model.training
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())


def test_moved_anywhere_it_never_raises_and_always_says_something():
    rng = random.Random(172)
    for name in ("published", "U-Net", "audio", "gated"):
        make, shape = EXAMPLES[name]
        explorer = TraceExplorer(make(), shape)
        explorer._strip = lambda repair, patience, strip=explorer.drawn[0]: strip  # the strip has its own test
        for _ in range(60):
            move_anywhere(rng.choice(list(explorer.controls.values())), rng)
            assert explorer.status.endswith(".") and "<svg" in explorer._picture.value


def test_learners_names_and_lines_are_text():
    class Wild(nn.Module):
        def __init__(self):
            super().__init__()
            self.add_module("<i>", nn.Conv2d(1, 1, 3))

        def forward(self, x):
            return x + getattr(self, "<i>")(x)  # "<script>"

    explorer = TraceExplorer(Wild(), (1, 1, 9, 9))
    shown = explorer._picture.value + explorer._details.value + explorer._status.value + explorer.still()
    assert "<i>" not in shown and "&lt;i&gt;" in shown
    assert "<script" not in shown and not re.search(r"/\w+/\w+\.py", shown)


def test_what_waits_and_what_is_refused():
    with pytest.raises(ValueError, match="`input_size` must have axes behind batch and channels"):
        TraceExplorer(nn.Linear(3, 3), (1, 3))
    with pytest.raises(TypeError, match=r"`model` must be an nn\.Module"):
        TraceExplorer(3, (1, 3, 9, 9))
    with pytest.raises(ValueError, match="`show` must name some of"):
        TraceExplorer(nn.ReLU(), (1, 3, 9, 9), show=("depth",))


def test_explorer_of_a_model_that_fails_everywhere():
    explorer = TraceExplorer(nn.Sequential(nn.Conv2d(2, 2, 3)), (1, 3, 9, 9))
    assert "Of the sizes 1 to 64 it fails." in explorer.status
    assert "takes 2 channels; it gets 3" in explorer._details.value


def test_large_networks_get_a_short_strip():
    explorer = TraceExplorer(nn.Sequential(nn.Conv2d(3, 512, 3), nn.Conv2d(512, 64, 3)), (1, 3, 32, 32))
    assert len(explorer.drawn[0].verdicts) == 41
    assert not TraceExplorer(nn.Conv2d(64, 512, 7), (1, 64, 32, 32)).controls["input_size"].slider.continuous_update


def test_strip_follows_when_the_explorer_rests():
    async def moved():
        explorer = TraceExplorer(UNet(), (1, 1, 20, 20))
        explorer.controls["layer"].label = "pool MaxPool2d"
        explorer.controls["stride"].value = 1
        waits = "until it rests" in explorer._details.value
        await comes_to_rest(explorer)
        return waits, explorer

    waits, explorer = asyncio.run(moved())
    assert waits and "until it rests" not in explorer._details.value
    assert len(explorer.drawn[-1].verdicts) == 64


def test_picture_folds_what_is_long():
    steps, arcs = folded(trace(ResNet18(), (1, 3, 64, 64)))
    assert len(steps) <= 22 and sum(step.join == "equal" for step in steps) == 8
    assert any(step.label == "layers.0: 7 steps" for step in steps)
    steps, arcs = folded(trace(UNet(), (1, 1, 16, 16)))
    assert len(steps) == 21 and len(arcs) == 4 and {arc.verdict for arc in arcs} == {"equal"}
    steps, _ = folded(trace(Transformer(), (1, 6, 8)))
    assert len(steps) <= 22


@pytest.mark.parametrize(("many", "labels"), [(22, [f"{n // 11}.{n % 11} Conv1d" for n in range(22)]), (23, None)])
def test_picture_folds_modules_from_23_rows_on(many, labels):
    convs = [nn.Conv1d(1, 1, 1) for _ in range(many)]
    steps, _ = folded(trace(nn.Sequential(nn.Sequential(*convs[:11]), nn.Sequential(*convs[11:])), (1, 1, 4)))
    assert [step.label for step in steps] == (labels or ["0: 11 steps", "1: 12 steps"])


def test_picture_marks_the_layer_that_is_chosen_and_the_trap_is_said():
    explorer = TraceExplorer(InPlace(), (1, 3, 9, 9))
    assert "had overwritten in place" in explorer._details.value
    explorer.controls["layer"].label = "conv Conv2d"
    assert explorer._picture.value.count('class="chosen"') == 1
