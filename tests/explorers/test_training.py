import asyncio
import re
import time

import pytest

from explorers.moving import lived, nothing
from skiplib.explorers.training import TrainingExplorer, _curves, _enter
from skiplib.training import Lane, race


def losses(run):
    return [record.loss for record in run.records]


def drawn(explorer):
    return _curves([*explorer._finished, *explorer._entries], explorer._entries)


def test_nothing_is_trained_before_start():
    explorer = TrainingExplorer(depth=100)
    assert explorer.state == "resting" and explorer.stop_button.disabled and not explorer.start_button.disabled
    assert "trained=0" in repr(explorer) and "Press Start" in explorer._status.value


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"seed": 7, "init": "he", "norm": "group", "optimizer": "adam", "lr": 0.01},
        {"seed": 7, "init": "xavier", "alpha": 0.3, "network": "skip"},
    ],
)
def test_explorer_trains_what_the_race_trains(settings):
    explorer = lived(TrainingExplorer(depth=4, epochs=1, **settings), nothing)
    rest = {name: value for name, value in settings.items() if name not in ("seed", "network")}
    skips = [True] if "network" in settings else [False, True]
    runs = race([4], seeds=[settings.get("seed", 172)], skips=skips, epochs=1, **rest)
    for run, entry in zip(runs, explorer._entries, strict=True):
        name = "skip" if run.skip else "plain"
        assert losses(entry.lane) == losses(run)
        assert f"{name}, 4 layers: {run.train_accuracy:.1%}" in explorer.status
        assert f">{run.train_accuracy:.1%}</td>" in explorer._details.value
        assert f">{run.test_accuracy:.1%}</td>" in explorer._details.value
    assert explorer.state == "resting" and not explorer.start_button.disabled
    assert ">skip 4<" in explorer._picture.value


def test_alpha_of_0_is_nothing_to_a_plain_network():
    explorer = lived(TrainingExplorer(depth=4, epochs=1, alpha=0), nothing)
    plain, skip = (entry.lane for entry in explorer._entries)
    (same,) = race([4], seeds=[172], skips=[False], epochs=1)
    (other,) = race([4], seeds=[172], skips=[True], epochs=1)
    assert losses(plain) == losses(same) and losses(skip) != losses(other)
    assert [block.alpha for block in plain.net.blocks] == [block.alpha for block in skip.net.blocks] == [0]


def test_alpha_is_named_where_there_is_a_skip():
    explorer = lived(TrainingExplorer(depth=4, epochs=1, alpha=0.3), nothing)
    assert [entry.setting.endswith(", alpha 0.3") for entry in explorer._entries] == [False, True]
    assert explorer._details.value.count(", alpha 0.3</td>") == 1


def test_stop_answers_at_once_and_keeps_the_curves():
    explorer, answered = TrainingExplorer(depth=50, epochs=20), []

    async def stop_soon():
        await asyncio.sleep(1)
        assert explorer.start_button.disabled and "Training: " in explorer.status
        assert explorer.progress.layout.visibility == "visible" and 0 < explorer.progress.value < 1
        explorer.start_button.click()  # a second start does nothing
        start = time.perf_counter()
        explorer.stop_button.click()
        while "Stopped." not in explorer.status:
            await asyncio.sleep(0.001)
        answered.append(time.perf_counter() - start)

    lived(explorer, stop_soon)
    assert "Stopped. Training accuracy: plain, 50 layers" in explorer.status
    assert "stopped at step" in explorer._details.value and "skip 50" in explorer._picture.value
    assert answered[0] < 5  # the benchmark has the milliseconds
    assert explorer.progress.layout.visibility == "hidden"


def test_training_that_is_stopped_before_it_began_can_be_started_again():
    explorer = TrainingExplorer(depth=4, epochs=1, network="plain")

    async def change_of_mind():
        explorer.stop_button.click()
        await asyncio.sleep(0)

    lived(explorer, change_of_mind)
    assert explorer.stop_button.disabled and not explorer.start_button.disabled
    assert "Training accuracy: plain, 4 layers" in lived(explorer, nothing).status


def test_training_that_fails_can_be_started_again(monkeypatch):
    explorer = TrainingExplorer(depth=4, epochs=1, network="plain")
    monkeypatch.setattr(Lane, "advance", lambda lane: 1 / 0)
    assert lived(explorer, nothing).status == "This does not run: division by zero. "
    monkeypatch.undo()
    assert not explorer.start_button.disabled
    assert "Training accuracy: plain, 4 layers" in lived(explorer, nothing).status


def test_explorer_that_is_closed_stops_its_training():
    explorer = TrainingExplorer(depth=50, epochs=20)

    async def close_soon():
        await asyncio.sleep(0.5)
        explorer.close()
        await asyncio.wait([explorer._task])

    lived(explorer, close_soon)
    assert [0 < entry.lane.share < 1 for entry in explorer._entries] == [True] * 2
    assert not any(entry.run for entry in explorer._entries) and explorer._task.cancelled()


def test_finished_curves_stay_until_they_are_cleared():
    explorer = lived(TrainingExplorer(depth=4, epochs=1, network="plain"), nothing)
    explorer.controls["depth"].value = 6
    assert "plain 4" in explorer._picture.value  # a moved control loses no curve
    lived(explorer, nothing)
    assert "plain 4" in explorer._picture.value and "plain 6" in explorer._picture.value
    assert explorer._details.value.count("<tr>") == 3
    explorer.clear_button.click()
    assert "plain" not in explorer._picture.value and "Press Start" in explorer.status
    assert explorer.clear_button.disabled


def test_training_that_diverges_says_so():
    explorer = lived(TrainingExplorer(depth=50, init="he", network="skip"), nothing)
    said = "step 14: the loss leaves what single precision holds"
    assert said in explorer.status and said in explorer._details.value


def test_explosion_is_told_by_its_first_loss_and_by_the_gradient_that_it_leaves():
    explorer = lived(TrainingExplorer(depth=50, init="he", network="skip"), nothing)
    records = explorer._entries[0].lane.records
    assert records[0].loss > 100 and records[0].gradient > 100 and records[1].gradient == 0
    assert f"(step 1: loss {records[0].loss:.0f}, step 2: gradient 0, step 14: the loss leaves" in explorer.status
    assert "(its loss blew up)" in explorer.shown.picture.alt and "0 from step 2" in explorer._picture.value
    assert "step" not in lived(TrainingExplorer(depth=4, epochs=1), nothing).status


def test_explosion_is_told_while_it_happens():
    explorer = TrainingExplorer(depth=50, init="he", network="skip")

    async def look():
        while not explorer._entries[:1] or not explorer._entries[0].lane.records:
            await asyncio.sleep(0)
        assert re.search(r"Training: 1%, about \d+ s left\. skip, 50 layers: step 1: loss \d+\.$", explorer.status)

    lived(explorer, look)


def test_curves_are_named_by_what_is_not_the_same_for_all():
    explorer = lived(TrainingExplorer(depth=4, epochs=1, alpha=0.3), nothing)
    assert [curve.label for curve in drawn(explorer)] == ["plain 4", "skip 4 alpha 0.3"]
    explorer.controls["init"].value = "he"
    lived(explorer, nothing)
    explorer.controls["alpha"].value = "1"
    lived(explorer, nothing)
    labels = ["skip 4 default alpha 0.3", "plain 4 default", "skip 4 he alpha 0.3", "plain 4 he", "skip 4 he"]
    assert sorted(curve.label for curve in drawn(explorer)) == sorted(labels)  # plain has no alpha: one curve
    for name, value in (("norm", "batch"), ("optimizer", "adam"), ("lr", 0.001), ("seed", 7)):
        explorer.controls[name].value = value
    lived(explorer, nothing)
    assert "plain 4 he batch adam 0.001 seed 7" in explorer.shown.picture.alt
    assert "skip 4 default no norm alpha 0.3 sgd 0.02 seed 172" in explorer.shown.picture.alt


def test_horizontal_axis_is_what_was_set_however_far_a_training_came():
    explorer = TrainingExplorer(depth=4, epochs=3, network="plain")
    explorer._entries = _enter(**explorer.measured)
    for _ in range(5):
        explorer._entries[0].lane.advance()
        explorer.controls["epochs"].value = 9  # for the next one
        assert explorer.view().picture.figure.axes[0].get_xlim() == (0, pytest.approx(3))


def test_setting_that_does_not_run_is_one_sentence():
    explorer = TrainingExplorer(depth=4)
    explorer.controls["depth"].box.value = 5
    lived(explorer, nothing)
    assert "This does not run: `depth` must be even" in explorer.status and "<table>" not in explorer._details.value


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"lr": 0}, ValueError, "`lr` must lie between"),
        ({"lr": "fast"}, ValueError, "`lr` must lie between"),
        ({"network": "deep"}, ValueError, "`network` must be one of both, plain, skip"),
        ({"optimizer": "rmsprop"}, ValueError, "`optimizer` must be one of"),
        ({"epochs": 0}, ValueError, "`epochs` must lie between"),
        ({"depth": 2.0}, TypeError, "`depth` must be an integer"),
        ({"alpha": "big"}, ValueError, "`alpha` must be a number or"),
    ],
)
def test_bad_starting_value_is_named(settings, error, message):
    with pytest.raises(error, match=message):
        TrainingExplorer(**settings)
