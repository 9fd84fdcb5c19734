"""What holds for every answer that is run, with numbers alone or with torch."""

import pytest
import test_experiments
import test_trials

from skiplib import experiments, trials
from skiplib.exercises import UNANSWERED

ROOMS = [(trials, test_trials), (experiments, test_experiments)]
TRY, RIGHT, MISTAKES = test_trials.TRY | test_experiments.TRY, [], []
for _, tested in ROOMS:
    RIGHT += tested.RIGHT
    MISTAKES += tested.MISTAKES
OTHERS = [
    (question, other)
    for question, tried in TRY.items()
    for other in ("01.places", "01.keeping", "02.repair_1", "01.nothing")
    if other not in TRY or TRY[other].func is not tried.func
]


@pytest.mark.parametrize(("room", "tested"), ROOMS, ids=["trials", "experiments"])
def test_every_question_for_a_room_is_tested(judges, room, tested):
    asked = {question for question, judge in judges.items() if hasattr(room, judge)}
    right, mistakes = ({question for question, *_ in rows} for rows in (tested.RIGHT, tested.MISTAKES))
    assert asked == set(tested.TRY) == right == mistakes


@pytest.mark.parametrize(("question", "answer", "said"), RIGHT)
def test_right_answer_is_confirmed_with_its_reason(question, answer, said):
    feedback = TRY[question](answer)
    assert feedback.right and said in feedback.message


@pytest.mark.parametrize(("question", "answer", "said"), MISTAKES)
def test_mistake_is_met_by_its_misconception(question, answer, said):
    feedback = TRY[question](answer)
    assert not feedback.right and said in repr(feedback)


@pytest.mark.parametrize("question", TRY)
def test_no_answer_gives_one_fixed_line(question):
    assert repr(TRY[question](None)) == UNANSWERED


@pytest.mark.parametrize("question", TRY)
def test_nonsense_is_met_by_a_friendly_sentence(question, nonsense):
    feedback = TRY[question](nonsense)
    assert not feedback.right and feedback.message.endswith((".", "?"))
    assert "0x" not in repr(feedback)


@pytest.mark.parametrize(("question", "other"), OTHERS)
def test_question_for_another_function_is_refused(question, other):
    tried = TRY[question]
    with pytest.raises(ValueError, match="`question` must"):
        tried.func(other, None, **tried.keywords)
