"""Messages to bytes and back: msgpack for inference, JSON for metadata, and the digest of a body.

Decoding never copies tensor bytes: they are views of the body. Whatever is wrong with a body, the error is a
ProtocolError.
"""

import zlib
from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from inference_client.protocol.doubled_fields import refuse_doubled_fields
from inference_client.protocol.errors import DigestMismatchError, MalformedBodyError
from inference_client.protocol.messages import (
    ErrorBody,
    InferenceRequest,
    InferenceResponse,
    ModelMetadata,
    ServerMetadata,
    Tensor,
)

Body = bytes | memoryview

_SMALL_BODY_BYTES = 2**14
"""To encode a body of this size again takes no longer than to look at its fields."""

_Message = TypeVar("_Message")

_encode_msgpack = msgspec.msgpack.Encoder().encode
_encode_json = msgspec.json.Encoder().encode
_request_decoder = msgspec.msgpack.Decoder(InferenceRequest)
_response_decoder = msgspec.msgpack.Decoder(InferenceResponse)
_error_decoder = msgspec.msgpack.Decoder(ErrorBody)
_json_error_decoder = msgspec.json.Decoder(ErrorBody)
_model_metadata_decoder = msgspec.json.Decoder(ModelMetadata)
_server_metadata_decoder = msgspec.json.Decoder(ServerMetadata)


def encode_request(request: InferenceRequest) -> bytes:
    """Encodes a request as msgpack; tensor bytes are copied once."""
    return _encode_msgpack(request)


def decode_request(body: Body) -> InferenceRequest:
    """Decodes a request; its tensors are views of `body`, their sizes are not checked yet.

    Raises:
        MalformedBodyError: The body is not a request, or names a field twice.
    """
    request = _decode(_request_decoder.decode, body, "request")
    if request.parameters or not _is_shortest(request, request.inputs, body):
        refuse_doubled_fields(body)
    return request


def encode_response(response: InferenceResponse) -> bytes:
    """Encodes a response as msgpack; tensor bytes are copied once."""
    return _encode_msgpack(response)


def decode_response(body: Body) -> InferenceResponse:
    """Decodes a response; its tensors are views of `body`, their sizes are not checked yet.

    Raises:
        MalformedBodyError: The body is not a response, or names a field twice.
    """
    response = _decode(_response_decoder.decode, body, "response")
    if not _is_shortest(response, response.outputs, body):
        refuse_doubled_fields(body)
    return response


def encode_error(error: ErrorBody) -> bytes:
    """Encodes an error as msgpack, the answer to a msgpack request."""
    return _encode_msgpack(error)


def decode_error(body: Body) -> ErrorBody:
    """Decodes a msgpack error.

    Raises:
        MalformedBodyError: The body is not an error message.
    """
    return _decode(_error_decoder.decode, body, "error")


def decode_json_error(body: Body) -> ErrorBody:
    """Decodes a JSON error, as routes other than msgpack inference answer.

    Raises:
        MalformedBodyError: The body is not an error message.
    """
    return _decode(_json_error_decoder.decode, body, "error")


def encode_json(message: ErrorBody | ModelMetadata | ServerMetadata) -> bytes:
    """Encodes an error or metadata as JSON."""
    return _encode_json(message)


def decode_model_metadata(body: Body) -> ModelMetadata:
    """Decodes a model's signature from JSON.

    Raises:
        MalformedBodyError: The body is not the metadata of a model.
    """
    return _decode(_model_metadata_decoder.decode, body, "model metadata")


def decode_server_metadata(body: Body) -> ServerMetadata:
    """Decodes what a server says of itself from JSON.

    Raises:
        MalformedBodyError: The body is not the metadata of a server.
    """
    return _decode(_server_metadata_decoder.decode, body, "server metadata")


def body_crc32(body: Body) -> str:
    """Digest of a body for the header X-Body-Crc32: eight hexadecimal digits."""
    return f"{zlib.crc32(body):08x}"


def check_crc32(body: Body, expected: str) -> None:
    """Compares a body with the digest that its sender gave.

    Raises:
        DigestMismatchError: They differ.
    """
    actual = body_crc32(body)
    if actual != expected.strip().lower():
        message = f"body of {len(body)} bytes has crc32 {actual}, its sender says {expected[:16]!r}"
        raise DigestMismatchError(message)


def _is_shortest(
    message: InferenceRequest | InferenceResponse, tensors: Sequence[Tensor], body: Body
) -> bool:
    """Whether a body says what it says in as few bytes as can be: then it says nothing twice.

    It tells so of small bodies without floating-point numbers, whose shortest form is not sure, in a fraction
    of the time that a look at all fields takes.
    """
    if len(body) > _SMALL_BODY_BYTES or any(tensor.scale is not None for tensor in tensors):
        return False
    return len(_encode_msgpack(message)) == len(body)


def _decode(decode: Callable[[Body], _Message], body: Body, kind: str) -> _Message:
    try:
        return decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        message = f"not a valid {kind}: {error}"
        raise MalformedBodyError(message) from error
