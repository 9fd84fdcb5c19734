"""TraceExplorer: the learner's own network, its sizes, its joins, and repairs to switch on (layer L3)."""

import math
from collections.abc import Callable, Mapping, Sequence
from html import escape
from time import perf_counter
from typing import Any

import ipywidgets as widgets

from skiplib.diagrams.residual import draw_legal_sizes
from skiplib.diagrams.svg import stack_pictures
from skiplib.diagrams.trace import draw_trace
from skiplib.explorers.base import View, code_line
from skiplib.explorers.controls import INNER, Control
from skiplib.explorers.folding import folded
from skiplib.explorers.resting import RestingExplorer
from skiplib.tracing.changes import Fix, at_layer, merged
from skiplib.tracing.explaining import explain
from skiplib.tracing.recorder import Change, Row
from skiplib.tracing.repairs import Repair, repairs
from skiplib.tracing.tracer import Sweep, Trace, shown, trace

_BOUNDS = {"kernel_size": (1, 11), "stride": (1, 8), "padding": (0, 8), "dilation": (1, 6)}
_LARGEST = 64  # of the slider, and the most sizes that the strip has
_MUCH, _AT_ONCE = 10**10, 10**9  # multiplications for all of a strip, and for a move while the slider is dragged
_CHUNK = 0.05  # seconds of work on the strip at a time
_AS_IT_IS = ("as it is", None)


class TraceExplorer(RestingExplorer):
    """Any module as it runs, step by step, with its adds and cats, for every input size.

    It runs on a copy, and the module is left as it was. A layer that is chosen, or clicked, can be moved: the copy
    runs with other numbers. Repairs are run before they are offered; the strip shows at which sizes the network runs
    with and without.

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
        if not sizes:
            raise ValueError(f"`input_size` must have axes behind batch and channels; got {tuple(input_size)}")
        self._axes, self._moved, self._chosen = len(sizes), dict[str, dict[str, int]](), ""
        cost = 1 + sum(row.work for row in self._start.rows)
        self._many = max(8, min(_LARGEST, _MUCH // cost))
        self._layers: dict[str, Row] = {}
        self._strips: dict[object, Sweep] = {}
        apart = {"description": "height and width apart", "indent": False, "layout": {"width": INNER}}
        controls: dict[str, Any] = {"input_size": Control("input_size", sizes[0], 1, max(_LARGEST, sizes[0]))}
        if self._axes == 2:
            controls["height_and_width_apart"] = widgets.Checkbox(sizes[0] != sizes[1], **apart)
            controls["input_size_w"] = Control("input_size_w", sizes[1], 1, max(_LARGEST, sizes[1]))
        look = {"style": {"description_width": "50px"}, "layout": {"width": INNER}}
        controls["layer"] = widgets.Dropdown(options=[("none", "")], description="layer", **look)
        controls |= {name: Control(name, ends[0], *ends) for name, ends in _BOUNDS.items()}
        self.repair = widgets.Dropdown(options=[_AS_IT_IS], description="repair", **look)
        buttons = {"look for repairs": self._look_for_repairs, "next size that fails": self._next_failing}
        for control in controls.values():
            if isinstance(control, Control):
                control.slider.continuous_update = cost < _AT_ONCE
        self.controls = controls
        self._know_layers(self._start)
        super().__init__(controls, show=show, under=[self.repair, *(_button(*each) for each in buttons.items())])
        self.repair.observe(self._update, "value")

    @property
    def settings(self) -> dict[str, object]:
        """What is traced."""
        return {"model": type(self._start.model).__name__, "input_size": self._input_size}

    def bound_controls(self) -> None:
        """Show the width where it counts, and the numbers of the layer that is chosen."""
        if "input_size_w" in self.controls:
            apart = self.controls["height_and_width_apart"].value
            self.controls["input_size_w"].layout.display = "" if apart else "none"
        site = self.controls["layer"].value
        numbers = _numbers(self._layers[site]) if site else {}
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
        run, repair = self._run(self.repair.value), self.repair.value
        self._know_layers(run)
        if not self.moving:
            self.drawn = [self._strip(each, patience=math.inf) for each in dict.fromkeys((None, repair))]
        size = self.controls["input_size"].value
        steps, arcs = folded(run, menu={site: row.label for site, row in self._layers.items()}, chosen=self._chosen)
        titles = ("which sizes run?",) if len(self.drawn) == 1 else ("as it is", "with the repair")
        strips = [
            draw_legal_sizes(strip.verdicts, marked=size, title=title, broke=strip.broke)
            for strip, title in zip(self.drawn, titles, strict=True)
        ]
        picture = stack_pictures([draw_trace(shown(self._input_size), steps, arcs, error=run.error), *strips])
        runs = self.drawn[-1]
        result = {"fails_at": run.failed.label if run.failed else "nothing", "runs_at": runs.rule}
        return View(picture, _sentence(run, runs), result, self._details_of(run, repair))

    def prepared(self) -> bool:
        """Try a few more sizes."""
        strips = [self._strip(each, patience=_CHUNK) for each in dict.fromkeys((None, self.repair.value))]
        return all(len(strip.verdicts) == self._many for strip in strips)

    @property
    def _input_size(self) -> tuple[int, ...]:
        height = self.controls["input_size"].value
        apart = "input_size_w" in self.controls and self.controls["height_and_width_apart"].value
        sizes = (height, self.controls["input_size_w"].value) if apart else (height,) * self._axes
        return (*self._start.inputs[0].shape[:2], *sizes)

    def _fixes(self) -> list[Fix]:
        """The layers that have been moved."""
        moved = {site: numbers for site, numbers in self._moved.items() if numbers}
        return [_at(self._start.model, self._layers[site], numbers) for site, numbers in moved.items()]

    def _run(self, repair: Repair | None, size: int | None = None) -> Trace:
        """The network at a size, the shown one unless it is given, with what has been moved, and repaired."""
        wanted = self._input_size if size is None else (*self._input_size[:2], *[size] * self._axes)
        changes: dict[str, Change] = {}
        for fix in [*self._fixes(), *([repair.fix] if repair else [])]:
            changes = merged(changes, fix.changes)
        multiple = repair.multiple if repair else 1
        padded = (*wanted[:2], *(-(-each // multiple) * multiple for each in wanted[2:]))
        return self._start.again(self._start.inputs[0].new_zeros(padded), changes=changes)

    def _strip(self, repair: Repair | None, *, patience: float) -> Sweep:
        """What becomes of the sizes around the shown one, as far as it is known after so many seconds."""
        first = (self.controls["input_size"].value - 1) // self._many * self._many + 1
        moved = tuple((site, *numbers.items()) for site, numbers in self._moved.items() if numbers)
        strip = self._strips.setdefault((first, moved, repair and repair.name), Sweep({}, {}))
        begin = perf_counter()
        for size in range(first + len(strip.verdicts), first + self._many):
            if perf_counter() - begin > patience:
                break
            strip.add(size, self._run(repair, size))
        return strip

    def _know_layers(self, run: Trace) -> None:
        """Offer the layers with a window that this run has met."""
        new = {row.site: row for row in run.rows if row.site not in self._layers and row.window}
        if new:
            self._layers |= new
            menu, chosen = self.controls["layer"], self.controls["layer"].value
            menu.options = [("none", ""), *((row.label, site) for site, row in self._layers.items())]
            menu.value = chosen

    def _look_for_repairs(self, _: object) -> None:
        with self._turn:
            self._say("Computing …")
            self.repair.value = None
            found = repairs(self._run(None), self._strip(None, patience=math.inf).verdicts)
            none = ("nothing to repair at this size", None)
            self.repair.options = [_AS_IT_IS if found else none, *((_in_short(each), each) for each in found)]
            self.repair.index = min(1, len(found))
            self._redraw(None)

    def _next_failing(self, _: object) -> None:
        """Move to the next size of the strip at which it fails or stretches, from the start again after the last."""
        size, strip = self.controls["input_size"].value, self._strip(self.repair.value, patience=math.inf)
        bad = [each for each, verdict in strip.verdicts.items() if verdict != "equal"]
        if bad:
            self.controls["input_size"].value = next((each for each in bad if each > size), bad[0])

    def _details_of(self, run: Trace, repair: Repair | None) -> str:
        said = [f'<pre style="white-space:pre-wrap;line-height:1.4">{escape(explain(run))}</pre>']
        said += [code_line(line) for fix in self._fixes() for line in (*fix.layers, *(new for _, new in fix.lines))]
        if repair:
            runs = f"runs at {len(repair.sizes)} of {repair.asked} sizes"
            said.append(
                f"{escape(repair.name)}: {repair.fix.parameters} parameters more, {runs}." + code_line(repair.code)
            )
        return "".join(said) + "The strip follows when it rests: until it rests, it shows what was." * self.moving


def _at(model: Any, row: Row, numbers: Mapping[str, int]) -> Fix:
    axes = len(row.window["kernel_size"])
    return at_layer(model, row, **{name: (value,) * axes for name, value in numbers.items()})


def _numbers(row: Row) -> dict[str, int]:
    """The window of a layer, along its first axis."""
    return {name: values[0] for name, values in row.window.items()}


def _sentence(run: Trace, strip: Sweep) -> str:
    where = f"It runs at {strip.rule}." if strip.runs else "It runs at none of these sizes."
    if run.error:
        at = (
            f"`{run.failed.label}` fails on {' and '.join(map(shown, run.failed.before))}"
            if run.failed
            else run.error
        )
        return f"{at}. {where}"
    joins = run.joins
    fit = sum(join.verdict == "equal" for join in joins)
    return f"It gives {shown(run.output_shape)}; joins that fit: {fit} of {len(joins)}. {where}"


def _in_short(repair: Repair) -> str:
    return f"{repair.name} (+{repair.fix.parameters})" if repair.fix.parameters else repair.name


def _button(words: str, press: Callable[[object], None]) -> widgets.Button:
    button = widgets.Button(description=words, layout={"width": INNER})
    button.on_click(press)
    return button
