"""LesionExplorer: trained networks whose blocks are switched off, swapped or weakened (layer L3, with torch)."""

from collections.abc import Coroutine, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any

import ipywidgets as widgets
import traitlets

from skiplib.diagrams.lesions import Lesions, lesions_picture
from skiplib.digits import split_digits
from skiplib.explorers.base import View
from skiplib.explorers.controls import INNER, Control, choose
from skiplib.explorers.tasks import TaskExplorer, make_button
from skiplib.networks import Stack
from skiplib.paths import lesioned
from skiplib.training import Lane, accuracy, finished, keep, make_lane
from skiplib.words import share_in_words

_DEPTH, _BLOCKS, _EPOCHS = 20, 9, 8
_NUMBERS = range(1, _BLOCKS + 1)
_NETS: dict[str, dict[str, Any]] = {
    "he, batch norm": {"init": "he", "norm": "batch"},
    "default, no norm": {},
    "he, alpha 1/3": {"init": "he", "alpha": 1 / 3},  # 1 / sqrt(9)
}
_KINDS = {"plain": False, "skip": True}


class BlockToggles(widgets.VBox):  # type: ignore[misc]
    """A button for every block, pressed where the block is off."""

    value = traitlets.Tuple()  # the numbers of the blocks that are off, in order

    def __init__(self, name: str, off: Sequence[int]) -> None:
        if not isinstance(off, list | tuple) or not set(off) <= set(_NUMBERS):
            raise ValueError(f"`{name}` must name blocks from 1 to {_BLOCKS}; got {off!r}")
        small = {"width": "22px", "padding": "0", "margin": "1px"}
        self.toggles = []
        for block in _NUMBERS:
            tip = f"Switch block {block} off or on"
            toggle = widgets.ToggleButton(description=str(block), tooltip=tip, layout=small)
            toggle.add_class(f"skiplib-block-{block}")
            toggle.observe(self._read, "value")
            self.toggles.append(toggle)
        self.observe(self._press, "value")
        self.value = tuple(block for block in _NUMBERS if block in off)
        super().__init__([widgets.Label(f"{name}:"), widgets.HBox(self.toggles)], layout={"width": INNER})

    def _press(self, _: object) -> None:
        off, self._pressing = self.value, True  # each press would be read on its own
        for block, toggle in enumerate(self.toggles, start=1):
            toggle.value = block in off
        self._pressing = False

    def _read(self, _: object) -> None:
        if not self._pressing:
            self.value = tuple(block for block, toggle in enumerate(self.toggles, start=1) if toggle.value)


class LesionExplorer(TaskExplorer):
    """Plain and skip networks of 20 layers, 9 blocks, trained for 8 epochs: what is left when blocks are not?

    Press Start to train them, unless this kernel has: nothing is trained before. A block that is off hands on what it
    gets. A click on a block in the picture, or its button, switches it off and on.

    Args:
        net: "he, batch norm", "default, no norm" or "he, alpha 1/3".
        off: the numbers of the blocks that are switched off, 1 to 9.
        swap, swap_with: two blocks that change places; none if they are the same.
        scale: of all branches with a skip, 0 to 1.
        seed: for the weights and for the order of the images, 0 to 999.
        show: the controls beside the picture; the others wait behind "more".

    >>> str(LesionExplorer(seed=999)).partition(" -> ")[2]
    'plain=not trained, skip=not trained'
    """

    def __init__(
        self,
        *,
        net: str = "he, batch norm",
        off: Sequence[int] = (),
        swap: int = 1,
        swap_with: int = 1,
        scale: float = 1.0,
        seed: int = 172,
        show: Sequence[str] = ("off", "swap", "swap_with", "scale"),
    ) -> None:
        controls = {
            "net": choose("net", _NETS, net),
            "off": BlockToggles("off", off),
            "swap": Control("swap", swap, 1, _BLOCKS),
            "swap_with": Control("swap_with", swap_with, 1, _BLOCKS),
            "scale": Control("scale", scale, 0, 1, step=0.05),
            "seed": Control("seed", seed, 0, 999),
        }
        self._paused: dict[tuple[str, int], list[Lane]] = {}  # of trainings that were stopped
        self._past: list[dict[str, object]] = []
        self.undo_button = make_button("Undo", "Take the last change back", self.undo)
        super().__init__(controls, show=show, buttons=[self.undo_button])

    def undo(self) -> None:
        """Take the last change of a control back."""
        if len(self._past) > 1:
            self._past.pop()
            with self.together():
                for name, value in self._past[-1].items():
                    self.controls[name].value = value

    def train(self) -> Coroutine[Any, Any, None]:
        """Train what is not kept yet, one step of each network in turn; a stopped training goes on."""
        return self._train(self.controls["net"].value, self.controls["seed"].value)

    async def _train(self, net: str, seed: int) -> None:
        key, settings = (net, seed), _settings(net)
        missing = [skip for skip in _KINDS.values() if finished(_DEPTH, skip, seed, **settings) is None]
        lanes = self._paused.pop(key, []) or [make_lane(_DEPTH, skip, seed, **settings) for skip in missing]
        if not await self.take_steps(lanes):
            self._paused[key] = lanes
            return
        for lane in lanes:
            await self.pause(0.01)  # the words reach the page first
            keep(lane, **settings)

    def view(self) -> View:
        """Both networks with their lesions, and what they read."""
        self._remember()
        said = self.say_task()
        self.undo_button.disabled = len(self._past) < 2
        settings: dict[str, Any] = self.settings
        networks = [_network(kind, **settings) for kind in _KINDS]
        trained = [each.intact is not None for each in networks]
        self.start_button.disabled |= all(trained)
        result = {each.kind: "not trained" if each.intact is None else share_in_words(each.test) for each in networks}
        if any(trained):
            said += f"Of the test digits: {', '.join(each.said for each in networks)}."
        elif lanes := self._paused.get((settings["net"], settings["seed"])):
            said += f"Start goes on from step {len(lanes[0].records)}."
        elif self.state == "resting":
            said += "Press Start to train. Nothing is trained before."
        return View(lesions_picture(networks), said, result)

    def _remember(self) -> None:
        """Note a change, for undo; those of a slider on its way are one."""
        past, now = self._past, self.settings
        if not past or past[-1] != now:
            last = [{name for name in now if old[name] != new[name]} for old, new in pairwise([*past[-2:], now])]
            if last == [{"scale"}, {"scale"}]:
                past.pop()
            past.append(now)

    def still(self) -> str:
        """What is stored, marked: nbval leaves out what differs a little from machine to machine."""
        return f"<!--measured-->{super().still()}<!--end-->"


def _settings(net: str) -> dict[str, Any]:
    """What a race takes to train such a network."""
    return {"epochs": _EPOCHS, **_NETS[net]}


def _network(kind: str, net: str, off: Sequence[int], swap: int, swap_with: int, scale: float, seed: int) -> Lesions:
    places = {swap: swap_with, swap_with: swap}
    order = [places.get(place, place) for place in _NUMBERS]
    run = finished(_DEPTH, _KINDS[kind], seed, **_settings(net))
    if run is None:
        return Lesions(kind, order, off)
    left, split = lesioned(run.net, without=off, swap=(swap, swap_with), scale=scale), split_digits()
    intact, *alone = _alone(run.net)
    known = accuracy(left, split.images[: len(split.test_images)], split.labels[: len(split.test_images)])
    return Lesions(kind, order, off, [intact - each for each in alone], intact, _reads(left), known)


def _reads(net: Stack) -> float:
    """The share of the test digits that it reads."""
    return accuracy(net, split_digits().test_images, split_digits().test_labels)


@lru_cache(maxsize=16)
def _alone(net: Stack) -> list[float]:
    """The accuracy of a network, and without each of its blocks."""
    return [_reads(net), *(_reads(lesioned(net, without=[block])) for block in _NUMBERS)]
