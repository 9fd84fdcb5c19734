"""ResidualExplorer: a branch, a shortcut, and whether they add up (layer L3, with torch for its own messages)."""

from collections.abc import Sequence
from typing import Literal

import ipywidgets as widgets
import torch

from skiplib.adding import add_verdict
from skiplib.arithmetic import ConvGeometry
from skiplib.chains import checked_geometries, sizes
from skiplib.diagrams.add import draw_alignment, draw_legal_sizes
from skiplib.diagrams.block import draw_block
from skiplib.diagrams.svg import Picture, stack_pictures
from skiplib.explorers.base import LABEL, Control, Explorer, View, code_line, conv_arguments, wrap
from skiplib.shortcuts import PIXEL, Kind, Shortcut, propose_shortcuts

_BRANCH = {"kernel_size": (1, 7), "stride": (1, 4), "padding": (0, 4)}
_SHORTCUT = {"kernel_size": (1, 31), "stride": (1, 64), "padding": (0, 20)}
_CHOSEN: dict[Kind, set[str]] = {  # what of its geometry each kind leaves to choose
    "identity": set(),
    "option A": {"stride"},
    "average pooling": {"kernel_size", "stride", "padding"},
    "projection": {"kernel_size", "stride", "padding"},
    "resize": set(),
}
_PUBLISHED = ConvGeometry(kernel_size=2, stride=2, padding=2)
_LARGEST = 64
_CHOOSE = "choose one"


class ResidualExplorer(Explorer):
    """Two convolutions, a shortcut around them, the add, and the input sizes for which all of it runs.

    Args:
        geometries: the two convolutions of the branch.
        input_size: pixels of a square image, 1 to 64.
        in_channels, hidden_channels, out_channels: channels of x, between the convolutions, and after the branch.
        kind: the shortcut: "identity", "option A", "average pooling", "projection" or "resize".
        geometry: where a shortcut with a choice reads.
        output_index: the output column whose origin is drawn.

    Raises:
        TypeError: if a geometry is not a ``ConvGeometry``, or a number not an integer.
        ValueError: if there are not two convolutions, the kind is unknown, or a number lies outside its slider.

    >>> ResidualExplorer()._repr_mimebundle_()["text/plain"].partition(" -> ")[2]
    'branch=(1, 3, 11, 11), skip=(1, 3, 32, 32), add=error, runs_at=3, 4'
    """

    def __init__(
        self,
        geometries: Sequence[ConvGeometry] = (_PUBLISHED, _PUBLISHED),
        *,
        input_size: int = 32,
        in_channels: int = 3,
        hidden_channels: int = 6,
        out_channels: int = 3,
        kind: Kind = "identity",
        geometry: ConvGeometry = PIXEL,
        output_index: int = 0,
    ) -> None:
        geometries = checked_geometries("geometries", geometries)
        if len(geometries) != 2:
            raise ValueError(f"`geometries` must hold two convolutions; got {len(geometries)}")
        if kind not in list(_CHOSEN):
            raise ValueError(f"`kind` must be one of {', '.join(_CHOSEN)}; got {kind!r}")
        first = {
            "input_size": Control("input_size", input_size, 1, _LARGEST),
            "in_channels": Control("in_channels", in_channels, 1, 16),
            "hidden_channels": Control("hidden_channels", hidden_channels, 1, 16),
            "out_channels": Control("out_channels", out_channels, 1, 16),
        }
        one, two = (_controls(f"_{layer}", geometry, _BRANCH) for layer, geometry in enumerate(geometries, start=1))
        chosen = _controls("_skip", checked_geometries("geometry", [geometry])[0], _SHORTCUT)
        kinds = widgets.Dropdown(
            options=list(_CHOSEN), value=kind, description="shortcut", style=LABEL, layout={"width": "266px"}
        )
        index = {"output_index": Control("output_index", output_index, 0, _LARGEST + 2 * 2 * 4 - 1)}
        self.repair = widgets.Dropdown(
            options=[_CHOOSE], description="repair", style=LABEL, layout={"width": "536px"}
        )
        self._proposals: list[Shortcut] = []
        self._chosen = chosen
        rows = [first.values(), one.values(), two.values(), [kinds, *chosen.values()], [self.repair, *index.values()]]
        super().__init__(
            {**first, **one, **two, "shortcut": kinds, **chosen, **index}, widgets.VBox(list(map(wrap, rows)))
        )
        self.repair.observe(self._apply_repair, "value")

    @property
    def geometries(self) -> tuple[ConvGeometry, ...]:
        """The two convolutions of the branch."""
        return tuple(self._geometry(f"_{layer}", set(_BRANCH)) for layer in (1, 2))

    @property
    def shortcut(self) -> Shortcut:
        """The shortcut that the controls describe.

        Raises:
            ValueError: if this kind cannot have these channels.
        """
        kind = self.controls["shortcut"].value
        return Shortcut(
            kind=kind,
            branch=self.geometries,
            in_channels=self._value("in_channels"),
            out_channels=self._value("out_channels"),
            geometry=self._geometry("_skip", _CHOSEN[kind]),
        )

    @property
    def settings(self) -> dict[str, object]:
        """What makes the same explorer again."""
        kind = self.controls["shortcut"].value
        numbers = ("input_size", "in_channels", "hidden_channels", "out_channels", "output_index")
        return {
            "geometries": list(self.geometries),
            **{name: self._value(name) for name in numbers},
            "kind": kind,
            "geometry": self._geometry("_skip", _CHOSEN[kind]),
        }

    @property
    def code(self) -> str:
        """The block in PyTorch, as far as its shapes go."""
        channels = [self._value(name) for name in ("in_channels", "hidden_channels", "out_channels")]
        convs = [
            f"    nn.Conv2d({before}, {after}, {_arguments(geometry)}), nn.ReLU(),\n"
            for before, after, geometry in zip(channels, channels[1:], self.geometries, strict=False)
        ]
        return (
            f"x = torch.zeros{(1, channels[0], self._value('input_size'), self._value('input_size'))}\n"
            f"branch = nn.Sequential(\n{''.join(convs)})\n"
            f"shortcut = {self.shortcut.code}\n"
            "(shortcut(x) + branch(x)).shape"
        )

    def bound_controls(self) -> None:
        """Show what the shortcut leaves to choose, offer the repairs that fit, and bound ``output_index``."""
        kind, input_size = self.controls["shortcut"].value, self._value("input_size")
        for name, control in self._chosen.items():
            control.layout.display = "" if name.removesuffix("_skip") in _CHOSEN[kind] else "none"
        channels = self._value("in_channels"), self._value("out_channels")
        try:
            self._offer(propose_shortcuts(self.geometries, *channels, input_size=input_size))
        except ValueError:
            self._offer([])
            raise
        places = sizes(input_size, self.geometries)[-1], self.shortcut.output_shape(input_size)[-1]
        self.controls["output_index"].set_most(min(places) - 1)

    def view(self, *, hover: bool) -> View:
        """The block with its shapes, the sizes for which it runs, and where both sides of the add look."""
        shortcut, input_size, index = self.shortcut, self._value("input_size"), self._value("output_index")
        branch, skip = (1, *shortcut.branch_shape(input_size)), (1, *shortcut.output_shape(input_size))
        verdicts = {size: _verdict(shortcut, size) for size in range(1, _LARGEST + 1)}
        picture = stack_pictures(
            [
                self._draw_block(shortcut, verdicts[input_size]),
                draw_legal_sizes(verdicts, marked=input_size),
                draw_alignment(
                    input_size, index, shortcut.branch_columns(index), shortcut.columns(index, input_size)
                ),
            ]
        )
        runs = [size for size, verdict in verdicts.items() if verdict == "equal"]
        result = {
            "branch": branch,
            "skip": skip,
            "add": verdicts[input_size],
            "runs_at": f"{len(runs)} sizes" if len(runs) > 4 else ", ".join(map(str, runs)) or "no size",
        }
        return View(picture, _sentence(shortcut, input_size, skip, branch), result, code_line(self.code))

    def _draw_block(self, shortcut: Shortcut, verdict: Literal["equal", "broadcast", "error"]) -> Picture:
        input_size = self._value("input_size")
        channels = (self._value("hidden_channels"), self._value("out_channels"))
        chain = sizes(input_size, self.geometries)
        branch = [
            (f"conv{layer}, ReLU\n{_numbers(geometry)}", (1, after, size, size))
            for layer, (geometry, after, size) in enumerate(
                zip(self.geometries, channels, chain[1:], strict=True), start=1
            )
        ]
        label = shortcut.kind + (f"\n{_numbers(shortcut.geometry)}" if _CHOSEN[shortcut.kind] else "")
        skip = (1, *shortcut.output_shape(input_size))
        return draw_block(
            branch,
            input_shape=(1, shortcut.in_channels, input_size, input_size),
            verdict=verdict,
            shortcut=None if shortcut.kind == "identity" else (label, skip),
            output_shape=tuple(map(max, skip, branch[-1][1])),
        )

    def _offer(self, proposals: Sequence[Shortcut]) -> None:
        self._proposals = list(proposals)
        options = [_CHOOSE, *(_proposal_in_words(proposal, self._value("input_size")) for proposal in proposals)]
        if list(self.repair.options) != options:
            self.repair.options = options

    def _apply_repair(self, _: object) -> None:
        if not self.repair.index:
            return
        proposal = self._proposals[self.repair.index - 1]
        with self.together():
            self.controls["shortcut"].value = proposal.kind
            for name in _SHORTCUT:
                self.controls[f"{name}_skip"].value = getattr(proposal.geometry, name)
        self.repair.index = 0

    def _geometry(self, suffix: str, names: set[str]) -> ConvGeometry:
        return ConvGeometry(**{"kernel_size": 1} | {name: self._value(f"{name}{suffix}") for name in names})

    def _value(self, name: str) -> int:
        return int(self.controls[name].value)


def _controls(suffix: str, geometry: ConvGeometry, bounds: dict[str, tuple[int, int]]) -> dict[str, Control]:
    if geometry.dilation != 1:
        raise ValueError(f"`dilation` must be 1 in this explorer; got {geometry}")
    names = {f"{name}{suffix}": (getattr(geometry, name), *ends) for name, ends in bounds.items()}
    return {name: Control(name, *start) for name, start in names.items()}


def _verdict(shortcut: Shortcut, input_size: int) -> Literal["equal", "broadcast", "error"]:
    try:
        return add_verdict(shortcut.output_shape(input_size), shortcut.branch_shape(input_size))
    except ValueError:
        return "error"


def _sentence(shortcut: Shortcut, input_size: int, skip: tuple[int, ...], branch: tuple[int, ...]) -> str:
    verdict = _verdict(shortcut, input_size)
    if verdict == "error":
        return f"The add fails. PyTorch: {_message(skip, branch)}"
    if verdict == "broadcast":
        stretched = " and ".join(str(shape) for shape in (skip, branch) if shape != tuple(map(max, skip, branch)))
        return f"The add runs, but it stretches {stretched} to fit: probably not what was meant."
    if shortcut.aligned(input_size):
        return f"The add runs: {skip} on both sides, and both look at the same place."
    return f"The add runs: {skip} on both sides. But they look at different places."


def _message(skip: tuple[int, ...], branch: tuple[int, ...]) -> str:
    """What PyTorch itself says about this add; expanded from one number, the tensors take no memory."""
    try:
        torch.zeros(()).expand(skip) + torch.zeros(()).expand(branch)
    except RuntimeError as error:
        return str(error)
    raise AssertionError("only adds that fail are asked for")


def _numbers(geometry: ConvGeometry) -> str:
    return f"k {geometry.kernel_size}, s {geometry.stride}, p {geometry.padding}"


def _arguments(geometry: ConvGeometry) -> str:
    return conv_arguments(kernel_size=geometry.kernel_size, stride=geometry.stride, padding=geometry.padding)


def _proposal_in_words(shortcut: Shortcut, input_size: int) -> str:
    place = "same place" if shortcut.aligned(input_size) else "other places"
    return f"{shortcut.name}: {shortcut.parameter_count} parameters, {place}"
