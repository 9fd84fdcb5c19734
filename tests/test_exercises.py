import math
import re
import subprocess
import sys
import tomllib
from ast import literal_eval
from contextlib import suppress
from math import comb
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from skiplib import exercises, experiments, trials
from skiplib.blocks import ResidualBlock
from skiplib.digits import first_digits
from skiplib.directions import block_jacobians, gradient_similarity, singular_values, surviving_directions
from skiplib.exercises import UNANSWERED, check, texts
from skiplib.gradients import compare, median_ratio
from skiplib.networks import make_stack
from skiplib.paths import mean_length, path_gradients

CONV = nn.Conv2d(1, 1, kernel_size=2, stride=2, padding=2)
BRANCH = nn.Sequential(nn.Conv2d(3, 6, 2, stride=2, padding=2), nn.Conv2d(6, 3, 2, stride=2, padding=2))
DOWN = nn.Conv2d(1, 1, 3, stride=2, padding=1)
UP = nn.ConvTranspose2d(1, 1, 2, stride=2)
FIVE = {
    "A": (8, nn.Conv2d(1, 1, 3)),
    "B": (8, nn.Conv2d(1, 1, 3, stride=2)),
    "C": (8, nn.Conv2d(1, 1, 3, stride=2, padding=1)),
    "D": (9, nn.Conv2d(1, 1, 3, stride=3)),
    "E": (9, nn.Conv2d(1, 1, 1, stride=2)),
}
SIX_ADDS = {
    "A": ((1, 3, 32, 32), (1, 3, 11, 11)),
    "B": ((8, 1, 28, 28), (8, 16, 28, 28)),
    "C": ((8, 16, 8, 8), (8, 16, 1, 1)),
    "D": ((8, 16, 8, 8), (8, 16, 8, 8)),
    "E": ((8, 16, 4, 4), (8, 16)),
    "F": ((8, 1), (8,)),
}


def width(module, size):
    return module(torch.zeros(1, next(module.parameters()).shape[1], size, size)).shape[-1]


def agree(left, right, sizes):
    return {n for n in sizes if width(left, n) == width(right, n)}


def read_columns(module, size, columns=slice(None)):
    """The columns of the image on which these columns of the output depend."""
    image = torch.ones(1, 1, size, size, requires_grad=True)
    module(image)[..., columns].sum().backward()
    return image.grad.abs().sum((0, 1, 2)).nonzero().flatten().tolist()


def span(module):
    read = read_columns(module, 64, 5)
    return read[-1] - read[0] + 1


def stretches(left, right):
    try:
        return left != right and len(torch.broadcast_shapes(left, right)) > 0
    except RuntimeError:
        return False


def slope(block):
    x = torch.ones(1, 1, 4, 4, requires_grad=True)
    block(x).sum().backward()
    return int(x.grad.unique())


def measured(depth, **settings):
    images, labels = first_digits(4)
    return compare(depth, seeds=[172, 173, 174], images=images, labels=labels, **settings)


def surviving():
    chain = make_stack(20, channels=6, skip=False, init="he", seed=172).double()
    return surviving_directions(singular_values(block_jacobians(chain, first_digits(1)[0].double())))


def neighbours():
    net = make_stack(102, channels=16, skip=False, init="he", norm="batch", seed=172)
    return gradient_similarity(net, *first_digits(2)[0])


def read_pixels(module, size):
    """The pixels of the image on which the output depends."""
    image = torch.ones(1, next(module.parameters()).shape[1], size, size, requires_grad=True)
    module(image).sum().backward()
    return image.grad.abs().sum((0, 1)).nonzero()


def saved_by_the_skip():
    work = []
    for skip in (False, True):
        with FlopCounterMode(display=False) as counter:
            ResidualBlock(16, 16, skip=skip)(torch.zeros(1, 16, 8, 8))
        work.append(counter.get_total_flops())
    assert min(work) > 0
    return {0: "all of it", work[0] // 2: "half of it", work[0]: "none of it"}[work[1]]


def left_by_projections():
    """What 24 blocks with a projection on every skip leave of the gradient, the most of five seeds."""
    images, labels = first_digits(4)
    left = []
    for seed in range(172, 177):
        torch.manual_seed(seed)
        stack = make_stack(50, channels=16, skip=True, head="pool", seed=seed)
        for block in stack.blocks:
            block.shortcut = nn.Conv2d(16, 16, 1)
        first = stack.stem(images)
        last = stack.blocks(first)
        loss = nn.functional.cross_entropy(stack.head(last), labels)
        to_first, to_last = torch.autograd.grad(loss, [first, last])
        left.append(float(to_first.norm() / to_last.norm()))
    assert len(stack.blocks) == 24 and min(left) > 0
    return "less than a thousandth" if max(left) < 1e-3 else "about a tenth" if max(left) < 0.3 else "about as large"


def carried(*, seed=172, **settings):
    """How large the gradient is that comes back through 0, 1, 2, ... of 24 blocks."""
    stack = make_stack(50, channels=16, skip=True, head="pool", seed=seed, **settings)
    return [part.double().norm().item() for part in path_gradients(stack, *first_digits(4))]


def deepened(*, skip):
    """Whether 23 blocks that do nothing leave every score as it was: branches of zeros, or kernels that copy."""
    shallow = make_stack(4, channels=2, skip=skip, seed=172)
    deep = make_stack(50, channels=2, skip=skip, init="zero" if skip else "default")
    deep.stem, deep.blocks[0], deep.head = shallow.stem, shallow.blocks[0], shallow.head
    for layer in [] if skip else deep.blocks[1:].modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.dirac_(layer.weight)
            nn.init.zeros_(layer.bias)
    images, _ = first_digits(20)
    return torch.allclose(deep(images), shallow(images), atol=1e-5)


BACK = nn.ConvTranspose2d(1, 1, 3, stride=2, padding=1)
DOWN_AND_UP = {
    "A": nn.Sequential(nn.MaxPool2d(2), UP),
    "B": nn.Sequential(nn.MaxPool2d(2, ceil_mode=True), UP),
    "C": nn.Sequential(DOWN, UP),
    "D": nn.Sequential(DOWN, BACK),
}
ODD = set(range(3, 64, 2))
ASIDE = ("further back", "at the same place", "further on")
ORDINALS = ("first", "second", "third", "fourth")
ENCODER = nn.TransformerEncoder(
    nn.TransformerEncoderLayer(1600, 25, 6400, batch_first=True, device="meta"), 48, enable_nested_tensor=False
)
STEM = [(7, 2, 3), (3, 2, 1)]
RESNET_18 = STEM + [(3, 1, 1)] * 4 + [(3, 2, 1), (3, 1, 1), (3, 1, 1), (3, 1, 1)] * 3  # its longest way


def u_net(size, *, levels=4, by=2, taller_at=None):
    """The cats of a U-Net that fit, from the deepest, until one fails."""
    skips, joined = [torch.zeros(1, 1, size, size)], []
    with suppress(RuntimeError):
        for _ in range(levels):
            skips.append(nn.MaxPool2d(by)(skips[-1]))
        x = skips.pop()
        for place, skip in enumerate(reversed(skips)):
            x = nn.ConvTranspose2d(1, 1, by, by, output_padding=int(place == taller_at))(x)
            joined.append(torch.cat([skip, x], dim=1))
            x = skip
    return joined


def resnet_window():
    """How many pixels of a wide strip one output of ResNet-18's last add depends on."""
    strip = torch.ones(1, 1, 1024, dtype=torch.float64, requires_grad=True)
    x = strip
    for kernel_size, stride, padding in RESNET_18:
        x = nn.functional.conv1d(x, torch.full((1, 1, kernel_size), 0.3).double(), None, stride, padding)
    x[..., x.shape[-1] // 2].sum().backward()
    return strip.grad.count_nonzero().item()


def resnet_size(size):
    return width(nn.Sequential(*(nn.Conv2d(1, 1, *each) for each in RESNET_18)), size)


def overwritten():
    """The share of outputs that an in-place ReLU at the start of a branch changes."""
    torch.manual_seed(172)
    conv, x = nn.Conv2d(8, 8, 3, padding=1), torch.randn(1, 8, 16, 16)
    meant = x + conv(torch.relu(x))
    share = (meant != x + conv(torch.relu_(x))).float().mean()
    return "none" if share == 0 else "all" if share == 1 else "about half" if 0.4 < share < 0.6 else "some"


def middle(module):
    """The middle of the columns on which the sixth column of the output depends."""
    read = read_columns(module, 64, 5)
    return (read[0] + read[-1]) / 2


RIGHT = {
    "00.branch_shape": tuple(BRANCH(torch.zeros(1, 3, 32, 32)).shape),
    "00.dimension": 2,
    "00.other_size": next(n for n in range(1, 64) if n != 50 and width(CONV, n) == width(CONV, 50)),
    "01.places": width(nn.Conv2d(1, 1, 3), 7),
    "01.padded": width(nn.Conv2d(1, 1, 3, padding=2), 7),
    "01.wasteful": {name for name, (n, conv) in FIVE.items() if len(read_columns(conv, n)) < n},
    "01.span": span(nn.Conv2d(1, 1, 3, dilation=2)),
    "01.axes": tuple(nn.Conv2d(1, 1, (3, 5), (3, 4), (0, 2))(torch.zeros(1, 1, 12, 22)).shape[2:]),
    "01.same": {k for k in range(1, 8) for p in range(4) if width(nn.Conv2d(1, 1, k, padding=p), 9) == 9},
    "01.kept": {n for n in range(1, 200) if width(BRANCH, n) == n},
    "01.receptive_field": span(nn.Sequential(DOWN, DOWN)),
    "01.going_back": width(nn.ConvTranspose2d(1, 1, 3, stride=2, padding=1), 6),
    "01.pooling": nn.MaxPool1d(3)(torch.zeros(1, 1, 12)).shape[-1],
    "01.cost": sum(parameter.numel() for parameter in nn.Conv2d(3, 6, 2).parameters()),
    "01.timed": width(nn.Conv2d(1, 1, 5, stride=2, padding=4, dilation=3), 24),
    "01.halving": next(p for p in range(4) if width(nn.Conv2d(1, 1, 4, stride=2, padding=p), 8) == 4),
    "02.stretched": {name for name, shapes in SIX_ADDS.items() if stretches(*shapes)},
    "02.one_pixel": "stretched",
    "02.thirds": set(range(30, 36)) - agree(nn.Conv2d(3, 3, 1, stride=3), BRANCH, range(30, 36)),
    "02.reads": len(read_pixels(nn.Conv2d(3, 6, 1, stride=2), 32)),
    "02.saves": saved_by_the_skip(),
    "02.climbs": "climbs",
    "02.zero_branch": slope(ResidualBlock(1, 1, init="zero")),
    "02.projected": left_by_projections(),
    "02.in_place": {"A"},
    "02.odd": width(nn.Sequential(DOWN, UP), 15),
    "02.stacked": sum(parameter.numel() for parameter in nn.Conv2d(16 + 16, 16, 3).parameters()),
    "02.runs_at": agree(nn.Sequential(*[nn.Conv2d(1, 1, 2, 2)] * 2), nn.Conv2d(1, 1, 1, 4), range(8, 17)),
    "03.product": (round(math.log10(0.9**45)), round(math.log10(1.1**45))),
    "03.which_explodes": "skip",
    "03.relu_default": "less than a millionth" if median_ratio(measured(20).plain) < 1e-6 else "more",
    "03.directions": "fewer than 100" if surviving() < 100 else "about 200",
    "03.neighbours": "nothing" if abs(neighbours()) < 0.1 else "about half",
    "03.weights": "about the same" if 0.1 < median_ratio(measured(50, init="he").skip, "weights") < 10 else "more",
    "03.unmoved": measured(50, init="zero").skip[0].weights.count(0.0),
    "04.plain_20": "below 15 %",
    "04.adam": ("learns", "guesses"),
    "04.deeper": "they stay the same" if deepened(skip=True) else "they change a little",
    "04.copies": "yes" if deepened(skip=False) else "no",
    "04.degradation": "worse on both",
    "04.trust": "near 0",
    "04.linear": "above 90 %",
    "04.curve": "b",
    "05.typical": sum(k * comb(24, k) for k in range(25)) // 2**24,
    "05.carries": "about 1" if 0.5 < mean_length(carried()) < 1.5 else "about 6",
    "05.lost": ("below 50 %", "above 90 %"),
    "05.first": "one of the first two",
    "05.swapped": ("below 50 %", "above 90 %"),
    "05.nothing": "more than 80 %",
    "05.shares": "it falls",
    "05.slice": "that of the plain network",
    "05.elsewhere": {"plain"},
    "05.setting": "b" if 4 < mean_length(carried(init="he", norm="batch", seed=7)) < 8 else "a",
    "06.meets": (20, width(BRANCH, 20)),
    "06.comes_back": tuple(width(nn.Sequential(down, UP), 15) for down in (nn.MaxPool2d(2), DOWN)),
    "06.odd_images": {name for name, net in DOWN_AND_UP.items() if agree(net, nn.Conv2d(1, 1, 1), ODD) == ODD},
    "06.twenty": "it runs" if len(u_net(20)) == 4 else f"the {ORDINALS[len(u_net(20))]} cat fails",
    "06.moved": "it runs at 16" if len(u_net(16, taller_at=len(u_net(20)))) == 4 else "it fails at 16",
    "06.window": "wider than the image" if resnet_window() > 224 else "between half and all of it",
    "06.smallest": next(size for size in range(1, 33) if resnet_size(size) > 0),
    "06.overwritten": overwritten(),
    "06.apart": ASIDE[1 + int(math.copysign(1, middle(nn.AvgPool2d(4)) - middle(nn.Conv2d(1, 1, 9, 4, 4))))],
    "06.adds": sum(isinstance(layer, nn.LayerNorm) for layer in ENCODER.modules()),  # one behind each add
    "06.levels": {n for n in range(20, 61) if len(u_net(n, levels=3, by=3)) == 3},
}
ALSO_RIGHT = [
    ("01.kept", [4, 3]),
    ("01.axes", [4, 6]),
    ("01.wasteful", ("E", "B")),
    ("01.same", range(1, 8, 2)),
    ("01.places", torch.tensor(5)),
    ("02.one_pixel", " Stretched "),
    ("04.curve", "B"),
    ("06.meets", [20, 8]),
]
MISTAKES = [  # those that are computed or read by code; the others stand in the texts
    ("01.places", 4, "One too few: the window at the very start counts as well. Places are steps plus 1."),
    ("01.places", 7, "Nothing promises that the size stays. Count the places."),
    ("01.places", 2, "You laid windows side by side. They move by the stride, so they may overlap."),
    ("01.padded", 8, "One too few: the window at the very start counts as well. Places are steps plus 1."),
    (
        "01.padded",
        7,
        "You counted the padding once. PyTorch adds it on both sides: n + 2p. Or: "
        "Nothing promises that the size stays. Count the places.",
    ),
    ("01.padded", 5, "You left the padding out."),
    (
        "01.timed",
        9,
        "One too few: the window at the very start counts as well. Places are steps plus 1. "
        "Or: The window spans d·(k − 1) + 1 pixels: not d·k, and not without the + 1.",
    ),
    (
        "01.timed",
        11,
        "This comes out if you round up. A window that hangs over the end does not count: round down. "
        "Or: The window spans d·(k − 1) + 1 pixels: not d·k, and not without the + 1.",
    ),
    ("01.timed", 8, "You counted the padding once. PyTorch adds it on both sides: n + 2p."),
    ("01.timed", 14, "You used the number of taps, k. With dilation the window spans d·(k − 1) + 1 pixels."),
    ("01.timed", 6, "You left the padding out."),
    ("01.timed", 20, "You left the stride out: the window moves several pixels at a time."),
    ("01.timed", 24, "Nothing promises that the size stays. Count the places."),
    ("01.timed", 4, "You laid windows side by side. They move by the stride, so they may overlap."),
]
UNREAD = [
    ("01.places", "five", "The answer is one whole number, in digits alone, such as 7; this is 'five'."),
    ("01.places", 5.2, "The answer is a whole number; this is 5.2 (float)."),
    ("01.places", True, "The answer is one whole number, in digits alone, such as 7; this is True (bool)."),
    ("01.places", b"5", "The answer is one whole number, in digits alone, such as 7; this is b'5' (bytes)."),
    ("01.places", math.nan, "The answer is one whole number, in digits alone, such as 7; this is nan (float)."),
    ("01.axes", (4, 5.5), "The numbers are whole; this is (4, 5.5) (tuple)."),
    ("01.axes", (4, "6 px"), "Each of height, width is one whole number, in digits alone; '6 px' is not."),
    ("02.zero_branch", "one", "The answer is one number, such as 0.5; this is 'one'."),
    (
        "03.product",
        (-2.06, 1.86),
        "The numbers are whole; this is (-2.06, 1.86) (tuple). Give the exponents, rounded: −3 for 1/1000.",
    ),
    (
        "03.product",
        "-45 log 0.9",
        "The answer is 2 whole numbers in order, such as (1, 2); this is '-45 log 0.9'. "
        "Give the exponents, rounded: −3 for 1/1000.",
    ),
    ("01.axes", (4,), "The answer is 2 whole numbers in order, such as (1, 2); this is (4,) (tuple)."),
    ("01.axes", {4, 6}, "The answer is 2 whole numbers in order, such as (1, 2); this is {4, 6} (set)."),
    (
        "01.same",
        None.__class__,
        "The answer is a set, such as {1, 2}, or set() for none; this is <class 'NoneType'> (type).",
    ),
    ("01.same", {3, 9}, "9 is not a whole number from 1 to 7."),
    ("01.same", {True, 3}, "True is not a whole number from 1 to 7."),
    ("01.same", "1, 3, 5, 7, " * 99, "This is too long to be the answer."),
    ("01.kept", [[3]], "The members of the set are single values, not lists."),
    ("01.kept", {200}, "200 is not a whole number from 1 to 199."),
    ("02.one_pixel", "green", 'The answer is one of "error", "stretched", "equal"; this is \'green\'.'),
    ("02.one_pixel", "st", 'The answer is one of "error", "stretched", "equal"; this is \'st\'.'),
    ("04.trust", "n" * 50, 'The answer is one of "near 1", "near 0.5", "near 0"; this is ' + "'" + 38 * "n" + "…."),
]
ALMOST = [
    ("01.places", 5.0, "5"),
    ("01.places", " 5 ", "5"),
    ("01.places", torch.tensor(5.0), "5"),
    ("01.axes", (4, 6.0), "(4, 6)"),
    ("01.axes", "4 × 6", "(4, 6)"),
    ("01.same", "1, 3, 5, 7", "{1, 3, 5, 7}"),
    ("01.wasteful", "BE", "{'B', 'E'}"),
    ("04.plain_20", "below 15%", "'below 15 %'"),
    ("02.one_pixel", "Stretched!", "'stretched'"),
]
WRITTEN = [(question, *row) for question in RIGHT for row in texts(question).get("mistakes", [])]


def as_given(question, written):
    """TOML has lists only: a mistake or an answer as a learner would write it."""
    return type(RIGHT[question])(written)


def holds(sentence, answer):
    """Whether a sentence has the answer, or all members of it, among its words."""
    members = answer if isinstance(answer, (set, tuple)) else [answer]
    return all(re.search(rf"(?<![\w.-]){re.escape(str(each))}(?!\w|\.\d)", sentence) for each in members)


def test_every_question_whose_answer_is_written_is_tested(judges):
    assert {question for question, judge in judges.items() if judge == "check"} == set(RIGHT)


@pytest.mark.parametrize("question", [question for question in RIGHT if "answer" in texts(question)])
def test_written_answer_is_the_computed_one(question):
    assert as_given(question, texts(question)["answer"]) == RIGHT[question]


@pytest.mark.parametrize(("question", "answer"), [*RIGHT.items(), *ALSO_RIGHT])
def test_right_answer_is_confirmed_with_its_reason(question, answer):
    assert repr(check(question, answer)) == f"✓ Right. {texts(question)['reason']}"


@pytest.mark.parametrize(("question", "written", "why"), WRITTEN)
def test_every_written_mistake_is_met_by_its_own_sentence_which_gives_nothing_away(question, written, why):
    feedback = check(question, as_given(question, written))
    assert not feedback.right and why in feedback.message and why.endswith((".", "?"))
    assert not holds(why, RIGHT[question])


@pytest.mark.parametrize(("question", "answer", "said"), MISTAKES)
def test_computed_mistake_is_met_by_its_misconception(question, answer, said):
    assert repr(check(question, answer)) == f"✗ Not yet. {said}"


@pytest.mark.parametrize(("question", "answer", "said"), UNREAD)
def test_answer_that_cannot_be_read_is_met_by_its_form(question, answer, said):
    feedback = check(question, answer)
    assert repr(feedback) == f"≈ Not read. {said}" and not (feedback.read or feedback.right or feedback.wrong)


@pytest.mark.parametrize(("question", "answer", "written"), ALMOST)
def test_right_answer_in_another_form_is_almost_right(question, answer, written):
    feedback = check(question, answer)
    assert repr(feedback) == f"≈ Almost. The value is right. Usually written: {written}. {texts(question)['reason']}"
    assert feedback.read and not feedback.wrong


def test_wrong_answer_in_another_form_is_met_by_its_misconception():
    assert check("01.places", 4.0) == check("01.places", 4)


def test_pair_of_words_says_which_of_the_two_is_right(write_lesson):
    write_lesson(
        "98",
        '[two]\nanswer = ["yes", "no"]\nrows = ["plain", "with a skip"]\noptions = ["yes", "no"]\n'
        'reason = "So."\nhint = "Think."\nmistakes = [[["no", "no"], "No."]]',
    )
    assert check("98.two", ("yes", "no")).right and check("98.two", ["Yes", "no "]).right
    assert check("98.two", ("yes", "yes")).message == "Plain is right, with a skip is not. Think."
    assert check("98.two", ("no", "yes")).message == "Neither is right. Think."
    assert check("98.two", ("no", "no")).message == "No."
    assert check("98.two", ("yes",)).mark == check("98.two", {"yes"}).mark == "≈ Not read."


@pytest.mark.parametrize("given", [1.0, torch.ones(4, 4), torch.tensor(1.0), "1.0"])
def test_gradient_may_be_a_float_or_a_tensor(given, write_lesson):
    write_lesson("98", "[one]\nanswer = 1\nfloat = true\nreason = 'So.'\nhint = 'Think.'\nform = 'A gradient.'")
    assert check("98.one", given).right
    assert check("98.one", 0.5).wrong and check("98.one", torch.tensor([1.0, 2.0])).mark == "≈ Not read."
    assert check("98.one", "x").message.endswith("A gradient.")


@pytest.mark.parametrize("question", RIGHT)
def test_hint_does_not_hold_the_answer(question):
    assert not holds(texts(question)["hint"], RIGHT[question])


@pytest.mark.parametrize("question", [question for question in RIGHT if isinstance(RIGHT[question], int)])
def test_number_that_nobody_expects_is_met_by_the_hint(question):
    assert repr(check(question, -60)) == f"✗ Not yet. {texts(question)['hint']}"


@pytest.fixture
def write_lesson(tmp_path, monkeypatch):
    """Lessons of one's own, in place of those of the package."""

    def write(name, text):
        path = tmp_path / "questions" / f"{name}.toml"
        path.parent.mkdir(parents=True)
        path.write_text(text, encoding="utf-8")

    monkeypatch.setattr(exercises, "files", lambda package: tmp_path)
    monkeypatch.setattr(exercises, "questions_of", exercises.questions_of.__wrapped__)  # reads anew
    return write


def test_two_mistakes_that_lead_to_one_answer_are_both_named(write_lesson):
    write_lesson("98", '[one]\nanswer = 1\nmistakes = [[2, "First."], [3, "No."], [2, "Second."], [2, "First."]]')
    assert check("98.one", 2).message == "First. Or: Second."


@pytest.mark.parametrize(
    ("answer", "options", "example"),
    [
        ("7", "", "such as 8;"),
        ("[1, 2]", "", "such as (2, 3);"),
        ("[4, 5]", "range = [4, 6]", "such as {4},"),
        ('["a", "a"]', 'options = ["a", "b"]\nrows = ["p", "q"]', "such as ('b', 'b');"),
    ],
)
def test_another_example_is_shown_where_the_usual_one_is_right(answer, options, example, write_lesson):
    write_lesson("98", f"[one]\nanswer = {answer}\n{options}")
    assert example in check("98.one", object()).message


def test_translated_lesson_is_asked_by_its_language(write_lesson):
    write_lesson("de/01", '[places]\nanswer = 5\nreason = "Schön: 7 − 3 + 1."')
    assert repr(check("de/01.places", 5)) == "✓ Right. Schön: 7 − 3 + 1."


@pytest.mark.parametrize("question", RIGHT)
def test_no_answer_gives_one_fixed_line(question):
    assert repr(check(question, None)) == UNANSWERED


@pytest.mark.parametrize("question", RIGHT)
def test_nonsense_is_met_by_a_friendly_sentence(question, nonsense):
    if texts(question).get("float") and hasattr(nonsense, "tolist"):
        pytest.skip("a gradient may be a tensor")
    feedback = check(question, nonsense)
    assert not feedback.right and feedback.message.endswith((".", "?"))
    assert "0x" not in repr(feedback)


@pytest.mark.parametrize("question", [question for question in RIGHT if not isinstance(RIGHT[question], str)])
def test_example_of_the_type_is_not_the_answer(question):
    (example,) = re.findall("such as (.+?)(?:;|, or set)", check(question, object()).message)
    kind = float if texts(question).get("float") else type(RIGHT[question])
    assert type(literal_eval(example)) is kind and literal_eval(example) != RIGHT[question]


UNKNOWN = ["01.nothing", "99.places", "places", "", None, "01", "01.", "01.places.x", "de/01.places", "1.places"]
ODD = ["../01.places", "de/../01.places", "DE/01.places", "/01.places", "de//01.places", "٠١.places", "01\n.places"]
ODD += ["01/../02.places", "01\\..\\02.places"]


@pytest.mark.parametrize("question", UNKNOWN + ODD)
def test_unknown_question_is_refused(question):
    with pytest.raises(ValueError, match="`question` must name a question of a lesson, such as"):
        check(question, 1)


@pytest.mark.parametrize("question", ODD)
def test_odd_name_does_not_reach_the_file_system(question, monkeypatch):
    monkeypatch.setattr(exercises, "files", None)
    exercises.questions_of.cache_clear()
    with pytest.raises(ValueError, match="`question` must name a question"):
        check(question, 1)


def test_question_whose_answer_is_run_is_refused_with_the_name_of_the_function(judges):
    tried = {question: judge for question, judge in judges.items() if judge != "check"}
    assert tried and {judge for judge in tried.values() if not hasattr(trials, judge)} <= {*dir(experiments)}
    for question, judge in tried.items():
        for answer in (None, 1):
            with pytest.raises(ValueError, match=f"must be one for `check`; '{question}' is for `{judge}`"):
                check(question, answer)


def test_asking_and_checking_need_neither_torch_nor_numpy():
    asked = f"for question, answer in {RIGHT!r}.items(): assert check(question, answer).right; check(question, None)"
    code = f"import sys, skiplib.trials; from skiplib.exercises import check\n{asked}\nprint(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "skiplib.exercises" in loaded and not {"torch", "numpy"} & set(loaded)


KEYS = {
    "ask",
    "about",
    "fields",
    "rows",
    "float",
    "form",
    "answer",
    "size",
    "options",
    "range",
    "button",
    "reason",
    "hint",
    "mistakes",
    "run",
}
ONE_OF = {"answer", "size", "run"}  # where the answer comes from


def faults(questions, original=None):
    """What is wrong with the questions of a lesson, or with a translation of them."""
    for name, known in questions.items():
        if known.keys() - KEYS or len(known.keys() & ONE_OF) != 1:
            yield f"{name}: {sorted(known)}"
        elif "run" not in known and not {"reason", "hint"} <= known.keys():
            yield f"{name} needs a reason and a hint"
        elif isinstance(known.get("answer"), str) and known["answer"] not in known.get("options", ()):
            yield f"{name}: the answer is not among the options"
    for name, known in (original or {}).items():
        theirs = questions.get(name, {})
        shape = [(key, type(value), len(value) if isinstance(value, list) else 0) for key, value in known.items()]
        if shape != [(key, type(each), len(each) if isinstance(each, list) else 0) for key, each in theirs.items()]:
            yield f"{name} differs from its original"


FOLDER = Path(exercises.__file__).parent / "questions"


@pytest.mark.parametrize("path", sorted(FOLDER.glob("**/*.toml")), ids=lambda path: str(path.relative_to(FOLDER)))
def test_lesson_and_translation_have_all_that_a_question_needs(path):
    original = FOLDER / path.name
    pair = [tomllib.loads(each.read_text(encoding="utf-8")) for each in (path, original)]
    assert list(faults(*pair)) == []


@pytest.mark.parametrize(
    ("table", "fault"),
    [
        ('answer = "x"\noptions = ["y"]\nreason = "r"\nhint = "h"', "the answer is not among the options"),
        ("answr = 1\nreason = 'r'\nhint = 'h'", "answr"),
        ("answer = 1\nreason = 'r'", "needs a reason and a hint"),
        ("answer = 1\nreason = 'r'\nhint = 'h'\nmistakes = [[2, 'w']]", "differs from its original"),
    ],
)
def test_fault_of_a_teacher_is_named(table, fault):
    original = {"q": {"answer": 1, "reason": "r", "hint": "h", "mistakes": []}}
    assert any(fault in each for each in faults(tomllib.loads(f"[q]\n{table}"), original))


def test_option_may_have_a_capital_letter(monkeypatch):
    known = {"answer": "Fehler", "options": ["Fehler", "gut"], "reason": "So ist es.", "hint": "Nein."}
    monkeypatch.setattr(exercises, "questions_of", lambda lesson: {"wort": known})
    assert check("de/98.wort", " fehler ").right and check("de/98.wort", "Fehler").right
    assert check("de/98.wort", "gut").message == "Nein."  # and without mistakes the hint serves


def test_feedback_is_escaped_html_with_a_sign_besides_the_colour():
    html = check("01.places", "<img onerror=alert(1)>")._repr_html_()
    assert "<img" not in html and "&lt;img" in html and "≈ Not read." in html
    assert "✗ Not yet." in check("01.places", 4)._repr_html_()
