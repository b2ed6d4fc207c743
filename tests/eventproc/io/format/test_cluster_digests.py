import json

import numpy as np
import pytest

from eventproc.errors import FileReadError
from eventproc.io.format.cluster_digests import ClusterDigests, DigestCheck
from eventproc.io.format.column_buffer import crc32
from eventproc.io.format.file_metadata import METADATA_KEY, Completion
from eventproc.io.merging.merge import merge_files
from eventproc.io.merging.merge_part import Part
from eventproc.io.reading.native_layout import NativeLayout
from eventproc.io.root.column import Column
from eventproc.io.root.root_file import RootFile
from tests.eventproc.io.tracks import write_file

LENGTHS = np.array([2, 0, 3, 1, 4, 0, 2])
OFFSETS = np.concatenate([[0], np.cumsum(LENGTHS)])
VALUES = np.arange(12, dtype=np.int32)
ENDS = (3, 4, 7)


def written():
    digests = ClusterDigests()
    running = {"x": 0, "nx": 0}
    for begin, end in zip((0, *ENDS), ENDS, strict=False):
        running["x"] = crc32(VALUES[OFFSETS[begin] : OFFSETS[end]], running["x"])
        running["nx"] = crc32(LENGTHS[begin:end].astype("<i4"), running["nx"])
        digests.end_cluster(end, running)
    return digests.completion(complete=True, events=7, digests=running)


def compare(check, start, stop, values=VALUES):
    offsets = OFFSETS[start : stop + 1] - OFFSETS[start]
    check.compare_counts("nx", offsets, start)
    check.compare("x", Column(offsets, values[OFFSETS[start] : OFFSETS[stop]]), start)


READINGS = [
    [(0, 7)],
    [(0, 3), (3, 4), (4, 7)],
    [(4, 7)],
    [(0, 1), (1, 6), (6, 7)],
    [(4, 5), (5, 7)],
    [(3, 3)],
]


@pytest.mark.parametrize("reading", READINGS)
def test_what_was_written_passes_however_it_is_read(reading):
    check = DigestCheck("a.root", written())
    for start, stop in [*reading, *reading]:
        compare(check, start, stop)


@pytest.mark.parametrize(
    "reading", [[(0, 7)], [(4, 7)], [(0, 5), (5, 7)], [(4, 6), (6, 7)], [(0, 4), (4, 7)]]
)
def test_another_value_is_found_with_the_end_of_its_cluster(reading):
    check = DigestCheck("a.root", written())
    other = VALUES.copy()
    other[11] ^= 4
    for start, stop in reading[:-1]:
        compare(check, start, stop, other)
    with pytest.raises(
        FileReadError, match=r"'a\.root' is damaged: values of branch 'x' within entries \d to 6"
    ):
        compare(check, *reading[-1], other)


def test_values_that_moved_to_another_entry_are_found():
    check = DigestCheck("a.root", written())
    moved = OFFSETS.copy()
    moved[1] += 1
    with pytest.raises(FileReadError, match="'nx'"):
        check.compare_counts("nx", moved[:4], 0)


def test_files_of_before_are_compared_at_their_end():
    whole = written()
    check = DigestCheck("a.root", Completion(True, 7, whole.crc32))
    other = VALUES.copy()
    other[0] += 1
    compare(check, 0, 5, other)
    with pytest.raises(FileReadError, match="'x'"):
        compare(check, 5, 7, other)


def test_every_cluster_of_our_files_has_digests_merged_ones_too(tmp_path):
    files = [write_file(tmp_path / f"{k}.root", n, first=k * 1500) for k, n in enumerate((1500, 700))]
    merge_files([Part(str(file)) for file in files], tmp_path / "all.root")
    for path, ends in zip([*files, tmp_path / "all.root"], ([1000, 1500], [700], [1000, 2200]), strict=True):
        with RootFile(str(path)) as file:
            completion = json.loads(file.text(METADATA_KEY))["completion"]
            opened = NativeLayout(NativeLayout.Params()).open(file)
            assert completion["clusterEnds"] == ends
            assert list(opened.cluster_limits(opened.branches)) == [0, *ends]
        assert completion["clusterCrc32"].keys() == completion["crc32"].keys()
        for name, digits in completion["clusterCrc32"].items():
            assert digits[-8:] == completion["crc32"][name]
