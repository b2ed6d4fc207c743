"""When queued rows leave."""

from hypothesis import given
from hypothesis import strategies as st

from inference_client.batching.pacing import EXCHANGE_S, LONGEST_GAP_S, departure_wait_s, is_growing


def test_with_nothing_under_way_rows_leave_at_once():
    assert departure_wait_s(1, 64, 0, 4, since_departure_s=0.0, latency_s=1.0) == 0.0


def test_a_full_body_leaves_at_once():
    assert departure_wait_s(64, 64, 3, 4, since_departure_s=0.0, latency_s=0.06) == 0.0


def test_departures_are_spread_evenly_over_an_exchange():
    assert departure_wait_s(1, 64, 1, 8, since_departure_s=0.005, latency_s=0.06) == 0.015 - 0.005


def test_a_row_never_waits_for_a_whole_exchange_though_only_two_bodies_may_be_under_way():
    assert departure_wait_s(1, 64, 1, 2, since_departure_s=0.0, latency_s=0.06) == 0.03


def test_a_row_that_comes_after_the_gap_leaves_at_once():
    assert departure_wait_s(1, 64, 1, 8, since_departure_s=0.02, latency_s=0.06) == 0.0


def test_a_fast_server_is_never_waited_for():
    assert departure_wait_s(1, 64, 1, 8, since_departure_s=0.0, latency_s=0.004) == 0.0


def test_rows_wait_a_turn_for_those_that_come_with_them_only_while_the_server_is_busy():
    assert is_growing(1, 64, in_flight=1, has_grown=True)
    assert not is_growing(1, 64, in_flight=1, has_grown=False)
    assert not is_growing(1, 64, in_flight=0, has_grown=True)
    assert not is_growing(64, 64, in_flight=1, has_grown=True)


def test_rows_wait_for_the_company_of_the_last_body_where_another_exchange_takes_longer_than_the_server():
    quick_s, slow_s = EXCHANGE_S / 2, EXCHANGE_S * 2
    assert is_growing(1, 64, in_flight=0, has_grown=True, server_s=quick_s, missing=1)
    assert not is_growing(1, 64, in_flight=0, has_grown=True, server_s=quick_s, missing=0)
    assert not is_growing(1, 64, in_flight=0, has_grown=False, server_s=quick_s, missing=1)
    assert not is_growing(1, 64, in_flight=0, has_grown=True, server_s=slow_s, missing=1)


def test_a_server_of_no_work_counts_as_quick_also_on_a_busy_machine_where_it_takes_twice_as_long():
    assert is_growing(1, 64, in_flight=0, has_grown=True, server_s=2 * 0.00035, missing=1)


@given(
    st.integers(1, 100), st.integers(0, 8), st.integers(1, 8), st.floats(0, 10), st.floats(0, 100)
)  # fmt: skip
def test_no_row_waits_longer_than_the_longest_gap(rows, in_flight, capacity, since_s, latency_s):
    assert 0 <= departure_wait_s(rows, 64, in_flight, capacity, since_s, latency_s) <= LONGEST_GAP_S
