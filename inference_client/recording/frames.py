"""Frames of a recording: each a msgpack array of a record's bytes and their crc32, whole or not at all."""

import struct
import zlib
from typing import IO

from inference_client.errors import RecordingError

_HEAD = struct.Struct(">BBI")
_TAIL = struct.Struct(">BI")
_ARRAY_OF_TWO, _BIN_32, _UINT_32 = 0x92, 0xC6, 0xCE
"""First bytes of the msgpack types that a frame is made of (github.com/msgpack/msgpack, spec.md)."""

MAX_RECORD_BYTES = 2**30
"""No record is as large; a greater length is damage, and nothing is allocated for it."""


class TornFrame(RecordingError):
    """The file ends within a frame: its writer was killed, or the disk was full."""


def write_frame(file: IO[bytes], payload: bytes) -> int:
    """Appends a frame.

    Returns:
        Its size, bytes.

    Raises:
        OSError: The disk refuses.
    """
    file.write(_HEAD.pack(_ARRAY_OF_TWO, _BIN_32, len(payload)))
    file.write(payload)
    file.write(_TAIL.pack(_UINT_32, zlib.crc32(payload)))
    return _HEAD.size + len(payload) + _TAIL.size


def read_frame(file: IO[bytes]) -> bytes | None:
    """Reads the frame that the file stands at.

    Returns:
        The record's bytes; None at the end of the file.

    Raises:
        TornFrame: The file ends within the frame.
        RecordingError: What stands here is no frame, or not what was written.
    """
    offset = file.tell()
    head = file.read(_HEAD.size)
    if not head:
        return None
    if len(head) < _HEAD.size:
        raise _torn(offset)
    array, kind, n_bytes = _HEAD.unpack(head)
    if (array, kind) != (_ARRAY_OF_TWO, _BIN_32) or n_bytes > MAX_RECORD_BYTES:
        message = f"no record begins at byte {offset}"
        raise RecordingError(message)
    payload, tail = file.read(n_bytes), file.read(_TAIL.size)
    if len(payload) < n_bytes or len(tail) < _TAIL.size:
        raise _torn(offset)
    if _TAIL.unpack(tail) != (_UINT_32, zlib.crc32(payload)):
        message = f"the record at byte {offset} is not what was written"
        raise RecordingError(message)
    return payload


def _torn(offset: int) -> TornFrame:
    return TornFrame(f"the record at byte {offset} is torn: the file ends within it")
