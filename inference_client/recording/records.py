"""What a recording holds: one record for each message, in the order in which they went."""

from msgspec import Struct

from inference_client.protocol.messages import ModelMetadata, ServerMetadata

FORMAT = "inference-recording"
VERSION = 1


class Header(Struct, kw_only=True, tag="header"):
    """The first record.

    Attributes:
        format: FORMAT.
        version: VERSION of the writer; a reader of another version refuses the file.
        begun: When the recording began, UTC, ISO 8601.
        clock_ns: The same on the machine's monotonic clock, by which recordings of one job are joined.
    """

    format: str
    version: int
    begun: str
    clock_ns: int = 0


class ServerRecord(Struct, kw_only=True, tag="server"):
    """What a server said of itself when it was admitted."""

    server: str
    metadata: ServerMetadata


class ModelRecord(Struct, kw_only=True, tag="model"):
    """What a server said of a model; `version` is the one asked about, empty for the server's choice."""

    server: str
    version: str
    metadata: ModelMetadata


class RequestRecord(Struct, kw_only=True, tag="request"):
    """One body as it was sent; a retry is a request of its own.

    Attributes:
        number: Counts requests from 1.
        at_us: Time since the recording began.
        server: Address that it went to.
        model, version: Whom it asked.
        body: The message, `codec.encode_request`. Headers, and with them tokens, are not kept.
    """

    number: int
    at_us: int
    server: str
    model: str
    version: str
    body: bytes


class ReplyRecord(Struct, kw_only=True, tag="reply"):
    """The answer to request `number`: the message, `codec.encode_response`."""

    number: int
    at_us: int
    body: bytes


class FailureRecord(Struct, kw_only=True, tag="failure"):
    """Request `number` brought no answer; `error` is the kind of error, since its text may hold anything."""

    number: int
    at_us: int
    error: str


class EndRecord(Struct, kw_only=True, tag="end"):
    """The last record of a recording that was ended in order."""

    requests: int
    at_us: int


Record = Header | ServerRecord | ModelRecord | RequestRecord | ReplyRecord | FailureRecord | EndRecord
