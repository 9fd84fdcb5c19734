"""A JupyterHub for one class on one machine: one password, a name for each student, everything installed once.

For a lesson on a network that you trust. Who knows the password can take anyone's name, and all work as one user of
the machine; for a term take The Littlest JupyterHub instead. docs/teaching.md says when to start it. In the folder of
this project:

    python3 -m venv hub
    hub/bin/pip install -c constraints.txt . jupyterhub jupyterhub-idle-culler nbgitpuller
    npm install --prefix hub configurable-http-proxy
    export PATH=$PWD/hub/bin:$PWD/hub/node_modules/.bin:$PATH
    SKIPLIB_CLASS=/srv/class SKIPLIB_PASSWORD=... jupyterhub -f docs/hub/jupyterhub_config.py

`pip install .`, not `-e .`: students read what is installed, and cannot change it.
"""

import os
import shutil
import sys
from pathlib import Path

c = get_config()  # noqa: F821 (JupyterHub gives it)
PROJECT = Path(os.environ.get("SKIPLIB_PROJECT", Path.cwd()))  # where notebooks, docs and tools lie
CLASS = Path(os.environ["SKIPLIB_CLASS"])  # an empty folder at first: what students write, and the hub's own files

# Who may come in: anyone with the password, under any name.
c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.password = os.environ["SKIPLIB_PASSWORD"]
c.Authenticator.allow_all = True

# Where each works: a process, and a folder in CLASS. It begins with a copy of the notebooks, which stays theirs.
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = str(CLASS / "home" / "{username}")
c.Spawner.default_url = "/lab/tree/notebooks/00_start_here.ipynb"


def give_notebooks(spawner):
    """Copy the notebooks at a student's first start; later starts leave them as the student left them."""
    home = CLASS / "home" / spawner.user.name
    for folder in ("notebooks", "docs"):  # lesson 00 shows a picture of docs
        if not (home / folder).exists():
            shutil.copytree(PROJECT / folder, home / folder)


c.Spawner.pre_spawn_hook = give_notebooks
c.Spawner.environment = {
    "OMP_NUM_THREADS": "1",  # one thread of PyTorch each: more only wait for one another
    "JUPYTER_CONFIG_PATH": str(PROJECT / "tools/jupyter"),  # saves an explorer's picture, not its widget
}
c.Spawner.args = [  # a kernel that has had nothing to do for half an hour gives back its 270 to 440 MB
    "--MappingKernelManager.cull_idle_timeout=1800",
    "--MappingKernelManager.cull_interval=300",
    "--MappingKernelManager.cull_connected=True",
]

# All come in the same minute: six servers start at once, the others wait, and none is given up.
c.JupyterHub.concurrent_spawn_limit = 6
c.Spawner.start_timeout = c.Spawner.http_timeout = 180  # seconds

# A server that nobody has used for an hour ends.
c.JupyterHub.services = [
    {"name": "idle", "command": [sys.executable, "-m", "jupyterhub_idle_culler", "--timeout=3600"]}
]
may = ["list:users", "read:users:activity", "read:servers", "delete:servers"]
c.JupyterHub.load_roles = [{"name": "idle", "scopes": may, "services": ["idle"]}]

# Where it listens: this machine only. Students come through a proxy with TLS; on a network of your own that nobody
# else can join, "http://:8000" lets them in without one.
c.JupyterHub.bind_url = "http://127.0.0.1:8000"
c.JupyterHub.db_url = f"sqlite:///{CLASS / 'jupyterhub.sqlite'}"
c.JupyterHub.cookie_secret_file = str(CLASS / "cookie_secret")
c.ConfigurableHTTPProxy.pid_file = str(CLASS / "proxy.pid")
