"""An explorer that trains when asked to, while all else goes on (layer L3)."""

import asyncio
import math
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

import ipywidgets as widgets

from skiplib.explorers.base import Explorer
from skiplib.explorers.controls import wrap
from skiplib.training import Lane

_REDRAW = 0.4  # seconds between two pictures of a training that runs


class TaskExplorer(Explorer):
    """An explorer with a button that starts a training, one that ends it, and a bar; a subclass says which.

                 Start              Stop, the last step, an error
        resting -------> training -------------------------------> measuring
           ^                                                           |
           +-----------------------------------------------------------+
                            all is measured, an error

    Any other press of the two changes nothing. To close the explorer ends what it does, as an error does.
    """

    state = "resting"
    _sentence = ""  # on what goes on, or on how it ended

    def __init__(
        self, controls: Mapping[str, Any], *, show: Sequence[str] | None, buttons: Sequence[widgets.Widget]
    ) -> None:
        """Take the controls, and more buttons, which stand beside Start and Stop."""
        self.start_button = make_button("Start", "Train with these settings", self.start)
        self.stop_button = make_button("Stop", "End the training now, and keep what there is", self.stop)
        self.progress = widgets.FloatProgress(0, min=0, max=1, layout={"width": "180px"})
        row = wrap([self.start_button, self.stop_button, *buttons])
        super().__init__(controls, show=show, under=[row, self.progress])

    def start(self) -> None:
        """Begin to train what the controls say, in the kernel's event loop: other widgets and cells go on."""
        loop = asyncio.get_running_loop()
        if self._go("resting", "training", "Training … "):
            self._task = loop.create_task(self.train())  # the loop alone would not keep it
            self._task.add_done_callback(self._rest)

    def stop(self) -> None:
        """End the training before its next step; what there is stays."""
        self._go("training", "measuring", "Stopped. ")

    def train(self) -> Coroutine[Any, Any, None]:
        """Read the controls now; what is awaited then takes the steps, and measures what has come of them."""
        raise NotImplementedError

    async def take_steps(self, lanes: Sequence[Lane]) -> bool:
        """What is left of some trainings, one step of each in turn; whether they came to their end."""
        before, began, drawn = max((lane.share for lane in lanes), default=0), time.perf_counter(), -math.inf
        while self.state == "training" and sum(lane.advance() for lane in lanes):  # not any(): each takes its step
            if time.perf_counter() - drawn > _REDRAW:
                self.progress.value = share = max(lane.share for lane in lanes)
                left = (time.perf_counter() - began) * (1 - share) / (share - before)
                self._go("training", "training", f"Training: {share:.0%}, about {math.ceil(left)} s left. ")
                self._update()
                drawn = time.perf_counter()
            await self.pause()
        ended = self._go("training", "measuring", "")
        self._update()
        return ended

    async def pause(self, seconds: float = 0) -> None:
        """Let the buttons act, and the page show; all ends here once the explorer was closed."""
        await asyncio.sleep(seconds)
        if self.comm is None:
            raise asyncio.CancelledError

    def say_task(self) -> str:
        """Let the buttons and the bar show the state; the sentence on it."""
        self.start_button.disabled, self.stop_button.disabled = self.state != "resting", self.state != "training"
        self.progress.layout.visibility = "hidden" if self.state == "resting" else "visible"
        return self._sentence + "Measuring … " * (self.state == "measuring")

    def _go(self, before: str, after: str, sentence: str) -> bool:
        """From one state to another, with a sentence; False, and no change, in any other state."""
        with self._turn:
            if here := self.state == before:
                self.state, self._sentence = after, sentence
            return here

    def _rest(self, task: asyncio.Task[None]) -> None:
        """Be ready for the next start, however this one has ended."""
        self.stop()  # an error, or its closing, may have ended it
        error = None if task.cancelled() else task.exception()
        said = f"This does not run: {str(error) or type(error).__name__}. " if error else self._sentence
        if self._go("measuring", "resting", said):
            self._update()


def make_button(name: str, tooltip: str, act: Callable[[], None]) -> widgets.Button:
    """A button that stands in a row of three."""
    button = widgets.Button(description=name, tooltip=tooltip, layout={"width": "70px"})
    button.on_click(lambda _: act())
    return button
