"""Tests of the hit selection."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from producers.algorithms.ecal_geometry import CRYSTAL_RAW_ID
from producers.algorithms.rechit_selection import RecHitSelection, Severity, severity_levels

GOOD, POOR, OUT_OF_TIME, FAULTY, NOISY, RECOVERED, DEAD, WEIRD, DIWEIRD = (
    1 << bit for bit in (0, 1, 2, 3, 4, 7, 10, 14, 15)
)


@pytest.mark.parametrize(
    ("flags", "energy", "severity"),
    [
        (GOOD, 1.0, Severity.GOOD),
        (GOOD | WEIRD, 1.0, Severity.GOOD),
        (0, 1.0, Severity.GOOD),
        (POOR, 1.0, Severity.PROBLEMATIC),
        (NOISY | RECOVERED, 1.0, Severity.RECOVERED),
        (OUT_OF_TIME, 1.99, Severity.GOOD),
        (OUT_OF_TIME, 2.0, Severity.TIME),
        (OUT_OF_TIME | POOR, 1.0, Severity.PROBLEMATIC),
        (WEIRD, 1.0, Severity.WEIRD),
        (DIWEIRD | OUT_OF_TIME, 5.0, Severity.WEIRD),
        (FAULTY | WEIRD, 1.0, Severity.BAD),
        (DEAD, 1.0, Severity.BAD),
    ],
)
def test_severity_is_ranked_as_in_cmssw(flags, energy, severity):
    assert severity_levels([flags], [energy])[0] == severity


def test_each_dropped_hit_is_counted_once_under_its_first_reason():
    raw_id = CRYSTAL_RAW_ID[:9].copy()
    raw_id[0] = 0
    energy = np.array([np.nan, np.nan, np.inf, -1.0, 0.0, 0.25, 5.0, 5.0, 5.0], np.float32)
    flags = np.array([WEIRD, WEIRD, GOOD, WEIRD, GOOD, WEIRD, WEIRD, OUT_OF_TIME, GOOD], np.uint32)
    kept, dropped = RecHitSelection().select(raw_id, energy, flags)
    assert kept.tolist() == [False] * 8 + [True]
    assert (dropped.invalid_id, dropped.not_finite, dropped.negative) == (1, 2, 2)
    assert (dropped.below_threshold, dropped.bad_severity, dropped.out_of_time) == (1, 1, 1)
    assert dropped.total == 8


def test_without_flags_every_hit_is_good():
    kept, dropped = RecHitSelection().select(CRYSTAL_RAW_ID[:3], [1.0, 2.0, 3.0])
    assert kept.all()
    assert dropped.total == 0


def test_the_threshold_itself_is_dropped_and_can_be_chosen():
    kept, _ = RecHitSelection(energy_min=1.0).select(CRYSTAL_RAW_ID[:2], [1.0, np.nextafter(1.0, 2.0)])
    assert kept.tolist() == [False, True]


def test_an_event_without_hits_selects_nothing():
    kept, dropped = RecHitSelection().select(np.zeros(0, np.uint32), np.zeros(0, np.float32))
    assert kept.shape == (0,)
    assert dropped.total == 0


def test_columns_of_different_length_are_refused():
    with pytest.raises(ValueError, match=r"\(2,\) ids, \(1,\) energies"):
        RecHitSelection().select(CRYSTAL_RAW_ID[:2], [1.0])


@given(
    energy=npst.arrays(np.float32, 30, elements=st.floats(width=32)),
    raw_id=npst.arrays(np.uint32, 30),
    flags=npst.arrays(np.uint32, 30),
)
def test_kept_and_dropped_add_up_and_what_is_kept_is_usable(energy, raw_id, flags):
    raw_id[::2] = CRYSTAL_RAW_ID[:15]
    kept, dropped = RecHitSelection().select(raw_id, energy, flags)
    assert kept.sum() + dropped.total == 30
    assert np.isfinite(energy[kept]).all()
    assert (energy[kept] > 0.25).all()
    assert np.isin(raw_id[kept], CRYSTAL_RAW_ID).all()
