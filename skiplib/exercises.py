"""Questions and the feedback to an answer (layer L0, imports nothing heavy).

A question knows its answer by computing it, and the wrong answers that well-known misconceptions lead to. The
questions themselves stand in ``skiplib.questions``, one module a lesson.
"""

import operator
import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from html import escape
from importlib import import_module
from typing import Any

UNANSWERED = "Not answered yet: put your answer in place of None, then run the cell again."
Mistakes = Iterable[tuple[Any, str]]
Judge = Callable[[Any], "Feedback"]


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


def check(question: str, answer: object) -> Feedback:
    """Compare an answer with the computed one, and name the misconception behind a wrong one.

    Args:
        question: its name, lesson first, such as ``"01.places"``.
        answer: the learner's answer; ``None`` means not answered yet.

    Raises:
        ValueError: if there is no such question.

    >>> check("01.places", 4).right, check("01.places", 5).right
    (False, True)
    """
    lesson, _, name = str(question).partition(".")
    try:
        judges: dict[str, Judge] = import_module(f"skiplib.questions.lesson_{lesson}").QUESTIONS
        judge = judges[name]
    except (ModuleNotFoundError, KeyError):
        raise ValueError(
            f"`question` must name a question of a lesson, such as '01.places'; got {question!r}"
        ) from None
    return Feedback("", UNANSWERED) if answer is None else judge(answer)


def right(reason: str) -> Feedback:
    """The answer is right, and why."""
    return Feedback("✓ Right.", reason)


def wrong(message: str) -> Feedback:
    """The answer is not right yet: a misconception or a hint, never the answer."""
    return Feedback("✗ Not yet.", message)


def number(answer: int, *, reason: str, hint: str, mistakes: Mistakes = ()) -> Judge:
    """A question whose answer is one whole number."""

    def judge(given: Any) -> Feedback:
        whole = _whole(given)
        if whole is None:
            return wrong(f"The answer is one whole number, such as 7; this is {_kind(given)}.")
        return _compare(whole, answer, reason, hint, mistakes)

    return judge


def numbers(answer: Sequence[int], *, reason: str, hint: str, mistakes: Mistakes = ()) -> Judge:
    """A question whose answer is a tuple of whole numbers, such as a shape."""

    def judge(given: Any) -> Feedback:
        example = tuple(range(1, len(answer) + 1))
        members = tuple(map(_whole, given)) if isinstance(given, (tuple, list)) else ()
        if len(members) != len(answer) or None in members:
            return wrong(
                f"The answer is a tuple of {len(answer)} whole numbers, such as {example}; this is {_kind(given)}."
            )
        return _compare(members, tuple(answer), reason, hint, mistakes)

    return judge


def choice(
    answer: Collection[Any], *, options: Collection[Any], reason: str, hint: str, mistakes: Mistakes = ()
) -> Judge:
    """A question whose answer is a set, the empty one included, drawn from ``options``."""

    def judge(given: Any) -> Feedback:
        if not isinstance(given, (set, frozenset, list, tuple, range)):
            example = ", ".join(map(repr, sorted(options)[:2]))
            return wrong(f"The answer is a set, such as {{{example}}}, or set() for none; this is {_kind(given)}.")
        try:
            strangers = sorted(set(given) - set(options), key=repr)
        except TypeError:
            return wrong("The members of the set are single values, not lists.")
        if strangers:
            return wrong(f"{_shown(strangers[0])} is not among the options.")
        return _compare(
            frozenset(given), frozenset(answer), reason, hint, ((frozenset(m), why) for m, why in mistakes)
        )

    return judge


def word(answer: str, *, options: Sequence[str], reason: str, hint: str, mistakes: Mistakes = ()) -> Judge:
    """A question whose answer is one of a few words."""

    def judge(given: Any) -> Feedback:
        if not isinstance(given, str) or given.strip().lower() not in options:
            quoted = ", ".join(f'"{option}"' for option in options)
            return wrong(f"The answer is one of {quoted}; this is {_kind(given)}.")
        return _compare(given.strip().lower(), answer, reason, hint, mistakes)

    return judge


def function(
    oracle: Callable[..., int], cases: Sequence[dict[str, int]], *, reason: str, hint: str, mistakes: Mistakes = ()
) -> Judge:
    """A question whose answer is a function; it is called with every case and compared with ``oracle``.

    The learner's function gets the values in order, so its parameters may have any names.
    """

    def judge(given: Any) -> Feedback:
        if not callable(given):
            return wrong(f"The answer is a function, without calling it; this is {_kind(given)}.")
        try:
            results = [given(*case.values()) for case in cases]
            misses = [case for case, result in zip(cases, results, strict=True) if bool(result != oracle(**case))]
        except Exception as error:
            said = str(error).rstrip(".")
            return wrong(f"The function raised {type(error).__name__}: {said}.")
        if all(result is None for result in results):
            return Feedback("", UNANSWERED)
        if not misses:
            return right(f"{reason} Tried with {len(cases)} settings.")
        for mistaken, why in mistakes:
            if results == [mistaken(**case) for case in cases]:
                return wrong(why)
        setting = ", ".join(f"{name}={value}" for name, value in misses[0].items())
        return wrong(f"It is wrong for {len(misses)} of {len(cases)} settings, first for {setting}. {hint}")

    return judge


def _compare(given: object, answer: object, reason: str, hint: str, mistakes: Mistakes) -> Feedback:
    if given == answer:
        return right(reason)
    reasons = dict.fromkeys(why for mistaken, why in mistakes if mistaken == given)
    return wrong(" Or: ".join(reasons) or hint)


def _whole(given: Any) -> int | None:
    """The whole number that was given, or None; a tensor or array that holds several is none."""
    try:
        return None if isinstance(given, bool) else operator.index(given)
    except (TypeError, RuntimeError):
        return None


def _kind(given: object) -> str:
    return f"{_shown(given)} ({type(given).__name__})"


def _shown(given: object) -> str:
    shown = re.sub(r" at 0x\w+", "", repr(given))  # no addresses: they differ from run to run
    return shown if len(shown) <= 40 else shown[:39] + "…"
