import asyncio
import re
import time

import pytest

from explorers.moving import ends, fresh, lived, nothing
from skiplib.digits import split_digits
from skiplib.explorers import lesions
from skiplib.explorers.lesions import BlockToggles, LesionExplorer
from skiplib.paths import lesioned
from skiplib.training import Lane, accuracy, finished, race

SPLIT = split_digits()
TEST = SPLIT.test_images, SPLIT.test_labels
HE = {"epochs": 1, "init": "he", "norm": "batch"}


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    """One epoch instead of eight."""
    monkeypatch.setattr(lesions, "_EPOCHS", 1)


@pytest.fixture
def nets():
    """The plain and the skip network that an explorer of these settings finds."""
    return {"skip" if run.skip else "plain": run.net for run in race([20], seeds=[172], **HE)}


def test_nothing_is_trained_before_start():
    explorer = LesionExplorer(seed=901, off=(3,))
    assert explorer.state == "resting" and explorer.stop_button.disabled and not explorer.start_button.disabled
    assert repr(explorer).endswith("-> plain=not trained, skip=not trained")
    assert explorer.status == "Press Start to train. Nothing is trained before."
    assert "not trained yet" in explorer._picture.value and 'class="bar"' not in explorer._picture.value


def test_start_trains_what_a_race_would_and_keeps_it_in_memory():
    explorer = lived(LesionExplorer(seed=902), nothing)
    began = time.perf_counter()
    runs = list(race([20], seeds=[902], **HE))
    other = LesionExplorer(seed=902)
    assert time.perf_counter() - began < 2 and other.start_button.disabled and explorer.start_button.disabled
    assert other.status == explorer.status
    for run in runs:
        name = "skip" if run.skip else "plain"
        assert f"{name} {run.test_accuracy:.0%} (intact" in explorer.status


def test_stop_keeps_what_there_is_and_start_goes_on_from_there():
    explorer = LesionExplorer(seed=903)

    async def stop_soon():
        while "Training: " not in explorer.status:
            await asyncio.sleep(0)
        assert explorer.progress.layout.visibility == "visible" and not explorer.stop_button.disabled
        assert re.fullmatch(r"Training: \d+%, about \d+ s left\. ", explorer.status)
        explorer.stop_button.click()

    lived(explorer, stop_soon)
    (lanes,) = explorer._paused.values()
    steps = len(lanes[0].records)
    assert explorer.status == f"Stopped. Start goes on from step {steps}." and 0 < steps < 23
    explorer.controls["seed"].value = 904
    assert explorer.status == "Stopped. Press Start to train. Nothing is trained before."  # of this seed nothing is
    explorer.controls["seed"].value = 903
    lived(explorer, nothing)
    assert not explorer._paused and "plain " in explorer.status and "Stopped" not in explorer.status
    (run,) = race([20], seeds=[903], skips=[True], **HE)
    assert [record.step for record in run.records] == list(range(1, 24))


def test_training_that_fails_is_not_kept_as_if_it_had_come_to_its_end(monkeypatch):
    explorer = LesionExplorer(seed=905)

    def full(lane):
        next(lane.steps)
        lane.steps.throw(RuntimeError("no memory"))

    with monkeypatch.context() as broken:
        broken.setattr(Lane, "advance", full)
        lived(explorer, nothing)
    assert explorer.status == "This does not run: no memory. Press Start to train. Nothing is trained before."
    assert "Of the test digits: plain " in lived(explorer, nothing).status
    assert [len(finished(20, skip, 905, **HE).records) for skip in (False, True)] == [23, 23]


@pytest.mark.parametrize(
    ("settings", "lesion"),
    [
        ({"off": (5,)}, {"without": [5]}),
        ({"off": (9, 1)}, {"without": [1, 9]}),
        ({"swap": 2, "swap_with": 7}, {"swap": (2, 7)}),
        ({"swap": 3, "swap_with": 3}, {}),
        ({"scale": 0.4}, {"scale": 0.4}),
        ({"off": tuple(range(1, 10)), "scale": 0.5}, {"without": range(1, 10)}),
    ],
)
def test_explorer_reads_what_a_lesioned_network_reads(nets, settings, lesion):
    explorer = LesionExplorer(**settings)
    for name, net in nets.items():
        intact, now = accuracy(net, *TEST), accuracy(lesioned(net, **lesion), *TEST)
        known = accuracy(lesioned(net, **lesion), SPLIT.images[:360], SPLIT.labels[:360])
        assert f"{name} {now:.0%} (intact {intact:.0%})" in explorer.status
        assert f">{known:.0%} of training digits<" in explorer._picture.value


def test_bar_of_a_block_is_what_its_loss_alone_costs(nets):
    explorer = LesionExplorer(off=(2, 3), swap=1, swap_with=9)
    for name, net in nets.items():
        costs = [accuracy(net, *TEST) - accuracy(lesioned(net, without=[block]), *TEST) for block in range(1, 10)]
        costs[0], costs[8] = costs[8], costs[0]  # a bar goes with its block
        drawn = re.findall(f'of-{name}"><rect [^>]*height="([^"]*)" class="bar"', explorer._picture.value)
        assert [float(tall) for tall in drawn] == pytest.approx([44 * max(0, cost) for cost in costs], abs=0.06)


@pytest.mark.parametrize("name", ["net", "swap", "swap_with", "scale", "seed"])
def test_every_control_moves_to_its_ends_and_nothing_is_trained(nets, name):
    explorer = LesionExplorer(off=(4,))
    for value in ends(explorer.controls[name]):
        explorer.controls[name].value = value
        other = fresh(explorer)
        assert (other._status.value, other._picture.value) == (explorer._status.value, explorer._picture.value)
    assert not explorer._paused


def test_buttons_and_their_value_are_one():
    explorer, seen = LesionExplorer(seed=901), []
    control = explorer.controls["off"]
    control.observe(lambda change: seen.append(change["new"]), "value")
    control.toggles[6].value = True
    control.toggles[1].value = True
    control.value = (9,)
    assert seen == [(7,), (2, 7), (9,)] and [toggle.value for toggle in control.toggles] == [False] * 8 + [True]
    assert "off=(9,)" in repr(explorer)


def test_every_block_in_the_picture_presses_its_own_button():
    explorer = LesionExplorer(seed=901, swap=2, swap_with=3)
    live = explorer._picture.value
    assert re.findall('data-block="(.)"', live) == list("132456789") * 2
    assert "'.skiplib-block-'+event.target.dataset.block" in live.replace("&#x27;", "'")
    for block, toggle in enumerate(explorer.controls["off"].toggles, start=1):
        assert f"skiplib-block-{block}" in toggle._dom_classes and toggle.tooltip == f"Switch block {block} off or on"


def test_undo_takes_changes_back_one_by_one_and_a_drag_at_once():
    explorer = LesionExplorer(seed=901)
    start = repr(explorer)
    assert explorer.undo_button.disabled
    explorer.controls["off"].value = (3,)
    after = repr(explorer)
    for scale in (0.9, 0.7, 0.3):
        explorer.controls["scale"].value = scale
    explorer.controls["swap"].value = 4
    explorer.undo_button.click()
    assert explorer.settings["swap"] == 1 and explorer.settings["scale"] == 0.3
    explorer.undo_button.click()
    assert repr(explorer) == after
    explorer.undo_button.click()
    assert repr(explorer) == start and explorer.undo_button.disabled
    explorer.undo()
    assert repr(explorer) == start


def test_what_is_stored_is_marked_as_measured():
    still = LesionExplorer(seed=901).still()
    assert still.startswith("<!--measured--><div>") and still.endswith("<!--end-->") and "<img alt=" in still


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"off": (10,)}, "`off` must name blocks from 1 to 9; got .10,."),
        ({"off": "5"}, "`off` must name blocks from 1 to 9; got '5'"),
        ({"swap": 0}, "`swap` must lie between 1 and 9"),
        ({"scale": 2}, "`scale` must lie between 0 and 1"),
        ({"net": "she"}, "`net` must be"),
    ],
)
def test_bad_starting_value_is_named(settings, message):
    with pytest.raises(ValueError, match=message):
        LesionExplorer(**settings)


def test_twice_the_same_block_is_once():
    assert BlockToggles("off", [7, 2, 7]).value == (2, 7)
