"""Tests of jet substructure on jets whose shape is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from producers.algorithms.substructure import MAX_SUBJETS, measure_substructure


def prongs(centres, seed=1, crystals=8, spread=0.01):
    """Equal narrow prongs at (eta, phi), in random order."""
    random = np.random.default_rng(seed)
    places = np.repeat(np.asarray(centres, np.float64), crystals, axis=0)
    places += random.uniform(-spread, spread, places.shape)
    order = random.permutation(len(places))
    return np.full(len(places), 10.0), places[order, 0], places[order, 1]


@pytest.mark.parametrize("n_prongs", [1, 2, 3])
def test_as_many_axes_as_prongs_leave_little(n_prongs):
    centres = [(0.3, 0.0), (-0.2, 0.3), (-0.1, -0.3)][:n_prongs]
    tau = measure_substructure(*prongs(centres)).tau
    assert (np.diff(tau) < 0).all()
    assert tau[n_prongs - 1] < 0.02
    if n_prongs > 1:
        assert tau[n_prongs - 2] > 0.1


def test_tau_one_is_the_mean_distance_from_the_axis_over_the_radius():
    shape = measure_substructure([1.0, 1.0], [0.4, -0.4], [0.0, 0.0])
    assert shape.tau[0] == pytest.approx(0.4 / 0.8, rel=1e-6)
    assert shape.width == pytest.approx(0.4)
    assert shape.tau[1:].tolist() == [0.0, 0.0, 0.0]
    wide = measure_substructure([1.0, 1.0], [0.4, -0.4], [0.0, 0.0], radius=1.6)
    assert wide.tau[0] == pytest.approx(0.4 / 1.6, rel=1e-6)


def test_masses_of_pairs_are_those_of_massless_prongs():
    shape = measure_substructure([100.0, 50.0, 20.0], [0.3, -0.2, -0.1], [0.0, 0.3, -0.3])

    def mass(pt, other_pt, d_eta, d_phi):
        return np.sqrt(2 * pt * other_pt * (np.cosh(d_eta) - np.cos(d_phi)))

    expected = [mass(100, 50, 0.5, 0.3), mass(100, 20, 0.4, 0.3), mass(50, 20, 0.1, 0.6)]
    assert shape.pair_masses == pytest.approx(sorted(expected, reverse=True))


def test_fragmentation_tells_one_hard_crystal_from_many_soft_ones():
    assert measure_substructure([5.0], [0.0], [0.0]).pt_d == pytest.approx(1.0)
    assert measure_substructure(np.ones(25), np.linspace(-0.1, 0.1, 25), np.zeros(25)).pt_d == pytest.approx(
        0.2
    )


def test_crystals_beyond_the_radius_do_not_count():
    inside = measure_substructure(*prongs([(0.1, 0.1)]))
    et, eta, phi = prongs([(0.1, 0.1)])
    more = measure_substructure(np.append(et, 500.0), np.append(eta, 0.79), np.append(phi, 0.2))
    assert more.n_crystals == inside.n_crystals == 8
    assert more.tau.tolist() == inside.tau.tolist()


@pytest.mark.parametrize("n_crystals", range(5))
def test_jets_of_few_crystals_have_numbers_too(n_crystals):
    shape = measure_substructure(np.ones(n_crystals), 0.1 * np.arange(n_crystals), np.zeros(n_crystals))
    assert shape.n_crystals == n_crystals
    assert np.isfinite(shape.tau).all()
    assert (shape.tau > 0).sum() == min(max(n_crystals - 1, 0), MAX_SUBJETS)


@settings(max_examples=20)
@given(seed=st.integers(0, 2**32 - 1), n_crystals=st.integers(1, 40), scale=st.floats(0.1, 100))
def test_shapes_do_not_depend_on_order_energy_scale_or_the_seam(seed, n_crystals, scale):
    random = np.random.default_rng(seed)
    et, eta, phi = random.exponential(3, n_crystals) + 0.1, *random.uniform(-0.5, 0.5, (2, n_crystals))
    shape = measure_substructure(et, eta, phi)
    order = random.permutation(n_crystals)
    other = measure_substructure(scale * et[order], eta[order], phi[order] + 2 * np.pi)
    assert other.tau == pytest.approx(shape.tau, abs=1e-9)
    assert other.pair_masses == pytest.approx(scale * shape.pair_masses, rel=1e-5, abs=1e-3 * scale)
    assert (other.width, other.pt_d) == pytest.approx((shape.width, shape.pt_d))
    assert 0 < shape.pt_d <= 1 + 1e-12
