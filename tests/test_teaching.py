"""The teacher's guide: its questions are today's, and what it says of explorers is what they say."""

import ast
import re
from html import unescape

import pytest
from teaching import GUIDE, ROOT, cells_of, places, written

from skiplib.explorers.base import Explorer
from skiplib.training import race

TEXT = GUIDE.read_text(encoding="utf-8")
BY_HAND = re.sub("(?s)<!-- questions .*?<!-- end -->", "", TEXT)
LESSONS = dict(re.findall(r"(?ms)^## (\d\d) .*?\n(.*?)(?=^## |\Z)", BY_HAND))
EXPLORER = re.compile(r"(?!Fates)\w+Explorer\(")
IDLE = re.compile(r"\b(print|display|ask|predictions|try_\w+|draw_\w+|\w+Explorer)\(|^assert ")  # here
NUMBERS = sorted(path.name[:2] for path in (ROOT / "notebooks").glob("[0-9]*"))
every_lesson = pytest.mark.parametrize("number", NUMBERS)


def moves(number):
    """The rows of a lesson's table of moves: heading, settings, and what is then said."""
    table = LESSONS[number].partition("| under | set | it says | what to say |")[2].partition("\n\n")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]
    return [(row[0], re.findall(r"`(\w+)` (\{[^}]*\}|[^,]+)", row[1]), row[2] + row[3]) for row in rows]


def headings(number):
    texts = [cell.source for cell in cells_of(number) if cell.cell_type == "markdown"]
    return re.findall("^##+ (.*)", "\n".join(texts), re.M)


def explorers(number):
    """The line that makes the first explorer under each heading, and what it is made of."""
    heading, found, space = "", {}, {}
    computes = number in ("03", "04", "05")  # for long; there the explorers need imports alone
    for cell in cells_of(number):
        heading = (re.findall("^##+ ((?!Look$|Notice$).*)", cell.source, re.M) or [heading])[-1]
        tree = ast.parse(cell.source if cell.cell_type == "code" else "")
        kept = (ast.Import, ast.ImportFrom) if computes else (ast.stmt,)
        body = [each for each in tree.body if isinstance(each, kept) and not IDLE.search(ast.unparse(each))]
        exec(compile(ast.Module(body, []), "cell", "exec"), space)
        if tree.body and EXPLORER.match(made := ast.unparse(tree.body[-1])):
            found.setdefault(heading, made)
    return found, space


def set_to(explorer, name, word):
    control = explorer.repair if name == "repair" else explorer.controls[name]
    if name == "repair":
        control.value = next(value for label, value in control.options if label.startswith(word))
    elif word[0] == "{":
        control.value = tuple(ast.literal_eval(word))
    else:
        control.value = ast.literal_eval(word) if re.fullmatch(r"[\d.]+", word) else word


def said_by(explorer):
    view = explorer.shown
    shown = "" if isinstance(view, str) else f"{view.picture.alt} {re.sub('<[^>]*>', '', view.details)}"
    return unescape(f"{explorer.status} {shown} {explorer!r}")


def test_questions_are_those_of_today():
    assert written(TEXT) == TEXT, "run tools/teaching.py"


def test_command_mends_what_was_changed_and_leaves_what_was_written_by_hand():
    stale = TEXT.replace("| B, E |", "| A |")
    assert stale != TEXT and written(stale) == TEXT
    assert written(TEXT.replace("## Decide", "## Choose")) == TEXT.replace("## Decide", "## Choose")


@every_lesson
def test_lesson_is_in_the_guide_with_all_its_questions(number):
    assert f"<!-- questions {number} -->" in TEXT and "**Where it stalls**" in LESSONS[number]
    (answers,) = re.findall(f"(?s)<!-- questions {number} -->(.*?)<!-- end -->", TEXT)
    assert re.findall(rf"^\| `{number}\.(\w+)`", answers, re.M) == list(places(number))
    assert (
        f"Time: {re.search('ipynb.,? ([0-9]+) minutes', LESSONS[number])[1]} minutes." in cells_of(number)[0].source
    )
    assert set(re.findall(rf"`{number}\.(\w+)`", LESSONS[number])) <= set(places(number))


@every_lesson
def test_what_is_said_of_explorers_is_what_they_say(number):
    made, space = explorers(number)
    if number == "05":  # as the lesson trains them
        list(race([20], seeds=[172], epochs=8, init="he", norm="batch"))
    explorer, many = None, 0
    for heading, moved, said in moves(number):
        if heading:
            explorer = eval(made[heading], space)
        assert isinstance(explorer, Explorer)
        for name, word in moved:
            set_to(explorer, name, word)
        for quote in re.findall("“(.*?)”", said):
            assert quote in said_by(explorer), (heading, moved, quote, said_by(explorer))
            many += 1
    assert many >= 3


@every_lesson
def test_headings_that_the_guide_quotes_are_in_the_lesson(number):
    quoted = [heading for heading, _, _ in moves(number) if heading]
    assert set(quoted) <= set(headings(number))
    sections = {int(place) for place in re.findall(r"[Ss]ections? (\d)", LESSONS[number])}
    assert sections <= {int(each[0]) for each in headings(number) if each[0].isdigit()}


def test_links_resolve():
    for target in re.findall(r"\]\(([^)#]+)", BY_HAND):
        assert (GUIDE.parent / target).is_file(), target


def test_guide_stays_short():
    decision = TEXT.partition("\n## 00 ")[0]
    assert len(decision.splitlines()) < 60
    assert all(len(text.splitlines()) <= 45 for text in LESSONS.values())
