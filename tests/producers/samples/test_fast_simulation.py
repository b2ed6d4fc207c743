"""Tests of the fast simulation of the barrel."""

import dataclasses

import numpy as np
import pytest

from producers.algorithms.ecal_geometry import (
    CRYSTAL_ETA,
    CRYSTAL_PHI,
    CRYSTAL_WIDTH,
    crystal_positions,
    hashed_index,
    is_barrel_id,
)
from producers.samples.fast_simulation import (
    BarrelSimulation,
    Particles,
    ShowerShape,
    impact_points,
    shower_energies,
)

QUIET = BarrelSimulation(noise=1e-6, threshold=1e-3)
SHAPE = ShowerShape(0.25, 0.9, 0.85)


def particles(pdg_id, pt, eta=0.3, phi=1.0, charge=0.0, copies=1) -> Particles:
    """The same massless particle many times."""
    return Particles(
        pdg_id=np.full(copies, pdg_id, np.int32),
        charge=np.full(copies, float(charge)),
        pt=np.full(copies, float(pt)),
        eta=np.full(copies, float(eta)),
        phi=np.full(copies, float(phi)),
        energy=np.full(copies, float(pt * np.cosh(eta))),
    )


def test_a_photon_leaves_its_energy_where_it_points():
    hits = QUIET.simulate(particles(22, 100.0), np.random.default_rng(1))
    eta, phi = crystal_positions(hits.rawId)
    total = hits.energy.sum()
    assert total == pytest.approx(100.0 * np.cosh(0.3), rel=0.03)
    assert (hits.energy * eta).sum() / total == pytest.approx(0.3, abs=CRYSTAL_WIDTH / 2)
    assert (hits.energy * phi).sum() / total == pytest.approx(1.0, abs=CRYSTAL_WIDTH / 2)
    assert len(hits.rawId) <= 25


def test_photons_are_measured_with_the_stated_resolution():
    random = np.random.default_rng(2)
    energies = [QUIET.simulate(particles(22, 50.0, eta=0.0), random).energy.sum() for _ in range(400)]
    expected = np.hypot(0.03 / np.sqrt(50.0), 0.004)
    assert np.std(energies) / 50.0 == pytest.approx(expected, rel=0.15)


def test_the_central_crystal_holds_four_fifths_of_a_central_shower():
    centre = 100 * 360 + 50
    # The phi of the simulation is that of the regular grid, so the impact is at its centre.
    phi = np.radians(50 - 9.5)
    energies = shower_energies(CRYSTAL_ETA[centre : centre + 1], np.array([phi]), np.array([10.0]), SHAPE)
    assert energies.sum() == pytest.approx(10.0)
    assert energies[centre] / 10.0 == pytest.approx(0.80, abs=0.03)
    assert np.count_nonzero(energies) == 25
    assert abs(CRYSTAL_PHI[centre] - phi) < CRYSTAL_WIDTH / 2


def test_a_shower_on_the_phi_seam_lands_on_both_sides():
    seam = np.radians(-10.0)
    energies = shower_energies(np.array([0.1]), np.array([seam]), np.array([10.0]), SHAPE).reshape(170, 360)
    assert energies.sum() == pytest.approx(10.0)
    assert energies[:, 0].sum() == pytest.approx(energies[:, 359].sum(), rel=1e-6)


def test_a_shower_across_the_middle_lands_on_both_half_barrels():
    energies = shower_energies(np.array([0.0]), np.array([0.5]), np.array([10.0]), SHAPE).reshape(170, 360)
    assert energies[84].sum() == pytest.approx(energies[85].sum(), rel=1e-6)


def test_a_shower_at_the_end_of_the_barrel_loses_its_outer_part():
    energies = shower_energies(np.array([1.4771]), np.array([0.5]), np.array([10.0]), SHAPE)
    assert 5.0 < energies.sum() < 9.99


@pytest.mark.parametrize(("charge", "sign"), [(1.0, -1.0), (-1.0, 1.0)])
def test_charged_particles_bend_by_the_stated_angle(charge, sign):
    eta, phi, arrives = impact_points(particles(211, 5.0, eta=0.5, phi=0.0, charge=charge), 3.8)
    assert arrives.all()
    assert phi[0] == pytest.approx(sign * np.arcsin(1.29 * 0.3 * 3.8 / (2 * 5.0)))
    assert eta[0] > 0.5


def test_slow_charged_particles_never_arrive_and_straight_ones_go_straight():
    _, _, arrives = impact_points(particles(211, 0.73, charge=1.0), 3.8)
    assert not arrives.any()
    eta, phi, arrives = impact_points(particles(22, 0.1, eta=-1.2, phi=2.0), 3.8)
    assert arrives.all()
    assert (eta[0], phi[0]) == pytest.approx((-1.2, 2.0))


def test_what_flies_past_the_barrel_or_is_invisible_leaves_nothing():
    random = np.random.default_rng(3)
    for particle in (particles(22, 50.0, eta=1.6), particles(14, 50.0), particles(22, 50.0, eta=30.0)):
        assert len(QUIET.simulate(particle, random).rawId) == 0


def test_muons_and_passing_hadrons_leave_little():
    random = np.random.default_rng(4)
    muon = QUIET.simulate(particles(13, 100.0, charge=-1.0), random).energy.sum()
    assert 0.25 <= muon < 1.0
    deposits = [QUIET.simulate(particles(2112, 100.0), random).energy.sum() for _ in range(400)]
    assert np.mean(np.array(deposits) < 1.0) == pytest.approx(0.35, abs=0.08)


def test_noise_has_the_stated_rate_and_spectrum():
    nothing = particles(22, 50.0, eta=5.0)
    hits = BarrelSimulation().simulate(nothing, np.random.default_rng(5))
    # 61,200 crystals times the chance of 2.5 standard deviations, 0.00621.
    assert len(hits.rawId) == pytest.approx(380, abs=80)
    assert hits.energy.min() >= 0.1
    assert hits.energy.max() < 0.25


def test_hits_are_in_order_valid_good_and_above_threshold():
    hits = BarrelSimulation().simulate(particles(22, 30.0, copies=20), np.random.default_rng(6))
    assert is_barrel_id(hits.rawId).all()
    assert (np.diff(hashed_index(hits.rawId)) > 0).all()
    assert (hits.flags == 1).all()
    dtypes = [getattr(hits, name).dtype for name in ("rawId", "energy", "time", "flags")]
    assert dtypes == [np.uint32, np.float32, np.float32, np.uint32]


def test_times_are_precise_for_energetic_hits_and_wide_for_noise():
    random = np.random.default_rng(7)
    hits = BarrelSimulation().simulate(particles(22, 200.0, copies=300), random)
    energetic, noise = hits.time[hits.energy > 100], hits.time[hits.energy < 0.2]
    assert np.std(noise) == pytest.approx(35 * 0.04 / 0.12, rel=0.2)
    assert (np.abs(energetic) < 2.0).all()


def test_the_same_state_of_the_generator_gives_the_same_hits():
    event = dataclasses.replace(particles(211, 30.0, charge=1.0, copies=50))
    first, second = (BarrelSimulation().simulate(event, np.random.default_rng(8)) for _ in range(2))
    other = BarrelSimulation().simulate(event, np.random.default_rng(9))
    assert np.array_equal(first.energy, second.energy)
    assert np.array_equal(first.time, second.time)
    assert not np.array_equal(first.rawId, other.rawId)


def test_an_event_without_particles_is_noise():
    none = particles(22, 50.0, copies=0)
    assert 200 < len(BarrelSimulation().simulate(none, np.random.default_rng(10)).rawId) < 600
