"""Messages between a job and the processes that run its parts, and their form on the wire."""

from __future__ import annotations

import pickle
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from eventproc.model.descriptions import ProcessDescription
from eventproc.model.file_records import InputFileRecord, OutputFileRecord
from eventproc.runtime.division import Portion
from eventproc.runtime.schedule_counts import ScheduleCounts
from eventproc.services.job_report import ErrorRecord, SkippedEvent

_LENGTH = struct.Struct("!I")


@dataclass(frozen=True, slots=True)
class PartOrder:
    """What a process has to run; the first thing it hears."""

    description: ProcessDescription
    portion: Portion


@dataclass(frozen=True, slots=True)
class Stop:
    """The job was asked to stop by a signal: finish the events in flight. Without a word: end at once."""

    signal_number: int


@dataclass(frozen=True, slots=True)
class Done:
    """So many more events are done."""

    events: int


@dataclass(frozen=True, slots=True)
class PartResult:
    """How a part ended; the last thing its process says.

    Attributes:
        errors: what ended it, the first one first; empty after success.
        shell_code: of the first error.
        inputs: what it read of each file.
        outputs: its parts of the outputs, complete or not.
        events_read: see JobReport, as for the next three.
        events_failed: see JobReport.
        events_unprocessed: see JobReport.
        skipped_events: see JobReport.
        counts: what became of events on its paths.
        states: of its services, in the order of the job's.
        cpu_s: CPU time of the process.
        peak_rss_mb: its largest resident memory.
        peak_vsize_mb: its largest address space.
    """

    errors: tuple[ErrorRecord, ...] = ()
    shell_code: int = 0
    inputs: tuple[InputFileRecord, ...] = ()
    outputs: tuple[OutputFileRecord, ...] = ()
    events_read: int = 0
    events_failed: int = 0
    events_unprocessed: int = 0
    skipped_events: tuple[SkippedEvent, ...] = ()
    counts: ScheduleCounts | None = None
    states: tuple[Any, ...] = ()
    cpu_s: float = 0.0
    peak_rss_mb: float = 0.0
    peak_vsize_mb: float = 0.0


Message = PartOrder | Stop | Done | PartResult


def encode(message: Message) -> bytes:
    """A message as bytes, its length in front."""
    pickled = pickle.dumps(message)
    return _LENGTH.pack(len(pickled)) + pickled


class MessageReader:
    """Puts messages together from bytes as they come."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def feed(self, received: bytes) -> Iterator[Message]:
        """The messages that are complete with these bytes."""
        self._bytes += received
        while len(self._bytes) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._bytes)
            end = _LENGTH.size + length
            if len(self._bytes) < end:
                return
            # The socket has no name: at its other end is a process of this job.
            message: Message = pickle.loads(bytes(self._bytes[_LENGTH.size : end]))  # noqa: S301
            del self._bytes[:end]
            yield message
