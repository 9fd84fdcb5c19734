import ipywidgets as widgets
import pytest

from explorers.moving import alive
from skiplib.explorers import cells
from skiplib.explorers.cells import progress


@pytest.fixture
def shown(monkeypatch):
    bundles = []
    monkeypatch.setattr(cells, "display", lambda bundle, raw: bundles.append(bundle))
    return bundles


def test_progress_counts_what_is_taken(shown):
    before = alive()
    seen = []
    for letter in progress("abc", total=3, unit="letters"):
        new = alive() - before
        (bar,) = [each for each in new if isinstance(each, widgets.IntProgress)]
        (words,) = [each for each in new if isinstance(each, widgets.Label)]
        seen.append((letter, bar.value, words.value))
    assert seen == [(letter, n, f"{n} of 3 letters") for n, letter in enumerate("abc", 1)]


def test_progress_stores_the_same_words_at_every_run_and_a_bar_that_lives(shown):
    list(progress("abc", total=3, unit="letters"))
    (bundle,) = shown
    assert bundle["text/plain"] == "Progress: 3 letters" and "application/vnd.jupyter.widget-view+json" in bundle
