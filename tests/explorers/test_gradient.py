import pytest

from skiplib.digits import first_digits
from skiplib.explorers import gradient
from skiplib.explorers.gradient import GradientExplorer
from skiplib.gradients import compare, median_ratio
from skiplib.words import magnitude


def test_gradient_explorer_says_what_vanishes_and_what_explodes():
    default = GradientExplorer(seeds=2)
    assert default.status.startswith("Plain: the first block receives 1e-")
    assert "In theory, with q = 0.15 for a block: plain 1e-20, skip 1." in default._details.value
    he = GradientExplorer(seeds=2, init="he")
    assert "times what the last one does." in he.status and "In theory, with q = 0.92" in he._details.value
    sigmoid = GradientExplorer(depth=100, activation="sigmoid", seeds=1)
    assert sigmoid.status.startswith(
        "Plain: the first block receives no gradient, or less than single precision can hold."
    )
    assert "below 1e-45" in sigmoid._picture.value


def test_gradient_explorer_explains_what_does_not_run():
    explorer = GradientExplorer(depth=6, seeds=1)
    good = explorer._picture.value
    explorer.controls["depth"].value = 7
    assert "`depth` must be even" in explorer.status and good in explorer._picture.value


def test_gradient_explorer_says_that_it_computes_before_a_long_picture():
    explorer, said = GradientExplorer(depth=6, seeds=1), []
    explorer._status.observe(lambda change: said.append(change["new"]), "value")
    explorer.controls["depth"].value = 8
    assert len(said) <= 1 and not any("Computing" in sentence for sentence in said)
    explorer.controls["depth"].value = 100
    explorer.controls["seeds"].value = 2
    assert "Computing …" in said[-2] and "Computing" not in said[-1]


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


def test_gradient_explorer_measures_as_many_networks_as_it_says(monkeypatch):
    asked = []
    monkeypatch.setattr(
        gradient, "compare", lambda depth, **settings: asked.append(settings) or compare(depth, **settings)
    )
    GradientExplorer(depth=10, seeds=3, channels=4)
    assert [list(settings["seeds"]) for settings in asked] == [[172, 173, 174]] and asked[0]["channels"] == 4


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"depth": 101}, "`depth` must lie between 2 and 100"),
        ({"init": "random"}, "`init` must be one of default, xavier, he, zero"),
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
