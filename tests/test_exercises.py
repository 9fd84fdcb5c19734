import math

import pytest
import torch
from torch import nn

from skiplib.exercises import UNANSWERED, check, number
from skiplib.questions import lesson_00, lesson_01, lesson_02, lesson_03, lesson_04

CONV = nn.Conv2d(1, 1, kernel_size=2, stride=2, padding=2)
BRANCH = nn.Sequential(nn.Conv2d(3, 6, 2, stride=2, padding=2), nn.Conv2d(6, 3, 2, stride=2, padding=2))


def width(module, size):
    return module(torch.zeros(1, next(module.parameters()).shape[1], size, size)).shape[-1]


def formula(input_size, kernel_size, stride, padding, dilation):
    return (input_size + 2 * padding - dilation * (kernel_size - 1) - 1) // stride + 1


def forgets_one(n, k, s, p, d):
    return formula(n, k, s, p, d) - 1


def divides(n, k, s, p, d):
    return (n + 2 * p - d * (k - 1) - 1) / s + 1


def rounds_up(n, k, s, p, d):
    return -(-(n + 2 * p - d * (k - 1) - 1) // s) + 1


def pads_once(n, k, s, p, d):
    return (n + p - d * (k - 1) - 1) // s + 1


def forgets_the_span(n, k, s, p, d):
    return (n + 2 * p - k) // s + 1


RIGHT = {
    "00.branch_shape": tuple(BRANCH(torch.zeros(1, 3, 32, 32)).shape),
    "00.dimension": 2,
    "00.other_size": next(n for n in range(1, 64) if n != 32 and width(CONV, n) == width(CONV, 32)),
    "01.places": width(nn.Conv2d(1, 1, 3), 7),
    "01.padded": width(nn.Conv2d(1, 1, 3, padding=2), 7),
    "01.wasteful": {"B", "E"},
    "01.span": 5,
    "01.axes": tuple(nn.Conv2d(1, 1, (3, 5), (3, 4), (0, 1))(torch.zeros(1, 1, 12, 20)).shape[2:]),
    "01.same": {1, 3, 5, 7},
    "01.kept": {n for n in range(1, 200) if width(BRANCH, n) == n},
    "01.receptive_field": 7,
    "01.going_back": nn.ConvTranspose2d(1, 1, 3, stride=2, padding=1)(torch.zeros(1, 1, 6, 6)).shape[-1],
    "01.cost": sum(parameter.numel() for parameter in nn.Conv2d(3, 6, 2).parameters()),
    "01.timed": width(nn.Conv2d(1, 1, 5, stride=2, padding=4, dilation=3), 24),
    "01.formula": formula,
    "01.halving": 1,
    "01.keeping": (3, 1, 1),
    "02.stretched": {"B", "C", "F"},
    "02.one_pixel": "stretched",
    "02.thirds": {31, 34, 35},
    "02.climbs": "climbs",
    "02.zero_branch": 1,
    "02.in_place": {"A"},
    "02.odd": nn.ConvTranspose2d(1, 1, 2, stride=2)(nn.Conv2d(1, 1, 3, 2, 1)(torch.zeros(1, 1, 15, 15))).shape[-1],
    "02.repair_1": nn.Conv2d(3, 6, kernel_size=1, stride=2),
    "02.repair_2": nn.Conv2d(1, 16, kernel_size=1),
    "02.repair_3": nn.Conv2d(3, 3, kernel_size=4, stride=4, padding=6),
    "02.runs_at": {8, 12, 16},
    "02.fitting": (7, 4, 3),
    "03.product": (round(math.log10(0.9**50)), round(math.log10(1.1**50))),
    "03.which_explodes": "skip",
    "03.relu_default": "less than a millionth",
    "03.sigmoid": ("vanishes", "holds"),
    "03.he": ("holds", "explodes"),
    "03.scaled": ("holds", "holds"),
    "03.batch": ("explodes", "holds"),
    "03.tanh": ("holds", "holds"),
    "03.directions": "fewer than 10",
    "03.neighbours": "nothing",
    "03.weights": "about the same",
    "03.unmoved": 24,
    "03.order": round(math.log10(0.5**30)),
    "03.worse": {"depth": 30, "init": "he"},
    "03.alpha": 1 / math.sqrt(50),
    "04.plain_20": "below 15 %",
    "04.degradation": "worse on both",
    "04.trust": "near 0",
    "04.linear": "above 90 %",
    "04.rescue": {"init": "he", "norm": "batch", "epochs": 8},
    "04.curve": "b",
}
ALSO_RIGHT = [
    ("01.keeping", (5, 1, 2)),
    ("01.kept", [4, 3]),
    ("01.axes", [4, 5]),
    ("01.wasteful", ("E", "B")),
    ("02.one_pixel", " Stretched "),
    ("02.fitting", (1, 4, 0)),
    ("03.batch", [" Explodes", "HOLDS"]),
    ("03.worse", {"init": "he", "channels": 32}),
    ("03.alpha", 0.1),
    ("04.curve", "B"),
    ("04.rescue", {"activation": "tanh", "init": "xavier", "epochs": 6}),
    ("03.alpha", 0.1415),
    ("02.repair_1", nn.Sequential(nn.Conv2d(3, 6, 3, stride=2, padding=1), nn.BatchNorm2d(6))),
]
MISTAKES = [
    ("00.branch_shape", (1, 3, 32, 32), "what the article prints"),
    ("00.branch_shape", (1, 3, 8, 8), "also pads 2 pixels"),
    ("00.branch_shape", (1, 3, 16, 16), "two convolutions, and both pad"),
    ("00.branch_shape", (1, 3, 12, 12), "laid side by side"),
    ("00.branch_shape", (1, 3, 9, 9), "padding counts once"),
    ("00.branch_shape", (1, 3, 18, 18), "a second one follows"),
    ("00.branch_shape", (1, 6, 18, 18), "a second one follows"),
    ("00.branch_shape", (1, 6, 11, 11), "gives 3 channels"),
    ("00.dimension", 3, "the widths are equal"),
    ("00.dimension", 1, "both have 3"),
    ("00.dimension", -2, "counts from the front"),
    ("00.other_size", 32, "which other one"),
    ("00.other_size", 31, "no longer fits"),
    ("00.other_size", 34, "one more window"),
    ("01.places", 4, "One too few"),
    ("01.places", 7, "Nothing promises"),
    ("01.places", 2, "side by side"),
    ("01.padded", 8, "One too few"),
    ("01.padded", 7, "padding once"),
    ("01.padded", 5, "left the padding out"),
    ("01.wasteful", {"B"}, "between two windows"),
    ("01.wasteful", {"E"}, "past the last window"),
    ("01.wasteful", {"B", "C"}, "look between windows"),
    ("01.wasteful", {"B", "C", "E"}, "a pixel of the image"),
    ("01.wasteful", {"C", "E"}, "is padding"),
    ("01.wasteful", set(), "Some do"),
    ("01.span", 6, "k − 1 steps"),
    ("01.span", 3, "number of taps"),
    ("01.span", 4, "Count both end pixels"),
    ("01.axes", (5, 4), "height comes first"),
    ("01.axes", (3, 4), "One too few"),
    ("01.axes", (4, 4), "width's padding"),
    ("01.same", set(range(1, 8)), "Try kernel 2"),
    ("01.same", {3, 5, 7}, "padding 0"),
    ("01.same", {3}, "Others work"),
    ("01.same", {2, 4, 6}, "other way round"),
    ("01.kept", set(), "tiny ones grow"),
    ("01.kept", {4}, "One more size"),
    ("01.kept", {3}, "One more size"),
    ("01.kept", {11}, "11 becomes 5"),
    ("01.wasteful", {"B", "D", "E"}, "three windows of 3"),
    ("01.wasteful", {"B", "C", "D", "E"}, "D leaves nothing over"),
    ("01.axes", (4, 6), "rounded the width up"),
    ("01.same", {1, 3, 5}, "One more"),
    ("01.kept", {1, 3, 4}, "1 becomes 3"),
    ("01.receptive_field", 3, "one convolution"),
    ("01.receptive_field", 5, "holds for stride 1"),
    ("01.receptive_field", 9, "overlap"),
    ("01.receptive_field", 4, "the published branch"),
    ("01.going_back", 12, "the smaller"),
    ("01.going_back", 13, "cropped off again"),
    ("01.going_back", 3, "goes up"),
    ("02.stretched", {"B"}, "not the only size"),
    ("02.in_place", {"A", "D"}, "saved its input"),
    ("02.in_place", {"A", "B", "D"}, "Two of these raise"),
    ("02.in_place", {"B", "D"}, "Those two raise"),
    ("03.product", (-1, 1), "halved seven times"),
    ("03.product", (2, -2), "other way round"),
    ("03.product", (-50, 50), "0.1^50"),
    ("03.product", (-3, 2), "nearer to 1/100"),
    ("03.product", (-2, 3), "nearer to 100"),
    ("03.which_explodes", "plain", "below 1 every plain block"),
    ("03.which_explodes", "both", "below 1 every plain block"),
    ("03.which_explodes", "neither", "never below 1"),
    ("03.relu_default", "more", "above 1"),
    ("03.relu_default", "about a tenth", "what one block leaves"),
    ("03.relu_default", "about a thousandth", "Three or four blocks"),
    ("03.sigmoid", ("vanishes", "vanishes"), "Plain is right, skip is not. The slope"),
    ("03.sigmoid", ("holds", "holds"), "Skip is right, plain is not."),
    ("03.he", ("vanishes", "holds"), "Neither is right."),
    ("03.scaled", ("vanishes", "holds"), "has no alpha"),
    ("03.batch", ("holds", "holds"), "cannot be computed with q"),
    ("03.tanh", ("vanishes", "explodes"), "made for tanh"),
    ("03.directions", "all 64", "treat all directions alike"),
    ("03.directions", "about 30", "50 layers"),
    ("03.neighbours", "nearly everything", "after one block"),
    ("03.neighbours", "about half", "on the way down"),
    ("03.weights", "a thousandth", "And the activation?"),
    ("03.weights", "a thousand times", "counts, too"),
    ("03.unmoved", 0, "back through a zero layer"),
    ("03.unmoved", 48, "does get a gradient"),
    ("03.unmoved", 49, "before all blocks"),
    ("03.unmoved", 25, "through the skips"),
    ("03.unmoved", 1, "every branch"),
    ("03.order", 9, "mind the sign"),
    ("03.order", -30, "0.1^30"),
    ("03.order", -15, "a half is not 0.1"),
    ("03.order", -10, "a little more"),
    ("03.worse", {"norm": "batch", "init": "he"}, "plain 1e4, skip 1e2. Look for"),
    ("03.worse", {"init": "he", "depth": 20}, "plain 1, skip 10. Look for"),
    ("03.worse", {"init": "he", "depth": 200}, "depth of 100"),
    ("03.worse", {"init": "he", "channels": 64}, "32 channels"),
    ("03.worse", {"init": "zero"}, "plain not a number, skip 1"),
    ("03.worse", {"depth": 51}, "must be even"),
    ("03.worse", {"depth": "50"}, "does not run"),
    ("03.worse", {"dept": 50}, "no setting 'dept'"),
    ("03.worse", {"init": ["he"]}, "does not run"),
    ("03.alpha", 0, "do nothing at all"),
    ("03.alpha", -0.1, "negative sign"),
    ("03.alpha", 2, "smaller than 1"),
    ("03.alpha", 0.2, "multiply by 2.67"),
    ("03.alpha", 0.05, "May alpha be larger?"),
    ("03.alpha", "0.1", "is a number"),
    ("04.plain_20", "above 90 %", "hardly get a gradient"),
    ("04.plain_20", "50 to 90 %", "near the output"),
    ("04.degradation", "as well", "large gradient enough"),
    ("04.degradation", "overfits", "well on the training digits"),
    ("04.trust", "near 1", "would train"),
    ("04.trust", "near 0.5", "At 20 layers"),
    ("04.linear", "50 to 90 %", "easier than they look"),
    ("04.linear", "below 15 %", "guessing"),
    ("04.rescue", {}, "It reaches 11% on the training digits. That is guessing."),
    ("04.rescue", {"norm": "batch", "epochs": 2}, "It learns. Give it more epochs"),
    ("04.rescue", {"init": "he", "lr": 100}, "not finite any more"),
    ("04.rescue", {"epochs": 9}, "8 epochs or less"),
    ("04.rescue", {"skip": True}, "no setting 'skip'"),
    ("04.rescue", {"lr": "fast"}, "`lr` must be a positive number"),
    ("04.rescue", {"norm": ["batch"]}, "does not run"),
    ("04.curve", "a", "1e-20"),
    ("04.curve", "c", "within an epoch"),
    ("04.curve", "d", "near 1e-9"),
    ("02.runs_at", {8, 12}, "one more"),
    ("01.cost", 72, "bias"),
    ("01.cost", 30, "3 input channels"),
    ("01.cost", 42, "2 wide and 2 high"),
    ("01.cost", 73, "one bias for every"),
    ("01.timed", 9, "One too few"),
    ("01.timed", 11, "rounded up"),
    ("01.timed", 8, "padding once"),
    ("01.timed", 14, "number of taps"),
    ("01.timed", 6, "padding out"),
    ("01.timed", 20, "stride out"),
    ("01.timed", 24, "Nothing promises"),
    ("01.formula", forgets_one, "One too few"),
    ("01.formula", divides, "divide with //"),
    ("01.formula", rounds_up, "rounded up"),
    ("01.formula", pads_once, "padding once"),
    ("01.formula", forgets_the_span, "number of taps"),
    ("01.formula", lambda *setting: 1, "first for input_size=15"),
    ("01.formula", lambda n: n, "raised TypeError"),
    ("01.formula", lambda *setting: None if setting[-1] > 1 else formula(*setting), "It is wrong for"),
    ("01.halving", 2, "8 becomes 5"),
    ("01.halving", 0, "8 becomes 3"),
    ("01.keeping", (1, 1, 0), "sees no neighbours"),
    ("01.keeping", (3, 2, 1), "Stride 2"),
    ("01.keeping", (2, 1, 1), "odd number"),
    ("01.keeping", (3, 1, 2), "34 and then 36"),
    ("01.keeping", (3, 1, 0), "30 and then 28"),
    ("01.keeping", (0, 1, 0), "PyTorch refuses"),
    ("01.keeping", (9, 1, 0), "24 and then 16"),
    ("01.keeping", (35, 1, 0), "too small"),
    ("02.stretched", {"B", "C"}, "in F, 1 meets 8"),
    ("02.stretched", {"B", "C", "E", "F"}, "In E"),
    ("02.stretched", {"A", "B", "C", "F"}, "In A"),
    ("02.stretched", {"A", "E"}, "silent ones"),
    ("02.stretched", {"D"}, "nothing needs stretching"),
    ("02.stretched", set(), "without a word"),
    ("02.one_pixel", "error", "neither of them is 1"),
    ("02.one_pixel", "fine", "not equal"),
    ("02.one_pixel", "green", "one of"),
    ("02.thirds", set(), "Try the neighbours"),
    ("02.thirds", {30, 31, 33, 34, 35}, "some of its neighbours"),
    ("02.thirds", {30, 32, 33}, "where it fits"),
    ("02.climbs", "falls", "negative"),
    ("02.climbs", "stays", "zero on average"),
    ("02.zero_branch", 0, "by the other way"),
    ("02.zero_branch", 2, "multiplies by 0"),
    ("02.in_place", {"B"}, "what relu saved"),
    ("02.in_place", {"D"}, "what the convolution saved"),
    ("02.in_place", {"C"}, "C is fine"),
    ("02.in_place", {"A", "B"}, "B is noticed"),
    ("02.in_place", {"A", "C"}, "C is fine"),
    ("02.in_place", set(), "says nothing"),
    ("02.odd", 15, "does not bring it back"),
    ("02.odd", 14, "15 becomes 8 and not 7"),
    ("02.odd", 7, "both steps"),
    ("02.odd", 8, "small size"),
    ("02.repair_1", nn.Identity(), "the skip gives (2, 3, 8, 12) and the branch (2, 6, 4, 6)"),
    ("02.repair_1", nn.Conv2d(3, 6, 2, stride=2), "It fits 17 of 33 sizes. At size 9"),
    ("02.repair_1", nn.Conv2d(3, 1, 1, stride=2), "(2, 1, 4, 6) is stretched to (2, 6, 4, 6)"),
    ("02.repair_1", nn.Conv2d(3, 1, 2, stride=2, padding=1), "It fits 0 of 33 sizes"),
    ("02.repair_1", nn.Conv2d(4, 6, 1, stride=2), "your shortcut raised"),
    ("02.repair_1", nn.Conv2d, "such as nn.Identity()"),
    ("02.repair_2", nn.Identity(), "(2, 1, 8, 12) is stretched"),
    ("02.repair_3", nn.Conv2d(3, 3, 1, stride=3), "see `compose` in lesson 01"),
    ("02.runs_at", set(range(8, 17)), "Try n = 9"),
    ("02.runs_at", {8, 10, 12, 14, 16}, "Try n = 10"),
    ("02.runs_at", {8, 16}, "one between"),
    ("02.fitting", (1, 2, 0), "How far apart"),
    ("02.fitting", (3, 4, 0), "It misses"),
    ("02.fitting", (9, 4, 0), "PyTorch refuses"),
]
NONSENSE = [
    "many",
    3.5,
    True,
    object(),
    {"a": 1},
    [[1], [2]],
    (None,) * 4,
    (1,),
    float("nan"),
    -(10**9),
    b"5",
    int,
    torch.tensor(5.5),
    torch.ones(3),
    (torch.ones(2), torch.ones(2)),
    {object()},
    lambda: 0,
    lambda *numbers: torch.ones(2),
]


def test_every_question_is_tested():
    lessons = {"00": lesson_00, "01": lesson_01, "02": lesson_02, "03": lesson_03, "04": lesson_04}
    questions = {f"{number}.{name}" for number, lesson in lessons.items() for name in lesson.QUESTIONS}
    assert questions == set(RIGHT) == {question for question, _, _ in MISTAKES}


@pytest.mark.parametrize(("question", "answer"), [*RIGHT.items(), *ALSO_RIGHT])
def test_right_answer_is_confirmed_with_its_reason(question, answer):
    feedback = check(question, answer)
    assert feedback.right and repr(feedback).startswith("✓ Right. ") and len(feedback.message) > 10


@pytest.mark.parametrize(("question", "answer", "said"), MISTAKES)
def test_mistake_is_met_by_its_misconception(question, answer, said):
    feedback = check(question, answer)
    assert not feedback.right and said in feedback.message


@pytest.mark.parametrize("question", RIGHT)
def test_no_answer_gives_one_fixed_line(question):
    assert repr(check(question, None)) == UNANSWERED


@pytest.mark.parametrize("answer", NONSENSE, ids=lambda answer: type(answer).__name__)
@pytest.mark.parametrize("question", RIGHT)
def test_nonsense_is_met_by_a_friendly_sentence(question, answer):
    feedback = check(question, answer)
    assert not feedback.right and feedback.message.endswith((".", "?"))
    assert "0x" not in repr(feedback)


@pytest.mark.parametrize(
    ("question", "answer"),
    [("01.places", 6), ("01.timed", 13), ("01.kept", {7}), ("01.span", 9), ("01.cost", 1), ("00.other_size", 5)],
)
def test_other_wrong_answers_get_a_hint_and_not_the_answer(question, answer):
    feedback = check(question, answer)
    right = RIGHT[question]
    numbers = set(feedback.message.replace(",", " ").replace(".", " ").replace("?", " ").split())
    assert not feedback.right and not numbers & {
        str(number) for number in (right if isinstance(right, set) else {right})
    }


def test_checking_a_repair_leaves_the_module_and_the_random_numbers_as_they_were():
    module = nn.Sequential(nn.Conv2d(3, 6, 1, stride=2), nn.BatchNorm2d(6))
    before = torch.get_rng_state()
    assert check("02.repair_1", module).right
    assert module[1].num_batches_tracked == 0 and torch.equal(torch.get_rng_state(), before)


def test_repair_that_fits_squares_only_is_not_right():
    class Square(nn.Module):
        def forward(self, x):
            return nn.functional.interpolate(x, size=x.shape[-2] // 4 + 3)

    assert not check("02.repair_3", Square()).right


def test_function_that_returns_nothing_is_not_answered_yet():
    assert repr(check("01.formula", lambda *setting: None)) == UNANSWERED


def test_reasons_of_one_mistake_are_each_said_once():
    judge = number(1, reason="", hint="", mistakes=[(2, "One."), (2, "Two."), (2, "One."), (3, "Three.")])
    assert judge(2).message == "One. Or: Two."


@pytest.mark.parametrize("question", ["01.nothing", "99.places", "places", "", None, "../01.places", "01.places.x"])
def test_unknown_question_is_refused(question):
    with pytest.raises(ValueError, match="`question` must name a question"):
        check(question, 1)


def test_feedback_is_escaped_html_with_a_sign_besides_the_colour():
    html = check("01.places", "<img onerror=alert(1)>")._repr_html_()
    assert "<img" not in html and "&lt;img" in html and "✗ Not yet." in html
