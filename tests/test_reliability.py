"""Long and careless use: many moves in any order, and cells that are run again and again."""

import asyncio
import gc
from types import SimpleNamespace

import ipywidgets
import psutil
import pytest
from effort import slow
from explorers.moving import alive, shown
from explorers.moving import fresh as remade
from hypothesis import given
from hypothesis import strategies as st

from skiplib.arithmetic import ConvGeometry
from skiplib.explorers import cells
from skiplib.explorers.chain import ChainExplorer
from skiplib.explorers.controls import Control
from skiplib.explorers.convolution import ConvExplorer
from skiplib.explorers.digits import DigitsExplorer
from skiplib.explorers.gradient import GradientExplorer
from skiplib.explorers.lesions import BlockToggles, LesionExplorer
from skiplib.explorers.paths import PathExplorer
from skiplib.explorers.product import ProductExplorer
from skiplib.explorers.residual import ResidualExplorer
from skiplib.explorers.spectrum import SpectrumExplorer
from skiplib.explorers.training import TrainingExplorer

PAIR = [ConvGeometry(2, stride=2, padding=2)] * 2
MAKES = [
    (lambda: ConvExplorer(input_size=9), 30),
    (lambda: ChainExplorer(PAIR, input_size=16), 30),
    (lambda: ResidualExplorer(input_size=16), 30),
    (ProductExplorer, 15),
    (lambda: SpectrumExplorer(blocks=2), 3),
    (lambda: GradientExplorer(depth=4, channels=4, seeds=1), 3),
    (lambda: DigitsExplorer(depth=4, channels=4), 3),
    (TrainingExplorer, 3),
    (lambda: PathExplorer(blocks=2), 3),
    (LesionExplorer, 5),
]
MOVES = st.lists(st.tuples(st.integers(0, 99), st.floats(0, 1)), min_size=18, max_size=22)


def move(control, where):
    """Set a control to a share of the way through its values."""
    if isinstance(control, Control):
        least, most = control.slider.min, control.slider.max
        whole = isinstance(control.slider, ipywidgets.IntSlider)
        control.value = round(least + where * (most - least), None if whole else 2)
    elif isinstance(control, ipywidgets.Dropdown):
        control.value = control.options[min(int(where * len(control.options)), len(control.options) - 1)]
    elif isinstance(control, ipywidgets.Checkbox):
        control.value = where > 0.5
    elif isinstance(control, BlockToggles):
        control.value = tuple(range(1, 1 + round(9 * where)))
    else:
        control.value = control.min + where * (control.max - control.min)


@pytest.mark.parametrize(("make", "examples"), MAKES, ids=[type(make()).__name__ for make, _ in MAKES])
def test_any_moves_end_where_a_fresh_explorer_begins(make, examples):
    @slow(examples)
    @given(MOVES)
    def moved(moves):
        explorer = make()
        for which, where in moves:
            controls = [c for name, c in explorer.controls.items() if name not in ("depth", "blocks")]
            controls += [
                explorer.controls[name] for name in ("depth", "blocks") if where < 0.1 and name in explorer.controls
            ]
            move(controls[which % len(controls)], where)
        fresh = remade(explorer) if isinstance(explorer, ChainExplorer | ResidualExplorer) else make()
        for _ in range(2):  # a bound that follows from another control lets its value in the second time
            with fresh.together():
                for name, control in explorer.controls.items():
                    fresh.controls[name].value = control.value
        assert repr(fresh) == repr(explorer)
        if "does not run" not in explorer.status:
            assert shown(fresh) == shown(explorer)

    moved()


def resident():
    gc.collect()
    return psutil.Process().memory_info().rss / 1e6


def test_memory_stays_flat_over_many_moves():
    explorer = ConvExplorer(input_size=9)
    measured = GradientExplorer(depth=4, channels=4, seeds=1)
    sizes = []
    for _ in range(3):
        for step in range(200):
            explorer.controls["input_size"].value = 9 + step % 20
        for step in range(40):
            measured.controls["channels"].value = 4 * (1 + step % 8)
        sizes.append(resident())
    assert sizes[2] - sizes[1] < 10


@pytest.fixture
def run_cell(monkeypatch):
    """Displays explorers as cells of a notebook do: a cell's id, and a new message each time it runs."""
    parent = {}
    kernel = SimpleNamespace(get_parent=lambda: parent)
    monkeypatch.setattr(cells, "get_ipython", lambda: SimpleNamespace(kernel=kernel))

    def run(cell, *explorers):
        message = parent.get("header", {}).get("msg_id", 0) + 1
        parent.update(header={"msg_id": message}, metadata={"cellId": cell})
        for explorer in explorers:
            explorer._repr_mimebundle_()

    return run


def test_cell_that_is_run_again_leaves_nothing_behind(run_cell):
    run_cell("a", ConvExplorer(input_size=5))
    before = alive()
    for _ in range(50):
        run_cell("a", ConvExplorer(input_size=5))
    assert alive() == before


def test_explorers_of_one_run_and_those_shown_elsewhere_live_on(run_cell):
    first, second, elsewhere = (ConvExplorer(input_size=5) for _ in range(3))
    run_cell("b", first, second)
    assert first.comm is not None and second.comm is not None
    run_cell("b", elsewhere)
    assert first.comm is None and second.comm is None
    run_cell("c", elsewhere)
    run_cell("b", ConvExplorer(input_size=5))
    assert elsewhere.comm is not None  # cell c still shows it
    elsewhere.controls["input_size"].value = 6
    assert "6 × 6" in elsewhere.status


def test_explorer_that_its_cell_shows_again_lives_on(run_cell):
    explorer = ConvExplorer(input_size=5)
    run_cell("d", explorer)
    run_cell("d", explorer)
    assert explorer.comm is not None


def test_training_whose_cell_is_run_again_ends(run_cell):
    async def main():
        explorer = TrainingExplorer(depth=4, epochs=20)
        run_cell("t", explorer)
        explorer.start_button.click()
        await asyncio.sleep(0.3)
        assert explorer.state == "training"
        run_cell("t", TrainingExplorer())
        await asyncio.wait([explorer._task], timeout=10)
        assert explorer._task.cancelled() and explorer.state == "resting"

    asyncio.run(main())
