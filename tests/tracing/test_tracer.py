"""Tracing against a plain forward; which joins are found, and what is said of them; the model left as it was."""

import copy
import math
import threading
import warnings
from functools import reduce

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from effort import slow
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.utils.checkpoint import checkpoint

from skiplib.blocks import PublishedBlock
from skiplib.tracing.explaining import explain, smallest_input
from skiplib.tracing.joins import fields, offset
from skiplib.tracing.recorder import INPUT
from skiplib.tracing.tracer import sweep, trace
from tracing.networks import EXAMPLES, Audio, InPlace, ResNet18, SegResNet, Transformer, UNet

SIZES = range(1, 45)


class Forward(nn.Module):
    """A forward that is given, with a convolution that keeps every size and one that halves it."""

    def __init__(self, forward, **layers):
        super().__init__()
        self.conv, self.down = nn.Conv2d(2, 2, 3, padding=1), nn.Conv2d(2, 2, 3, 2, 1)
        self._forward = forward
        for name, layer in layers.items():
            setattr(self, name, layer)

    def forward(self, x):
        return self._forward(self, x)


def plain(model, x):
    """Every module's output shape, and the error, of a plain forward."""
    shapes, hooks = [], []
    for module in model.modules():
        if not list(module.children()):
            hooks.append(module.register_forward_hook(lambda _, __, out: shapes.append(tuple(out.shape))))
    try:
        with torch.no_grad():
            return shapes, "", tuple(model(x).shape)
    except RuntimeError as error:
        return shapes, str(error), None
    finally:
        for hook in hooks:
            hook.remove()


@pytest.mark.parametrize("name", EXAMPLES)
def test_trace_is_a_plain_forward(name):
    make, shape = EXAMPLES[name]
    model = make().eval()
    for size in SIZES:
        x = torch.zeros(*shape[:2], *[size] * (len(shape) - 2))
        shapes, error, output = plain(model, x)
        run = trace(model, input_data=x)
        assert (run.error, run.output_shape) == (error, output)
        leaves = [row.shape for row in run.rows if row.op[0].isupper() and row.shape]
        assert leaves == shapes
        if error:
            assert run.failed.error == error


def in_place(self, x):
    out = self.conv(x)
    out += x
    return out


def method(self, x):
    return self.conv(x).add_(x)


def from_list(self, x):
    kept = [x]
    kept.append(self.conv(x))
    return sum(kept)


def from_dict(self, x):
    return reduce(torch.add, {"a": self.conv(x), "b": x}.values())


def three_times(self, x):
    for _ in range(3):
        x = x + self.conv(x)
    return x


def by_shape(self, x):
    return x + self.conv(x) if x.shape[-1] > 3 else x


def by_value(self, x):
    return x + self.conv(x) if x.sum() < 1 else x


def by_item(self, x):
    return x + self.conv(x) * torch.tensor(2.0).item()


def caught(self, x):
    try:
        return x + self.down(x)
    except RuntimeError:
        return x + self.conv(x)


def checkpointed(self, x):
    return x + checkpoint(self.conv, x, use_reentrant=False)


def with_numpy(self, x):
    return x * float(np.float64(2)) + self.conv(x)


def hidden(self, x):
    return x + self.plain_list[0](x)


def views(self, x):
    y = self.conv(x)
    y[:, :1] += x[:, :1]
    return y


def float_functional(self, x):
    return self.ff.add(x, self.conv(x))


def scaled(self, x):
    return torch.add(x, self.conv(x), alpha=0.5)


def biased(self, x):
    return x + self.bias + torch.zeros_like(x) + x.new_ones(1)  # no join: one side alone depends on the input


def subtracted(self, x):
    return self.conv(x) - x


def reversed_subtraction(self, x):
    return torch.sub(x, self.conv(x))


def gelu(self, x):
    return 0.5 * x * (1 + torch.tanh(0.8 * (x + 0.04 * x**3)))


def grouped(self, x):
    return torch.cat((x, self.conv(x), self.conv(x)), dim=1)


def half(self, x):
    return x[..., ::2, ::2] + self.down(x)


FORMS = {  # joins by sign
    in_place: "+", method: "+", from_list: "+", from_dict: "+", three_times: "+++", by_shape: "+", by_value: "+",
    by_item: "+", caught: "++", checkpointed: "+", with_numpy: "+", hidden: "+", views: "+", float_functional: "+",
    scaled: "+", biased: "", subtracted: "−", reversed_subtraction: "−", gelu: "+", grouped: "c", half: "+",
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_joins_are_found_however_they_are_written(form):
    model = Forward(form, ff=torch.ao.nn.quantized.FloatFunctional(), bias=nn.Parameter(torch.zeros(1)))
    model.plain_list = [nn.Conv2d(2, 2, 1)]
    run = trace(model, (1, 2, 8, 8))
    assert not run.error
    assert "".join(join.sign[0] for join in run.joins) == FORMS[form]
    if form is caught:
        assert [join.verdict for join in run.joins] == ["error", "equal"] and run.verdict == "equal"
    if form is three_times:
        assert [row.name for row in run.rows if row.op == "Conv2d"] == ["conv", "conv #2", "conv #3"]


@pytest.mark.parametrize(
    ("name", "size", "signs", "kinds"),
    [
        ("ResNet-18", 32, "++++++++", "iisisisi"), ("DenseNet", 9, "cccc", "iiii"),  # the first cat has one part
        ("PoolFormer", 9, "−++−++", "iiiiii"), ("gated", 9, "+", "i"), ("in place", 9, "+", "i"),
        ("audio", 1024, "+++", "sss"), ("SegResNet", 64, "+++", "iii"), ("U-Net", 32, "cccc", "iiii"),
    ],
)  # fmt: skip
def test_counts_and_kinds(name, size, signs, kinds):
    make, shape = EXAMPLES[name]
    joins = trace(make(), (*shape[:2], *[size] * (len(shape) - 2))).joins
    assert "".join(join.sign[0] for join in joins) == signs
    assert "".join(join.kind[0] for join in joins) == kinds


def test_transformer_in_eval_shows_its_adds_and_masks_do_not_count():
    run = trace(Transformer(), (1, 6, 8))
    assert [join.kind for join in run.joins] == ["identity"] * 6
    assert sum(row.parameters for row in run.rows) == sum(each.numel() for each in Transformer().parameters())


def test_parameters_are_counted_once():
    for make, shape in EXAMPLES.values():
        model = make()
        run = trace(model, shape)
        if not run.error:
            assert sum(row.parameters for row in run.rows) == sum(each.numel() for each in model.parameters())


def test_fork_ways_and_kind_of_a_u_net():
    run = trace(UNet(), (1, 1, 16, 16))
    last = run.joins[-1]
    assert last.sides == ((1, 2, 16, 16), (1, 2, 16, 16)) and run.rows[last.fork].name == "down.0.1"
    assert last.ways[0] == () and run.rows[last.ways[1][0]].name == "pool"
    assert run.rows[last.ways[1][-1]].name == "up.0"


# --- what is said


def test_explain_of_the_published_block():
    said = explain(trace(PublishedBlock(), (1, 3, 32, 32)))
    assert said.splitlines() == [
        "`return x + residual` fails: (1, 3, 32, 32) and (1, 3, 11, 11).",
        "PyTorch: The size of tensor a (32) must match the size of tensor b (11) at non-singleton dimension 3",
        "Both sides start at the input.",
        "  side 1, (1, 3, 32, 32): no step changes its size",
        "  side 2, (1, 3, 11, 11): conv1 Conv2d: ⌊(32 + 2·2 − 2) / 2⌋ + 1 = 18; conv2 Conv2d: "
        "⌊(18 + 2·2 − 2) / 2⌋ + 1 = 11",
    ]


def test_explain_names_only_steps_that_change_the_size_in_question():
    said = explain(trace(UNet(), (1, 1, 20, 20)))
    assert "Both sides start at `down.2.1 ReLU`." in said
    assert "pool #3 MaxPool2d: ⌊(5 − 2) / 2⌋ + 1 = 2, 1 left over; up.2 ConvTranspose2d: (2 − 1)·2 + 2 = 4" in said
    assert "merge" not in said


def digits_net():
    convs = [nn.Conv2d(1, 4, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 8, 5), nn.MaxPool2d(2)]
    return nn.Sequential(*convs, nn.Flatten(), nn.Linear(128, 10))


@pytest.mark.parametrize(
    ("model", "shape", "expected"),
    [
        (digits_net(), (1, 3, 28, 28), "0 Conv2d takes 1 channel; it gets 3."),
        (digits_net(), (1, 1, 32, 32), "6 Linear takes 128 features; it gets 200."),
        (
            digits_net(),
            (1, 1, 9, 9),
            "2 − 5 + 1 = −2.\nThe smallest input that would do up to here has 14 pixels a side.",
        ),
        (UNet(), (1, 1, 15, 15), "The smallest input that would do up to here has 16 pixels a side."),
        (nn.ConvTranspose2d(3, 1, 2), (1, 2, 9, 9), "ConvTranspose2d takes 3 channels; it gets 2."),
    ],
)
def test_explain_of_a_layer_that_fails(model, shape, expected):
    assert expected in explain(trace(model, shape))


def test_explain_of_a_norm_in_training():
    model = nn.BatchNorm2d(4)
    assert "more than one value" in explain(trace(model, (1, 4, 1, 1), mode="train"))
    assert not trace(model, (1, 4, 1, 1)).error


def test_explain_of_an_error_that_no_call_raised():
    def refuse(self, x):
        x = self.conv(x)
        raise ValueError("32 only")

    said = explain(trace(Forward(refuse), (1, 2, 8, 8)))
    assert said == '`raise ValueError("32 only")` fails.\nThe words: ValueError: 32 only'


def test_line_is_the_learners_and_shows_no_path():
    run = trace(PublishedBlock(), (1, 3, 32, 32))
    assert run.line == run.failed.line == "return x + residual"
    assert trace(nn.Conv2d(1, 1, 3), (1, 1, 2, 2)).line == ""
    assert "/" not in explain(run).replace(" / 2", "") and "/" not in str(run).replace(" / 2", "")


@pytest.mark.parametrize("name", EXAMPLES)
def test_smallest_input_is_the_smallest(name):
    make, shape = EXAMPLES[name]
    model, checked = make(), 0
    for size in range(1, 16):
        run = trace(model, (*shape[:2], *[size] * (len(shape) - 2)))
        if run.failed and not run.failed_join and (smallest := smallest_input(run)):
            place = len(run.rows) - 1
            for other in (smallest - 1, smallest):
                again = trace(model, (*shape[:2], *[other] * (len(shape) - 2))) if other else None
                got_on = again is not None and (not again.error or len(again.rows) > place + 1)
                assert got_on == (other == smallest) or (again and again.failed_join)
            checked += 1
    assert checked or name not in ("U-Net",)


def test_table_has_a_line_for_each_step():
    lines = str(trace(PublishedBlock(), (1, 3, 32, 32))).splitlines()
    assert (
        len(lines) == 1 + 5 + 1 and lines[1].split()[:2] == ["conv1", "Conv2d"] and lines[-1].startswith("✗ The size")
    )


# --- what an output sees


def test_resnet_18_sees_what_public_tables_say():
    run = trace(ResNet18(), (1, 3, 64, 64))
    assert [run.sees(join.place) for join in run.joins] == [27, 43, 67, 99, 147, 211, 307, 435]
    assert run.sees(len(run.rows) - 1) is None  # behind flatten


def random_net(rng):
    layers = []
    for _ in range(rng.randint(1, 4)):
        kernel, stride, dilation = rng.randint(1, 4), rng.randint(1, 3), rng.randint(1, 2)
        kind = rng.choice(("conv", "conv", "pool", "up", "pad", "resize"))
        if kind == "conv":
            layers.append(nn.Conv1d(1, 1, kernel, stride, rng.randint(0, 3), dilation))
        elif kind == "pool":
            layers.append(nn.AvgPool1d(kernel, stride, rng.randint(0, kernel // 2)))
        elif kind == "up":
            layers.append(nn.ConvTranspose1d(1, 1, kernel, stride, rng.randint(0, kernel // 2)))
        elif kind == "pad":
            layers.append(nn.ConstantPad1d((rng.randint(0, 2), rng.randint(0, 2)), 0))
        else:
            layers.append(nn.Upsample(scale_factor=2))
    return nn.Sequential(*layers)


@slow(150)
@given(rng=st.randoms(use_true_random=False))
def test_field_contains_every_gradient(rng):
    net = random_net(rng)
    for parameter in net.parameters():
        nn.init.ones_(parameter)
    x = torch.zeros(1, 1, 40, requires_grad=True)
    run = trace(net, (1, 1, 40))
    if run.error or not run.rows:
        return
    jump, low, high = fields(run.rows, INPUT, -1)[len(run.rows) - 1]
    output = net(x)
    for place in {0, output.shape[-1] // 2, output.shape[-1] - 1}:
        (gradient,) = torch.autograd.grad(output[0, 0, place], x, retain_graph=True)
        read = gradient[0, 0].nonzero().flatten().tolist()
        assert all(low + jump * place <= position <= high + jump * place for position in read)


def test_alignment():
    audio = trace(Audio(), (1, 1, 16384))
    assert [offset(audio.rows, join) for join in audio.joins] == [1.5] * 3
    resnet = trace(ResNet18(), (1, 3, 64, 64))
    assert {offset(resnet.rows, join) for join in resnet.joins} == {0}
    published = trace(PublishedBlock(), (1, 3, 4, 4))
    assert offset(published.rows, published.joins[0]) == math.inf
    up = Forward(lambda self, x: x + self.up(self.down(x)), up=nn.ConvTranspose2d(2, 2, 2, stride=2))
    run = trace(up, (1, 2, 8, 8))
    assert offset(run.rows, run.joins[0]) == 0.5
    assert "drift apart" in explain(published) and "1.5 positions apart" in explain(audio)


# --- traps


@pytest.mark.parametrize("name", EXAMPLES)
def test_overwritten_is_flagged_exactly_when_the_result_differs(name):
    make, shape = EXAMPLES[name]
    size = {"U-Net": 16, "audio": 1024, "SegResNet": 64, "published": 4}.get(name, shape[-1])
    shape = (*shape[:2], *[size] * (len(shape) - 2))
    model = make().eval()
    other = copy.deepcopy(model)
    for module in other.modules():
        if hasattr(module, "inplace"):
            module.inplace = False
    x = torch.randn(shape)
    with torch.no_grad():
        differ = not torch.equal(model(x.clone()), other(x.clone()))
    assert any(row.overwritten for row in trace(model, shape).rows) == differ


def test_overwritten_in_words():
    assert "uses a tensor that `relu ReLU` had overwritten in place" in explain(trace(InPlace(), (1, 3, 8, 8)))
    assert "overwritten" not in explain(trace(InPlace(inplace=False), (1, 3, 8, 8)))
    dropout = nn.Sequential(nn.Conv2d(1, 1, 1), nn.Dropout(inplace=True), nn.Conv2d(1, 1, 1))
    assert not any(row.overwritten for row in trace(dropout, (1, 1, 4, 4)).rows)


def test_broadcast_is_amber():
    grey = Forward(lambda self, x: x + self.wide(x), wide=nn.Conv2d(1, 16, 3, padding=1))
    run = trace(grey, (1, 1, 28, 28))
    assert run.verdict == "broadcast" and "it stretches: (1, 1, 28, 28) with (1, 16, 28, 28)" in explain(run)
    in_place = Forward(lambda self, x: x.add_(self.wide(x)), wide=nn.Conv2d(1, 16, 3, padding=1))
    assert "doesn't match the broadcast shape" in trace(in_place, (1, 1, 28, 28)).error


# --- the model is left as it was


class Busy(nn.Module):
    """Keeps, counts, replaces."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2)
        self.count, self.kept, self.last = 0, [], None
        self.register_buffer("seen", torch.zeros(1))
        self.norm.eval()
        self.conv.register_forward_hook(lambda *_: None)

    def forward(self, x):
        self.count += 1
        self.last = self.conv(x)
        self.kept.append(self.last)
        self.inner = {"deep": [self.last * 2]}
        self.seen = self.seen + 1
        return self.norm(self.last)


@pytest.mark.parametrize("mode", ["eval", "train"])
@pytest.mark.parametrize("shape", [(2, 1, 8, 8), (2, 1, 2, 2)])
def test_model_is_left_as_it_was(mode, shape):
    model = Busy()
    model(torch.ones(2, 1, 8, 8)).sum().backward()
    names, last = set(vars(model)), model.last
    state = copy.deepcopy(model.state_dict())
    gradients = [each.grad.clone() for each in model.parameters()]
    versions = [each._version for each in [*model.parameters(), *model.buffers()]]
    trace(model, shape, mode=mode)
    assert set(vars(model)) == names and model.last is last and model.kept[0] is last
    assert (model.count, len(model.kept)) == (1, 1)
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    assert all(torch.equal(each.grad, was) for each, was in zip(model.parameters(), gradients, strict=True))
    assert versions == [each._version for each in [*model.parameters(), *model.buffers()]]
    assert (model.training, model.norm.training, model.conv.training) == (True, False, True)
    hooks = [each for module in model.modules() for each in module._forward_pre_hooks]
    assert hooks == [] and len(model.conv._forward_hooks) == 1


def test_another_thread_is_not_written_down():
    model, stop = ResNet18().eval(), threading.Event()

    def run_on():
        while not stop.is_set():
            model(torch.zeros(1, 3, 32, 32))

    thread = threading.Thread(target=run_on)
    thread.start()
    try:
        counts = {len(trace(model, (1, 3, 32, 32)).rows) for _ in range(5)}
    finally:
        stop.set()
        thread.join()
    assert counts == {len(trace(model, (1, 3, 32, 32)).rows)}


@pytest.mark.parametrize(
    ("model", "options", "error", "words"),
    [
        (3, {"input_size": (1,)}, TypeError, "`model` must be an nn.Module; got 3"),
        (nn.LazyConv2d(1, 1), {"input_size": (1, 1, 4, 4)}, TypeError, "lazy layers"),
        (nn.ReLU(), {}, ValueError, "either `input_size` or `input_data`"),
        (nn.ReLU(), {"input_size": (1,), "input_data": torch.ones(1)}, ValueError, "either"),
        (
            nn.ReLU(),
            {"input_data": (1, 2)},
            TypeError,
            "`input_data` must be a tensor or a list of several; got tuple",
        ),
        (nn.ReLU(), {"input_size": (1, 0)}, ValueError, "`input_size` must be at least 1; got 0"),
        (nn.ReLU(), {"input_size": (1, 2.5)}, TypeError, "`input_size` must be an integer; got 2.5"),
        (nn.ReLU(), {"input_size": 5}, TypeError, "`input_size` must be a list or tuple of integers; got 5"),
        (nn.ReLU(), {"input_size": (1,), "mode": "test"}, ValueError, "`mode` must be one of eval, train"),
    ],
)
def test_what_cannot_be_traced_is_refused_in_a_sentence(model, options, error, words):
    with pytest.raises(error, match=words):
        trace(model, **options)


def test_scripted_and_compiled_modules_are_refused():
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        scripted = torch.jit.script(nn.ReLU())
    compiled = nn.Module()
    compiled._orig_mod = nn.ReLU()
    for model in (scripted, compiled):
        with pytest.raises(TypeError, match="scripted or compiled"):
            trace(model, (1, 1))


def test_what_cannot_be_copied_is_refused_in_a_sentence():
    model = nn.ReLU()
    model.lock = threading.Lock()
    with pytest.raises(TypeError, match="`model` cannot be copied"):
        trace(model, (1, 1))


def test_half_precision_and_other_inputs():
    assert trace(PublishedBlock().half(), (1, 3, 4, 4)).output_shape == (1, 3, 4, 4)
    embedded = nn.Sequential(nn.Embedding(10, 4), nn.Linear(4, 2))
    assert trace(embedded, input_data=torch.zeros(1, 6, dtype=torch.long)).output_shape == (1, 6, 2)
    with torch.device("meta"):
        large = nn.Sequential(*(nn.Linear(10_000, 10_000) for _ in range(8)))
    assert trace(large, (1, 10_000)).output_shape == (1, 10_000)


# --- sweeps


@pytest.mark.parametrize("name", EXAMPLES)
def test_sweep_is_what_a_plain_forward_does(name):
    make, shape = EXAMPLES[name]
    model = make().eval()
    swept = sweep(model, shape, SIZES)
    for size in SIZES:
        _, error, _ = plain(model, torch.zeros(*shape[:2], *[size] * (len(shape) - 2)))
        assert (swept.verdicts[size] == "error") == bool(error)
        assert (size in swept.broke) == (swept.verdicts[size] != "equal")


@pytest.mark.parametrize(
    ("make", "shape", "sizes", "rule"),
    [
        (UNet, (1, 1, 20, 20), range(1, 81), "multiples of 16"),
        (ResNet18, (1, 3, 32, 32), range(1, 65), "every size"),
        (PublishedBlock, (1, 3, 32, 32), range(1, 65), "3 to 4"),
        (PublishedBlock, (1, 3, 32, 32), range(5, 65), "none"),
        (SegResNet, (1, 2, 65, 65), range(1, 81), "multiples of 8"),
        (lambda: nn.Conv2d(1, 1, 5), (1, 1, 9, 9), range(1, 20), "every size from 5"),
    ],
)
def test_rule_of_a_sweep(make, shape, sizes, rule):
    assert sweep(make(), shape, sizes).rule == rule


def test_rule_for_odd_sizes_and_remainders():
    def up(layer):
        return Forward(lambda self, x: x + self.up(self.down(x)), up=layer)

    odd = sweep(up(nn.ConvTranspose2d(2, 2, 3, 2, 1)), (1, 2, 9, 9), range(1, 65))
    even = sweep(up(nn.ConvTranspose2d(2, 2, 3, 2, 1, output_padding=1)), (1, 2, 9, 9), range(1, 65))
    assert (odd.rule, len(odd.runs), even.rule, len(even.runs)) == ("odd sizes", 32, "even sizes", 32)
    rest = Forward(lambda self, x: F.pad(x, (0, -1, 0, -1)) + F.interpolate(F.max_pool2d(x, 3), scale_factor=3))
    assert sweep(rest, (1, 2, 9, 9), range(1, 31)).rule == "4, 7 and on in steps of 3"


def test_sweep_needs_something_to_vary():
    with pytest.raises(ValueError, match="`input_size` must have axes behind batch and channels"):
        sweep(nn.Linear(3, 3), (1, 3), range(3))
