"""Reads records from the file of a recording, one after the other."""

from collections.abc import Iterator
from pathlib import Path
from typing import IO

import msgspec

from inference_client.errors import RecordingError
from inference_client.recording.frames import TornFrame, read_frame
from inference_client.recording.records import FORMAT, VERSION, Header, Record

_decoder: msgspec.msgpack.Decoder[Record] = msgspec.msgpack.Decoder(Record)


def read_header(file: IO[bytes], path: Path) -> Header:
    """The first record of a file.

    Raises:
        RecordingError: The file is no recording, or of another version.
    """
    try:
        payload = read_frame(file)
        header = None if payload is None else _decoder.decode(payload)
    except (RecordingError, msgspec.DecodeError) as error:
        message = f"{path} is not a recording of inference: {error}"
        raise RecordingError(message) from error
    if not isinstance(header, Header) or header.format != FORMAT:
        message = f"{path} is not a recording of inference: it begins with no header"
        raise RecordingError(message)
    if header.version != VERSION:
        message = f"recording {path} is of version {header.version}; version {VERSION} is read here"
        raise RecordingError(message)
    return header


def read_records(file: IO[bytes], path: Path) -> Iterator[tuple[int, Record]]:
    """The records that follow, each with the byte at which it begins.

    Raises:
        TornFrame: The file ends within a record.
        RecordingError: The file is damaged.
    """
    while True:
        offset = file.tell()
        try:
            payload = read_frame(file)
            if payload is None:
                return
            record = _decoder.decode(payload)
        except TornFrame:
            raise
        except (RecordingError, msgspec.DecodeError) as error:
            message = f"recording {path} is damaged at byte {offset}: {error}"
            raise RecordingError(message) from error
        yield offset, record


def read_record_at(file: IO[bytes], offset: int) -> Record:
    """The record that begins at a byte."""
    file.seek(offset)
    payload = read_frame(file)
    assert payload is not None  # noqa: S101  whoever knows the byte has read the record before
    return _decoder.decode(payload)
