"""How tests move explorers, and what a reader then sees."""

import asyncio
import re
from xml.etree import ElementTree

import pytest
import torch
from torch import nn

from skiplib.explorers.controls import Control
from skiplib.explorers.convolution import ConvExplorer


def ends(control):
    """The smallest and the largest value of a control, or its first and last option."""
    if isinstance(control, Control):
        return control.slider.min, control.slider.max
    return values_of(control)[0], values_of(control)[-1]


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
    return type(explorer)(**explorer.settings)


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
            while explorer.training:
                await asyncio.sleep(0.01)

    asyncio.run(main())
    return explorer


async def nothing():
    pass
