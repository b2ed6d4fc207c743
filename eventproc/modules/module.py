"""The modules an author writes: producer, filter, analyzer, and external work that waits elsewhere."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Generic, TypeVar

from eventproc.model.event import Event, EventView
from eventproc.modules.declare import Declare
from eventproc.modules.parameters import ParameterDescription

W = TypeVar("W")


class Module(ABC):
    """Base of all modules. A module keeps no state of an event in ``self``: many events are in flight."""

    class Params(ParameterDescription):
        """No parameters."""

    kind: ClassVar[str] = ""

    @abstractmethod
    def __init__(self, params: Any, declare: Declare) -> None:
        """Takes checked parameters and declares what is consumed and produced."""

    def begin_job(self) -> None:
        """Called once before the first event."""

    def end_job(self) -> None:
        """Called once after the last event, unless the job failed: what is written here is complete."""


class EDProducer(Module):
    """Adds products to events."""

    kind = "EDProducer"

    @abstractmethod
    def produce(self, event: Event) -> None:
        """Puts what was declared."""


class EDFilter(Module):
    """Decides whether a path goes on; may add products too."""

    kind = "EDFilter"

    @abstractmethod
    def filter(self, event: Event) -> bool:
        """True lets the path go on."""


class EDAnalyzer(Module):
    """Looks at events."""

    kind = "EDAnalyzer"

    @abstractmethod
    def analyze(self, event: EventView) -> None:
        """Reads the event."""


class ExternalWork(Module, Generic[W]):
    """A producer whose work is done elsewhere: `acquire` waits without holding up other streams."""

    kind = "EDProducer"

    @abstractmethod
    async def acquire(self, event: EventView) -> W:
        """Starts the work and waits for it; what it learns travels by value to `produce`."""

    @abstractmethod
    def produce(self, event: Event, work: W) -> None:
        """Puts what was declared, from the result of `acquire`."""
