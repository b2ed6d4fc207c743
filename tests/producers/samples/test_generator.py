"""Tests of the event generator; those that make events need pythia8mc."""

import dataclasses
from itertools import islice, repeat

import numpy as np
import pytest

from producers.algorithms.ecal_geometry import crystal_positions, is_barrel_id, transverse_energy
from producers.algorithms.jet_clustering import cluster_jets
from producers.samples import generator
from producers.samples.fast_simulation import Hits
from producers.samples.generator import EventGenerator, GenerationError

COLUMNS = [field.name for field in dataclasses.fields(generator.SimulatedEvent)]


def first_events(count: int = 5, **changes):
    return list(islice(EventGenerator(**{"process": "top", "seed": 7} | changes).events(), count))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"process": "ttbar"}, "QCD, top"),
        ({"seed": -1}, "seed=-1"),
        ({"pileup": -2.0}, "pileup=-2.0"),
        ({"pt_hat_min": 800.0}, "pt_hat_min < pt_hat_max"),
    ],
)
def test_what_cannot_be_generated_is_refused_at_once(change, message):
    with pytest.raises(ValueError, match=message):
        EventGenerator(**{"process": "top", "seed": 1} | change)


def test_without_pythia_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pythia8mc", None)
    with pytest.raises(GenerationError, match=r"eventproc\[samples\]"):
        next(EventGenerator("top", 1).events())


@pytest.mark.requires("samples")
def test_the_same_seed_gives_the_same_events_and_another_seed_others():
    first, second, other = first_events(), first_events(), first_events(seed=8)
    for one, two in zip(first, second, strict=True):
        for name in COLUMNS:
            assert np.array_equal(getattr(one, name), getattr(two, name)), name
    assert not np.array_equal(first[0].energy, other[0].energy)


@pytest.mark.requires("samples")
@pytest.mark.parametrize("process", ["top", "QCD"])
def test_events_have_valid_hits_and_two_hard_partons(process):
    for event in first_events(process=process):
        assert is_barrel_id(event.rawId).all()
        assert len(event.rawId) == len(event.energy) == len(event.time) == len(event.flags) > 300
        assert event.parton_pdgId.shape == event.parton_pt.shape == (2,)
        assert (np.abs(event.parton_eta) < 1.0).any()
        is_top = np.abs(event.parton_pdgId) == 6
        assert is_top.all() if process == "top" else not is_top.any()
        assert event.process == (1 if process == "top" else 0)


@pytest.mark.requires("samples")
def test_the_hardest_jet_points_to_a_hard_parton():
    matched = 0
    for event in first_events(count=20):
        eta, phi = crystal_positions(event.rawId)
        hot = event.energy > 0.25
        et = transverse_energy(event.energy[hot], eta[hot])
        jets = cluster_jets(et, eta[hot], phi[hot])
        d_phi = np.angle(np.exp(1j * (event.parton_phi - jets.phi[0])))
        matched += bool((np.hypot(event.parton_eta - jets.eta[0], d_phi) < 0.8).any())
    assert matched >= 17


@pytest.mark.requires("samples")
def test_pileup_adds_hits():
    alone, crowded = first_events(count=2), first_events(count=2, pileup=20.0)
    assert sum(len(event.rawId) for event in crowded) > 1.2 * sum(len(event.rawId) for event in alone)


@pytest.mark.requires("samples")
def test_tops_are_taken_after_radiation_and_light_partons_before():
    differences = {
        process: max(abs(float(np.diff(event.parton_pt)[0])) for event in first_events(3, process=process))
        for process in ("top", "QCD")
    }
    assert differences["top"] > 1.0  # the initial state's recoil is theirs by then
    assert differences["QCD"] < 0.01  # two partons, back to back


class Particle:
    """A final quark at right angles to the beam, as Pythia tells of it."""

    def __getattr__(self, name):
        return {"id": lambda: 1, "isFinal": lambda: True, "pT": lambda: 1.0, "e": lambda: 1.0}.get(
            name, lambda: 0.0
        )


class Counting:
    """A detector that only counts the particles of each event."""

    def __init__(self):
        self.counts = []

    def simulate(self, particles, random):
        self.counts.append(len(particles.pt))
        return Hits(*(np.zeros(0, kind) for kind in (np.uint32, np.float32, np.float32, np.uint32)))


def test_the_number_of_collisions_laid_over_an_event_follows_poisson(monkeypatch):
    hard, soft = [Particle()] * 7, [Particle()]

    def collisions(settings, seed):
        return repeat(soft if "SoftQCD:inelastic = on" in settings else hard)

    monkeypatch.setattr(generator, "_collisions", collisions)
    detector = Counting()
    events = EventGenerator("QCD", 3, pileup=4.0, simulation=detector).events()
    list(islice(events, 2000))
    laid_over = np.array(detector.counts) - len(hard)
    assert abs(laid_over.mean() - 4.0) < 0.2
    assert abs(laid_over.var() - 4.0) < 0.4


@pytest.mark.requires("samples")
def test_a_setting_that_pythia_does_not_know_is_named():
    with pytest.raises(GenerationError, match="No:such"):
        generator._start_pythia(("No:such = on",), 1)
