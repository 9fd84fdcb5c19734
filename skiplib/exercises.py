"""Questions and the feedback to an answer (layer L0, imports nothing heavy).

The questions are text: ``questions/NN.toml`` has a table for each, with the answer, its reason, a hint, and the wrong
answers that well-known misconceptions lead to. An answer that has to be run (``run = "try_..."``) is for ``trials``,
or with torch for ``experiments``.
"""

import re
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, wraps
from html import escape
from importlib.resources import files
from typing import Any

from skiplib.answers import Fault, Texts, Unread, read, typed
from skiplib.arithmetic import output_size

UNANSWERED = "Not answered yet: put your answer in place of None, then run the cell again."
Slips = list[tuple[float, str]]  # where each leads, and what it is
_RIGHT, _ALMOST, _WRONG, _UNREAD = "✓ Right.", "≈ Almost.", "✗ Not yet.", "≈ Not read."
_COLOURS = {_RIGHT: "#009E73", _WRONG: "#D55E00"}


@dataclass(frozen=True)
class Feedback:
    """What ``check`` says; a notebook shows it as a coloured line, everything else as plain text."""

    mark: str
    message: str

    @property
    def right(self) -> bool:
        """Whether the answer was right."""
        return self.mark == _RIGHT

    @property
    def wrong(self) -> bool:
        """Whether the answer was read, and was wrong."""
        return self.mark == _WRONG

    @property
    def read(self) -> bool:
        """Whether there was an answer, and it could be read."""
        return self.mark in (_RIGHT, _ALMOST, _WRONG)

    def __repr__(self) -> str:
        return f"{self.mark} {self.message}".strip()

    def _repr_html_(self) -> str:
        style = f"border-left:6px solid {_COLOURS.get(self.mark, '#56B4E9')};padding:4px 12px;line-height:1.5"
        return f'<div style="{style}"><b>{escape(self.mark)}</b> {in_code(self.message)}</div>'


def in_code(text: str) -> str:
    """A sentence as HTML: what stands in backticks as code, everything escaped."""
    return re.sub("`([^`]*)`", r"<code>\1</code>", escape(text))


def right(reason: str) -> Feedback:
    """The answer is right, and why."""
    return Feedback(_RIGHT, reason)


def wrong(message: str) -> Feedback:
    """The answer is not right yet: a misconception or a hint, never the answer."""
    return Feedback(_WRONG, message)


def judge(judgement: Callable[..., Feedback]) -> Callable[..., Feedback]:
    """Give a function the table of a question by its name; None is no answer, and what it raises is its feedback."""

    @wraps(judgement)
    def judged(question: str, answer: object, **settings: Any) -> Feedback:
        known = texts(question, judgement.__name__)
        try:
            return Feedback("", UNANSWERED) if answer is None else judgement(known, answer, **settings)
        except Unread as error:
            return Feedback(_UNREAD, f"{error} {known.get('form', '')}".strip())
        except Fault as fault:
            return wrong(str(fault))

    return judged


@judge
def check(question: Texts, answer: object) -> Feedback:
    """Compare an answer with the right one, and name the misconception behind a wrong one.

    Args:
        question: its name, lesson first, such as ``"01.places"``; ``"de/01.places"`` if there is a translation.
        answer: the learner's answer; ``None`` means not answered yet.

    Raises:
        ValueError: if there is no such question, or its answer has to be run.

    >>> check("01.places", 4).right, check("01.places", 5).right
    (False, True)
    """
    if "size" in question:
        question = {**question, "answer": output_size(**question["size"]), "mistakes": size_slips(**question["size"])}
    given, form = read(answer, question)

    def of_its_kind(value: Any) -> Any:
        return type(given)(value) if isinstance(value, list) else value  # TOML has lists only

    if given == of_its_kind(question["answer"]):
        usual = Feedback(_ALMOST, f"The value is right. {form} {question['reason']}")
        return usual if form else right(question["reason"])
    reasons = dict.fromkeys(why for mistake, why in question.get("mistakes", []) if of_its_kind(mistake) == given)
    numbers = given if isinstance(given, tuple) else (given,)
    if any(isinstance(number, float) for number in numbers) and not reasons and not question.get("float"):
        whole = "The answer is a whole number" if numbers == (given,) else "The numbers are whole"
        raise Unread(f"{whole}; this is {typed(answer)}.")
    if not reasons and "rows" in question:
        first, second = (word == wanted for word, wanted in zip(given, question["answer"], strict=True))
        return wrong(f"{which_is_right(question['rows'], first, second)} {question['hint']}")
    return wrong(" Or: ".join(reasons) or question["hint"])


def which_is_right(rows: Sequence[str], first: bool, second: bool) -> str:
    """Of a pair of words that is not right: which of the two is.

    >>> which_is_right(["plain", "skip"], False, True)
    'Skip is right, plain is not.'
    """
    here, there = rows if first else reversed(rows)
    return f"{here[0].upper()}{here[1:]} is right, {there} is not." if first or second else "Neither is right."


def texts(question: str, asked_by: str = "check") -> Texts:
    """The table of a question, for the function that it is meant for.

    Raises:
        ValueError: if there is no such question, or it is for another function.

    >>> texts("01.padded")["size"]
    {'input_size': 7, 'kernel_size': 3, 'padding': 2}
    """
    lesson, _, name = str(question).partition(".")
    known: Texts | None = questions_of(lesson).get(name)
    if known is None:
        raise ValueError(f"`question` must name a question of a lesson, such as '01.places'; got {question!r}")
    meant_for = known.get("run", "check")
    if meant_for != asked_by:
        raise ValueError(f"`question` must be one for `{asked_by}`; {question!r} is for `{meant_for}`")
    return known


@cache
def questions_of(lesson: str) -> dict[str, Any]:
    """All questions of a lesson, such as "01" or "de/01"; none if there is no such lesson."""
    if not re.fullmatch("([a-z]{2}/)?[0-9]{2}", lesson):
        return {}  # nothing else reaches the file system
    path = files("skiplib") / "questions" / f"{lesson}.toml"
    return tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def formula_slips(input_size: int, kernel_size: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> Slips:
    """What well-known slips in the formula make of an output size, and the name of each.

    >>> [size for size, _ in formula_slips(7, 3, padding=1)]
    [6, 7.0, 7, 6, 7, 5, 7]
    """
    span = dilation * (kernel_size - 1) + 1
    room = input_size + 2 * padding - span
    ceil, no_span = -(-room // stride) + 1, (room + span - kernel_size) // stride + 1
    return [
        (room // stride, "One too few: the window at the very start counts as well. Places are steps plus 1."),
        (room / stride + 1, "Places are whole: divide with //, which rounds down."),
        (ceil, "This comes out if you round up. A window that hangs over the end does not count: round down."),
        ((room - padding) // stride + 1, "You counted the padding once. PyTorch adds it on both sides: n + 2p."),
        (no_span, "You used the number of taps, k. With dilation the window spans d·(k − 1) + 1 pixels."),
        ((room - 2 * padding) // stride + 1, "You left the padding out."),
        (room + 1, "You left the stride out: the window moves several pixels at a time."),
    ]


def size_slips(input_size: int, kernel_size: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> Slips:
    """Those, and the slips of a hand that works one size out."""
    span = "The window spans d·(k − 1) + 1 pixels: not d·k, and not without the + 1."
    room = input_size + 2 * padding - dilation * (kernel_size - 1) - 1
    return [
        *formula_slips(input_size, kernel_size, stride, padding, dilation),
        *((span_slip // stride + 1, span) for span_slip in (room + 1, room - dilation + 1) if dilation > 1),
        (input_size, "Nothing promises that the size stays. Count the places."),
        (input_size // kernel_size, "You laid windows side by side. They move by the stride, so they may overlap."),
    ]
