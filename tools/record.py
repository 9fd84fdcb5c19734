"""Record explorers as they move, in a real JupyterLab: ``python tools/record.py`` writes docs/*.webp.

Each is a cell that shows an explorer, what is pressed or moved in it, and for how many seconds it is filmed.
"""

import io
import os
import shutil
import tempfile
from pathlib import Path

import nbformat
from lab import SWITCHES, Notebook, jupyter_lab
from PIL import Image
from playwright.sync_api import sync_playwright

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
    executable = os.environ.get("SKIPLIB_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    with (
        tempfile.TemporaryDirectory() as home,
        tempfile.TemporaryDirectory() as root,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=executable, args=SWITCHES)
        with jupyter_lab(root, Path(home)) as (url, token):
            for name, (source, deeds) in SCENES.items():
                cell = nbformat.v4.new_code_cell(source)
                kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
                nbformat.write(nbformat.v4.new_notebook(cells=[cell], metadata=kernel), Path(root) / f"{name}.ipynb")
                page = browser.new_page(viewport={"width": 1120, "height": 800})
                notebook = Notebook(page, url, token, f"{name}.ipynb")
                notebook.run_all()
                notebook.settle()
                first, *others = film(page, notebook.cell(0), deeds)
                file = DOCS / f"{name}.webp"
                first.save(file, save_all=True, append_images=others, duration=PAUSE, loop=0, quality=60, method=6)
                print(f"{file.name}: {len(others) + 1} frames, {file.stat().st_size / 1000:.0f} kB")
                page.close()
        browser.close()


if __name__ == "__main__":
    main()
