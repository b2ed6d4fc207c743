"""Joins the recordings of a job's processes into one, as if one process had asked everything."""

import heapq
import logging
from collections.abc import Iterator, Sequence
from operator import itemgetter
from pathlib import Path

from msgspec.structs import replace

from inference_client.errors import RecordingError
from inference_client.recording.frames import TornFrame
from inference_client.recording.record_reader import read_header, read_records
from inference_client.recording.recorder import Recorder, left_of_killed
from inference_client.recording.records import (
    EndRecord,
    FailureRecord,
    Header,
    Record,
    ReplyRecord,
    RequestRecord,
)

_LOG = logging.getLogger(__name__)


def join_parts(parts: Sequence[Path], recorder: Recorder) -> None:
    """Appends the parts to a recording, ends it, and removes them.

    Where a part is missing or was not ended, as when its process was killed, the recording is left without
    its name and says so. Where a part cannot be read, or the disk is full, the parts are kept.

    Args:
        parts: Recordings that other recorders of this machine made, by the names that they were to get.
        recorder: Of the one recording, in which nothing was asked yet.
    """
    streams = [_Part(path) for path in parts]
    try:
        for record in _in_order(streams, recorder.begun_ns):
            recorder.append(record)
    except (RecordingError, OSError) as error:
        recorder.leave(str(error))
    else:
        missing = [stream.path.name for stream in streams if not stream.is_complete]
        if missing:
            recorder.leave(f"a process did not end its part ({', '.join(missing)})")
        recorder.close()
        if not recorder.is_lost:
            for stream in streams:
                stream.remove()
            return
    _LOG.error("the parts of recording %s are kept: %s", recorder.path, ", ".join(map(str, parts)))


class _Part:
    """What one process recorded.

    Attributes:
        path: The name that it was to get.
        is_complete: It was read to an end that was written in order.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.is_complete = False
        self._file = path if path.exists() else left_of_killed(path)

    def records(self, begun_ns: int) -> Iterator[tuple[int, Path, Record]]:
        """Every record but the first and the last, with its time since `begun_ns`, us."""
        if self._file is None or not self._file.stat().st_size:  # killed before its first write
            return
        with self._file.open("rb") as file:
            at_us = shift_us = (read_header(file, self._file).clock_ns - begun_ns) // 1000
            try:
                for _, record in read_records(file, self._file):
                    match record:
                        case EndRecord():
                            self.is_complete = True
                            return
                        case RequestRecord() | ReplyRecord() | FailureRecord():
                            at_us = record.at_us + shift_us
                            yield at_us, self.path, replace(record, at_us=at_us)
                        case _:
                            yield at_us, self.path, record
            except TornFrame:
                return

    def remove(self) -> None:
        """Removes the file."""
        if self._file is not None:
            self._file.unlink()


def _in_order(parts: Sequence[_Part], begun_ns: int) -> Iterator[Record]:
    """The records of all parts by time, their requests numbered from 1."""
    numbers: dict[tuple[Path, int], int] = {}  # of requests that have no answer yet
    n_requests = 0
    for _, path, record in heapq.merge(*(part.records(begun_ns) for part in parts), key=itemgetter(0)):
        match record:
            case RequestRecord():
                n_requests += 1
                numbers[path, record.number] = n_requests
                yield replace(record, number=n_requests)
            case ReplyRecord() | FailureRecord():
                if (path, record.number) not in numbers:
                    message = f"recording {path} answers request {record.number}, which it does not hold"
                    raise RecordingError(message)
                yield replace(record, number=numbers.pop((path, record.number)))
            case Header():
                message = f"recording {path} has a second header"
                raise RecordingError(message)
            case _:
                yield record
