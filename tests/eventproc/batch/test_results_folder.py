import os
from pathlib import Path

import pytest

from eventproc.batch.record_files import write_whole
from eventproc.batch.results_folder import only_collection, writing_results
from eventproc.errors import ConfigurationError, FileWriteError


def test_of_two_collections_into_one_folder_the_second_is_told_of_the_first(tmp_path):
    def collect():
        with only_collection(tmp_path):
            return True

    with only_collection(tmp_path), pytest.raises(ConfigurationError, match=r"another .*--outputdir"):
        collect()
    assert collect()


def test_a_folder_that_cannot_be_made_is_told_as_what_it_is(tmp_path):
    (tmp_path / "file").touch()
    folder = tmp_path / "file" / "results"
    with pytest.raises(FileWriteError, match=r"results cannot .*file/results"), writing_results(folder):
        pass


def test_a_text_that_a_full_disk_cuts_leaves_the_older_one(tmp_path, monkeypatch):
    write_whole(tmp_path / "a.json", "old")

    def full(self, *_, **__):
        self.touch()
        raise OSError(28, os.strerror(28), str(self))

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(FileWriteError, match="No space left"), writing_results(tmp_path):
        write_whole(tmp_path / "a.json", "new")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]
