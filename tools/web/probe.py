"""Opens a site that `make site` has built as a new reader would, with an empty browser.

    python tools/web/probe.py SITE [PICTURES]

Follows every link, moves a slider and answers a question in each live lesson, and counts requests to the outside and
errors: exits with 1 if there is one. Where there is a Firefox, each live lesson runs in it, too. With a folder for
PICTURES it keeps what the windows show.
"""

import json
import os
import re
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from shutil import which
from statistics import median
from threading import Thread

from lab import SWITCHES, find_chromium
from playwright.sync_api import sync_playwright

HERE = Path(__file__).parent
MISSING = "the server responded with a status of 404"  # JupyterLite asks for optional files
LIVE = ("00_start_here", "01_output_size", "02_residual_add")
STEPS = """() => {  // milliseconds from each key to a changed picture, as the page sees them
    const explorer = document.activeElement.closest('.skiplib-explorer');
    const label = () => explorer.querySelector('svg[role=img]').getAttribute('aria-label');
    let pressed, shown;
    window.steps = [];
    explorer.addEventListener('keydown', () => { pressed = performance.now(); shown = label(); }, true);
    new MutationObserver(() => {
        if (!pressed || label() === shown) return;
        window.steps.push(performance.now() - pressed);
        pressed = 0;
    }).observe(explorer, {childList: true, subtree: true});
}"""
WAYS = [("light", 1280, 800), ("dark", 1280, 800), ("light", 390, 780)]


class Quiet(SimpleHTTPRequestHandler):
    """A plain host of files, as `python -m http.server` is, which counts the bytes it sends."""

    sent = 0

    def log_message(self, *_):
        """Says nothing."""

    def copyfile(self, source, outputfile):
        """Send a file."""
        Quiet.sent += Path(source.name).stat().st_size
        with suppress(ConnectionError):  # a window that closes
            super().copyfile(source, outputfile)


@contextmanager
def served(folder):
    """The folder behind an address of this machine."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder))
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


class Reader:
    """A browser that notes what it asks of others, and what goes wrong."""

    def __init__(self, browser, url, pictures):
        self.browser, self.url, self.pictures, self.outside, self.errors = browser, url, pictures, [], []

    @contextmanager
    def window(self, **settings):
        """A window of an empty browser."""
        page = self.browser.new_page(**settings)
        page.on("request", lambda request: self._asked(request.url))
        page.on("console", lambda message: self._said(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        yield page
        page.close()

    def _asked(self, address):
        if not address.startswith((self.url, "data:", "blob:")):
            self.outside.append(address)

    def _said(self, text):
        if MISSING not in text:
            self.errors.append(text)

    def keep(self, page, name):
        """Keep what the window shows."""
        if self.pictures:
            page.screenshot(path=Path(self.pictures) / f"{name}.png")


def read(reader):
    """All pages to read, by following every link from the first; gives how many."""
    seen, waiting = set(), ["/index.html"]
    for colours, width, height in WAYS:
        with reader.window(viewport={"width": width, "height": height}, color_scheme=colours) as page:
            page.goto(reader.url)
            reader.keep(page, f"first-{colours}-{width}")
            page.goto(f"{reader.url}/read/01_output_size.html")
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            page.locator("summary").nth(1).click()
            picture = page.locator("svg:has(.hits)").first
            picture.scroll_into_view_if_needed()
            before = picture.locator(".now").inner_html()
            picture.locator(".hits rect").last.hover()
            assert picture.locator(".now").inner_html() != before
            reader.keep(page, f"read-{colours}-{width}")
    with reader.window() as page:
        while waiting:
            here = waiting.pop()
            seen.add(here)
            response = page.goto(reader.url + here, wait_until="domcontentloaded")
            assert response.ok, here
            if "/notebooks/index.html" in here:
                path = re.search("path=(.*)", here)[1]
                assert page.request.get(f"{reader.url}/files/{path}").ok, here
                continue
            links = page.eval_on_selector_all("a[href]", "all => all.map(each => each.href.split('#')[0])")
            inside = {link.removeprefix(reader.url) for link in links if link.startswith(reader.url)}
            waiting += inside - seen - set(waiting)
    return len(seen)


def run(reader, name):
    """One lesson, live: seconds to its first picture, its kernel and all cells; milliseconds of a step; megabytes."""
    with reader.window(viewport={"width": 1280, "height": 900}) as page:
        Quiet.sent, start = 0, time.perf_counter()
        passed = []
        page.goto(f"{reader.url}/notebooks/index.html?path=notebooks/{name}.ipynb")
        for ready in (
            "document.querySelector('.jp-Cell img')?.naturalWidth",
            "jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'",
        ):
            page.wait_for_function(f"() => globalThis.jupyterapp && {ready}", timeout=120_000, polling=50)
            passed.append(time.perf_counter() - start)
        page.evaluate("jupyterapp.commands.execute('notebook:run-all-cells').then(() => null)")
        passed.append(time.perf_counter() - start)
        page.evaluate("jupyterapp.commands.execute('notebook:expand-all-headings').then(() => null)")
        cells = page.evaluate("jupyterapp.shell.currentWidget.content.model.toJSON().cells")
        wrong = [out for cell in cells for out in cell.get("outputs", []) if out["output_type"] == "error"]
        assert not wrong, wrong
        answer_a_question(page, reader, name)
        step = move_a_slider(page, reader, name)
        return passed, Quiet.sent / 1e6, step


def answer_a_question(page, reader, name):
    """Type into the first question's field: it answers back."""
    scroll(page, "ask(")
    field = page.locator(".skiplib-cell input:visible").first
    field.fill("1")
    page.keyboard.press("Enter")
    page.locator(".skiplib-cell [role=status]:has-text('Not')").first.wait_for()
    reader.keep(page, f"{name}-asked")


def move_a_slider(page, reader, name):
    """By arrow keys, sixteen times; gives the median of milliseconds until the picture changes."""
    scroll(page, "Explorer(")
    page.locator(".skiplib-explorer .noUi-handle:visible").first.focus()
    page.evaluate(STEPS)
    for turn in range(16):
        page.keyboard.press("ArrowLeft" if turn % 2 else "ArrowRight")
        page.wait_for_function("turn => steps.length > turn", arg=turn)
    reader.keep(page, f"{name}-moved")
    return median(page.evaluate("steps"))


def in_firefox(firefox, url):
    """The live lessons in a Firefox, and an arrow key in each; gives the requests to the outside, and errors."""
    command = ["node", HERE / "firefox.cjs", firefox, url, *LIVE]
    modules = {"NODE_PATH": str(HERE.parents[1] / "build/tools/node_modules")}
    said = subprocess.run(command, env=os.environ | modules, check=True, capture_output=True, text=True).stdout
    found = json.loads(said)
    print(found["version"])
    for name, row in found["lessons"].items():
        print(f"{name:20}{'':9}{row['ready']:9.1f}{row['all']:9.1f}")
    return found["outside"], [error for row in found["lessons"].values() for error in row["failed"]]


def scroll(page, begin):
    """Bring the first cell whose code holds this into sight."""
    page.evaluate(
        """begin => {
            const notebook = jupyterapp.shell.currentWidget.content;
            const place = notebook.widgets.findIndex(
                cell => cell.model.type === 'code' && cell.model.sharedModel.source.includes(begin));
            notebook.activeCellIndex = place;
            return notebook.scrollToItem(place, 'start');
        }""",
        begin,
    )


def main(site, pictures=None):
    """Try all, and print a table."""
    with served(site) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=SWITCHES)
        reader = Reader(browser, url, pictures)
        print(f"{read(reader)} pages, every link of them followed")
        print(f"{'':20}{'picture':>9}{'kernel':>9}{'all run':>9}{'MB':>7}{'step, ms':>10}")
        for name in LIVE:
            (picture, kernel, cells), sent, step = run(reader, name)
            print(f"{name:20}{picture:9.1f}{kernel:9.1f}{cells:9.1f}{sent:7.1f}{step:10.0f}")
        browser.close()
        if firefox := which("firefox") or which("firefox-esr"):
            outside, errors = in_firefox(firefox, url)
            reader.outside += outside
            reader.errors += errors
    print("requests to the outside:", len(reader.outside), *reader.outside[:3])
    print("errors:", len(reader.errors), *reader.errors[:3], sep="\n  ")
    sys.exit(bool(reader.outside or reader.errors))


if __name__ == "__main__":
    main(*sys.argv[1:])
