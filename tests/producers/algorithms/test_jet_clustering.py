"""Tests of jet clustering."""

import subprocess
import sys

import numpy as np
import pytest

from producers.algorithms import jet_clustering
from producers.algorithms.jet_clustering import cluster_arrays, cluster_jets, cluster_pseudojets

CLUSTERINGS = [cluster_arrays, cluster_pseudojets]


def clustered_event(seed: int, n_crystals: int = 350):
    """Crystals scattered around four directions."""
    random = np.random.default_rng(seed)
    axes = np.column_stack([random.uniform(-1.2, 1.2, 4), random.uniform(-np.pi, np.pi, 4)])
    chosen = axes[random.integers(0, 4, n_crystals)] + 0.25 * random.normal(size=(n_crystals, 2))
    return random.exponential(1.5, n_crystals) + 0.2, np.clip(chosen[:, 0], -1.479, 1.479), chosen[:, 1]


@pytest.mark.parametrize("clustering", CLUSTERINGS)
def test_one_crystal_is_one_massless_jet(clustering):
    jets = cluster_jets([50.0], [0.7], [3.0], clustering=clustering)
    assert (jets.pt[0], jets.eta[0], jets.phi[0]) == pytest.approx((50.0, 0.7, 3.0))
    assert jets.mass[0] == pytest.approx(0.0, abs=1e-4)
    assert jets.n_constituents.tolist() == [1]


@pytest.mark.parametrize("clustering", CLUSTERINGS)
def test_two_crystals_within_the_radius_make_one_jet_with_their_mass(clustering):
    jets = cluster_jets([40.0, 40.0], [0.0, 0.0], [0.3, -0.3], clustering=clustering)
    assert len(jets) == 1
    assert jets.pt[0] == pytest.approx(80 * np.cos(0.3))
    assert jets.mass[0] == pytest.approx(80 * np.sin(0.3))
    assert jets.n_constituents.tolist() == [2]


@pytest.mark.parametrize("clustering", CLUSTERINGS)
def test_what_is_hard_takes_first_what_is_near_it_as_anti_kt_does(clustering):
    """Two soft crystals nearer to each other than to the hard one: kT and Cambridge/Aachen pair those."""
    jets = cluster_jets(
        [100.0, 1.0, 1.0], [0.0, 0.7, 1.3], [0.0, 0.0, 0.0], et_min=0.5, clustering=clustering
    )
    assert jets.n_constituents.tolist() == [2, 1]


@pytest.mark.parametrize("clustering", CLUSTERINGS)
def test_a_jet_on_the_phi_seam_is_one_jet(clustering):
    jets = cluster_jets([40.0, 40.0], [0.2, 0.2], [3.1, -3.1], clustering=clustering)
    assert len(jets) == 1
    assert abs(jets.phi[0]) == pytest.approx(np.pi, abs=1e-6)


@pytest.mark.parametrize("clustering", CLUSTERINGS)
def test_jets_come_hardest_first_and_soft_or_outer_ones_are_dropped(clustering):
    et, eta, phi = [30.0, 90.0, 60.0, 10.0], [0.0, 0.5, -1.4, 1.0], [0.0, 2.0, -2.0, -1.0]
    jets = cluster_jets(et, eta, phi, et_min=20.0, abs_eta_max=1.0, clustering=clustering)
    assert jets.pt == pytest.approx([90.0, 30.0])


@pytest.mark.parametrize("clustering", CLUSTERINGS)
def test_an_event_without_crystals_has_no_jets(clustering):
    jets = cluster_jets([], [], [], clustering=clustering)
    assert len(jets) == 0
    assert jets.n_constituents.dtype == np.int64


@pytest.mark.parametrize("clustering", CLUSTERINGS)
def test_an_event_below_the_threshold_has_no_jets(clustering):
    assert len(cluster_jets([1.0, 2.0], [0.0, 1.0], [0.0, 1.0], clustering=clustering)) == 0


@pytest.mark.parametrize("seed", range(20))
def test_both_ways_to_call_fastjet_agree(seed):
    event = clustered_event(seed)
    fast, slow = (cluster_jets(*event, et_min=5.0, clustering=clustering) for clustering in CLUSTERINGS)
    assert len(fast) > 0
    for name in fast.__slots__:
        assert getattr(fast, name) == pytest.approx(getattr(slow, name)), name


def test_all_energy_is_in_some_jet():
    et, eta, phi = clustered_event(7)
    jets = cluster_jets(et, eta, phi, et_min=0.0, abs_eta_max=np.inf)
    assert jets.n_constituents.sum() == len(et)
    assert (jets.pt * np.cos(jets.phi)).sum() == pytest.approx((et * np.cos(phi)).sum())


def test_the_order_of_the_crystals_does_not_matter():
    et, eta, phi = clustered_event(3)
    order = np.random.default_rng(0).permutation(len(et))
    first, second = cluster_jets(et, eta, phi), cluster_jets(et[order], eta[order], phi[order])
    assert first.pt == pytest.approx(second.pt)


@pytest.mark.parametrize("column", range(3))
def test_crystals_that_are_not_finite_are_refused(column):
    event = [np.array([50.0, 1.0]), np.array([0.0, 0.1]), np.array([0.0, 0.1])]
    event[column][1] = np.nan
    with pytest.raises(ValueError, match="1 of 2 crystals"):
        cluster_jets(*event)


@pytest.fixture
def fresh_choice():
    jet_clustering.fastest_clustering.cache_clear()
    yield
    jet_clustering.fastest_clustering.cache_clear()


def test_the_array_interface_of_the_installed_fastjet_is_used(fresh_choice):
    assert jet_clustering.fastest_clustering() is cluster_arrays


def test_without_the_array_interface_pseudojets_are_built(fresh_choice, monkeypatch):
    monkeypatch.delattr(jet_clustering.load_fastjet()._ext, "interfacemulti")
    assert jet_clustering.fastest_clustering() is cluster_pseudojets


def test_an_array_interface_that_says_something_else_is_not_used(fresh_choice, monkeypatch):
    def other(px, py, pz, energy, starts, stops, definition):
        return true_interface(py, px, pz, energy, starts, stops, definition)

    true_interface = jet_clustering.load_fastjet()._ext.interfacemulti
    monkeypatch.setattr(jet_clustering.load_fastjet()._ext, "interfacemulti", other)
    assert jet_clustering.fastest_clustering() is cluster_pseudojets
    monkeypatch.setattr(jet_clustering.load_fastjet()._ext, "interfacemulti", lambda *momenta: None)
    assert jet_clustering.fastest_clustering.__wrapped__() is cluster_pseudojets


def test_nothing_is_printed_by_fastjet():
    program = (
        "from producers.algorithms.jet_clustering import cluster_jets\n"
        "assert len(cluster_jets([50.], [0.], [0.])) == 1"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert result.stdout == ""
