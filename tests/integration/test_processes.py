"""A job on several processes is the job on one: same columns, counts and endings."""

import json
import signal
import subprocess

import numpy as np
import psutil
import pytest
import uproot

from tests.integration.conftest import COMMAND, ROOT, SAMPLE, environment

HEAD = """
import eventproc.config as cms
M = "tests.integration.modules:"
process = cms.Process("TEST")
process.source = cms.Source("EmptySource")
process.maxEvents.input = {events}
process.options.numberOfProcesses = 2
process.count = cms.EDProducer(M + "MakeCount")
process.p = cms.Path(process.count)
process.out = cms.OutputModule("PoolOutputModule", fileName="out.root")
process.e = cms.EndPath(process.out)
"""


def metadata(path):
    with uproot.open(path) as file:
        return json.loads(str(file["eventproc"]))


def of_runs(report):
    """What of a report must not depend on the number of processes."""
    outputs = [{**out, "checksum": None, "size_bytes": 0} for out in report["outputs"]]
    names = ("inputs", "events_read", "events_written", "events_unprocessed", "skipped_events")
    return {name: report[name] for name in names} | {"outputs": outputs}


def trigger_report(err):
    return [line for line in err.splitlines() if line.startswith("TrigReport")]


def histogram(path):
    with uproot.open(path) as file:
        found = file["numbers"]
        title = found.axis().all_members["fTitle"]
        return found.values().tolist(), found.variances().tolist(), found.member("fEntries"), title


def test_what_comes_out_is_what_one_process_makes(run, tmp_path):
    made = []
    for processes in (1, 2):
        job = run("processes_make", "--numThreads", processes)
        files = [metadata(tmp_path / f"{name}.root") for name in ("all", "even")]
        digests = [(of["completion"], of.get("presence", {})) for of in files]
        made.append(
            (digests, of_runs(job.report), trigger_report(job.err), histogram(tmp_path / "numbers.root"))
        )
        report = job.report
        read = run("processes_read", "--numThreads", processes)
        copied = metadata(tmp_path / "read.root")
        made[-1] += ((copied["completion"], copied["presence"]), of_runs(read.report))
        # No output but this has odd events, which `bad` on its path behind a filter has not seen.
        assert [list(presence) for _, presence in (*digests, made[-1][-2])] == [
            ["Count_bad__MAKE"], [], ["Count_bad__MAKE"],
        ]  # fmt: skip
        if processes == 1:
            for name in ("all", "even", "read"):
                (tmp_path / f"{name}.root").unlink()
    single, several = made
    for one, other in zip(single, several, strict=True):
        assert one == other
    words = [" ".join(line.split()) for line in single[2]]
    assert "TrigReport 0 0 30 27 0 3 all" in words  # in the end path
    assert "TrigReport 30 12 12 15 3 evenOnly" in words  # in the summary of modules
    assert [(part["first_event"], part["events_read"]) for part in report["processes"]] == [
        (0, 15), (15, 15),
    ]  # fmt: skip
    assert report["services"]["Timing"]["modules"]["count"]["Calls"] == 30
    assert report["services"]["RandomNumberGeneratorService"]["seeds"] == {"draw": 7}
    assert report["timing"]["TotalJobCPU"] > sum(part["cpu_s"] for part in report["processes"])
    pids = {r["pid"] for r in json.loads((tmp_path / "trace.json").read_text())["traceEvents"]}
    assert len(pids) == 2
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {
        *("all.root", "even.root", "read.root", "numbers.root", "trace.json"),
        *("FrameworkJobReport.json", "FrameworkJobReport.xml"),
    }
    provenance = metadata(tmp_path / "all.root")["processes"][0]
    assert "mergedFrom" not in provenance
    assert provenance["configuration"]["source"]["parameters"]["skipEvents"] == 0


@pytest.fixture
def job(tmp_path, command):
    """Runs a job of two processes by the real command."""

    def run_job(lines, events=40, **env):
        (tmp_path / "job_cfg.py").write_text(HEAD.format(events=events) + lines)
        return command("run", "job_cfg.py", PYTHONPATH=str(ROOT), **env)

    return run_job


def test_a_failing_process_ends_the_job_with_its_code_and_its_context(job):
    done = job(
        'process.bad = cms.EDProducer(M + "Fail", kind="FileReadError", at=[33])\nprocess.p += process.bad'
    )
    assert done.code == 8021 & 0xFF
    assert "An exception of category 'FileReadError' occurred while" in done.err
    assert "[0] Processing  Event run: 1 lumi: 1 event: 33 stream: 1" in done.err
    assert "[1] Running path 'p'" in done.err
    assert "[2] Calling method for module Fail/'bad'" in done.err
    assert "Traceback" not in done.err
    assert done.files() == ["job_cfg.py"]
    report = done.report
    assert (report["exit_code"], report["errors"][0]["message"]) == (8021, "out of cheese")
    assert report["events_failed"] == 1
    assert report["outputs"][0]["complete"] is False


def test_a_process_that_dies_ends_the_job_and_is_named(job):
    done = job('process.dies = cms.EDAnalyzer(M + "Die", at=25)\nprocess.p += process.dies')
    assert done.code == 8901 & 0xFF
    assert "process 1 of the job, for events 20 to 39, was killed by SIGKILL" in done.err
    assert done.files() == ["job_cfg.py"]


def test_a_process_cannot_be_built_where_the_job_could(job):
    done = job('process.picky = cms.EDAnalyzer(M + "OnlyInAJob")\nprocess.p += process.picky')
    assert done.code == 8009 & 0xFF
    assert "not in a part" in done.err


def test_a_signal_drains_all_processes_and_keeps_what_comes_first(job):
    number = signal.SIGTERM
    lines = (
        f'process.stop = cms.EDAnalyzer(M + "SignalJob", name="{number.name}", at=10)\n'
        "process.p += process.stop"
    )
    done = job(lines, events=400_000)
    assert done.code == 128 + number, done.err
    report = done.report
    assert (report["exit_code"], report["signal_name"]) == (9000, number.name)
    assert done.files() == ["job_cfg.py", "out.partial.root"]
    with uproot.open(done.folder / "out.partial.root") as file:
        events = file["Events"]["event"].array(library="np")
    assert np.array_equal(events, np.arange(1, len(events) + 1))
    assert 10 <= len(events) == report["outputs"][0]["events"]
    assert len(events) + report["events_unprocessed"] == 400_000
    assert not metadata(done.folder / "out.partial.root")["completion"]["complete"]


def test_the_processes_of_a_killed_job_end_and_the_next_job_cleans_up(tmp_path, command):
    lines = 'process.wait = cms.EDProducer(M + "WaitForEver", at=30)\nprocess.p += process.wait'
    (tmp_path / "job_cfg.py").write_text(HEAD.format(events=40) + lines)
    with subprocess.Popen(
        [*COMMAND, "run", "job_cfg.py"],
        cwd=tmp_path,
        env=environment(PYTHONPATH=str(ROOT)),
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        for line in process.stderr:
            if "waits for ever" in line:
                break
        children = psutil.Process(process.pid).children(recursive=True)
        process.kill()
    assert len(children) >= 1
    _, alive = psutil.wait_procs(children, timeout=20)
    assert not alive
    assert not (tmp_path / "out.root").exists()
    (tmp_path / "job_cfg.py").write_text(HEAD.format(events=4))
    assert command("run", "job_cfg.py", PYTHONPATH=str(ROOT)).code == 0
    names = [path.name for path in tmp_path.iterdir() if not path.name.startswith("FrameworkJobReport")]
    assert sorted(names) == ["job_cfg.py", "out.root"]


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ("process.maxEvents.input = -1", "EmptySource has no end"),
        ("process.source = cms.Source('PythiaSource')", "PythiaSource cannot begin in the middle"),
        (
            "process.w = cms.EDAnalyzer(M + 'WritesSomething', fileName='w.txt')\nprocess.p += process.w",
            "EDAnalyzer 'w' (tests.integration.modules:WritesSomething) writes fileName = 'w.txt' and",
        ),
    ],
)
def test_what_cannot_be_shared_is_refused_before_anything_is_written(job, lines, reason):
    done = job(lines)
    assert done.code == 8009 & 0xFF
    assert reason in done.err
    assert "numberOfProcesses = 1" in done.err or "set process.maxEvents" in done.err
    assert done.files() == ["job_cfg.py"]


def test_an_output_that_exists_is_refused_before_the_first_event(job, tmp_path):
    (tmp_path / "out.root").write_text("mine")
    done = job("")
    assert done.code == 8009 & 0xFF
    assert (tmp_path / "out.root").read_text() == "mine"
    assert done.files() == ["job_cfg.py", "out.root"]


def test_the_server_of_a_job_is_shared_by_its_processes(flagship, tmp_path):
    done = flagship(f"inputFiles={SAMPLE}", "maxEvents=30", "outputFile=one.root")
    assert done.code == 0, done.err
    single = done.report["services"]["InferenceService"]
    done = flagship(f"inputFiles={SAMPLE}", "maxEvents=30", "outputFile=two.root", "--numThreads", 2)
    assert done.code == 0, done.err
    assert done.err.count("the accelerator server is ready") == 1
    several = done.report["services"]["InferenceService"]
    (model,) = several
    asked = several[model]["asked"]
    assert [one["rows"] for one in asked] == [one["rows"] for one in single[model]["asked"]]
    assert len(asked[0]["servers"]) == 1
    digests = [metadata(tmp_path / name)["completion"]["crc32"] for name in ("one.root", "two.root")]
    scores = [{name: value for name, value in of.items() if "inference" not in name} for of in digests]
    assert scores[0] == scores[1]
