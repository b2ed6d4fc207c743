import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventproc.io.root.chunk import Chunk, plan_chunks
from eventproc.io.root.column import Column
from tests.eventproc.io.tracks import Numbers, Tracks, event_id


@pytest.mark.parametrize(
    ("limits", "start", "expected"),
    [
        ([0, 0], 0, []),
        ([0, 5], 0, [(0, 5)]),
        ([0, 4, 8, 12, 14], 0, [(0, 12), (12, 14)]),
        ([0, 30], 0, [(0, 20), (20, 30)]),
        ([0, 12, 24], 0, [(0, 12), (12, 24)]),
        ([0, 12, 24], 5, [(5, 24)]),
        ([0, 12, 24], 13, [(13, 24)]),
        ([0, 12], 12, []),
    ],
)
def test_chunks_are_whole_clusters_of_at_least_ten_and_at_most_twenty(limits, start, expected):
    assert list(plan_chunks(limits, start, 10, 20)) == expected


@given(st.lists(st.integers(1, 50), max_size=20), st.integers(0, 200), st.integers(1, 60), st.integers(1, 60))
def test_chunks_leave_no_gap_and_overlap_nowhere(clusters, start, at_least, at_most):
    limits = np.cumsum([0, *clusters]).tolist()
    chunks = plan_chunks(limits, start, at_least, at_most)
    entries = [entry for begin, end in chunks for entry in range(begin, end)]
    assert entries == list(range(start, limits[-1]))
    assert all(0 < end - begin <= at_most for begin, end in chunks)


def test_a_chunk_hands_out_the_rows_of_each_entry():
    offsets = np.array([0, 2, 2, 5])
    values = np.arange(5, dtype=np.int32)
    chunk = Chunk(0, [event_id(n) for n in range(3)], {7: (Numbers, [Column(offsets, values)])})
    assert [chunk.read(row, 7).value.tolist() for row in range(3)] == [[0, 1], [], [2, 3, 4]]
    assert np.shares_memory(chunk.read(2, 7).value, values)


def test_a_slot_that_was_not_read_is_none():
    assert Chunk(0, [event_id(0)], {}).read(0, 3) is None


def test_strings_and_one_value_per_event_are_sliced_alike():
    rows, hits, each = np.array([0, 1, 3]), np.array([0, 0, 2]), np.array([0, 1, 2])
    columns = [
        Column(rows, np.ones(3, np.float32)),
        Column(rows, np.ones(3, np.int8)),
        Column(rows, ("a", "b", "c")),
        Column(hits, np.ones(2, np.uint16)),
        Column(hits, np.ones(2)),
        Column(each, np.ones(2, np.float32)),
        Column(each, ("x", "y")),
    ]
    second = Chunk(0, [event_id(0), event_id(1)], {0: (Tracks, columns)}).read(1, 0)
    second.check()
    assert (second.finder, second.fitter, len(second.hitCell)) == (("b", "c"), ("y",), 2)
