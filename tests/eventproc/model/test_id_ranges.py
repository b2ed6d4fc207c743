import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventproc.errors import ConfigurationError
from eventproc.model.event_id import EventID
from eventproc.model.id_ranges import EventRanges, IdRanges

LUMIS = st.tuples(st.integers(1, 4), st.integers(1, 9))


def lumis(*texts):
    return IdRanges.parse_lumis(texts)


def events(*texts):
    return EventRanges.parse(texts)


@given(st.lists(st.tuples(LUMIS, LUMIS), max_size=5), LUMIS)
def test_an_id_is_in_the_union_when_it_is_in_one_of_the_ranges(ranges, lumi):
    ranges = [(min(pair), max(pair)) for pair in ranges]
    texts = [f"{a[0]}:{a[1]}-{b[0]}:{b[1]}" for a, b in ranges]
    assert lumis(*texts).contains(lumi) == any(a <= lumi <= b for a, b in ranges)


def test_a_range_may_go_over_runs():
    found = lumis("1:5-3:2")
    assert [found.contains(lumi) for lumi in ((1, 4), (1, 5), (2, 1), (2, 999), (3, 2), (3, 3))] == [
        False, True, True, True, True, False,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("7", [(7, 1), (7, 10**6)], [(6, 1), (8, 1)]),
        ("7:3", [(7, 3)], [(7, 2), (7, 4)]),
        ("7:min-7:3", [(7, 1), (7, 3)], [(7, 4)]),
        ("7:3-7:max", [(7, 3), (7, 10**6)], [(7, 2), (8, 1)]),
        ("7:3-max", [(7, 3), (9, 1)], [(7, 2)]),
        ("7-8", [(7, 1), (8, 9)], [(6, 9), (9, 1)]),
    ],
)
def test_luminosity_blocks_are_written_as_in_cmssw(text, inside, outside):
    found = lumis(text)
    assert all(found.contains(lumi) for lumi in inside)
    assert not any(found.contains(lumi) for lumi in outside)


def test_events_without_luminosity_blocks_are_those_of_the_run():
    found = events("1:10-1:20", "2:5")
    assert found.contains(EventID(1, 99, 15))
    assert found.contains(EventID(2, 1, 5))
    assert not found.contains(EventID(1, 99, 21))


def test_events_with_luminosity_blocks_order_by_them():
    found = events("1:2:10-1:3:5")
    inside = [(1, 2, 10), (1, 2, 999), (1, 3, 1), (1, 3, 5)]
    outside = [(1, 2, 9), (1, 3, 6), (1, 4, 1), (2, 2, 10)]
    assert all(found.contains(EventID(*each)) for each in inside)
    assert not any(found.contains(EventID(*each)) for each in outside)


def test_both_forms_go_together():
    found = events("1:10", "1:2:30")
    assert [found.contains(EventID(1, lumi, n)) for lumi, n in ((9, 10), (2, 30), (3, 30))] == [
        True, True, False,
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["", "x", "1:2:3", "1:5-1:4", "2:1-1:9", "1:2-1", "1:2-1:3:4", "1-2-3"])
def test_what_is_no_range_of_luminosity_blocks_is_refused(text):
    with pytest.raises(ConfigurationError, match="is not a range of luminosity blocks; write"):
        lumis(text)


@pytest.mark.parametrize("text", ["", "1", "1:5-1:4", "1:1:5-1:9", "1:2:3:4", "a:b", "1:2:3-1:2:2"])
def test_what_is_no_range_of_events_is_refused(text):
    with pytest.raises(ConfigurationError, match="is not a range of events; write"):
        events(text)
