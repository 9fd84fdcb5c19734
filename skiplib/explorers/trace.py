"""TraceExplorer: the learner's own network, its sizes, its joins, and repairs to switch on (layer L3)."""

import math
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
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
from skiplib.tracing.recorder import Change, Row, Site
from skiplib.tracing.repairs import Repair, repairs
from skiplib.tracing.tracer import Sweep, Trace, shown, trace

_BOUNDS = {"kernel_size": (1, 11), "stride": (1, 8), "padding": (0, 8), "dilation": (1, 6)}
_LARGEST = 64  # of the slider, and the most sizes that the strip has
_MUCH, _AT_ONCE = 10**10, 10**9  # multiplications for all of a strip, and for a move while the slider is dragged
_CHUNK = 0.05  # seconds of work on the strip at a time
_AS_IT_IS, _NO_LAYER = ("as it is", None), ("none", None)


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
        if not sizes or (len(sizes) > 2 and len(set(sizes)) > 1):
            words = "axes behind batch and channels, three of them alike"
            raise ValueError(f"`input_size` must have {words}; got {tuple(input_size)}")
        self._axes, self._chosen = len(sizes), None
        cost = 1 + sum(row.work for row in self._start.rows)
        self._many = max(1, min(_LARGEST, _MUCH // cost))
        self._layers: dict[Site, Row] = {}  # those that can be moved
        self._menu: dict[Site, str] = {}  # what they are called
        self._moved: dict[Site, dict[str, int]] = {}
        self._strips: dict[object, _Strip] = {}
        apart = {"description": "height and width apart", "indent": False, "layout": {"width": INNER}}
        controls: dict[str, Any] = {"input_size": Control("input_size", sizes[0], 1, max(_LARGEST, sizes[0]))}
        if self._axes == 2:
            controls["height_and_width_apart"] = widgets.Checkbox(sizes[0] != sizes[1], **apart)
            controls["input_size_w"] = Control("input_size_w", sizes[1], 1, max(_LARGEST, sizes[1]))
        look = {"style": {"description_width": "50px"}, "layout": {"width": INNER}}
        controls["layer"] = widgets.Dropdown(options=[_NO_LAYER], description="layer", **look)
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
        steps, arcs = folded(run, menu=self._menu, chosen=self._chosen)
        which = f"which heights run at a width of {self._width}?" if self._width else "which sizes run?"
        titles = (which,) if len(self.drawn) == 1 else ("as it is", "with the repair")
        strips = [
            draw_legal_sizes(strip.verdicts, marked=size, title=title, broke=strip.broke)
            for strip, title in zip(self.drawn, titles, strict=True)
        ]
        picture = stack_pictures([draw_trace(shown(self._input_size), steps, arcs, error=run.error), *strips])
        runs = self.drawn[-1]
        failed = run.failed.label if run.failed else run.line or run.error or "nothing"
        result = {"fails_at": failed, "runs_at": runs.rule}
        return View(picture, _sentence(run, runs), result, self._details_of(run, repair))

    def prepared(self) -> bool:
        """Try a few more sizes."""
        for each in dict.fromkeys((None, self.repair.value)):
            self._strip(each, patience=_CHUNK)
        return all(self._strips[self._key(each)].done for each in (None, self.repair.value))

    @property
    def _width(self) -> int | None:
        """Where it is set apart from the height."""
        apart = "input_size_w" in self.controls and self.controls["height_and_width_apart"].value
        return self.controls["input_size_w"].value if apart else None

    @property
    def _input_size(self) -> tuple[int, ...]:
        return self._shape(self.controls["input_size"].value)

    def _shape(self, size: int) -> tuple[int, ...]:
        sizes = (size, self._width) if self._width else (size,) * self._axes
        return (*self._start.inputs[0].shape[:2], *sizes)

    def _fixes(self) -> list[Fix]:
        """The layers that have been moved."""
        moved = {site: numbers for site, numbers in self._moved.items() if numbers}
        return [_at(self._start.model, self._layers[site], numbers) for site, numbers in moved.items()]

    def _run(self, repair: Repair | None, size: int | None = None) -> Trace:
        """The network at a size, the shown one unless it is given, with what has been moved, and repaired."""
        changes: dict[Site, Change] = {}
        for fix in [*self._fixes(), *([repair.fix] if repair else [])]:
            changes = merged(changes, fix.changes)
        multiple, wanted = repair.multiple if repair else 1, self._shape(size) if size else self._input_size
        padded = (*wanted[:2], *(-(-each // multiple) * multiple for each in wanted[2:]))
        return self._start.again(self._start.inputs[0].new_zeros(padded), changes=changes)

    def _key(self, repair: Repair | None) -> object:
        """What a strip depends on, its first size in front."""
        first = (self.controls["input_size"].value - 1) // self._many * self._many + 1
        moved = tuple((site, *numbers.items()) for site, numbers in self._moved.items() if numbers)
        return first, self._width, moved, repair

    def _strip(self, repair: Repair | None, *, patience: float) -> Sweep:
        """What becomes of the sizes around the shown one, as far as it is known after so many seconds."""
        key = self._key(repair)
        first = key[0]  # type: ignore[index]
        strip = self._strips.setdefault(key, _Strip(range(first, first + self._many)))
        begin = perf_counter()
        while not strip.done and perf_counter() - begin <= patience:
            strip.add(lambda size: self._run(repair, size))
        return strip.sweep

    def _know_layers(self, run: Trace) -> None:
        """Offer the layers that this run has met and that have one window for all axes."""
        met = (row for row in run.rows if row.site not in self._layers)
        new = {
            row.site: row for row in met if row.window and all(len(set(each)) == 1 for each in row.window.values())
        }
        if new:
            for site, row in new.items():
                name = f"{row.module} {row.op}".strip()
                alike = sum(f"{other.module} {other.op}".strip() == name for other in self._layers.values())
                self._layers[site] = row
                self._menu[site] = name + f" ({alike + 1})" * bool(alike)
            menu, chosen = self.controls["layer"], self.controls["layer"].value
            menu.options = [_NO_LAYER, *((label, site) for site, label in self._menu.items())]
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
        said += [code_line(fix.code) for fix in self._fixes()]
        if repair:
            runs = f"runs at {len(repair.sizes)} of {repair.asked} sizes"
            said.append(f"{escape(repair.fix.name)}: {repair.fix.parameters} parameters more, {runs}.")
            said.append(code_line(repair.fix.code))
        return "".join(said) + "The strip follows when it rests: until it rests, it shows what was." * self.moving


class _Strip:
    """A sweep in parts; it ends early where the networks grow too large."""

    def __init__(self, sizes: Iterable[int]) -> None:
        self.sweep, self.done = Sweep({}, {}), False
        self._sizes, self._spent = deque(sizes), 0

    def add(self, run: Callable[[int], Trace]) -> None:
        """Run the next size."""
        size = self._sizes.popleft()
        result = run(size)
        self.sweep.add(size, result)
        self._spent += sum(row.work for row in result.rows)
        self.done = not self._sizes or self._spent > 4 * _MUCH


def _at(model: Any, row: Row, numbers: Mapping[str, int]) -> Fix:
    axes = len(row.window["kernel_size"])
    return at_layer(model, row, **{name: (value,) * axes for name, value in numbers.items()})


def _numbers(row: Row) -> dict[str, int]:
    """The window of a layer, along its first axis."""
    return {name: values[0] for name, values in row.window.items()}


def _sentence(run: Trace, strip: Sweep) -> str:
    where = strip.sentence
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
    return repair.fix.name + f" (+{repair.fix.parameters})" * (repair.fix.parameters > 0)


def _button(words: str, press: Callable[[object], None]) -> widgets.Button:
    button = widgets.Button(description=words, layout={"width": INNER})
    button.on_click(press)
    return button
