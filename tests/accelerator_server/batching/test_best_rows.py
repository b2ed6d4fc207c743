"""BestRows: fuses as many rows as pay, whatever the device, the requests and the order of events."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accelerator_server.batching.best_rows import AROUND_S, LEAST_S, TOLERANCE, BestRows


def settled(best, took_s, waiting=1000, request_rows=1, batches=200):
    """Lets a device run, before which as many rows wait always; gives the sizes of its last batches."""
    sizes = []
    for _ in range(batches):
        fused = max(request_rows, best.rows // request_rows * request_rows)
        sizes.append(min(fused, waiting))
        best.saw(sizes[-1], took_s(sizes[-1]))
    return set(sizes[-20:])


def test_where_a_full_batch_takes_as_long_as_a_row_batches_stay_full():
    assert settled(BestRows(32), lambda _: 0.010) == {32}


def test_a_size_that_is_hopeless_ends_the_trials_of_smaller_ones():
    seen = []
    settled(BestRows(32), lambda n_rows: seen.append(n_rows) or 0.010)
    assert {*seen} == {32, 16}


def test_where_caches_are_too_small_for_full_batches_they_are_smaller():
    # ResNet-50 in float32 by onnxruntime on two cores, milliseconds a row
    row_s = {1: 21.7e-3, 2: 21.1e-3, 4: 20.4e-3, 8: 20.9e-3, 16: 21.6e-3, 32: 21.6e-3}
    assert settled(BestRows(32), lambda n_rows: row_s[n_rows] * n_rows) == {4}


def test_where_company_gains_nothing_answers_come_as_soon_as_they_can():
    assert settled(BestRows(32), lambda n_rows: 0.020 * n_rows) == {1}


def test_batches_that_are_quick_anyway_are_full():
    best = BestRows(32)
    assert settled(best, lambda n_rows: 30e-6 * n_rows) == {32}
    assert settled(best, lambda n_rows: 100e-6 * n_rows) == {32}


def test_sizes_that_requests_do_not_come_in_are_not_tried_for_ever():
    assert settled(BestRows(32), lambda n_rows: 0.010 + 0.001 * n_rows, request_rows=12) == {24}
    assert settled(BestRows(32), lambda n_rows: 0.010 * n_rows, request_rows=32) == {32}


def test_few_that_wait_are_no_reason_to_fuse_fewer():
    best = BestRows(32)
    assert settled(best, lambda n_rows: 0.020 + 0.001 * n_rows, waiting=3) == {3}
    assert best.rows == 32


def test_a_device_that_changes_is_judged_anew():
    best = BestRows(32)
    assert settled(best, lambda n_rows: 0.020 * n_rows) == {1}
    assert settled(best, lambda n_rows: 0.020 + 0.020 * n_rows) == {32}


def test_what_is_larger_than_a_batch_may_be_says_nothing():
    best = BestRows(4)
    assert not best.saw(5, 1.0)
    assert best.rows == 4


@pytest.mark.parametrize("max_rows", [1, 3, 8])
def test_it_never_exceeds_the_models_own_limit(max_rows):
    best = BestRows(max_rows)
    assert best.rows == max_rows
    assert max(settled(best, lambda n_rows: 0.010 + 0.001 * n_rows)) == max_rows


@given(
    st.integers(1, 64),
    st.integers(1, 64),
    st.dictionaries(st.integers(1, 64), st.floats(1.0, 1.2)),
    st.floats(LEAST_S, 0.1),
)
def test_no_other_size_would_be_better_by_more_than_the_tolerance(max_rows, waiting, factors, row_s):
    def took_s(n_rows):
        return factors.get(n_rows, 1.0) * row_s * n_rows

    best = BestRows(max_rows)
    ran = settled(best, took_s, waiting)
    powers = {2**n for n in range(7)} | {max_rows}
    cost_s = {n: (took_s(n) + AROUND_S) / n for n in powers if n <= min(max_rows, waiting)}
    least_s = min(cost_s.values())
    assert all((took_s(n) + AROUND_S) / n <= (1 + TOLERANCE) * 1.000001 * least_s for n in ran & {*cost_s})
