"""Percentiles against numpy's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_client.servers.latency_histogram import LatencyHistogram


@given(st.lists(st.floats(1e-5, 1e3), min_size=1, max_size=200), st.sampled_from([50, 95, 99]))
def test_a_percentile_is_at_most_5_percent_too_long_and_never_too_short(durations_s, percent):
    histogram = LatencyHistogram()
    for duration_s in durations_s:
        histogram.add(duration_s)
    exact_s = np.percentile(durations_s, percent, method="inverted_cdf")
    assert exact_s * 0.9999 <= histogram.percentile_s(percent) <= exact_s * 1.051


def test_without_durations_percentiles_are_zero():
    assert LatencyHistogram().percentile_s(99) == 0.0


def test_memory_does_not_grow_with_the_number_of_durations():
    histogram = LatencyHistogram()
    for n in range(20_000):
        histogram.add(1e-6 * (n + 1))
    assert len(histogram._counts) < 250
    assert histogram.percentiles().p50_s == pytest.approx(0.01, rel=0.06)
