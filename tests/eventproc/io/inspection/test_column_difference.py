import numpy as np
import pytest

from eventproc.io.inspection.column_difference import ColumnDifference, Tolerance
from eventproc.io.root.column import Column
from eventproc.model.event_id import EventID

IDS = [EventID(1, 1, n) for n in range(3)]
NAN, INF = float("nan"), float("inf")


def column(*events, dtype=np.float64):
    content = [value for event in events for value in event]
    offsets = np.cumsum([0, *map(len, events)])
    return Column(offsets, tuple(content) if dtype is str else np.array(content, dtype))


def difference(a, b, tolerance=Tolerance()):  # noqa: B008 - a frozen value
    found = ColumnDifference("x")
    found.add(a, b, IDS, tolerance)
    return found


@pytest.mark.parametrize(
    ("a", "b", "tolerance", "differs"),
    [
        (NAN, NAN, Tolerance(), False),
        (NAN, 1.0, Tolerance(1e9, 1e9), True),
        (1.0, NAN, Tolerance(1e9), True),
        (INF, INF, Tolerance(), False),
        (INF, -INF, Tolerance(), True),
        (1.0, INF, Tolerance(1.0), True),
        (0.0, -0.0, Tolerance(), False),
        (1.0, 1.5, Tolerance(0.5), False),
        (1.0, 1.5, Tolerance(0.4, 0.1), False),
        (1.0, 1.5, Tolerance(0.4, 0.01), True),
    ],
)
def test_floats_differ_beyond_the_tolerance(a, b, tolerance, differs):
    assert difference(column([a], [], []), column([b], [], []), tolerance).differs is differs


def test_infinity_is_close_to_nothing_finite_even_with_a_relative_tolerance():
    assert difference(column([1.0], [], []), column([INF], [], []), Tolerance(0, 0.5)).differs


def test_integers_differ_by_any_amount_and_without_overflow():
    found = difference(
        column([0], [7], [], dtype=np.uint64), column([2**64 - 1], [7], [], dtype=np.uint64), Tolerance(1e30)
    )
    assert (found.different, found.largest) == (1, float(2**64 - 1))


def test_strings_are_compared_as_they_are():
    found = difference(column(["a"], ["bc", "d"], [], dtype=str), column(["a"], ["bc", "e"], [], dtype=str))
    assert (found.values, found.different, found.first) == (3, 1, IDS[1])


def test_events_of_unlike_length_are_counted_and_their_rows_left_alone():
    found = difference(column([1, 2], [3], [4]), column([1], [3], [5]))
    assert (found.events_of_other_length, found.values, found.different) == (1, 2, 1)
    assert found.first == IDS[0]


def test_chunks_add_up_and_the_first_event_stays():
    found = difference(column([1], [], []), column([2], [], []))
    found.add(column([1], [1], [1]), column([1], [4], [1]), [EventID(9, 9, n) for n in range(3)], Tolerance())
    assert (found.values, found.different, found.largest, found.first) == (4, 2, 3.0, IDS[0])
