"""What holds for the whole project: layers, dependencies, and the hygiene of every notebook."""

import ast
import re
import sys
import tomllib
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from statistics import median

import nbformat
import pytest
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
SOLUTIONS = sorted((ROOT / "notebooks" / "solutions").glob("[0-9]*.ipynb"))
LAYERS = {
    "arithmetic": 0,
    "exercises": 0,
    "questions": 0,
    "theory": 0,
    "adding": 1,
    "blocks": 1,
    "shortcuts": 1,
    "data": 1,
    "gradients": 1,
    "jacobians": 1,
    "training": 1,
    "diagrams": 2,
    "figures": 2,
    "curves": 2,
    "explorers": 3,
}
NEEDS_TORCH = {
    "lesson_02": 1,
    "lesson_03": 1,
    "lesson_04": 1,
    "residual": 3,
    "gradient": 3,
    "spectrum": 3,
}  # modules of a torch-free room that may import torch
HEAVY = {"torch", "numpy", "matplotlib", "ipywidgets", "IPython"}
MAY_USE = {0: {0}, 1: {0, 1}, 2: {0, 2}, 3: {0, 1, 2, 3}}  # a layer, and the layers whose modules it may import
MAY_IMPORT = {0: set(), 1: {"torch", "numpy"}, 2: {"matplotlib"}, 3: {"ipywidgets", "IPython"}}
EXPLORER = re.compile(r"^\w+Explorer\(")

every_notebook = pytest.mark.parametrize(
    "path", NOTEBOOKS + SOLUTIONS, ids=lambda path: f"{path.parent.name}/{path.stem}"
)
every_lesson = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def read(path):
    return nbformat.read(path, as_version=4)


def code_cells(path):
    return [cell for cell in read(path).cells if cell.cell_type == "code"]


def texts(path):
    return [cell.source for cell in read(path).cells if cell.cell_type == "markdown"]


def code_lines(cell):
    return [line for line in cell.source.splitlines() if line.strip()]


def bundles(cell):
    return [output.data for output in cell.outputs if "data" in output]


def imported_modules(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module


@pytest.mark.parametrize("path", sorted((ROOT / "skiplib").glob("**/*.py")), ids=lambda path: path.stem)
def test_imports_run_one_way(path):
    room = path.relative_to(ROOT / "skiplib").with_suffix("").parts[0]
    layer = NEEDS_TORCH.get(path.stem, LAYERS.get(room, -1))  # skiplib/__init__.py imports nothing
    allowed = MAY_IMPORT.get(layer, set()) | ({"torch"} if path.stem in NEEDS_TORCH else set())
    for module in imported_modules(path):
        package, *rest = module.split(".")
        if package == "skiplib":
            assert LAYERS[rest[0]] in MAY_USE[layer], f"{room} imports {module}"
        else:
            assert package not in HEAVY - allowed, f"{room} imports {module}"
            assert package in sys.stdlib_module_names | HEAVY, f"{room} imports {module}"


PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def dependencies():
    return set(PROJECT["dependencies"]), set(PROJECT["optional-dependencies"]["test"])


def test_environment_names_the_same_dependencies():
    lines = (ROOT / "environment.yml").read_text(encoding="utf-8").splitlines()
    named = {line.strip("- ") for line in lines if line.startswith("  - ")}
    conda = {"torch" if name == "pytorch-cpu" else name for name in named}
    only_conda = {"conda-forge", "nodefaults", "python=3.11", "pip", "pip:"}
    assert conda - only_conda == dependencies()[0]


def pins():
    return dict(re.findall(r"^([\w.-]+)==([\w.]+)$", (ROOT / "constraints.txt").read_text(encoding="utf-8"), re.M))


def test_constraints_pin_every_dependency():
    assert set().union(*dependencies()) <= pins().keys()
    assert pins()["torch"] == "2.13.0"


def test_every_pin_installs_with_the_oldest_python_that_we_promise():
    ours = SpecifierSet(PROJECT["requires-python"])
    (oldest,) = (promise.version for promise in ours if promise.operator == ">=")
    tried = {}
    for name in pins():
        with suppress(PackageNotFoundError):  # some are for other systems
            tried[name] = SpecifierSet(metadata(name)["Requires-Python"] or "")
    assert len(tried) > 0.9 * len(pins())
    assert [name for name, theirs in tried.items() if not theirs.contains(oldest)] == []


def test_every_lesson_has_a_solution_of_the_same_name():
    assert [path.name for path in NOTEBOOKS] == [path.name for path in SOLUTIONS] != []


@every_notebook
def test_notebook_is_executed_from_top_to_bottom(path):
    cells = code_cells(path)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert not [output for cell in cells for output in cell.outputs if output.output_type == "error"]
    assert any(cell.outputs for cell in cells)


@every_notebook
def test_notebook_stores_nothing_that_changes_from_run_to_run(path):
    notebook = read(path)
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert path.stat().st_size <= 500_000
    stored = path.read_text(encoding="utf-8")
    assert "widget-view" not in stored and "0x7f" not in stored and str(Path.home()) not in stored
    assert {key for cell in notebook.cells for key in cell.metadata} <= {"slideshow", "tags", "deletable", "editable"}


@every_notebook
def test_every_picture_has_a_text_twin(path):
    for cell in code_cells(path):
        for data in bundles(cell):
            assert data.get("text/plain", "").strip()
            for picture in re.findall("<img [^>]*>", data.get("text/html", "")):
                assert re.search(r'alt="[^"]{20,}"', picture)
            assert not any(kind.startswith("image/") for kind in data)


@every_notebook
def test_explorer_cells_are_safe_from_stray_keys(path):
    for cell in code_cells(path):
        if any(EXPLORER.match(data.get("text/plain", "")) for data in bundles(cell)):
            assert cell.metadata.get("deletable") is False and cell.metadata.get("editable") is False
            assert "<img " in "".join(data.get("text/html", "") for data in bundles(cell))


@every_notebook
def test_links_resolve(path):
    for target in re.findall(r"\]\(([^)#]+)\)", "\n".join(texts(path))):
        assert target.startswith("https://") or (path.parent / target).is_file(), target


@every_notebook
def test_title_repeats_the_file_name(path):
    title = texts(path)[0].splitlines()[0].removeprefix("# ").lower()
    assert title.startswith(path.stem.replace("_", " "))


@every_notebook
def test_prose_is_short(path):
    prose = [re.sub(r"^\|.*$", "", text, flags=re.M) for text in texts(path)]  # a table is not prose
    assert max(len(text.split()) for text in prose) <= 120


@every_lesson
def test_lesson_opens_and_closes_as_the_others_do(path):
    opening, everything = texts(path)[0], "\n".join(texts(path))
    for promise in ("?**", "You will be able to", "Before you start:", "minutes."):
        assert promise in opening
    for heading in ("## Summary", "## Exercises"):
        assert f"\n{heading}\n" in everything
    assert f"(solutions/{path.name})" in everything


@every_lesson
def test_lesson_keeps_its_budgets(path):
    cells = code_cells(path)
    lines = [len(code_lines(cell)) for cell in cells]
    imports = sum("import" in cell.source.split() for cell in cells)
    definitions = sum(bool(re.search(r"^(def|class) ", cell.source, re.M)) for cell in cells)
    assert len(read(path).cells) <= 50
    assert median(lines) <= 4 and max(lines) <= 12
    assert definitions <= max(1, len(cells) / 10)
    assert imports <= 2


@every_lesson
def test_lesson_marks_a_walkthrough(path):
    kinds = [cell.metadata.slideshow.slide_type for cell in read(path).cells]
    assert 12 <= kinds.count("slide") <= 20


@every_lesson
def test_every_question_of_a_lesson_is_asked_and_answered(path):
    from importlib import import_module

    lesson = path.stem[:2]
    names = {f"{lesson}.{name}" for name in import_module(f"skiplib.questions.lesson_{lesson}").QUESTIONS}
    solution = SOLUTIONS[NOTEBOOKS.index(path)]
    for place, mark in ((path, "Not answered yet"), (solution, "✓ Right.")):
        cells = [cell for cell in code_cells(place) if "check(" in cell.source]
        asked = [name for cell in cells for name in re.findall(r'check\("([\w.]+)"', cell.source)]
        said = [data["text/plain"] for cell in cells for data in bundles(cell)]
        assert sorted(asked) == sorted(names)
        assert len(said) == len(asked) and all(answer.startswith(mark) for answer in said)


@every_lesson
def test_solution_repeats_the_headings_of_its_exercises(path):
    solution = SOLUTIONS[NOTEBOOKS.index(path)]
    headings = re.findall(r"^## .*$", "\n".join(texts(solution)), re.M)
    assert set(headings) <= set(re.findall(r"^## .*$", "\n".join(texts(path)), re.M))
    assert "## Exercises" in headings
