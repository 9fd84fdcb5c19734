"""Key press to changed pixels in a real JupyterLab: python benchmarks/browser.py [NAME ...]

Median and 95th percentile over key presses on a slider: each explorer, or those whose names contain a NAME; and
`interact` with inline matplotlib drawing a comparable picture. The floor, a slider whose value the kernel echoes into
a label, is pressed in turn with each. Needs a Chromium.
"""

import sys
from pathlib import Path
from statistics import median, quantiles

sys.path.insert(0, str(Path(__file__).parent.parent / "tools"))
from lab import run_each

ROUNDS, PRESSES = 10, 6  # of the floor and an explorer in turn, for what else a machine does changes; of one round
IMPORT = "import torch; torch.set_num_threads(1)\n"
FLOOR = """
import ipywidgets as w
slider, label = w.IntSlider(5, 0, 40), w.HTML('0')
slider.observe(lambda change: setattr(label, 'value', str(change['new'])), 'value')
w.VBox([slider, label])"""
CELLS = {
    "ConvExplorer, 16 pixels": """
from skiplib.explorers.convolution import ConvExplorer
ConvExplorer(input_size=16, kernel_size=3)""",
    "ConvExplorer, 32 pixels": """
from skiplib.explorers.convolution import ConvExplorer
ConvExplorer(input_size=32, kernel_size=3)""",
    "the same SVG, alone in an HTML widget": """
import ipywidgets as w
from skiplib.explorers.convolution import ConvExplorer
pictures = [ConvExplorer(input_size=n, kernel_size=3).shown.picture.live for n in (16, 17)]
slider, shown = w.IntSlider(16, 0, 40), w.HTML(pictures[0])
slider.observe(lambda change: setattr(shown, 'value', pictures[change['new'] % 2]), 'value')
w.VBox([slider, shown])""",
    "interact, 16 pixels in matplotlib": """
%matplotlib inline
import numpy as np, matplotlib.pyplot as plt, ipywidgets as w
def picture(size=16):
    figure, axes = plt.subplots(1, 2, figsize=(9, 4))
    for axis, pixels in zip(axes, (size, size - 2)):
        axis.pcolormesh(np.zeros((pixels, pixels)), edgecolors='gray', linewidth=0.5)
        axis.set_title(f'{pixels} x {pixels}')
    plt.show()
w.interact(picture, size=w.IntSlider(16, 3, 40));""",
    "ChainExplorer": """
from skiplib.explorers.chain import ChainExplorer
from skiplib.arithmetic import ConvGeometry
ChainExplorer([ConvGeometry(2, stride=2, padding=2)] * 2, input_size=32)""",
    "ConvExplorer with values": """
from skiplib.digits import load_digits
from skiplib.explorers.convolution import ConvExplorer
ConvExplorer(image=load_digits()[0][0])""",
    "ResidualExplorer": "from skiplib.explorers.residual import ResidualExplorer\nResidualExplorer()",
    "ResidualExplorer, the add": """
from skiplib.explorers.residual import ResidualExplorer
ResidualExplorer(pictures=("add", "places"))""",
    "TraceExplorer, the published block": """from skiplib.blocks import PublishedBlock
from skiplib.explorers.trace import TraceExplorer
TraceExplorer(PublishedBlock(), (1, 3, 32, 32))""",
    "ProductExplorer": "from skiplib.explorers.product import ProductExplorer\nProductExplorer()",
    "SpectrumExplorer": IMPORT
    + "from skiplib.explorers.spectrum import SpectrumExplorer\nSpectrumExplorer(blocks=10)",
    **{
        f"GradientExplorer, depth {depth}": IMPORT
        + f"from skiplib.explorers.gradient import GradientExplorer\nGradientExplorer(depth={depth})"
        for depth in (20, 50)
    },
    "DigitsExplorer, depth 50": IMPORT
    + "from skiplib.explorers.digits import DigitsExplorer\nDigitsExplorer(depth=50)",
}
WATCH = """key => new Promise(done => {
    const area = document.querySelector('.jp-OutputArea'), handle = area.querySelector('.noUi-handle');
    const html = '.widget-html-content';  // of an explorer, its picture's; else what there is
    const [watched] = [`.skiplib-both > .widget-html > ${html}`, html, '.widget-output']
        .map(each => area.querySelector(each)).filter(each => each);
    const drawn = image => image === null ? null : image.complete ? image.decode() : drawn_later(image);
    const drawn_later = image => new Promise(ready => { image.onload = ready; });
    const late = setTimeout(() => done(null), 8000);
    const watch = new MutationObserver(async () => {
        if (watched.clientHeight === 0 || !watched.hasChildNodes()) return;  // emptied, not yet drawn again
        watch.disconnect();
        await drawn(watched.querySelector('img'));
        requestAnimationFrame(() => setTimeout(() => { clearTimeout(late); done(performance.now() - start); }, 0));
    });
    watch.observe(watched, {childList: true, subtree: true, characterData: true});
    handle.focus();
    const start = performance.now();
    handle.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true, cancelable: true}));
})"""


def latencies(page):
    """Milliseconds from a key press until the frame after the change, for keys up and down in turn."""
    page.bring_to_front()
    for press in range(PRESSES + 2):
        took = page.evaluate(WATCH, "ArrowRight" if press % 2 == 0 else "ArrowLeft")
        page.wait_for_timeout(250)
        if press >= 2 and took is not None:
            yield took


def main(*names):
    rows = {name: cell for name, cell in CELLS.items() if not names or any(part in name for part in names)}
    notebooks = run_each([source.strip() for source in (FLOOR, *rows.values())], stays=1, width=1280, height=1000)
    floor, floors = next(notebooks), []
    print(f"{'':38}{'median ms':>10}{'95 %':>8}{'times the floor':>17}")
    for name, notebook in zip(rows, notebooks, strict=True):
        notebook.page.wait_for_timeout(1000)
        beside, times = [], []
        for _ in range(ROUNDS):
            beside += latencies(floor.page)
            times += latencies(notebook.page)
        line(name, times, beside)
        floors += beside
    line("floor: slider echoed to a label", floors, floors)


def line(name, times, floor):
    middle, late = median(times), quantiles(times, n=20)[-1]
    print(f"{name:38}{middle:10.0f}{late:8.0f}{middle / median(floor):17.1f}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
