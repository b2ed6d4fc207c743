import numpy as np
import pytest
import uproot

from eventproc.errors import FileOpenError, ProductNotFound
from eventproc.io.format.branch_names import name_products
from eventproc.io.format.column_buffer import ColumnBuffer
from eventproc.io.format.presence_tree import read_presence, write_presence
from eventproc.io.root.root_file import RootFile
from tests.eventproc.io.tracks import NUMBERS, TRACKS


def write(path, tracks, numbers):
    buffers = [ColumnBuffer(stored) for stored in name_products([TRACKS, NUMBERS])]
    for buffer, present in zip(buffers, (tracks, numbers), strict=True):
        buffer.presence.add(np.array(present, np.bool_))
    with uproot.recreate(path, compression=uproot.ZSTD(1)) as file:
        file["something"] = "else"
        return write_presence(file, "Events", buffers)


def read(path, entries, stored):
    with RootFile(str(path)) as file:
        return read_presence(file, "Events", entries, stored)


def test_what_some_entries_lack_is_read_back_and_nothing_else_is_written(tmp_path):
    stored = write(tmp_path / "a.root", [True, False, True], [True] * 3)
    assert list(stored) == ["Tracks_tracks__GEN"]
    found = read(tmp_path / "a.root", 3, stored)
    assert {name: present.tolist() for name, present in found.items()} == {
        "Tracks_tracks__GEN": [True, False, True]
    }


def test_without_anything_missing_there_is_no_tree(tmp_path):
    assert write(tmp_path / "a.root", [True] * 3, [True] * 3) == {}
    with uproot.open(tmp_path / "a.root") as file:
        assert file.keys(cycle=False) == ["something"]
    assert read(tmp_path / "a.root", 3, {}) == {}


def test_a_tree_that_is_not_what_was_written_is_refused(tmp_path):
    stored = write(tmp_path / "a.root", [True, False, True], [False, False, True])
    others = write(tmp_path / "b.root", [True, True, False], [False, False, True])
    with pytest.raises(FileOpenError, match=r"Tracks_tracks__GEN in tree 'EventsPresence' are not those"):
        read(tmp_path / "b.root", 3, stored)
    with pytest.raises(FileOpenError, match="3 entries and 4 were written"):
        read(tmp_path / "b.root", 4, others)
    with pytest.raises(ProductNotFound, match="no branch 'Tracks_tracks__HLT'"):
        read(tmp_path / "b.root", 3, {"Tracks_tracks__HLT": "0"})
    write(tmp_path / "c.root", [True], [True])
    with pytest.raises(FileOpenError, match="no tree 'EventsPresence'"):
        read(tmp_path / "c.root", 1, others)


def test_a_great_many_entries_take_next_to_no_room(tmp_path):
    present = np.ones(3_000_000, np.bool_)
    present[5] = False
    stored = write(tmp_path / "a.root", present, present)
    assert (tmp_path / "a.root").stat().st_size < 60_000
    assert not read(tmp_path / "a.root", len(present), stored)["Numbers_numbers_odd_GEN"][5]
