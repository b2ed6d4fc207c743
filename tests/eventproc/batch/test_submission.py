"""Submission, retries, collection, reports, over an engine that runs nothing: tests write what jobs would."""

import json
import shutil

import pytest
from msgspec.structs import replace

from eventproc.batch.collection import collect_outputs, write_merged_report
from eventproc.batch.engines.table import make_engine
from eventproc.batch.errors import EngineFailure
from eventproc.batch.job_status import State
from eventproc.batch.lumi_report import write_lumi_report
from eventproc.batch.preparation import Splitting
from eventproc.batch.submission import follow, kill_jobs, submit_jobs
from eventproc.batch.task_folder import TaskFolder
from eventproc.batch.task_status import read_status, reported_latencies
from eventproc.errors import ConfigurationError, FileReadError, FileWriteError
from eventproc.io.format.publication import checksums
from tests.eventproc.batch.paper_engine import PaperEngine, end, finish_all, states, submit
from tests.eventproc.batch.tasks import make_task
from tests.eventproc.io.tracks import write_file


@pytest.fixture
def task(tmp_path):
    data = write_file(tmp_path / "data.root", 250)
    return make_task(tmp_path, data, splitting=Splitting(events_per_job=80))


@pytest.fixture
def engine(tmp_path):
    return PaperEngine(tmp_path)


def test_all_jobs_are_submitted_once(task, engine):
    assert submit(task, engine) == [1, 2, 3, 4]
    assert submit(task, engine) == []
    assert states(task, engine) == [State.IDLE] * 4


def test_of_two_people_who_submit_at_once_one_does(task, engine):
    seen = read_status(task, engine).jobs
    assert submit_jobs(task, engine, seen[:2]) == [1, 2]
    assert submit_jobs(task, engine, seen) == [3, 4]
    assert sorted(engine.errands) == ["1.1", "2.1", "3.1", "4.1"]


def test_what_an_engine_did_not_take_is_submitted_the_next_time(task, engine):
    engine.takes = 2
    with pytest.raises(EngineFailure, match="no more"):
        submit(task, engine)
    assert states(task, engine) == [State.IDLE, State.IDLE, State.UNSUBMITTED, State.UNSUBMITTED]
    engine.takes = 100
    assert submit(task, engine) == [3, 4]


def test_a_task_is_found_again_by_its_folder_alone(task, engine):
    submit(task, engine)
    again = TaskFolder.load(task.path)
    assert again.record == task.record
    assert states(again, engine) == [State.IDLE] * 4


def test_following_tries_again_what_may_pass_and_gives_up_what_may_not(task, engine, monkeypatch):
    monkeypatch.setattr("eventproc.batch.submission.POLL_S", 0.0)
    codes = {1: [0], 2: [8036, 137, 0], 3: [8009], 4: [8036, 8036, 8036, 8036]}

    def show(status):
        for engine_id in list(engine.states):
            number, attempt = map(int, engine_id.split("."))
            end(task, engine, number, codes[number][attempt - 1], attempt)

    submit(task, engine)
    ended = follow(task, engine, show)
    assert [job.state for job in ended.jobs] == [State.FINISHED, State.FINISHED, State.FAILED, State.FAILED]
    assert [job.tried for job in ended.jobs] == [1, 3, 1, 3]
    assert {code: [job.id for job in jobs] for code, jobs in ended.errors().items()} == {8009: [3], 8036: [4]}


def test_a_job_whose_folder_cannot_be_written_is_told_of_when_the_others_have_ended(
    task, engine, monkeypatch
):
    monkeypatch.setattr("eventproc.batch.submission.POLL_S", 0.0)
    (task.job(2).path / "attempts").touch()
    codes = {1: [8036, 0], 3: [0], 4: [0]}

    def show(status):
        for engine_id in list(engine.states):
            number, attempt = map(int, engine_id.split("."))
            end(task, engine, number, codes[number][attempt - 1], attempt)

    with pytest.raises(FileWriteError, match=r"jobs/2/attempts"):
        follow(task, engine, show)
    assert states(task, engine) == [
        State.FINISHED,
        State.UNSUBMITTED,
        State.FINISHED,
        State.FINISHED,
    ]


def test_a_silent_scheduler_is_reported_and_nothing_is_submitted_twice(task, engine):
    submit(task, engine)
    engine.answers = False
    status = read_status(task, engine)
    assert status.problem == "silence"
    assert {job.state for job in status.jobs} == {State.IDLE}


def test_following_waits_for_a_silent_scheduler(task, engine, monkeypatch):
    monkeypatch.setattr("eventproc.batch.submission.POLL_S", 0.0)
    submit_jobs(task, engine, read_status(task, engine).jobs[:1])
    engine.answers = False
    looks = []

    def show(status):
        looks.append(status.problem)
        engine.answers = len(looks) > 2
        for engine_id in list(engine.states) if engine.answers else []:
            end(task, engine, int(engine_id.split(".")[0]), 0)

    assert follow(task, engine, show).counts() == {State.FINISHED: 4}
    assert looks[:4] == ["silence"] * 3 + [""]


def test_finished_jobs_need_no_scheduler_that_answers(task, engine):
    finish_all(task, engine)
    engine.answers = False
    assert read_status(task, engine).problem == ""


def test_killed_jobs_stay_killed(task, engine):
    submit(task, engine)
    end(task, engine, 1, 0)
    status = read_status(task, engine)
    assert kill_jobs(task, engine, status.jobs) == [2, 3, 4]
    assert engine.killed == ["2.1", "3.1", "4.1"]
    assert states(task, engine) == [State.FINISHED, State.KILLED, State.KILLED, State.KILLED]
    assert submit(task, engine) == []


def test_jobs_that_were_never_submitted_are_killed_too(task, engine):
    assert kill_jobs(task, engine, read_status(task, engine).jobs) == [1, 2, 3, 4]
    assert engine.killed == []
    assert submit(task, engine) == []
    assert states(task, engine) == [State.KILLED] * 4
    assert submit(task, engine, [State.KILLED]) == [1, 2, 3, 4]
    assert states(task, engine) == [State.IDLE] * 4


def test_a_finished_job_is_made_again_as_another_attempt(task, engine):
    status = finish_all(task, engine)
    assert submit_jobs(task, engine, [status.jobs[1]]) == [2]
    assert list(engine.states) == ["2.2"]
    assert states(task, engine)[1] is State.IDLE
    end(task, engine, 2, 0, attempt=2)
    assert task.job(2).done().attempt == 2


def test_a_job_whose_folder_is_gone_is_made_again(task, engine):
    before = {path.name: path.read_bytes() for path in task.job(2).path.iterdir()}
    shutil.rmtree(task.job(2).path)
    assert submit(task, engine) == [1, 2, 3, 4]
    after = task.job(2).path
    assert {path.name: path.read_bytes() for path in after.iterdir() if path.is_file()} == before


def test_a_job_whose_folder_cannot_be_written_keeps_no_other_job_from_being_submitted(task, engine):
    (task.job(2).path / "attempts").touch()
    with pytest.raises(FileWriteError, match=r"jobs/2/attempts.*1 jobs are like this, and 3 jobs are sub"):
        submit(task, engine)
    assert sorted(engine.errands) == ["1.1", "3.1", "4.1"]


def test_a_job_whose_folder_cannot_be_written_keeps_no_other_job_from_being_killed(task, engine):
    submit(task, engine)
    (task.job(2).path / "attempts" / "1.kill.json").mkdir()
    with pytest.raises(FileWriteError, match=r"jobs/2/attempts/1\.kill"):
        kill_jobs(task, engine, read_status(task, engine).jobs)
    assert engine.killed == ["1.1", "2.1", "3.1", "4.1"]


def test_what_the_engine_is_told_for_some_attempts_is_recorded_and_kept_for_later_ones(task, engine):
    submit(task, engine, options={"partition": "long"})
    for number in (1, 2):
        end(task, engine, number, 50664)
    jobs = read_status(task, engine).jobs
    submit_jobs(task, engine, jobs[:1], options={"partition": "week", "qos": "high"})
    submit_jobs(task, engine, jobs[1:2])
    assert engine.told_of["1.2"] == {"partition": "week", "qos": "high"}
    assert engine.told_of["2.2"] == engine.told_of["3.1"] == {"partition": "long"}
    assert task.job(1).attempt(2).engine_options == {"partition": "week", "qos": "high"}
    end(task, engine, 1, 8036, attempt=2)
    submit(task, engine, [State.TO_RETRY], options={"qos": ""})
    assert engine.told_of["1.3"] == {"partition": "week"}


def test_attempts_are_looked_after_by_the_engine_as_it_was_told_for_them(task, engine):
    submit(task, engine, options={"cluster": "a"})
    end(task, engine, 1, 8036)
    submit(task, engine, options={"cluster": "b"})
    engine.silent = {"cluster": "a"}
    status = read_status(task, engine)
    assert [job.state for job in status.jobs] == [State.IDLE] * 4
    engine.states.clear()
    status = read_status(task, engine)
    assert [job.state for job in status.jobs] == [State.TO_RETRY, *[State.IDLE] * 3]
    assert status.problem == "silence"
    kill_jobs(task, engine, status.jobs)
    assert engine.killed_for == [{"cluster": "a"}]


def test_an_option_that_the_engine_has_not_is_refused_before_anything_is_written(tmp_path, task):
    engine = make_engine("local", "demo", tmp_path, {})
    with pytest.raises(ConfigurationError, match="did you mean 'processes'"):
        submit_jobs(task, engine, read_status(task, engine).jobs, options={"process": "3"})
    assert not (task.job(1).path / "attempts").exists()


def test_more_memory_is_asked_for_and_kept_for_later_attempts(task, engine):
    submit(task, engine)
    end(task, engine, 1, 50660)
    assert states(task, engine)[0] is State.FAILED
    assert submit(task, engine, [State.FAILED], limits={"memory_mb": 5000}) == [1]
    assert engine.errands["1.2"].limits.memory_mb == 5000
    end(task, engine, 1, 8036, attempt=2)
    submit(task, engine, [State.TO_RETRY])
    assert engine.errands["1.3"].limits.memory_mb == 5000
    end(task, engine, 1, 50664, attempt=3)
    submit(task, engine, [State.FAILED], limits={"wall_time_s": 600})
    asked = engine.errands["1.4"].limits
    assert (asked.memory_mb, asked.wall_time_s) == (5000, 600)


def test_first_attempts_begin_in_a_ramp_and_later_ones_back_off(tmp_path, engine):
    task = make_task(tmp_path, write_file(tmp_path / "d.root", 250), ramp_s=100.0, backoff_s=50.0)
    submit(task, engine)
    delays = [task.job(n).attempt(1).delay_s for n in range(1, 26)]
    assert 0 <= min(delays) < 20 < 80 < max(delays) <= 100
    for number in range(1, 26):
        end(task, engine, number, 8036)
    submit(task, engine)
    second = [task.job(n).attempt(2).delay_s for n in range(1, 26)]
    assert 25 <= min(second) < max(second) <= 75


def test_collected_outputs_are_merged_in_the_order_of_jobs(task, engine, tmp_path):
    status = finish_all(task, engine)
    collected = collect_outputs(task, status, tmp_path / "results")
    (merged,) = collected.files["out"]
    assert (merged.path.name, merged.events, collected.events_read) == ("copy.root", 250, 250)
    write_merged_report(task, status, collected, tmp_path)
    report = json.loads((tmp_path / "report.json").read_text())
    assert (report["events_read"], report["jobs"], report["cpu_s"]) == (250, 4, 4.0)
    assert report["outputs"]["out"][0]["checksum"]["sha256"] == checksums(merged.path)["sha256"]
    assert collect_outputs(task, status, tmp_path / "results").files["out"][0].events == 250


def test_several_files_share_the_jobs(task, engine, tmp_path):
    collected = collect_outputs(task, finish_all(task, engine), tmp_path, n_files=3)
    assert [(f.path.name, f.events) for f in collected.files["out"]] == [
        ("copy_1.root", 80),
        ("copy_2.root", 160),
        ("copy_3.root", 10),
    ]


def test_nothing_of_an_earlier_collection_stays(task, engine, tmp_path):
    """Two files beside one of three would hold events twice; a report must not outlive its files."""
    status = finish_all(task, engine)
    (tmp_path / "mine.root").touch()
    write_merged_report(task, status, collect_outputs(task, status, tmp_path, n_files=3), tmp_path)
    write_lumi_report(task, status, tmp_path)
    (tmp_path / "copy_2.root").chmod(0o444)
    assert collect_outputs(task, status, tmp_path, n_files=2)
    assert sorted(path.name for path in tmp_path.glob("*.root")) == [
        "copy_1.root",
        "copy_2.root",
        "data.root",
        "mine.root",
    ]
    assert not list(tmp_path.glob("*.json"))


def test_a_report_that_is_not_ours_removes_nothing(task, engine, tmp_path):
    status = finish_all(task, engine)
    for content in ("", "[]", '{"outputs": {"out": [{"pfn": "../data.root"}]}}', '{"outputs": 3}'):
        (tmp_path / "results").mkdir(exist_ok=True)
        (tmp_path / "results" / "report.json").write_text(content)
        assert collect_outputs(task, status, tmp_path / "results").files["out"][0].events == 250
        assert (tmp_path / "data.root").exists()


@pytest.mark.parametrize("damage", ["missing", "short", "changed"])
def test_a_damaged_output_is_named_and_nothing_is_merged(task, engine, tmp_path, damage):
    status = finish_all(task, engine)
    path = task.job(3).path / task.job(3).done().outputs[0].pfn
    content = path.read_bytes()
    path.unlink()
    if damage != "missing":
        path.write_bytes(content[:-1] + (b"" if damage == "short" else b"x"))
    with pytest.raises(FileReadError, match=r"(?s)1 of 4 jobs.*job 3:.*--jobids 3"):
        collect_outputs(task, status, tmp_path / "results")
    assert not (tmp_path / "results").exists()


def test_a_job_that_lacks_an_output_is_not_left_out_in_silence(task, engine, tmp_path):
    finish_all(task, engine)
    job = task.job(3)
    done = job.done()
    job.forget_done()
    assert job.claim_done(replace(done, outputs=()))
    with pytest.raises(FileReadError, match=r"4 jobs are to be merged into .*, and have 3 outputs of out"):
        collect_outputs(task, read_status(task, engine), tmp_path / "results")
    assert not list((tmp_path / "results").glob("*.root"))


def test_an_unfinished_task_is_collected_only_when_asked_to(task, engine, tmp_path):
    submit(task, engine)
    for number in (1, 4):
        end(task, engine, number, 0)
    status = read_status(task, engine)
    with pytest.raises(ConfigurationError, match="2 of 4 jobs are finished, without 2, 3"):
        collect_outputs(task, status, tmp_path)
    collected = collect_outputs(task, status, tmp_path, partial=True)
    assert (collected.files["out"][0].events, collected.missing) == (90, (2, 3))


def test_a_lumi_that_an_unfinished_job_shares_is_not_processed(task, engine, tmp_path):
    submit(task, engine)
    for number in (1, 4):
        end(task, engine, number, 0)
    paths = write_lumi_report(task, read_status(task, engine), tmp_path)
    masks = {name: json.loads(path.read_text()) for name, path in paths.items()}
    # Blocks of 100 events: job 1 has events 0-79, job 4 has 240-249, jobs 2 and 3 the others.
    assert masks == {
        "lumisToProcess": {"1": [[1, 3]]},
        "processedLumis": {},
        "notFinishedLumis": {"1": [[1, 3]]},
    }
    for number in (2, 3):
        end(task, engine, number, 0)
    paths = write_lumi_report(task, read_status(task, engine), tmp_path)
    assert json.loads(paths["processedLumis"].read_text()) == {"1": [[1, 3]]}
    assert json.loads(paths["notFinishedLumis"].read_text()) == {}


def test_latencies_are_found_in_whatever_service_reports_them():
    services = {
        "A": {
            "m": {"asked": [{"latency": {"p50_s": 1, "p95_s": 2, "p99_s": 3}, "servers": [{"latency": {}}]}]}
        },
        "B": {"latency": "none"},
    }
    assert list(reported_latencies(services)) == [(1.0, 2.0)]
