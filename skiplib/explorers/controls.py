"""What a learner moves: a number as slider and box, a choice, and how they stand on the page (layer L3)."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from numbers import Integral, Real
from typing import Any

import ipywidgets as widgets
import traitlets

from skiplib.arithmetic import checked_word

LABEL = {"description_width": "112px"}  # room for the longest name, `hidden_channels`
COLUMN = "230px"  # of controls, beside the picture
INNER = "216px"  # of what stands in it
_WIDE = {"width": INNER, "margin": "1px 2px"}


class Control(widgets.VBox):  # type: ignore[misc]
    """A number box that carries the label, linked with a slider under it; whole if ``step`` is.

    The box comes first in the tab order and has the accessible name; keys typed into it stay in it. The slider may
    end at ``reach``, before the box does: there it stays, whatever larger number is typed.

    Attributes:
        value: the number that slider and box show, a trait: ``control.observe(..., "value")``.
    """

    value = traitlets.Any()

    def __init__(
        self, name: str, value: float, least: float, most: float, *, step: float = 1, reach: float | None = None
    ) -> None:
        whole = isinstance(step, int)
        kind: Any = Integral if whole else Real
        if isinstance(value, bool) or not isinstance(value, kind):
            words = "an integer" if whole else "a number"
            raise TypeError(f"`{name}` must be {words}; got {value!r} ({type(value).__name__})")
        if not least <= value <= most:
            raise ValueError(f"`{name}` must lie between {least:g} and {most:g} in this explorer; got {value}")
        bounds = {"min": least, "max": most, "step": step}
        box, slider = (
            (widgets.BoundedIntText, widgets.IntSlider) if whole else (widgets.BoundedFloatText, widgets.FloatSlider)
        )
        self.box = box(value, **bounds, description=name, style=LABEL, layout=_WIDE)
        self._reach = most if reach is None else reach
        bounds["max"] = min(most, self._reach)
        self.slider = slider(min(value, self._reach), **bounds, readout=False, layout={**_WIDE, "height": "20px"})
        super().__init__([self.box, self.slider], layout={"width": COLUMN}, value=self.box.value)
        widgets.link((self, "value"), (self.box, "value"))
        self._wanted: Any = self.value
        self.observe(lambda change: setattr(self, "_wanted", change["new"]), "value")
        self.slider.observe(self._follow_slider, "value")

    @traitlets.validate("value")
    def _as_shown(self, proposal: dict[str, Any]) -> float:
        """Slider and box take whole numbers, or broken ones, between their bounds; so does the value."""
        number: type[float] = type(self.slider.value)
        return number(min(max(number(proposal["value"]), self.box.min), self.box.max))

    @contextmanager
    def hold_sync(self) -> Iterator[None]:
        """Tell box and slider at the end: what others make of a new value, such as a picture, comes first."""
        outermost = not self._holding_sync
        with super().hold_sync(), self.box.hold_sync():
            yield
        if outermost:  # one by one: the page's slider takes a value and a bound of one message in any order
            self.slider.value = min(self.value, self.slider.max)
            self.slider.max = min(self.box.max, self._reach)
            self.slider.value = min(self.value, self.slider.max)

    def notify_change(self, change: Any) -> None:
        """Tell those who observe the value, and box and slider after them."""
        with self.hold_sync():
            super().notify_change(change)

    def _follow_slider(self, change: dict[str, Any]) -> None:
        """Only a hand moves the slider elsewhere than to where the value is, or would be if there were room."""
        if change["new"] != min(self.value, self.slider.max):
            self.value = change["new"]

    def set_most(self, most: float) -> None:
        """Move the upper bound; a value above it moves down to it, and comes back when there is room again."""
        wanted = self._wanted
        with self.hold_sync():
            self.box.max = most
            self.value = min(wanted, most)
        self._wanted = wanted  # not what the bound made of it


def along_both(name: str, value: Any, *bounds: float, **more: Any) -> dict[str, Control]:
    """A number for the height, and behind it, of the name with ``_w``, one for the width, where the two are apart."""
    pair = value if isinstance(value, tuple) else (value, value)
    if len(pair) != 2:
        raise TypeError(f"`{name}` must be one number or (height, width); got {value!r}")
    return {each: Control(each, size, *bounds, **more) for each, size in zip((name, f"{name}_w"), pair, strict=True)}


def tick(name: str, value: bool) -> dict[str, widgets.Checkbox]:
    """A checkbox by its name, as wide as what stands around it."""
    words = name if name == "ceil_mode" else name.replace("_", " ")
    return {name: widgets.Checkbox(value, description=words, indent=False, layout={"width": INNER})}


def choose(name: str, options: Iterable[str], value: object) -> widgets.Dropdown:
    """A dropdown with a label, as wide as a ``Control``."""
    options = list(options)
    checked_word(name, value, options)
    narrow = {"description_width": "84px"}  # so that the longest option, "average pooling", is not cut off
    return widgets.Dropdown(options=options, value=value, description=name, style=narrow, layout=_WIDE)


def wrap(controls: Iterable[Any]) -> widgets.HBox:
    """Controls side by side, on as many lines as the page's width asks for."""
    return widgets.HBox(list(controls), layout={"flex_flow": "row wrap", "align_items": "center"})
