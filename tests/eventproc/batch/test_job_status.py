from pathlib import Path

import pytest

from eventproc.batch.engines.base import EngineState
from eventproc.batch.job_folder import RunFolder
from eventproc.batch.job_status import JobFacts, RunFacts, State, decide
from eventproc.batch.records import DoneRecord, EndRecord, StartRecord

DONE = DoneRecord("1-host-7", 1, "host", 10, (), ())


def run(attempt, code=None, started="2026-01-01T00:00:00+00:00", pid=7):
    end = None if code is None else EndRecord(code, "why" if code else "", "2026-01-01T01:00:00+00:00")
    folder = RunFolder(Path(f"/t/jobs/1/runs/{attempt}-host-{pid}"))
    return RunFacts(folder, StartRecord(attempt, "host", pid, started), end)


def facts(attempt=1, *runs, done=None, engine_id="e", kill=False):
    return JobFacts(1, done, attempt, engine_id, kill, runs)


def state(of, engine=None, *, asked=True, attempts=3):
    status = decide(of, engine, asked=asked, attempts=attempts)
    return status.state, status.exit_code


@pytest.mark.parametrize(
    ("of", "engine", "expected"),
    [
        (facts(0, engine_id=""), None, (State.UNSUBMITTED, None)),
        (facts(1, engine_id=""), None, (State.UNSUBMITTED, None)),
        (facts(1), EngineState.IDLE, (State.IDLE, None)),
        (facts(1), EngineState.HELD, (State.HELD, None)),
        (facts(1, run(1)), EngineState.RUNNING, (State.RUNNING, None)),
        (facts(1, run(1, 0), done=DONE), None, (State.FINISHED, 0)),
        (facts(1, run(1, 8009)), None, (State.FAILED, 8009)),
        (facts(1, run(1, 8036)), None, (State.TO_RETRY, 8036)),
        (facts(2, run(1, 8036), run(2)), EngineState.RUNNING, (State.RUNNING, 8036)),
        (facts(3, run(1, 8036), run(2, 8036), run(3, 8036)), None, (State.FAILED, 8036)),
        (facts(1, run(1, 9000), kill=True), None, (State.KILLED, 9000)),
        (facts(1, kill=True), None, (State.KILLED, None)),
    ],
)
def test_a_state_follows_from_files_and_scheduler(of, engine, expected):
    assert state(of, engine) == expected


def test_a_run_that_was_lost_is_tried_again_and_after_the_last_time_listed_as_failed_and_never_done():
    assert state(facts(1, run(1))) == (State.TO_RETRY, 50115)
    assert state(facts(3, run(1), run(2), run(3))) == (State.FAILED, 50115)
    status = decide(facts(1, run(1)), None, asked=True, attempts=3)
    assert status.reason == "it was lost on host: it ended without a word"


def test_an_attempt_that_vanished_before_it_began_is_lost_too():
    assert state(facts(1)) == (State.TO_RETRY, 50115)


def test_a_requeued_run_counts_and_not_the_one_before():
    early, late = run(1, 9000), run(1, started="2026-01-01T02:00:00+00:00", pid=8)
    assert state(facts(1, early, late), EngineState.RUNNING) == (State.RUNNING, 9000)
    assert state(facts(1, early, late)) == (State.TO_RETRY, 50115)
    status = decide(facts(1, early, late), EngineState.RUNNING, asked=True, attempts=3)
    assert (status.tried, status.runs) == (1, 2)


def test_a_scheduler_that_cannot_be_asked_makes_nothing_lost():
    assert state(facts(1, run(1)), asked=False) == (State.RUNNING, None)
    assert state(facts(1), asked=False) == (State.IDLE, None)
    assert state(facts(1, run(1, 8009)), asked=False) == (State.FAILED, 8009)
    assert state(facts(1, done=DONE), asked=False) == (State.FINISHED, 0)


def test_an_attempt_that_only_its_run_tells_of_counts():
    """Submission was killed between the batch system's answer and the record of it."""
    assert state(facts(1, run(1, 8020), engine_id="")) == (State.TO_RETRY, 8020)
