"""How a body is written and read: our own dialect, and the standard one that Triton and KServe speak."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from inference_client.errors import DialectError
from inference_client.protocol import headers
from inference_client.protocol.binary_tensors import (
    BINARY_TENSORS,
    decode_standard_error,
    decode_standard_response,
    encode_standard_request,
)
from inference_client.protocol.codec import (
    body_crc32,
    check_crc32,
    decode_error,
    decode_json_error,
    decode_response,
    encode_request,
)
from inference_client.protocol.errors import MalformedBodyError, ProtocolError
from inference_client.protocol.messages import (
    EXTENSIONS,
    ErrorBody,
    InferenceRecord,
    InferenceRequest,
    InferenceResponse,
    ServerMetadata,
)
from inference_client.transport.transport import InferenceCall


class Encoded(NamedTuple):
    """A body and the headers that belong to it."""

    body: bytes
    headers: dict[str, str]


class Dialect(Protocol):
    """One way to write a request and to read its answer."""

    @property
    def needs_length(self) -> bool:
        """A reply must state its length; else the end of its last chunk will do."""

    @property
    def has_record(self) -> bool:
        """Metadata and replies say more than the standard does."""

    def encode(self, request: InferenceRequest, timeout_s: float) -> Encoded:
        """Writes a request that is to be answered within some time."""

    def decode(self, call: InferenceCall, body: bytes, reply_headers: Mapping[str, str]) -> InferenceResponse:
        """Reads the answer to a call.

        Raises:
            ProtocolError: It is none, or was damaged on its way.
        """

    def decode_error(self, body: bytes, reply_headers: Mapping[str, str]) -> ErrorBody:
        """Reads a refusal, whatever it looks like."""


class OwnDialect:
    """msgpack with sparse tensors; digest and record are demanded."""

    needs_length = True
    has_record = True

    def encode(self, request: InferenceRequest, timeout_s: float) -> Encoded:
        """Writes a request that is to be answered within some time."""
        body = encode_request(request)
        return Encoded(
            body,
            {
                "Content-Type": headers.MSGPACK,
                "Accept": headers.MSGPACK,
                headers.REQUEST_ID: request.id,
                headers.BODY_CRC32: body_crc32(body),
                headers.DEADLINE_MS: str(max(1, int(timeout_s * 1000))),
            },
        )

    def decode(
        self,
        call: InferenceCall,  # noqa: ARG002 - the answer says everything itself
        body: bytes,
        reply_headers: Mapping[str, str],
    ) -> InferenceResponse:
        """Reads the answer to a call.

        Raises:
            ProtocolError: It is none, or was damaged on its way.
        """
        check_crc32(body, reply_headers.get(headers.BODY_CRC32, "none"))
        return decode_response(body)

    def decode_error(self, body: bytes, reply_headers: Mapping[str, str]) -> ErrorBody:
        """Reads a refusal, whatever it looks like."""
        is_msgpack = reply_headers.get("Content-Type", "").startswith(headers.MSGPACK)
        try:
            return (decode_error if is_msgpack else decode_json_error)(body)
        except ProtocolError:
            return _text(body)


class StandardDialect:
    """Open Inference Protocol v2 with binary tensors; the server is taken as it is."""

    needs_length = False
    has_record = False

    def encode(self, request: InferenceRequest, timeout_s: float) -> Encoded:
        """Writes a request that is to be answered within some time."""
        body, json_length = encode_standard_request(request, max(1, int(timeout_s * 1e6)))
        return Encoded(
            body, {"Content-Type": headers.BINARY, headers.INFERENCE_HEADER_LENGTH: str(json_length)}
        )

    def decode(self, call: InferenceCall, body: bytes, reply_headers: Mapping[str, str]) -> InferenceResponse:
        """Reads the answer to a call; what the standard leaves out is taken to be as asked.

        Raises:
            ProtocolError: It is none, or was damaged on its way.
        """
        length = reply_headers.get(headers.INFERENCE_HEADER_LENGTH, str(len(body)))
        if not length.isdecimal():
            message = f"{headers.INFERENCE_HEADER_LENGTH} is {length[:20]!r}, not a length"
            raise MalformedBodyError(message)
        response = decode_standard_response(body, int(length))
        response.id = response.id or call.request.id
        response.model_version = response.model_version or call.model.version
        response.parameters = InferenceRecord(
            model_sha256=call.model.sha256, image_spec_hash=call.model.image_spec_hash
        )
        return response

    def decode_error(self, body: bytes, reply_headers: Mapping[str, str]) -> ErrorBody:  # noqa: ARG002
        """Reads a refusal, whatever it looks like."""
        try:
            return ErrorBody(decode_standard_error(body)[:4000])
        except ProtocolError:
            return _text(body)


OWN, STANDARD = OwnDialect(), StandardDialect()


def dialect_of(server: ServerMetadata, address: str) -> Dialect:
    """The dialect to speak with a server: ours where it is announced.

    Raises:
        DialectError: The server announces neither.
    """
    if server.speaks_our_dialect:
        return OWN
    if BINARY_TENSORS in server.extensions:
        return STANDARD
    missing = sorted(set(EXTENSIONS) - set(server.extensions))
    message = (
        f"{address} ({server.name} {server.version}) announces neither {', '.join(missing)}, as an "
        f"accelerator-server does, nor {BINARY_TENSORS}, as Triton does"
    )
    raise DialectError(message)


def _text(body: bytes) -> ErrorBody:
    text = " ".join(body[:200].decode("ascii", "replace").split())
    return ErrorBody(error="a web page; is it an inference server?" if text.startswith("<") else text)
