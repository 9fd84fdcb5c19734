import asyncio
import itertools
import math
import time

import pytest
import torch
from torch import nn

from skiplib.curves import Curve, draw_training, race_plot, running_mean, share_in_words, training_plot, trust_plot
from skiplib.digits import split_digits
from skiplib.directions import gradient_trust
from skiplib.explorers.progress import Progress
from skiplib.explorers.training import TrainingExplorer
from skiplib.figures import make_figure
from skiplib.networks import make_stack
from skiplib.training import (
    Record,
    Run,
    accuracy,
    make_lane,
    make_optimizer,
    race,
    race_table,
    train,
)

SPLIT = split_digits()
FEW = SPLIT.images[:200], SPLIT.labels[:200]


def net_of(depth=4, **settings):
    return make_stack(depth, **{"channels": 4, "skip": True, "seed": 172} | settings)


def losses(run):
    return [record.loss for record in run.records]


def flat(net):
    return torch.cat([parameter.detach().flatten() for parameter in net.parameters()])


@pytest.mark.parametrize("mode", [True, False])
def test_accuracy_is_measured_in_evaluation_mode_and_leaves_the_mode_as_it_was(mode):
    net = net_of(norm="batch")
    list(train(net, *FEW, epochs=1))
    net.train(mode)
    buffers = {name: buffer.clone() for name, buffer in net.named_buffers()}
    ours = accuracy(net, *FEW)
    assert net.training is mode
    assert all(torch.equal(buffers[name], buffer) for name, buffer in net.named_buffers())
    net.eval()
    assert ours == (net(FEW[0]).argmax(1) == FEW[1]).double().mean().item()


def test_every_step_is_taken_in_training_mode():
    net, other = net_of(norm="batch"), net_of(norm="batch")
    net.eval()
    losses = [record.loss for record in train(net, *FEW, epochs=1)]
    watched = []
    for record in train(other, *FEW, epochs=1):
        watched.append(record.loss)
        other.eval()  # as a look at the accuracy might leave it
    assert losses == watched and net.training
    assert next(layer for layer in net.modules() if isinstance(layer, nn.BatchNorm2d)).num_batches_tracked == 4


def test_small_network_learns_the_digits():
    net = net_of(channels=8)
    assert accuracy(net, SPLIT.images, SPLIT.labels) < 0.3
    records = list(train(net, SPLIT.images, SPLIT.labels))
    assert len(records) == 4 * math.ceil(1437 / 64) and records[-1].epoch == 4
    assert accuracy(net, SPLIT.images, SPLIT.labels) > 0.95
    assert accuracy(net, SPLIT.test_images, SPLIT.test_labels) > 0.9


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_training_equals_a_loop_by_hand(optimizer):
    ours, theirs = net_of(norm="batch"), net_of(norm="batch")
    records = list(train(ours, *FEW, epochs=2, batch_size=60, optimizer=optimizer, lr=0.01, seed=3))
    step = torch.optim.Adam if optimizer == "adam" else torch.optim.SGD
    optimizer = step(theirs.parameters(), lr=0.01, **({} if optimizer == "adam" else {"momentum": 0.9}))
    generator, losses, gradients = torch.Generator().manual_seed(3), [], []
    for _ in range(2):
        order = torch.randperm(200, generator=generator)
        for start in (0, 60, 120, 180):
            batch = order[start : start + 60]
            loss = nn.functional.cross_entropy(theirs(FEW[0][batch]), FEW[1][batch])
            optimizer.zero_grad()
            loss.backward()
            losses.append(loss.item())
            gradients.append(theirs.stem[0].weight.grad.norm().item())
            optimizer.step()
    assert [record.loss for record in records] == losses
    assert [record.gradient for record in records] == pytest.approx(gradients)
    assert torch.equal(flat(ours), flat(theirs))


@pytest.mark.parametrize(
    ("share", "words"),
    [(0.499, "below 50 %"), (0.5, "50 to 90 %"), (0.899, "50 to 90 %"), (0.9, "above 90 %"), (1.0, "above 90 %")],
)
def test_shares_in_words_change_at_50_and_90_percent(share, words):
    assert share_in_words(share) == words


def test_one_seed_gives_one_result_and_another_seed_another():
    def losses(seed):
        return [record.loss for record in train(net_of(), *FEW, epochs=1, seed=seed)]

    assert losses(1) == losses(1) != losses(2)


def test_training_stops_where_its_reader_stops():
    net, before = net_of(), flat(net_of())
    steps = train(net, *FEW)
    next(steps)
    assert torch.equal(flat(net), before)  # the first record comes before the first step
    next(steps)
    there = flat(net)
    steps.close()
    assert not torch.equal(there, before) and torch.equal(flat(net), there)


def test_loss_that_is_not_finite_ends_the_training_with_a_record_that_says_so():
    records = list(train(net_of(50, init="he", channels=8), SPLIT.images, SPLIT.labels))
    assert not math.isfinite(records[-1].loss) and len(records) < 92
    assert all(math.isfinite(record.loss) for record in records[:-1])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epochs": 0}, "`epochs` must be"),
        ({"batch_size": 0}, "`batch_size` must be"),
        ({"optimizer": "lbfgs"}, "`optimizer` must be one of sgd, adam; got 'lbfgs'"),
        ({"lr": 0}, "`lr` must be a positive number; got 0"),
        ({"lr": True}, "`lr` must be a positive number; got True"),
        ({"lr": -1}, "`lr` must be a positive number; got -1"),
        ({"lr": math.nan}, "`lr` must be a positive number"),
        ({"lr": "0.1"}, "`lr` must be a positive number"),
        ({"images": FEW[0][:0]}, r"`images` must be \(N, C, H, W\) with at least one image; got \(0, 1, 8, 8\)"),
        ({"images": FEW[0][:, 0]}, r"`images` must be \(N, C, H, W\)"),
        ({"labels": FEW[1][:5]}, r"`labels` must be one for each of 200 images; got \(5,\)"),
        ({"labels": FEW[1][:, None]}, r"`labels` must be one for each of 200 images; got \(200, 1\)"),
    ],
)
def test_bad_training_is_refused_before_its_first_step(settings, message):
    arguments = {"images": FEW[0], "labels": FEW[1]} | settings
    with pytest.raises(ValueError, match=message):
        train(net_of(), **arguments)


@pytest.mark.parametrize("depth", [1, 5])
def test_race_refuses_a_depth_that_no_network_has(depth):
    with pytest.raises(ValueError, match="`depth` must be"):
        list(race([depth], seeds=[172]))


def test_race_gives_every_run_once_and_remembers_them():
    asked = {"seeds": [1, 2], "epochs": 1, "channels": 4}
    runs = list(race([4, 6], **asked))
    assert [(run.depth, run.skip, run.seed) for run in runs] == [
        (depth, skip, seed) for depth in (4, 6) for skip in (False, True) for seed in (1, 2)
    ]
    again = list(race([6], skips=[True], **asked))
    assert [id(run) for run in again] == [id(run) for run in runs[6:]]
    (other,) = race([6], skips=[True], seeds=[2], epochs=1, channels=4, lr=0.01)
    assert other.records != runs[7].records


def test_run_is_a_training_with_its_seed_measured_on_both_parts():
    (run,) = race([4], seeds=[5], skips=[True], epochs=1, channels=4)
    net = net_of(seed=5)
    assert losses(run) == [record.loss for record in train(net, SPLIT.images, SPLIT.labels, epochs=1, seed=5)]
    assert torch.equal(flat(run.net), flat(net))
    assert run.train_accuracy == accuracy(net, SPLIT.images, SPLIT.labels)
    assert run.test_accuracy == accuracy(net, SPLIT.test_images, SPLIT.test_labels) != run.train_accuracy


def test_plain_networks_of_a_race_have_no_use_for_alpha():
    asked = {"seeds": [5], "epochs": 1, "channels": 4}
    (plain, skip), (scaled_plain, scaled_skip) = (list(race([6], alpha=alpha, **asked)) for alpha in (1, 0.3))
    assert losses(scaled_plain) == losses(plain) and losses(scaled_skip) != losses(skip)


@pytest.mark.parametrize(("loss", "diverged"), [(0.5, False), (math.inf, True), (math.nan, True)])
def test_run_whose_last_loss_is_not_finite_has_diverged(loss, diverged):
    records = (Record(1, 0.5, 1.0, 0.1, 0.1, 0.1), Record(2, 1.0, loss, 0.1, 0.1, 0.2))
    assert Run(4, True, 172, records, 0.1, 0.1, net_of()).diverged is diverged


def test_race_keeps_its_networks_without_their_gradients():
    (run,) = race([4], seeds=[5], skips=[True], epochs=1, channels=4)
    assert all(parameter.grad is None for parameter in run.net.parameters()) and "Stack" not in repr(run)


def test_lane_is_measured_on_its_way_and_goes_on_as_if_it_had_not_been():
    lane = make_lane(4, True, 5, epochs=1, channels=4)
    assert lane.advance() and lane.advance()
    early = lane.finish()
    while lane.advance():
        pass
    (run,) = race([4], seeds=[5], skips=[True], epochs=1, channels=4)
    late = lane.finish()
    assert losses(early) == losses(run)[:2] and losses(late) == losses(run) and not lane.advance()
    assert early.train_accuracy < late.train_accuracy == run.train_accuracy


def test_race_that_is_interrupted_keeps_what_was_done():
    asked = {"seeds": [7, 8], "skips": [True], "epochs": 1, "channels": 4}
    first = next(race([4], **asked))
    assert next(race([4], **asked)) is first


def test_deep_networks_end_as_the_lesson_says():
    (plain,) = race([20], seeds=[172], skips=[False])
    (skip,) = race([20], seeds=[172], skips=[True])
    assert plain.train_accuracy < 0.15 < 0.95 < skip.train_accuracy and not plain.diverged
    assert plain.records[0].gradient < 1e-7 < 0.01 < skip.records[0].gradient


def test_accuracy_counts_and_leaves_the_mode():
    class Always(nn.Module):
        def forward(self, x):
            return nn.functional.one_hot(torch.full((len(x),), 3), 10)

    net = Always()
    assert accuracy(net, SPLIT.images, SPLIT.labels) == (SPLIT.labels == 3).double().mean().item() and net.training


def test_trust_on_a_quadratic_is_what_algebra_says():
    class Scores(nn.Module):
        def __init__(self):
            super().__init__()
            self.w = nn.Parameter(torch.tensor([3.0, 4.0]))

        def forward(self, x):
            return x * self.w

    net, x, label = Scores(), torch.ones(1, 2), torch.tensor([0])

    def gradient(w):
        p = torch.softmax(w, 0)
        return torch.stack([p[0] - 1, p[1]])

    w = net.w.detach()
    there = w - 0.5 * w.norm() * gradient(w) / gradient(w).norm()
    trust = gradient_trust(net, x, label, length=0.5)
    expected = nn.functional.cosine_similarity(gradient(w), gradient(there), dim=0).item()
    assert trust.cosine == pytest.approx(expected, rel=1e-5)
    change = torch.log_softmax(w, 0)[0] - torch.log_softmax(there, 0)[0]
    assert trust.loss_change == pytest.approx(change.item(), rel=1e-5)


def test_trust_leaves_the_network_as_it_was():
    net = net_of(norm="batch")
    before = {name: value.clone() for name, value in net.state_dict().items()}
    gradient_trust(net, *FEW, length=0.1)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert all(parameter.grad is None for parameter in net.parameters())


def test_gradient_of_a_deep_plain_network_cannot_be_trusted():
    plain, skip = (make_stack(50, channels=8, skip=flag, init="he", norm="batch", seed=172) for flag in (False, True))
    assert abs(gradient_trust(plain, *FEW).cosine) < 0.3 < 0.95 < gradient_trust(skip, *FEW).cosine


@pytest.mark.parametrize("length", [0, -1, math.inf, math.nan])
def test_trust_refuses_a_bad_length(length):
    with pytest.raises(ValueError, match="`length` must be a positive number"):
        gradient_trust(net_of(), *FEW, length=length)


def curve(kind="plain", label="plain, 4 layers", *, accuracies=(0.0, 0.5), current=True):
    return Curve(kind, label, (0.5, 1.0), accuracies, (1e-3, 0.0), current)


def test_training_is_drawn_in_percent_and_powers_of_ten_with_names_apart():
    _, (above, below) = make_figure(3, 2)
    curves = [curve(), curve("skip", "skip, 4 layers"), curve("skip", "old", current=False)]
    draw_training(above, below, curves, epochs=2)
    assert list(above.lines[0].get_ydata()) == [0, 25]
    assert list(below.lines[0].get_ydata()) == [-3, -47]
    assert above.lines[0].get_linewidth() > above.lines[2].get_linewidth()
    names = {text.get_text(): text.xy[1] for text in above.texts}
    heights = sorted(names.values())
    assert set(names) == {each.label for each in curves}
    assert all(high - low >= 8 for low, high in itertools.pairwise(heights))


def test_only_the_last_finished_curves_stay_in_the_picture():
    curves = [curve(label=f"old {number}", current=False) for number in range(30)]
    plot = training_plot([*curves, curve()], epochs=1)
    assert "old 29" in plot.alt and "old 21" not in plot.alt and "plain, 4 layers below 50 %" in plot.alt


def test_plots_say_what_they_show_in_coarse_words():
    assert training_plot([], epochs=1).alt.endswith("Nothing trained yet.")
    plot = race_plot([4, 20], plain=[[0.97, 0.11], [0.95, 0.10], [0.91, 0.3]], skip=[[0.97, 0.7]])
    assert "4, 20 layers" in plot.alt and "plain: above 90 %, below 50 %; skip: above 90 %, 50 to 90 %" in plot.alt
    (ax,) = plot.figure.axes
    assert list(ax.lines[0].get_ydata()) == [95, 11] and ax.lines[0].get_linestyle() != ax.lines[1].get_linestyle()
    plot = trust_plot([0.001, 0.01], plain=[[0.1, 0], [-0.1, 0]], skip=[[0.99, 0.5]])
    assert "step of 0.001: plain near 0, skip near 1" in plot.alt


def test_race_table_is_sorted_into_rows_of_seeds():
    runs = list(race([4, 6], seeds=[1, 2], epochs=1, channels=4))
    table = {(run.skip, run.seed, run.depth): run.train_accuracy for run in runs}
    assert race_table(runs) == {
        name: [[table[skip, seed, depth] for depth in (4, 6)] for seed in (1, 2)]
        for name, skip in (("plain", False), ("skip", True))
    }


def test_running_mean_of_less_than_a_window_takes_what_there_is():
    assert running_mean([2.0, 4.0], window=12) == [2.0, 3.0] and running_mean([]) == []


def lived(explorer, script):
    """Run a coroutine in an event loop, as a kernel has one."""

    async def main():
        async with asyncio.timeout(60):
            explorer.start_button.click()
            await script()
            while explorer.training:
                await asyncio.sleep(0.01)

    asyncio.run(main())
    return explorer


async def nothing():
    pass


def test_nothing_is_trained_before_start():
    explorer = TrainingExplorer(depth=100)
    assert not explorer.training and explorer.stop_button.disabled and not explorer.start_button.disabled
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
    assert not explorer.training and not explorer.start_button.disabled
    assert "skip, 4 layers" in explorer._picture.value


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
    assert "stopped at step" in explorer._details.value and "skip, 50 layers" in explorer._picture.value
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
    monkeypatch.setattr(explorer, "_say_progress", lambda: 1 / 0)
    lived(explorer, nothing)
    monkeypatch.undo()
    assert not explorer.start_button.disabled
    assert "Training accuracy: plain, 4 layers" in lived(explorer, nothing).status


def test_explorer_that_is_closed_stops_its_training():
    explorer = TrainingExplorer(depth=50, epochs=20)

    async def close_soon():
        await asyncio.sleep(0.5)
        explorer.close()

    lived(explorer, close_soon)
    assert all(0 < len(entry.lane.records) < entry.total for entry in explorer._entries)
    assert len(explorer._entries) == 2


def test_progress_counts_what_is_taken():
    bar = Progress("abc", total=3, unit="letters")
    seen = [(letter, bar.bar.value, bar.words.value) for letter in bar]
    assert seen == [(letter, n, f"{n} of 3 letters") for n, letter in enumerate("abc", 1)]


def test_finished_curves_stay_until_they_are_cleared():
    explorer = lived(TrainingExplorer(depth=4, epochs=1, network="plain"), nothing)
    explorer.controls["depth"].value = 6
    assert "plain, 4 layers" in explorer._picture.value  # a moved control loses no curve
    lived(explorer, nothing)
    assert "plain, 4 layers" in explorer._picture.value and "plain, 6 layers" in explorer._picture.value
    assert explorer._details.value.count("<tr>") == 3
    explorer.clear_button.click()
    assert "layers" not in explorer._picture.value and "Press Start" in explorer.status
    assert explorer.clear_button.disabled


def test_training_that_diverges_says_so():
    explorer = lived(TrainingExplorer(depth=50, init="he", network="skip"), nothing)
    assert "loss not finite at step" in explorer.status and "loss not finite" in explorer._details.value


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


def test_records_are_plain_numbers():
    record = next(train(net_of(), *FEW))
    assert isinstance(record, Record) and all(type(value) in (int, float) for value in vars(record).values())


def test_optimizer_has_its_own_learning_rate_unless_given():
    rates = [make_optimizer(net_of(), name).param_groups[0]["lr"] for name in ("sgd", "adam")]
    assert rates == [0.02, 0.001]
