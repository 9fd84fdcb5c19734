"""What a class sees of a lesson: its slides, as jupyterlab-deck reads them from the metadata of the cells."""

import re
from itertools import pairwise

from test_house import ASKING, FOLDED, bundles, every_lesson, folds, read


def slide_type(cell):
    return cell.metadata["slideshow"]["slide_type"]


def slides(cells):
    """The places of each slide or subslide, with its fragments."""
    shown = [place for place, cell in enumerate(cells) if slide_type(cell) != "skip"]
    starts = [at for at, place in enumerate(shown) if slide_type(cells[place]) != "fragment"]
    return [shown[start:end] for start, end in pairwise([*starts, len(shown)])]


def is_a_notice(cell):
    return cell.cell_type == "markdown" and bool(re.search(r"\*\*Notice\.\*\*|### Notice", cell.source))


def draws(cell):
    return cell.cell_type == "code" and any("<img " in data.get("text/html", "") for data in bundles(cell))


@every_lesson
def test_lesson_marks_a_walkthrough(path):
    kinds = [slide_type(cell) for cell in read(path).cells]
    assert set(kinds) == {"slide", "subslide", "fragment", "skip"} and kinds[0] == "slide"
    assert 12 <= kinds.count("slide") <= 20, kinds


@every_lesson
def test_answer_stands_on_another_slide_than_its_question(path):
    cells = read(path).cells
    answers = {place for _, places in folds(cells) for place in places}
    assert {slide_type(cell) for cell in cells if FOLDED in cell.metadata} == {"skip"}
    assert not {place for place in answers if slide_type(cells[place]) == "skip"}
    asking = [slide for slide in slides(cells) if any(ASKING.match(cells[place].source) for place in slide)]
    assert asking and not [slide for slide in asking if answers & set(slide)]


@every_lesson
def test_space_bar_goes_to_every_slide(path):
    """From a subslide without fragments, jupyterlab-deck 0.2.0 goes to the next slide, even if a subslide is next."""
    cells = read(path).cells
    for slide, after in pairwise(slides(cells)):
        alone = slide_type(cells[slide[0]]) == "subslide" and len(slide) == 1
        assert not alone or slide_type(cells[after[0]]) == "slide", (slide, after)


@every_lesson
def test_what_to_notice_stands_on_the_slide_of_its_picture(path):
    cells = read(path).cells
    for slide in slides(cells):
        for at, place in enumerate(slide):
            if is_a_notice(cells[place]):
                assert any(draws(cells[other]) for other in slide[:at]), cells[place].source
