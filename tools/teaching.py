"""Write the questions of every lesson, and their answers, into docs/teaching.md: ``python tools/teaching.py``.

What stands there between ``<!-- questions NN -->`` and ``<!-- end -->`` is made of ``skiplib/questions``, of the
headings of the lesson, and of its solution, where an answer is code. All around it is written by hand.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat

from skiplib.answers import Texts, kind_of
from skiplib.arithmetic import output_size
from skiplib.exercises import questions_of, size_slips

ROOT = Path(__file__).parent.parent
GUIDE = ROOT / "docs" / "teaching.md"
BLOCK = re.compile(r"(<!-- questions (\d\d) -->\n).*?(?=<!-- end -->)", re.DOTALL)
ASKED = re.compile(r'\b(?:ask|FatesExplorer|try_\w+)\(\s*"\d\d\.(\w+)"')


def lesson_of(number: str, folder: str = "notebooks") -> Any:
    """The notebook of a lesson, or its solution."""
    (path,) = (ROOT / folder).glob(f"{number}_*.ipynb")
    return nbformat.read(path, as_version=4)


def places(number: str) -> dict[str, str]:
    """The heading under which each question is asked, in the lesson's order."""
    heading, found = "", dict[str, str]()
    for cell in lesson_of(number).cells:
        if cell.cell_type == "markdown":
            headings = [each for each in re.findall("^##+ (.*)", cell.source, re.MULTILINE) if each != "Look"]
            heading = [heading, *headings][-1]
        else:
            found |= dict.fromkeys(ASKED.findall(cell.source), heading)
    return found


def solved(number: str) -> dict[str, tuple[str, str]]:
    """The solution of each question whose answer is run, as code, and what was said of it."""
    known: dict[str, str] = {}
    found = {}
    for cell in lesson_of(number, "notebooks/solutions").cells:
        for node in ast.walk(ast.parse(cell.source)) if cell.cell_type == "code" else ():
            match node:
                case ast.Assign(targets=[ast.Name(name)], value=value):
                    known[name] = ast.unparse(value)
                case ast.FunctionDef(name=name, body=[*_, ast.Return(value=ast.expr() as value)]):
                    known[name] = ast.unparse(value)
                case ast.Call(func=ast.Name(name), args=[ast.Constant(str(question)), value]) if name[:4] == "try_":
                    answer = ast.unparse(value)
                    said = [output.data["text/plain"] for output in cell.outputs if "data" in output]
                    found[question[3:]] = known.get(answer, answer), said[-1].removeprefix("✓ Right. ")
    return found


def in_words(value: Any, known: Texts) -> str:
    """An answer as one would say it.

    >>> in_words([1, 3], {"answer": [1, 2], "range": [1, 3]}), in_words([], {"answer": ["A"], "options": ["A"]})
    ('1, 3', 'none')
    """
    if "rows" in known:
        return ", ".join(f"{row}: {word}" for row, word in zip(known["rows"], value, strict=True))
    if isinstance(value, list):
        listed = ", ".join(map(str, value))
        return f"({listed})" if kind_of(known) == "tuple" else listed or "none"
    return f"{value:g}" if isinstance(value, float) else str(value)


def answer_of(known: Texts) -> Any:
    """The right answer; None if it has to be run."""
    return output_size(**known["size"]) if "size" in known else known.get("answer")


def slips(known: Texts) -> dict[str, str]:
    """What well-known misconceptions lead to, and what is said of each."""
    found: dict[str, dict[str, None]] = {}
    for value, why in size_slips(**known["size"]) if "size" in known else known.get("mistakes", ()):
        if value != answer_of(known):
            found.setdefault(in_words(value, known), {})[why] = None
    return {value: " Or: ".join(whys) for value, whys in found.items()}


def one_line(text: str) -> str:
    """A text of several lines as one."""
    return " ".join(text.split())


def block(number: str) -> Iterator[str]:
    """The answer sheet of a lesson, and then, question by question, what the class may say."""
    questions, solutions, where = questions_of(number), solved(number), places(number)
    yield "| question | asked under | answer | why |\n|---|---|---|---|"
    for name, heading in where.items():
        known = questions[name]
        code, why = solutions.get(name) or ("", known["reason"])
        if code and "rows" not in known:
            answer = f"such as `{code}`"
        else:
            answer = in_words(ast.literal_eval(code) if code else answer_of(known), known)
        cells = (f"`{number}.{name}`", heading, answer, why)
        yield f"| {' | '.join(one_line(cell).replace('|', chr(92) + '|') for cell in cells)} |"
    for name in where:
        known = questions[name]
        options = f" [{', '.join(known['options'])}]" if "options" in known else ""
        yield f"\n**`{number}.{name}`** {one_line(known.get('ask', 'An exercise in code.'))}{options}\n"
        yield from (f"- *{value}*: {one_line(why)}" for value, why in slips(known).items())
        if "hint" in known:
            yield f"- Anything else: {one_line(known['hint'])}"


def written(text: str) -> str:
    """The guide with the questions as they are now."""
    return BLOCK.sub(lambda found: f"{found[1]}\n" + "\n".join(block(found[2])) + "\n\n", text)


if __name__ == "__main__":
    GUIDE.write_text(written(GUIDE.read_text(encoding="utf-8")), encoding="utf-8")
