"""How tests move explorers, and what a reader then sees."""

import asyncio
import re
from html import escape
from xml.etree import ElementTree

import ipywidgets as widgets
import pytest
import torch
from torch import nn

from skiplib.exercises import in_code
from skiplib.explorers.cells import announced
from skiplib.explorers.controls import Control
from skiplib.explorers.convolution import ConvExplorer
from skiplib.explorers.residual import ResidualExplorer


def ends(control):
    """The smallest and the largest value of a control, or its first and last option."""
    if isinstance(control, Control):
        return control.slider.min, control.slider.max
    return values_of(control)[0], values_of(control)[-1]


def alive():
    """Every widget that is not closed."""
    module = widgets.widgets.widget
    known = module._instances if hasattr(module, "_instances") else widgets.Widget._active_widgets  # ipywidgets 8.0
    return set(known.values())


def move_anywhere(control, rng):
    if isinstance(control, Control):
        control.value = rng.randint(*ends(control))
    else:
        control.value = rng.choice(values_of(control))


def values_of(control):
    """What a menu or a checkbox may be."""
    options = getattr(control, "options", (False, True))
    return [option[1] if isinstance(option, tuple) else option for option in options]


def shown(explorer):
    """What a reader sees: status line, picture and details, without the ghost that says where it was before."""
    picture = re.sub('<path class="ghost"[^>]*>', "", explorer._picture.value)
    return explorer._status.value, picture, explorer._details.value


def painted(picture, *sizes):
    """The cells that are marked in each strip of a picture, whose sizes these are; no cell is marked in part."""
    strips = []
    for part in ElementTree.fromstring(picture.svg).iter():
        if part.tag.endswith("}rect") and part.get("class") in ("image", "output"):
            strips.append((float(part.get("x")), float(part.get("width")) / sizes[len(strips)], []))
        if part.tag.endswith("}path") and part.get("class") == "window":
            left, cell, cells = strips[-1]
            for x, wide in re.findall(r"M(\S+) \S+h([\d.]+)v", part.get("d")):
                first, many = (float(x) - left) / cell, float(wide) / cell
                assert (first, many) == pytest.approx((round(first), round(many)), abs=0.01)
                cells += range(round(first), round(first) + round(many))
    return [cells for _, _, cells in strips]


def fresh(explorer):
    """A new explorer at the same settings."""
    if isinstance(explorer, ConvExplorer):
        index = explorer.controls["output_index"].value
        return ConvExplorer(**explorer.settings, output_index=index, image=explorer._image)
    more = {"pictures": explorer._pictures} if isinstance(explorer, ResidualExplorer) else {}
    return type(explorer)(**explorer.settings, **more)


def assert_same_as_fresh(explorer):
    try:
        other = fresh(explorer)
    except ValueError as error:  # the window number of a setting that does not run may lie outside a new slider
        raise AssertionError(explorer) from error
    status, picture, details = shown(explorer)
    assert (status, details) == (other._status.value, other._details.value)
    if "This does not run" in status:
        assert picture.startswith('<div style="opacity:.3">') or picture == other._picture.value
    else:
        assert picture == shown(other)[1]


def assert_screen_and_twin_agree(explorer):
    """What is seen, said, stored and read as a text is one and the same."""
    words, line, picture = in_code(explorer.status), explorer._status.value, explorer._picture.value
    assert line == announced(f"{'✗' * isinstance(explorer.shown, str)} {words}", "font-size:1.05em;line-height:1.5")
    if isinstance(explorer.shown, str):
        assert explorer.status == f"This does not run: {explorer.shown}."
        assert repr(explorer).endswith(f") -> does not run: {explorer.shown}")
        assert escape(repr(explorer)) in explorer.still() and explorer._details.value == ""
        refusal = explorer.refusal()
        without_sheet = re.sub("<style.*?</style>", "", refusal.live, flags=re.DOTALL) if refusal else ""
        assert picture == without_sheet if refusal else picture.startswith('<div style="opacity:.3">')
    else:
        result = ", ".join(f"{name}={value}" for name, value in explorer.shown.result.items())
        assert repr(explorer).endswith(f") -> {result}") and explorer.status == explorer.shown.status
        still, name = explorer.still(), escape(explorer.shown.picture.alt)
        assert words in still and f'alt="{name}"' in still and explorer._details.value in still
        assert f'aria-label="{name}"' in picture and explorer._details.value == explorer.shown.details
    for control in explorer.controls.values():
        if isinstance(control, Control):
            assert control.value == control.box.value <= control.box.max
            assert control.slider.value == min(control.value, control.slider.max)


def pytorch_shape(explorer):
    """The output shape according to PyTorch, from the line that the explorer offers for copying."""
    return tuple(eval(explorer.code, {"nn": nn, "torch": torch}))


async def comes_to_rest(explorer):
    """Wait until nothing moves any more, however busy the machine is."""
    for _ in range(6000):
        if not explorer._timer:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it does not come to rest")


def lived(explorer, script):
    """An explorer after a coroutine has run and its training is over, in an event loop, as a kernel has one."""

    async def main():
        async with asyncio.timeout(60):
            explorer.start_button.click()
            await script()
            while explorer.state != "resting":
                await asyncio.sleep(0.01)

    asyncio.run(main())
    return explorer


async def nothing():
    pass
