"""What holds for the whole project: layers, dependencies, and the hygiene of every notebook."""

import ast
import re
import sys
import tomllib
from contextlib import suppress
from graphlib import TopologicalSorter
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from statistics import median

import nbformat
import pytest
from handout import FOLDED, folds
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
SOLUTIONS = sorted((ROOT / "notebooks" / "solutions").glob("[0-9]*.ipynb"))
PACKAGE = ROOT / "skiplib"
MODULES = sorted(PACKAGE.glob("**/*.py"))
LAYERS = [
    {"arithmetic", "pooling", "chains", "kernels", "adding", "shortcuts", "repairs", "theory"}
    | {"words", "answers", "exercises", "trials"},
    {
        "digits",
        "blocks",
        "networks",
        "gradients",
        "directions",
        "paths",
        "training",
        "experiments",
        "judging",
        "tracing",
    },
    {"diagrams", "figures"},
    {"explorers"},
]
MAY_USE = [{0}, {0, 1}, {0, 2}, {0, 1, 2, 3}]  # a layer, and the layers whose rooms it may import
MAY_IMPORT = [set(), {"torch", "numpy"}, {"matplotlib"}, {"ipywidgets", "IPython", "traitlets"}]
HEAVY = set().union(*MAY_IMPORT)
EXPLORER = re.compile(r"^\w+Explorer\(")
KEYS = {"slideshow", "tags", "deletable", "editable", FOLDED}
ASKING = re.compile(r'(ask|FatesExplorer)\("')
ASKED = re.compile(r'\b(ask|FatesExplorer|check|try_\w+)\(\s*"([\w.]+)"')
LOOK = "### Look"  # the heading under which an answer is folded

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


def only_imports(cell):
    return all(isinstance(node, ast.Import | ast.ImportFrom) for node in ast.parse(cell.source).body)


def bundles(cell):
    return [output.data for output in cell.outputs if "data" in output]


def parsed(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def imported_modules(path):
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module


def room_of(path):
    """The room of a module: a folder of skiplib, or a file at its top."""
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def layer_of(room):
    return next((layer for layer, rooms in enumerate(LAYERS) if room in rooms), 0)  # __init__.py imports nothing


every_module = pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))


def test_every_room_has_its_layer():
    assert {room_of(path) for path in MODULES} - {"__init__"} == set().union(*LAYERS)


@every_module
def test_imports_run_one_way(path):
    layer = layer_of(room_of(path))
    for module in imported_modules(path):
        package, *rest = module.split(".")
        if package == "skiplib":
            assert layer_of(rest[0]) in MAY_USE[layer], f"{path.name} imports {module}"
        else:
            assert package not in HEAVY - MAY_IMPORT[layer], f"{path.name} imports {module}"
            assert package in sys.stdlib_module_names | HEAVY, f"{path.name} imports {module}"


@every_module
def test_imports_are_real_and_stand_at_the_top(path):
    tree = parsed(path)
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    assert all(node in tree.body for node in imports)
    called = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    assert not {"import_module", "__import__", "exec", "eval"} & called


def test_imports_go_in_no_circle():
    graph = {f"skiplib.{'.'.join(path.relative_to(PACKAGE).with_suffix('').parts)}": path for path in MODULES}
    uses = {name: {module for module in imported_modules(path) if module in graph} for name, path in graph.items()}
    assert len(list(TopologicalSorter(uses).static_order())) == len(MODULES)  # raises on a circle


def code_of(node):
    """The lines of a function's body, its docstring left out."""
    body = node.body[1:] if ast.get_docstring(node) else node.body
    return {line for part in body for line in range(part.lineno, part.end_lineno + 1)}


@every_module
def test_module_and_its_functions_are_short(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 300
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            code = [n for n in code_of(node) if lines[n - 1].strip() and not lines[n - 1].strip().startswith("#")]
            signature = node.body[0].lineno - node.lineno
            assert len(code) + signature <= 40, node.name


def lines_of(*rooms):
    texts = (path.read_text(encoding="utf-8") for path in MODULES if room_of(path) in rooms)
    return sum(len(text.splitlines()) for text in texts)


def test_skiplib_stays_small():
    subject, pictures, explorers = (
        lines_of("__init__", *LAYERS[0], *LAYERS[1]),
        lines_of(*LAYERS[2]),
        lines_of(*LAYERS[3]),
    )
    assert (subject <= 4950, pictures <= 2400, explorers <= 2890) == (True,) * 3, (subject, pictures, explorers)
    assert subject + pictures + explorers <= 10_220


def test_readme_says_how_small_skiplib_is():
    readme = (ROOT / "README.md").read_text(encoding="utf-8").partition("## How small")[2]
    said = [int(number.replace(",", "")) for number in re.findall(r"\d[\d,]*\d", readme)[:7]]
    rooms = ["arithmetic"], ["blocks"], ["gradients", "directions", "training"], LAYERS[2], LAYERS[3]
    counted = [lines_of("__init__", *set().union(*LAYERS)), *(lines_of(*each) for each in rooms)]
    counted.append(
        sum(len(path.read_text(encoding="utf-8").splitlines()) for path in PACKAGE.glob("questions/*.toml"))
    )
    assert said == pytest.approx(counted, rel=0.04)


def identifiers(tree):
    """Every name that a piece of code mentions."""
    named = (ast.Name, "id"), (ast.Attribute, "attr"), (ast.alias, "name"), (ast.keyword, "arg")
    return {getattr(node, field) for node in ast.walk(tree) for kind, field in named if isinstance(node, kind)}


def definitions(tree):
    """Public functions, classes and their public methods, and constants, with the code that each consists of."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            methods = [each for each in node.body if isinstance(each, ast.FunctionDef) and each.name[0] != "_"]
            yield from ((method.name, method) for method in methods)
            rest = [each for each in node.body if each not in methods]
            yield node.name, ast.Module([*node.bases, *node.decorator_list, *rest], [])
        elif isinstance(node, ast.FunctionDef):
            yield node.name, node
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            for target in getattr(node, "targets", None) or [node.target]:
                yield from ((name, node) for name in identifiers(target))


def test_every_public_name_is_reached_by_a_notebook_or_an_explorer():
    cells = [cell.source for path in NOTEBOOKS + SOLUTIONS for cell in code_cells(path)]
    reached = set().union(*(identifiers(ast.parse(source)) for source in cells))
    reached |= set().union(*(identifiers(parsed(path)) for path in MODULES if room_of(path) == "explorers"))
    reached.add("forward")  # by PyTorch
    defined = [definition for path in MODULES for definition in definitions(parsed(path))]
    while new := set().union(*(identifiers(code) for name, code in defined if name in reached)) - reached:
        reached |= new
    assert {name for name, _ in defined if name[0] != "_"} - reached == set()


PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def dependencies():
    lowest = dict(line.split(">=") for line in PROJECT["dependencies"])
    return set(lowest), *map(set, PROJECT["optional-dependencies"].values())


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


def test_every_lesson_has_a_solution_of_the_same_name_and_its_questions():
    assert [path.name for path in NOTEBOOKS] == [path.name for path in SOLUTIONS] != []
    assert [path.stem[:2] for path in NOTEBOOKS] == sorted(path.stem for path in PACKAGE.glob("questions/*.toml"))


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
    assert {key for cell in notebook.cells for key in cell.metadata} <= KEYS


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
def test_question_cells_are_safe_from_stray_keys(path):
    for cell in code_cells(path):
        if ASKING.match(cell.source):
            assert cell.metadata.get("deletable") is False and cell.metadata.get("editable") is False


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
    prose = [re.sub(r"^(\||#).*$", "", text, flags=re.M).split() for text in texts(path)]  # no tables, no headings
    words = [len(text) for text in prose if text]
    assert median(words) <= 45 and max(words) <= 90, words


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
    lines = [len(code_lines(cell)) for cell in cells if not only_imports(cell)]
    imports = sum("import" in cell.source.split() for cell in cells)
    definitions = sum(bool(re.search(r"^(def|class) ", cell.source, re.M)) for cell in cells)
    inside = sum(len(places) for _, places in folds(read(path).cells))
    assert len(read(path).cells) <= 64 and len(read(path).cells) - inside <= 50
    assert median(lines) <= 4 and max(lines) <= 12
    assert definitions <= max(1, len(cells) / 10)
    assert imports <= 2


@every_lesson
def test_answer_is_folded_right_after_its_question(path):
    cells = read(path).cells
    hidden = dict(folds(cells))
    inside = {place for places in hidden.values() for place in places}
    exercises = next(place for place, cell in enumerate(cells) if cell.source.startswith("## Exercises"))
    asking = [place for place, cell in enumerate(cells) if ASKING.match(cell.source)]
    assert asking and not inside & set(asking)
    for place in asking:
        if place < exercises:
            assert hidden.get(place + 1), f"no fold after {cells[place].source}"
    assert hidden.keys() <= {place + 1 for place in asking}
    assert {cells[place].source for place in hidden} <= {LOOK}


@pytest.mark.parametrize("path", SOLUTIONS, ids=lambda path: path.stem)
def test_fold_of_a_solution_is_open(path):
    assert dict(folds(read(path).cells)) == {}


@every_lesson
def test_every_question_of_a_lesson_is_asked_and_answered(path):
    lesson = path.stem[:2]
    questions = tomllib.loads((PACKAGE / "questions" / f"{lesson}.toml").read_text(encoding="utf-8"))
    expected = sorted((known.get("run", "check"), f"{lesson}.{name}") for name, known in questions.items())
    solution = SOLUTIONS[NOTEBOOKS.index(path)]
    for place, mark in ((path, "Not answered yet"), (solution, "✓ Right.")):
        cells = [cell for cell in code_cells(place) if ASKED.search(cell.source)]
        asked = [call for cell in cells for call in ASKED.findall(cell.source)]
        judges = {"ask": "check", "FatesExplorer": "try_fates"}
        asked = [(judges.get(asker, asker), question) for asker, question in asked]
        said = [
            re.sub(r"^Question .*(?=Not answered yet)", "", data["text/plain"], flags=re.S)
            for cell in cells
            for data in bundles(cell)
        ]
        said = [answer for answer in said if answer.startswith(("Not answered", "✓", "✗", "≈"))]
        assert sorted(asked) == expected
        assert len(said) == len(asked) and all(answer.startswith(mark) for answer in said)


@every_lesson
def test_lesson_has_its_line_in_the_map_and_in_the_readme(path):
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"(notebooks/{path.name})" in readme
    assert f"({path.name})" in "\n".join(texts(NOTEBOOKS[0])) or path == NOTEBOOKS[0]


@every_lesson
def test_solution_repeats_the_headings_of_its_exercises(path):
    solution = SOLUTIONS[NOTEBOOKS.index(path)]
    headings = re.findall(r"^## .*$", "\n".join(texts(solution)), re.M)
    assert set(headings) <= set(re.findall(r"^## .*$", "\n".join(texts(path)), re.M))
    assert "## Exercises" in headings
