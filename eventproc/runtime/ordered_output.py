"""OrderedOutput: hands finished events to the output modules in input order."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from eventproc.errors import EventProcError
from eventproc.model.event import Event
from eventproc.modules.output import OutputModule


class OrderedOutput:
    """Keeps events that finished early until those before them are done.

    Args:
        outputs: label and module of each output module.
        capacity: events that may be read and not yet written; more streams than that wait.

    Attributes:
        settled: how many events, from the first on, are written or skipped.
    """

    def __init__(self, outputs: Sequence[tuple[str, OutputModule]], capacity: int) -> None:
        self._outputs = tuple(outputs)
        self._places = asyncio.Semaphore(capacity)
        self._early: dict[int, Event | None] = {}  # by index; None for an event that is not written
        self.settled = 0

    async def reserve(self) -> None:
        """Waits until one more event may be read."""
        await self._places.acquire()

    def release_unused(self) -> None:
        """Gives back a reservation for which there was no event."""
        self._places.release()

    def finish(self, index: int, event: Event | None) -> None:
        """Takes a finished event and writes every event whose turn has come.

        Args:
            index: the event's position in the input.
            event: the event, or None when it failed and is skipped.

        Raises:
            EventProcError: an output module could not write.
        """
        self._early[index] = event
        while self.settled in self._early:
            self._write(self._early.pop(self.settled))
            self.settled += 1
            self._places.release()

    def _write(self, event: Event | None) -> None:
        if event is None:
            return
        for label, output in self._outputs:
            try:
                output.write(event)
            except EventProcError as error:
                error.add_context(f"Calling method for module {type(output).__name__}/'{label}'")
                error.add_context(f"Writing  Event {event.id}")
                raise
