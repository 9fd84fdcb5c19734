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
