"""Worker: runs one module on an event exactly once, however many paths and consumers ask for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from eventproc.errors import EventProcError, EventTimeout, as_framework_error
from eventproc.model.event import Event
from eventproc.modules.module import EDAnalyzer, EDFilter, EDProducer, ExternalWork, Module
from eventproc.runtime.watchers import Watchers

Outcome = bool | EventProcError
"""What became of a module on an event: passed or not, or failed."""

EventState = list[Outcome | asyncio.Future[None] | None]
"""Of all workers on one event, by worker index: their outcomes, a future while one runs, None before.

One more at the end, `FAILURE`, is the first failure of the event.
"""

FAILURE = -1


class Worker:
    """Keeps no state of events: what happened to an event is in its EventState.

    Attributes:
        index: position in every EventState.
        label: the module's label.
        module: the module.
        needs: workers of the modules whose products this one asks for.
        on_demand: those of them that stand on Tasks only; they run first.
        is_immediate: whether it neither waits for anything nor runs others first.
        runs: events on which the module ran.
        rejected: events on which the filter said no.
        errors: events on which the module failed.
    """

    __slots__ = (
        "_call", "_external", "_is_filter", "_limit_s", "_watch", "errors", "index", "is_immediate", "label",
        "module", "needs", "on_demand", "rejected", "runs",
    )  # fmt: skip

    def __init__(self, index: int, label: str, module: Module, watch: Watchers, limit_s: float = 0.0) -> None:
        """Takes how long external work may take, too; 0 for ever."""
        self.index = index
        self.label = label
        self.module = module
        self.needs: Sequence[Worker] = ()
        self.on_demand: Sequence[Worker] = ()
        self._external = module if isinstance(module, ExternalWork) else None
        self.is_immediate = self._external is None
        self.runs = self.rejected = self.errors = 0
        self._is_filter = isinstance(module, EDFilter)
        self._call = _method(module)
        self._watch = watch
        self._limit_s = limit_s

    def depend_on(self, needs: Sequence[Worker], on_demand: Sequence[Worker]) -> None:
        """Told once, before the first event, what its module needs."""
        self.needs, self.on_demand = needs, on_demand
        self.is_immediate = not on_demand and self._external is None

    async def run(self, event: Event, state: EventState) -> Outcome:
        """Runs the module unless it ran, waits for it if it is running."""
        outcome = state[self.index]
        if outcome is not None:
            if isinstance(outcome, asyncio.Future):
                await asyncio.shield(outcome)  # a cancelled waiter must not cancel the work of the others
                outcome = state[self.index]
            if isinstance(outcome, bool | EventProcError):
                return outcome
        if self.is_immediate:
            return self.run_now(event, state)
        running: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        state[self.index] = running
        try:
            if self.on_demand:
                await run_together(self.on_demand, event, state)
            if self._external is not None:
                return await self._run_external(event, self._external, state)
            return self.run_now(event, state)
        finally:
            running.set_result(None)

    def run_now(self, event: Event, state: EventState) -> Outcome:
        """Runs a module that waits for nothing and has not run on the event."""
        if state[FAILURE] is not None and (lost := self.lost_input(state)):
            state[self.index] = lost
            return lost
        watch, label = self._watch, self.label
        for hook in watch.pre_module:
            hook(event, label)
        outcome: Outcome = True
        try:
            decision = self._call(event)
        except Exception as error:  # noqa: BLE001 - an author's code may raise anything
            outcome = self._failed(error, state)
        else:
            if self._is_filter and not decision:
                outcome = False
                self.rejected += 1
        for hook in watch.post_module:
            hook(event, label)
        self.runs += 1
        state[self.index] = outcome
        return outcome

    def lost_input(self, state: EventState) -> EventProcError | None:
        """The failure that took away a product that the module needs, or a product that one needs."""
        for worker in self.needs:
            outcome = state[worker.index]
            if isinstance(outcome, EventProcError):
                return outcome
            if outcome is None and (lost := worker.lost_input(state)):
                return lost
        return None

    async def _run_external(self, event: Event, module: ExternalWork[object], state: EventState) -> Outcome:
        if state[FAILURE] is not None and (lost := self.lost_input(state)):
            state[self.index] = lost
            return lost
        outcome: Outcome = True
        for hook in self._watch.pre_module:
            hook(event, self.label)
        try:
            try:
                work = await (self._acquire(event, module) if self._limit_s else module.acquire(event))
            finally:
                for hook in self._watch.post_acquire:
                    hook(event, self.label)
            module.produce(event, work)
        except Exception as error:  # noqa: BLE001 - an author's code may raise anything
            outcome = self._failed(error, state)
        for hook in self._watch.post_module:
            hook(event, self.label)
        self.runs += 1
        state[self.index] = outcome
        return outcome

    async def _acquire(self, event: Event, module: ExternalWork[object]) -> object:
        """Waits for work elsewhere, no longer than it may take."""
        try:
            async with asyncio.timeout(self._limit_s) as limit:
                return await module.acquire(event)
        except TimeoutError as error:
            if not limit.expired():
                raise
            message = (
                f"work elsewhere did not come back within process.options.externalWorkTimeout = "
                f"{self._limit_s:g} s"
            )
            raise EventTimeout(message) from error

    def _failed(self, error: Exception, state: EventState) -> EventProcError:
        failure = as_framework_error(error)
        failure.add_context(f"Calling method for module {type(self.module).__name__}/'{self.label}'")
        self.errors += 1
        if state[FAILURE] is None:
            state[FAILURE] = failure
        return failure


async def run_together(workers: Sequence[Worker], event: Event, state: EventState) -> None:
    """Runs modules in any order; those that wait do so at the same time."""
    waiting = []
    for worker in workers:
        if not worker.is_immediate:
            waiting.append(worker)
        elif state[worker.index] is None:
            worker.run_now(event, state)
    if len(waiting) == 1:
        await waiting[0].run(event, state)
    elif waiting:
        await asyncio.gather(*(worker.run(event, state) for worker in waiting))


def _method(module: Module) -> Callable[[Event], Any]:
    match module:
        case EDProducer():
            return module.produce
        case EDFilter():
            return module.filter
        case EDAnalyzer():
            return module.analyze
        case ExternalWork():
            return _never_at_once
        case _:
            message = f"{type(module).__name__} is no producer, filter or analyzer"
            raise TypeError(message)


def _never_at_once(_event: Event) -> Any:
    message = "external work is not run at once"
    raise AssertionError(message)
