"""ResidualExplorer: a branch, a shortcut, and whether they add up (layer L3)."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import ipywidgets as widgets

from skiplib.adding import Verdict, add_message
from skiplib.arithmetic import PUBLISHED, ConvGeometry, checked_word
from skiplib.chains import checked_geometries
from skiplib.diagrams.residual import PICTURES, draw_residual
from skiplib.explorers.base import Explorer, View, checked_names, code_line
from skiplib.explorers.controls import INNER, Control, choose
from skiplib.shortcuts import CHOICES, PIXEL, Kind, Shortcut, propose_shortcuts
from skiplib.words import conv_arguments, listed

_BRANCH = {"kernel_size": (1, 7), "stride": (1, 4), "padding": (0, 4)}
_SHORTCUT = {"kernel_size": (1, 31), "stride": (1, 64), "padding": (0, 20)}
_LARGEST = 64
_NUMBERS = ("input_size", "in_channels", "hidden_channels", "out_channels")
_CHOOSE = ("choose one", "")  # what stands above the repairs


class ResidualExplorer(Explorer):
    """Two convolutions, a shortcut around them, the add, and the input sizes for which all of it runs.

    Args:
        geometries: the two convolutions of the branch.
        input_size: pixels of a square image, 1 to 64.
        in_channels, hidden_channels, out_channels: channels of x, between the convolutions, and after the branch.
        kind: the shortcut: "identity", "option A", "average pooling", "projection" or "resize".
        geometry: where a shortcut with a choice reads.
        output_index: the output column whose origin is drawn.
        show: the controls beside the picture; the others wait behind "more".
        pictures: which to draw, one under the other: "block", "sizes", "places", "add".

    >>> str(ResidualExplorer()).partition(" -> ")[2]
    'branch=(1, 3, 11, 11), skip=(1, 3, 32, 32), add=error, runs_at=3, 4'
    """

    def __init__(
        self,
        geometries: Sequence[ConvGeometry] = (PUBLISHED, PUBLISHED),
        *,
        input_size: int = 32,
        in_channels: int = 3,
        hidden_channels: int = 6,
        out_channels: int = 3,
        kind: Kind = "identity",
        geometry: ConvGeometry = PIXEL,
        output_index: int = 0,
        show: Sequence[str] = ("input_size", "shortcut", "output_index"),
        pictures: Sequence[str] = ("block", "sizes"),
    ) -> None:
        geometries = checked_geometries("geometries", geometries)
        if len(geometries) != 2:
            raise ValueError(f"`geometries` must hold two convolutions; got {len(geometries)}")
        checked_word("kind", kind, CHOICES)
        self._pictures = checked_names("pictures", pictures, PICTURES, least=1)
        controls: dict[str, Any] = {"input_size": Control("input_size", input_size, 1, _LARGEST)}
        channels = {"in_channels": in_channels, "hidden_channels": hidden_channels, "out_channels": out_channels}
        controls |= {name: Control(name, count, 1, 16) for name, count in channels.items()}
        controls |= _controls("_1", geometries[0], _BRANCH) | _controls("_2", geometries[1], _BRANCH)
        controls["shortcut"] = choose("shortcut", CHOICES, kind)
        controls |= _controls("_skip", checked_geometries("geometry", [geometry])[0], _SHORTCUT)
        most = _LARGEST + 2 * 2 * 4 - 1  # two layers pad two sides with 4 pixels each
        controls["output_index"] = Control("output_index", output_index, 0, most)
        self.repair = widgets.Dropdown(
            options=[_CHOOSE], description="repair", style={"description_width": "50px"}, layout={"width": INNER}
        )
        super().__init__(controls, show=show, under=[self.repair])
        self.repair.observe(self._apply_repair, "value")

    @property
    def geometries(self) -> tuple[ConvGeometry, ...]:
        """The two convolutions of the branch."""
        return tuple(self._geometry(f"_{layer}", _BRANCH) for layer in (1, 2))

    @property
    def shortcut(self) -> Shortcut:
        """The shortcut that the controls describe.

        Raises:
            ValueError: if this kind cannot have these channels.
        """
        channels = {name: self.controls[name].value for name in ("in_channels", "out_channels")}
        kind = self.controls["shortcut"].value
        return Shortcut(kind=kind, branch=self.geometries, geometry=self._chosen_geometry, **channels)

    @property
    def settings(self) -> dict[str, object]:
        """What makes the same explorer again."""
        values = {name: self.controls[name].value for name in (*_NUMBERS, "output_index")}
        kind = self.controls["shortcut"].value
        return {"geometries": list(self.geometries), **values, "kind": kind, "geometry": self._chosen_geometry}

    @property
    def code(self) -> str:
        """The block in PyTorch, as far as its shapes go."""
        size, *channels = (self.controls[name].value for name in _NUMBERS)
        convs = [
            f"    nn.Conv2d({before}, {after}, {conv_arguments(**asdict(geometry))}), nn.ReLU(),\n"
            for before, after, geometry in zip(channels, channels[1:], self.geometries, strict=False)
        ]
        return (
            f"x = torch.zeros{(1, channels[0], size, size)}\n"
            f"branch = nn.Sequential(\n{''.join(convs)})\n"
            f"shortcut = {self.shortcut.code}\n"
            "(shortcut(x) + branch(x)).shape"
        )

    def bound_controls(self) -> None:
        """Show what the shortcut leaves to choose, offer the repairs that fit, and bound ``output_index``."""
        chosen = CHOICES[self.controls["shortcut"].value]
        for name in _SHORTCUT:
            self.controls[f"{name}_skip"].layout.display = "" if name in chosen else "none"
        self.controls["output_index"].layout.display = "" if "places" in self._pictures else "none"
        input_size, before, _, after = (self.controls[name].value for name in _NUMBERS)
        try:
            self._offer(propose_shortcuts(self.geometries, before, after, input_size=input_size))
        except ValueError:
            self._offer([])
            raise
        shortcut = self.shortcut
        places = shortcut.branch_shape(input_size)[-1], shortcut.output_shape(input_size)[-1]
        self.controls["output_index"].set_most(min(places) - 1)

    def view(self) -> View:
        """The pictures that were asked for, and what becomes of the add in words."""
        input_size, shortcut = self.controls["input_size"].value, self.shortcut
        verdicts = {size: shortcut.verdict(size) for size in range(1, _LARGEST + 1)}
        options = {name: self.controls[name].value for name in ("hidden_channels", "output_index")}
        picture = draw_residual(shortcut, input_size, verdicts=verdicts, pictures=self._pictures, **options)
        branch, skip = (1, *shortcut.branch_shape(input_size)), (1, *shortcut.output_shape(input_size))
        runs = [size for size, verdict in verdicts.items() if verdict == "equal"]
        result = {"branch": branch, "skip": skip, "add": verdicts[input_size], "runs_at": listed(runs, most=4)}
        sentence = _sentence(verdicts[input_size], skip, branch, aligned=shortcut.aligned(input_size))
        return View(picture, sentence, result, code_line(self.code))

    def _offer(self, proposals: Sequence[Shortcut]) -> None:
        size = self.controls["input_size"].value
        options = (_CHOOSE, *((_proposal_in_words(proposal, size), proposal) for proposal in proposals))
        if self.repair.options != options:
            self.repair.options = options

    def _apply_repair(self, _: object) -> None:
        proposal = self.repair.value
        if not proposal:
            return
        with self.together():
            self.controls["shortcut"].value = proposal.kind
            for name in _SHORTCUT:
                self.controls[f"{name}_skip"].value = getattr(proposal.geometry, name)
        self.repair.index = 0

    @property
    def _chosen_geometry(self) -> ConvGeometry:
        chosen = CHOICES[self.controls["shortcut"].value]
        return self._geometry("_skip", [name for name in _SHORTCUT if name in chosen])

    def _geometry(self, suffix: str, names: Sequence[str] | Mapping[str, object]) -> ConvGeometry:
        return ConvGeometry(**{"kernel_size": 1} | {name: self.controls[f"{name}{suffix}"].value for name in names})


def _controls(suffix: str, geometry: ConvGeometry, bounds: Mapping[str, tuple[int, int]]) -> dict[str, Control]:
    if geometry.dilation != 1:
        raise ValueError(f"`dilation` must be 1 in this explorer; got {geometry}")
    starts = {f"{name}{suffix}": (getattr(geometry, name), *ends) for name, ends in bounds.items()}
    return {name: Control(name, *start) for name, start in starts.items()}


def _sentence(verdict: Verdict, skip: tuple[int, ...], branch: tuple[int, ...], *, aligned: bool) -> str:
    if verdict == "error":
        return f"The add fails. PyTorch: {add_message(skip, branch)}"
    if verdict == "broadcast":
        stretched = " and ".join(str(shape) for shape in (skip, branch) if shape != tuple(map(max, skip, branch)))
        return f"The add runs, but it stretches {stretched} to fit: probably not what was meant."
    if aligned:
        return f"The add runs: {skip} on both sides, and both look at the same place."
    return f"The add runs: {skip} on both sides. But they look at different places."


def _proposal_in_words(shortcut: Shortcut, input_size: int) -> str:
    place = "same place" if shortcut.aligned(input_size) else "other places"
    return f"{shortcut.name}: {shortcut.parameter_count} parameters, {place}"
