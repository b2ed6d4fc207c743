"""Histograms that jobs fill: right counts, and no file from a job that failed."""

import numpy as np
import pytest
import uproot

from eventproc.errors import FileWriteError
from eventproc.io.format.histogram_file import write_histograms
from eventproc.model.descriptions import ComponentDescription, PathDescription, PathStep, ProcessDescription
from eventproc.runtime.builder import build
from eventproc.runtime.processor import EventProcessor
from eventproc.services.job_report import JobReport
from producers.datatypes import Jets, JetTruth, PFJets, TagStatus, TopTags
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


async def test_scores_and_jets_by_what_they_truly_are(tmp_path):
    def floats(*values):
        return np.array(values, np.float32)

    four = floats(210, 330, 450, 570)
    jets = Jets(
        four, np.zeros_like(four), np.zeros_like(four), floats(12, 32, 52, 172), four.astype(np.int32)
    )
    status = np.array([TagStatus.ok, TagStatus.ok, TagStatus.ok, TagStatus.callFailed], np.uint8)
    tags = TopTags(floats(0.11, 1.0, 0.51, np.nan), status)
    truth = JetTruth(np.array([0, 1, -1, 1], np.int8), np.zeros_like(four))
    path = tmp_path / "h.root"
    report = await run(
        [{"ecalJets": jets, "topTags": tags, "jetTruth": truth}],
        ComponentDescription("EDAnalyzer", "TopTagAnalyzer", "analysis", {"fileName": str(path)}),
    )
    assert not report.errors, report.errors
    with uproot.open(path) as file:
        histograms = {name: file[name].to_hist() for name in file.keys(cycle=False)}
    assert all(h.sum(flow=True) == h.sum() for h in histograms.values())
    filled = {name: h.axes[0].edges[:-1][h.values() > 0].round(6).tolist() for name, h in histograms.items()}
    # Lower edges of the bins; a jet without a score is in the other histograms, and in no overflow of this.
    assert filled == {
        "score_QCD": [0.1], "score_top": [0.98], "score_unknown": [0.5],
        "pt_QCD": [200], "pt_top": [320, 560], "pt_unknown": [440],
        "mass_QCD": [10], "mass_top": [30, 170], "mass_unknown": [50],
    }  # fmt: skip


async def test_jets_of_an_event_without_truth_are_unknown(tmp_path):
    one = np.array([330], np.float32)
    jets = Jets(one, np.zeros_like(one), np.zeros_like(one), one, one.astype(np.int32))
    tags = TopTags(np.array([0.5], np.float32), np.array([TagStatus.ok], np.uint8))
    truth = JetTruth(np.array([1], np.int8), np.zeros_like(one))
    event = {"ecalJets": jets, "topTags": tags}
    report = await run(
        [{**event, "jetTruth": truth}, event],
        ComponentDescription(
            "EDAnalyzer", "TopTagAnalyzer", "analysis", {"fileName": str(tmp_path / "h.root")}
        ),
    )
    assert not report.errors, report.errors
    with uproot.open(tmp_path / "h.root") as file:
        counts = {kind: int(file[f"score_{kind}"].to_hist().sum()) for kind in ("QCD", "top", "unknown")}
    assert counts == {"QCD": 0, "top": 1, "unknown": 1}


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
