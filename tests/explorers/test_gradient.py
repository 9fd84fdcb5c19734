import asyncio
import re

import pytest

from explorers.moving import comes_to_rest
from skiplib.digits import first_digits
from skiplib.explorers import gradient, resting
from skiplib.explorers.gradient import GradientExplorer
from skiplib.gradients import compare, median_ratio
from skiplib.words import magnitude


def test_gradient_explorer_says_what_vanishes_and_what_explodes():
    default = GradientExplorer(seeds=2)
    assert default.status.startswith("Plain: the stem receives 1e-")
    assert "In theory, with q = 0.15 for a block: plain 1e-20, skip 1." in default._details.value
    he = GradientExplorer(seeds=2, init="he")
    assert "times what the last block does." in he.status and "In theory, with q = 0.92" in he._details.value
    sigmoid = GradientExplorer(depth=100, activation="sigmoid", seeds=1)
    assert sigmoid.status.startswith("Plain: the stem receives no gradient, or less than single precision can hold.")
    assert "0 in single precision" in sigmoid._picture.value


def test_gradient_explorer_explains_what_does_not_run():
    explorer = GradientExplorer(depth=6, seeds=1)
    good = explorer._picture.value
    explorer.controls["depth"].value = 7
    assert "`depth` must be even" in explorer.status and good in explorer._picture.value


def asked(monkeypatch):
    """The seeds that are measured from now on, in order."""
    seeds = []
    monkeypatch.setattr(
        gradient, "compare", lambda depth, **each: seeds.append(each["seeds"]) or compare(depth, **each)
    )
    gradient._compared.cache_clear()
    return seeds


def test_gradient_explorer_measures_one_seed_while_it_moves_and_all_when_it_rests(monkeypatch):
    seeds = asked(monkeypatch)
    monkeypatch.setattr(resting, "_REST", 3)  # seconds: not on the way, however busy the machine is

    async def drag():
        explorer = GradientExplorer(depth=6, channels=4, seeds=7)
        assert seeds == [range(172, 173), range(173, 177), range(177, 179)] and not explorer.moving
        del seeds[:]
        for depth in (8, 10, 12):
            explorer.controls["depth"].value = depth
            assert explorer.moving and "One seed" in explorer._details.value
            await asyncio.sleep(0.05)
        assert seeds == [range(172, 173)] * 3 and 'class="band"' not in explorer._picture.value
        await comes_to_rest(explorer)
        assert seeds[3:] == [range(173, 177), range(177, 179)] and not explorer.moving
        return explorer

    explorer, whole = asyncio.run(drag()), GradientExplorer(depth=12, channels=4, seeds=7)
    assert "One seed" not in explorer._details.value and repr(explorer) == repr(whole)
    assert (explorer.status, explorer.shown.picture.alt) == (whole.status, whole.shown.picture.alt)


def test_what_is_stored_is_whole_even_while_it_moves():
    async def move(say):
        explorer = GradientExplorer(depth=6, channels=4, init="he", seeds=5)
        explorer.controls["depth"].value = 40
        assert explorer.moving
        said = say(explorer)
        assert not explorer.moving
        return said, say(GradientExplorer(depth=40, channels=4, init="he", seeds=5))

    for say in (repr, lambda explorer: re.sub('<path class="ghost"[^>]*>', "", explorer.shown.picture.svg)):
        stored, fresh = asyncio.run(move(lambda explorer, say=say: (explorer.still(), say(explorer))[1]))
        assert stored == fresh


def test_ghost_is_where_the_explorer_last_rested():
    async def drag():
        explorer = GradientExplorer(depth=10, channels=4, seeds=1)
        rested = explorer.drawn
        assert "ghost" not in explorer._picture.value
        for depth in (12, 14):
            explorer.controls["depth"].value = depth
            assert explorer.ghost is rested and 'class="ghost"' in explorer._picture.value
        await comes_to_rest(explorer)
        assert explorer.ghost is rested
        rested = explorer.drawn
        explorer.controls["depth"].value = 20
        assert explorer.ghost is rested

    asyncio.run(drag())


def test_explorer_that_is_closed_while_it_moves_measures_no_more(monkeypatch):
    seeds = asked(monkeypatch)

    async def close():
        explorer = GradientExplorer(depth=6, channels=4, seeds=3)
        explorer.controls["depth"].value = 8
        explorer.close()
        del seeds[:]
        await asyncio.sleep(0.5)

    asyncio.run(close())
    assert seeds == []


def test_setting_that_is_refused_while_it_moves_stays_refused_and_another_one_runs():
    async def move():
        explorer = GradientExplorer(depth=6, channels=4, seeds=2, order="article")
        explorer.controls["init"].value = "zero"
        await comes_to_rest(explorer)
        assert "`init` must not be 'zero' with `order`='article'" in explorer.status and not explorer.moving
        explorer.controls["order"].value = "original"
        await comes_to_rest(explorer)
        assert explorer.status.startswith("Plain: ") and not explorer.moving

    asyncio.run(move())


@pytest.mark.parametrize("order", ["original", "article"])
@pytest.mark.parametrize("precision", ["half", "bfloat16"])
def test_order_and_precision_reach_what_is_measured(order, precision):
    images, labels = first_digits(4)
    settings = {"order": order, "precision": precision, "channels": 8}
    nets = compare(20, seeds=[172], images=images, labels=labels, **settings)
    explorer = GradientExplorer(depth=20, seeds=1, **settings)
    assert explorer.drawn.activations == nets.relative()
    assert explorer.shown.result["skip"] == magnitude(median_ratio(nets.skip))
    assert "In theory" not in explorer._details.value  # q is that of pre-activation


def test_what_does_not_fit_into_a_precision_is_said():
    he = GradientExplorer(depth=100, init="he", precision="half", seeds=1)
    assert re.search(r"Too large for half precision: skip from block \d+ on\.", he._details.value)
    default = GradientExplorer(depth=50, precision="half", seeds=1)
    assert (
        "or less than half precision can hold" in default.status and "0 in half precision" in default._picture.value
    )
    assert "Too large" not in default._details.value


def test_share_of_relus_that_are_off_is_said_where_there_are_any():
    explorer = GradientExplorer(depth=10, seeds=1)
    off = [explorer.drawn.off[kind][0] for kind in ("plain", "skip")]
    said = [f"{min(each):.0%} to {max(each):.0%} ({kind})" for each, kind in zip(off, ("plain", "skip"), strict=True)]
    assert f"ReLUs that are off, by block: {', '.join(said)}." in explorer._details.value
    assert "ReLUs" not in GradientExplorer(depth=10, seeds=1, activation="tanh")._details.value


def test_gradient_explorer_shows_the_median_of_its_seeds_and_of_what_is_asked():
    images, labels = first_digits(4)
    nets = compare(30, init="he", seeds=range(172, 174), images=images, labels=labels)
    for quantity in ("activations", "weights"):
        result = GradientExplorer(depth=30, init="he", seeds=2, gradient_of=quantity).shown.result
        assert result == {
            "plain": magnitude(median_ratio(nets.plain, quantity)),
            "skip": magnitude(median_ratio(nets.skip, quantity)),
        }
    assert magnitude(median_ratio(nets.skip, "weights")) != magnitude(median_ratio(nets.skip))


@pytest.mark.parametrize(("seeds", "measured"), [(1, [1]), (3, [1, 2]), (16, [1, 4, 4, 4, 3])])
def test_gradient_explorer_measures_as_many_networks_as_it_says(monkeypatch, seeds, measured):
    ranges = asked(monkeypatch)
    GradientExplorer(depth=4, seeds=seeds, channels=4)
    assert [len(each) for each in ranges] == measured
    assert [seed for each in ranges for seed in each] == list(range(172, 172 + seeds))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"depth": 101}, "`depth` must lie between 2 and 100"),
        ({"init": "random"}, "`init` must be one of default, xavier, he, zero"),
        ({"order": "random"}, "`order` must be one of pre-activation, original, article"),
        ({"precision": "double"}, "`precision` must be one of single, half, bfloat16"),
        ({"gradient_of": "losses"}, "`gradient_of` must be one of activations, weights"),
    ],
)
def test_bad_starting_value_is_named(settings, message):
    with pytest.raises(ValueError, match=message):
        GradientExplorer(**settings)


def test_gradient_explorer_says_how_much_the_last_block_still_tells_digits_apart():
    images, labels = first_digits(4)
    nets = compare(10, seeds=[172], images=images, labels=labels)
    shares = [f"{profiles[0].spreads[-1]:.0%} of the size (plain)" for profiles in (nets.plain,)]
    assert shares[0] in GradientExplorer(depth=10, seeds=1)._details.value


def test_nothing_is_said_of_activations_that_are_no_numbers():
    details = GradientExplorer(depth=100, init="he", precision="half", seeds=1).shown.details
    assert "Too large for half precision: skip from block" in details
    assert "digits still differ" not in details and "0% to" not in details
