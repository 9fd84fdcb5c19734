import pytest

from skiplib.exercises import questions_of
from skiplib.explorers import asking
from skiplib.explorers.asking import ask, predictions
from skiplib.explorers.entries import Fields, Toggles, Words, make_entry

LESSONS = {lesson: questions_of(lesson) for lesson in ("00", "01", "02", "03", "04", "05")}
QUESTIONS = [
    f"{lesson}.{name}"
    for lesson, known in LESSONS.items()
    for name in known
    if "ask" in known[name] and "run" not in known[name]
]


@pytest.fixture(autouse=True)
def new_kernel(monkeypatch):
    monkeypatch.setattr(asking, "_memory", asking._Memory())


def press_enter(field):
    field._handle_custom_msg({"event": "submit"}, [])


def type_in(question, *texts):
    for field, text in zip(question.entry.fields, texts, strict=True):
        field.value = text
    press_enter(question.entry.fields[-1])
    return question.feedback


@pytest.mark.parametrize("question", QUESTIONS)
def test_question_says_its_own_words_and_nothing_of_the_answer(question):
    known = LESSONS[question[:2]][question[3:]]
    asked = ask(question)
    assert repr(asked).startswith(f"Question {question}: {known['ask']} [")
    assert repr(asked).endswith("] Not answered yet.")
    shown = repr(asked) + asked.still() + "".join(part.value for part in asked.children if hasattr(part, "value"))
    assert known["reason"] not in shown and known["hint"] not in shown and known["about"]
    asked.close()


def test_number_is_judged_as_check_does_and_may_be_tried_again():
    question = ask("01.places")
    assert type_in(question, "4").message.startswith("One too few")
    assert type_in(question, " 5 ").right and question.entry.fields[0].value == " 5 "
    assert type_in(question, "5.0").mark == "≈ Almost."
    assert type_in(question, "−5").wrong
    for nonsense in ("five", "<img src=x>", "1, 2", "nan"):
        assert type_in(question, nonsense).mark == "≈ Not read."
    assert "<img src=x>" not in question._said.value
    assert repr(type_in(question, "")) == "Not answered yet."


def test_check_button_does_what_enter_does():
    question = ask("01.places")
    question.entry.fields[0].value = "5"
    question.entry.children[0].children[-1].click()
    assert question.feedback.right


def test_tuple_has_a_field_for_each_number():
    question = ask("01.axes")
    assert [field.description for field in question.entry.fields] == ["height", "width"]
    for nothing in ("", "  "):
        assert repr(type_in(question, "4", nothing)) == "Not complete yet: a part is missing."
    assert type_in(question, "6", "4").wrong and type_in(question, "4", "6").right


def test_set_has_toggles_and_may_be_empty():
    question = ask("01.wasteful")
    assert question.entry.answer == set()
    for toggle in question.entry.toggles:
        toggle.value = toggle.description in "BE"
    question.submit()
    assert question.feedback.right


def test_set_of_many_is_typed():
    question = ask("01.kept")
    assert type_in(question, "3 or 4").mark == "≈ Not read."
    assert type_in(question, "3 and 4").right and type_in(question, "n = 3, n = 4").right
    assert type_in(question, "{3, 4}").right and type_in(question, "[3, 4]").right and type_in(question, "4 3").right
    assert type_in(question, "none").wrong and type_in(question, "11").wrong


def test_one_click_answers_in_words_and_a_pair_waits_for_both():
    answers = []
    words = make_entry({"answer": "b", "options": ["a", "b"]})
    words.submit = lambda: answers.append(words.answer)
    words.rows[0].value = "a"
    words.rows[0].value = "b"
    assert answers == ["a", "b"] and isinstance(words, Words)
    pair = make_entry({"answer": ["a", "b"], "options": ["a", "b"], "rows": ["plain", "skip"]})
    pair.submit = lambda: answers.append(pair.answer)
    pair.rows[1].value = "b"
    assert len(answers) == 2
    pair.rows[0].value = "a"
    assert answers[-1] == ("a", "b")
    assert pair.rows[0].tooltips == ("plain: a", "plain: b")


def test_entry_follows_from_the_kind_of_the_answer():
    assert isinstance(make_entry({"size": {}}), Fields)
    assert isinstance(make_entry({"answer": [1], "range": [1, 16]}), Toggles)
    assert isinstance(make_entry({"answer": [1], "range": [1, 17]}), Fields)


def test_predictions_sum_up_the_first_tries_of_this_kernel():
    line = predictions("00")
    assert repr(line) == "Predictions: none of 3 made yet in this kernel."
    question = ask("00.dimension")
    type_in(question, "nothing")  # cannot be read, and so is no try
    assert "none of 3" in repr(line)
    type_in(question, "3")
    type_in(question, "2")
    about = LESSONS["00"]["dimension"]["about"]
    one = f"Predictions: you had 0 of 1 right at the first try; look again at {about}."
    assert repr(line) == f"{one} 2 more wait in this lesson."
    type_in(ask("00.other_size"), "51.0")
    assert "1 of 2 right" in repr(line) and "1 of 2 right" in line.children[0].value
    line.close()
    type_in(ask("00.branch_shape"), "1", "3", "32", "32")
    missed = [LESSONS["00"][name]["about"] for name in ("branch_shape", "dimension")]
    assert f"1 of 3 right at the first try; look again at {', '.join(missed)}." in repr(line)
    assert "wait" not in repr(line)


def test_closing_gives_back_every_widget_and_may_come_twice():
    question, line = ask("01.axes"), predictions("01")
    parts = [question, line, question.entry, *question.entry.fields]
    for _ in range(2):
        question.close()
        line.close()
    assert all(part.comm is None for part in parts)


@pytest.mark.parametrize(("question", "said"), [("01.nothing", "must name a question"), ("01.formula", "for `try_")])
def test_what_is_no_question_is_refused(question, said):
    with pytest.raises(ValueError, match=said):
        ask(question)
