"""JobStatus: what became of a job, decided from its files and what the batch system says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import partial

from eventproc.batch.engines.base import EngineState
from eventproc.batch.errors import NoJobReport
from eventproc.batch.job_folder import JobFolder, RunFolder
from eventproc.batch.record_files import Reading
from eventproc.batch.records import AttemptRecord, DoneRecord, EndRecord, StartRecord
from eventproc.batch.retry_table import Action, verdict


class State(Enum):
    """The states of a job, in CRAB's words."""

    UNSUBMITTED = "unsubmitted"
    IDLE = "idle"
    HELD = "held"
    RUNNING = "running"
    FINISHED = "finished"
    TO_RETRY = "toRetry"
    FAILED = "failed"
    KILLED = "killed"


ACTIVE = frozenset([State.IDLE, State.HELD, State.RUNNING])
"""States of jobs that the batch system has."""


@dataclass(frozen=True, slots=True)
class RunFacts:
    """A run, as its files tell of it."""

    folder: RunFolder
    start: StartRecord | None
    end: EndRecord | None


@dataclass(frozen=True, slots=True)
class LastAttempt:
    """The last attempt of a job that was ordered.

    Attributes:
        number: its number; 0 for none.
        engine_id: what the batch system calls it; "" when it never took it.
        order: what was wished; None where that cannot be read.
        problems: which of its files cannot be read, and why.
    """

    number: int = 0
    engine_id: str = ""
    order: AttemptRecord | None = None
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class JobFacts:
    """All that the files of a job say.

    Attributes:
        id: number of the job.
        done: the run that counts.
        attempt: number of the last attempt that was ordered; 0 for none.
        engine_id: what the batch system calls that attempt; "" when it never took it.
        kill_asked: whether that attempt is to end.
        runs: all runs of all attempts.
        order: what was wished of that attempt; None where that cannot be read.
        problems: which of its files cannot be read, and why.
    """

    id: int
    done: DoneRecord | None
    attempt: int
    engine_id: str
    kill_asked: bool
    runs: tuple[RunFacts, ...]
    order: AttemptRecord | None = None
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class JobStatus:
    """What became of a job.

    Attributes:
        id: number of the job.
        state: where it stands.
        exit_code: of the last run that ended; None when there is none.
        reason: what that run says of its ending.
        tried: attempts that reached the batch system.
        runs: runs that began; more than attempts when the batch system began some again.
        run: the run that tells most: the one that counts, else the last one; None when none began.
        facts: what was decided from.
    """

    id: int
    state: State
    exit_code: int | None
    reason: str
    tried: int
    runs: int
    run: RunFacts | None
    facts: JobFacts


def read_last_attempt(job: JobFolder) -> LastAttempt:
    """What a job's last attempt is."""
    reading = Reading()
    attempts = reading(job.attempts)
    if not attempts:
        return LastAttempt(problems=tuple(reading.problems))
    number = attempts[-1]
    submission = reading(partial(job.submission, number))
    order = reading(partial(job.attempt, number))
    return LastAttempt(number, submission.engine_id if submission else "", order, tuple(reading.problems))


def read_facts(job: JobFolder, last: LastAttempt) -> JobFacts:
    """Reads the files of a job; one that cannot be read is as none, and is told of.

    What the batch system says must be asked before: a job that it does not know any more has then written
    all that it will ever write.
    """
    reading = Reading()
    folders = reading(lambda: list(job.runs())) or []
    runs = tuple(RunFacts(run, reading(run.start), reading(run.end)) for run in folders)
    done = reading(job.done)
    kill_asked = job.kill_asked(last.number)
    problems = (*last.problems, *reading.problems)
    return JobFacts(job.id, done, last.number, last.engine_id, kill_asked, runs, last.order, problems)


def decide(facts: JobFacts, engine_state: EngineState | None, *, asked: bool, attempts: int) -> JobStatus:
    """Where a job stands.

    Args:
        facts: what its files say.
        engine_state: what the batch system says of its last attempt; None when it does not know it.
        asked: whether the batch system could be asked at all.
        attempts: how often it may be tried without being told.
    """
    run = _telling_run(facts)
    tried = len({run.folder.attempt for run in facts.runs} | ({facts.attempt} if facts.engine_id else set()))
    state, code, reason = _state(facts, engine_state, asked=asked)
    if state is State.FAILED and verdict(code or 0).action is Action.RETRY and tried < attempts:
        state = State.TO_RETRY
    return JobStatus(facts.id, state, code, reason, tried, len(facts.runs), run, facts)


def _telling_run(facts: JobFacts) -> RunFacts | None:
    if facts.done is not None:
        return next((run for run in facts.runs if run.folder.path.name == facts.done.run), None)
    return _last(facts.runs)


def _last(runs: Sequence[RunFacts]) -> RunFacts | None:
    """The run that began last, of the last attempt."""
    return max(
        runs, key=lambda run: (run.folder.attempt, run.start.started if run.start else ""), default=None
    )


def _state(
    facts: JobFacts, engine_state: EngineState | None, *, asked: bool
) -> tuple[State, int | None, str]:
    if facts.done is not None:
        return State.FINISHED, 0, ""
    last = _last([run for run in facts.runs if run.folder.attempt == facts.attempt])
    before = _last([run for run in facts.runs if run.end is not None])
    code = before.end.exit_code if before and before.end else None
    if engine_state is not None:
        return State(engine_state.value), code, ""
    if not facts.engine_id and last is None:
        state = State.KILLED if facts.kill_asked else State.UNSUBMITTED
        return state, code, ""
    if last is not None and last.end is not None and last.end.exit_code:
        state = State.KILLED if facts.kill_asked else State.FAILED
        return state, last.end.exit_code, last.end.reason
    if not asked:
        return (State.RUNNING if last else State.IDLE), code, "the batch system could not be asked"
    if facts.kill_asked:
        return State.KILLED, code, ""
    return State.FAILED, NoJobReport.exit_code, _why_lost(facts, last)


def _why_lost(facts: JobFacts, last: RunFacts | None) -> str:
    if facts.problems:
        return "; ".join(facts.problems)
    where = f" on {last.start.host}" if last and last.start else ""
    if last is not None and last.end is not None:
        return f"it ended well{where}, and nothing says which outputs count: its done.json is gone"
    return f"it was lost{where}: it ended without a word"
