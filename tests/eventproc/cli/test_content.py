import json

from eventproc.io.inspection.content import read_content
from tests.eventproc.cli.conftest import EDM
from tests.eventproc.io.tracks import write_file


def test_every_product_and_column_is_listed_with_its_branch_type_and_meaning(command, tmp_path):
    file = write_file(tmp_path / "a.root", 7)
    done = command("content", file)
    assert done.code == 0
    lines = [line.split() for line in done.out.splitlines()]
    assert ["Tracks", '"tracks"', '""', '"GEN"'] in lines
    assert ["Numbers", '"numbers"', '"odd"', '"GEN"'] in lines
    assert ["tracks_pt", "float32[]", "transverse", "momentum"] in lines
    assert ["tracks_hitTime", "float64[hit]", "[ns]"] in lines
    assert ["tracks_vertexZ", "float32", "[cm]"] in lines
    assert done.out.splitlines()[-1] == "7 events, 2 products"


def test_a_line_is_not_broken_where_it_is_no_terminal(command, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "30")
    file = write_file(tmp_path / "a.root", 1)
    lines = command("content", file).out.splitlines()
    assert any(len(line) > 40 for line in lines)


def test_json_says_the_same(command, tmp_path):
    file = write_file(tmp_path / "a.root", 3)
    found = json.loads(command("content", file, "--json").out)
    assert found["events"] == 3
    (numbers,) = [product for product in found["products"] if product["type"] == "Numbers"]
    assert numbers["instance"] == "odd"
    assert numbers["columns"][0] == {
        "name": "value", "dtype": "int32", "axis": "", "unit": "", "doc": "", "branch": "numbers_odd_value",
    }  # fmt: skip


def test_it_is_told_from_how_many_events_a_product_is_missing(command, tmp_path):
    file = write_file(tmp_path / "a.root", 7, lacking={2, 3})
    lines = [line.split() for line in command("content", file).out.splitlines()]
    assert ["Tracks", '"tracks"', '""', '"GEN"', "missing", "from", "2", "events"] in lines
    assert ["Numbers", '"numbers"', '"odd"', '"GEN"'] in lines
    found = json.loads(command("content", file, "--json").out)
    assert [product["missing"] for product in found["products"]] == [2, 0]


def test_files_of_other_layouts_are_listed_too(command):
    done = command("content", EDM)
    assert done.code == 0
    assert '"ecalRecHits"' in done.out
    assert "20 events" in done.out


def test_a_missing_file_offers_the_near_one(command, tmp_path):
    write_file(tmp_path / "tagged.root", 1)
    done = command("content", "taged.root")
    assert done.code == 8020 & 0xFF
    assert "did you mean 'tagged.root'?" in done.err


def test_a_file_of_nobody_is_refused(command, tmp_path):
    (tmp_path / "notes.root").write_text("no ROOT file")
    done = command("content", "notes.root")
    assert done.code == 8020 & 0xFF
    assert "not a ROOT file" in done.err


def test_a_notebook_shows_escaped_tables(tmp_path):
    page = read_content(str(write_file(tmp_path / "a<b.root", 2)))._repr_html_()
    assert "a&lt;b.root" in page
    assert "tracks_pt" in page
    assert page.count("<details") == page.count("</details>") == 2
