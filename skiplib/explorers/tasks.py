"""An explorer that trains when asked to, while all else goes on (layer L3)."""

import asyncio
import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ipywidgets as widgets

from skiplib.explorers.base import Explorer
from skiplib.explorers.controls import wrap
from skiplib.training import Lane

_REDRAW = 0.4  # seconds between two pictures of a training that runs


class TaskExplorer(Explorer):
    """An explorer with a button that starts a training, one that ends it, and a bar; a subclass says which."""

    _task: asyncio.Task[None] | None = None  # also where a bad starting value ends __init__ early
    _sentence = ""  # on what is going on, before the result

    def __init__(
        self, controls: Mapping[str, Any], *, show: Sequence[str] | None, buttons: Sequence[widgets.Widget]
    ) -> None:
        """Take the controls, and more buttons, which stand beside Start and Stop."""
        self.start_button = make_button("Start", "Train with these settings", self.start)
        self.stop_button = make_button("Stop", "End the training now, and keep what there is", self.stop)
        self.progress = widgets.FloatProgress(0, min=0, max=1, layout={"width": "180px"})
        row = wrap([self.start_button, self.stop_button, *buttons])
        super().__init__(controls, show=show, under=[row, self.progress])

    @property
    def training(self) -> bool:
        """Whether a training runs."""
        return self._task is not None

    def start(self) -> None:
        """Begin to train what the controls say, in the kernel's event loop: other widgets and cells go on."""
        if not self.training:
            self._task = asyncio.get_running_loop().create_task(self.train())
            self._task.add_done_callback(self._forget)

    def stop(self) -> None:
        """End the training before its next step; what there is stays."""
        if self._task is not None:
            self._task.cancel()

    async def train(self) -> None:
        """Train, step by step, and let the buttons act in between."""
        raise NotImplementedError

    async def take_steps(self, lanes: Sequence[Lane], say: Callable[[], str]) -> None:
        """All that is left of some trainings, one step of each in turn, and now and then what there is to say."""
        drawn = -math.inf
        while sum(lane.advance() for lane in lanes):  # not any(): each takes its step
            if time.perf_counter() - drawn > _REDRAW:
                self._sentence = say()
                self._update()
                drawn = time.perf_counter()
            await asyncio.sleep(0)
        self._sentence = ""

    def show_task(self) -> None:
        """Let the buttons and the bar say whether a training runs."""
        for button, on in ((self.start_button, not self.training), (self.stop_button, self.training)):
            button.disabled = not on
        self.progress.layout.visibility = "visible" if self.training else "hidden"

    def close(self) -> None:
        """End what runs, and give back all that the explorer holds."""
        self.stop()
        super().close()

    def _forget(self, _: object) -> None:
        """Be ready for the next start, also where a task was stopped before it began, or failed."""
        self._task = None
        self._update()


def make_button(name: str, tooltip: str, act: Callable[[], None]) -> widgets.Button:
    """A button that stands in a row of three."""
    button = widgets.Button(description=name, tooltip=tooltip, layout={"width": "70px"})
    button.on_click(lambda _: act())
    return button
