"""What holds for every question of every lesson, whatever is handed in: nothing raises, nothing gives it away."""

import math
import re
import sys
from ast import literal_eval
from decimal import Decimal
from fractions import Fraction
from functools import partial
from itertools import combinations, islice, permutations, product
from unittest.mock import ANY

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from test_exercises import RIGHT
from test_run_answers import TRY
from torch import nn

from skiplib.answers import kind_of, options_of
from skiplib.arithmetic import ConvGeometry
from skiplib.exercises import check, texts
from skiplib.explorers.asking import ask
from skiplib.explorers.entries import Fields

JUDGES = {question: partial(check, question) for question in RIGHT} | TRY
every_question = pytest.mark.parametrize("question", JUDGES)
KINDS = {  # one question for each way in which an answer is read or run
    (judge.func.__name__, kind_of(known), bool(known.get("float")), "range" in known): question
    for question, judge in JUDGES.items()
    for known in [texts(question, judge.func.__name__)]
}


def test_every_question_is_here(judges):
    assert judges.keys() == JUDGES.keys()


# whatever is handed in


def raises(error):
    def method(*_, **__):
        raise error.with_traceback(None)  # else it would grow from time to time

    return method


TOUCHES = re.findall(
    r"\w+",
    "__repr__ __str__ __iter__ __len__ __index__ __hash__ __eq__ __ne__ __bool__ __float__ __getitem__ __call__ "
    "__lt__ __getattribute__ __reduce_ex__ strip lower items item tolist eval to",
)
BASES = [object, list, tuple, dict, set, str, int, float, nn.Module]


def nasty(base, touch, error):
    """Something that raises when it is touched in one way."""
    kind = type("Nasty", (base,), {touch: raises(error)})
    try:
        return kind()
    except (Exception, SystemExit):
        return kind.__new__(kind)


class Lies:
    @property
    def __class__(self):
        raise RuntimeError("no")


class NeverEnds(list):
    def __iter__(self):
        while True:
            yield 1


class Forgets(nn.Module):
    """It has no ``super().__init__()``."""

    def __init__(self):
        self.depth = 3


class Keeps(nn.Module):
    """It holds a generator and its last output, and so cannot be copied."""

    def __init__(self):
        super().__init__()
        self.conv, self.numbers = nn.Conv2d(3, 6, 1, 2), iter([])
        self(torch.rand(1, 3, 8, 8))

    def forward(self, x):
        self.last = self.conv(x)
        return self.last


def around_itself(made):
    made.append(made)
    return made


def nested(made):
    for _ in range(3000):
        made = [made]
    return made


def writes_to(x, *_):
    x.resize_(0)
    return x


NUMBERS = [
    *(10**5000, -(10**5000), 10**400, 10**30 + 1, 2**63, 1e308, 1e30, -1e30, math.inf, -math.inf, math.nan, 5e-324),
    *(1j, Decimal("NaN"), Fraction(10**400), True, np.bool_(True), np.float16(65504), np.longdouble("1e400")),
    *(np.array([]), np.array([5.0, 6.0]), np.array([None]), np.array(["z"]), np.datetime64("2020"), np.ma.masked),
    *(torch.tensor(True), torch.tensor([3, 2]), torch.tensor(math.nan), torch.tensor(1e30), torch.zeros(0)),
    *(torch.tensor(1j), torch.empty(2, device="meta"), torch.eye(3).to_sparse(), torch.zeros(2000)),
]
TEXTS = ["9" * 5000, "a" * 10**6, "1e999", "∞", "\ud800", "\0", "<script>", "`x`", " ", "", "−", "3 " * 2000, "0x10"]
THINGS = [
    *(around_itself([]), nested([]), NeverEnds([1]), range(10**12), iter([1]), memoryview(b"5"), Ellipsis, object()),
    *(
        NotImplemented,
        Lies(),
        ANY,
        sys,
        type,
        int,
        print,
        exit,
        nn.Conv2d,
        torch.float32,
        slice(1, 2),
        Exception("x"),
    ),
    *(Forgets(), Keeps(), nn.Module(), nn.Sequential(), nn.ModuleList(), nn.LSTM(3, 3), nn.Embedding(3, 3)),
    *(nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 6, 1, 2)), nn.Conv2d(3, 6, 1, 2, device="meta")),
    *(ConvGeometry(10**30), ConvGeometry(1, padding=10**30), ConvGeometry(1, stride=10**30), writes_to),
    *(lambda *_: sys.exit("x"), lambda *_: 1 / 0, lambda *_: writes_to, raises(StopIteration()), lambda x: x.data),
    *({1: 2}, {None: 1}, {"": 1}, {"a" * 10**5: 1}, {"<b>": 1}, {"depth": {}}, {"depth": -1}, {"channels": 0}),
]
ERRORS = [
    RuntimeError("<b>" * 99),
    ValueError("1\n2"),
    SystemExit(1),
    RecursionError(),
    MemoryError(),
    AttributeError(),
]
NASTY = [nasty(base, touch, error) for base in BASES for touch in TOUCHES for error in ERRORS]
ANYTHING = [*NUMBERS, *TEXTS, *THINGS, *NASTY]
NAMES = st.sampled_from(["depth", "alpha", "channels", "norm", "init", "lr", "epochs", "optimizer", "Depth", "x", ""])
PLANS = st.recursive(  # numbers of ANYTHING, since hypothesis shows what it drew, and not all can be shown
    st.integers(0, len(ANYTHING) - 1),
    lambda inner: (
        st.tuples(st.sampled_from(["list", "tuple", "function"]), st.lists(inner, min_size=1, max_size=4))
        | st.tuples(st.just("dict"), st.dictionaries(NAMES, inner, min_size=1, max_size=2))
    ),
    max_leaves=4,
)


def made(plan):
    if isinstance(plan, int):
        return ANYTHING[plan]
    kind, parts = plan
    if kind == "dict":
        return {name: made(part) for name, part in parts.items()}
    parts = [made(part) for part in parts]
    return {"list": parts, "tuple": tuple(parts), "function": lambda *_: parts[0]}[kind]


def handed_in(answer, question):
    """The feedback to it, of which nothing is longer, or says more, than it should."""
    feedback = JUDGES[question](answer)
    said = feedback.message
    assert said.endswith((".", "?")) and "Exceeds" not in said and "0x7" not in said, question
    assert len(said) < 480 and (feedback.wrong or len(said) < 250), said
    html = feedback._repr_html_()
    assert "<script" not in html and "<b><b>" not in html
    return feedback


@pytest.mark.parametrize("place", range(len(NUMBERS + TEXTS + THINGS)))
def test_nothing_that_is_handed_in_raises(place):
    answer = ANYTHING[place]
    for question in JUDGES:
        right = handed_in(answer, question).right
        assert not right or (question == "02.repair_1" and issubclass(type(answer), nn.Module)), question


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("touch", TOUCHES)
def test_what_raises_when_it_is_touched_is_met_by_a_sentence(base, touch):
    for error in ERRORS[:3]:
        answer = nasty(base, touch, error)
        for question in KINDS.values():
            handed_in(answer, question)


@given(PLANS, st.sampled_from([*JUDGES]))
def test_nothing_that_is_put_together_raises(plan, question):
    handed_in(made(plan), question)


TOO_LARGE = [1e30, -1e30, 1e308, 10**400, 10**5000, math.inf, -math.inf, math.nan, torch.tensor(1e30), "1e30", "nan"]


@pytest.mark.parametrize("question", KINDS.values())
def test_what_overflows_is_never_right(question):
    for number in TOO_LARGE:
        settings = [{name: number} for name in ("alpha", "lr", "depth", "channels", "epochs")]
        settings += [{"init": "he", "alpha": number}, {"depth": 4, "alpha": number}]
        for answer in (number, (number,) * 2, (3, 1, number), {number}, lambda *_, n=number: n, *settings):
            assert not handed_in(answer, question).right


@pytest.mark.parametrize("alpha", [1e5, 1e30, -1e30, 1e308, 10**300, math.nan])
def test_overflow_is_not_measured(alpha):
    for depth in (4, 50):
        feedback = TRY["03.worse"]({"depth": depth, "alpha": alpha})
        assert not feedback.right and "First to last" not in feedback.message


@every_question
def test_an_interruption_gets_through(question):
    stopped = type(
        "Stopped", (), {"__class__": property(raises(KeyboardInterrupt())), "__call__": raises(KeyboardInterrupt())}
    )
    with pytest.raises(KeyboardInterrupt):
        JUDGES[question](stopped())


# the answer, in what is said to a wrong one

WORDS = re.findall(  # "one" is an article, too
    r"[-\w]+",
    "zero - two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty",
)
ODD = [
    "x",
    "x y",
    "",
    b"x",
    5.5,
    object(),
    {},
    [],
    (),
    set(),
    {"a": 2},
    [[], []],
    ("x", "y"),
    (None,) * 4,
    {object()},
]


def names(sentence, member, *, in_words):
    """Whether a sentence has a member of an answer among its words: as an option, in digits, or in words, too."""
    written = {str(member), str(member).replace("-", "−")}
    if in_words and 0 <= member <= 20 and member != 1:
        written |= {WORDS[member], WORDS[member].capitalize()}
    return any(re.search(rf"(?<![\w.^−-]){re.escape(word)}(?![\w^]|\.\d)", sentence) for word in written)


def wrong_answers(question):
    """Of the kind that is asked for, and of others."""
    right, known = RIGHT[question], texts(question)
    yield from ODD
    yield from (type(right)(mistake) for mistake, _ in known.get("mistakes", []))
    if isinstance(right, int):
        yield from range(-200, 1200)
        yield from (number + 0.5 for number in range(-5, 60))
    elif isinstance(right, str):
        yield from known["options"]
    elif isinstance(right, set):
        options = list(options_of(known))
        yield from (set(some) for count in range(4) for some in islice(combinations(options, count), 400))
        yield from (right ^ {option} for option in options)
        yield from (right | {stranger} for stranger in ("z", 999, 2.5))
    elif "options" in known:
        yield from product(known["options"], repeat=len(right))
    else:
        yield from permutations(right)
        for place, other in product(range(len(right)), [*range(-50, 50), 2.5, "x", None]):
            yield (*right[:place], other, *right[place + 1 :])


def missing(right, answer):
    """What of the right answer the learner has not said."""
    if isinstance(right, set):
        return right - (answer if isinstance(answer, set) else set())
    if isinstance(right, tuple):
        alike = isinstance(answer, tuple) and len(answer) == len(right)
        return [member for place, member in enumerate(right) if not (alike and answer[place] == member)]
    return [right]


@pytest.mark.parametrize("question", RIGHT)
def test_what_is_said_to_a_wrong_answer_does_not_hold_the_right_one(question):
    right = RIGHT[question]
    for answer in wrong_answers(question):
        feedback = check(question, answer)
        said = re.sub(r"such as [{\d].*?;|this is .*", "", feedback.message)  # examples are tried below
        said = re.sub("^The answer is one of .*", "", said)  # and all that may be chosen says nothing
        left, in_words = missing(right, answer), isinstance(right, int)
        named = [names(said, member, in_words=in_words) for member in left]
        assert feedback.right or not named or not all(named), (answer, said)


@every_question
def test_no_example_is_the_answer(question):
    for answer in ODD:
        said = JUDGES[question](answer).message
        for example in re.findall(r"such as (.+?)(?:; this is|, or set\(\)|\.$)", said):
            if example != "nn.Identity()":
                assert not JUDGES[question](literal_eval(example)).right, example


@pytest.mark.parametrize("question", [question for question in RIGHT if "ask" in texts(question)])
def test_field_takes_any_text_and_says_nothing(question):
    asked = ask(question)
    typed = [*TEXTS, "5" * 40, "1e400", "None", "[[]]", "{1: 2}", "3, " * 400]
    for text in typed * isinstance(asked.entry, Fields):
        for field in asked.entry.fields:
            field.value = text
        asked.submit()
        assert not asked.feedback.right and len(asked.feedback.message) < 480
        assert "<script" not in asked._said.value and str(RIGHT[question]) not in asked.entry.fields[0].placeholder
    asked.close()
