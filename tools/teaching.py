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


def cells_of(number: str, folder: str = "notebooks") -> list[nbformat.NotebookNode]:
    """The cells of a lesson, or of its solution."""
    (path,) = (ROOT / folder).glob(f"{number}_*.ipynb")
    return list(nbformat.read(path, as_version=4).cells)


def places(number: str) -> dict[str, str]:
    """The heading under which each question is asked, in the lesson's order."""
    heading, found = "", dict[str, str]()
    for cell in cells_of(number):
        if cell.cell_type == "markdown":
            heading = [heading, *re.findall("^##+ (?!Look$)(.*)", cell.source, re.MULTILINE)][-1]
        else:
            found |= dict.fromkeys(ASKED.findall(cell.source), heading)
    return found


def solved(number: str) -> dict[str, tuple[str, str]]:
    """The solution of each question whose answer is run, as code, and what was said of it."""
    names, found = dict[str, str](), dict[str, tuple[str, str]]()
    for cell in cells_of(number, "notebooks/solutions"):
        for node in ast.walk(ast.parse(cell.source)) if cell.cell_type == "code" else ():
            match node:
                case ast.Assign([ast.Name(name)], value) | ast.FunctionDef(name, body=[ast.Return(value)]):
                    names[name] = ast.unparse(value)
                case ast.Call(ast.Name(judge), [ast.Constant(question), answer]) if judge.startswith("try_"):
                    (said,) = (output.data["text/plain"] for output in cell.outputs if output.get("execution_count"))
                    code = ast.unparse(answer)
                    found[question[3:]] = names.get(code, code), said.removeprefix("✓ Right. ")
    return found


def answer_of(known: Texts) -> Any:
    """The right answer of a question; None if it has to be run."""
    return output_size(**known["size"]) if "size" in known else known.get("answer")


def in_words(value: Any, known: Texts) -> str:
    """An answer as one would say it."""
    if "rows" in known:
        return ", ".join(f"{row}: {word}" for row, word in zip(known["rows"], value, strict=True))
    if isinstance(value, list):
        listed = ", ".join(map(str, value))
        return f"({listed})" if kind_of(known) == "tuple" else listed or "none"
    return f"{value:g}" if isinstance(value, float) else str(value)


def slips(known: Texts) -> dict[str, str]:
    """What well-known misconceptions lead to, and what is said of each."""
    found = dict[str, dict[str, None]]()
    for value, why in size_slips(**known["size"]) if "size" in known else known.get("mistakes", ()):
        if value != answer_of(known):
            found.setdefault(in_words(value, known), {})[why] = None
    return {value: " Or: ".join(whys) for value, whys in found.items()}


def block(number: str) -> Iterator[str]:
    """The lines on a lesson: its answer sheet, and then, question by question, what the class may say."""
    questions, solutions, where = questions_of(number), solved(number), places(number)
    yield "\n| question | asked under | answer | why |\n|---|---|---|---|"
    for name, heading in where.items():
        known = questions[name]
        code, why = solutions.get(name) or (repr(answer_of(known)), known["reason"])
        run = "run" in known and "rows" not in known
        answer = f"such as `{code}`" if run else in_words(ast.literal_eval(code), known)
        yield (
            f"| `{number}.{name}` | " + " | ".join(each.replace("|", r"\|") for each in (heading, answer, why)) + " |"
        )
    for name in where:
        known = questions[name]
        options = f" [{', '.join(known['options'])}]" if "options" in known else ""
        yield f"\n**`{number}.{name}`** {known.get('ask', 'An exercise in code.').strip()}{options}\n"
        yield from (f"- *{value}*: {why.strip()}" for value, why in slips(known).items())
        if "hint" in known:
            yield f"- Anything else: {known['hint'].strip()}"


def written(guide: str) -> str:
    """The guide with the questions as they are now."""
    return BLOCK.sub(lambda found: found[1] + "\n".join(block(found[2])) + "\n\n", guide)


if __name__ == "__main__":
    GUIDE.write_text(written(GUIDE.read_text(encoding="utf-8")), encoding="utf-8")
