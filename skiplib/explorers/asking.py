"""A question that is answered by a click or a number, and what was predicted so far (layer L3)."""

from contextlib import suppress
from html import escape

import ipywidgets as widgets
import traitlets

from skiplib.answers import Texts, kind_of, options_of
from skiplib.exercises import Feedback, check, in_code, questions_of, texts
from skiplib.explorers.cells import CellWidget, announced
from skiplib.explorers.entries import make_entry

_OPEN, _PART = Feedback("", "Not answered yet."), Feedback("", "Not complete yet: a part is missing.")
_LINE = "border-left:6px solid #56B4E9;padding:4px 12px;line-height:1.5"


class _Memory(traitlets.HasTraits):
    """Each question that was answered in this kernel, and whether right at the first try."""

    first = traitlets.Dict()


_memory = _Memory()


class Question(CellWidget):
    """A question of a lesson, such as ``"01.places"``; its text and its feedback are in ``questions/NN.toml``.

    It is answered with buttons, toggles or fields; the feedback stands under them, and one may try again.

    Attributes:
        entry: what the learner answers with.
        feedback: what was last said.
        asked_by: the function that judges the answer; a subclass may name another, and call it in ``judge``.

    Raises:
        ValueError: if there is no such question, or its answer has to be run.

    >>> ask("01.places")
    Question 01.places: A strip of 7 pixels, and a window of 3 that moves 1 pixel at a time: at how many places can \
it stand? [a whole number] Not answered yet.
    """

    asked_by = "check"

    def __init__(self, question: str) -> None:
        self.question, self.known, self.feedback = question, texts(question, self.asked_by), _OPEN
        self.entry = make_entry(self.known)
        self.entry.submit = self.submit
        self._said = widgets.HTML()
        self._say()
        asked = widgets.HTML(f'<div style="{_LINE};font-size:1.05em">{in_code(self.known["ask"])}</div>')
        super().__init__([asked, *self.parts()])

    def parts(self) -> list[widgets.Widget]:
        """What stands under the question."""
        return [self.entry, self._said]

    def judge(self, answer: object) -> Feedback:
        """What there is to say of an answer."""
        return check(self.question, answer)

    def submit(self) -> None:
        """Judge what is chosen or typed, say it, and remember the first try."""
        answer = self.entry.answer
        unanswered = _PART if self.entry.begun else _OPEN
        self.feedback = unanswered if answer is None else self.judge(answer)
        self._say()
        if self.feedback.read and self.question not in _memory.first:
            _memory.first = {**_memory.first, self.question: not self.feedback.wrong}

    def open_again(self) -> None:
        """Take back what was said."""
        self.feedback = _OPEN
        self._say()

    def _say(self) -> None:
        self._said.value = announced(self.feedback._repr_html_())

    def __repr__(self) -> str:
        """The text twin: the question, how it is answered, and what was said."""
        return f"Question {self.question}: {self.known['ask']} [{_choices(self.known)}] {self.feedback}"

    def still(self) -> str:
        """The same for the eye, in a notebook that has not been run."""
        asked, choices = in_code(self.known["ask"]), escape(_choices(self.known))
        return f'<div style="{_LINE}">{asked}<br>[{choices}]<br>{self.feedback._repr_html_()}</div>'


def _choices(known: Texts) -> str:
    kind, options = kind_of(known), options_of(known)
    fields = ", ".join(known.get("rows", known.get("fields", ())))
    named = " | ".join(map(str, options))
    if "range" in known:
        named = f"{options[0]} to {options[-1]}"
    return {
        "word": named,
        "pair": f"{fields}: {named}",
        "set": f"any of {named}",
        "tuple": f"{fields}: whole numbers",
        "number": "a number" if known.get("float") else "a whole number",
    }[kind]


class Predictions(CellWidget):
    """One line on the questions of a lesson, such as ``"01"``: how many were right at the first try in this kernel.

    Nothing is stored. A lesson that there is not raises a ``ValueError``.
    """

    def __init__(self, lesson: str) -> None:
        self._heard = _memory  # closing one that is refused asks for it, too
        if not questions_of(lesson):
            raise ValueError(f"`lesson` must be one that has questions, such as '01'; got {lesson!r}")
        self.questions = {f"{lesson}.{name}": known for name, known in questions_of(lesson).items() if "ask" in known}
        self._line = widgets.HTML()
        super().__init__([self._line])
        self._heard.observe(self._show, "first")
        self._show()

    def _show(self, _: object = None) -> None:
        self._line.value = announced(in_code(repr(self)))

    def close(self) -> None:
        """Give back all that the line holds, and stop listening."""
        with suppress(ValueError):  # closed before
            self._heard.unobserve(self._show, "first")
        super().close()

    def __repr__(self) -> str:
        tried = {name: _memory.first[name] for name in self.questions if name in _memory.first}
        if not tried:
            return f"Predictions: none of {len(self.questions)} made yet in this kernel."
        missed = [self.questions[name]["about"] for name, right in tried.items() if not right]
        said = f"Predictions: you had {len(tried) - len(missed)} of {len(tried)} right at the first try"
        said += f"; look again at {', '.join(dict.fromkeys(missed))}." if missed else "."
        left = len(self.questions) - len(tried)
        return said + (f" {left} more wait{'s' * (left == 1)} in this lesson." if left else "")


ask, predictions = Question, Predictions  # as a lesson's cells read
