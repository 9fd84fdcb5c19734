"""Questions and the feedback to an answer (layer L0, imports nothing heavy).

The questions are text: ``questions/NN.toml`` has a table for each, with the answer, its reason, a hint, and the wrong
answers that well-known misconceptions lead to. An answer that has to be run (``run = "try_..."``) is for ``trials``,
or with torch for ``experiments``.
"""

import operator
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from html import escape
from importlib.resources import files
from typing import Any

from skiplib.arithmetic import output_size

UNANSWERED = "Not answered yet: put your answer in place of None, then run the cell again."
Texts = Mapping[str, Any]
Slips = list[tuple[float, str]]  # where each leads, and what it is


@dataclass(frozen=True)
class Feedback:
    """What ``check`` says; a notebook shows it as a coloured line, everything else as plain text."""

    mark: str
    message: str

    @property
    def right(self) -> bool:
        """Whether the answer was right."""
        return self.mark == "✓ Right."

    def __repr__(self) -> str:
        return f"{self.mark} {self.message}".strip()

    def _repr_html_(self) -> str:
        colour = {"✓ Right.": "#009E73", "✗ Not yet.": "#D55E00"}.get(self.mark, "#56B4E9")
        style = f"border-left:6px solid {colour};padding:4px 12px"
        return f'<div style="{style}"><b>{escape(self.mark)}</b> {escape(self.message)}</div>'


def right(reason: str) -> Feedback:
    """The answer is right, and why."""
    return Feedback("✓ Right.", reason)


def wrong(message: str) -> Feedback:
    """The answer is not right yet: a misconception or a hint, never the answer."""
    return Feedback("✗ Not yet.", message)


def check(question: str, answer: object) -> Feedback:
    """Compare an answer with the right one, and name the misconception behind a wrong one.

    Args:
        question: its name, lesson first, such as ``"01.places"``; ``"de/01.places"`` if there is a translation.
        answer: the learner's answer; ``None`` means not answered yet.

    Raises:
        ValueError: if there is no such question, or its answer has to be run.

    >>> check("01.places", 4).right, check("01.places", 5).right
    (False, True)
    """
    known = texts(question)
    if answer is None:
        return Feedback("", UNANSWERED)
    if "size" in known:
        known = {**known, "answer": output_size(**known["size"]), "mistakes": size_slips(**known["size"])}
    try:
        given = _reader(known)(answer, known)
    except ValueError as error:
        return wrong(str(error))
    kind = type(given)  # TOML has lists only
    if given == kind(known["answer"]):
        return right(known["reason"])
    reasons = dict.fromkeys(why for mistake, why in known.get("mistakes", []) if kind(mistake) == given)
    return wrong(" Or: ".join(reasons) or known["hint"])


def texts(question: str, asked_by: str = "check") -> Texts:
    """The table of a question, for the function that it is meant for.

    Raises:
        ValueError: if there is no such question, or it is for another function.

    >>> texts("01.padded")["size"]
    {'input_size': 7, 'kernel_size': 3, 'padding': 2}
    """
    lesson, _, name = str(question).partition(".")
    real = re.fullmatch("([a-z]{2}/)?[0-9]{2}", lesson)  # nothing else reaches the file system
    known: Texts | None = _lesson(lesson).get(name) if real else None
    if known is None:
        raise ValueError(f"`question` must name a question of a lesson, such as '01.places'; got {question!r}")
    meant_for = known.get("run", "check")
    if meant_for != asked_by:
        raise ValueError(f"`question` must be one for `{asked_by}`; {question!r} is for `{meant_for}`")
    return known


@cache
def _lesson(lesson: str) -> dict[str, Any]:
    """All questions of a lesson, such as "01" or "de/01"; none if there is no such lesson."""
    path = files("skiplib") / "questions" / f"{lesson}.toml"
    return tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def formula_slips(input_size: int, kernel_size: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> Slips:
    """What well-known slips in the formula make of an output size, and the name of each.

    >>> [size for size, _ in formula_slips(7, 3, padding=1)]
    [6, 7.0, 7, 6, 7]
    """
    span = dilation * (kernel_size - 1) + 1
    room = input_size + 2 * padding - span
    ceil, no_span = -(-room // stride) + 1, (room + span - kernel_size) // stride + 1
    return [
        (room // stride, "One too few: the window at the very start counts as well. Places are steps plus 1."),
        (room / stride + 1, "Places are whole: divide with //, which rounds down."),
        (ceil, "You rounded up. A window that hangs over the end does not count, so the division rounds down."),
        ((room - padding) // stride + 1, "You counted the padding once. PyTorch adds it on both sides: n + 2p."),
        (no_span, "You used the number of taps, k. With dilation the window spans d·(k − 1) + 1 pixels."),
    ]


def size_slips(input_size: int, kernel_size: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> Slips:
    """Those, and the slips of a hand that works one size out."""
    room = input_size + 2 * padding - dilation * (kernel_size - 1) - 1
    return [
        *formula_slips(input_size, kernel_size, stride, padding, dilation),
        ((room - 2 * padding) // stride + 1, "You left the padding out."),
        (room + 1, "You left the stride out: the window moves several pixels at a time."),
        (input_size, "Nothing promises that the size stays. Count the places."),
        (input_size // kernel_size, "You laid windows side by side. They move by the stride, so they may overlap."),
    ]


def _reader(known: Texts) -> Callable[[Any, Texts], Any]:
    """What reads an answer; each raises a ValueError for nonsense, with a sentence for the learner."""
    if isinstance(known["answer"], list):
        return _set if known.keys() & {"options", "range"} else _tuple
    return _word if isinstance(known["answer"], str) else _number


def _number(given: Any, known: Texts) -> int:
    whole = _whole(given)
    if whole is None:
        example = 7 if known["answer"] != 7 else 8
        raise ValueError(f"The answer is one whole number, such as {example}; this is {typed(given)}.")
    return whole


def _tuple(given: Any, known: Texts) -> tuple[object, ...]:
    members = tuple(map(_whole, given)) if isinstance(given, (tuple, list)) else ()
    count = len(known["answer"])
    if len(members) != count or None in members:
        first = 1 if known["answer"] != list(range(1, count + 1)) else 2
        shape = tuple(range(first, first + count))
        raise ValueError(f"The answer is a tuple of {count} whole numbers, such as {shape}; this is {typed(given)}.")
    return members


def _set(given: Any, known: Texts) -> frozenset[Any]:
    first, last = known.get("range", (0, -1))
    options = known.get("options", range(first, last + 1))
    if not isinstance(given, (set, frozenset, list, tuple, range)):
        members = options[:2] if set(options[:2]) != set(known["answer"]) else options[:1]
        example = ", ".join(map(repr, members))
        raise ValueError(f"The answer is a set, such as {{{example}}}, or set() for none; this is {typed(given)}.")
    try:
        strangers = sorted(set(given) - set(options), key=repr)
    except TypeError:
        raise ValueError("The members of the set are single values, not lists.") from None
    if strangers:
        raise ValueError(f"{_shown(strangers[0])} is not among the options.")
    return frozenset(given)


def _word(given: Any, known: Texts) -> str:
    options = {option.lower(): option for option in known["options"]}
    word = given.strip().lower() if isinstance(given, str) else ""
    if word not in options:
        quoted = ", ".join(f'"{option}"' for option in known["options"])
        raise ValueError(f"The answer is one of {quoted}; this is {typed(given)}.")
    return str(options[word])


def _whole(given: Any) -> int | None:
    """The whole number that was given, or None; a tensor or array that holds several is none."""
    try:
        return None if isinstance(given, bool) else operator.index(given)
    except (TypeError, RuntimeError):
        return None


def typed(given: object) -> str:
    """What was given, and its type, in a few words."""
    return f"{_shown(given)} ({type(given).__name__})"


def _shown(given: object) -> str:
    shown = re.sub(r" at 0x\w+", "", repr(given))  # no addresses: they differ from run to run
    return shown if len(shown) <= 40 else shown[:39] + "…"
