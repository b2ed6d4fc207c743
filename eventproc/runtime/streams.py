"""Streams: so many events in flight at once, over one source, on one event loop."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass, field

from eventproc.errors import EventProcError
from eventproc.model.event import Event
from eventproc.model.event_id import LuminosityBlockID
from eventproc.modules.source import Source
from eventproc.runtime.ordered_output import OrderedOutput
from eventproc.runtime.paths import EventSchedule, Failure
from eventproc.runtime.transitions import Transitions
from eventproc.runtime.watchers import Watchers
from eventproc.services.job_report import SkippedEvent

_LOG = logging.getLogger("eventproc.TryToContinue")

_LONGEST_TURN_S = 0.005
"""A stream whose modules never wait gives way to signals and sockets this often."""


@dataclass(slots=True)
class LoopCounts:
    """What the loop has done so far.

    Attributes:
        read: events taken from the source.
        are_all: whether there are no more of them to take.
        failed: events whose failure ended the job.
        skipped: events that a failure of a category in TryToContinue kept out of an output, or of which
            a module failed in a job without outputs.
    """

    read: int = 0
    are_all: bool = False
    failed: int = 0
    skipped: list[SkippedEvent] = field(default_factory=list)


class StreamPool:
    """Runs N streams until the source ends, an event fails for good, or somebody asks to stop.

    Args:
        source: the bound source.
        schedule: what to do with an event.
        output: where finished events go.
        watch: the service hooks.
        transitions: told where runs and luminosity blocks begin and end.
        n_slots: products an event can hold.
        max_events: events to read, -1 for all.
        first_event: index of the first event in the job's input.
    """

    def __init__(
        self,
        source: Source,
        schedule: EventSchedule,
        output: OrderedOutput,
        watch: Watchers,
        transitions: Transitions,
        *,
        n_slots: int,
        max_events: int,
        first_event: int = 0,
    ) -> None:
        self._source = source
        self._schedule = schedule
        self._output = output
        self._watch = watch
        self._transitions = transitions
        self._n_slots = n_slots
        self._max_events = max_events
        self._first_event = first_event
        self._reading = asyncio.Lock()  # the source serves one stream at a time
        self._stopping = False
        self._turn_began = time.monotonic()
        self.counts = LoopCounts()

    def stop(self) -> None:
        """Reads no more events; those in flight are finished."""
        self._stopping = True

    async def run(self, numbers: range) -> None:
        """Runs the streams of these numbers to the end.

        Raises:
            EventProcError: the first failure; events in flight are given up.
        """
        streams = [asyncio.create_task(self._run_stream(i), name=f"stream {i}") for i in numbers]
        try:
            await asyncio.gather(*streams)
        finally:
            for stream in streams:
                stream.cancel()
            await asyncio.gather(*streams, return_exceptions=True)

    async def _run_stream(self, number: int) -> None:
        while not self._stopping:
            await self._output.reserve()
            event = await self._next_event(number)
            if event is None:
                self._output.release_unused()
                return
            await self._process(event)
            await self._give_way()

    async def _next_event(self, stream: int) -> Event | None:
        async with self._reading:
            if self._stopping or self.counts.read == self._max_events:
                return None
            found = await self._source.next_event()
            if found is None:
                self._stopping = self.counts.are_all = True
                return None
            if self._transitions.follows_lumis:
                await self._follow(LuminosityBlockID(*found.id[:2]))
            index = self._first_event + self.counts.read
            self.counts.read += 1
        return Event(found.id, index, stream, self._n_slots, found.read, self._transitions.lumi)

    async def _follow(self, lumi: LuminosityBlockID) -> None:
        begun = self._transitions.lumi
        if begun is None or lumi != begun.id:
            await self._output.settle(self.counts.read)
            self._transitions.enter(lumi)

    async def _process(self, event: Event) -> None:
        for hook in self._watch.pre_event:
            hook(event)
        try:
            failure = await self._schedule.run(event)
        except EventProcError:
            self.counts.failed += 1
            raise
        for hook in self._watch.post_event:
            hook(event)
        if failure is None:
            self._output.finish(event)
        else:
            self._go_on(event, failure)

    def _go_on(self, event: Event, failure: Failure) -> None:
        error = failure.error
        _LOG.warning("%s: %s: %s; the job goes on", error.context[0], error.category, error)
        if failure.lost_to or not self._output.has_outputs:
            # Not the error itself: its traceback would keep the event in memory.
            self.counts.skipped.append(SkippedEvent(event.id, error.category, str(error)))
        self._output.finish(event, failure.lost_to)

    async def _give_way(self) -> None:
        if time.monotonic() - self._turn_began > _LONGEST_TURN_S:
            await asyncio.sleep(0)
            self._turn_began = time.monotonic()
