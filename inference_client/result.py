"""What a caller gets: outputs, and the record of who computed them and how long it took."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.generic]


class CallRecord(NamedTuple):
    """Who answered a request, with which model, after what; kept beside the scores as their provenance.

    A request that was split over several bodies has one record: texts that differ are joined with commas,
    sizes in bytes are added, everything else is the largest.

    Attributes:
        request_id: Id on the wire, as the server logs it.
        server: Address of the server that answered; empty for a request without rows.
        server_name: The name that it gives itself.
        device, backend, precision: What computed, as the server says.
        model_name, model_version, model_sha256: The model, as the server says.
        image_spec_hash: Hash of the image specification that the model was trained on.
        attempts: Tries made, the successful one included.
        hedged: 1 if a second server was asked because the first was late, and the first answer taken; else 0.
        batch_rows: Rows of the batch on the device.
        body_rows: Rows of the body, of all callers that shared it.
        request_rows: Rows of this request.
        bytes_sent: This request's share of the body as sent.
        build_us: Time spent on making the body.
        queue_us: Time in the client before the first try.
        retry_us: Time from the first try to the start of the successful one.
        wire_us: Time of the successful exchange without the server's own.
        server_queue_us, compute_us: The server's own times.
        total_us: Time from the question to the answer.
    """

    request_id: str = ""
    server: str = ""
    server_name: str = ""
    device: str = ""
    backend: str = ""
    precision: str = ""
    model_name: str = ""
    model_version: str = ""
    model_sha256: str = ""
    image_spec_hash: str = ""
    attempts: int = 0
    hedged: int = 0
    batch_rows: int = 0
    body_rows: int = 0
    request_rows: int = 0
    bytes_sent: int = 0
    build_us: int = 0
    queue_us: int = 0
    retry_us: int = 0
    wire_us: int = 0
    server_queue_us: int = 0
    compute_us: int = 0
    total_us: int = 0


@dataclass(frozen=True, slots=True)
class InferenceResult:
    """The answer to one request.

    Attributes:
        outputs: Arrays by name of the model's output, (n_rows, ...); rows in the order of the request.
        record: Who computed them.
    """

    outputs: dict[str, Array]
    record: CallRecord


def merged_record(records: Sequence[CallRecord]) -> CallRecord:
    """One record for a request that was split over several bodies."""
    merged: dict[str, Any] = {}
    for name, values in zip(CallRecord._fields, zip(*records, strict=True), strict=True):
        if isinstance(values[0], str):
            merged[name] = ",".join(dict.fromkeys(value for value in values if value))
        else:
            merged[name] = max(values)
    merged["request_rows"] = sum(record.request_rows for record in records)
    merged["bytes_sent"] = sum(record.bytes_sent for record in records)
    return CallRecord(**merged)
