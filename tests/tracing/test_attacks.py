"""What once broke tracing, or was said wrongly: each kind of it, kept."""

import random
import warnings

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import parametrizations

from skiplib.explorers.folding import folded
from skiplib.explorers.trace import TraceExplorer
from skiplib.tracing.explaining import explain
from skiplib.tracing.repairs import repairs
from skiplib.tracing.tracer import sweep, trace
from tracing.test_repairs import named, pasted, written


def module(forward, **layers):
    """A module of these layers with this forward."""
    made = type("Made", (nn.Module,), {"forward": forward})()
    for name, layer in layers.items():
        setattr(made, name, layer)
    return made


# --- the model is left as it was


def test_a_lambda_that_holds_the_original_moves_no_statistics():
    made = module(lambda self, x: self.block(x), bn=nn.BatchNorm2d(2))
    made.block = lambda x: made.bn(x)
    for mode in ("eval", "train"):
        trace(made, (4, 2, 5, 5), mode=mode)
        assert made.bn.num_batches_tracked == 0 and torch.equal(made.bn.running_mean, torch.zeros(2))
    assert made.training and made.bn.training


def test_a_forward_may_write_to_its_weights_and_its_state():
    def forward(self, x):
        self.conv.weight.data.clamp_(-0.01, 0.01)
        self.state *= 2
        return self.conv(x) * self.state

    made = module(forward, conv=nn.Conv2d(1, 1, 3))
    made.state = torch.ones(1)
    weight = made.conv.weight.detach().clone()
    trace(made, (1, 1, 5, 5))
    assert torch.equal(made.conv.weight, weight) and made.state == 1


def test_no_generator_moves_and_nothing_is_printed(capsys):
    def forward(self, x):
        print(x.shape)
        random.random()
        return x + torch.randn_like(x) + F.dropout(x, training=True)

    made = module(forward)
    torch.manual_seed(1), random.seed(1)
    expected = torch.rand(1), random.random()
    torch.manual_seed(1), random.seed(1)
    repairs(trace(made, (1, 1, 5, 5)))
    assert (torch.rand(1), random.random()) == expected
    assert capsys.readouterr().out == ""


def test_input_data_is_left_as_it_was():
    x = torch.zeros(1, 2, 3)
    run = trace(module(lambda self, x: x.unsqueeze_(2) + 1), input_data=x)
    assert x.shape == (1, 2, 3) and "(1, 2, 3)" in str(run)


def test_train_that_returns_nothing():
    made = module(lambda self, x: self.bn(x), bn=nn.BatchNorm2d(1))
    type(made).train = lambda self, mode=True: nn.Module.train(self, mode) and None
    assert trace(made, (1, 1, 4, 4)).output_shape == (1, 1, 4, 4)


def test_interrupt_leaves_no_hook():
    def forward(self, x):
        raise KeyboardInterrupt

    made = module(forward, conv=nn.Conv2d(1, 1, 1))
    with pytest.raises(KeyboardInterrupt):
        trace(made, (1, 1, 4, 4))
    assert not made._forward_pre_hooks and not made.conv._forward_hooks and made.training


# --- what runs is said to run


def test_inference_mode():
    made = module(torch.inference_mode()(lambda self, x: x + self.conv(x)), conv=nn.Conv2d(1, 1, 1))
    assert trace(made, (1, 1, 4, 4)).verdict == "equal"
    with torch.inference_mode():
        assert trace(made, (1, 1, 4, 4)).verdict == "equal"


def test_formulas_are_meant_to_stretch():
    norm = module(lambda self, x: (x - x.mean(1, keepdim=True)) / x.std(1, keepdim=True))
    assert sweep(norm, (1, 4, 8, 8), range(1, 9)).rule == "every size"
    assert repairs(trace(norm, (1, 4, 8, 8))) == []


def test_a_context_for_each_channel_is_amber_and_not_repaired():
    made = module(lambda self, x: x + self.conv(F.adaptive_avg_pool2d(x, 1)), conv=nn.Conv2d(4, 4, 1))
    run = trace(made, (1, 4, 8, 8))
    assert run.verdict == "broadcast" and repairs(run) == []
    explorer = TraceExplorer(made, (1, 4, 8, 8))
    assert "runs at 1 and at every size from 2, stretched" in explorer.status


@pytest.mark.parametrize(
    ("model", "shape", "sizes", "rule"),
    [
        (nn.Conv2d(1, 1, 5), (1, 1, 9, 9), range(1, 65), "every size from 5"),
        (nn.Sequential(nn.MaxPool2d(8), nn.Conv2d(1, 1, 2)), (1, 1, 64, 64), range(1, 65), "every size from 16"),
    ],
)
def test_rule_says_from_where(model, shape, sizes, rule):
    assert sweep(model, shape, sizes).rule == rule


def test_sentence_says_which_sizes_were_tried():
    explorer = TraceExplorer(nn.Conv2d(1, 1, 5), (1, 1, 100, 100))
    assert explorer.status.endswith("Of the sizes 65 to 128 it runs at every size.")


def test_rectangles_have_a_strip_of_heights():
    made = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(2 * 26 * 18, 3))
    explorer = TraceExplorer(made, (1, 1, 28, 20))
    assert explorer.status == "It gives (1, 3); joins that fit: 0 of 0. Of the sizes 1 to 64 it runs at 28."
    assert "which heights run at a width of 20?" in explorer._picture.value
    with pytest.raises(ValueError, match="three of them alike"):
        TraceExplorer(nn.Conv3d(1, 1, 1), (1, 1, 8, 12, 16))


# --- what is said


def test_all_sides_of_a_cat_are_looked_at():
    def forward(self, x):
        return torch.cat([x, x * 2, x + 0, self.conv(x)], 1)

    said = explain(trace(module(forward, conv=nn.Conv2d(1, 1, 3)), (1, 1, 9, 9)))
    assert "All sides start at the input." in said and "conv Conv2d: 9 − 3 + 1 = 7" in said


def test_sum_of_a_cat_counts_constants_and_knows_axis():
    token = torch.zeros(1, 1, 8)
    (row,) = trace(module(lambda self, x: torch.cat([token, x], 1)), (1, 16, 8)).rows
    assert row.sum == "1 + 16 = 17"
    (row,) = trace(module(lambda self, x: torch.cat((x, x), axis=1)), (1, 1, 4, 4)).rows
    assert row.sum == "1 + 1 = 2"
    (row,) = trace(module(lambda self, x: x.flatten(-3, -2)), (1, 2, 12, 12)).rows
    assert row.sum == "2·12 = 24"


def test_sizes_may_be_tensors():
    def forward(self, x):
        more = torch.tensor(x.shape[-1])
        return F.interpolate(F.pad(x, [more // 2, 0, 0, 0]), size=[torch.tensor(24), 12])

    run = trace(module(forward), (1, 1, 4, 4))
    assert "4 + 2 = 6" in str(run) and run.output_shape == (1, 1, 24, 12)


def test_what_is_written_into_a_fresh_tensor_is_followed():
    def forward(self, x):
        out = torch.zeros(1, 4, 8, 8)
        out[:, :2] = x
        out[:, 2:] = self.conv(x)
        return x[:, :1] + self.last(out)

    run = trace(module(forward, conv=nn.Conv2d(2, 2, 3, padding=1), last=nn.Conv2d(4, 1, 1)), (1, 2, 8, 8))
    assert [row.name for row in run.rows if row.is_layer] == ["conv", "last"]
    assert [join.verdict for join in run.joins] == ["equal"]


def test_trap_through_views():
    def parts(self, x):
        y = self.conv(x)
        a, b = y.chunk(2, 1)
        a = self.relu(a)
        return y + torch.cat((a, b), 1)

    def flat(self, x):
        y = self.conv(x)
        kept = y.flatten(1)
        y = self.relu(y)
        return kept

    layers = {"conv": nn.Conv2d(2, 2, 1), "relu": nn.ReLU(inplace=True)}
    assert any(row.overwritten for row in trace(module(parts, **layers), (1, 2, 4, 4)).rows)
    spared = module(lambda self, x: self.relu(self.conv(x).chunk(2, 1)[0]), **layers)
    assert not any(row.overwritten for row in trace(spared, (1, 2, 4, 4)).rows)


def test_caught_add_is_not_said_to_run():
    def forward(self, x):
        try:
            return x + self.down(x)
        except RuntimeError:
            return x

    assert "runs, but" not in explain(trace(module(forward, down=nn.Conv2d(1, 1, 3)), (1, 1, 9, 9)))


@pytest.mark.parametrize(
    "last",
    [
        lambda x: F.interpolate(x, scale_factor=2, mode="bilinear"),
        lambda x: torch.fft.fft2(x).real,
        lambda x: x.swapaxes(2, 3),
        lambda x: x.cumprod(3),
        lambda x: x + x.mean((2, 3), keepdim=True),
        lambda x: F.scaled_dot_product_attention(x, x, x) + x,
    ],
)
def test_sees_is_never_too_small(last):
    made = module(lambda self, x: last(self.conv(x)), conv=nn.Conv2d(1, 1, 3, padding=1))
    nn.init.ones_(made.conv.weight)
    x = torch.rand(1, 1, 12, 12, requires_grad=True)
    output = made(x)
    (gradient,) = torch.autograd.grad(output[0, 0, output.shape[2] // 2, output.shape[3] // 2], x)
    read = gradient[0, 0].nonzero()
    run = trace(made, (1, 1, 12, 12))
    for axis in (0, 1):
        seen = run.sees(len(run.rows) - 1, axis - 2)
        assert seen is None or seen >= read[:, axis].max() - read[:, axis].min() + 1


def test_scalars_and_errors_of_ones_own():
    assert str(trace(module(lambda self, x: x.mean()), (1, 4))).splitlines()[-1].split()[-1] == "()"

    def forward(self, x):
        raise KeyError("b")

    explorer = TraceExplorer(module(forward), (1, 1, 4, 4))
    assert explorer.status.startswith("KeyError: 'b'") and 'fails_at=raise KeyError("b")' in repr(explorer)


def test_two_inputs_are_both_shown():
    made = module(lambda self, x, y: x + y)
    lines = str(trace(made, input_data=(torch.zeros(1, 2), torch.zeros(1, 3)))).splitlines()
    assert lines[:2] == [f"{'input':26} (1, 2)", f"{'input':26} (1, 3)"]


def test_parameters_of_both_kinds_of_weight_norm_are_counted():
    with warnings.catch_warnings(action="ignore"):
        old = nn.utils.weight_norm(nn.Conv2d(1, 2, 3))
    for made in (old, parametrizations.weight_norm(nn.Conv2d(1, 2, 3))):
        run = trace(made, (1, 1, 5, 5))
        assert sum(row.parameters for row in run.rows) == sum(each.numel() for each in made.parameters())


def test_a_scripted_child_runs():
    with warnings.catch_warnings(action="ignore"):
        child = torch.jit.script(nn.ReLU())
    assert trace(nn.Sequential(nn.Conv2d(1, 1, 1), child), (1, 1, 4, 4)).output_shape == (1, 1, 4, 4)


def test_an_obliging_getattr_is_no_compiled_module():
    made = module(lambda self, x: x)
    type(made).__getattr__ = lambda self, name: None
    assert trace(made, (1, 4)).output_shape == (1, 4)


# --- layers that are moved


@pytest.mark.parametrize("layer", [nn.MaxPool2d(2), nn.AvgPool2d(2)])
def test_kernel_of_a_pooling_can_be_moved(layer):
    explorer = TraceExplorer(nn.Sequential(layer), (1, 1, 28, 28))
    explorer.controls["layer"].index = 1
    explorer.controls["kernel_size"].value = 3
    assert "It gives (1, 1, 13, 13)" in explorer.status
    assert "model[0].kernel_size = (3, 3)" in explorer._details.value


def test_padded_convolutions_are_left_alone():
    made = nn.Conv2d(1, 1, 3, padding=1, padding_mode="circular")  # its padding is a call of its own
    explorer = TraceExplorer(nn.Sequential(made), (1, 1, 8, 8))
    assert [label for label, _ in explorer.controls["layer"].options] == ["none"]
    wide = module(lambda self, x: x + self.conv(x), conv=nn.Conv2d(1, 1, 5, padding=1, padding_mode="circular"))
    assert not any(" in conv" in repair.fix.name for repair in repairs(trace(wide, (1, 1, 9, 9))))


def test_calls_with_one_name_are_told_apart():
    made = module(lambda self, x: F.max_pool2d(F.max_pool2d(x, 2), 2))
    explorer = TraceExplorer(made, (1, 1, 16, 16))
    assert [label for label, _ in explorer.controls["layer"].options] == ["none", "max_pool2d", "max_pool2d (2)"]
    explorer.controls["layer"].index = 2
    explorer.controls["stride"].value = 1
    assert "(1, 1, 7, 7)" in explorer.status


def test_lopsided_windows_are_left_alone():
    explorer = TraceExplorer(nn.Sequential(nn.Conv2d(1, 1, (1, 5), padding=(0, 2))), (1, 1, 8, 8))
    assert [label for label, _ in explorer.controls["layer"].options] == ["none"]


# --- code that is pasted


def check_code(source, model, shape, least=1):
    """Every repair's code, where there is any, does what was run; ``least`` of them have code."""
    run, coded = trace(model, shape), 0
    for repair in repairs(run):
        if repair.multiple == 1 and (repair.fix.layers or repair.fix.edits):
            output = pasted(source, model, repair)(torch.zeros(shape))
            assert tuple(output.shape) == repair.output_shape, repair.fix.code
            coded += 1
    assert coded >= least


METHOD = """
class Block(nn.Module):
    def __init__(self, **layers):
        super().__init__()
        for name, layer in layers.items():
            setattr(self, name, layer)

    def forward(self, x):
{body}
"""


@pytest.mark.parametrize(
    ("body", "least"),
    [
        ("        out = self.c(x)\n        out += self.shortcut(x)\n        return F.relu(out)", 3),
        ("        return x + self.same(x) + self.c(x)", 3),
        ("        return self.same(x + self.c(x)) + 1", 3),
        ("        return F.relu(\n            x\n            + self.c(x)\n        )", 3),
        ("        y = torch.cat(\n            [x, self.c(x)],\n            dim=1,\n        )\n        return y", 3),
        ("        b, side_1, sizes, w = x.shape\n        y = x + self.c(x)\n        return y + 0 * b", 3),
        ("        return [x + c(x) for c in [self.c]][0]", 1),  # no plain statement: only the layer's code
        ("        y = x; y = y + self.c(y); return y", 1),
        ("        if True: return x + self.c(x)", 1),
    ],
)
def test_code_does_what_was_run(body, least):
    source = METHOD.format(body=body)
    layers = {"c": nn.Conv2d(2, 2, 3, 2, 1), "same": nn.Conv2d(2, 2, 1), "shortcut": nn.Sequential()}
    check_code(source, written(source)(**layers), (1, 2, 8, 8), least)


def test_two_shortcuts_have_two_names():
    body = "        y = self.a(x) + x\n        z = self.b(y) + y\n        return z"
    source = METHOD.format(body=body)
    model = written(source)(a=nn.Conv2d(2, 4, 3, 2, 1), b=nn.Conv2d(4, 8, 3, 2, 1))
    check_code(source, model, (1, 2, 9, 9))
    codes = [repair.fix.code for repair in repairs(trace(model, (1, 2, 9, 9)))]
    assert any("model.shortcut = " in code and "model.shortcut_2 = " in code for code in codes)


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_padded_input_has_all_its_axes(axes):
    down, up = getattr(nn, f"Conv{axes}d"), getattr(nn, f"ConvTranspose{axes}d")
    made = module(lambda self, x: x + self.up(self.down(x)), down=down(1, 1, 2, 2), up=up(1, 1, 2, 2))
    code = named(repairs(trace(made, (1, 1, *[5] * axes))))["pad the input to a multiple of 2"].fix.code
    namespace = {"nn": nn, "x": torch.zeros(1, 1, *[5] * axes)}
    exec(code, namespace)
    assert namespace["x"].shape == (1, 1, *[6] * axes)


def test_names_that_are_no_names():
    def forward(self, x):
        return x + self.branches["3x3"](x) + self.branches["max pool"](x)[..., :1, :1]

    made = module(forward, branches=nn.ModuleDict({"3x3": nn.Conv2d(2, 2, 3), "max pool": nn.MaxPool2d(2)}))
    found = named(repairs(trace(made, (1, 2, 8, 8))))
    for statement in found["padding=1 in branches.3x3"].fix.layers:
        exec(statement, {"model": made, "nn": nn})
    assert made.branches["3x3"].padding == (1, 1)


def test_trained_weights_and_options_survive_a_repair():
    pool = nn.AvgPool2d(2, count_include_pad=False)
    made = module(lambda self, x: self.conv(x) + self.pool(x), conv=nn.Conv2d(2, 2, 3, 2, 1), pool=pool)
    repair = named(repairs(trace(made, (1, 2, 7, 7))))["ceil_mode=True in pool"]
    exec(repair.fix.code, {"model": made})
    assert made.pool is pool and pool.ceil_mode and not pool.count_include_pad
    half = trace(nn.Sequential(nn.Flatten(), nn.Linear(4, 2).half()), (1, 5))
    assert (
        repairs(half)[0].fix.code
        == "model[1] = nn.Linear(in_features=5, out_features=2, bias=True).to(torch.float16)"
    )


def test_cats_of_many_and_of_constants():
    many = module(lambda self, x: torch.cat([x] * 9 + [self.conv(x)], 1), conv=nn.Conv2d(1, 1, 3))
    assert "padding=1 in conv" in named(repairs(trace(many, (1, 1, 8, 8))))
    assert "9 × (1, 1, 8, 8) with (1, 1, 6, 6)" in TraceExplorer(many, (1, 1, 8, 8))._picture.value
    fixed = torch.zeros(1, 1, 8, 8)
    mixed = module(lambda self, x: torch.cat([x, fixed, self.conv(x)], 1), conv=nn.Conv2d(1, 1, 3))
    assert "padding=1 in conv" in named(repairs(trace(mixed, (1, 1, 8, 8))))


def test_errors_may_hold_anything():
    def forward(self, x):
        raise RuntimeError("\x1b[31m \x00 \ud800 <b>")

    explorer = TraceExplorer(module(forward), (1, 1, 4, 4))
    explorer.still().encode("utf-8", "replace")
    assert "\x1b" not in explorer._picture.value and "\ud800" not in explorer._picture.value


def test_long_networks_fold():
    flat = nn.Sequential(*(nn.Conv2d(1, 1, 1) for _ in range(200)))
    steps, _ = folded(trace(flat, (1, 1, 4, 4)))
    assert len(steps) == 22 and "…: 179 steps" in [step.label for step in steps]


def test_networks_that_grow_get_a_shorter_strip(monkeypatch):
    monkeypatch.setattr("skiplib.explorers.trace._MUCH", 4 * 10**7)
    made = module(lambda self, x: x.flatten(2).transpose(1, 2) @ x.flatten(2))
    explorer = TraceExplorer(made, (1, 4, 6, 6))
    assert explorer._many == 64 and 6 < len(explorer.drawn[0].verdicts) < 64


def test_instances_of_one_class_share_the_line():
    body = "        return F.relu(self.branch(x) + x)"
    source = METHOD.format(body=body)
    block = written(source)

    def make(a, b, stride):
        return block(branch=nn.Sequential(nn.Conv2d(a, b, 3, stride, 1), nn.Conv2d(b, b, 3, 1, 1)))

    net = nn.Sequential(make(2, 2, 1), make(2, 4, 2), make(4, 4, 1), make(4, 8, 2)).eval()
    found = named(repairs(trace(net, (1, 2, 16, 16))))
    repair = next(each for name, each in found.items() if "kernel_size=1, stride=2" in name)
    assert len(repair.fix.edits) == 1 and 'if hasattr(self, "shortcut")' in repair.fix.code
    (edit,) = repair.fix.edits
    other = written(source.replace(edit.lines, edit.instead))
    for each in net:
        each.__class__ = other
    for statement in repair.fix.layers:
        exec(statement, {"model": net, "nn": nn, "torch": torch})
    assert tuple(net(torch.zeros(1, 2, 16, 16)).shape) == repair.output_shape == (1, 8, 4, 4)


def test_adds_of_vectors_and_channels_that_come_last():
    def forward(self, x):
        return self.fc(x) - x[:, 0]

    run = trace(module(forward, fc=nn.Linear(3, 1)), (64, 3))
    assert run.verdict == "broadcast" and isinstance(repairs(run), list)
    last = trace(nn.Conv2d(3, 8, 3), (1, 32, 32, 3))
    assert "are the channels there?" in explain(last) and repairs(last) == []


def test_pools_are_repaired_too():
    def forward(self, x):
        return torch.cat([self.conv(x), self.pool(x)], 1)

    made = module(forward, conv=nn.Conv2d(2, 2, 3, padding=1), pool=nn.MaxPool2d(3, padding=1))
    assert "stride=1 in pool" in named(repairs(trace(made, (1, 2, 28, 28))))


def test_sum_of_a_scale_says_all_its_digits():
    (row,) = trace(nn.Upsample(scale_factor=120 / 88), (1, 1, 88, 88)).rows
    assert row.sum == "⌊88 · 1.3636363636363635⌋ = 119"
