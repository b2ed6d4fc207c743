"""Tests that training sees the jets that serving sees, made by the same modules from files of events."""

import shutil
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

import eventproc.config as cms
from eventproc.cli.run import run_description
from eventproc.config.freeze import freeze
from eventproc.services.job_report import JobReport
from producers.algorithms.ecal_geometry import hashed_index
from producers.samples.generator import EventGenerator
from producers.training.dataset import cluster_shard, file_number, leading_jets, load_jets
from producers.training.event_files import PreparationError, prepare_jets
from producers.training.event_shards import EventShard

DATA = Path(__file__).parents[3] / "data"


@pytest.fixture
def sample(tmp_path):
    """The shipped events under a name that is held out."""
    return Path(shutil.copy(DATA / "top_qcd.root", tmp_path / "sample-0004.root"))


def test_jets_of_a_file_are_made_once_and_found_by_training(sample, tmp_path):
    (path,) = prepare_jets([sample], tmp_path)
    assert path == tmp_path / "jets" / "sample-0004.npz"
    jets = load_jets(tmp_path, test=True)
    assert set(jets.label) == {0, 1}
    assert np.abs(jets.crystal_eta).max() < 1.5
    assert (jets.jet_et > 150).all()
    assert len(leading_jets(jets)) == 364
    with pytest.raises(FileNotFoundError, match="no training events"):
        load_jets(tmp_path, test=False)

    written = path.stat().st_mtime_ns
    sample.unlink()  # jets that are there need no events
    assert list(prepare_jets([sample], tmp_path)) == [path]
    assert path.stat().st_mtime_ns == written


@pytest.mark.requires("samples")
def test_a_job_makes_the_jets_of_the_same_generated_events(tmp_path):
    process = cms.Process("SIM")
    process.source = cms.Source("PythiaSource", processes=cms.vstring("top"), seed=cms.uint32(77))
    process.maxEvents.input = 12
    file = tmp_path / "top-0001.root"
    process.out = cms.OutputModule("PoolOutputModule", fileName=cms.untracked.string(str(file)))
    process.e = cms.EndPath(process.out)
    report = JobReport()
    run_description(freeze(process), report)
    assert not report.errors

    list(prepare_jets([file], tmp_path))
    jets, expected = load_jets(tmp_path, test=False), cluster_shard(shard_of(EventGenerator("top", 77), 12))
    assert len(jets) > 5
    for name in ("label", "leading", "crystal_counts"):
        assert np.array_equal(getattr(jets, name), getattr(expected, name)), name
    for name in ("jet_et", "jet_mass", "crystal_et", "crystal_eta", "crystal_phi"):
        np.testing.assert_allclose(getattr(jets, name), getattr(expected, name), rtol=1e-4, atol=1e-5)


def shard_of(generator, n_events):
    events = list(islice(generator.events(), n_events))
    kept = [event.energy > 0.25 for event in events]
    pairs = list(zip(events, kept, strict=True))
    return EventShard(
        hit_counts=np.array([mask.sum() for mask in kept]),
        hit_index=np.concatenate([hashed_index(event.rawId[mask]) for event, mask in pairs]).astype(
            np.uint16
        ),
        hit_energy=np.concatenate([event.energy[mask] for event, mask in pairs]),
        parton_pdg_id=np.stack([event.parton_pdgId for event in events]),
        parton_eta=np.stack([event.parton_eta for event in events]),
        parton_phi=np.stack([event.parton_phi for event in events]),
    )


def test_a_file_without_a_number_is_neither_trained_on_nor_held_out(tmp_path):
    with pytest.raises(ValueError, match=r"top_qcd.root is held out"):
        list(prepare_jets([DATA / "top_qcd.root"], tmp_path))
    assert file_number(Path("a/top-0012.root")) == 12


def test_a_file_that_cannot_be_read_leaves_no_jets(tmp_path):
    broken = tmp_path / "top-0000.root"
    broken.write_bytes(b"no ROOT file")
    with pytest.raises(Exception, match=r"top-0000\.root"):
        list(prepare_jets([broken], tmp_path))
    assert not list((tmp_path / "jets").iterdir())


def test_a_file_without_partons_is_refused_in_words(tmp_path):
    collisions = Path(shutil.copy(DATA / "edm_rechits.root", tmp_path / "data-0000.root"))
    with pytest.raises(PreparationError, match="holds no jet of known origin"):
        list(prepare_jets([collisions], tmp_path))
    assert not list((tmp_path / "jets").iterdir())
