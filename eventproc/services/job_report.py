"""JobReport: what a job says of itself, on every ending, for people and for batch systems."""

from __future__ import annotations

import os
import platform
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self

from eventproc.errors import CaughtSignal, EventProcError, UnexpectedTermination
from eventproc.model.event_id import EventID
from eventproc.model.file_records import InputFileRecord, OutputFileRecord
from eventproc.services.resource_use import MemoryUse, ResourceUse
from eventproc.version import __version__


@dataclass(frozen=True, slots=True)
class ErrorRecord:
    """An error as the report keeps it.

    Attributes:
        exit_code: CMSSW's code.
        category: the name cmsRun prints for the class of error.
        message: what happened.
        context: what was being done, outermost first.
    """

    exit_code: int
    category: str
    message: str
    context: tuple[str, ...] = ()

    @classmethod
    def of(cls, error: EventProcError) -> Self:
        """Takes down an error."""
        return cls(error.exit_code, error.category, str(error), tuple(error.context))

    def explanation(self) -> str:
        """What cmsRun says of an exception (FWCore/Utilities/src/Exception.cc, explainSelf)."""
        occurred = f"An exception of category '{self.category}' occurred"
        steps = [f"   [{n}] {step}" for n, step in enumerate(self.context)]
        head = [f"{occurred} while", *steps] if steps else [f"{occurred}."]
        return "\n".join([*head, "Exception Message:", self.message])


@dataclass(frozen=True, slots=True)
class SkippedEvent:
    """An event that an error kept out of an output while the job went on (TryToContinue)."""

    id: EventID
    category: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class PartRecord:
    """A process that ran a part of the job.

    Attributes:
        first_event: index of its first event in the job's input.
        events_read: events that it read.
        exit_code: CMSSW's code of its ending.
        cpu_s: its CPU time.
        peak_rss_mb: its largest resident memory.
        peak_vsize_mb: its largest address space.
    """

    first_event: int
    events_read: int
    exit_code: int
    cpu_s: float
    peak_rss_mb: float
    peak_vsize_mb: float


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


@dataclass(slots=True)
class JobReport:
    """A job's account of itself; it says UnexpectedJobTermination until `finish` is called.

    Attributes:
        process: name of the process; "" when the configuration could not be read.
        configuration_id: ParameterSet ID of the job; "" when the configuration could not be read.
        command_line: the words that started the job.
        exit_code: CMSSW's code, 0 for success; decided by the first error.
        shell_code: what the shell sees.
        errors: all errors that ended the job, the first one first.
        signal_name: such as ``SIGTERM`` when a signal ended the job, else "".
        inputs: the files read.
        outputs: the files written, complete or not.
        events_read: events that the source handed out.
        events_written: events in complete outputs; with several outputs, in the fullest.
        events_failed: events whose error ended the job.
        events_unprocessed: events that were to be read and were not, or were in flight when the job
            ended; None when the source does not know how many there are.
        skipped_events: events that an error kept out of an output while the job went on; in a job without
            outputs, all in which a module failed.
        services: what each service's ``report()`` gave, by name of the service.
        timing: TotalJobTime, TotalJobCPU and TotalJobChildrenCPU, seconds; set by `finish`.
        memory: PeakValueRss and PeakValueVsize, megabytes; set by `finish`.
        processes: those that ran the parts of a job of several processes; their CPU time and their peaks are
            in `timing` and `memory` too. Empty for a job of one process.
        framework_version: version of eventproc.
        host: where the job ran.
        pid: its process id there.
        started: ISO 8601, UTC.
        ended: ISO 8601, UTC; "" until `finish`.
    """

    process: str = ""
    configuration_id: str = ""
    command_line: tuple[str, ...] = ()
    exit_code: int = UnexpectedTermination.exit_code
    shell_code: int = UnexpectedTermination.exit_code & 0xFF
    errors: list[ErrorRecord] = field(default_factory=list)
    signal_name: str = ""
    inputs: list[InputFileRecord] = field(default_factory=list)
    outputs: list[OutputFileRecord] = field(default_factory=list)
    events_read: int = 0
    events_written: int = 0
    events_failed: int = 0
    events_unprocessed: int | None = None
    skipped_events: list[SkippedEvent] = field(default_factory=list)
    services: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    timing: dict[str, float] = field(default_factory=dict)
    memory: dict[str, float] = field(default_factory=dict)
    processes: list[PartRecord] = field(default_factory=list)
    framework_version: str = __version__
    host: str = field(default_factory=platform.node)
    pid: int = field(default_factory=os.getpid)
    started: str = field(default_factory=_now)
    ended: str = ""
    # Not part of what is written: the errors themselves, and the clocks at the start.
    _causes: list[EventProcError] = field(default_factory=list, repr=False, compare=False)
    _start: ResourceUse = field(default_factory=ResourceUse.now, repr=False, compare=False)

    @property
    def events_skipped(self) -> int:
        """How many events errors kept out of an output while the job went on."""
        return len(self.skipped_events)

    @property
    def causes(self) -> tuple[EventProcError, ...]:
        """The errors behind `errors`, to print or to raise."""
        return tuple(self._causes)

    @property
    def succeeded(self) -> bool:
        """Whether the job came to its end without error."""
        return self.exit_code == 0

    def add_error(self, error: EventProcError) -> None:
        """Takes down an error that ends the job; the first one decides the exit code."""
        if not self.errors:
            self.exit_code = error.exit_code
            self.shell_code = error.shell_code
            self.signal_name = _signal_name(error.signal_number) if isinstance(error, CaughtSignal) else ""
        self.errors.append(ErrorRecord.of(error))
        self._causes.append(error)

    def finish(self) -> None:
        """Says that the job came to its end: with the first error's code, or with success."""
        if not self.errors:
            self.exit_code = self.shell_code = 0
        used, memory = ResourceUse.now().since(self._start), MemoryUse.now()
        parts_cpu_s = sum(part.cpu_s for part in self.processes)
        self.timing = {
            "TotalJobTime": used.wall_s,
            "TotalJobCPU": used.cpu_s + parts_cpu_s,
            "TotalJobChildrenCPU": max(0.0, used.children_cpu_s - parts_cpu_s),
        }
        self.memory = {
            "PeakValueRss": memory.peak_rss_mb + sum(part.peak_rss_mb for part in self.processes),
            "PeakValueVsize": memory.peak_vsize_mb + sum(part.peak_vsize_mb for part in self.processes),
        }
        self.ended = _now()

    def stated_errors(self) -> tuple[ErrorRecord, ...]:
        """The errors a reader should see: of a job that has not come to its end, that it has not."""
        if self.errors or self.succeeded:
            return tuple(self.errors)
        text = "the job ended without saying why: killed, crashed, or still running"
        return (ErrorRecord(UnexpectedTermination.exit_code, UnexpectedTermination.category, text),)

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        from eventproc.services.report_page import render_report  # noqa: PLC0415 - only notebooks need it

        return render_report(self)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
