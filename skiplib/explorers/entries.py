"""What a learner answers with: buttons for words, toggles for a set, fields for numbers (layer L3)."""

import re
from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets as widgets

from skiplib.answers import Texts, kind_of, number_in, options_of
from skiplib.explorers.controls import wrap

_MOST_TOGGLES = 16  # a set of more is typed


class Entry(widgets.VBox):  # type: ignore[misc]
    """Widgets side by side; a subclass says what they answer, and calls ``submit`` when there is an answer.

    Attributes:
        submit: called after a click on an answer, on Check, or after Enter.
    """

    def __init__(self, parts: Sequence[widgets.Widget]) -> None:
        self.submit: Callable[[], None] = lambda: None
        super().__init__([wrap(parts)])

    @property
    def answer(self) -> object:
        """What is chosen or typed; None if it is not complete."""
        raise NotImplementedError

    @property
    def begun(self) -> bool:
        """Whether anything is chosen or typed."""
        return any(part.value for part in [*getattr(self, "rows", ()), *getattr(self, "fields", ())])

    def _button(self, name: str = "Check") -> widgets.Button:
        level = {"width": "auto", "align_self": "flex-end"}  # with buttons beside it that have a label above
        button = widgets.Button(description=name, tooltip=f"{name} the answer", layout=level)
        button.on_click(lambda _: self.submit())
        return button


class Words(Entry):
    """One word of several; a pair has a row for each of its two, and is complete with both, or with a button."""

    def __init__(self, options: Sequence[str], rows: Sequence[str] = ("",), button: str = "") -> None:
        self.rows = [
            widgets.ToggleButtons(
                options=options,
                value=None,
                description=row,
                tooltips=[f"{row}: {option}".removeprefix(": ") for option in options],
                style={"button_width": "auto", "description_width": "initial"},
                layout={"width": "max-content", "margin": "0 24px 0 0"},
            )
            for row in rows
        ]
        super().__init__([*self.rows, self._button(button)] if button else self.rows)
        if not button:
            for row in self.rows:
                row.observe(lambda _: self.answer is None or self.submit(), "value")

    @property
    def answer(self) -> object:
        """The word, or the words of all rows."""
        words = tuple(row.value for row in self.rows)
        if None in words:
            return None
        return words if len(words) > 1 else words[0]


class Toggles(Entry):
    """Any number of the options, none of them included."""

    def __init__(self, options: Sequence[Any]) -> None:
        self.options = options
        narrow = {"width": "auto"}
        self.toggles = [widgets.ToggleButton(description=str(option), layout=narrow) for option in options]
        super().__init__([*self.toggles, self._button()])

    @property
    def answer(self) -> object:
        """The options that are pressed."""
        return {option for option, toggle in zip(self.options, self.toggles, strict=True) if toggle.value}


class Fields(Entry):
    """A number in each field; a set, whose numbers stand in one field."""

    def __init__(self, names: Sequence[str], *, several: bool = False) -> None:
        self.several = several
        look = {"style": {"description_width": "initial"}, "layout": {"width": "210px"}}
        placeholder = "such as 1, 2, or none" if several else "a number"
        self.fields = [widgets.Text(description=name, placeholder=placeholder, **look) for name in names]
        super().__init__([*self.fields, self._button()])
        for field in self.fields:
            field.on_msg(lambda _, content, __: self.submit() if content.get("event") == "submit" else None)

    @property
    def answer(self) -> object:
        """The number, those of all fields, or the set."""
        texts = [field.value.strip() for field in self.fields]
        if not all(texts):
            return None
        if self.several:
            members = re.findall(r"[^\s,;{}()\[\]&+|=]+", texts[0])
            empty = texts[0].lower().strip(".") in ("none", "no", "∅", "[]", "{}", "set()")
            return [] if empty else [number_in(each) for each in members if each not in ("and", "n")]
        numbers = tuple(map(number_in, texts))
        return numbers if len(numbers) > 1 else numbers[0]


def make_entry(known: Texts) -> Entry:
    """What a question is answered with, by the kind of its answer."""
    kind, options = kind_of(known), options_of(known)
    if kind in ("word", "pair"):
        return Words(options, known.get("rows", ("",)), known.get("button", ""))
    if kind == "set" and len(options) <= _MOST_TOGGLES:
        return Toggles(options)
    return Fields(known.get("fields", ("your answer",)), several=kind == "set")
