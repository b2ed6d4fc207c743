"""Submission: orders attempts, hands them to the engine, and goes on until nothing is left to do."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence

from msgspec.structs import replace

from eventproc.batch.engines.base import Engine, Errand
from eventproc.batch.job_folder import JobFolder, now
from eventproc.batch.job_status import ACTIVE, JobStatus, State
from eventproc.batch.records import AttemptRecord, Limits, SubmissionRecord
from eventproc.batch.retry_table import backoff_s
from eventproc.batch.task_folder import TaskFolder
from eventproc.batch.task_status import TaskStatus, read_status

POLL_S = 2.0
"""How often a task that is followed is looked at; a look reads a few files of each job."""

RETRIED = (State.UNSUBMITTED, State.TO_RETRY)
"""States of jobs that are submitted again without being told."""


def submit_jobs(
    task: TaskFolder,
    engine: Engine,
    jobs: Sequence[JobStatus],
    limits: Mapping[str, int] | None = None,
    chance: random.Random | None = None,
) -> list[int]:
    """Makes the next attempt of jobs. It may be killed at any point and called again.

    Args:
        task: the task.
        engine: carries the attempts.
        jobs: the jobs, as they stand.
        limits: those of `Limits` that change; the others are what they were at the last attempt.
        chance: draws the delays.

    Returns:
        Numbers of the jobs that were submitted; those that another process just submitted are left out.

    Raises:
        EngineFailure: the batch system refuses; jobs that it did not take stay unsubmitted.
    """
    chance = chance or random.Random()  # noqa: S311 - delays, no secrets
    errands = []
    for job in jobs:
        folder = task.job(job.id)
        attempt = AttemptRecord(
            attempt=job.facts.attempt + 1,
            ordered=now(),
            limits=replace(_last_limits(task, folder, job.facts.attempt), **(limits or {})),
            delay_s=_delay_s(task, job, chance),
        )
        if folder.order_attempt(attempt):
            log = folder.engine_log(attempt.attempt)
            errands.append(Errand(job.id, attempt.attempt, folder.script, log, attempt.limits))
    submitted = []
    if errands:
        for errand, engine_id in engine.submit(errands):
            task.job(errand.job).mark_submitted(SubmissionRecord(errand.attempt, engine_id))
            submitted.append(errand.job)
    return submitted


def kill_jobs(task: TaskFolder, engine: Engine, jobs: Sequence[JobStatus]) -> list[int]:
    """Ends the attempts of jobs that the batch system has or may get, and marks the others as unwanted.

    Returns:
        Numbers of the jobs that were not over.

    Raises:
        EngineFailure: the batch system cannot be asked; workers still see the wish in the job's folder.
    """
    alive = [job for job in jobs if job.state in ACTIVE or job.state in RETRIED]
    for job in alive:
        task.job(job.id).ask_kill(job.facts.attempt)
    engine.kill([job.facts.engine_id for job in alive if job.state in ACTIVE])
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
    """
    while True:
        status = read_status(task, engine)
        show(status)
        again = [job for job in status.jobs if job.state in RETRIED]
        if again and not status.problem:
            submit_jobs(task, engine, again)
        elif status.is_settled:
            return status
        time.sleep(POLL_S)


def _delay_s(task: TaskFolder, job: JobStatus, chance: random.Random) -> float:
    """First attempts begin in a ramp; later ones back off, each by its own time."""
    if job.tried == 0:
        return chance.uniform(0.0, task.record.ramp_s)
    return backoff_s(job.tried, task.record.backoff_s, chance)


def _last_limits(task: TaskFolder, folder: JobFolder, attempt: int) -> Limits:
    last = folder.attempt(attempt) if attempt else None
    return last.limits if last else task.record.limits
