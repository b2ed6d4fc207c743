from hypothesis import given
from hypothesis import strategies as st

from eventproc.io.reading.duplicate_checker import DuplicateChecker
from eventproc.model.event_id import EventID

IDS = st.builds(EventID, st.integers(1, 2), st.integers(1, 3), st.integers(1, 30))


@given(st.lists(st.lists(IDS, max_size=30), max_size=8))
def test_every_event_that_came_before_is_found(chunks):
    checker, seen = DuplicateChecker(), set()
    for ids in chunks:
        expected = []
        for place, event_id in enumerate(ids):
            if event_id in seen:
                expected.append(place)
            seen.add(event_id)
        assert checker.find(ids) == expected


def test_numbers_of_64_bits_are_told_apart():
    checker = DuplicateChecker()
    assert checker.find([EventID(1, 1, 2**64 - 1), EventID(1, 1, 2**64 - 2), EventID(1, 1, 2**64 - 1)]) == [2]


def test_what_is_forgotten_is_new_again():
    checker = DuplicateChecker()
    checker.find([EventID(1, 1, 1)])
    checker.forget()
    assert checker.find([EventID(1, 1, 1)]) == []


def test_one_luminosity_block_may_hold_very_many_events():
    checker = DuplicateChecker()
    for first in (0, 200_000, 100_000):
        for begin in range(first, first + 100_000, 1000):
            assert not checker.find([EventID(1, 1, begin + k) for k in range(1000)])
    assert checker.find([EventID(1, 1, n) for n in (123_456, 300_000, 0)]) == [0, 2]
