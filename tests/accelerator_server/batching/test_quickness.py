"""Quickness: what is run in the event loop has proved that it is quick, and one slow batch ends it."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accelerator_server.batching.quickness import Quickness


def after(*batches: tuple[int, float]) -> Quickness:
    quickness = Quickness()
    for n_rows, took_s in batches:
        quickness.saw(n_rows, took_s)
    return quickness


def test_of_what_was_hardly_seen_nothing_is_promised():
    assert Quickness().longest_s(1) == math.inf
    assert after(*[(1, 1e-6)] * 3).longest_s(1) == math.inf


def test_batches_that_failed_say_nothing():
    assert after(*[(0, 0.0), (3, 0.0)] * 4).longest_s(1) == math.inf
    assert after(*[(1, 0.1)] * 4, *[(1, 0.0)] * 4).longest_s(1) == 0.1


def test_the_slowest_of_the_last_batches_counts():
    quickness = after(*[(1, 30e-6)] * 4)
    assert quickness.longest_s(1) == 30e-6
    assert quickness.longest_s(32) == pytest.approx(32 * 30e-6)
    quickness.saw(1, 5e-3)
    assert quickness.longest_s(1) == 5e-3
    for _ in range(4):
        quickness.saw(1, 30e-6)
    assert quickness.longest_s(1) == 30e-6


@given(st.integers(1, 64), st.integers(1, 64), st.floats(1e-7, 1e-3), st.floats(0, 1e-4))
def test_no_model_of_fixed_cost_and_cost_per_row_takes_longer_than_was_promised(seen, n, fixed_s, row_s):
    quickness = after(*[(seen, fixed_s + seen * row_s)] * 4)
    assert fixed_s + n * row_s <= quickness.longest_s(n) * 1.001
