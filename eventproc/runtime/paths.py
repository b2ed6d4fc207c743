"""EventSchedule: the paths of a job, run on one event."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from eventproc.errors import EventProcError
from eventproc.model.event import Event
from eventproc.runtime.worker import EventState, Worker


@dataclass(frozen=True, slots=True)
class Step:
    """A worker on a path; see ``PathStep`` for negate and ignore."""

    worker: Worker
    negate: bool = False
    ignore: bool = False


@dataclass(slots=True)
class PathCounts:
    """How often a path ran, passed and failed; the trigger report."""

    run: int = 0
    passed: int = 0
    failed: int = 0


class PathRunner:
    """One path; stops at the first filter that says no."""

    def __init__(self, name: str, steps: Sequence[Step]) -> None:
        self.name = name
        self.steps = tuple(steps)
        self.counts = PathCounts()

    async def run(self, event: Event, state: EventState) -> bool:
        """Runs the path on an event.

        Returns:
            Whether the event passed all filters of the path.

        Raises:
            EventProcError: a module failed.
        """
        self.counts.run += 1
        try:
            for step in self.steps:
                passed = await step.worker.run(event, state)
                if passed is step.negate and not step.ignore:
                    return False
        except EventProcError as error:
            self.counts.failed += 1
            error.add_context(f"Running path '{self.name}'")
            raise
        self.counts.passed += 1
        return True


class EventSchedule:
    """All paths of a job; end paths run when all paths are done.

    Args:
        paths: the paths, in schedule order.
        end_paths: the end paths without their output modules, which write in input order later.
        n_workers: workers of the job.
        in_order: run the paths one after the other, because one needs what another makes.
    """

    def __init__(
        self, paths: Sequence[PathRunner], end_paths: Sequence[PathRunner], n_workers: int, *, in_order: bool
    ) -> None:
        self.paths = tuple(paths)
        self.end_paths = tuple(end_paths)
        self._n_workers = n_workers
        self._overlap = len(self.paths) > 1 and not in_order

    async def run(self, event: Event) -> None:
        """Runs every module of the schedule on an event.

        Raises:
            EventProcError: the first failure, in its context.
        """
        state: EventState = [None] * self._n_workers
        try:
            await self._run_paths(event, state)
            for path in self.end_paths:
                await path.run(event, state)
        except EventProcError as error:
            error.add_context(f"Processing  Event {event.id} stream: {event.stream}")
            raise

    async def _run_paths(self, event: Event, state: EventState) -> None:
        if not self._overlap:
            for path in self.paths:
                await path.run(event, state)
            return
        outcomes = await asyncio.gather(*(p.run(event, state) for p in self.paths), return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
