"""Event ids out of the bytes of CMSSW's edm::EventAuxiliary, which uproot cannot interpret."""

from __future__ import annotations

import struct

from eventproc.model.event_id import EventID

_BYTE_COUNT = 0x4000_0000
"""Marks the 32-bit count of the bytes that follow, at the start of each streamed object (TBufferFile)."""

_HEADER = struct.Struct(">IH")
_ID_FORMATS = {16: struct.Struct(">IIQ"), 12: struct.Struct(">III")}
"""run, luminosity block and event by their size together; Run 1 files have a 32-bit event number."""


def event_id_of(record: memoryview, members_before_id: int) -> EventID:
    """The id in one streamed EventAuxiliary.

    Args:
        record: its bytes.
        members_before_id: how many members the file's streamer info puts before ``id_``; all of them are
            objects, such as the process history's ID, whose length is not always the same.

    Raises:
        ValueError: the bytes are not laid out like that.
    """
    position = 0
    if _object_end(record, 0) == len(record):
        position = _payload(record, 0)
    for _ in range(members_before_id):
        position = _object_end(record, position)
    begin, end = _payload(record, position), _object_end(record, position)
    if end - begin not in _ID_FORMATS:
        message = f"an EventID of {end - begin} bytes at byte {begin}; 16 or 12 were expected"
        raise ValueError(message)
    return EventID(*_ID_FORMATS[end - begin].unpack_from(record, begin))


def _object_end(record: memoryview, position: int) -> int:
    count, _ = _header(record, position)
    end = position + 4 + (count & ~_BYTE_COUNT)
    if not count & _BYTE_COUNT or end > len(record):
        message = f"no byte count at byte {position} of {len(record)}"
        raise ValueError(message)
    return end


def _payload(record: memoryview, position: int) -> int:
    _, version = _header(record, position)
    # A class without a version has version 0 and its checksum after it.
    return position + _HEADER.size + (0 if version else 4)


def _header(record: memoryview, position: int) -> tuple[int, int]:
    if position + _HEADER.size > len(record):
        message = f"the record ends at byte {len(record)}, before its id"
        raise ValueError(message)
    count, version = _HEADER.unpack_from(record, position)
    return count, version
