import json

import pytest
import uproot

from tests.eventproc.cli.conftest import EDM, SAMPLE
from tests.eventproc.io.tracks import write_file


def damage(path):
    """Flips bits here and there among the values."""
    with uproot.open(path) as file:
        basket = file["Events/tracks_pt"].basket_key(0)
        begin, end = basket.data_cursor.index, basket.fSeekKey + basket.fNbytes
    content = bytearray(path.read_bytes())
    for place in range(begin + (end - begin) // 4, end, (end - begin) // 4):
        content[place] ^= 0x10
    path.write_bytes(content)


def test_a_file_has_one_line_with_events_size_runs_and_lumis(command):
    done = command("files", SAMPLE)
    assert done.code == 0
    assert done.out.startswith(f"{SAMPLE}: 500 events, ")
    assert done.out.endswith("MB, run 1: 1-5\n")


def test_several_files_have_a_total(command, tmp_path):
    files = [write_file(tmp_path / f"{n}.root", n) for n in (2, 3)]
    done = command("files", *files, EDM)
    assert done.out.splitlines()[-1] == "25 events in 3 files"
    assert "run 194115: 1-3" in done.out


def test_events_are_listed_by_their_ids(command, tmp_path):
    file = write_file(tmp_path / "a.root", 2, first=99)
    assert command("files", "-e", file).out.splitlines()[1:] == ["1:1:10000000099", "1:2:10000000100"]


def test_the_golden_json_joins_the_lumis_of_all_files(command, tmp_path):
    files = [write_file(tmp_path / f"{first}.root", 10, first=first) for first in (0, 100, 300, 1000)]
    assert command("files", "-j", "golden.json", *files).code == 0
    assert json.loads((tmp_path / "golden.json").read_text()) == {"1": [[1, 2], [4, 4]], "2": [[11, 11]]}


def test_an_empty_file_is_a_file_too(command, tmp_path):
    file = write_file(tmp_path / "a.root", 0)
    done = command("files", "--verify", file)
    assert done.code == 0
    assert "0 events" in done.out
    assert "no runs" in done.out


def test_a_partial_file_is_named_so(command, tmp_path):
    file = write_file(tmp_path / "a.root", 2, complete=False)
    assert "PARTIAL" in command("files", file).out


def test_verify_passes_what_is_whole_and_finds_what_is_not(command, tmp_path):
    file = write_file(tmp_path / "a.root", 500)
    done = command("files", "--verify", file)
    assert done.code == 0, done.err
    assert "branches verified" in done.out
    damage(file)
    done = command("files", "--verify", file)
    assert done.code in (8020 & 0xFF, 8021 & 0xFF), done.out


def test_verify_says_that_a_foreign_file_has_no_digests(command):
    done = command("files", "--verify", EDM)
    assert done.code == 8020 & 0xFF
    assert "PoolOutputModule did not write it" in done.err


def test_after_a_bad_file_the_others_are_shown_and_the_first_error_decides(command, tmp_path):
    file = write_file(tmp_path / "good.root", 2)
    (tmp_path / "empty.root").touch()
    done = command("files", "empty.root", "none.root", file, "-j", "golden.json")
    assert done.code == 8020 & 0xFF
    assert "2 events in 1 files" in done.out
    assert "it is empty" in done.err.splitlines()[0]
    assert "did you mean" in done.err.splitlines()[1]
    assert not (tmp_path / "golden.json").exists()


@pytest.mark.parametrize("path", ["no/folder/golden.json", "."])
def test_a_json_that_cannot_be_written_is_an_error(command, tmp_path, path):
    file = write_file(tmp_path / "a.root", 1)
    assert command("files", file, "-j", path).code == 8033 & 0xFF
