import re
from functools import partial

import pytest

from skiplib.exercises import texts
from skiplib.experiments import measured_nets
from skiplib.explorers import asking
from skiplib.explorers.fates import FatesExplorer
from skiplib.words import FATES

HE = partial(FatesExplorer, "03.he", init="he")


@pytest.fixture(autouse=True)
def new_kernel(monkeypatch):
    monkeypatch.setattr(asking, "_memory", asking._Memory())


def guess(explorer, *fates):
    for row, fate in zip(explorer.entry.rows, fates, strict=True):
        row.value = fate


def said(explorer):
    return re.search('aria-label="([^"]*)"', explorer._picture.value).group(1)


def measure(explorer):
    explorer.entry.children[0].children[-1].click()
    return explorer.feedback


def test_nothing_is_measured_or_judged_before_the_button():
    explorer = HE()
    assert said(explorer) == "A guess: none yet."
    guess(explorer, None, "explodes")
    assert said(explorer) == "A guess: skip explodes."
    assert (
        repr(measure(explorer)) == "Not complete yet: a part is missing."
        and said(explorer) == "A guess: skip explodes."
    )
    guess(explorer, "vanishes", "explodes")
    assert said(explorer) == "A guess: plain vanishes, skip explodes." and not explorer.feedback.read
    assert asking._memory.first == {}


def test_measure_draws_over_the_guess_and_judges_it_and_the_guess_may_change():
    explorer = HE()
    guess(explorer, "vanishes", "explodes")
    assert measure(explorer).message.startswith("Skip is right, plain is not.")
    curves = "Gradient of activations, from left to right: plain 0.1 to 1, skip 1e3 to 1."
    assert said(explorer) == f"{curves} A guess: plain vanishes, skip explodes."
    guess(explorer, "holds", "explodes")
    assert said(explorer) == f"{curves} A guess: plain holds, skip explodes." and not explorer.feedback.read
    assert measure(explorer).right and asking._memory.first == {"03.he": False}
    explorer.close()
    assert explorer.comm is None and explorer._picture.comm is None


def test_it_measures_what_the_gradient_explorer_shows():
    explorer = HE()
    guess(explorer, "holds", "explodes")
    measure(explorer)
    assert explorer._gradients == measured_nets(50, init="he").relative()
    assert len(explorer._gradients["plain"]) == 8 and len(explorer._gradients["skip"][0]) == 25


@pytest.mark.parametrize("question", ["sigmoid", "he", "scaled", "batch", "tanh"])
def test_places_of_the_question_are_those_of_the_judge(question):
    assert texts(f"03.{question}", "try_fates")["options"] == list(FATES)


def test_every_guess_has_its_zone():
    explorer, zones = HE(), []
    for fate in FATES:
        guess(explorer, fate, fate)
        zones.append(explorer._picture.value)
    assert len(set(zones)) == 3


def test_question_for_check_is_refused():
    with pytest.raises(ValueError, match="for `check`"):
        FatesExplorer("03.product")
