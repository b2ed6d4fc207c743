"""Service: something a job has once, for its modules to use or to watch the job with."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from eventproc.model.event import EventView
from eventproc.modules.file_merge import FileMerge
from eventproc.modules.parameters import ParameterDescription


class Service(ABC):
    """Base of all services. A hook does nothing unless overridden; only overridden ones are called."""

    class Params(ParameterDescription):
        """No parameters."""

    kind: ClassVar[str] = "Service"

    files: ClassVar[Mapping[str, FileMerge]] = {}
    """As `Module.files`."""

    @abstractmethod
    def __init__(self, params: Any) -> None:
        """Takes checked parameters."""

    async def start(self) -> None:
        """Called on the event loop after all modules are built and before begin_job."""

    async def stop(self) -> None:
        """Called on the event loop at the very end, also after errors; services stop in reverse order."""

    def begin_job(self, expected_events: int | None) -> None:
        """The loop begins; how many events it will see, if known."""

    def begin_stream(self, stream: int) -> None:
        """Called for each stream, numbered from 0, before the first event."""

    def end_job(self) -> None:
        """The loop ended."""

    def pre_event(self, event: EventView) -> None:
        """A stream takes up an event."""

    def post_event(self, event: EventView) -> None:
        """All paths of an event are done."""

    def pre_module(self, event: EventView, label: str) -> None:
        """A module starts on an event."""

    def post_acquire(self, event: EventView, label: str) -> None:
        """An ExternalWork module's acquire is done."""

    def post_module(self, event: EventView, label: str) -> None:
        """A module is done with an event."""

    def progress(self, events: int) -> None:
        """So many more events are done in another process of the job."""

    def part_parameters(self, number: int) -> Mapping[str, Any]:  # noqa: ARG002
        """Parameters, after `start`, of the copy of this service in another process of the job.

        Such as the address of a server that only one of them may start, or a file that is this copy's own.
        They are untracked.

        Args:
            number: which process, from 0; asked for each, in this order.
        """
        return {}

    def state(self) -> Any:
        """What a copy in another process has to tell, at the very end; it must be possible to pickle it."""
        return dict(self.report())

    def absorb(self, states: Sequence[Any]) -> None:
        """Takes the states of all copies, in the order of their events; `report` and `summary` follow.

        A service that does not override it reports nothing of its own in a job of several processes, but
        what each copy does.
        """

    def report(self) -> Mapping[str, Any]:
        """What the service adds to the job report, as JSON values; called after end_job, before stop."""
        return {}

    def summary(self) -> Mapping[str, str]:
        """Lines for the table on the screen at the end: name to value."""
        return {}
