"""What every explorer is: controls, one picture, a status line, and a static twin (layer L3)."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from html import escape
from threading import RLock
from typing import Any, Protocol

import ipywidgets as widgets

from skiplib.exercises import in_code
from skiplib.explorers.cells import CellWidget, announced
from skiplib.explorers.controls import COLUMN, wrap


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
    """Controls beside one picture, under a status line; a subclass says what a setting shows.

    A subclass hands its controls to ``__init__`` and implements ``view``. Those that ``show`` names stand beside the
    picture, the others wait behind "more". A setting that ``view`` refuses with a ``ValueError`` shows that sentence,
    and ``refusal`` or else the last good picture, greyed; nothing is raised and no control changes.
    A bad starting value raises a ``TypeError`` or a ``ValueError`` that names it.

    Attributes:
        controls: what can be moved, by PyTorch's own parameter name.
        shown: what is shown now, computed once: a view, or why the setting does not run. The status line, the text
            twin and the stored picture all read it.
    """

    shown: View | str
    inexact = False  # whether the picture is of numbers whose last digits, and so its pixels, differ between machines

    def __init__(
        self, controls: Mapping[str, Any], *, show: Sequence[str] | None = None, under: Sequence[widgets.Widget] = ()
    ) -> None:
        """Take the controls by name, which of them to show at once, and other widgets that stand under those."""
        self.controls = dict(controls)
        self.show = tuple(self.controls) if show is None else checked_names("show", show, self.controls)
        self._picture = widgets.HTML(layout={"flex": "1 1 380px", "min_width": "0"})
        self._status, self._details = widgets.HTML(), widgets.HTML()
        self._details.add_class("skiplib-details")
        self._sheets = widgets.HTML(layout={"display": "none"})  # of the picture
        self._last, self._held = "", False
        self._turn = RLock()  # JupyterLab sends the first move to one thread of the kernel, the others to another
        super().__init__([self._status, *self._rows(under), self._details, self._sheets])
        self.add_class("skiplib-explorer")
        for name, control in self.controls.items():
            control.add_class(f"skiplib-{name}")
            control.observe(self._update, "value")
        start = {name: control.value for name, control in self.controls.items()}
        self._update()
        for name, value in start.items():
            if self.controls[name].value != value:
                raise ValueError(f"`{name}` goes up to {self.controls[name].value} here; got {value}")

    def _rows(self, under: Sequence[widgets.Widget]) -> list[widgets.Widget]:
        """Controls and picture side by side, or one above the other in a narrow window; and what waits."""
        as_wide_as_it_needs = {"width": "auto", "align_self": "flex-start"}
        more = widgets.ToggleButton(description="more", tooltip="Show the other controls", layout=as_wide_as_it_needs)
        others = wrap(control for name, control in self.controls.items() if name not in self.show)
        others.layout.display = "none"
        more.observe(lambda change: self._show_all(others, change["new"]), "value")
        column = [*(self.controls[name] for name in self.show), *under, *([more] if others.children else [])]
        left = widgets.VBox(column, layout={"width": COLUMN, "flex": "0 0 auto"})
        left.add_class("skiplib-column")
        both = widgets.HBox([left, self._picture], layout={"flex_flow": "row wrap"})
        both.add_class("skiplib-both")
        return [both, others]

    def _show_all(self, others: widgets.Widget, everything: bool) -> None:
        others.layout.display = "" if everything else "none"
        (self.add_class if everything else self.remove_class)("skiplib-all")

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

    def refusal(self) -> Drawn | None:
        """A picture of why the setting does not run; a subclass that has none leaves this as it is."""
        return None

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

    def _update(self, change: object = None) -> None:
        with self._turn, ExitStack() as later:
            if not self._held:
                for control in self.controls.values():  # the picture reaches the page before bounds that follow
                    later.enter_context(control.hold_sync())
                self._redraw(change)

    def _redraw(self, change: object) -> None:
        """Show what the controls say now; ``change`` is None where none of them moved."""
        if self.takes_long:
            self._say("Computing …")
        self._held = True  # a bound that moves moves its control, which is no reason to draw twice
        try:
            self.bound_controls()
            self.shown = view = self.view()
        except ValueError as error:
            self.shown, refusal = str(error), self.refusal()
            live = refusal.live if refusal else f'<div style="opacity:.3">{self._last}</div>'
            details, mark = "", "✗"
        else:
            self._last = live = view.picture.live
            details, mark = view.details, ""
        finally:
            self._held = False
        parts = re.split("(<style.*?</style>)", live, flags=re.DOTALL)  # at a new sheet a browser styles all anew
        self._sheets.value, self._picture.value = "".join(parts[1::2]), "".join(parts[::2])
        self._say(self.status, mark)
        self._details.value = details

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
        """The same in the same places, as far as it goes without a kernel."""
        if not isinstance(self.shown, View):
            refusal = self.refusal()
            return super().still() + (refusal.to_html() if refusal else "")
        settings = self.settings
        shown = {name: self.controls[name] for name in self.show if self.controls[name].layout.display != "none"}
        values = {name: getattr(control, "label", control.value) for name, control in shown.items()} | settings
        lines = "".join(
            f'<div style="height:50px">{escape(name)} <b>{escape(str(values[name]))}</b></div>' for name in shown
        )
        column = f'<div style="float:left;width:{COLUMN}">{lines}</div>'
        picture = self.shown.picture.to_html()
        picture = f"<!--measured-->{picture}<!--end-->" if self.inexact else picture
        picture = f'<div style="margin-left:{COLUMN}">{picture}</div>'
        return f'<div>{in_code(self.status)}</div>{column}{picture}<div style="clear:both">{self.shown.details}</div>'


def checked_names(name: str, chosen: Sequence[str], known: Iterable[str], *, least: int = 0) -> tuple[str, ...]:
    """Return ``chosen`` if it names some of ``known``, each once and at least so many."""
    known = list(known)
    names = isinstance(chosen, list | tuple) and all(each in known for each in chosen)
    if not names or len(chosen) < least or len(set(chosen)) < len(chosen):
        raise ValueError(f"`{name}` must name some of {', '.join(known)}, each once; got {chosen!r}")
    return tuple(chosen)


def code_line(code: str) -> str:
    """Code as HTML, of one line or several; one click selects all of it."""
    row, style = "display:flex;align-items:baseline;gap:.5em;line-height:1.5", "user-select:all;white-space:pre-wrap"
    shown = f'<code style="{style}" title="click to select, then copy">{escape(code)}</code>'
    return f'<div style="{row}"><span>PyTorch:</span>{shown}</div>'
