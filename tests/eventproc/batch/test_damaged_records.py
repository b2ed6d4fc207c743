"""A record that was cut to nothing, or to half, costs one job at most: every file of a job in turn."""

import errno
import json
import os
from pathlib import Path

import pytest

from eventproc.batch.collection import collect_outputs
from eventproc.batch.engines.base import EngineState
from eventproc.batch.job_status import State
from eventproc.batch.lumi_report import write_lumi_report
from eventproc.batch.preparation import Splitting
from eventproc.batch.submission import kill_jobs
from eventproc.batch.task_status import figures, read_status
from eventproc.cli.status_table import status_values
from tests.eventproc.batch.paper_engine import PaperEngine, end, finish_all, submit
from tests.eventproc.batch.tasks import make_task, order, run_worker
from tests.eventproc.io.tracks import write_file


@pytest.fixture
def task(tmp_path):
    return make_task(
        tmp_path, write_file(tmp_path / "data.root", 250), splitting=Splitting(events_per_job=80)
    )


@pytest.fixture
def engine(tmp_path):
    return PaperEngine(tmp_path)


def cut(path: Path, share: float) -> Path:
    content = path.read_bytes()
    assert content
    # A wheel is one file under many names; what a crash cuts is one name's.
    path.unlink()
    path.write_bytes(content[: int(len(content) * share)])
    return path


@pytest.mark.parametrize("share", [0, 0.5])
def test_a_finished_job_whose_done_record_is_cut_runs_again_and_the_others_stay_finished(
    task, engine, tmp_path, share
):
    finish_all(task, engine)
    path = cut(task.job(2).path / "done.json", share)
    status = read_status(task, engine)
    assert [job.state for job in status.jobs] == [State.FINISHED, State.TO_RETRY, *[State.FINISHED] * 2]
    assert status.jobs[1].exit_code == 50115
    assert status.jobs[1].reason.startswith(f"record {str(path)!r} is damaged: ")
    assert collect_outputs(task, status, tmp_path / "some", partial=True).files["out"][0].events == 170
    write_lumi_report(task, status, tmp_path)
    assert submit(task, engine) == [2]
    assert read_status(task, engine).jobs[1].state is State.IDLE


def test_a_worker_that_finds_a_done_record_cut_makes_the_job_again(task):
    job = task.job(1)
    order(job)
    assert run_worker(job)[0] == 0
    cut(job.path / "done.json", 0.5)
    order(job, 2)
    code, out = run_worker(job, 2)
    assert code == 0, out
    assert (job.done().attempt, job.done().events_read) == (2, 80)


def test_a_done_record_that_is_gone_after_success_makes_its_job_one_to_be_tried_again(task, engine):
    finish_all(task, engine)
    task.job(2).forget_done()
    job = read_status(task, engine).jobs[1]
    assert (job.state, job.exit_code) == (State.TO_RETRY, 50115)
    assert "its done.json is gone" in job.reason


def test_a_file_system_that_cannot_be_read_for_now_loses_nothing(task, engine, monkeypatch):
    finish_all(task, engine)
    path = task.job(2).path / "done.json"
    read = Path.read_bytes

    def read_bytes(self):
        if self == path:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return read(self)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", read_bytes)
        status = read_status(task, engine)
        assert status.of(State.FINISHED) == [1, 3, 4]
        assert status.jobs[1].reason == f"record {str(path)!r} cannot be read: Input/output error"
    assert read_status(task, engine).of(State.FINISHED) == [1, 2, 3, 4]


@pytest.mark.parametrize("name", ["start.json", "end.json", "FrameworkJobReport.json"])
def test_what_a_run_says_of_itself_is_not_what_makes_a_job_finished(task, engine, tmp_path, name):
    status = finish_all(task, engine)
    path = cut(status.jobs[1].run.folder.path / name, 0.5)
    status = read_status(task, engine)
    assert status.of(State.FINISHED) == [1, 2, 3, 4]
    assert [job.id for job in figures(status)] == [1, 3, 4]
    told = status_values(task, status)["jobs"][1]["problems"]
    assert [str(path) in each for each in told] == [True] * (name != "FrameworkJobReport.json")
    assert collect_outputs(task, status, tmp_path / "results").files["out"][0].events == 250


def test_a_run_whose_end_is_cut_is_lost_and_says_which_file(task, engine):
    submit(task, engine)
    end(task, engine, 1, 8009)
    (run,) = task.job(1).runs()
    path = cut(run.path / "end.json", 0)
    job = read_status(task, engine).jobs[0]
    assert (job.state, job.exit_code) == (State.TO_RETRY, 50115)
    assert str(path) in job.reason


def test_an_attempt_whose_submission_is_cut_is_made_again_and_can_be_killed(task, engine):
    submit(task, engine)
    path = cut(task.job(2).path / "attempts" / "1.submitted.json", 0)
    job = read_status(task, engine).jobs[1]
    assert job.state is State.UNSUBMITTED
    assert str(path) in job.facts.problems[0]
    kill_jobs(task, engine, [job])
    assert task.job(2).kill_asked(1)
    assert submit(task, engine, [State.KILLED]) == [2]
    assert read_status(task, engine).jobs[1].state is State.IDLE


def test_limits_and_options_of_an_attempt_that_is_cut_are_those_of_the_one_before(task, engine):
    submit(task, engine, limits={"memory_mb": 3000}, options={"partition": "long"})
    end(task, engine, 1, 8036)
    submit(task, engine, limits={"memory_mb": 4000})
    path = cut(task.job(1).path / "attempts" / "2.json", 0.5)
    status = read_status(task, engine)
    assert status.jobs[0].state is State.IDLE
    assert str(path) in status.jobs[0].facts.problems[0]
    end(task, engine, 1, 8036, attempt=2)
    assert submit(task, engine) == [1]
    attempt = task.job(1).attempt(3)
    assert (attempt.limits.memory_mb, attempt.engine_options) == (3000, {"partition": "long"})


@pytest.mark.parametrize("name", ["order.json", "process.json", "run.sh", "*.whl"])
@pytest.mark.parametrize("share", [0, 0.5])
def test_what_a_worker_needs_is_made_again_at_the_next_submission(task, engine, name, share):
    folder = task.job(2).path
    (path,) = folder.glob(name)
    before = path.read_bytes()
    cut(path, share)
    assert submit(task, engine) == [1, 2, 3, 4]
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["order.json", "attempts/1.json"])
def test_a_worker_that_cannot_read_what_it_is_to_do_says_so_in_its_end(tmp_path, task, name):
    job = task.job(1)
    order(job)
    path = cut(job.path / name, 0.5)
    code, out = run_worker(job)
    assert code == 50115 & 0xFF, out
    (run,) = job.runs()
    assert run.end().exit_code == 50115
    assert f"record {str(path)!r} is damaged" in run.end().reason


def test_a_wish_to_kill_that_cannot_be_seen_now_does_not_end_a_job(task, monkeypatch):
    def fails(*_, **__):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        patch.setattr(os, "stat", fails)
        assert not task.job(1).kill_asked(1)


def test_a_folder_of_runs_that_cannot_be_read_concerns_its_job(task, engine):
    submit(task, engine)
    (task.job(3).path / "runs").touch()
    status = read_status(task, engine)
    assert [job.state for job in status.jobs] == [State.IDLE] * 4
    assert "Not a directory" in status.jobs[2].facts.problems[0]


def test_status_tells_scripts_what_each_attempt_asked_for(task, engine):
    submit(task, engine, options={"partition": "long"})
    engine.states["1.1"] = EngineState.RUNNING
    values = json.loads(json.dumps(status_values(task, read_status(task, engine))))
    assert values["jobs"][0]["engine_options"] == {"partition": "long"}
    assert values["jobs"][0]["limits"]["memory_mb"] == 1000
