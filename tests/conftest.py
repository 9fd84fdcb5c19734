import gc
import re
import tomllib
from pathlib import Path

import ipywidgets
import pytest
import torch
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

import skiplib

# `make thorough` takes the second: --hypothesis-profile=thorough
settings.register_profile("ci", max_examples=200, deadline=None, derandomize=True, database=None)
settings.register_profile("thorough", max_examples=20_000, deadline=None, database=None)
settings.load_profile("ci")

torch.set_num_threads(1)  # the tensors are tiny: on a busy machine a second thread costs eight times as much

NONSENSE = [
    "many",
    3.5,
    True,
    object(),
    {"a": 1},
    [[1], [2]],
    (None,) * 4,
    (1,),
    float("nan"),
    -(10**9),
    b"5",
    int,
    torch.tensor(5.5),
    torch.ones(3),
    (torch.ones(2), torch.ones(2)),
    {object()},
    lambda: 0,
    lambda *numbers: torch.ones(2),
]


def pytest_collection_modifyitems(items):
    """Browsers and notebooks first: they take longest."""
    items.sort(key=lambda item: ("browser" not in item.nodeid, ".ipynb" not in item.nodeid))


def pytest_collection_finish():
    """What is imported stays: no collection of garbage needs to look through it again."""
    gc.freeze()


class _Together(LoadScopeScheduling):
    """What shares something slow runs on one worker: a file, or a lesson in a browser; not the longest files."""

    def _split_scope(self, nodeid):
        file, _, test = nodeid.partition("::")
        lesson = re.search(r"\[(\d\d_\w+)\.ipynb", test)
        long = re.search("browser|test_(base|integers|reliability|sums)", file)
        return lesson[1] if lesson else nodeid if long else file


def pytest_xdist_make_scheduler(config, log):
    """Hand tests to workers by ``_Together``, in the order above."""
    config.option.loadscopereorder = False
    return _Together(config, log)


@pytest.fixture(autouse=True)
def _own_generator():
    """Every test begins at the same seed, and none disturbs another."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(172)
        yield


@pytest.fixture(autouse=True)
def _own_widgets():
    """Every test ends without widgets: ipywidgets keeps each until it is closed."""
    yield
    ipywidgets.Widget.close_all()


@pytest.fixture(params=NONSENSE, ids=lambda answer: type(answer).__name__)
def nonsense(request):
    """An answer to no question at all."""
    return request.param


@pytest.fixture(scope="session")
def judges():
    """Every question of every lesson, and the name of the function that judges its answer."""
    lessons = {path.stem: path for path in Path(skiplib.__file__).parent.glob("questions/*.toml")}
    tables = {lesson: tomllib.loads(path.read_text(encoding="utf-8")) for lesson, path in lessons.items()}
    return {
        f"{lesson}.{name}": known.get("run", "check") for lesson in tables for name, known in tables[lesson].items()
    }
