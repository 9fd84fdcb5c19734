import math

import pytest
import torch
from torch import nn

from skiplib.digits import split_digits
from skiplib.networks import make_stack
from skiplib.training import (
    Record,
    Run,
    accuracy,
    finished,
    keep,
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
        ({"lr": 0}, "`lr` must be a positive number, up to 1e30; got 0"),
        ({"lr": True}, "`lr` must be a positive number, up to 1e30; got True"),
        ({"lr": -1}, "`lr` must be a positive number, up to 1e30; got -1"),
        ({"lr": math.nan}, "`lr` must be a positive number"),
        ({"lr": 1e308}, r"`lr` must be a positive number, up to 1e30; got 1e\+308"),
        ({"lr": 10**400}, "`lr` must be a positive number"),
        ({"lr": "0.1"}, "`lr` must be a positive number"),
        ({"images": FEW[0][:0]}, r"`images` must be \(N, C, H, W\) with at least one image; got \(0, 1, 8, 8\)"),
        ({"images": FEW[0][:, 0]}, r"`images` must be \(N, C, H, W\)"),
        ({"labels": FEW[1][:5]}, r"`labels` must be one for each of 200 images; got \(5,\)"),
        ({"seed": -1}, "`seed` must be at least 0; got -1"),
        ({"labels": FEW[1][:, None]}, r"`labels` must be one for each of 200 images; got \(200, 1\)"),
    ],
)
def test_bad_training_is_refused_before_its_first_step(settings, message):
    arguments = {"images": FEW[0], "labels": FEW[1]} | settings
    with pytest.raises(ValueError, match=message):
        train(net_of(), **arguments)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_largest_learning_rate_ends_in_a_loss_that_is_no_number(optimizer):
    net = net_of()
    records = list(train(net, *FEW, lr=1e30, optimizer=optimizer))
    assert len(records) > 1 and not math.isfinite(records[-1].loss)
    assert all(weights.isfinite().all() for weights in net.parameters())  # no step was taken from there


@pytest.mark.parametrize("label", [-100, -1, 10])
def test_label_without_a_score_is_refused_and_nothing_is_learnt_from_it(label):
    net, labels = net_of(), FEW[1].clone()
    labels[5], before = label, flat(net)
    with pytest.raises(ValueError, match=rf"`labels` must be 200 numbers from 0 to 9; got 200: .*{label}"):
        list(train(net, FEW[0], labels, batch_size=200))
    assert torch.equal(flat(net), before)


@pytest.mark.parametrize(("images", "labels"), [(0, 0), (5, 4), (5, 1)])
def test_accuracy_refuses_no_images_and_labels_that_are_not_one_for_each(images, labels):
    with pytest.raises(
        ValueError, match=rf"`labels` must be one for each .* got torch.Size\(\[{labels}\]\) for {images}"
    ):
        accuracy(net_of(), FEW[0][:images], FEW[1][:labels])


@pytest.mark.parametrize("settings", [{}, {"epochs": 3, "batch_size": 500}])
def test_lane_knows_how_much_of_it_is_done(settings):
    lane = make_lane(4, True, 5, **settings)
    assert lane.share == 0 and lane.epochs == settings.get("epochs", 4)
    shares = []
    while lane.advance():
        shares.append(lane.share)
    steps = lane.epochs * math.ceil(1437 / settings.get("batch_size", 64))
    assert shares == pytest.approx([step / steps for step in range(1, steps + 1)]) and shares[-1] == 1


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


def test_network_that_was_trained_elsewhere_and_kept_is_found_by_a_race():
    asked = {"epochs": 1, "channels": 4}
    assert finished(4, True, 9, **asked) is None
    lane = make_lane(4, True, 9, **asked)
    while lane.advance():
        pass
    run = keep(lane, **asked)
    assert finished(4, True, 9, channels=4, epochs=1) is run is next(race([4], seeds=[9], skips=[True], **asked))
    assert run.net is lane.net and keep(lane, **asked) is run
    assert finished(4, False, 9, **asked) is finished(4, True, 9, epochs=1) is None


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


def test_race_table_is_sorted_into_rows_of_seeds():
    runs = list(race([4, 6], seeds=[1, 2], epochs=1, channels=4))
    table = {(run.skip, run.seed, run.depth): run.train_accuracy for run in runs}
    assert race_table(runs) == {
        name: [[table[skip, seed, depth] for depth in (4, 6)] for seed in (1, 2)]
        for name, skip in (("plain", False), ("skip", True))
    }


def test_records_are_plain_numbers():
    record = next(train(net_of(), *FEW))
    assert isinstance(record, Record) and all(type(value) in (int, float) for value in vars(record).values())


def test_optimizer_has_its_own_learning_rate_unless_given():
    rates = [make_optimizer(net_of(), name).param_groups[0]["lr"] for name in ("sgd", "adam")]
    assert rates == [0.02, 0.001]


def test_race_may_be_asked_with_an_iterator_and_knows_settings_in_any_order():
    runs = list(race([4, 6], seeds=iter([1]), epochs=1, channels=4, lr=0.05))
    assert len(runs) == 4
    assert next(race([4], seeds=[1], lr=0.05, channels=4, epochs=1)) is runs[0]
