import struct

import pytest

from eventproc.model.event_id import EventID
from producers.layouts.event_auxiliary import event_id_of

COUNT = 0x4000_0000


def streamed(payload, version=10, checksum=b""):
    """An object as TBufferFile writes it: count of the bytes that follow, version, checksum, members."""
    content = struct.pack(">H", version) + checksum + payload
    return struct.pack(">I", COUNT | len(content)) + content


HISTORY = streamed(b"\x00")
HISTORY_WITH_HASH = streamed(b"\x10" + bytes(range(16)))
ID = struct.pack(">IIQ", 194115, 702, 5_000_000_001)
REST = streamed(b"\x00" * 20) + b"\x01\x02\x03"


@pytest.mark.parametrize("history", [HISTORY, HISTORY_WITH_HASH], ids=["no hash", "hash"])
@pytest.mark.parametrize(
    "event_id", [streamed(ID), streamed(ID, version=0, checksum=b"abcd")], ids=["version", "checksum"]
)
def test_the_id_is_found_whatever_is_before_it(history, event_id):
    assert event_id_of(memoryview(history + event_id + REST), 1) == EventID(194115, 702, 5_000_000_001)


def test_the_event_number_of_run_1_has_32_bits():
    record = HISTORY + streamed(struct.pack(">III", 1, 2, 4_000_000_000)) + REST
    assert event_id_of(memoryview(record), 1) == EventID(1, 2, 4_000_000_000)


def test_the_auxiliary_may_have_a_header_of_its_own():
    assert event_id_of(memoryview(streamed(HISTORY + streamed(ID) + REST)), 1) == EventID(
        194115, 702, 5_000_000_001
    )


def test_the_id_may_come_first():
    assert event_id_of(memoryview(streamed(ID) + REST), 0) == EventID(194115, 702, 5_000_000_001)


@pytest.mark.parametrize(
    ("record", "phrase"),
    [
        (b"", "ends at byte 0"),
        (HISTORY, "ends at byte"),
        (b"\x00" * 40, "no byte count"),
        (HISTORY + streamed(ID)[:-1], "no byte count"),
        (HISTORY + streamed(b"\x00" * 9) + REST, "an EventID of 9 bytes"),
    ],
)
def test_bytes_that_are_laid_out_otherwise_are_refused(record, phrase):
    with pytest.raises(ValueError, match=phrase):
        event_id_of(memoryview(record), 1)


def test_no_cut_of_a_record_is_taken_for_an_id():
    whole = HISTORY_WITH_HASH + streamed(ID)
    for size in range(len(whole)):
        with pytest.raises(ValueError, match=r"byte"):
            event_id_of(memoryview(whole[:size]), 1)
