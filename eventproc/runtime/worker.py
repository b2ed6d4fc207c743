"""Worker: runs one module on an event exactly once, however many paths and consumers ask for it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from eventproc.errors import EventProcError, as_framework_error
from eventproc.model.event import Event
from eventproc.modules.module import EDAnalyzer, EDFilter, EDProducer, ExternalWork, Module
from eventproc.runtime.watchers import Watchers

Decision = bool | Exception | asyncio.Future[None]
"""What became of a module on an event: passed or not, failed, or still running."""

EventState = list[Decision | None]
"""Decisions of all workers on one event, by worker index; None before a worker ran."""


class Worker:
    """Keeps no state of events: what happened to an event is in its EventState.

    Attributes:
        index: position in every EventState.
        label: the module's label.
        module: the module.
        on_demand: workers of modules on Tasks that this one needs; they run first.
    """

    __slots__ = ("_watch", "index", "label", "module", "on_demand", "waits")

    def __init__(self, index: int, label: str, module: Module, watch: Watchers) -> None:
        self.index = index
        self.label = label
        self.module = module
        self.on_demand: Sequence[Worker] = ()
        self.waits = isinstance(module, ExternalWork)
        self._watch = watch

    async def run(self, event: Event, state: EventState) -> bool:
        """Runs the module unless it ran, waits for it if it is running.

        Returns:
            The decision of a filter; True for every other module.

        Raises:
            EventProcError: the module failed, now or when it ran before.
        """
        outcome = state[self.index]
        if isinstance(outcome, asyncio.Future):
            await asyncio.shield(outcome)  # a cancelled waiter must not cancel the work of the others
            outcome = state[self.index]
        if outcome is None:
            outcome = await self._run_first(event, state)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome is True

    async def _run_first(self, event: Event, state: EventState) -> bool | Exception:
        if not self.waits and not self.on_demand:
            outcome = state[self.index] = self._run_now(event)
            return outcome
        running: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        state[self.index] = running
        try:
            outcome = state[self.index] = await self._run_waiting(event, state)
        finally:
            running.set_result(None)
        return outcome

    async def _run_waiting(self, event: Event, state: EventState) -> bool | Exception:
        try:
            for worker in self.on_demand:
                await worker.run(event, state)
        except EventProcError as error:
            return error
        if not isinstance(self.module, ExternalWork):
            return self._run_now(event)
        return await self._run_external(event, self.module)

    def _run_now(self, event: Event) -> bool | Exception:
        for hook in self._watch.pre_module:
            hook(event, self.label)
        try:
            decision = _call(self.module, event)
        except Exception as error:  # noqa: BLE001 - an author's code may raise anything
            return self._in_context(error)
        for hook in self._watch.post_module:
            hook(event, self.label)
        return decision

    async def _run_external(self, event: Event, module: ExternalWork[object]) -> bool | Exception:
        for hook in self._watch.pre_module:
            hook(event, self.label)
        try:
            work = await module.acquire(event)
            for hook in self._watch.post_acquire:
                hook(event, self.label)
            module.produce(event, work)
        except Exception as error:  # noqa: BLE001 - an author's code may raise anything
            return self._in_context(error)
        for hook in self._watch.post_module:
            hook(event, self.label)
        return True

    def _in_context(self, error: Exception) -> EventProcError:
        failure = as_framework_error(error)
        failure.add_context(f"Calling method for module {type(self.module).__name__}/'{self.label}'")
        return failure


def _call(module: Module, event: Event) -> bool:
    match module:
        case EDProducer():
            module.produce(event)
        case EDFilter():
            return module.filter(event)
        case EDAnalyzer():
            module.analyze(event)
        case _:
            message = f"{type(module).__name__} is no producer, filter or analyzer"
            raise TypeError(message)
    return True
