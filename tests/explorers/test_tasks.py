"""Start, Stop, Clear and moved controls at any moment: an explorer that trains always ends in what is true."""

import asyncio
import re
import time
from functools import partial
from itertools import count, product
from types import SimpleNamespace

import ipywidgets
import pytest
from effort import RANDOM, slow
from hypothesis import given
from jupyter_client.manager import start_new_kernel

import skiplib.training as subject
from explorers.moving import lived, nothing
from skiplib.diagrams.svg import Picture
from skiplib.digits import Split, split_digits
from skiplib.explorers import lesions, tasks, training
from skiplib.explorers.lesions import LesionExplorer
from skiplib.explorers.training import TrainingExplorer
from skiplib.paths import lesioned
from skiplib.training import Lane, accuracy, finished, make_lane
from skiplib.words import share_in_words

WHOLE = split_digits()
KNOWN, NEW = (WHOLE.images[:288], WHOLE.labels[:288]), (WHOLE.test_images[:72], WHOLE.test_labels[:72])
PRESSES = ["Start"] * 6 + ["Stop", "Clear"] * 3
MOVES = [("epochs", 3), ("seed", 7), ("network", "skip"), ("network", "both")]
MOVES += [("depth", 6), ("depth", 5), ("init", "he")]
CHANGES = [("seed", 910), ("seed", 911), ("off", (3,)), ("scale", 0.5), ("net", "default, no norm")]
# Where the next press comes: so many turns of the loop later (a step each), or as soon as it trains, measures, rests.
WAITS = [*range(10), *["training", "measuring", "resting"] * 3]
FATE = r"( \((step \d+: [^,;]+, )*(stopped at step \d+ of \d+|stopped before its first step|step \d+: [^,;]+)\))?"
ENDED = (
    rf"(Stopped\. )?Training accuracy: (plain|skip), \d+ layers: [\d.]+%{FATE}(; skip, \d+ layers: [\d.]+%{FATE})?\."
)
REST = rf"{ENDED}|Press Start to train\. Nothing is trained before\.|This does not run: `depth` must be even.*"
ALWAYS = rf"{REST}|Training … |Training: \d+%, about \d+ s left\. .*|(Stopped\. )?Measuring … .*"


def life(rng, deeds):
    """What is done, and after which wait."""
    return [(rng.choice(WAITS), rng.choice(deeds)) for _ in range(rng.randint(3, 9))]


async def until(wait, explorer):
    if isinstance(wait, int):
        for _ in range(wait):
            await asyncio.sleep(0)
    for _ in range(100_000 if isinstance(wait, str) else 0):
        if explorer.state in (wait, "resting"):
            break
        await asyncio.sleep(0)


async def rests(explorer):
    async with asyncio.timeout(60):
        while explorer.state != "resting":
            await asyncio.sleep(0.001)


def press(explorer, name):
    getattr(explorer, f"{name.lower()}_button").click()


def assert_buttons_say(explorer, state):
    assert explorer.state == state and (explorer.progress.layout.visibility == "visible") == (state != "resting")
    assert (explorer.start_button.disabled, explorer.stop_button.disabled) == (
        state != "resting",
        state != "training",
    )


@pytest.fixture
def _few(monkeypatch):
    """A fifth of the digits."""
    for module in (subject, lesions):
        monkeypatch.setattr(module, "split_digits", lambda: Split(*KNOWN, *NEW))


@pytest.fixture
def _short(monkeypatch, _few):
    """Three steps make an epoch, and no curves are drawn."""
    monkeypatch.setattr(training, "_BATCH", 100)
    monkeypatch.setattr(training, "training_plot", lambda curves, epochs: Picture("<svg/>", "curves", 1, 1))


@pytest.mark.usefixtures("_short")
def test_training_explorer_says_what_is_true_after_any_presses_at_any_moment():
    @slow(60)
    @given(RANDOM)
    def lives(rng):
        ipywidgets.Widget.close_all()  # of the example before
        explorer, finished, current = TrainingExplorer(depth=4, epochs=2), 0, 0

        async def main():
            nonlocal finished, current
            for wait, what in life(rng, PRESSES + MOVES):
                await until(wait, explorer)
                resting = explorer.state == "resting"
                if isinstance(what, tuple):
                    control = explorer.controls[what[0]]
                    getattr(control, "box", control).value = what[1]
                else:
                    press(explorer, what)
                if what == "Start" and resting:
                    runs = explorer.controls["depth"].value % 2 == 0
                    networks = 2 if explorer.controls["network"].value == "both" else 1
                    finished, current = finished + current, networks * runs
                if what == "Clear":
                    finished, current = 0, current * (not resting)
                assert re.fullmatch(ALWAYS, explorer.status), explorer.status
            await rests(explorer)
            await asyncio.sleep(0)

        asyncio.run(main())
        assert_buttons_say(explorer, "resting")
        assert re.fullmatch(REST, explorer.status), explorer.status
        entries = [*explorer._finished, *explorer._entries]
        assert (len(explorer._finished), len(explorer._entries)) == (finished, current)
        assert explorer.clear_button.disabled == (not entries)
        cells = re.findall("<td [^>]*>([^<]*)</td>", explorer._details.value)
        assert [cells[place : place + 2] for place in range(0, len(cells), 5)] == [
            [e.label, e.setting] for e in entries
        ]
        for entry, known, new in zip(entries, cells[2::5], cells[3::5], strict=True):
            assert known == entry.reached == f"{accuracy(entry.lane.net, *KNOWN):.1%}"
            assert new == f"{accuracy(entry.lane.net, *NEW):.1%}"
            assert (entry.lane.share < 1) == ("stopped" in entry.fate)
        for entry in explorer._entries:
            assert f"{entry.label}: {entry.reached}" in explorer.status
            assert f"{entry.label.replace(' ', '_')}={entry.reached}" in repr(explorer)

    lives()


@pytest.fixture
def _tiny(monkeypatch, _few):
    """Networks of three blocks, and one epoch of six steps."""
    for name, value in {"_EPOCHS": 1, "_DEPTH": 8, "_BLOCKS": 3, "_NUMBERS": range(1, 4)}.items():
        monkeypatch.setattr(lesions, name, value)
    monkeypatch.setattr(lesions, "make_lane", partial(make_lane, batch_size=48))


@pytest.mark.usefixtures("_tiny")
def test_lesion_explorer_says_what_is_true_after_any_presses_at_any_moment():
    @slow(60)
    @given(RANDOM)
    def lives(rng):
        ipywidgets.Widget.close_all()  # of the example before
        explorer, begun = LesionExplorer(seed=910), set()

        async def main():
            for wait, what in life(rng, ["Start", "Stop"] * 4 + ["Undo"] * 2 + CHANGES):
                await until(wait, explorer)
                if isinstance(what, tuple):
                    explorer.controls[what[0]].value = what[1]
                else:
                    if what == "Start" and explorer.state == "resting":
                        begun.add((explorer.settings["net"], explorer.settings["seed"]))
                    press(explorer, what)
            await rests(explorer)
            await asyncio.sleep(0)

        with pytest.MonkeyPatch.context() as forgetful:
            forgetful.setattr(subject, "_finished", {})
            asyncio.run(main())
            for net, seed in [key[::-1] for key in product((910, 911), lesions._NETS)]:
                with explorer.together():
                    explorer.controls["net"].value, explorer.controls["seed"].value = net, seed
                settings = {"epochs": 1, **lesions._NETS[net]}
                runs = [finished(8, skip, seed, **settings) for skip in (False, True)]
                lanes = explorer._paused.get((net, seed))
                said = "Press Start to train. Nothing is trained before."
                if all(runs):
                    assert [len(run.records) for run in runs] == [6, 6] and not lanes
                    said = "Of the test digits: plain "
                    reached = [share_in_words(accuracy(lesioned(run.net, **lesion(explorer)), *NEW)) for run in runs]
                    assert repr(explorer).endswith("-> plain={}, skip={}".format(*reached))
                elif lanes:
                    said = f"Start goes on from step {len(lanes[0].records)}."
                assert all(runs) or (not any(runs) and bool(lanes) == ((net, seed) in begun))
                assert explorer.status.removeprefix("Stopped. ").startswith(said)
                assert explorer.start_button.disabled == all(runs)
                assert explorer.state == "resting" and explorer.stop_button.disabled
                assert explorer.progress.layout.visibility == "hidden"

    lives()


def lesion(explorer):
    return {"without": explorer.settings["off"], "scale": explorer.settings["scale"]}


@pytest.mark.usefixtures("_short")
@pytest.mark.parametrize("error", [RuntimeError("no memory"), ValueError(), MemoryError(), asyncio.CancelledError()])
@pytest.mark.parametrize("part", ["advance", "finish"])
@pytest.mark.parametrize("at", [1, 2])
def test_error_at_any_place_ends_in_a_sentence_and_another_start(monkeypatch, error, part, at):
    explorer, real, calls = TrainingExplorer(depth=4, epochs=1), getattr(Lane, part), count(1)

    def breaks(lane):
        if next(calls) == at:
            raise error
        return real(lane)

    with monkeypatch.context() as broken:
        broken.setattr(Lane, part, breaks)
        lived(explorer, nothing)
    assert_buttons_say(explorer, "resting")
    measured = part == "finish" and at == 2
    assert [entry.run is not None for entry in explorer._entries] == [measured, False]
    said = "Stopped. " if isinstance(error, asyncio.CancelledError) and part == "advance" else ""
    if not isinstance(error, asyncio.CancelledError):
        said = f"This does not run: {str(error) or type(error).__name__}. "
    assert explorer.status.startswith(said) and "Measuring" not in explorer.status
    assert ("Training accuracy: plain, 4 layers: " in explorer.status) == measured
    assert "not measured" in repr(explorer)
    assert re.fullmatch(ENDED, lived(explorer, nothing).status)


@pytest.mark.usefixtures("_short")
@pytest.mark.parametrize("state", ["training", "measuring"])
def test_explorer_that_is_closed_at_any_moment_ends_there(state):
    explorer = TrainingExplorer(depth=4, epochs=2)

    async def close():
        await until(1, explorer)
        await until(state, explorer)
        assert explorer.state == state
        explorer.close()
        await asyncio.wait([explorer._task])

    lived(explorer, close)
    assert explorer.state == "resting" and explorer._task.cancelled()
    assert [entry.run for entry in explorer._entries] == [None, None]
    assert {entry.lane.share < 1 for entry in explorer._entries} == {state == "training"}


def test_time_left_is_that_of_the_steps_since_this_start(monkeypatch):
    explorer, lane, said = LesionExplorer(seed=910), SimpleNamespace(share=0.5), []

    def advance():
        lane.share += 1 / 8
        return lane.share < 1

    lane.advance, explorer.state = advance, "training"
    monkeypatch.setattr(tasks, "time", SimpleNamespace(perf_counter=lambda: 80 * lane.share))
    monkeypatch.setattr(explorer, "_update", lambda: said.append(explorer._sentence))
    assert asyncio.run(explorer.take_steps([lane, SimpleNamespace(share=0.1, advance=bool)]))
    assert [sentence.partition(", ")[2] for sentence in said] == [*(f"about {s} s left. " for s in (30, 20, 10)), ""]


@pytest.mark.usefixtures("_short")
def test_start_while_the_last_networks_are_measured_is_none():
    explorer = TrainingExplorer(depth=4, epochs=1)

    async def again():
        await until("measuring", explorer)
        assert_buttons_say(explorer, "measuring")
        assert explorer.status == "Measuring … " and explorer.clear_button.disabled
        press(explorer, "Start")
        assert explorer.state == "measuring" and len(explorer._entries) == 2

    lived(explorer, again)
    assert len(explorer._entries) == 2 and not explorer._finished and "Stopped" not in explorer.status


KERNEL = """
import torch
from skiplib.explorers.training import TrainingExplorer
torch.set_num_threads(1)
explorer = TrainingExplorer(depth=20, epochs=20)
buttons = {"Start": explorer.start_button, "Stop": explorer.stop_button, "Clear": explorer.clear_button}
print({name: button.model_id for name, button in buttons.items()})
"""


class Kernel:
    """A kernel with one explorer in it, whose buttons are pressed by messages, as a page does."""

    def __init__(self, client):
        self.client, self.subshell = client, None
        self.buttons = eval(self.says(KERNEL))
        assert set(self.buttons) == {"Start", "Stop", "Clear"}

    def says(self, code):
        told = []
        self.client.execute_interactive(
            code, timeout=60, output_hook=lambda message: told.append(message["content"].get("text", ""))
        )
        return "".join(told)

    def press(self, name, subshell=None):
        """Click, in the main thread of the kernel or in another one."""
        content = {"comm_id": self.buttons[name], "data": {"method": "custom", "content": {"event": "click"}}}
        message = self.client.session.msg("comm_msg", content)
        message["header"]["subshell_id"] = subshell
        self.client.shell_channel.send(message)

    def new_thread(self):
        """Another thread, such as JupyterLab has one for widgets."""
        message = self.client.session.msg("create_subshell_request", {})
        self.client.control_channel.send(message)
        while (reply := self.client.control_channel.get_msg(timeout=60))["msg_type"] != "create_subshell_reply":
            pass
        return reply["content"]["subshell_id"]

    def rests(self):
        for _ in range(600):
            state, _, rest = self.says("print(explorer.state, explorer.status, repr(explorer), sep='|')").partition(
                "|"
            )
            if state == "resting":
                return rest
            time.sleep(0.1)
        raise AssertionError("it does not come to rest")


@pytest.fixture(scope="module")
def client():
    manager, client = start_new_kernel(kernel_name="python3")
    yield client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


@pytest.mark.parametrize(
    ("gap", "threads"), [(0, (0, 0, 0, 0)), (0.1, (1, 1, 1, 1)), (0.2, (0, 1, 0, 1)), (0.3, (1, 0, 1, 0))]
)
def test_two_clicks_on_stop_in_a_kernel_are_one(client, gap, threads):
    kernel = Kernel(client)
    places = None, kernel.new_thread()
    for name, wait, thread in zip(("Start", "Stop", "Stop", "Clear"), (1, gap, gap, gap), threads, strict=True):
        kernel.press(name, places[thread])
        time.sleep(wait)
    said = kernel.rests()
    if "trained=0" in said:  # the networks were measured before Clear came
        assert said.startswith("Press Start to train.")
    else:
        assert re.match(ENDED[:-2], said) and said.startswith("Stopped. ") and "not measured" not in said
