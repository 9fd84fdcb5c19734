"""ResidualExplorer: a branch, a shortcut, and whether they add up (layer L3)."""

from collections.abc import Iterator, Sequence

import ipywidgets as widgets

from skiplib.adding import Verdict, add_message
from skiplib.arithmetic import PUBLISHED, Size, checked_word
from skiplib.chains import Layer, axes_of, chain_parameter_count, channels_along, checked_layers, layer_code, pools
from skiplib.diagrams.residual import PICTURES, draw_residual
from skiplib.explorers.base import View, checked_names, code_line
from skiplib.explorers.controls import INNER, Control, choose
from skiplib.explorers.layers import AXES, LARGEST, LayersExplorer, holds
from skiplib.repairs import around, changes, keep_size, one_sided, propose_shortcuts
from skiplib.shortcuts import CHOICES, PIXEL, Kind, Place, Shortcut, geometry_of
from skiplib.words import listed

_CHANNELS = ("in_channels", "hidden_channels", "out_channels")
_CHOOSE = ("choose one", "")  # what stands above the repairs
_LOOK: dict[Place, str] = {
    "same place": ", and both look at the same place.",
    "no later pixel": ". The branch reads up to the pixel that the skip brings, and none after it: that is causal.",
    "other places": ". But they look at different places.",
}


class ResidualExplorer(LayersExplorer):
    """A branch, a shortcut around it, the add, and the input sizes for which all of it runs.

    Args:
        geometries: the branch's one to four layers, convolutions or poolings, each for both axes or as
            (vertical, horizontal).
        input_size: pixels of the image, 1 to 4096, one number or (height, width).
        in_channels, hidden_channels, out_channels: channels of x, between convolutions, and after the branch.
        kind: the shortcut, one of ``CHOICES``.
        geometry: where a shortcut with a choice reads; a ``ValueError`` for what its kind does not leave to choose.
        output_index: the output column (or row) whose origin is drawn.
        axis: the axis that is drawn, "height" or "width", where they differ.
        show: the controls beside the picture; the others wait behind "more".
        pictures: which to draw, one under the other: "block", "sizes", "places", "add".

    >>> str(ResidualExplorer()).partition(" -> ")[2]
    'branch=(1, 3, 11, 11), skip=(1, 3, 32, 32), add=error, runs_at=3, 4'
    """

    def __init__(
        self,
        geometries: Sequence[Layer] = (PUBLISHED, PUBLISHED),
        *,
        input_size: Size = 32,
        in_channels: int = 3,
        hidden_channels: int = 6,
        out_channels: int = 3,
        kind: Kind = "identity",
        geometry: Layer = PIXEL,
        output_index: int = 0,
        axis: str = "width",
        show: Sequence[str] = ("input_size", "shortcut", "output_index"),
        pictures: Sequence[str] = ("block", "sizes"),
    ) -> None:
        layers = checked_layers("geometries", geometries)
        (geometry,) = checked_layers("geometry", [geometry])
        checked_word("kind", kind, CHOICES)
        for one in axes_of(geometry):
            taken = geometry_of(kind, {"ceil_mode": False} | vars(one))
            if not vars(one).items() <= vars(taken).items():  # a convolution's numbers do for a pooling
                raise ValueError(f"`geometry` of {kind} must be {taken}; got {one}")
        self._pictures = checked_names("pictures", pictures, PICTURES, least=1)
        channels = zip(_CHANNELS, (in_channels, hidden_channels, out_channels), strict=True)
        before = {name: Control(name, count, 1, LARGEST, reach=16) for name, count in channels}
        before["shortcut"] = choose("shortcut", CHOICES, kind)
        self.repair = widgets.Dropdown(
            options=[_CHOOSE], description="repair", style={"description_width": "50px"}, layout={"width": INNER}
        )
        shown = {"show": show, "under": [self.repair]}
        super().__init__(layers, input_size, output_index, axis, before=before, geometry=geometry, **shown)
        self.repair.observe(self._apply_repair, "value")

    @property
    def shortcut(self) -> Shortcut:
        """The shortcut that the controls describe; a ``ValueError`` if it cannot have these channels."""
        before, _, after = self._channels
        kind, branch = self.controls["shortcut"].value, tuple(self.geometries)
        return Shortcut(kind=kind, branch=branch, in_channels=before, out_channels=after, geometry=self.geometry)

    @property
    def settings(self) -> dict[str, object]:
        """What makes the same explorer again."""
        branch = super().settings
        last = {"output_index": branch.pop("output_index"), "kind": self.controls["shortcut"].value}
        return {**branch, **dict(zip(_CHANNELS, self._channels, strict=True)), **last, "geometry": self.geometry}

    @property
    def code(self) -> str:
        """The block in PyTorch, as far as its shapes go."""
        shortcut, channels = self.shortcut, channels_along(self.geometries, *self._channels)
        steps = zip(self.geometries, channels, channels[1:], strict=False)
        lines = (f"    {layer_code(layer, *both)},{' nn.ReLU(),' * (not pools(layer))}\n" for layer, *both in steps)
        x = f"x = torch.zeros{(1, channels[0], *self.input_size)}"
        return f"{x}\nbranch = nn.Sequential(\n{''.join(lines)})\nshortcut = {shortcut.code}\n{shortcut.add_code}"

    @property
    def _channels(self) -> tuple[int, ...]:
        return tuple(self.controls[name].value for name in _CHANNELS)

    def bound_controls(self) -> None:
        """Show the controls that count, offer the repairs that fit, and bound ``output_index``."""
        super().bound_controls()
        self.controls["output_index"].layout.display = "" if "places" in self._pictures else "none"
        several = [pools(layer) for layer in self.geometries].count(False) > 1
        self.controls["hidden_channels"].layout.display = "" if several else "none"
        try:
            options = (_CHOOSE, *self._repairs())
        except ValueError:
            self.repair.options = (_CHOOSE,)
            raise
        if self.repair.options != options:
            self.repair.options = options
        shapes = self.shortcut.shapes(self.input_size)
        self.controls["output_index"].set_most(min(shape[1 + self.axis] for shape in shapes) - 1)

    def view(self) -> View:
        """The pictures that were asked for, and what becomes of the add in words."""
        size, shortcut, axis = self.input_size, self.shortcut, self.axis
        verdicts = shortcut.verdicts(around(size[axis], most=LARGEST), axis)
        sizes = "input sizes" if self.square else f"{AXES[axis]}s"
        drawn = {name: self.controls[name].value for name in ("hidden_channels", "output_index")}
        drawn |= {"verdicts": verdicts, "axis": axis, "sizes": sizes, "pictures": self._pictures}
        skip, branch = ((1, *shape) for shape in shortcut.shapes(size))
        verdict = shortcut.verdict(size)
        runs = [size for size, each in verdicts.items() if each == "equal"]
        result = {"branch": branch, "skip": skip, "add": verdict, "runs_at": listed(runs, most=4)}
        sentence = _sentence(verdict, skip, branch, shortcut.place(size))
        picture = draw_residual(shortcut, size, **drawn)
        return View(picture, sentence, result, "<br>".join(self._notes(shortcut, verdict)) + code_line(self.code))

    def _notes(self, shortcut: Shortcut, verdict: Verdict) -> Iterator[str]:
        """What else there is to say: of even windows, of padding that is averaged in, and of a smaller size."""
        channels = channels_along(self.geometries, *self._channels)
        for place, layer in enumerate(self.geometries if verdict == "error" else (), start=1):
            if padded := one_sided(layer, *channels[place - 1 : place + 1]):
                yield (
                    f"Layer {place} has an even window, and no padding alike on both sides keeps a size. This does, "
                    f'as <code>padding="same"</code> would: <code>{padded}</code>'
                )
        yield from self.borders()

        def shown(size: int) -> object:
            here, there = shortcut.sides(size, self.axis)
            return shortcut.verdicts([size], self.axis)[size], here - there

        yield from self.behaves_as(shown)

    def _repairs(self) -> Iterator[tuple[str, Shortcut]]:
        """What makes the add run here: in words, with its price, and the block that it makes."""
        layers, size, (before, hidden, after) = self.geometries, self.input_size, self._channels
        repairs = list(propose_shortcuts(layers, before, after, input_size=size))
        repairs.sort(key=lambda each: each.kind != self.controls["shortcut"].value)  # the kind that is there first
        kept = keep_size(layers, before, after)
        if kept:  # a slip in the padding comes first, or after a causal crop; other changes make another model
            slip = not {"kernel_size", "stride"} & {*changes(layers, kept.branch).split()}
            repairs.insert(int("crop" in repairs[0].kind) if slip else len(repairs), kept)
        sizes = around(size[self.axis], most=LARGEST)
        had = chain_parameter_count(layers, channels_along(layers, before, hidden, after))
        for repair in repairs:
            if all(map(holds, (*repair.branch, repair.geometry))):
                name = repair.name if repair is not kept else changes(layers, repair.branch)
                has = chain_parameter_count(repair.branch, channels_along(layers, before, hidden, after))
                price = f"{repair.parameter_count + has - had:+} parameters"
                runs = f"runs at {len(repair.runs_at(sizes))} of {len(sizes)} sizes"
                yield f"{name}: {price}, {repair.place(size)}, {runs}", repair

    def _apply_repair(self, _: object) -> None:
        if repair := self.repair.value:
            with self.together():
                self.controls["shortcut"].value = repair.kind
                self.put(repair.branch, repair.geometry)
            self.repair.index = 0


def _sentence(verdict: Verdict, skip: tuple[int, ...], branch: tuple[int, ...], place: Place) -> str:
    if verdict == "error":
        return f"The add fails. PyTorch: {add_message(skip, branch)}"
    if verdict == "broadcast":
        stretched = " and ".join(str(shape) for shape in (skip, branch) if shape != tuple(map(max, skip, branch)))
        return f"The add runs, but it stretches {stretched} to fit: probably not what was meant."
    return f"The add runs: {skip} on both sides{_LOOK[place]}"
