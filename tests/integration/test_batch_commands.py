"""The commands about tasks, through the real command line, on this machine's local engine."""

import json
import re
import shlex
from pathlib import Path

import pytest

from eventproc.cli.collect import collect
from eventproc.cli.kill import kill
from eventproc.cli.logs import logs
from eventproc.cli.report import report
from eventproc.cli.resubmit import resubmit
from eventproc.cli.status import status
from eventproc.cli.submit import submit
from eventproc.errors import ConfigurationError, EventProcError
from tests.eventproc.io.tracks import write_file
from tests.integration.batch_task import COPY_CFG, same_events
from tests.integration.conftest import run_command

pytestmark = pytest.mark.timeout(400)  # jobs of several processes, on a machine that may be busy

LOCAL = ("--engine-option", "processes=2", "--ramp", 0, "--backoff", 0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("task")
    (folder / "copy_cfg.py").write_text(COPY_CFG)
    write_file(folder / "a.root", 150)
    write_file(folder / "b.root", 100, first=150)
    return folder


@pytest.fixture(scope="module")
def done(folder):
    """A task of three jobs, followed to its end."""
    words = ("copy_cfg.py", "--task", "t", "--dataset", "*.root", "--events-per-job", 90, "--follow", *LOCAL)
    return run_command(folder, "submit", *words)


def test_a_followed_task_ends_with_all_jobs_finished(done):
    assert done.code == 0, done.out + done.err
    assert "3 jobs, 250 events" in done.out
    assert "100.0% (3/3)" in done.out


def test_status_tells_scripts_everything(done, folder):
    values = json.loads(run_command(folder, "status", "t", "--json").out)
    assert values["counts"] == {"finished": 3}
    assert [job["figures"]["events"] for job in values["jobs"]] == [90, 90, 70]
    assert values["figures"]["events_per_second"]["least"] > 0
    assert values["errors"] == {}


def test_status_tells_people_a_line_for_each_job(done, folder):
    shown = run_command(folder, "status", "t", "--long", COLUMNS="80").out
    assert shown.count("finished") == 5  # percent, three jobs, title of the figures
    assert "run time [s]" in shown
    assert "CPU efficiency" in shown


def test_collected_events_are_those_of_one_job(done, folder):
    collected = run_command(folder, "getoutput", "t")
    assert collected.code == 0, collected.err
    words = ("inputFiles=a.root,b.root", "outputFile=one.root")
    assert run_command(folder, "run", "copy_cfg.py", *words).code == 0
    same_events(results(folder), folder / "one.root")


def results(folder) -> Path:
    (merged,) = (folder / "t" / "results").glob("*.root")
    return merged


def test_reports_name_what_was_processed(done, folder):
    shown = run_command(folder, "report", "t", "--outputdir", "lumis")
    assert "3 of 3 jobs finished" in shown.out
    assert json.loads((folder / "lumis" / "processedLumis.json").read_text()) == {"1": [[1, 3]]}
    assert json.loads((folder / "lumis" / "notFinishedLumis.json").read_text()) == {}


def test_a_damaged_output_is_made_again_as_the_message_says(folder):
    words = ("--dataset", "b.root", "--events-per-job", 50, "--follow", *LOCAL)
    made = run_command(folder, "submit", "copy_cfg.py", "--task", "a task", "--output-to", "far", *words)
    assert made.code == 0, made.out + made.err
    assert run_command(folder, "collect", "a task").code == 0
    (output,) = (folder / "far" / "a task").glob("*_2_1-*.root")
    assert not list(output.parent.glob(".*"))
    output.write_bytes(output.read_bytes() + b"x")
    refused = run_command(folder, "collect", "a task")
    command = shlex.split(refused.err.rsplit("eventproc ", 1)[1])
    assert command == ["resubmit", str(folder / "a task"), "--force", "--jobids", "2"]
    again = run_command(folder, *command, "--follow")
    assert again.code == 0, again.out + again.err
    assert "submitted 1 jobs again: 2" in again.out
    collected = run_command(folder, "collect", "a task")
    assert "100 events)" in collected.out, collected.err


def test_logs_are_those_of_the_jobs_asked_for(done, folder):
    shown = run_command(folder, "getlog", "t", "--jobids", "2").out
    assert "/jobs/2/runs/1-" in shown
    assert "events read" in shown
    assert "/jobs/1/" not in shown
    assert "no job has failed" in run_command(folder, "logs", "t").out


def test_a_frozen_job_runs_as_the_job_file_did(done, folder):
    ran = run_command(folder, "run", "t/jobs/3/process.json", "-j", "frozen.xml")
    assert ran.code == 0, ran.err
    assert json.loads((folder / "frozen.json").read_text())["events_written"] == 70
    refused = run_command(folder, "run", "t/process.json", "maxEvents=3")
    assert refused.code == 7000 & 0xFF
    assert "frozen job and takes no words" in refused.err


def test_an_option_of_the_engine_is_checked_at_resubmission_as_at_submission(done, folder):
    refused = run_command(
        folder, "resubmit", "t", "--force", "--jobids", 1, "--engine-option", "time=4:00:00"
    )
    assert refused.code == 8009 & 0xFF
    assert "engine 'local' has no option 'time'" in refused.err
    assert "--maxjobruntime" in refused.err
    assert json.loads(run_command(folder, "status", "t", "--json").out)["counts"] == {"finished": 3}


def test_finished_jobs_are_made_again_only_by_force(done, folder):
    refused = run_command(folder, "resubmit", "t", "--jobids", "1")
    assert refused.code == 7000 & 0xFF
    assert "--force" in refused.err
    assert "submitted 0 jobs" in run_command(folder, "resubmit", "t").out


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"files_per_job": 1, "events_per_job": 2}, "give one of --files-per-job"),
        ({}, "given: none"),
        ({"events_per_job": 5, "engine": "slrum"}, "did you mean 'slurm'"),
        ({"events_per_job": 5, "engine_option": ["process=2"]}, "did you mean 'processes'"),
        ({"events_per_job": 5, "engine_option": ["processes"]}, "name=value"),
        ({"events_per_job": 5, "engine_option": ["processes=0"]}, "one or more"),
        ({"events_per_job": 5, "dataset": ["c.root"]}, "did you mean"),
        ({"events_per_job": 5, "dataset": ["*.root", "a.root"]}, "is given twice"),
        ({"events_per_job": 5, "words": ["maxEvents=3"]}, "maxEvents and skipEvents would hold for each job"),
        ({"events_per_job": 5, "stage_out": "cp"}, "--output-to"),
        ({"events_per_job": 5, "setup": Path("none.sh")}, "is no file"),
        ({"events_per_job": 5, "lumi_mask": Path("none.json")}, "lumi mask 'none.json' cannot be read"),
    ],
)
def test_a_task_that_makes_no_sense_is_refused_before_anything_is_written(
    folder, monkeypatch, given, message
):
    monkeypatch.chdir(folder)
    with pytest.raises(EventProcError) as caught:
        submit(Path("copy_cfg.py"), task=folder / "bad", **{"dataset": ["a.root"], **given})
    assert message in str(caught.value)
    assert not (folder / "bad").exists()


def test_a_path_that_the_batch_system_cannot_carry_is_refused_before_anything_is_written(folder, monkeypatch):
    monkeypatch.chdir(folder)
    with pytest.raises(ConfigurationError, match="choose a --task without spaces"):
        submit(
            Path("copy_cfg.py"), task=folder / "b d", dataset=["a.root"], files_per_job=1, engine="htcondor"
        )
    assert not (folder / "b d").exists()


@pytest.mark.parametrize("name", ["new\nline", "not \udcff text"])
def test_a_task_whose_name_is_no_line_of_text_is_refused(folder, monkeypatch, name):
    monkeypatch.chdir(folder)
    with pytest.raises(ConfigurationError, match="choose a --task that can be printed"):
        submit(Path("copy_cfg.py"), task=folder / name, dataset=["a.root"], files_per_job=1)
    assert not (folder / name).exists()


def test_relative_paths_are_those_of_where_submission_stands(folder, monkeypatch):
    monkeypatch.chdir(folder)
    given = {"dataset": ["a.root"], "files_per_job": 1, "dry_run": True, "output_to": "far"}
    for python, written in (("env/bin/python", f"{folder}/env/bin/python"), ("python3", "python3")):
        submit(Path("copy_cfg.py"), task=Path(f"relative {python[:3]}"), python=python, **given)
        job = Path(f"relative {python[:3]}/jobs/1")
        assert f"python=${{EVENTPROC_PYTHON:-{written}}}" in (job / "run.sh").read_text().splitlines()
        assert json.loads((job / "order.json").read_text())["hooks"]["output_to"] == f"{folder}/far"


def test_a_task_is_not_written_over_another_one(done, folder):
    refused = run_command(
        folder, "submit", "copy_cfg.py", "--task", "t", "--dataset", "a.root", "--files-per-job", 1
    )
    assert refused.code == 8009 & 0xFF
    assert "holds a task already" in refused.err


def test_jobs_that_fail_are_listed_by_exit_code_and_not_tried_for_ever(folder):
    write_file(folder / "gone.dat", 20)
    words = (
        "--task",
        "failing",
        "--dataset",
        "gone.dat",
        "--events-per-job",
        10,
        "--attempts",
        2,
        "--dryrun",
    )
    prepared = run_command(folder, "submit", "copy_cfg.py", *words, *LOCAL)
    assert prepared.code == 0, prepared.err
    (folder / "gone.dat").unlink()
    followed = run_command(folder, "resubmit", "failing", "--follow")
    assert followed.code == 1
    values = json.loads(run_command(folder, "status", "failing", "--json").out)
    assert values["counts"] == {"failed": 2}
    assert values["errors"]["8020"]["jobs"] == [1, 2]
    assert [job["attempts"] for job in values["jobs"]] == [2, 2]
    assert "gone.dat" in run_command(folder, "logs", "failing").out
    collected = run_command(folder, "collect", "failing", "--partial")
    assert collected.code == 8009 & 0xFF
    assert "0 of 2 jobs are finished" in collected.err


@pytest.mark.soak
def test_identical_jobs_all_read_everything(folder):
    words = ("--task", "load", "--identical", 2, "--dataset", "b.root", "--follow")
    loaded = run_command(folder, "submit", "copy_cfg.py", *words, *LOCAL)
    assert loaded.code == 0, loaded.out + loaded.err
    assert "200 events read" in run_command(folder, "report", "load").out


def test_files_are_merged_by_hand_too(folder):
    merged = run_command(folder, "merge", "both.root", "a.root", "b.root")
    assert re.search(r"both.root: 250 events of 2 files, [0-9.]+ kB$", merged.out.strip())
    refused = run_command(folder, "merge", "both.root", "a.root")
    assert refused.code == 8009 & 0xFF
    assert "exists" in refused.err


@pytest.mark.parametrize("command", [collect, kill, logs, report, resubmit, status])
def test_a_folder_that_is_no_task_is_named_with_its_neighbours(done, folder, command):
    with pytest.raises(ConfigurationError, match=r"'.*tt' is no task"):
        command(folder / "tt")
