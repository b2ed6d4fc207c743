"""ScheduleCounts: what became of events on paths and in modules, to be carried from process to process."""

from __future__ import annotations

from dataclasses import dataclass

from eventproc.runtime.paths import EventSchedule


@dataclass(frozen=True, slots=True)
class ScheduleCounts:
    """The counts of an EventSchedule.

    Attributes:
        events: events that ran to their end.
        events_passed: of them, those that some path passed.
        paths: by path in order, end paths last, how often it ended in each packed status.
        modules: by worker, events on which the module ran, was a filter that said no, failed.
    """

    events: int
    events_passed: int
    paths: tuple[tuple[int, ...], ...]
    modules: tuple[tuple[int, int, int], ...]


def counts_of(schedule: EventSchedule) -> ScheduleCounts:
    """Takes down what a schedule has counted."""
    return ScheduleCounts(
        schedule.events,
        schedule.events_passed,
        tuple(tuple(path.counts) for path in (*schedule.paths, *schedule.end_paths)),
        tuple((worker.runs, worker.rejected, worker.errors) for worker in schedule.workers),
    )


def add_counts(schedule: EventSchedule, more: ScheduleCounts) -> None:
    """Adds the counts of a schedule of the same job in another process."""
    schedule.events += more.events
    schedule.events_passed += more.events_passed
    for path, counts in zip((*schedule.paths, *schedule.end_paths), more.paths, strict=True):
        path.counts = [a + b for a, b in zip(path.counts, counts, strict=True)]
    for worker, (runs, rejected, errors) in zip(schedule.workers, more.modules, strict=True):
        worker.runs += runs
        worker.rejected += rejected
        worker.errors += errors
