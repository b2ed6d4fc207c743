from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventproc.services.distribution import Distribution


def filled(times_ns: list[int]) -> Distribution:
    distribution = Distribution()
    for time_ns in times_ns:
        distribution.add(time_ns)
    return distribution


times_of_any_size = st.lists(st.integers(0, 10**13), min_size=1)


@given(times_of_any_size)
def test_count_mean_and_extremes_are_exact(times_ns: list[int]) -> None:
    distribution = filled(times_ns)
    assert distribution.count == len(times_ns)
    assert (distribution.min_ns, distribution.max_ns) == (min(times_ns), max(times_ns))
    assert distribution.mean_ns == sum(times_ns) / len(times_ns)


@given(times_of_any_size, st.floats(0.01, 1.0))
def test_quantiles_are_good_to_two_percent(times_ns: list[int], fraction: float) -> None:
    exact = float(np.quantile(times_ns, fraction, method="inverted_cdf"))
    assert filled(times_ns).quantile_ns(fraction) == pytest.approx(exact, rel=0.02)


def test_nothing_has_zero_for_everything() -> None:
    assert set(Distribution().summary_s().values()) == {0.0}


def test_a_million_different_times_need_no_more_room_than_a_few_hundred_bins() -> None:
    rng = np.random.default_rng(1)
    distribution = filled(rng.lognormal(13, 2, 50_000).astype(int).tolist())
    assert len(distribution._bins) < 700


def test_the_summary_is_in_seconds() -> None:
    summary = filled([1_000_000_000, 3_000_000_000]).summary_s()
    assert summary["Avg"] == 2.0
    assert (summary["Min"], summary["Max"]) == (1.0, 3.0)
