"""Small jobs around the physics modules: hits in memory, one module chain, everything that came out."""

from typing import Any

import numpy as np

from eventproc.model.branch import BranchDescription
from eventproc.model.descriptions import (
    ComponentDescription,
    PathDescription,
    PathStep,
    ProcessDescription,
    ProcessOptions,
)
from eventproc.model.event_id import EventID
from eventproc.modules import EDAnalyzer, ParameterDescription, Source, SourceEvent
from eventproc.runtime.builder import build
from eventproc.runtime.processor import EventProcessor
from eventproc.services.job_report import JobReport
from producers import datatypes
from producers.datatypes import EcalRecHits, GenPartons, Jets, JetTruth, PFJets, TopTags
from tests.flat_files import jet_hits

HERE = "tests.producers.jobs"

EVENTS: list[dict[str, Any]] = []
"""Products by label of each event that MemorySource hands out."""
COLLECTED: list[dict[str, Any]] = []
"""Products by type name of each event that Collect saw."""

PRODUCTS = {
    "ecalRecHits": EcalRecHits,
    "genPartons": GenPartons,
    "ak5PFJets": PFJets,
    "ecalJets": Jets,
    "topTags": TopTags,
    "jetTruth": JetTruth,
}


class MemorySource(Source):
    """Events out of EVENTS."""

    class Params(ParameterDescription):
        labels: list[str] = []

    def __init__(self, params, process):
        self.labels = params.labels
        self.slots = {}
        self.n = 0

    def branches(self):
        return [
            BranchDescription(PRODUCTS[label].name(), label, "", "RECO", PRODUCTS[label].schema())
            for label in self.labels
        ]

    def bind(self, bindings):
        self.slots = {b.slot: b.branch.label for b in bindings}

    async def next_event(self):
        if self.n == len(EVENTS):
            return None
        products = EVENTS[self.n]
        self.n += 1
        return SourceEvent(EventID(1, 1, self.n), lambda slot: products.get(self.slots.get(slot, "")))


class Collect(EDAnalyzer):
    """Keeps every product of a few types."""

    class Params(ParameterDescription):
        products: dict[str, str] = {}

    def __init__(self, params, declare):
        self.tokens = {
            name: declare.consumes(getattr(datatypes, name), tag) for name, tag in params.products.items()
        }

    def analyze(self, event):
        COLLECTED.append({name: event.get(token) for name, token in self.tokens.items()})


CHAIN = {
    "ecalCrystals": "EcalCrystalProducer",
    "ecalJets": "EcalJetProducer",
    "jetImages": "JetImageProducer",
    "jetTruth": "JetTruthProducer",
    "topTags": "TopTagger",
    "shapeTags": "JetShapeTagger",
}
KINDS = {
    "ecalCrystals": {"EcalCrystals": "ecalCrystals", "DroppedHits": "ecalCrystals"},
    "ecalJets": {"Jets": "ecalJets"},
    "jetImages": {"JetImages": "jetImages"},
    "jetTruth": {"JetTruth": "jetTruth"},
    "topTags": {"TopTags": "topTags", "InferenceRecord": "topTags:inference"},
    "shapeTags": {"TopTags": "shapeTags", "InferenceRecord": "shapeTags:inference"},
}


async def run_chain(events, *labels, servers=(), fallback=False, streams=1, service=None, **parameters):
    """Runs modules of the chain on events.

    Args:
        events: products by label, for each event.
        labels: which modules.
        servers: for the inference service.
        fallback: whether the service may fall back; its models folder does not exist.
        streams: events in flight at once.
        service: more parameters of the inference service.
        parameters: by module label.

    Returns:
        The report, and the collected products of each event.
    """
    EVENTS[:], COLLECTED[:] = events, []
    present = sorted({label for event in events for label in event})
    modules = [ComponentDescription("EDProducer", CHAIN[n], n, parameters.get(n, {})) for n in labels]
    products = {name: tag for label in labels for name, tag in KINDS[label].items()}
    modules.append(ComponentDescription("EDAnalyzer", f"{HERE}:Collect", "collect", {"products": products}))
    defaults = {"servers": list(servers), "fallback": {"enable": fallback}, "modelsFolder": "/nowhere"}
    settings = defaults | (service or {})
    description = ProcessDescription(
        name="TEST",
        source=ComponentDescription("Source", f"{HERE}:MemorySource", "source", {"labels": present}),
        modules=tuple(modules),
        services=(ComponentDescription("Service", "InferenceService", "InferenceService", settings),),
        paths=(PathDescription("p", "Path", tuple(PathStep(n) for n in (*labels, "collect"))),),
        options=ProcessOptions(numberOfStreams=streams),
    )
    report = JobReport()
    await EventProcessor(build(description), report).run()
    return report, list(COLLECTED)


def hits(raw_id, energy, flags=None, time=None):
    """A product of rec hits."""
    energy = np.asarray(energy, np.float32)
    return EcalRecHits(
        np.asarray(raw_id, np.uint32),
        energy,
        np.zeros(len(energy), np.float32) if time is None else time,
        np.ones(len(energy), np.uint32) if flags is None else np.asarray(flags, np.uint32),
    )


ONE_JET = {"ecalRecHits": hits(*jet_hits())}
NO_JET = {"ecalRecHits": hits([], [])}
TWO_JETS = {
    "ecalRecHits": hits(
        np.concatenate([jet_hits()[0], jet_hits(ieta=-40, iphi=200, width=6)[0]]),
        np.concatenate([jet_hits()[1], jet_hits(ieta=-40, iphi=200, width=6)[1]]),
    )
}
