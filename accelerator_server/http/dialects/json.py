"""The standard dialects: JSON, and JSON followed by binary tensors.

Open Inference Protocol v2 and Triton's binary data extension:
https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md
"""

import functools
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import msgspec
import numpy as np
from msgspec import Meta, Raw, Struct, field

from accelerator_server.errors import BodyTooLargeError, InfiniteInJsonError, MalformedRequestError
from accelerator_server.http.dialects.base import Answer, Reply
from accelerator_server.http.dialects.nesting import is_regular
from inference_client.protocol import codec, headers
from inference_client.protocol.arrays import Array, to_array
from inference_client.protocol.datatypes import DTYPES
from inference_client.protocol.errors import InvalidTensorError, MalformedBodyError
from inference_client.protocol.messages import (
    Datatype,
    ErrorBody,
    InferenceRequest,
    InferenceResponse,
    Name,
    Parameters,
    RequestedOutput,
    RequestId,
    Shape,
    Tensor,
)

_KINDS = {"b": "b", "u": "iu", "i": "iu", "f": "iuf"}
"""Kind of a datatype -> kinds of numbers in JSON that may stand for it."""

_SPACE = b" \t\r\n"
_TRUTHS, _NUMBERS = b"truefals", b"0123456789+-.eE"
"""What the elements of a list are written with."""

_PIECE_BYTES = 2**16
"""Elements become Python objects before they are an array's: of so much text at a time."""

_MAX_COLONS = 2**14
"""Twice as many as the largest request has outside of its texts; more would be fields that nobody wants."""

MAX_JSON_BYTES = 16 * 2**20
"""The event loop reads the numbers of JSON one by one, and answers nobody meanwhile."""


class JsonTensor(Struct, forbid_unknown_fields=True, kw_only=True):
    """A tensor whose elements are a list, or lie behind the JSON part."""

    name: Name
    datatype: Datatype
    shape: Shape
    parameters: Parameters = {}
    data: Annotated[Raw, Meta(extra_json_schema={"type": ["array", "null"]})] = field(default_factory=Raw)


class JsonOutput(Struct, forbid_unknown_fields=True, kw_only=True):
    """An output that is wanted; `binary_data` asks for it behind the JSON part."""

    name: str
    parameters: Parameters = {}


class JsonRequest(Struct, forbid_unknown_fields=True, kw_only=True):
    """The JSON part of a request."""

    inputs: list[JsonTensor]
    id: RequestId = ""
    outputs: list[JsonOutput] = []
    parameters: Parameters = {}


class JsonDialect:
    """JSON bodies; binary where the header Inference-Header-Content-Length says where JSON ends."""

    def decode(self, body: bytes, request_headers: Mapping[str, str]) -> tuple[InferenceRequest, Answer]:
        """Decodes a request.

        Raises:
            ProtocolError: The body is not one.
            MalformedRequestError: The length of the JSON part is not one, or an output is asked for in a way
                that is not offered.
            BodyTooLargeError: The JSON part is longer than MAX_JSON_BYTES.
        """
        length = _json_length(body, request_headers)
        if length > MAX_JSON_BYTES:
            message = f"{length} bytes of JSON, over {MAX_JSON_BYTES}; send tensors as binary_data or msgpack"
            raise BodyTooLargeError(message)
        if body.count(b":", 0, length) > _MAX_COLONS:
            message = f"not a valid request: more than {_MAX_COLONS} fields"
            raise MalformedBodyError(message)
        try:
            request = _decoder.decode(body[:length])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            message = f"not a valid request: {error}"
            raise MalformedBodyError(message) from error
        binary_by_default = bool(request.parameters.pop("binary_data_output", False))
        binary = {output.name: _wants_binary(output, binary_by_default) for output in request.outputs}
        decoded = InferenceRequest(
            id=request.id,
            inputs=_tensors(request.inputs, memoryview(body)[length:]),
            outputs=[RequestedOutput(output.name) for output in request.outputs],
            parameters=request.parameters,
        )
        return decoded, functools.partial(_answer, binary, binary_by_default)

    def encode_error(self, error: ErrorBody) -> Reply:
        """Encodes a refusal."""
        return Reply(codec.encode_json(error), headers.JSON)


_decoder = msgspec.json.Decoder(JsonRequest)
_list_decoder = msgspec.json.Decoder(list)
_NOTHING = (b"", b"null")


def _json_length(body: bytes, request_headers: Mapping[str, str]) -> int:
    text = request_headers.get(headers.INFERENCE_HEADER_LENGTH)
    if text is None:
        return len(body)
    if not (text.isascii() and text.isdigit() and int(text) <= len(body)):
        message = f"{headers.INFERENCE_HEADER_LENGTH} must be a length within the body"
        raise MalformedRequestError(message)
    return int(text)


def _wants_binary(output: JsonOutput, binary_by_default: bool) -> bool:
    if unknown := output.parameters.keys() - {"binary_data"}:
        # Triton's classification and shared memory: to leave them out would answer another question.
        message = f"output {output.name!r}: {', '.join(sorted(unknown))} is not offered here; binary_data is"
        raise MalformedRequestError(message)
    return bool(output.parameters.get("binary_data", binary_by_default))


def _tensors(tensors: list[JsonTensor], binary: memoryview) -> list[Tensor]:
    decoded = []
    for tensor in tensors:
        size = tensor.parameters.get("binary_data_size")
        if size is None:
            data = _listed_elements(tensor)
        elif isinstance(size, int) and 0 <= size <= len(binary) and bytes(tensor.data) in _NOTHING:
            data, binary = binary[:size], binary[size:]
        else:
            message = f"tensor {tensor.name!r}: binary_data_size {size} does not fit the body"
            raise InvalidTensorError(message)
        decoded.append(Tensor(name=tensor.name, datatype=tensor.datatype, shape=tensor.shape, data=data))
    if len(binary):
        message = f"{len(binary)} bytes behind the last tensor"
        raise MalformedBodyError(message)
    return decoded


def _listed_elements(tensor: JsonTensor) -> memoryview:
    """Elements of a list, flat or nested, as bytes; a number that the datatype cannot hold is refused.

    Lists are never made: the garbage collector would look through millions of small ones again and again.
    """
    dtype = DTYPES.get(tensor.datatype)
    text = bytes(tensor.data)
    if dtype is None or text in _NOTHING:
        message = (
            f"tensor {tensor.name!r}: {tensor.datatype} without data, or unknown; there are {list(DTYPES)}"
        )
        raise InvalidTensorError(message)
    letters = _TRUTHS if dtype.kind == "b" else _NUMBERS
    if not is_regular(text.translate(None, letters + _SPACE)):
        raise _unfit(tensor)
    flat = text.translate(None, b"[]" + _SPACE)
    elements = bytearray()
    for piece in _pieces(flat) if flat else ():
        try:
            found = np.asarray(_list_decoder.decode(b"[" + piece + b"]"))
        except (msgspec.DecodeError, OverflowError) as error:
            raise _unfit(tensor) from error
        if not (found.size and _fits(found, dtype)):
            raise _unfit(tensor)
        with np.errstate(over="ignore"):  # a float that is too large becomes infinite, as in any conversion
            elements += found.astype(dtype).view(np.uint8).data
    return memoryview(elements)


def _unfit(tensor: JsonTensor) -> InvalidTensorError:
    message = f"tensor {tensor.name!r}: data are not a regular list of numbers that fit {tensor.datatype}"
    return InvalidTensorError(message)


def _pieces(flat: bytes) -> Iterator[bytes]:
    """Cuts elements at commas."""
    at = 0
    while at <= len(flat):  # an element is missing where the last comma is the end
        end = flat.find(b",", at + _PIECE_BYTES)
        end = len(flat) if end < 0 else end
        yield flat[at:end]
        at = end + 1


def _fits(found: Array, dtype: np.dtype[np.generic]) -> bool:
    if found.dtype.kind not in _KINDS[dtype.kind]:
        return False
    if dtype.kind not in "iu":
        return True
    bounds = np.iinfo(dtype.str)
    return bool(int(found.min()) >= bounds.min and int(found.max()) <= bounds.max)


def _check_finite(name: str, array: Array) -> None:
    """An infinity would become null, as NaN does, and its reader would take it for that."""
    if array.dtype.kind == "f" and (is_infinite := np.isinf(array)).any():
        row = int(np.argwhere(is_infinite)[0][0])
        message = f"output {name}, row {row}, holds an infinity, which JSON cannot say; ask for binary_data"
        raise InfiniteInJsonError(message)


def _answer(binary: dict[str, bool], binary_by_default: bool, response: InferenceResponse) -> Reply:
    outputs: list[dict[str, Any]] = []
    parts: list[bytes] = []
    for tensor in response.outputs:
        output: dict[str, Any] = {"name": tensor.name, "datatype": tensor.datatype, "shape": tensor.shape}
        array = to_array(tensor)
        if binary.get(tensor.name, binary_by_default):
            parts.append(array.tobytes())
            output["parameters"] = {"binary_data_size": array.nbytes}
        else:
            _check_finite(tensor.name, array)
            output["data"] = array.reshape(-1).tolist()  # NaN becomes null
        outputs.append(output)
    part = {
        "id": response.id,
        "model_name": response.model_name,
        "model_version": response.model_version,
        "parameters": msgspec.to_builtins(response.parameters),
        "outputs": outputs,
    }
    json_part = msgspec.json.encode(part)
    if not parts:
        return Reply(json_part, headers.JSON)
    return Reply(
        json_part + b"".join(parts),
        headers.BINARY,
        {headers.INFERENCE_HEADER_LENGTH: str(len(json_part))},
    )
