"""Tests of crystal ids and positions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.algorithms import ecal_geometry as geometry

FIRST_POSITIVE = 0x32010201
ENDCAP_ID = (3 << 28) | (2 << 25) | (1 << 14) | (50 << 7) | 50


def test_known_ids_decode_as_in_cmssw():
    ieta, iphi = geometry.decode_raw_id([FIRST_POSITIVE, 838861313, 838970216])
    assert ieta.tolist() == [1, -1, 85]
    assert iphi.tolist() == [1, 1, 360]


def test_known_hashed_indices():
    ids = geometry.encode_raw_id([-85, -1, 1, 85], [1, 360, 1, 360])
    assert geometry.hashed_index(ids).tolist() == [0, 85 * 360 - 1, 85 * 360, 61199]


def test_every_crystal_survives_encoding_and_its_index_is_its_place():
    assert geometry.is_barrel_id(geometry.CRYSTAL_RAW_ID).all()
    ieta, iphi = geometry.decode_raw_id(geometry.CRYSTAL_RAW_ID)
    assert np.array_equal(geometry.encode_raw_id(ieta, iphi), geometry.CRYSTAL_RAW_ID)
    assert np.array_equal(geometry.hashed_index(geometry.CRYSTAL_RAW_ID), np.arange(geometry.N_CRYSTALS))
    assert len(np.unique(geometry.CRYSTAL_RAW_ID)) == 61_200


@pytest.mark.parametrize(
    "raw_id",
    [
        0,
        -1,
        2**31,
        2**32 - 1,
        2**32 + FIRST_POSITIVE,
        ENDCAP_ID,
        FIRST_POSITIVE & ~0x1FF,
        (FIRST_POSITIVE & ~0x1FF) | 361,
        FIRST_POSITIVE & ~(0x7F << 9),
        (FIRST_POSITIVE & ~(0x7F << 9)) | (86 << 9),
        FIRST_POSITIVE | 0x20000,
    ],
)
def test_what_is_no_barrel_crystal_gets_no_place(raw_id):
    ids = np.array([raw_id, FIRST_POSITIVE], np.int64)
    assert geometry.is_barrel_id(ids).tolist() == [False, True]
    assert geometry.hashed_index(ids).tolist() == [-1, 30600]
    eta, phi = geometry.crystal_positions(ids)
    assert np.isnan([eta[0], phi[0]]).all()
    assert np.isfinite([eta[1], phi[1]]).all()


def test_ids_that_are_not_whole_numbers_get_no_place():
    ids = np.array([np.nan, np.inf, -np.inf, 1e300, FIRST_POSITIVE + 0.5, FIRST_POSITIVE])
    assert geometry.hashed_index(ids).tolist() == [-1] * 5 + [30600]


def test_ids_that_are_text_are_refused():
    with pytest.raises(TypeError, match="uint32"):
        geometry.hashed_index(["0x32010201"])


@given(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=20))
def test_no_integer_wraps_around(ids):
    index = geometry.hashed_index(np.array(ids, np.int64))
    valid = geometry.is_barrel_id(np.array(ids, np.int64))
    assert np.array_equal(index >= 0, valid)
    assert (index < geometry.N_CRYSTALS).all()


def test_large_unsigned_ids_do_not_become_negative_ones():
    assert geometry.hashed_index(np.array([2**64 - 1, FIRST_POSITIVE], np.uint64)).tolist() == [-1, 30600]


@pytest.mark.parametrize(("ieta", "iphi"), [(0, 1), (86, 1), (-86, 1), (1, 0), (1, 361)])
def test_coordinates_outside_the_barrel_are_refused(ieta, iphi):
    with pytest.raises(ValueError, match=rf"\({ieta}, {iphi}\)"):
        geometry.encode_raw_id([1, ieta], [1, iphi])


def test_positions_follow_the_measured_table():
    eta, phi = geometry.crystal_positions(geometry.encode_raw_id([1, -25, 85], [1, 11, 360]))
    assert eta == pytest.approx([0.01173, -0.43346, 1.4771])
    assert phi == pytest.approx(np.radians([-9.5 + 0.1262, 0.5 - 0.0329, 349.5 - 360 - 0.0912]))


def test_eta_is_odd_and_rises_with_the_row_and_phi_is_in_one_turn():
    rows = geometry.CRYSTAL_ETA.reshape(170, 360)
    assert (np.diff(rows[:, 0]) > 0).all()
    assert np.allclose(rows, -rows[::-1])
    assert (np.abs(geometry.CRYSTAL_PHI) <= np.pi).all()


def test_tables_cannot_be_changed_by_accident():
    with pytest.raises(ValueError, match="read-only"):
        geometry.CRYSTAL_ETA[0] = 0.0


@given(st.floats(-50.0, 50.0))
def test_wrapped_angles_point_the_same_way(angle):
    wrapped = float(geometry.wrap_phi(angle))
    assert abs(wrapped) <= np.pi + 1e-12
    assert np.cos(wrapped) == pytest.approx(np.cos(angle), abs=1e-9)
    assert np.sin(wrapped) == pytest.approx(np.sin(angle), abs=1e-9)


def test_transverse_energy_falls_with_eta():
    assert geometry.transverse_energy([10.0, 10.0], [0.0, 1.479]) == pytest.approx([10.0, 4.333], rel=1e-3)
