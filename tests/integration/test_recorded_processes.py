"""What the processes of one job asked is one recording: answered from, sent again, told where it has gaps."""

import os

import pytest
import uproot

from inference_client.local_server import LocalServer
from inference_client.recording.recording import Recording
from tests.integration.conftest import CONFIGS, ROOT, SAMPLE

JOB = f"""
import eventproc.config as cms
process = cms.Process("TOPTAG")
process.load("top_tagging_cff")
process.source = cms.Source("PoolSource", fileNames=cms.untracked.vstring({str(SAMPLE)!r}))
process.maxEvents.input = 30
process.options.numberOfStreams = 4
process.InferenceService = cms.Service(
    "InferenceService", modelsFolder=cms.untracked.string({str(ROOT / "data" / "models")!r})
)
process.out = cms.OutputModule(
    "PoolOutputModule", fileName="out.root", outputCommands=["drop *", "keep *_topTags_*_*"]
)
process.p = cms.Path(process.topTagging)
process.e = cms.EndPath(process.out)
"""
RECORDS = JOB + 'process.InferenceService.recordFile = "job.rec"\n'
TWO = "process.options.numberOfProcesses = 2\n"


@pytest.fixture
def job(command, tmp_path):
    """Runs a job file, and takes away what it wrote before."""

    def run(lines):
        (tmp_path / "out.root").unlink(missing_ok=True)
        (tmp_path / "job_cfg.py").write_text(lines)
        return command("run", "job_cfg.py", PYTHONPATH=os.pathsep.join([str(CONFIGS), str(ROOT)]))

    return run


def scores(folder):
    with uproot.open(folder / "out.root") as file:
        return file["Events"]["topTags_score"].array(library="ak").to_list()


def test_two_processes_make_one_recording_that_answers_a_job_and_is_sent_again(job, command, tmp_path):
    done = job(RECORDS + TWO)
    assert done.code == 0, done.err
    assert done.files() == ["job.rec", "job_cfg.py", "out.root"]
    (asked,) = done.report["services"]["InferenceService"]["toptag_small"]["asked"]
    expected = scores(tmp_path)
    with Recording(tmp_path / "job.rec") as recording:
        assert recording.is_complete
        assert len(recording.exchanges) == asked["bodies"] > 2
    assert f"job.rec ({asked['bodies']} requests" in done.out
    done = job(JOB + 'process.InferenceService.replayFile = "job.rec"\n')
    assert done.code == 0, done.err
    assert scores(tmp_path) == expected
    with LocalServer(str(ROOT / "data" / "models"), ["--model", "toptag_small"]) as server:
        done = command(
            "replay", "job.rec", "--servers", server.address, "--speed", "max", "--tolerance", "0.001"
        )
    assert done.code == 0, done.err + done.out
    assert f"requests: {asked['bodies']}, rows: {asked['rows']}, answered: {asked['bodies']}" in done.out


def test_a_process_that_dies_leaves_what_was_asked_without_the_name(job, tmp_path):
    lines = (
        'process.dies = cms.EDAnalyzer("tests.integration.modules:Die", at=25)\nprocess.p += process.dies\n'
    )
    done = job(RECORDS + TWO + lines)
    assert done.code == 8901 & 0xFF
    partial, cfg = done.files()
    assert cfg == "job_cfg.py"
    assert partial.startswith("job.rec.partial-")
    assert "job.rec is not complete: a process did not end its part (job.rec.part1-" in done.err
    with Recording(tmp_path / partial) as recording:
        assert not recording.is_complete


def test_a_process_that_fails_ends_its_part_and_the_recording_is_complete(job, tmp_path):
    lines = (
        'process.bad = cms.EDProducer("tests.integration.modules:Fail", kind="FileReadError", at=[29])\n'
        "process.p += process.bad\n"
    )
    done = job(RECORDS + TWO + lines)
    assert done.code == 8021 & 0xFF
    assert done.files() == ["job.rec", "job_cfg.py"]
    with Recording(tmp_path / "job.rec") as recording:
        assert recording.is_complete
        assert recording.exchanges


def test_a_recording_that_exists_ends_a_job_of_two_processes_before_its_first_event(job, tmp_path):
    (tmp_path / "job.rec").write_text("precious")
    done = job(RECORDS + TWO)
    assert done.code == 8009 & 0xFF
    assert "job.rec exists; remove it or choose another name" in done.err
    assert done.files() == ["job.rec", "job_cfg.py"]
    assert (tmp_path / "job.rec").read_text() == "precious"
