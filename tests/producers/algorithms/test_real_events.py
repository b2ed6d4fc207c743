"""Tests of the algorithms on 100 collisions recorded by CMS in 2012."""

import numpy as np
import pytest
import uproot

from producers.algorithms.ecal_geometry import crystal_positions, is_barrel_id, transverse_energy, wrap_phi
from producers.algorithms.image_specification import ImageSpecification
from producers.algorithms.jet_clustering import cluster_jets
from producers.algorithms.jet_image import draw_jet_images
from producers.algorithms.rechit_selection import RecHitSelection


@pytest.fixture(scope="module")
def columns():
    """The hits of each event by column, filled at the first test."""
    return {}


@pytest.fixture
def events(cms_events, columns):
    if not columns:
        with uproot.open(cms_events / "cms2012_ebhits.root") as file:
            branches = file["Events"].arrays(filter_name="EBHit_*", library="np")
        columns.update({name.removeprefix("EBHit_"): values for name, values in branches.items()})
    names = ("rawId", "energy", "eta", "phi")
    return list(zip(*(columns[name] for name in names), strict=True))


def test_crystals_are_where_the_reconstruction_puts_them(events):
    raw_id, _, true_eta, true_phi = (np.concatenate(column) for column in zip(*events, strict=True))
    assert is_barrel_id(raw_id).all()
    eta, phi = crystal_positions(raw_id)
    assert np.abs(eta - true_eta).max() < 5.1e-4
    assert np.abs(wrap_phi(phi - true_phi)).max() < 2.8e-4


def test_negative_energies_are_dropped_and_counted(events):
    negative = 0
    for raw_id, energy, *_ in events:
        kept, dropped = RecHitSelection().select(raw_id, energy)
        negative += dropped.negative
        assert kept.sum() + dropped.total == len(raw_id)
        assert dropped.invalid_id == dropped.bad_severity == 0
    assert negative == sum(int((energy <= 0).sum()) for _, energy, *_ in events) > 1000


def test_jets_and_their_images_are_those_that_were_found_before(events):
    jets_by_event, specification = [], ImageSpecification()
    for raw_id, energy, *_ in events:
        kept, _ = RecHitSelection().select(raw_id, energy)
        eta, phi = crystal_positions(raw_id[kept])
        jets = cluster_jets(transverse_energy(energy[kept], eta), eta, phi, et_min=20.0)
        images = draw_jet_images(specification, energy[kept], eta, phi, jets.pt, jets.eta, jets.phi)
        # A jet's crystals lie within its window but for stray ones; others may lie there too.
        assert (images.counts > 0).all()
        assert (images.dense(224).sum(axis=(1, 2)) > 0.9).all()
        jets_by_event.append(jets)
    assert sum(len(jets) for jets in jets_by_event) == 84
    assert sum(len(jets) > 0 for jets in jets_by_event) == 54
    assert sum(len(jets) > 0 and jets.pt[0] > 200 for jets in jets_by_event) == 2
