"""Long and careless use: many moves in any order, and cells that are run again and again."""

import asyncio
import gc
from types import SimpleNamespace

import ipywidgets
import psutil
import pytest
from effort import RANDOM, slow
from explorers.moving import alive, assert_screen_and_twin_agree, shown
from explorers.moving import fresh as remade
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from skiplib.arithmetic import ConvGeometry
from skiplib.explorers import cells
from skiplib.explorers.chain import ChainExplorer
from skiplib.explorers.controls import Control
from skiplib.explorers.convolution import ConvExplorer
from skiplib.explorers.digits import DigitsExplorer
from skiplib.explorers.fates import FatesExplorer
from skiplib.explorers.gradient import GradientExplorer
from skiplib.explorers.layers import AXES
from skiplib.explorers.lesions import BlockToggles, LesionExplorer
from skiplib.explorers.paths import PathExplorer
from skiplib.explorers.product import ProductExplorer
from skiplib.explorers.residual import ResidualExplorer
from skiplib.explorers.spectrum import SpectrumExplorer
from skiplib.explorers.trace import TraceExplorer
from skiplib.explorers.training import TrainingExplorer
from skiplib.explorers.transposed import TransposedExplorer
from skiplib.pooling import PoolGeometry
from skiplib.shortcuts import CHOICES
from skiplib.words import FATES

NETWORK = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(2, 1, 2, padding=1))
MAKES = {  # and how many examples: some compute for long
    "conv": (lambda: ConvExplorer(input_size=9), 30),
    "conv with an image": (lambda: ConvExplorer(image=[[0, 1, 2, 3], [3, 2, 1, 0]] * 2), 10),
    "transposed": (lambda: TransposedExplorer(input_size=(4, 3), output_index=5), 30),
    "chain": (lambda: ChainExplorer(input_size=16), 20),
    "residual": (lambda: ResidualExplorer(input_size=16, pictures=("places", "sizes")), 20),
    "trace": (lambda: TraceExplorer(NETWORK, (1, 1, 9, 8)), 3),
    "product": (ProductExplorer, 15),
    "spectrum": (lambda: SpectrumExplorer(blocks=2), 2),
    "gradient": (lambda: GradientExplorer(depth=4, channels=4, seeds=1), 2),
    "digits": (lambda: DigitsExplorer(depth=4, channels=4), 2),
    "training": (TrainingExplorer, 2),
    "paths": (lambda: PathExplorer(blocks=2), 3),
    "lesions": (lambda: LesionExplorer(seed=999), 5),
}
SIZE = st.one_of(st.integers(-1, 12), st.tuples(st.integers(0, 12), st.integers(1, 12)), st.none())
LAYER = st.builds(ConvGeometry, st.integers(1, 5), st.integers(1, 3), st.integers(0, 3), st.integers(1, 2))
POOL = st.builds(PoolGeometry, st.integers(1, 4), st.integers(1, 3), mode=st.sampled_from(["max", "average"]))
LAYERS = st.lists(st.one_of(LAYER, POOL, st.tuples(LAYER, LAYER)), max_size=5)
INDEX, BLOCKS = st.integers(-1, 40), st.integers(0, 3)
NUMBERS = dict.fromkeys(("input_size", "kernel_size", "stride", "padding", "dilation"), SIZE)
NETS = {
    "init": st.sampled_from(["default", "he", "xavier", "him"]),
    "norm": st.sampled_from(["none", "batch", "layer"]),
    "alpha": st.sampled_from([1, 1.0, 0, 0.3, "1/sqrt(n)", "1/n", 2, None]),
}
SMALL = {"depth": st.integers(1, 7), "channels": st.sampled_from([3, 4, 5, 8]), **NETS}
SEED = {"seed": st.sampled_from([0, 999, 1000, "1"])}
CHAIN = {"geometries": LAYERS, "input_size": SIZE, "output_index": INDEX, "axis": st.sampled_from([*AXES, "depth"])}
STARTS = {
    ConvExplorer: (NUMBERS | {"output_index": INDEX}, 40),
    TransposedExplorer: (NUMBERS | {"output_padding": SIZE, "output_index": INDEX}, 40),
    ChainExplorer: (CHAIN, 40),
    ResidualExplorer: (
        CHAIN | {"kind": st.sampled_from([*CHOICES]), "geometry": LAYER | POOL, "out_channels": BLOCKS},
        40,
    ),
    ProductExplorer: ({"q": st.floats(-0.1, 2.1), "alpha": st.floats(0, 1) | st.none(), "blocks": BLOCKS}, 20),
    SpectrumExplorer: ({"blocks": BLOCKS, "init": NETS["init"], **SEED}, 4),
    GradientExplorer: (SMALL | {"seeds": BLOCKS, "precision": st.sampled_from(["single", "half", "double"])}, 6),
    DigitsExplorer: (SMALL | SEED, 6),
    PathExplorer: ({"blocks": BLOCKS, **NETS, **SEED}, 6),
    LesionExplorer: ({"off": st.lists(st.integers(0, 9), max_size=3), "swap": BLOCKS, "scale": st.floats(0, 2)}, 10),
    TrainingExplorer: ({**NETS, "depth": st.integers(1, 7), "lr": st.sampled_from([0, 0.1, 1, 2, "1"])}, 6),
}


def move(control, where):
    """Set a control to a share of the way through its values, or press a button."""
    if isinstance(control, Control):
        least, most = control.slider.min, control.slider.max
        whole = isinstance(control.slider, ipywidgets.IntSlider)
        control.value = round(least + where * (most - least), None if whole else 2)
    elif isinstance(control, ipywidgets.Dropdown):
        control.index = min(int(where * len(control.options)), len(control.options) - 1)
    elif isinstance(control, ipywidgets.Checkbox):
        control.value = where > 0.5
    elif isinstance(control, BlockToggles):
        control.value = tuple(range(1, 1 + round(9 * where)))
    elif isinstance(control, ipywidgets.Button):
        control.click()
    else:
        control.value = control.min + where * (control.max - control.min)


def moves(rng, count):
    """Which of the controls, and where to: at an end every second time."""
    return [(rng.randrange(100), rng.choice((0, 1, rng.random(), rng.random()))) for _ in range(count)]


def movable(explorer, where):
    """All that a hand can move; what makes a network deep, and searches for repairs, only now and then."""
    dear = ("depth", "blocks")
    moved = [control for name, control in explorer.controls.items() if name not in dear or where < 0.1]
    moved += [getattr(explorer, name) for name in ("repair", "undo_button") if hasattr(explorer, name)]
    if isinstance(explorer, TraceExplorer):
        buttons = [each for each in explorer.children[1].children[0].children if isinstance(each, ipywidgets.Button)]
        moved += buttons[:2] if where < 0.2 else []
    return moved + getattr(explorer, "_boxes", [])


@pytest.mark.parametrize("name", MAKES)
def test_any_moves_end_where_a_fresh_explorer_begins_and_are_said_as_they_are_shown(name):
    make, examples = MAKES[name]

    @slow(examples)
    @given(RANDOM)
    def moved(rng):
        ipywidgets.Widget.close_all()  # of the example before
        explorer = make()
        for which, where in moves(rng, 20):
            controls = movable(explorer, where)
            move(controls[which % len(controls)], where)
            if name != "training":  # its picture takes long to store
                assert_screen_and_twin_agree(explorer)
        assert_screen_and_twin_agree(explorer)
        if isinstance(explorer, TraceExplorer):
            return  # what was moved in several layers no settings tell
        fresh = remade(explorer)
        assert repr(fresh) == repr(explorer)
        if "does not run" not in explorer.status:
            assert shown(fresh) == shown(explorer)

    moved()


@pytest.mark.parametrize("make", STARTS, ids=lambda make: make.__name__)
def test_any_starting_values_are_refused_or_come_back_from_the_settings(make):
    starts, examples = STARTS[make]

    @slow(examples)
    @given(st.fixed_dictionaries({}, optional=starts))
    def started(values):
        before = alive()
        try:
            explorer = make(**values)
        except (TypeError, ValueError) as error:
            assert str(error).startswith(("`", "this explorer takes `")) and alive() == before
            return
        assert_screen_and_twin_agree(explorer)
        again = remade(explorer)
        assert repr(again) == repr(explorer) and shown(again) == shown(explorer)
        again.close(), explorer.close()
        assert alive() == before

    started()


@slow(20)
@given(RANDOM)
def test_any_guesses_at_fates_are_said_as_they_are_shown(rng):
    ipywidgets.Widget.close_all()  # of the example before
    explorer = FatesExplorer("03.sigmoid", activation="sigmoid", depth=4)
    for which, where in moves(rng, 8):
        which %= 3
        if which == 2:
            explorer.submit()
        else:
            row = explorer.entry.rows[which]
            open_again = row.value != FATES[min(2, int(3 * where))]
            row.value = FATES[min(2, int(3 * where))]
            assert not (open_again and explorer.feedback.read)
        said, guess = explorer.feedback._repr_html_(), [row.value for row in explorer.entry.rows]
        assert said in explorer._said.value and said in explorer.still()
        assert repr(explorer).endswith(str(explorer.feedback))
        assert which != 2 or bool(explorer.feedback.read) == (None not in guess)
        for kind, word in zip(("plain", "skip"), guess, strict=True):
            assert (f"{kind} {word}" in explorer._picture.value.split("A guess: ")[1]) == (word is not None)


@pytest.mark.parametrize("make", [ConvExplorer, TransposedExplorer])
def test_window_comes_back_where_it_was_when_the_image_is_as_large_again(make):
    explorer = make(input_size=9, kernel_size=3)
    window = explorer.controls["output_index"]
    window.value = 48
    for size in (3, 1, 9):
        explorer.controls["input_size"].value = size
        assert_screen_and_twin_agree(explorer)
    assert window.value == window.box.value == window.slider.value == 48


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
    before = len(alive())
    for _ in range(50):
        run_cell("a", ConvExplorer(input_size=5))
    assert len(alive()) == before


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
