import json

import pytest

from tests.eventproc.cli.conftest import EDM
from tests.eventproc.cli.test_provenance import COUNTER
from tests.eventproc.io import tracks
from tests.eventproc.io.tracks import NUMBERS, TRACKS, write_file


@pytest.fixture
def shifted(tmp_path, monkeypatch):
    """Two files; in the second the momenta of event 6 are larger by 0.5."""
    first = write_file(tmp_path / "a.root", 10)
    plain = tracks.tracks

    def moved(n):
        made = plain(n)
        return type(made)(
            made.pt + (0.5 if n == 6 else 0), *(getattr(made, c.name) for c in made.schema()[1:])
        )

    monkeypatch.setattr(tracks, "tracks", moved)
    return first, write_file(tmp_path / "b.root", 10)


def test_the_same_content_is_the_same(command, tmp_path):
    files = [write_file(tmp_path / name, 300) for name in ("a.root", "b.root")]
    done = command("compare", *files)
    assert (done.code, done.out) == (0, "same: 300 events and 8 columns compared\n")


def test_a_difference_is_named_with_column_number_size_and_event(command, shifted):
    done = command("compare", *shifted)
    assert done.code == 1
    assert done.out.splitlines() == [
        "Tracks_tracks__GEN.pt: 2 of 13 values differ, by up to 0.5; first in 1:1:10000000006",
        "different: 10 events and 8 columns compared",
    ]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--atol", "0.5"], 0),
        (["--atol", "0.49"], 1),
        (["--rtol", "0.1"], 0),
        (["--ignore", "Tracks_*.pt"], 0),
        (["--ignore", "Tracks_*.eta"], 1),
    ],
)
def test_tolerances_and_ignored_columns_decide(command, shifted, words, code):
    assert command("compare", *shifted, *words).code == code


def test_json_says_the_same(command, shifted):
    done = command("compare", *shifted, "--json")
    assert done.code == 1
    found = json.loads(done.out)
    assert found["same"] is False
    (column,) = [c for c in found["columns"] if c["different"]]
    assert (column["different"], column["largest"], column["first"]) == (2, 0.5, [1, 1, 10000000006])


def test_missing_and_additional_events_are_named(command, tmp_path):
    files = write_file(tmp_path / "a.root", 5), write_file(tmp_path / "b.root", 4, first=2)
    done = command("compare", *files)
    assert done.code == 1
    assert "2 events only in A: 1:1:10000000000, 1:1:10000000001" in done.out
    assert "1 events only in B: 1:1:10000000005" in done.out
    assert "columns were not compared" in done.out


def test_missing_products_are_named(command, tmp_path):
    files = write_file(tmp_path / "a.root", 3), write_file(tmp_path / "b.root", 3, branches=(TRACKS,))
    done = command("compare", *files)
    assert done.code == 1
    assert "only in A: Numbers_numbers_odd_GEN.value int32[]" in done.out


def test_events_that_lack_a_product_in_one_file_only_are_a_difference(command, tmp_path):
    files = [
        write_file(tmp_path / f"{name}.root", 10, branches=(TRACKS, NUMBERS), lacking=lacking)
        for name, lacking in (("a", {0, 4}), ("b", {4, 8}), ("c", ()), ("d", {0, 4}))
    ]
    one, two, whole, same = files
    # What is compared of these events has no rows: only presence tells them apart.
    rows = [word for name in ("vertexZ", "fitter", "hit*") for word in ("--ignore", f"Tracks_*.{name}")]
    done = command("compare", one, two, *rows)
    assert done.code == 1
    assert done.out.splitlines() == [
        "Tracks_tracks__GEN: in 1 events only in A, in 1 only in B; first in 1:1:10000000000",
        "different: 10 events and 4 columns compared, 4 left out",
    ]
    assert "in 0 events only in A, in 2 only in B" in command("compare", one, whole, *rows).out
    assert json.loads(command("compare", two, whole, "--json").out)["presence"]
    assert command("compare", one, same).code == 0
    assert command("compare", one, two, "--ignore", "Tracks_*").code == 0


def test_products_of_another_process_match_on_demand(command, tmp_path):
    other = tracks.branch(tracks.Numbers, "numbers", "odd", process="OTHER")
    files = (
        write_file(tmp_path / "a.root", 3, branches=(NUMBERS,)),
        write_file(tmp_path / "b.root", 3, branches=(other,), process="OTHER"),
    )
    assert command("compare", *files).code == 1
    assert command("compare", *files, "--any-process").code == 0


def test_what_varies_from_run_to_run_is_left_out_by_default(command, install, tmp_path, monkeypatch):
    install("counter", {"counting": COUNTER}, records={"Numbers": "counting:NumbersTable"})
    first = write_file(tmp_path / "a.root", 9)
    monkeypatch.setattr(tracks, "numbers", lambda n, plain=tracks.numbers: tracks.Numbers(plain(n).value + 1))
    second = write_file(tmp_path / "b.root", 9)
    done = command("compare", first, second)
    assert done.code == 0
    assert done.out.endswith(", 1 left out\n")
    assert command("compare", first, second, "--varying").code == 1


def test_foreign_layouts_can_be_compared(command):
    assert command("compare", EDM, EDM).code == 0


def test_a_missing_file_is_no_difference(command, tmp_path):
    file = write_file(tmp_path / "a.root", 1)
    assert command("compare", file, "b.root").code == 8020 & 0xFF
