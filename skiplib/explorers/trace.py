"""TraceExplorer: the learner's own network, its sizes, its joins, and repairs to switch on (layer L3)."""

import math
from collections.abc import Sequence
from html import escape
from time import perf_counter
from typing import Any

import ipywidgets as widgets

from skiplib.diagrams.residual import draw_legal_sizes
from skiplib.diagrams.svg import stack_pictures
from skiplib.diagrams.trace import draw_trace
from skiplib.explorers.base import View, code_line
from skiplib.explorers.controls import INNER, Control, tick
from skiplib.explorers.folding import folded
from skiplib.explorers.resting import RestingExplorer
from skiplib.tracing.changes import Fix, at_layer, is_movable
from skiplib.tracing.explaining import explain
from skiplib.tracing.recorder import Changes, Row, Site
from skiplib.tracing.repairs import Repair, repairs, rounded_up
from skiplib.tracing.tracer import Sweep, Trace, trace
from skiplib.words import bracketed

_BOUNDS = {"kernel_size": (1, 11), "stride": (1, 8), "padding": (0, 8), "dilation": (1, 6)}
_LARGEST = 64  # of the slider, and the most sizes that the strip has
_MUCH, _AT_ONCE = 10**10, 10**9  # multiplications for all of a strip, and for a move while the slider is dragged
_CHUNK = 0.05  # seconds of work on the strip at a time
_AS_IT_IS, _NO_LAYER = ("as it is", ""), ("none", "")  # None would leave a menu blank


class TraceExplorer(RestingExplorer):
    """Any module as it runs, step by step, with its adds and cats, for every input size.

    A copy runs; with other numbers, where a layer is chosen, or clicked, and moved. Repairs are run before they are
    offered; the strip shows at which sizes the network runs with and without.

    Args:
        model: any ``nn.Module`` that takes one tensor.
        input_size: its shape, such as (1, 3, 32, 32); the axes behind batch and channels can be moved.
        show: the controls beside the picture; the others wait behind "more".

    >>> from skiplib.blocks import PublishedBlock
    >>> TraceExplorer(PublishedBlock(), (1, 3, 32, 32))
    TraceExplorer(model='PublishedBlock', input_size=(1, 3, 32, 32)) -> fails_at=add, runs_at=3 to 4
    """

    sketches = True

    def __init__(
        self, model: Any, input_size: Sequence[int], *, show: Sequence[str] = ("input_size", "layer", *_BOUNDS)
    ) -> None:
        self._start = trace(model, input_size)
        sizes = tuple(self._start.inputs[0].shape[2:])
        if not sizes or (len(sizes) > 2 and len(set(sizes)) > 1):
            words = "axes behind batch and channels, three of them alike"
            raise ValueError(f"`input_size` must have {words}; got {tuple(input_size)}")
        cost = 1 + sum(row.work for row in self._start.rows)
        self._axes, self._many = len(sizes), max(1, min(_LARGEST, _MUCH // cost))
        self._layers: dict[Site, Row] = {}  # those that can be moved
        self._menu: dict[Site, str] = {}  # what they are called
        self._chosen: Site | None = None
        self._moved: dict[Site, dict[str, int]] = {}
        self._strips: dict[object, Sweep] = {}
        look = {"style": {"description_width": "50px"}, "layout": {"width": INNER}}
        controls: dict[str, Any] = {"input_size": Control("input_size", sizes[0], 1, max(_LARGEST, sizes[0]))}
        if self._axes == 2:
            controls |= tick("height_and_width_apart", sizes[0] != sizes[1])
            controls["input_size_w"] = Control("input_size_w", sizes[1], 1, max(_LARGEST, sizes[1]))
        controls["layer"] = widgets.Dropdown(options=[_NO_LAYER], description="layer", **look)
        controls |= {name: Control(name, ends[0], *ends) for name, ends in _BOUNDS.items()}
        for control in controls.values():
            if isinstance(control, Control):
                control.slider.continuous_update = cost < _AT_ONCE
        self.repair = widgets.Dropdown(options=[_AS_IT_IS], description="repair", **look)
        under = [self.repair]
        buttons = {"look for repairs": self._look_for_repairs, "next size that fails": self._next_failing}
        for words, press in buttons.items():
            under.append(widgets.Button(description=words, layout={"width": INNER}))
            under[-1].on_click(press)
        self.controls = controls
        self._know_layers(self._start)
        super().__init__(controls, show=show, under=under)
        self.repair.observe(self._update, "value")

    @property
    def settings(self) -> dict[str, object]:
        """What is traced."""
        return {"model": type(self._start.model).__name__, "input_size": self._input_size()}

    def bound_controls(self) -> None:
        """Show the width where it counts, and the numbers of the layer that is chosen."""
        if "input_size_w" in self.controls:
            apart = self.controls["height_and_width_apart"].value
            self.controls["input_size_w"].layout.display = "" if apart else "none"
        site: Any = self.controls["layer"].value or None
        window = self._layers[site].window if site else {}
        numbers = {name: values[0] for name, values in window.items()}
        if site == self._chosen and site:
            moved = {name: self.controls[name].value for name in numbers}
            self._moved[site] = {name: value for name, value in moved.items() if value != numbers[name]}
        for name in _BOUNDS:
            self.controls[name].layout.display = "" if name in numbers else "none"
        if site != self._chosen:
            self._chosen = site
            for name, value in (numbers | self._moved.get(site, {})).items():
                self.controls[name].set_most(max(value, _BOUNDS[name][1]))
                self.controls[name].value = value

    def view(self) -> View:
        """The network at this size, the strip of sizes, and in words where it fails."""
        repair, size = self.repair.value or None, self.controls["input_size"].value
        run = self._run(repair, self._changes(repair))
        self._know_layers(run)
        if not self.moving:
            self.drawn = [self._strip(each, patience=math.inf) for each in dict.fromkeys((None, repair))]
        titles = ["as it is", "with the repair"]
        if len(self.drawn) == 1:
            titles = [f"which heights run at a width of {self._width}?" if self._width else "which sizes run?"]
        pictures = [
            draw_trace(bracketed(self._input_size()), *folded(run, self._menu, self._chosen), error=run.error)
        ]
        for strip, title in zip(self.drawn, titles, strict=True):
            pictures.append(draw_legal_sizes(strip.verdicts, marked=size, title=title, broke=strip.broke))
        failed = run.failed.label if run.failed else run.line or run.error or "nothing"
        result, status = {"fails_at": failed, "runs_at": strip.rule}, f"{_said(run)}. {strip.sentence}"
        return View(stack_pictures(pictures), status, result, self._details_of(run, repair))

    def prepared(self) -> bool:
        """Try a few more sizes."""
        both = dict.fromkeys((None, self.repair.value or None))
        return all(self._is_whole(self._strip(each, patience=_CHUNK)) for each in both)

    @property
    def _width(self) -> int | None:
        """Where it is set apart from the height."""
        apart = "input_size_w" in self.controls and self.controls["height_and_width_apart"].value
        return self.controls["input_size_w"].value if apart else None

    def _input_size(self, size: int = 0) -> tuple[int, ...]:
        """The input's shape at a size, the shown one unless it is given."""
        size = size or self.controls["input_size"].value
        sizes = (size, self._width) if self._width else (size,) * self._axes
        return (*self._start.inputs[0].shape[:2], *sizes)

    def _fixes(self) -> list[Fix]:
        """The layers that have been moved."""
        fixes = []
        for site, numbers in self._moved.items():
            row = self._layers[site]
            alike = {name: (value,) * len(row.window[name]) for name, value in numbers.items()}
            fixes += [at_layer(self._start.model, row, **alike)] * bool(numbers)
        return fixes

    def _changes(self, repair: Repair | None) -> Changes:
        """What has been moved, and repaired."""
        return sum([*self._fixes(), *([repair.fix] if repair else [])], Fix()).changes

    def _run(self, repair: Repair | None, changes: Changes, size: int = 0) -> Trace:
        """The changed network at a size, the shown one unless it is given."""
        shape = rounded_up(self._input_size(size), repair.multiple if repair else 1)
        return self._start.again(self._start.inputs[0].new_zeros(shape), changes=changes)

    def _strip(self, repair: Repair | None, *, patience: float) -> Sweep:
        """What becomes of the sizes around the shown one, as far as it is known after so many seconds."""
        first = (self.controls["input_size"].value - 1) // self._many * self._many + 1
        moved = tuple((site, *numbers.items()) for site, numbers in self._moved.items() if numbers)
        strip = self._strips.setdefault((first, self._width, moved, repair), Sweep())
        begin, changes = perf_counter(), self._changes(repair)
        while not self._is_whole(strip) and perf_counter() - begin <= patience:
            size = first + len(strip.verdicts)
            strip.add(size, self._run(repair, changes, size))
        return strip

    def _is_whole(self, strip: Sweep) -> bool:
        """Whether it has all its sizes; it ends early where the networks grow too large."""
        return len(strip.verdicts) == self._many or strip.work > 4 * _MUCH

    def _know_layers(self, run: Trace) -> None:
        """Offer the layers that this run has met and that have one window for all axes."""
        known = len(self._menu)
        for row in run.rows:
            movable = row.site not in self._layers and is_movable(self._start.model, row)
            if movable and all(len(set(each)) == 1 for each in row.window.values()):
                name = f"{row.module} {row.op}".strip()
                alike = sum(f"{other.module} {other.op}".strip() == name for other in self._layers.values())
                self._layers[row.site] = row
                self._menu[row.site] = name + f" ({alike + 1})" * bool(alike)
        if len(self._menu) > known:
            menu, chosen = self.controls["layer"], self.controls["layer"].value
            menu.options = [_NO_LAYER, *((label, site) for site, label in self._menu.items())]
            menu.value = chosen

    def _look_for_repairs(self, _: object) -> None:
        with self._turn:
            self._say("Computing …")
            self.repair.value = ""
            found = repairs(self._run(None, self._changes(None)), self._strip(None, patience=math.inf).verdicts)
            none = ("nothing to repair at this size", "")
            costs = (f" (+{each.fix.parameters})" * (each.fix.parameters > 0) for each in found)
            names = [each.fix.name + cost for each, cost in zip(found, costs, strict=True)]
            self.repair.options = [_AS_IT_IS if found else none, *zip(names, found, strict=True)]
            self.repair.index = min(1, len(found))
            self._redraw(None)

    def _next_failing(self, _: object) -> None:
        """Move to the next size of the strip at which it fails or stretches, from the start again after the last."""
        control, strip = self.controls["input_size"], self._strip(self.repair.value or None, patience=math.inf)
        if bad := [size for size, verdict in strip.verdicts.items() if verdict != "equal"]:
            control.value = next((size for size in bad if size > control.value), bad[0])

    def _details_of(self, run: Trace, repair: Repair | None) -> str:
        said = [f'<pre style="white-space:pre-wrap;line-height:1.4">{escape(explain(run))}</pre>']
        said += [code_line(fix.code) for fix in self._fixes()]
        if repair:
            runs = f"runs at {len(repair.sizes)} of {repair.asked} sizes"
            said.append(f"{escape(repair.fix.name)}: {repair.fix.parameters} parameters more, {runs}.")
            said.append(code_line(repair.fix.code))
        return "".join(said) + "The strip follows when it rests: until it rests, it shows what was." * self.moving


def _said(run: Trace) -> str:
    if run.failed:
        return f"`{run.failed.label}` fails on {' and '.join(map(bracketed, run.failed.before))}"
    return run.error or f"It gives {bracketed(run.output_shape)}; joins that fit: {run.fit}"
