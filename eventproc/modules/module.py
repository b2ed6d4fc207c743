"""The modules an author writes: producer, filter, analyzer, and external work that waits elsewhere."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Generic, TypeVar

from eventproc.model.event import Event, EventView
from eventproc.model.principal import LuminosityBlock, Run
from eventproc.modules.declare import Declare
from eventproc.modules.file_merge import FileMerge
from eventproc.modules.parameters import ParameterDescription

W = TypeVar("W")


class Module(ABC):
    """Base of all modules. A module keeps no state of an event in ``self``: many events are in flight."""

    class Params(ParameterDescription):
        """No parameters."""

    kind: ClassVar[str] = ""

    files: ClassVar[Mapping[str, FileMerge]] = {}
    """Parameters that name a file which the module writes, and how those of several processes become one.

    Such as ``{"fileName": add_histograms}``. A job of several processes is refused when a module has a
    parameter ``fileName`` and does not say this of it.
    """

    @abstractmethod
    def __init__(self, params: Any, declare: Declare) -> None:
        """Takes checked parameters and declares what is consumed and produced."""

    def begin_job(self) -> None:
        """Called once before the first event."""

    def begin_stream(self, stream: int) -> None:
        """Called for each stream, numbered from 0, before the first event."""

    def begin_run(self, run: Run) -> None:
        """Called before the events of a run.

        Events come in the order of the input: a run or luminosity block that comes up again begins again.
        What has begun is ended, its events written, before another begins, however many streams there are.
        Here and in the three below, products declared for the transition are put into what is passed.
        """

    def begin_luminosity_block(self, lumi: LuminosityBlock) -> None:
        """Called before the events of a luminosity block, after its run has begun."""

    def end_luminosity_block(self, lumi: LuminosityBlock) -> None:
        """Called when all events of a luminosity block are done, unless the job failed or was stopped."""

    def end_run(self, run: Run) -> None:
        """Called when the luminosity blocks of a run have ended, unless the job failed or was stopped."""

    def end_stream(self, stream: int) -> None:
        """Called for each stream after the last event, unless the job failed or was stopped."""

    def end_job(self) -> None:
        """Called once after everything else, unless the job failed or was stopped: the work is complete."""


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
