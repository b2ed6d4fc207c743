import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from eventproc.io.root.column import Column, joined, taken


def column(lists):
    offsets = np.cumsum([0, *map(len, lists)])
    return Column(offsets, np.array([x for each in lists for x in each], np.int32))


def lists_of(some):
    return [list(some.content[a:b]) for a, b in zip(some.offsets[:-1], some.offsets[1:], strict=True)]


LISTS = st.lists(st.lists(st.integers(-9, 9), max_size=4), min_size=1, max_size=12)


@given(LISTS, st.data())
def test_ranges_of_a_column_are_those_entries(lists, data):
    places = sorted(data.draw(st.sets(st.integers(0, len(lists)), min_size=2, max_size=6)))
    ranges = list(zip(places[::2], places[1::2], strict=False))
    (found,) = taken([column(lists)], ranges)
    assert lists_of(found) == [each for a, b in ranges for each in lists[a:b]]
    assert found.offsets[0] == 0


@given(st.lists(LISTS, min_size=1, max_size=4))
def test_joined_columns_are_their_entries_one_after_the_other(parts):
    assert lists_of(joined([column(part) for part in parts])) == [each for part in parts for each in part]


def test_one_range_is_a_view_and_columns_of_one_axis_keep_sharing_their_offsets():
    first = column([[1], [2, 3], []])
    second = Column(first.offsets, np.ones(3, np.float32))
    one, other = taken([first, second], [(1, 3)])
    assert np.shares_memory(one.content, first.content)
    assert one.offsets is other.offsets


def test_strings_are_taken_and_joined_too():
    words = Column(np.array([0, 1, 3, 3]), ("a", "b", "c"))
    (some,) = taken([words], [(0, 1), (2, 3)])
    assert (some.content, some.offsets.tolist()) == (("a",), [0, 1, 1])
    assert joined([some, words]).content == ("a", "a", "b", "c")
