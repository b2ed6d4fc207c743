"""Makes the jets that training reads out of files of events, by a job of the modules that serve."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import eventproc.config as cms
from eventproc.cli.run import run_description
from eventproc.config.freeze import freeze
from eventproc.model.descriptions import ProcessDescription
from eventproc.services.job_report import JobReport
from producers.training.dataset import JET_ET_MIN, file_number
from producers.training.jet_sample_writer import JetSampleWriter


class PreparationError(RuntimeError):
    """A file of events did not become jets."""


def prepare_jets(files: Iterable[Path], folder: Path) -> Iterator[Path]:
    """Runs the chain from hits to labelled jets on each file; what is there already is kept.

    Args:
        files: Of events, in any layout, with hits and hard partons; named such as ``top-0004.root``: every
            fifth number is held out.
        folder: Of training; the jets go to its subfolder ``jets``.

    Yields:
        Path of the jets of each file.

    Raises:
        PreparationError: A job failed, or a file has no events with jets of known origin.
        ValueError: The name of a file ends in no number.
    """
    (folder / "jets").mkdir(parents=True, exist_ok=True)
    for file in files:
        file_number(file)
        jets = folder / "jets" / f"{file.stem}.npz"
        if not jets.exists():
            report = JobReport()
            run_description(describe_job(file, jets), report)
            if report.errors or not jets.exists():
                cause = report.errors[0].message if report.errors else "it holds no jet of known origin"
                message = f"cannot make jets of {file}: {cause}"
                raise PreparationError(message)
        yield jets


def describe_job(file: Path, jets: Path) -> ProcessDescription:
    """Describes the job that reads one file of events and writes its jets."""
    process = cms.Process("TRAIN")
    process.source = cms.Source("PoolSource", fileNames=cms.untracked.vstring(str(file)))
    process.options.numberOfStreams = 1  # the jets are in the order of the events
    process.ecalCrystals = cms.EDProducer("EcalCrystalProducer")
    process.ecalJets = cms.EDProducer("EcalJetProducer", jetEtMin=cms.double(JET_ET_MIN))
    process.jetTruth = cms.EDProducer("JetTruthProducer")
    process.jetSample = cms.EDAnalyzer(
        f"{JetSampleWriter.__module__}:{JetSampleWriter.__qualname__}",
        fileName=cms.untracked.string(str(jets)),
    )
    process.p = cms.Path(process.ecalCrystals + process.ecalJets + process.jetTruth + process.jetSample)
    return freeze(process)
