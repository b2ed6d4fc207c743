"""Tests of the numbers of a jet on jets whose shape is known."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from producers.algorithms.jet_shape import FEATURES, jet_shape, measure_jet_shapes, shape_specification


def shape(et, eta, phi, jet_et=100.0, jet_mass=20.0):
    columns = (np.asarray(column, np.float64) for column in (et, eta, phi))
    return dict(zip(FEATURES, jet_shape(*columns, jet_et, jet_mass), strict=True))


def prongs(angles, distance=0.3):
    return distance * np.cos(angles), distance * np.sin(angles)


def test_one_crystal_on_the_axis_has_all_shares_and_no_width():
    found = shape([50.0], [0.0], [0.0], jet_et=math.e, jet_mass=math.e / 2)
    assert found["log_et"] == pytest.approx(1.0)
    assert found["mass_over_et"] == pytest.approx(0.5)
    assert [found[f"share_{edge}"] for edge in (0.1, 0.2, 0.4)] == [1.0, 1.0, 1.0]
    assert (found["width"], found["major"], found["minor"], found["turn_3"]) == (0.0, 0.0, 0.0, 0.0)
    assert (found["pt_d"], found["leading_share"]) == (1.0, 1.0)
    assert found["log_crystals"] == pytest.approx(math.log(2))


def test_rings_hold_the_shares_within_them():
    found = shape([4.0, 3.0, 2.0, 1.0], [0.05, 0.15, 0.3, 0.6], [0.0] * 4)
    assert [found[f"share_{edge}"] for edge in (0.1, 0.2, 0.4)] == pytest.approx([0.4, 0.7, 0.9])
    assert found["leading_share"] == pytest.approx(0.4)


def test_two_prongs_make_one_axis_and_no_third_moment():
    found = shape([1.0, 1.0], *prongs(np.array([0.4, 0.4 + np.pi])))
    assert found["major"] == pytest.approx(0.3)
    assert found["minor"] == pytest.approx(0.0, abs=1e-7)
    assert found["turn_3"] == pytest.approx(0.0, abs=1e-9)


def test_three_prongs_make_a_third_moment_and_no_axis():
    found = shape([1.0] * 3, *prongs(np.arange(3) * 2 * np.pi / 3 + 0.7))
    assert found["turn_3"] == pytest.approx(1.0)
    assert found["major"] == pytest.approx(found["minor"])


def test_crystals_outside_the_radius_do_not_count():
    assert shape([1.0, 9.0], [0.1, 0.81], [0.0, 0.0]) == shape([1.0], [0.1], [0.0])


def test_a_jet_without_crystals_has_numbers_nevertheless():
    found = shape([], [], [])
    assert np.isfinite(list(found.values())).all()
    assert found["share_0.4"] == 0.0


@settings(deadline=None)
@given(st.integers(1, 30), st.floats(0, 2 * math.pi), st.integers(0, 2**32 - 1))
def test_turning_a_jet_about_its_axis_changes_nothing(n_crystals, angle, seed):
    random = np.random.default_rng(seed)
    et = random.exponential(10.0, n_crystals) + 0.25
    # Not near an edge, where a rounding may move a crystal to the other side.
    distance, phase = random.choice([0.05, 0.15, 0.3, 0.6], n_crystals), random.uniform(0, 6, n_crystals)
    before = shape(et, *prongs(phase, distance))
    after = shape(et, *prongs(phase + angle, distance))
    assert list(after.values()) == pytest.approx(list(before.values()), abs=1e-6)


def test_all_jets_of_an_event_are_measured_about_their_own_axes_and_phi_is_wrapped():
    crystals = ([10.0, 5.0, 8.0], [0.0, 0.1, -1.0], [3.1, -3.1, 0.5])
    jets = ([15.0, 5.0], [0.03, -1.0], [3.13, 0.5], [2.0, 0.5])
    found = measure_jet_shapes(crystals, jets)
    assert found.dtype == np.float32
    assert found.shape == (2, 12)
    assert np.exp(found[:, FEATURES.index("log_crystals")]) - 1 == pytest.approx([2, 1], rel=1e-6)
    assert found[1, FEATURES.index("width")] == 0.0


def test_no_jets_have_no_rows():
    assert measure_jet_shapes(([1.0], [0.0], [0.0]), ([], [], [], [])).shape == (0, 12)


def test_the_specification_names_the_numbers_in_order():
    assert shape_specification()["features"] == list(FEATURES)
