"""Reads a recording: an index of its exchanges in memory, their bodies on the disk."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

from inference_client.errors import RecordingError
from inference_client.protocol.codec import decode_request, decode_response
from inference_client.protocol.errors import ProtocolError
from inference_client.protocol.messages import (
    InferenceRequest,
    InferenceResponse,
    ModelMetadata,
    ServerMetadata,
)
from inference_client.recording.frames import TornFrame
from inference_client.recording.record_reader import read_header, read_record_at, read_records
from inference_client.recording.records import (
    EndRecord,
    FailureRecord,
    Header,
    ModelRecord,
    Record,
    ReplyRecord,
    RequestRecord,
    ServerRecord,
)


@dataclass(slots=True)
class Exchange:
    """One request and what became of it.

    Attributes:
        number: Counts requests from 1.
        at_us: When it was sent, since the recording began.
        server: Where it went.
        model, version: Whom it asked.
        request_at: Byte of the file at which the request's record begins.
        reply_at: The same for the reply; -1 if there is none.
        latency_us: Time to the reply.
        error: Kind of error where there is no reply; empty if nothing was written of it.
    """

    number: int
    at_us: int
    server: str
    model: str
    version: str
    request_at: int
    reply_at: int = -1
    latency_us: int = 0
    error: str = ""


class Recording:
    """An opened recording; `with` closes it.

    Attributes:
        path: Its name.
        header: Its first record.
        servers: What each server said of itself, by address.
        models: What was said of each model, by name and the version asked about.
        exchanges: Requests in the order in which they were sent.
        is_complete: It was ended in order.
        shortfall: What is missing at its end, in words; empty if it is complete.

    Raises:
        RecordingError: The file cannot be read, is no recording, or is damaged before its end.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.servers: dict[str, ServerMetadata] = {}
        self.models: dict[tuple[str, str], ModelMetadata] = {}
        self.exchanges: list[Exchange] = []
        self.is_complete = False
        self.shortfall = ""
        self._by_number: dict[int, Exchange] = {}
        with contextlib.ExitStack() as undo:
            try:
                self._file: IO[bytes] = undo.enter_context(self.path.open("rb"))
                self.header = read_header(self._file, self.path)
                self._index()
            except OSError as error:
                message = f"cannot read recording {self.path}: {error.strerror}"
                raise RecordingError(message) from error
            undo.pop_all()

    def request(self, exchange: Exchange) -> InferenceRequest:
        """The request of an exchange.

        Raises:
            RecordingError: It is not what a request should be.
        """
        record = read_record_at(self._file, exchange.request_at)
        assert isinstance(record, RequestRecord)  # noqa: S101  the index says so
        with self._readable(exchange):
            return decode_request(record.body)

    def reply(self, exchange: Exchange) -> InferenceResponse | None:
        """The reply of an exchange; None if there was none.

        Raises:
            RecordingError: It is not what a reply should be.
        """
        if exchange.reply_at < 0:
            return None
        record = read_record_at(self._file, exchange.reply_at)
        assert isinstance(record, ReplyRecord)  # noqa: S101  the index says so
        with self._readable(exchange):
            return decode_response(record.body)

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_ending: object) -> None:
        self.close()

    def _index(self) -> None:
        try:
            for offset, record in read_records(self._file, self.path):
                self._note(offset, record)
        except TornFrame as torn:
            self.shortfall = f"{torn}; {len(self.exchanges)} requests are whole"
            return
        if not self.is_complete:
            self.shortfall = f"it was not ended; {len(self.exchanges)} requests are whole"

    def _note(self, offset: int, record: Record) -> None:
        match record:
            case RequestRecord():
                exchange = Exchange(
                    record.number, record.at_us, record.server, record.model, record.version, offset
                )
                self.exchanges.append(exchange)
                self._by_number[record.number] = exchange
            case ReplyRecord():
                asked = self._asked(record.number)
                asked.reply_at, asked.latency_us = offset, record.at_us - asked.at_us
            case FailureRecord():
                self._asked(record.number).error = record.error
            case ServerRecord():
                self.servers[record.server] = record.metadata
            case ModelRecord():
                self.models[record.metadata.name, record.version] = record.metadata
            case EndRecord():
                self.is_complete = True
            case Header():
                message = "a second header"
                raise RecordingError(message)

    def _asked(self, number: int) -> Exchange:
        if number not in self._by_number:
            message = f"recording {self.path} answers request {number}, which it does not hold"
            raise RecordingError(message)
        return self._by_number[number]

    @contextlib.contextmanager
    def _readable(self, exchange: Exchange) -> Iterator[None]:
        try:
            yield
        except ProtocolError as error:
            message = f"recording {self.path}, request {exchange.number}: {error}"
            raise RecordingError(message) from error
