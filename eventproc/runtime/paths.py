"""EventSchedule: the paths of a job, run on one event."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from eventproc.errors import EventProcError
from eventproc.model.event import Event
from eventproc.model.token import Token
from eventproc.model.trigger_results import (
    PackedStatus,
    PathState,
    PathStatus,
    TriggerResults,
    pack,
    path_status,
    state_of,
    trigger_results,
)
from eventproc.runtime.ordered_output import Wants
from eventproc.runtime.worker import FAILURE, EventState, Outcome, Worker, run_together

_RUNNING_PATH, _PREFETCHING = "Running path", "Prefetching for output module"


@dataclass(frozen=True, slots=True)
class Step:
    """A worker on a path; see ``PathStep`` for negate and ignore."""

    worker: Worker
    negate: bool = False
    ignore: bool = False


@dataclass(frozen=True, slots=True)
class Failure:
    """A failure of a category in TryToContinue, after which the event went on.

    Attributes:
        error: the first one of the event.
        lost_to: labels of the output modules that keep a product that was not made because of it.
    """

    error: EventProcError
    lost_to: frozenset[str]


@dataclass(frozen=True, slots=True)
class StatusTokens:
    """Where to put what became of an event, for those who ask.

    Attributes:
        results: for all paths together; None when nobody asks.
        of_path: for single paths, by position.
    """

    results: Token[TriggerResults] | None = None
    of_path: Mapping[int, Token[PathStatus]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class KeptOnDemand:
    """What an output keeps of modules on Tasks: to keep is to consume, as in CMSSW (OutputModuleCore.cc).

    Attributes:
        label: of the output module.
        wants: which events it takes; for others nothing is made.
        workers: of the modules.
    """

    label: str
    wants: Wants
    workers: tuple[Worker, ...]


class PathRunner:
    """One path; stops at the first filter that says no.

    Args:
        name: the path's name.
        steps: its modules in order.
        continue_after: categories of failures that end the path and not the job.
        outputs: labels of the output modules that stand on it; they write when all paths are done.

    Attributes:
        counts: how often the path ended in each status, by packed status.
    """

    def __init__(
        self,
        name: str,
        steps: Sequence[Step],
        continue_after: frozenset[str] = frozenset(),
        outputs: Sequence[str] = (),
    ) -> None:
        self.name = name
        self.outputs = tuple(outputs)
        self.steps = tuple(steps)
        self.counts = [0] * (4 * max(1, len(self.steps)))
        self._steps = tuple((step.worker, not step.negate, step.ignore) for step in steps)
        self._passed = pack(PathState.Pass, max(0, len(self.steps) - 1))
        self._continue_after = continue_after

    async def run(self, event: Event, state: EventState) -> PackedStatus:
        """Runs the path on an event.

        Raises:
            EventProcError: a module failed, and the job is not to go on after that.
        """
        for position, (worker, wanted, ignore) in enumerate(self._steps):
            found = state[worker.index]
            if found is None and worker.is_immediate:
                outcome = worker.run_now(event, state)
            elif found is True or found is False:
                outcome = found
            else:
                outcome = await worker.run(event, state)
            if outcome is not wanted and not (ignore and isinstance(outcome, bool)):
                return self._stopped(outcome, position)
        self.counts[self._passed] += 1
        return self._passed

    def _stopped(self, outcome: Outcome, position: int) -> PackedStatus:
        if isinstance(outcome, bool):
            status = pack(PathState.Fail, position)
            self.counts[status] += 1
            return status
        status = pack(PathState.Exception, position)
        self.counts[status] += 1
        _go_on_after(outcome, f"{_RUNNING_PATH} '{self.name}'", self._continue_after)
        return status


class EventSchedule:
    """All paths of a job; end paths run when all paths are done.

    Args:
        paths: the paths, in schedule order.
        end_paths: the end paths without their output modules, which write in input order later.
        workers: the workers of all modules.
        in_order: run the paths one after the other, because one needs what another makes.
        tokens: who wants to know what became of an event.
        kept: by label of output module, the workers whose products it keeps.
        on_demand: what outputs keep of modules on Tasks.
        continue_after: categories of failures that do not end the job.

    Attributes:
        events: events that came to the end of all paths.
        events_passed: those of them that passed one of the paths, or all where there is no path.
    """

    def __init__(
        self,
        paths: Sequence[PathRunner],
        end_paths: Sequence[PathRunner],
        workers: Sequence[Worker],
        *,
        in_order: bool,
        tokens: StatusTokens,
        kept: Mapping[str, Sequence[Worker]],
        on_demand: Sequence[KeptOnDemand] = (),
        continue_after: frozenset[str] = frozenset(),
    ) -> None:
        self.paths = tuple(paths)
        self.end_paths = tuple(end_paths)
        self.workers = tuple(workers)
        self._overlap = len(self.paths) > 1 and not in_order
        self._tokens = tokens
        self._kept = kept
        self._on_demand = tuple(on_demand)
        self._continue_after = continue_after
        self.events = self.events_passed = 0
        self._nothing: EventState = [None] * (len(workers) + 1)

    async def run(self, event: Event) -> Failure | None:
        """Runs every module of the schedule on an event.

        Returns:
            The first failure after which the event went on, if there was one.

        Raises:
            EventProcError: the first failure that ends the job, in its context.
        """
        state = self._nothing.copy()
        try:
            statuses = await self._run_paths(event, state)
            if self._tokens.results is not None:
                event.put_checked(self._tokens.results, trigger_results(tuple(statuses)))
            ended = [await path.run(event, state) for path in self.end_paths]
            for output in self._on_demand:
                await self._make_kept(output, event, state)
        except EventProcError as error:
            error.add_context(_processing(event))
            raise
        self.events += 1
        self.events_passed += _passed(statuses)
        return None if state[FAILURE] is None else self._failure(event, state, statuses + ended)

    async def _make_kept(self, output: KeptOnDemand, event: Event, state: EventState) -> None:
        if not output.wants(event):
            return
        await run_together(output.workers, event, state)
        for worker in output.workers:
            outcome = state[worker.index]
            if isinstance(outcome, EventProcError):
                _go_on_after(outcome, f"{_PREFETCHING} '{output.label}'", self._continue_after)

    async def _run_paths(self, event: Event, state: EventState) -> list[PackedStatus]:
        statuses: list[PackedStatus] = []
        if not self._overlap:
            for path in self.paths:
                statuses.append(await path.run(event, state))
                if self._tokens.of_path:
                    self._put_status(event, statuses)
            return statuses
        outcomes = await asyncio.gather(*(p.run(event, state) for p in self.paths), return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
            statuses.append(outcome)
            self._put_status(event, statuses)
        return statuses

    def _put_status(self, event: Event, statuses: Sequence[PackedStatus]) -> None:
        """Puts the status of the path that ended last."""
        token = self._tokens.of_path.get(len(statuses) - 1)
        if token is not None:
            event.put_checked(token, path_status(statuses[-1]))

    def _failure(self, event: Event, state: EventState, statuses: Sequence[PackedStatus]) -> Failure:
        error = state[FAILURE]
        assert isinstance(error, EventProcError)  # noqa: S101 - for the type checker
        error.add_context(_processing(event))
        broken = {
            step.worker.index
            for path, status in zip((*self.paths, *self.end_paths), statuses, strict=True)
            if state_of(status) is PathState.Exception
            for step in path.steps
        }
        lost_to = (
            label
            for label, workers in self._kept.items()
            if any(_is_lost(worker, state, broken) for worker in workers)
        )
        return Failure(error, frozenset(lost_to))


def _go_on_after(failure: EventProcError, doing: str, continue_after: frozenset[str]) -> None:
    """Raises a failure that ends the job; the first of several that meet it stands in its context."""
    if not any(step.startswith((_RUNNING_PATH, _PREFETCHING)) for step in failure.context):
        failure.add_context(doing)
    if failure.category not in continue_after and not failure.tries_to_continue:
        raise failure


def _passed(statuses: Sequence[PackedStatus]) -> bool:
    for status in statuses:
        if status & 3 == PathState.Pass:
            return True
    return not statuses


def _is_lost(worker: Worker, state: EventState, broken: set[int]) -> bool:
    """Whether a failure, and no filter, is why a module did not make its products."""
    outcome = state[worker.index]
    if outcome is None:
        return worker.index in broken or worker.lost_input(state) is not None
    return isinstance(outcome, EventProcError)


def _processing(event: Event) -> str:
    return f"Processing  Event {event.id} stream: {event.stream}"
