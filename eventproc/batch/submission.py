"""Submission: orders attempts, hands them to the engine, and goes on until nothing is left to do."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial

from msgspec.structs import replace

from eventproc.batch.engines.base import Engine, Errand
from eventproc.batch.engines.told import by_options
from eventproc.batch.job_folder import JobFolder, now
from eventproc.batch.job_status import ACTIVE, JobStatus, State
from eventproc.batch.record_files import Reading
from eventproc.batch.records import AttemptRecord, SubmissionRecord
from eventproc.batch.retry_table import backoff_s
from eventproc.batch.task_folder import TaskFolder
from eventproc.batch.task_status import TaskStatus, read_status
from eventproc.errors import EventProcError, FileWriteError

POLL_S = 2.0
"""How often a task that is followed is looked at; a look reads a few files of each job."""

RETRIED = (State.UNSUBMITTED, State.TO_RETRY)
"""States of jobs that are submitted again without being told."""


def submit_jobs(
    task: TaskFolder,
    engine: Engine,
    jobs: Sequence[JobStatus],
    limits: Mapping[str, int] | None = None,
    options: Mapping[str, str] | None = None,
    chance: random.Random | None = None,
) -> list[int]:
    """Makes the next attempt of jobs. It may be killed at any point and called again.

    Args:
        task: the task.
        engine: carries the attempts.
        jobs: the jobs, as they stand; finished ones are made again.
        limits: those of `Limits` that change; the others are what they were at the last attempt.
        options: those of the engine that change, likewise; "" takes one back.
        chance: draws the delays.

    Returns:
        Numbers of the jobs that were submitted; those that another process just submitted are left out.

    Raises:
        ConfigurationError: the engine has no such option; nothing has happened.
        FileWriteError: the folders of some jobs cannot be written; the others are submitted.
        EngineFailure: the batch system refuses; jobs that it did not take stay unsubmitted.
    """
    chance = chance or random.Random()  # noqa: S311 - delays, no secrets
    attempts = [(job, _next_attempt(task, job, limits or {}, options or {}, chance)) for job in jobs]
    groups = list(by_options(engine, ((task.engine_options(each[1]), each) for each in attempts)))
    submitted = []
    failures: list[EventProcError] = []
    for told, group in groups:
        errands = list(_ordered(task, group, failures))
        with _engine_files(task):
            for errand, engine_id in told.submit(errands) if errands else ():
                task.job(errand.job).mark_submitted(SubmissionRecord(errand.attempt, engine_id))
                submitted.append(errand.job)
    _tell(failures, f"{len(submitted)} jobs are submitted")
    return sorted(submitted)


def kill_jobs(task: TaskFolder, engine: Engine, jobs: Sequence[JobStatus]) -> list[int]:
    """Ends the attempts of jobs that the batch system has or may get, and marks the others as unwanted.

    Returns:
        Numbers of the jobs that were not over.

    Raises:
        FileWriteError: the folders of some jobs cannot be written; the batch system ends them.
        EngineFailure: the batch system cannot be asked; workers still see the wish in the job's folder.
    """
    alive = [job for job in jobs if job.state in ACTIVE or job.state in RETRIED]
    failures: list[EventProcError] = []
    for job in alive:
        try:
            task.job(job.id).ask_kill(job.facts.attempt)
        except FileWriteError as failure:
            failures.append(failure)
    active = [job.facts for job in alive if job.state in ACTIVE and job.facts.engine_id]
    known = ((task.engine_options(facts.order), facts.engine_id) for facts in active)
    for told, engine_ids in by_options(engine, known):
        with _engine_files(task):
            told.kill(engine_ids)
    _tell(failures, "the batch system was told to end what it has of them")
    return [job.id for job in alive]


def follow(task: TaskFolder, engine: Engine, show: Callable[[TaskStatus], None]) -> TaskStatus:
    """Submits again what the retry table allows, until nothing is left to do.

    Args:
        task: the task.
        engine: carries the attempts.
        show: told how the task stands, at every look.

    Returns:
        How it ended.

    Raises:
        EngineFailure: the batch system refuses an attempt.
        FileWriteError: the folders of some jobs cannot be written, and all others have come to their end.
    """
    refused: set[tuple[int, int]] = set()
    while True:
        status = read_status(task, engine)
        show(status)
        again = [job for job in status.jobs if job.state in RETRIED]
        if again and not status.problem:
            wanted = {(job.id, job.facts.attempt) for job in again}
            try:
                submit_jobs(task, engine, again)
            except FileWriteError:  # of some jobs: the others go on
                if wanted == refused and not any(job.state in ACTIVE for job in status.jobs):
                    raise
                refused = wanted
        elif status.is_settled:
            return status
        time.sleep(POLL_S)


def _delay_s(task: TaskFolder, job: JobStatus, chance: random.Random) -> float:
    """First attempts begin in a ramp; later ones back off, each by its own time."""
    if job.tried == 0:
        return chance.uniform(0.0, task.record.ramp_s)
    return backoff_s(job.tried, task.record.backoff_s, chance)


def _next_attempt(
    task: TaskFolder,
    job: JobStatus,
    limits: Mapping[str, int],
    options: Mapping[str, str],
    chance: random.Random,
) -> AttemptRecord:
    last = job.facts.order or _last_order(task.job(job.id))
    told = {**task.engine_options(last), **options}
    return AttemptRecord(
        attempt=job.facts.attempt + 1,
        ordered=now(),
        limits=replace(last.limits if last else task.record.limits, **limits),
        delay_s=_delay_s(task, job, chance),
        engine_options={name: value for name, value in told.items() if value},
    )


def _last_order(folder: JobFolder) -> AttemptRecord | None:
    """The last order of a job that can be read."""
    reading = Reading()
    attempts = reading(folder.attempts) or []
    orders = (reading(partial(folder.attempt, number)) for number in reversed(attempts))
    return next(filter(None, orders), None)


def _ordered(
    task: TaskFolder, attempts: Sequence[tuple[JobStatus, AttemptRecord]], failures: list[EventProcError]
) -> Iterator[Errand]:
    """Takes attempts down; leaves out those that another process has just ordered, and those that fail."""
    for job, attempt in attempts:
        folder = task.job(job.id)
        try:
            task.restore_job(job.id)
            if not folder.order_attempt(attempt):
                continue
            if job.state is State.FINISHED:
                folder.forget_done()
        except EventProcError as failure:
            failures.append(failure)
            continue
        log = folder.engine_log(attempt.attempt)
        yield Errand(job.id, attempt.attempt, folder.script, log, attempt.limits)


@contextmanager
def _engine_files(task: TaskFolder) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        message = f"{error.filename or str(task.engine_folder)!r} cannot be written: {error.strerror}"
        raise FileWriteError(message) from error


def _tell(failures: Sequence[EventProcError], others: str) -> None:
    if failures:
        message = f"{failures[0]}; {len(failures)} jobs are like this, and {others}"
        raise FileWriteError(message)
