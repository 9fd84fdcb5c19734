import re

from handout import ROOT, folds, handout, main
from test_house import ASKED, LOOK, bundles, every_lesson, read


def pictures(cells):
    outputs = [data.get("text/html", "") for cell in cells if cell.cell_type == "code" for data in bundles(cell)]
    return set(re.findall(r'<img [^>]*src="([^"]+)"', "".join(outputs)))


@every_lesson
def test_handout_asks_and_draws_but_does_not_answer(path):
    cells, page = read(path).cells, handout(path)
    hidden = {place for _, places in folds(cells) for place in places}
    answers = [cell for place, cell in enumerate(cells) if place in hidden or cell.source.startswith("## Summary")]
    kept = [cell for cell in cells if cell not in answers]
    assert re.findall(r'id="cell-id=([\w-]+)"', page) == [cell.id for cell in kept]
    assert page.count("Not answered yet") >= len(ASKED.findall("\n".join(cell.source for cell in kept))) > 0
    drawn = re.findall("<img [^>]*>", page)
    assert {re.search('src="([^"]+)"', picture)[1] for picture in drawn} >= pictures(kept)
    assert len(drawn) == sum(cell.source.count("![") for cell in kept) + len(pictures(kept))
    assert all(re.search(r'alt="[^"]{20,}"', picture) for picture in drawn)
    assert LOOK.removeprefix("### ") not in re.findall("<h3>(.*?)</h3>", page)
    assert page.count("height:7em") == len(list(folds(cells)))


@every_lesson
def test_handout_needs_no_network(path):
    page = handout(path)
    assert "<script" not in page and "<link" not in page
    assert not re.search(r'src="(?!data:)', page)


def test_handout_is_written_where_git_does_not_look(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr("handout.FOLDER", tmp_path / "build")
    main([ROOT / "notebooks" / "00_start_here.ipynb"])
    assert [path.name for path in (tmp_path / "build").iterdir()] == ["00_start_here.html"]
    assert "00_start_here.html" in capsys.readouterr().out
