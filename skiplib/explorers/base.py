"""What every explorer shares: controls, one picture, a status line, and a static twin (layer L3)."""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from typing import Any, Protocol

import ipywidgets as widgets
from IPython import get_ipython

LABEL = {"description_width": "112px"}


class Drawn(Protocol):
    """A finished picture: a diagram's ``Picture`` or a figure's ``Plot``."""

    @property
    def svg(self) -> str:
        """Inline SVG with a name for screen readers."""

    def to_html(self) -> str:
        """An ``<img>`` with alt text."""


@dataclass(frozen=True)
class View:
    """All that an explorer shows for one setting of its controls.

    Args:
        picture: what is drawn.
        status: the result in one plain sentence.
        result: the result as ``name=value`` pairs, for the text twin.
        details: HTML under the picture (every outside string in it already escaped).
    """

    picture: Drawn
    status: str
    result: Mapping[str, object]
    details: str = ""


class Control(widgets.HBox):  # type: ignore[misc]
    """An integer as a slider, linked with a number box that carries the label.

    The box comes first in the tab order and has the accessible name; keys typed into it stay in it.
    """

    def __init__(self, name: str, value: int, least: int, most: int, *, step: int = 1) -> None:
        if isinstance(value, bool) or not isinstance(value, int):
            raise TypeError(f"`{name}` must be an integer; got {value!r} ({type(value).__name__})")
        if not least <= value <= most:
            raise ValueError(f"`{name}` must lie between {least} and {most} in this explorer; got {value}")
        self.box = widgets.BoundedIntText(
            value, min=least, max=most, step=step, description=name, style=LABEL, layout={"width": "172px"}
        )
        self.slider = widgets.IntSlider(
            value, min=least, max=most, step=step, readout=False, layout={"width": "92px"}
        )
        widgets.link((self.box, "value"), (self.slider, "value"))
        self._wanted = value
        self.slider.observe(self._remember, "value")
        super().__init__([self.box, self.slider], layout={"width": "270px"})

    @property
    def value(self) -> int:
        """The number that slider and box show."""
        return int(self.slider.value)

    @value.setter
    def value(self, value: int) -> None:
        self.slider.value = value

    def set_most(self, most: int) -> None:
        """Move the upper bound; a value above it moves down to it, and comes back when there is room again."""
        wanted = self._wanted
        self.slider.max = self.box.max = most
        self.value = min(wanted, most)
        self._wanted = wanted

    def _remember(self, change: Mapping[str, Any]) -> None:
        self._wanted = change["new"]


class Decimal(widgets.HBox):  # type: ignore[misc]
    """A number with decimals as a slider, linked with a number box that carries the label."""

    def __init__(self, name: str, value: float, least: float, most: float, *, step: float = 0.05) -> None:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise TypeError(f"`{name}` must be a number; got {value!r} ({type(value).__name__})")
        if not least <= value <= most:
            raise ValueError(f"`{name}` must lie between {least:g} and {most:g} in this explorer; got {value}")
        bounds = {"min": least, "max": most, "step": step}
        self.box = widgets.BoundedFloatText(value, **bounds, description=name, style=LABEL, layout={"width": "172px"})
        self.slider = widgets.FloatSlider(value, **bounds, readout=False, layout={"width": "92px"})
        widgets.link((self.box, "value"), (self.slider, "value"))
        super().__init__([self.box, self.slider], layout={"width": "270px"})

    @property
    def value(self) -> float:
        """The number that slider and box show."""
        return float(self.slider.value)

    @value.setter
    def value(self, value: float) -> None:
        self.slider.value = value


class Explorer(widgets.VBox):  # type: ignore[misc]
    """Controls above one picture, a status line and details; a subclass says what a setting shows.

    A subclass hands its controls to ``__init__`` and implements ``view``. A setting that ``view`` refuses with a
    ``ValueError`` shows that sentence and greys the last good picture; nothing is raised and no control changes.

    Attributes:
        controls: what can be moved, by PyTorch's own parameter name.
    """

    def __init__(self, controls: Mapping[str, Any], panel: widgets.Widget) -> None:
        self.controls = dict(controls)
        self._picture, self._status, self._details = widgets.HTML(), widgets.HTML(), widgets.HTML()
        self._last, self._held = "", False
        super().__init__([panel, self._status, self._picture, self._details])
        for control in self.controls.values():
            observed = control.slider if isinstance(control, Control | Decimal) else control
            observed.observe(self._update, "value")
        start = {name: control.value for name, control in self.controls.items()}
        self._update()
        for name, value in start.items():
            if self.controls[name].value != value:
                raise ValueError(f"`{name}` goes up to {self.controls[name].value} here; got {value}")

    def view(self, *, hover: bool) -> View:
        """Compute and draw what the controls say; ``hover`` asks for a picture that answers the mouse."""
        raise NotImplementedError

    @property
    def settings(self) -> dict[str, object]:
        """The value of every control, by name."""
        return {name: control.value for name, control in self.controls.items()}

    @property
    def status(self) -> str:
        """The sentence in the status line."""
        try:
            return self.view(hover=False).status
        except ValueError as error:
            return f"This does not run: {error}."

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

    def close(self) -> None:
        """Give back all that the explorer holds in the kernel and in the page."""
        for widget in _inside(self):
            for part in (getattr(widget, name, None) for name in ("layout", "style")):
                if isinstance(part, widgets.Widget):
                    part.close()
            if widget is not self:
                widget.close()
        super().close()

    def _update(self, _: object = None) -> None:
        if self._held:
            return
        if self.takes_long:
            self._say("Computing …")
        self._held = True  # a bound that moves moves its control, which is no reason to draw twice
        try:
            self.bound_controls()
            view = self.view(hover=True)
        except ValueError as error:
            self._say(f"This does not run: {error}.", mark="✗")
            self._picture.value = f'<div style="opacity:.3">{self._last}</div>'
            self._details.value = ""
            return
        finally:
            self._held = False
        self._last = view.picture.svg
        self._say(view.status)
        self._picture.value = self._last
        self._details.value = view.details

    def _say(self, sentence: str, mark: str = "") -> None:
        words = re.sub("`([^`]*)`", r"<code>\1</code>", escape(sentence))
        self._status.value = (
            f'<div role="status" aria-live="polite" style="font-size:1.05em;line-height:1.5">{mark} {words}</div>'
        )

    def __repr__(self) -> str:
        """The text twin: what nbval compares, and what a plain-text reader sees."""
        settings = ", ".join(f"{name}={value!r}" for name, value in self.settings.items())
        try:
            result = ", ".join(f"{name}={value}" for name, value in self.view(hover=False).result.items())
        except ValueError as error:
            result = f"does not run: {error}"
        return f"{type(self).__name__}({settings}) -> {result}"

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        """The live widget, and for a notebook that has not been run a picture and a text."""
        _close_those_before(self)
        bundle: dict[str, Any] = super()._repr_mimebundle_(**kwargs)
        bundle["text/plain"] = repr(self)
        try:
            bundle["text/html"] = self.view(hover=False).picture.to_html()
        except ValueError:
            bundle["text/html"] = f"<p>{escape(repr(self))}</p>"
        return bundle


def _inside(widget: widgets.Widget) -> Iterator[widgets.Widget]:
    yield widget
    for child in getattr(widget, "children", ()):
        yield from _inside(child)


_displayed: dict[str, tuple[str, list[Explorer]]] = {}  # what each cell displayed in its last run


def _close_those_before(explorer: Explorer) -> None:
    """A cell that is run again shows a new explorer: close the old ones, which ipywidgets would keep forever."""
    kernel = getattr(get_ipython(), "kernel", None)
    parent = kernel.get_parent() if kernel else {}
    cell, message = parent.get("metadata", {}).get("cellId"), parent.get("header", {}).get("msg_id")
    if not cell:
        return  # not in JupyterLab
    last, explorers = _displayed.pop(cell, (message, []))
    if last != message:
        elsewhere = [each for _, others in _displayed.values() for each in others] + [explorer]
        for old in explorers:
            if not any(old is each for each in elsewhere):
                old.close()
        explorers = []
    _displayed[cell] = (message, [*explorers, explorer])


def wrap(controls: Iterable[widgets.Widget]) -> widgets.HBox:
    """Controls side by side, on as many lines as the page's width asks for."""
    return widgets.HBox(list(controls), layout={"flex_flow": "row wrap", "align_items": "center"})


def conv_arguments(**arguments: object) -> str:
    """The arguments of a convolution as code, without those at PyTorch's defaults.

    >>> conv_arguments(kernel_size=2, stride=1, padding=(2, 0), dilation=(1, 1))
    'kernel_size=2, padding=(2, 0)'
    """
    defaults = {"stride": (1, (1, 1)), "padding": (0, (0, 0)), "dilation": (1, (1, 1))}
    return ", ".join(f"{name}={value}" for name, value in arguments.items() if value not in defaults.get(name, ()))


def code_line(code: str) -> str:
    """Code as HTML, of one line or several; one click selects all of it."""
    style = "user-select:all;white-space:pre-wrap"
    row = "display:flex;align-items:baseline;gap:.5em;line-height:1.5"
    return (
        f'<div style="{row}"><span>PyTorch:</span>'
        f'<code style="{style}" title="click to select, then copy">{escape(code)}</code></div>'
    )


def choose(name: str, options: Iterable[str], value: str) -> widgets.Dropdown:
    """A dropdown with a label, as wide as a ``Control``.

    Raises:
        ValueError: if ``value`` is none of the options.
    """
    options = list(options)
    if value not in options:
        raise ValueError(f"`{name}` must be one of {', '.join(options)}; got {value!r}")
    return widgets.Dropdown(options=options, value=value, description=name, style=LABEL, layout={"width": "266px"})
