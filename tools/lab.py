"""A real JupyterLab, driven by a real browser as people drive it: by eye, keyboard and mouse."""

import json
import os
import re
import secrets
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from shutil import which
from tempfile import TemporaryDirectory

import nbformat
from playwright.sync_api import Error, sync_playwright

SWITCHES = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
CONFIG = Path(__file__).parent / "jupyter"  # as for `make lab`
PRIVATE = ("CONFIG_DIR", "DATA_DIR", "RUNTIME_DIR")
RESTS = """() => {  // an "idle" kernel may not have begun: so each message that was sent must be done with (4)
    const kernel = window.panel.sessionContext.session.kernel;
    return kernel.status === 'idle' && [...kernel._futures.values()].every(future => future._status & 4) &&
        [...document.querySelectorAll('.skiplib-cell, .skiplib-explorer')].every(
            each => !/Computing …|until it rests/.test(each.textContent));  // innerText would lay the page out
}"""
READY = """async (path) => {
    const app = window.jupyterapp;
    if (!app) return false;
    await app.started; await app.restored;
    const panel = app.shell.currentWidget;
    if (!panel || !panel.context || panel.context.path !== path) return false;
    await panel.context.ready; await panel.sessionContext.ready;
    window.panel = panel;
    return panel.sessionContext.session?.kernel?.status === 'idle';
}"""


def find_chromium():
    """The Chromium that SKIPLIB_CHROMIUM names, or one on the PATH; None if there is none."""
    return os.environ.get("SKIPLIB_CHROMIUM") or next(filter(None, map(which, NAMES)), None)


def write_notebook(path, *sources, **metadata):
    """A notebook of these cells, each with this metadata."""
    cells = [nbformat.v4.new_code_cell(source, metadata=metadata) for source in sources]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), path)


def run_each(sources, stays=0, **window):
    """Each cell, run in a notebook and a window of its own: one after the other, but the first so many stay open."""
    with TemporaryDirectory() as home, TemporaryDirectory() as root, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=SWITCHES)
        with jupyter_lab(root, Path(home)) as (url, token):
            for number, source in enumerate(sources):
                write_notebook(Path(root) / f"{number}.ipynb", source)
                notebook = Notebook(browser.new_page(viewport=window), url, token, f"{number}.ipynb")
                notebook.run_all()
                yield notebook
                if number >= stays:
                    notebook.page.close()
        browser.close()


@contextmanager
def jupyter_lab(root, home):
    """Serve ``root`` with a JupyterLab of its own, all of whose files lie in ``home``; gives url and token."""
    token = secrets.token_hex(16)
    private = {f"JUPYTER_{name}": str(home / name.lower()) for name in PRIVATE}
    private |= {f"JUPYTERLAB_{name}_DIR": str(home / name.lower()) for name in ("SETTINGS", "WORKSPACES")}
    private["JUPYTER_CONFIG_PATH"] = str(CONFIG)
    command = [
        sys.executable,
        "-m",
        "jupyterlab",
        "--no-browser",
        "--ip=127.0.0.1",
        "--port=0",  # a free one, of its own choice: one that is free now may be taken before it starts
    ]
    command += [
        f"--ServerApp.root_dir={root}",
        f"--IdentityProvider.token={token}",
    ]
    command += ["--LabApp.expose_app_in_browser=True"]
    command += ["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with (home / "server.log").open("wb") as log:
        server = subprocess.Popen(command, env=os.environ | private, stdout=log, stderr=log)
    try:
        yield _url_of(server, home), token
    finally:
        server.terminate()
        server.wait(30)


def _url_of(server, home):
    """Where a server has said, in a file of its own, that it listens."""
    for _ in range(300):
        for told in home.glob("runtime_dir/jpserver-*.json"):
            with suppress(OSError, ValueError):  # not whole yet
                return json.loads(told.read_text(encoding="utf-8"))["url"].rstrip("/")
        if server.poll() is not None:
            break
        time.sleep(0.2)
    raise RuntimeError(f"JupyterLab did not start: {(home / 'server.log').read_text(encoding='utf-8')[-2000:]}")


class Notebook:
    """One notebook in a page of the browser: a new page, or one that shows another notebook of this JupyterLab."""

    def __init__(self, page, url, token, path):
        self.page, self.path, self.errors = page, path, []
        page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        if page.url.startswith(url):
            self.command("docmanager:open", path=path)
        else:
            page.goto(f"{url}/lab/tree/{path}?token={token}&reset")
        self._wait_until_ready()
        self.collapse()

    def close(self):
        """End its kernel and close it, unsaved; its page stays, for another."""
        self.page.evaluate("window.panel.sessionContext.shutdown().then(() => window.panel.dispose())")

    def command(self, name, **arguments):
        """Run one of JupyterLab's commands, and wait until it is done."""
        execute = "async ([name, args]) => { await window.jupyterapp.commands.execute(name, args); }"
        self.page.evaluate(execute, [name, arguments])

    def collapse(self):
        """Give the notebook the whole width."""
        self.page.evaluate("window.jupyterapp.shell.collapseLeft()")

    def theme(self, name):
        """Switch to "light" or "dark"."""
        self.command("apputils:change-theme", theme=f"JupyterLab {name.title()}")
        self.page.wait_for_function(
            "light => document.body.dataset.jpThemeLight === light",
            arg="true" if name == "light" else "false",
            polling=50,
        )

    def run_all(self):
        """Run every cell, and wait for the last."""
        self.command("notebook:run-all-cells")
        self.settle()

    def restart(self):
        """Throw the kernel away for a new one, and run every cell in it."""
        self.page.evaluate("window.panel.sessionContext.session.kernel.restart()")
        self.page.wait_for_timeout(500)
        self._wait_until_ready()
        self.run_all()

    def _wait_until_ready(self):
        for _ in range(300):
            with suppress(Error):  # the page loads itself again to forget an earlier workspace
                if self.page.evaluate(READY, self.path):
                    return
            self.page.wait_for_timeout(200)
        raise AssertionError(f"JupyterLab did not open {self.path}")

    def cells(self):
        """What the notebook holds now: type, source and outputs of every cell, as stored in the file."""
        return self.page.evaluate("window.panel.content.model.toJSON()")["cells"]

    def cell(self, place):
        """The cell at this place, scrolled into sight."""
        self.page.bring_to_front()
        self.page.evaluate(
            """async place => {
                const notebook = window.panel.content;
                notebook.activeCellIndex = place;
                await notebook.scrollToItem(place, 'start');
            }""",
            place,
        )
        cell = self.page.locator(f'.jp-Cell[data-windowed-list-index="{place}"]')
        cell.wait_for(state="attached")
        return cell

    def explorers(self):
        """The explorers that the outputs hold, by the place of their cell."""
        texts = {
            place: "".join(output.get("data", {}).get("text/plain", ""))
            for place, cell in enumerate(self.cells())
            for output in cell.get("outputs", [])
        }
        return {place: text for place, text in texts.items() if re.match(r"\w+Explorer\(", text)}

    def shown(self, cell):
        """All that an explorer shows, but not the ghost of the setting before: status, picture and details."""
        return cell.locator(".widget-html-content").evaluate_all(
            """parts => parts.map(part => {
                const copy = part.cloneNode(true);
                copy.querySelectorAll('.ghost').forEach(ghost => ghost.remove());
                return copy.innerHTML;
            }).join()"""
        )

    def settle(self):
        """Wait until the kernel has answered and the page shows it."""
        for _ in range(2):  # the page holds a second change back until the first is answered
            self.page.wait_for_timeout(60)
            self.page.wait_for_function(RESTS, timeout=120_000, polling=20)  # not by frames: a page behind has none
        self.page.wait_for_timeout(20)
