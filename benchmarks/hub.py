"""A class on a JupyterHub: so many students log in at once, run all cells of a notebook, and move a slider.

    .venv/bin/python benchmarks/hub.py 30 01_output_size

Starts docs/hub/jupyterhub_config.py here; `jupyterhub` and `configurable-http-proxy` must be on the PATH, as
that file says.
"""

import json
import os
import secrets
import statistics
import subprocess
import sys
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Barrier

import nbformat
import psutil
import requests
import websocket

ROOT = Path(__file__).parents[1]
HUB, PASSWORD = "http://127.0.0.1:9220", "lesson"
CONFIG = """
load_subconfig({config!r})
c.JupyterHub.bind_url, c.JupyterHub.hub_port = {hub!r}, 9221
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:9222"
c.Spawner.args = [*c.Spawner.args, "--allow-root"]
c.JupyterHub.services = [*c.JupyterHub.services, dict(name="load", api_token={token!r})]
scopes = ["admin:users", "admin:servers", "tokens", "access:servers"]
c.JupyterHub.load_roles = [*c.JupyterHub.load_roles, dict(name="load", services=["load"], scopes=scopes)]
"""


@contextmanager
def hub(folder, token):
    """The hub of the teacher's file, on ports of its own, with a service that may start servers."""
    config = folder / "config.py"
    teachers = str(ROOT / "docs/hub/jupyterhub_config.py")
    config.write_text(CONFIG.format(config=teachers, hub=HUB, token=token))
    settings = {"SKIPLIB_CLASS": str(folder), "SKIPLIB_PASSWORD": PASSWORD, "SKIPLIB_PROJECT": str(ROOT)}
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            ["jupyterhub", "-f", config], cwd=folder, env=os.environ | settings, stdout=log, stderr=log
        )
    try:
        for _ in range(120):
            try:
                requests.get(f"{HUB}/hub/api", timeout=5).raise_for_status()
                break
            except requests.RequestException:
                time.sleep(0.5)
        else:
            raise RuntimeError((folder / "log").read_text()[-2000:])
        yield
    finally:
        process.terminate()
        process.wait(60)


class Kernel:
    """A kernel of a student's server, spoken to as JupyterLab speaks to it."""

    def __init__(self, base, headers):
        kernel = requests.post(f"{base}/api/kernels", headers=headers, json={"name": "python3"}, timeout=300).json()
        address = f"{base.replace('http', 'ws', 1)}/api/kernels/{kernel['id']}/channels"
        self.socket = websocket.create_connection(
            address, header=[f"{name}: {value}" for name, value in headers.items()], timeout=600
        )
        self.sliders, self.errors = [], []

    def ask(self, kind, content):
        """Send a message, and wait until the kernel is idle again."""
        header = {
            "msg_id": uuid.uuid4().hex,
            "msg_type": kind,
            "username": "",
            "session": "",
            "date": "",
            "version": "5.3",
        }
        message = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
        self.socket.send(json.dumps(message | {"buffers": []}))
        while True:
            got = json.loads(self.socket.recv())
            if got["msg_type"] == "comm_open" and "IntSliderModel" in str(got["content"]):
                self.sliders.append((got["content"]["comm_id"], got["content"]["data"]["state"]))
            if got["parent_header"].get("msg_id") == header["msg_id"]:
                if got["msg_type"] == "error":
                    self.errors.append(got["content"]["evalue"])
                if got["content"].get("execution_state") == "idle":
                    return

    def run(self, source):
        """Run a cell."""
        rest = {"silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False}
        self.ask("execute_request", {"code": source, "stop_on_error": False} | rest)

    def step(self):
        """Milliseconds of a step of the first slider that can move: median of six."""
        comm, state = next(slider for slider in self.sliders if slider[1]["min"] < slider[1]["max"])
        times = []
        for turn in range(6):
            value = state["min"] + (state["value"] - state["min"] + turn % 2) % (state["max"] - state["min"] + 1)
            start = time.perf_counter()
            self.ask("comm_msg", {"comm_id": comm, "data": {"method": "update", "state": {"value": value}}})
            times.append(1000 * (time.perf_counter() - start))
        return statistics.median(times)


def log_in(name):
    """As a browser does: the form, its cookie, the password."""
    session = requests.Session()
    session.get(f"{HUB}/hub/login", timeout=120)
    form = {"username": name, "password": PASSWORD, "_xsrf": session.cookies.get("_xsrf", path="/hub/")}
    reply = session.post(f"{HUB}/hub/login", data=form, allow_redirects=False, timeout=120)
    assert reply.status_code == 302, reply.text


def student(name, cells, admin, gate):
    """One student's lesson: seconds to the server, to all cells; milliseconds of a slider's step; what failed."""
    user = f"{HUB}/hub/api/users/{name}"
    requests.post(user, headers=admin, timeout=60)
    gate.wait()
    start = time.perf_counter()
    log_in(name)
    made = requests.post(f"{user}/tokens", headers=admin, json={"expires_in": 3600}, timeout=120).json()
    while (reply := requests.post(f"{user}/server", headers=admin, timeout=400)).status_code == 429:
        time.sleep(float(reply.headers.get("Retry-After", 5)))  # others start: come back
    while not requests.get(user, headers=admin, timeout=400).json()["servers"].get("", {}).get("ready"):
        time.sleep(1)
    server = time.perf_counter() - start
    kernel = Kernel(f"{HUB}/user/{name}", {"Authorization": f"token {made['token']}"})
    for cell in cells:
        kernel.run(cell)
    return server, time.perf_counter() - start, kernel.step(), kernel.errors


def memory():
    """Gigabytes of all servers and kernels: what would be free without them."""
    total = 0
    for process in psutil.process_iter(["cmdline"]):
        command = " ".join(process.info["cmdline"] or [])
        if "singleuser" in command or "ipykernel_launcher" in command:
            total += process.memory_full_info().uss
    return total / 1e9


def main(students, name):
    """Let the class in, and print one line."""
    notebook = nbformat.read(ROOT / f"notebooks/{name}.ipynb", as_version=4)
    cells = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    token, count = secrets.token_hex(16), int(students)
    admin, gate = {"Authorization": f"token {token}"}, Barrier(count)
    with TemporaryDirectory() as folder, hub(Path(folder), token), ThreadPoolExecutor(count) as pool:
        names = [f"student{number:02}" for number in range(count)]
        waiting = [pool.submit(student, each, cells, admin, gate) for each in names]
        failed = [each.exception() for each in waiting if each.exception()]
        done = [each.result() for each in waiting if not each.exception()]
        print(f"{name}: {count} students, {len(failed)} failed, {sum(bool(row[3]) for row in done)} with errors")
        print(*failed[:3], *[row[3][0] for row in done if row[3]][:3], sep="\n")
        for what, values in zip(("server, s", "all cells, s", "step, ms"), zip(*done, strict=True), strict=False):
            first, middle, last = min(values), statistics.median(values), max(values)
            print(f"{what:14} first {first:6.0f}  median {middle:6.0f}  last {last:6.0f}")
        print(f"memory        {memory():6.1f} GB of servers and kernels")
        sys.exit(bool(failed))


if __name__ == "__main__":
    main(*sys.argv[1:])
