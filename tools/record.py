"""Record explorers as they move, in a real JupyterLab: ``python tools/record.py`` writes docs/*.webp.

Each is a cell that shows an explorer, what is pressed or moved in it, and for how many seconds it is filmed.
"""

import io
from pathlib import Path

from lab import run_each
from PIL import Image

DOCS = Path(__file__).parent.parent / "docs"
PAUSE = 200  # milliseconds between two frames
SLIDE = ".skiplib-{} .noUi-handle"
SCENES = {
    "convolution": (
        "from skiplib.digits import load_digits\nfrom skiplib.explorers.convolution import ConvExplorer\n"
        'ConvExplorer(image=load_digits()[0][0], kernel="edge", show=("weights", "padding"))',
        [("button:has-text('walk')", None, 13)],
    ),
    "add": (
        "from skiplib.explorers.residual import ResidualExplorer\n"
        'ResidualExplorer(input_size=16, pictures=("add",), show=("input_size", "shortcut"))',
        [("button:has-text('again')", None, 5), ("select:has-text('choose one')", "ArrowDown*2", 6)],
    ),
    "digits": (
        "from skiplib.explorers.digits import DigitsExplorer\nDigitsExplorer(depth=20)",
        [("button:has-text('Play')", None, 5), (SLIDE.format("depth"), "ArrowRight*8", 2)],
    ),
    "gradient": (
        "from skiplib.explorers.gradient import GradientExplorer\nGradientExplorer(depth=20)",
        [("button:has-text('Play')", None, 4), (SLIDE.format("depth"), "ArrowRight*15", 3)],
    ),
}


def film(page, cell, deeds):
    """Frames of the explorer while each deed is done: a click, or keys on a slider, one for each frame."""
    shown = cell.locator(".skiplib-explorer")
    box = shown.bounding_box()
    box["height"] = cell.locator(".skiplib-both").bounding_box()["height"] + 30
    frames = []
    for target, keys, seconds in deeds:
        part = shown.locator(target).first
        key, _, times = (keys or "").partition("*")
        if keys:
            part.focus()
        else:
            part.click()
        for number in range(round(1000 * seconds / PAUSE)):
            if keys and number < int(times):
                page.keyboard.press(key)
            page.wait_for_timeout(PAUSE)
            frames.append(Image.open(io.BytesIO(page.screenshot(clip=box))).convert("RGB"))
    return frames


def main():
    notebooks = run_each([source for source, _ in SCENES.values()], width=1120, height=800)
    for (name, (_, deeds)), notebook in zip(SCENES.items(), notebooks, strict=True):
        notebook.settle()
        first, *others = film(notebook.page, notebook.cell(0), deeds)
        file = DOCS / f"{name}.webp"
        first.save(file, save_all=True, append_images=others, duration=PAUSE, loop=0, quality=60, method=6)
        print(f"{file.name}: {len(others) + 1} frames, {file.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
