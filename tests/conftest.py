import tomllib
from pathlib import Path

import pytest
import torch

import skiplib

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


@pytest.fixture(autouse=True)
def _own_generator():
    """Every test begins at the same seed, and none disturbs another."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(172)
        yield


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
