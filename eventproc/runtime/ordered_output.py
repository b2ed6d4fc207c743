"""OrderedOutput: hands finished events to the output modules in input order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from eventproc.errors import EventProcError
from eventproc.model.event import Event
from eventproc.modules.output import OutputModule

Wants = Callable[[Event], bool]
"""Whether an output selects an event."""


def wants_all(_event: Event) -> bool:
    """The selection of an output that names none."""
    return True


@dataclass(slots=True)
class OutputStage:
    """An output module, which events it takes, and how many it did not get.

    Attributes:
        label: the module's label.
        module: the module.
        wants: its SelectEvents.
        events_written: events that it took.
        events_not_selected: events that it did not want.
        events_skipped: events that lack one of its products because of a failure.
    """

    label: str
    module: OutputModule
    wants: Wants = wants_all
    events_written: int = 0
    events_not_selected: int = 0
    events_skipped: int = 0


class OrderedOutput:
    """Keeps events that finished early until those before them are done.

    Args:
        outputs: the output modules.
        capacity: events that may be read and not yet written; more streams than that wait.
        first_event: index of the first event.

    Attributes:
        has_outputs: whether there is any.
        settled: how many events, from the first on, are written or not to be written.
    """

    def __init__(self, outputs: Sequence[OutputStage], capacity: int, first_event: int = 0) -> None:
        self.has_outputs = bool(outputs)
        self._outputs = tuple(outputs)
        self._first_event = first_event
        self._places = asyncio.Semaphore(capacity)
        self._early: dict[int, tuple[Event, frozenset[str]]] = {}  # by index
        self._settling: asyncio.Future[None] | None = None  # done when `settled` has grown
        self.settled = 0

    async def reserve(self) -> None:
        """Waits until one more event may be read."""
        await self._places.acquire()

    def release_unused(self) -> None:
        """Gives back a reservation for which there was no event."""
        self._places.release()

    async def settle(self, events: int) -> None:
        """Waits until so many events, from the first on, are settled."""
        while self.settled < events:
            self._settling = asyncio.get_running_loop().create_future()
            await self._settling

    def finish(self, event: Event, lost_to: frozenset[str] = frozenset()) -> None:
        """Takes a finished event and writes every event whose turn has come.

        Args:
            event: the event.
            lost_to: labels of the outputs that must not get it.

        Raises:
            EventProcError: an output module could not write.
        """
        self._early[event.index] = event, lost_to
        while (early := self._early.pop(self._first_event + self.settled, None)) is not None:
            self._write(*early)
            self.settled += 1
            self._places.release()
        if self._settling is not None and not self._settling.done():
            self._settling.set_result(None)

    def _write(self, event: Event, lost_to: frozenset[str]) -> None:
        for stage in self._outputs:
            if stage.label in lost_to:
                stage.events_skipped += 1
            elif not stage.wants(event):
                stage.events_not_selected += 1
            else:
                _write_to(stage, event)
                stage.events_written += 1


def _write_to(stage: OutputStage, event: Event) -> None:
    try:
        stage.module.write(event)
    except EventProcError as error:
        error.add_context(f"Calling method for module {type(stage.module).__name__}/'{stage.label}'")
        error.add_context(f"Writing  Event {event.id}")
        raise
