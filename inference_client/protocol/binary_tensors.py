"""The standard dialect from the client's side: a JSON part, and the tensors' bytes behind it.

Open Inference Protocol v2 with Triton's binary data extension:
https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md
"""

from typing import Any, TypeVar

import msgspec
import numpy as np
from msgspec import Struct, field

from inference_client.protocol.arrays import Array, bytes_of, decoded_dtype, to_array
from inference_client.protocol.datatypes import DTYPES
from inference_client.protocol.errors import InvalidTensorError, MalformedBodyError
from inference_client.protocol.messages import InferenceRequest, InferenceResponse, Tensor

BINARY_TENSORS = "binary_tensor_data"
"""The name under which a server announces this dialect."""

_T = TypeVar("_T")
_NAMES = {dtype: name for name, dtype in DTYPES.items()}


class StandardTensor(Struct, kw_only=True):
    """An output: its elements are a list, or lie behind the JSON part. Unknown fields are ignored."""

    name: str
    datatype: str
    shape: list[int]
    parameters: dict[str, Any] = {}
    data: list[Any] | None = None


class StandardResponse(Struct, kw_only=True):
    """The JSON part of an answer."""

    model_name: str
    outputs: list[StandardTensor]
    id: str | None = None
    model_version: str | int | None = None


class StandardError(Struct, kw_only=True):
    """A refusal."""

    error: str = ""


class ConfigurationParameter(Struct):
    """A free parameter of a model's configuration."""

    string_value: str = ""


class ModelConfiguration(Struct, kw_only=True):
    """What the client reads of a model's configuration (Triton's model_config.proto).

    Attributes:
        max_batch_size: Most rows of a request; 0 if the model does not batch.
        parameters: Whatever the model's owner wrote down.
    """

    max_batch_size: int = 0
    parameters: dict[str, ConfigurationParameter] = field(default_factory=dict)


_response_decoder = msgspec.json.Decoder(StandardResponse)
_error_decoder = msgspec.json.Decoder(StandardError)
_configuration_decoder = msgspec.json.Decoder(ModelConfiguration)


def encode_standard_request(request: InferenceRequest, timeout_us: int) -> tuple[bytes, int]:
    """Encodes a request; sparse and scaled tensors travel dense.

    Args:
        request: What to ask.
        timeout_us: Time after which the server may drop it unstarted.

    Returns:
        The body, and the length of its JSON part.

    Raises:
        InvalidTensorError: A tensor contradicts itself.
    """
    inputs: list[dict[str, Any]] = []
    parts: list[memoryview] = []
    for tensor in request.inputs:
        part = bytes_of(to_array(tensor))
        parts.append(part)
        inputs.append(
            {
                "name": tensor.name,
                "datatype": _NAMES[decoded_dtype(tensor)],
                "shape": tensor.shape,
                "parameters": {"binary_data_size": part.nbytes},
            }
        )
    head: dict[str, Any] = {
        "id": request.id,
        "inputs": inputs,
        "parameters": {**request.parameters, "timeout": timeout_us, "binary_data_output": True},
    }
    if request.outputs:
        head["outputs"] = [
            {"name": output.name, "parameters": {"binary_data": True}} for output in request.outputs
        ]
    json_part = msgspec.json.encode(head)
    return b"".join([json_part, *parts]), len(json_part)


def decode_standard_response(body: bytes, json_length: int) -> InferenceResponse:
    """Decodes an answer; the record stays empty, since a plain server gives none.

    Args:
        body: The whole body.
        json_length: Length of its JSON part.

    Returns:
        The answer; id and version are empty where the server left them out.

    Raises:
        MalformedBodyError: The body is no answer.
        InvalidTensorError: A tensor does not fit its bytes.
    """
    head = _decoded(_response_decoder, body[:json_length], "response")
    binary = memoryview(body)[json_length:]
    outputs = []
    for tensor in head.outputs:
        size = tensor.parameters.get("binary_data_size")
        if size is None:
            data = _listed(tensor)
        elif isinstance(size, int) and 0 <= size <= len(binary):
            data, binary = binary[:size], binary[size:]
        else:
            message = f"output {tensor.name!r}: binary_data_size {size} does not fit the body"
            raise InvalidTensorError(message)
        outputs.append(Tensor(name=tensor.name, datatype=tensor.datatype, shape=tensor.shape, data=data))
    if len(binary):
        message = f"{len(binary)} bytes behind the last output"
        raise MalformedBodyError(message)
    version = "" if head.model_version is None else str(head.model_version)
    return InferenceResponse(
        id=head.id or "", model_name=head.model_name, model_version=version, outputs=outputs
    )


def decode_standard_error(body: bytes) -> str:
    """The sentence of a refusal.

    Raises:
        MalformedBodyError: The body is no refusal.
    """
    return _decoded(_error_decoder, body, "error").error


def decode_model_configuration(body: bytes) -> ModelConfiguration:
    """Decodes a model's configuration.

    Raises:
        MalformedBodyError: The body is none.
    """
    return _decoded(_configuration_decoder, body, "model configuration")


def _listed(tensor: StandardTensor) -> memoryview:
    """Elements of a list, flat or nested; servers without the extension answer so."""
    dtype = DTYPES.get(tensor.datatype)
    try:
        elements: Array = np.asarray(tensor.data).astype(dtype) if dtype is not None else np.empty(0)
    except (ValueError, TypeError, OverflowError) as error:
        message = f"output {tensor.name!r}: data are no {tensor.datatype}: {error}"
        raise InvalidTensorError(message) from error
    return bytes_of(elements)


def _decoded(decoder: "msgspec.json.Decoder[_T]", body: bytes, kind: str) -> _T:
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        message = f"not a valid {kind}: {error}"
        raise MalformedBodyError(message) from error
