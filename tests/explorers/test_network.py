import pytest

from skiplib.explorers.gradient import GradientExplorer

SMALL = {"depth": 10, "seeds": 1, "channels": 4}


@pytest.mark.parametrize(
    ("alpha", "said", "value"), [(1, "1", 1.0), ("1/sqrt(n)", "1/sqrt(n)", 0.5), (0.3, "any", 0.3)]
)
def test_alpha_is_a_word_or_any_number_and_comes_back_from_its_settings(alpha, said, value):
    explorer = GradientExplorer(alpha=alpha, **SMALL)
    assert explorer.controls["alpha"].value == said and explorer.alpha == value
    assert explorer.settings["alpha"] == alpha and f"alpha={alpha!r}," in repr(explorer)


def test_any_alpha_that_is_1_is_said_as_it_is_taken():
    explorer = GradientExplorer(**SMALL)
    before = repr(explorer)
    explorer.controls["alpha"].value = "any"
    assert repr(explorer) == before == repr(GradientExplorer(**explorer.settings)) and "alpha=1," in before
    assert repr(GradientExplorer(**SMALL, alpha=1.0)) == before
    explorer.controls["any_alpha"].value = 0.0
    assert "alpha=0.0," in repr(explorer) and repr(GradientExplorer(**explorer.settings)) == repr(explorer)


@pytest.mark.parametrize("typed", [99, 3])
def test_typed_depth_between_two_steps_is_kept_and_said_not_to_run(typed):
    explorer = GradientExplorer(**SMALL)
    picture = explorer._picture.value
    explorer.controls["depth"].box.value = typed
    said = f"`depth` must be even: stem, two layers a block, head; got {typed}"
    assert explorer.status == f"This does not run: {said}." and f"depth={typed}," in repr(explorer)
    assert explorer._picture.value == f'<div style="opacity:.3">{picture}</div>'
    assert repr(GradientExplorer(**explorer.settings)) == repr(explorer)


def test_typed_channels_between_two_steps_are_taken_unless_the_norm_divides_them():
    explorer = GradientExplorer(**SMALL)
    explorer.controls["channels"].box.value = 11
    assert "channels=11," in repr(explorer) and repr(GradientExplorer(**explorer.settings)) == repr(explorer)
    explorer.controls["norm"].value = "group"
    assert (
        explorer.status == "This does not run: `num_groups` must divide the channels that it normalises, 11; got 4."
    )


def test_slider_for_alpha_shows_only_where_it_counts():
    explorer = GradientExplorer(**SMALL)
    assert explorer.controls["any_alpha"].layout.display == "none"
    explorer.controls["alpha"].value = "any"
    assert explorer.controls["any_alpha"].layout.display == ""


@pytest.mark.parametrize(
    ("alpha", "message"),
    [("1/n", "`alpha` must be a number or '1/sqrt"), (2, "`any_alpha` must lie between 0 and 1")],
)
def test_bad_alpha_is_named(alpha, message):
    with pytest.raises(ValueError, match=message):
        GradientExplorer(alpha=alpha, **SMALL)
