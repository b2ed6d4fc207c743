"""Tests of the summaries of hits."""

import math

import numpy as np
import pytest

from producers.algorithms.ecal_geometry import encode_raw_id
from producers.algorithms.hit_statistics import HitSample


@pytest.fixture
def sample():
    """Three events: two hits, none, and four."""
    raw_id = encode_raw_id([-85, 85, 1, 1, 1, 6], [1, 360, 1, 5, 5, 6])
    energy = np.array([0.3, 2.0, 0.1, 0.6, 0.7, 40.0], np.float32)
    return HitSample(np.array([2, 0, 4]), raw_id, energy, np.arange(6, dtype=np.float32))


def test_hits_above_an_energy_are_counted_event_by_event(sample):
    assert sample.multiplicities(0.0).tolist() == [2, 0, 4]
    assert sample.multiplicities(0.5).tolist() == [1, 0, 3]
    assert sample.multiplicities(1e9).tolist() == [0, 0, 0]


def test_a_mean_has_the_error_of_the_spread_of_events(sample):
    mean = sample.mean_multiplicity(0.0)
    assert mean.value == pytest.approx(2.0)
    assert mean.error == pytest.approx(2.0 / math.sqrt(3))


def test_a_spectrum_adds_up_to_the_mean_multiplicity(sample):
    mean, error = sample.spectrum([0.0, 0.5, 5.0, 100.0])
    assert mean == pytest.approx([2 / 3, 1.0, 1 / 3])
    assert mean.sum() == pytest.approx(sample.mean_multiplicity(0.0).value)
    assert error == pytest.approx(
        [np.std(n, ddof=1) / math.sqrt(3) for n in ([1, 0, 1], [1, 0, 2], [0, 0, 1])]
    )


def test_towers_are_squares_of_five_crystals_with_rising_eta(sample):
    towers = sample.tower_occupancy(0.0) * 3
    assert towers.shape == (34, 72)
    lit = {
        (int(row), int(column)): towers[row, column] for row, column in zip(*np.nonzero(towers), strict=True)
    }
    assert lit == pytest.approx({(0, 0): 1, (33, 71): 1, (17, 0): 3, (18, 1): 1})


def test_times_are_of_hits_in_the_range_of_energy(sample):
    assert sample.time_quantiles(0.5, 2.0) == pytest.approx(np.quantile([1.0, 3.0, 4.0], (0.16, 0.5, 0.84)))
    assert np.isnan(sample.time_quantiles(1e3, 1e4)).all()
