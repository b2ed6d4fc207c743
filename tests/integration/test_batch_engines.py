"""A small task through each batch system that can be had, from submission to the merged file."""

import subprocess
from datetime import datetime, timedelta

import pytest

from eventproc.batch.task_folder import TaskFolder
from tests.eventproc.batch.dask_cluster import dask_cluster
from tests.eventproc.io.tracks import write_file
from tests.integration.batch_task import COPY_CFG, runs_alive, same_events, wait_until
from tests.integration.conftest import run_command

pytestmark = pytest.mark.timeout(400)  # several processes one after the other, on a machine that may be busy


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "copy_cfg.py").write_text(COPY_CFG)
    write_file(tmp_path / "a.root", 90)
    return tmp_path


def submit(folder, *words):
    given = ("--task", "t", "--dataset", "a.root", "--events-per-job", 30, "--maxmemory", 500, "--ramp", 0)
    submitted = run_command(folder, "submit", "copy_cfg.py", *given, *words)
    assert submitted.code == 0, submitted.out + submitted.err
    return TaskFolder.load(folder / "t")


def assert_output_is_that_of_one_job(folder):
    collected = run_command(folder, "collect", "t")
    assert collected.code == 0, collected.err
    assert run_command(folder, "run", "copy_cfg.py", "inputFiles=a.root", "outputFile=one.root").code == 0
    (merged,) = (folder / "t" / "results").glob("*.root")
    same_events(merged, folder / "one.root")


def test_through_dask_on_another_cluster_than_was_said_at_submission(folder):
    words = ("--engine", "dask", "--engine-option", "scheduler=tcp://127.0.0.1:1", "--dryrun")
    task = submit(folder, *words)
    with dask_cluster(workers=2) as address:
        told = ("--engine-option", f"scheduler={address}")
        ran = run_command(folder, "resubmit", "t", *told, "--follow")
    assert ran.code == 0, ran.out + ran.err
    assert task.job(1).attempt(1).engine_options == {"scheduler": address}
    assert_output_is_that_of_one_job(folder)


@pytest.mark.requires("slurm")
def test_through_slurm_with_a_job_that_is_requeued_while_it_runs(folder):
    setup = folder / "setup.sh"
    # The first run of job 1 waits for ever; what Slurm starts again goes on.
    setup.write_text(
        f'case $job in */1) [ -e "{folder}/once" ] || {{ touch "{folder}/once"; sleep 600; }};; esac\n'
    )
    task = submit(folder, "--engine", "slurm", "--setup", "setup.sh")
    wait_until((folder / "once").exists)
    engine_id = task.job(1).submission(1).engine_id
    subprocess.run(["scontrol", "requeue", engine_id], check=True)
    wait_until(lambda: start_again(engine_id) and all(job.done() for job in task.jobs()))
    assert not runs_alive(task)
    assert task.job(1).attempts() == [1]
    assert_output_is_that_of_one_job(folder)


def start_again(engine_id):
    """Shortens the two minutes for which Slurm holds a requeued job back, counted from its first run's end.

    Three seconds remain: what starts right after a requeue is killed, "Job credential revoked".
    """
    shown = subprocess.run(
        ["scontrol", "show", "job", "-o", engine_id], capture_output=True, text=True, check=True
    )
    facts = dict(word.split("=", 1) for word in shown.stdout.split() if "=" in word)
    if facts["JobState"] == "PENDING" and facts["StartTime"] != "Unknown":
        start = datetime.fromisoformat(facts["StartTime"])
        if start - datetime.now() > timedelta(seconds=10):  # noqa: DTZ005 - Slurm tells local time
            subprocess.run(["scontrol", "update", f"JobId={engine_id}", "StartTime=now+3"], check=True)
    return True
