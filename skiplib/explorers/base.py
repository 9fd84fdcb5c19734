"""What every explorer is: controls, one picture, a status line, and a static twin (layer L3)."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from typing import Any, Protocol

import ipywidgets as widgets

from skiplib.exercises import in_code
from skiplib.explorers.cells import CellWidget, announced


class Drawn(Protocol):
    """A finished picture: a diagram's ``Picture`` or a figure's ``Plot``."""

    @property
    def live(self) -> str:
        """Inline SVG with a name for screen readers; it may answer the mouse."""

    def to_html(self) -> str:
        """An ``<img>`` with alt text."""


@dataclass(frozen=True)
class View:
    """All that an explorer shows for one setting of its controls."""

    picture: Drawn
    status: str  # the result in one plain sentence
    result: Mapping[str, object]  # as name=value pairs, for the text twin
    details: str = ""  # HTML under the picture (every outside string in it already escaped)


class Explorer(CellWidget):
    """Controls above one picture, a status line and details; a subclass says what a setting shows.

    A subclass hands its controls to ``__init__`` and implements ``view``. A setting that ``view`` refuses with a
    ``ValueError`` shows that sentence and greys the last good picture; nothing is raised and no control changes.
    A bad starting value raises a ``TypeError`` or a ``ValueError`` that names it.

    Attributes:
        controls: what can be moved, by PyTorch's own parameter name.
        shown: what is shown now, computed once: a view, or why the setting does not run. The status line, the text
            twin and the stored picture all read it.
    """

    shown: View | str

    def __init__(self, controls: Mapping[str, Any], panel: widgets.Widget) -> None:
        self.controls = dict(controls)
        self._picture, self._status, self._details = widgets.HTML(), widgets.HTML(), widgets.HTML()
        self._last, self._held = "", False
        super().__init__([panel, self._status, self._picture, self._details])
        for control in self.controls.values():
            control.observe(self._update, "value")
        start = {name: control.value for name, control in self.controls.items()}
        self._update()
        for name, value in start.items():
            if self.controls[name].value != value:
                raise ValueError(f"`{name}` goes up to {self.controls[name].value} here; got {value}")

    def view(self) -> View:
        """Compute and draw what the controls say."""
        raise NotImplementedError

    @property
    def settings(self) -> dict[str, object]:
        """The value of every control, by name."""
        return {name: control.value for name, control in self.controls.items()}

    @property
    def status(self) -> str:
        """The sentence in the status line."""
        return self.shown.status if isinstance(self.shown, View) else f"This does not run: {self.shown}."

    def bound_controls(self) -> None:
        """Set the bounds that follow from other controls; a subclass that has none leaves this as it is."""

    @property
    def takes_long(self) -> bool:
        """Whether the next picture takes longer than a moment; then the status line says so, and the last stays."""
        return False

    @contextmanager
    def together(self) -> Iterator[None]:
        """Move several controls inside, and draw once after the last."""
        self._held = True
        try:
            yield
        finally:
            self._held = False
        self._update()

    def _update(self, _: object = None) -> None:
        if self._held:
            return
        if self.takes_long:
            self._say("Computing …")
        self._held = True  # a bound that moves moves its control, which is no reason to draw twice
        try:
            self.bound_controls()
            self.shown = view = self.view()
        except ValueError as error:
            self.shown = str(error)
            self._say(self.status, mark="✗")
            self._picture.value = f'<div style="opacity:.3">{self._last}</div>'
            self._details.value = ""
            return
        finally:
            self._held = False
        self._last = view.picture.live
        self._say(view.status)
        self._picture.value = self._last
        self._details.value = view.details

    def _say(self, sentence: str, mark: str = "") -> None:
        self._status.value = announced(f"{mark} {in_code(sentence)}", "font-size:1.05em;line-height:1.5")

    def __repr__(self) -> str:
        """The text twin: what nbval compares, and what a plain-text reader sees."""
        settings = ", ".join(f"{name}={value!r}" for name, value in self.settings.items())
        result = f"does not run: {self.shown}"
        if isinstance(self.shown, View):
            result = ", ".join(f"{name}={value}" for name, value in self.shown.result.items())
        return f"{type(self).__name__}({settings}) -> {result}"

    def still(self) -> str:
        """The picture, or why there is none."""
        return self.shown.picture.to_html() if isinstance(self.shown, View) else super().still()


def code_line(code: str) -> str:
    """Code as HTML, of one line or several; one click selects all of it."""
    row, style = "display:flex;align-items:baseline;gap:.5em;line-height:1.5", "user-select:all;white-space:pre-wrap"
    shown = f'<code style="{style}" title="click to select, then copy">{escape(code)}</code>'
    return f'<div style="{row}"><span>PyTorch:</span>{shown}</div>'
