"""TrainingExplorer: plain and skip networks learn to read digits while you watch (layer L3, with torch)."""

import math
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, get_args

import ipywidgets as widgets

from skiplib.blocks import Init, Norm
from skiplib.explorers.base import View
from skiplib.explorers.controls import INNER, LABEL, Control, choose
from skiplib.explorers.network import NetworkExplorer, network_controls
from skiplib.explorers.tasks import TaskExplorer, make_button
from skiplib.figures.training import Curve, training_plot
from skiplib.training import LEARNING_RATE, Lane, Optimizer, Run, make_lane

_NETWORKS = {"both": (False, True), "plain": (False,), "skip": (True,)}
_BATCH = 64
_WORDS = ("depth", "init", "norm", "alpha", "optimizer", "seed")  # what may tell two curves apart, in this order


@dataclass
class _Entry:
    """One network on its way, and what is said about it."""

    lane: Lane
    kind: str
    words: dict[str, str]  # what it is made of, by control
    run: Run | None = None  # once it has ended

    @property
    def label(self) -> str:
        """Its name in sentences and in the table."""
        return f"{self.kind}, {self.words['depth']} layers"

    @property
    def setting(self) -> str:
        """All else that it is made of."""
        return ", ".join(word for name, word in self.words.items() if name != "depth" and word)

    @property
    def reached(self) -> str:
        """Its accuracy in the end, on what it was trained with."""
        return f"{self.run.train_accuracy:.1%}" if self.run else "not measured"

    @property
    def fate(self) -> str:
        """What is worth saying about its way and its end, if anything."""
        records, said = self.lane.records, []
        steps = len(records)
        said += [f"step {each.step}: loss {each.loss:.3g}" for each in records if 10 < each.loss < math.inf][:1]
        said += [f"step {each.step}: gradient 0" for each in records if each.gradient == 0][:1]
        if steps and not math.isfinite(records[-1].loss):
            said.append(f"step {steps}: the loss leaves what single precision holds")
        elif self.run and self.lane.share < 1:
            of = f"at step {steps} of {round(steps / self.lane.share)}" if steps else "before its first step"
            said.append(f"stopped {of}")
        return ", ".join(said)


def _curves(entries: Sequence[_Entry], current: Sequence[_Entry]) -> list[Curve]:
    """What to draw: each network under its kind, its depth, and whatever else is not the same for all."""
    differ = [name for name in _WORDS if name == "depth" or len({entry.words[name] for entry in entries}) > 1]
    curves: dict[str, Curve] = {}
    for entry in entries:
        label = " ".join(filter(None, [entry.kind, *(entry.words[name] for name in differ)]))
        steps = ((each.epoch, each.accuracy, each.loss, each.gradient) for each in entry.lane.records)
        epochs, accuracies, losses, gradients = zip(*steps, strict=True)
        curves.pop(label, None)  # the same training once more is the same curve
        curves[label] = Curve(entry.kind, label, epochs, accuracies, losses, gradients, entry in current)
    return list(curves.values())


class TrainingExplorer(TaskExplorer, NetworkExplorer):
    """Press Start: the curves grow while the networks train. Stop keeps what there is; Clear throws it away.

    Args:
        network: "plain", "skip", or "both" side by side, with the same initial weights and the same images.
        depth, init, norm, alpha: as for the GradientExplorer.
        optimizer: "sgd", with momentum 0.9, or "adam".
        lr: learning rate, 0.00001 to 1.
        epochs: how often all 1437 images are seen, 1 to 20.
        seed: for the weights and for the order of the images, 0 to 999.
        show: the controls beside the picture; the others wait behind "more".

    >>> str(TrainingExplorer(depth=50)).partition(" -> ")[2]
    'trained=0'
    """

    def __init__(
        self,
        *,
        network: str = "both",
        depth: int = 20,
        init: Init = "default",
        norm: Norm = "none",
        alpha: float | str = 1,
        optimizer: Optimizer = "sgd",
        lr: float = LEARNING_RATE["sgd"],
        epochs: int = 4,
        seed: int = 172,
        show: Sequence[str] = ("network", "depth", "init", "alpha", "any_alpha"),
    ) -> None:
        if isinstance(lr, bool) or not isinstance(lr, int | float) or not 1e-5 <= lr <= 1:
            raise ValueError(f"`lr` must lie between 0.00001 and 1 in this explorer; got {lr!r}")
        look = {"style": LABEL, "layout": {"width": INNER}}
        controls = network_controls(depth, init, norm, alpha) | {
            "network": choose("network", _NETWORKS, network),
            "optimizer": choose("optimizer", get_args(Optimizer), optimizer),
            "lr": widgets.BoundedFloatText(lr, min=1e-5, max=1, step=0.001, description="lr", **look),
            "epochs": Control("epochs", epochs, 1, 20),
            "seed": Control("seed", seed, 0, 999),
        }
        self._entries: list[_Entry] = []  # of the last training
        self._finished: list[_Entry] = []  # of those before
        self.clear_button = make_button("Clear", "Throw the finished curves away", self.clear)
        super().__init__(controls, show=show, buttons=[self.clear_button])

    def clear(self) -> None:
        """Throw the finished curves away."""
        with self._turn:
            self._finished = []
            if self._go("resting", "resting", ""):
                self._entries = []
            self._update()

    def train(self) -> Coroutine[Any, Any, None]:
        """Train what the controls say now; the curves of the last training are finished ones from now on."""
        self._finished, self._entries = [*self._finished, *self._entries], []
        return self._train(self.measured)

    async def _train(self, settings: dict[str, Any]) -> None:
        self._entries = _enter(**settings)
        await self.take_steps([entry.lane for entry in self._entries])
        for entry in self._entries:
            await self.pause(0.01)  # the words reach the page first
            entry.run = entry.lane.finish()

    def view(self) -> View:
        """The curves, and what is going on."""
        said, resting = self.say_task(), self.state == "resting"
        self.clear_button.disabled = not self._finished and not (resting and self._entries)
        shown, entries = self._entries, [*self._finished, *self._entries]
        begun = [entry for entry in entries if entry.lane.records]
        epochs = max((entry.lane.epochs for entry in begun), default=self.controls["epochs"].value)
        picture = training_plot(_curves(begun, shown), epochs=epochs)
        result = {entry.label.replace(" ", "_"): entry.reached for entry in shown}
        ends = [f"{each.label}: {each.reached}" + f" ({each.fate})" * bool(each.fate) for each in shown if each.run]
        if resting and ends:
            said += f"Training accuracy: {'; '.join(ends)}."
        elif not resting:
            said += " ".join(f"{each.label}: {each.fate}." for each in shown if each.fate)
        status = said or "Press Start to train. Nothing is trained before."
        return View(picture, status, result or {"trained": 0}, _table(entries))


def _enter(network: str, depth: int, seed: int, **settings: Any) -> list[_Entry]:
    """Networks before their first step, and what they are made of."""
    norm = "no norm" if settings["norm"] == "none" else settings["norm"]
    words = {"depth": str(depth), "init": settings["init"], "norm": norm}
    words |= {"optimizer": f"{settings['optimizer']} {settings['lr']:g}", "seed": f"seed {seed}"}
    entries = []
    for skip in _NETWORKS[network]:
        lane = make_lane(depth, skip, seed, batch_size=_BATCH, **settings)
        words["alpha"] = f"alpha {settings['alpha']:.2g}" if skip and settings["alpha"] != 1 else ""
        entries.append(_Entry(lane, "skip" if skip else "plain", dict(words)))
    return entries


def _table(entries: Sequence[_Entry]) -> str:
    """The networks that have ended, and what they reached."""
    style = 'style="text-align:left;padding:2px 12px 2px 0"'
    rows = [("th", "network", "initialisation, norm, optimizer", "training", "test", "")]
    rows += [("td", e.label, e.setting, e.reached, f"{e.run.test_accuracy:.1%}", e.fate) for e in entries if e.run]
    lines = ("".join(f"<{tag} {style}>{escape(cell)}</{tag}>" for cell in cells) for tag, *cells in rows)
    return f"<table>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>" if len(rows) > 1 else ""
