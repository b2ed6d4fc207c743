"""Histograms that jobs fill: right counts, and no file from a job that failed."""

import numpy as np
import pytest
import uproot

from eventproc.errors import FileWriteError
from eventproc.io.histogram_file import write_histograms
from eventproc.model.descriptions import ComponentDescription, PathDescription, PathStep, ProcessDescription
from eventproc.runtime.builder import build
from eventproc.runtime.processor import EventProcessor
from eventproc.services.job_report import JobReport
from producers.datatypes import PFJets
from tests.flat_files import jet_hits
from tests.producers import jobs
from tests.producers.jobs import hits

JET = hits(*jet_hits())


def pf_jets(*rows):
    return PFJets(*(np.array(c, np.float32) for c in zip(*rows, strict=True)))


async def run(events, *modules):
    jobs.EVENTS[:] = events
    labels = sorted({label for event in events for label in event})
    description = ProcessDescription(
        name="TEST",
        source=ComponentDescription("Source", f"{jobs.HERE}:MemorySource", "source", {"labels": labels}),
        modules=modules,
        paths=(PathDescription("p", "Path", tuple(PathStep(m.label) for m in modules)),),
    )
    report = JobReport()
    await EventProcessor(build(description), report).run()
    return report


async def test_response_and_matching_of_jets(tmp_path):
    eta, phi = 0.2, 0.75  # near the jet of jet_hits
    reference = pf_jets((1000, eta, phi), (500, -eta, phi), (10, eta, phi), (500, 2.0, phi))
    report = await run(
        [{"ecalRecHits": JET, "ak5PFJets": reference}],
        ComponentDescription("EDProducer", "EcalCrystalProducer", "ecalCrystals"),
        ComponentDescription("EDProducer", "EcalJetProducer", "ecalJets"),
        ComponentDescription(
            "EDAnalyzer", "JetResponseAnalyzer", "response", {"fileName": str(tmp_path / "h.root")}
        ),
    )
    assert not report.errors, report.errors
    with uproot.open(tmp_path / "h.root") as file:
        counts = {name: int(file[name].to_hist().sum(flow=True)) for name in file.keys(cycle=False)}
        response = file["response"].to_hist()
    # The third has too little ET, the fourth lies outside the acceptance.
    assert counts == {"et_matched": 1, "et_unmatched": 1, "deltaR": 1, "response": 1}
    assert response[0.45j] == 1


async def test_a_failed_job_writes_no_histograms(tmp_path):
    broken = hits(JET.rawId, np.full(len(JET), np.nan))
    report = await run(
        [{"ecalRecHits": broken, "ak5PFJets": pf_jets((50, 0, 0))}],
        ComponentDescription("EDProducer", "EcalCrystalProducer", "ecalCrystals", {"strict": True}),
        ComponentDescription("EDProducer", "EcalJetProducer", "ecalJets"),
        ComponentDescription(
            "EDAnalyzer", "JetResponseAnalyzer", "response", {"fileName": str(tmp_path / "h.root")}
        ),
    )
    assert report.exit_code == 8016
    assert list(tmp_path.iterdir()) == []


def test_histograms_that_cannot_be_written_are_an_error(tmp_path):
    with pytest.raises(FileWriteError, match="nowhere"):
        write_histograms(tmp_path / "nowhere" / "h.root", {})
