"""TaskStatus: what became of all jobs of a task, and their figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from eventproc.batch.engines.base import Engine, EngineState
from eventproc.batch.engines.told import by_options
from eventproc.batch.errors import EngineFailure, NoJobReport
from eventproc.batch.job_status import (
    ACTIVE,
    JobStatus,
    LastAttempt,
    State,
    decide,
    read_facts,
    read_last_attempt,
)
from eventproc.batch.record_files import Reading
from eventproc.batch.records import JobReportValues
from eventproc.batch.task_folder import TaskFolder

_EXPLAINED = 50
"""The batch system is asked about so many lost jobs; more would make status slow, and they are alike."""


@dataclass(frozen=True, slots=True)
class TaskStatus:
    """All jobs of a task at one moment.

    Attributes:
        jobs: each job, in order.
        problem: why the batch system could not be asked; "" when it could.
    """

    jobs: tuple[JobStatus, ...]
    problem: str = ""

    def counts(self) -> dict[State, int]:
        """Number of jobs by state, the states in their order, those without jobs left out."""
        counted = Counter(job.state for job in self.jobs)
        return {state: counted[state] for state in State if counted[state]}

    def of(self, *states: State) -> list[int]:
        """Numbers of the jobs in some states."""
        return [job.id for job in self.jobs if job.state in states]

    @property
    def is_settled(self) -> bool:
        """Whether nothing will happen by itself any more, and nothing may be tried again."""
        return not any(job.state in ACTIVE or job.state is State.TO_RETRY for job in self.jobs)

    def errors(self) -> dict[int, list[JobStatus]]:
        """Jobs that did not finish, by the exit code they ended with last."""
        grouped: dict[int, list[JobStatus]] = {}
        for job in self.jobs:
            if job.exit_code and job.state is not State.FINISHED:
                grouped.setdefault(job.exit_code, []).append(job)
        return dict(sorted(grouped.items(), key=lambda item: -len(item[1])))


def read_status(task: TaskFolder, engine: Engine) -> TaskStatus:
    """Asks the batch system, then reads the files; one that is damaged concerns its own job only."""
    folders = list(task.jobs())
    last = {job.id: read_last_attempt(job) for job in folders}
    over = {job.id for job in folders if Reading()(job.done)}
    states, silence = _poll(task, engine, (each for job, each in last.items() if job not in over))
    jobs = []
    for job in folders:
        attempt = last[job.id]
        state = states.get(attempt.engine_id)
        asked = attempt.engine_id not in silence if attempt.engine_id else not silence
        jobs.append(decide(read_facts(job, attempt), state, asked=asked, attempts=task.record.attempts))
    return TaskStatus(_explained(jobs, engine), "; ".join(dict.fromkeys(silence.values())))


def _poll(
    task: TaskFolder, engine: Engine, attempts: Iterable[LastAttempt]
) -> tuple[dict[str, EngineState], dict[str, str]]:
    """States by the engine's name for an attempt, and why there is no news, likewise."""
    states: dict[str, EngineState] = {}
    silence: dict[str, str] = {}
    known = ((task.engine_options(each.order), each.engine_id) for each in attempts if each.engine_id)
    for told, engine_ids in by_options(engine, known):
        try:
            states |= told.poll(engine_ids)
        except EngineFailure as error:
            silence |= dict.fromkeys(engine_ids, str(error))
    return states, silence


def _explained(jobs: Sequence[JobStatus], engine: Engine) -> tuple[JobStatus, ...]:
    """The jobs, those that left no word with what the batch system says of them."""
    lost = [job.facts.engine_id for job in jobs if job.exit_code == NoJobReport.exit_code]
    lost = [engine_id for engine_id in lost if engine_id][:_EXPLAINED]
    try:
        said = engine.explain(lost) if lost else {}
    except EngineFailure:
        said = {}
    return tuple(
        replace(job, reason=f"{job.reason}; {said[job.facts.engine_id]}")
        if job.facts.engine_id in said and job.exit_code == NoJobReport.exit_code
        else job
        for job in jobs
    )


@dataclass(frozen=True, slots=True)
class Spread:
    """Least, mean and greatest of a figure over jobs."""

    least: float
    mean: float
    greatest: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread | None:
        """The spread of values; None when there are none."""
        return cls(min(values), sum(values) / len(values), max(values)) if values else None


@dataclass(frozen=True, slots=True)
class JobFigures:
    """What a finished job took and did.

    Attributes:
        id: number of the job.
        started: ISO 8601, UTC.
        ended: ISO 8601, UTC.
        wall_s: seconds from start to end, its delay included.
        cpu_s: seconds of CPU, children included.
        peak_rss_mb: highest resident memory seen.
        events: events read.
        events_per_second: events over the time of the job itself.
        latency_p50_s: median of what a service reports as latency; None when none does.
        latency_p95_s: its 95th percentile.
    """

    id: int
    started: str
    ended: str
    wall_s: float
    cpu_s: float
    peak_rss_mb: float
    events: int
    events_per_second: float
    latency_p50_s: float | None
    latency_p95_s: float | None


def figures(status: TaskStatus) -> list[JobFigures]:
    """Figures of all finished jobs whose run left a report."""
    found = []
    for job in status.jobs:
        report = job.run.folder.report() if job.run and job.state is State.FINISHED else None
        if job.run and job.run.start and job.run.end and report:
            found.append(_figures(job, report))
    return found


SPREAD_OF = ("wall_s", "cpu_s", "peak_rss_mb", "events_per_second", "latency_p50_s", "latency_p95_s")


def spreads(jobs: Sequence[JobFigures]) -> dict[str, Spread | None]:
    """The spread of each figure of `SPREAD_OF` over the jobs that have it."""
    values = {name: [getattr(job, name) for job in jobs] for name in SPREAD_OF}
    return {name: Spread.of([v for v in given if v is not None]) for name, given in values.items()}


def _figures(job: JobStatus, report: JobReportValues) -> JobFigures:
    assert job.run is not None and job.run.start is not None and job.run.end is not None  # noqa: PT018, S101
    latencies = list(reported_latencies(report.get("services", {})))
    seconds = float(report["timing"]["TotalJobTime"])
    events = int(report["events_read"])
    return JobFigures(
        id=job.id,
        started=job.run.start.started,
        ended=job.run.end.ended,
        wall_s=job.run.end.wall_s,
        cpu_s=job.run.end.cpu_s,
        peak_rss_mb=job.run.end.peak_rss_mb,
        events=events,
        events_per_second=events / seconds if seconds else 0.0,
        latency_p50_s=max((p50 for p50, _ in latencies), default=None),
        latency_p95_s=max((p95 for _, p95 in latencies), default=None),
    )


def reported_latencies(services: Any) -> Iterator[tuple[float, float]]:
    """Median and 95th percentile of everything that services report under the name ``latency``, s."""
    if isinstance(services, Mapping):
        latency = services.get("latency")
        if isinstance(latency, Mapping) and {"p50_s", "p95_s"} <= latency.keys():
            yield float(latency["p50_s"]), float(latency["p95_s"])
            return  # what lies deeper are parts of the same
        services = list(services.values())
    if isinstance(services, list):
        for value in services:
            yield from reported_latencies(value)
