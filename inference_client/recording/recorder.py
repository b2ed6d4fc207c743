"""Writes a recording; any number of clients and threads may share it."""

import contextlib
import logging
import os
import platform
import threading
import time
from datetime import UTC, datetime
from glob import escape
from pathlib import Path
from typing import Self

import msgspec

from inference_client.errors import InvalidSettingError
from inference_client.protocol.codec import encode_request, encode_response
from inference_client.protocol.messages import InferenceResponse, ModelMetadata, ServerMetadata
from inference_client.recording.frames import write_frame
from inference_client.recording.records import (
    FORMAT,
    VERSION,
    EndRecord,
    FailureRecord,
    Header,
    ModelRecord,
    Record,
    ReplyRecord,
    RequestRecord,
    ServerRecord,
)
from inference_client.transport.transport import InferenceCall

_LOG = logging.getLogger(__name__)
_BUFFER_BYTES = 2**20
_PARTIAL = ".partial-"


class Recorder:
    """A file that every message is appended to; it gets its name when it is complete.

    Until `close` it is called `NAME.partial-HOST-PID`; what a killed process leaves there can be read, up to
    a torn last record. A disk that is full ends the recording and not the work that is recorded: `failure`
    says so, and the name is never given.

    Attributes:
        path: The final name.
        begun_ns: When it began, on the machine's monotonic clock.
        requests, written_bytes: What was written so far.
        failure: Why the recording ended early; empty if it did not.
        is_lost: It ended early, and nothing of it was kept.

    Args:
        path: Name of the recording; must not exist.

    Raises:
        InvalidSettingError: The file exists, or cannot be written.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.failure = ""
        self.is_lost = False
        self._partial = self.path.with_name(f"{self.path.name}{_PARTIAL}{_here()}")
        self.begun_ns = time.monotonic_ns()
        self._encode = msgspec.msgpack.Encoder().encode
        self._lock = threading.Lock()
        # Touched under the lock only.
        self.requests = self.written_bytes = 0
        self._is_open = True
        if self.path.exists():
            message = f"recording {self.path} exists; remove it or choose another name"
            raise InvalidSettingError(message)
        try:
            self._file = self._partial.open("wb", buffering=_BUFFER_BYTES)
        except OSError as error:
            message = f"cannot write recording {self.path}: {error.strerror}"
            raise InvalidSettingError(message) from error
        begun = datetime.now(UTC).isoformat(timespec="seconds")
        self._append(Header(format=FORMAT, version=VERSION, begun=begun, clock_ns=self.begun_ns))

    def server(self, address: str, metadata: ServerMetadata) -> None:
        """Keeps what a server said of itself."""
        with self._lock:
            self._append(ServerRecord(server=address, metadata=metadata))

    def model(self, address: str, version: str, metadata: ModelMetadata) -> None:
        """Keeps what a server said of a model."""
        with self._lock:
            self._append(ModelRecord(server=address, version=version, metadata=metadata))

    def request(self, address: str, call: InferenceCall) -> int:
        """Keeps a body that is sent now.

        Returns:
            Its number, for the reply.
        """
        body = encode_request(call.request)
        with self._lock:
            self.requests += 1
            number = self.requests
            record = RequestRecord(
                number=number,
                at_us=self._now_us(),
                server=address,
                model=call.model.name,
                version=call.model.version,
                body=body,
            )
            self._append(record)
        return number

    def reply(self, number: int, response: InferenceResponse) -> None:
        """Keeps the answer to a request."""
        body = encode_response(response)
        with self._lock:
            self._append(ReplyRecord(number=number, at_us=self._now_us(), body=body))

    def no_reply(self, number: int, error: BaseException) -> None:
        """Keeps that a request brought no answer."""
        with self._lock:
            self._append(FailureRecord(number=number, at_us=self._now_us(), error=type(error).__name__))

    def append(self, record: Record) -> None:
        """Keeps a record of another recording; requests have the numbers that follow."""
        with self._lock:
            self.requests += isinstance(record, RequestRecord)
            self._append(record)

    def part_path(self, number: int) -> Path:
        """Where another process of the same job keeps what it asks, to be joined to this recording."""
        return self.path.with_name(f"{self.path.name}.part{number}-{_here()}")

    def leave(self, reason: str) -> None:
        """Ends the recording as one that is not complete: it can be read, and its name is never given."""
        with self._lock:
            if not self._is_open:
                return
            try:
                self._finish()
            except OSError as error:
                self._give_up(error)
                return
            self._is_open = False
            self.failure = (
                f"recording {self.path} is not complete: {reason}; {self._partial} holds what there is"
            )
            _LOG.error("%s", self.failure)

    def close(self) -> None:
        """Ends the recording and gives it its name; a second call does nothing."""
        with self._lock:
            if not self._is_open:
                return
            self._append(EndRecord(requests=self.requests, at_us=self._now_us()))
            if self._is_open:
                self._is_open = False
                self._publish()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_ending: object) -> None:
        self.close()

    def _append(self, record: Record) -> None:
        if not self._is_open:
            return
        try:
            self.written_bytes += write_frame(self._file, self._encode(record))
        except OSError as error:
            self._give_up(error)

    def _publish(self) -> None:
        try:
            self._finish()
            # A link, since a rename would replace a file that appeared meanwhile.
            os.link(self._partial, self.path)
            self._partial.unlink()
        except OSError as error:
            self._give_up(error)

    def _finish(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()

    def _give_up(self, error: OSError) -> None:
        self._is_open = False
        self.is_lost = True
        self.failure = f"recording {self.path} was given up: {error.strerror or error}"
        _LOG.error("%s", self.failure)
        with contextlib.suppress(OSError):  # closing flushes, which fails again on a full disk
            self._file.close()
        self._partial.unlink(missing_ok=True)

    def _now_us(self) -> int:
        return (time.monotonic_ns() - self.begun_ns) // 1000


def left_of_killed(path: Path) -> Path | None:
    """The file of a recorder that was killed before the recording got its name; None if there is none."""
    return next(path.parent.glob(f"{escape(path.name)}{_PARTIAL}*"), None)


def _here() -> str:
    return f"{platform.node()}-{os.getpid()}"
