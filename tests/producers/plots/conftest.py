"""Files with an event whose jets, scores and hits are known."""

import json

import numpy as np
import pytest
import uproot

from eventproc.io.writing.tree_writer import TreeWriter
from eventproc.model.branch import BranchDescription
from eventproc.model.event_id import EventID
from producers.algorithms.ecal_geometry import crystal_positions, transverse_energy
from producers.algorithms.jet_clustering import cluster_jets
from producers.datatypes import EcalRecHits, GenPartons, InferenceRecord, Jets, JetTruth, TopTags
from tests.flat_files import jet_hits


def branch(product_type, label, process, instance=""):
    return BranchDescription(product_type.name(), label, instance, process, product_type.schema())


def hits(n):
    """Two jets, the second at the seam of azimuth."""
    parts = [jet_hits(10 + n, 50, energy=30.0), jet_hits(-40, 357, energy=40.0)]
    raw_id, energy = (np.concatenate([part[k] for part in parts]) for k in (0, 1))
    count = len(raw_id)
    return EcalRecHits(
        raw_id, energy.astype(np.float32), np.zeros(count, np.float32), np.ones(count, np.uint32)
    )


def jets(of):
    eta, phi = crystal_positions(of.rawId)
    found = cluster_jets(transverse_energy(of.energy, eta), eta, phi, et_min=200.0)
    pt, eta, phi, mass = (a.astype(np.float32) for a in (found.pt, found.eta, found.phi, found.mass))
    return Jets(pt, eta, phi, mass, found.n_constituents.astype(np.int32))


RECORD = {"model": ("toptag",), "modelVersion": ("1",), "server": ("http://gpu1:8000",), "device": ("gpu",)}


def record():
    values = {
        c.name: RECORD.get(c.name, ("x",)) if c.dtype == "str" else np.ones(1, c.dtype)
        for c in InferenceRecord.schema()
    }
    return InferenceRecord(**values)


def history(source_files, minimum=0.25):
    """A process that tagged, as provenance keeps it."""
    modules = [
        {"type": "EcalCrystalProducer", "parameters": {"energyMin": minimum}},
        {"type": "JetImageProducer", "parameters": {"image": {"pixels": 224, "window": 0.5}}},
    ]
    source = {"parameters": {"fileNames": [str(file) for file in source_files]}}
    return [{"name": "TOPTAG", "configuration": {"source": source, "modules": modules}}]


def write(path, branches, products, past=()):
    writer = TreeWriter(path.open("x+b"), branches, list(past) or [{"name": "SIM"}], uproot.ZSTD(1))
    for n, event in enumerate(products):
        writer.add(EventID(1, 1 + n // 2, 10 * n + 5), event)
    writer.finish(complete=True)
    return path


@pytest.fixture
def hit_file(tmp_path):
    """Four events of hits: 1:1:5, 1:1:15, 1:2:25, 1:2:35."""
    return write(
        tmp_path / "hits.root", [branch(EcalRecHits, "ecalRecHits", "SIM")], [(hits(n),) for n in range(4)]
    )


@pytest.fixture
def tagged_file(tmp_path, hit_file):
    """The same events with jets, scores and truth, without hits; its provenance names the file of hits."""
    branches = [
        branch(Jets, "ecalJets", "TOPTAG"),
        branch(TopTags, "topTags", "TOPTAG"),
        branch(InferenceRecord, "topTags", "TOPTAG", "inference"),
        branch(JetTruth, "jetTruth", "TOPTAG"),
        branch(GenPartons, "genPartons", "SIM"),
    ]
    tags = TopTags(np.array([0.875, np.nan], np.float32), np.array([0, 2], np.uint8))
    truth = JetTruth(np.array([1, -1], np.int8), np.array([0.1, np.nan], np.float32))
    partons = GenPartons(np.array([6], np.int32), *np.zeros((3, 1), np.float32))
    events = [(jets(hits(n)), tags, record(), truth, partons) for n in range(4)]
    return write(tmp_path / "tagged.root", branches, events, history([hit_file]))


@pytest.fixture
def page_data():
    """What a page carries, parsed back."""

    def parse(page):
        begin = page.index("const event = ") + len("const event = ")
        return json.JSONDecoder().raw_decode(page[begin:])[0]

    return parse
