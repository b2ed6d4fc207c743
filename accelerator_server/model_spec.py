"""A model's signature: what a request must look like before it may join a batch."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from accelerator_server.config import ModelConfig, TensorConfig
from accelerator_server.errors import (
    BackendContractError,
    ConfigurationError,
    SignatureMismatchError,
    TooManyRowsError,
)
from inference_client.protocol.arrays import Array, check_tensor
from inference_client.protocol.datatypes import DTYPES
from inference_client.protocol.messages import InferenceRequest, Tensor, TensorMetadata
from inference_client.protocol.rows import request_row_count


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """One input or output: what each row of it is.

    Attributes:
        name: Name of the input or output.
        datatype: Its element type on the wire.
        row_shape: Sizes of all axes but the first.
    """

    name: str
    datatype: str
    row_shape: tuple[int, ...]

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """Element type as numpy names it."""
        return DTYPES[self.datatype]

    @property
    def row_size(self) -> int:
        """Elements of a row."""
        return math.prod(self.row_shape)

    def metadata(self) -> TensorMetadata:
        """The form that metadata announces."""
        return TensorMetadata(self.name, self.datatype, [-1, *self.row_shape])

    def __str__(self) -> str:
        return f"{self.name}: {self.datatype} {[-1, *self.row_shape]}"


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """Inputs and outputs of a model, and the most rows that a batch may have."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    max_rows: int

    def check_request(self, request: InferenceRequest, max_rows: int) -> int:
        """Checks that a request fits, before anything is allocated for it.

        Args:
            request: As it was decoded.
            max_rows: Most rows that it may have.

        Returns:
            Its number of rows.

        Raises:
            SignatureMismatchError: Names, datatypes or shapes differ.
            TooManyRowsError: It has more than max_rows rows.
            ProtocolError: A tensor contradicts itself.
        """
        tensors = {tensor.name: tensor for tensor in request.inputs}
        if len(request.inputs) != len(self.inputs) or tensors.keys() != {spec.name for spec in self.inputs}:
            message = f"inputs must be [{_names(self.inputs)}], not [{_names(request.inputs)}]"
            raise SignatureMismatchError(message)
        for spec in self.inputs:
            _check_input(spec, tensors[spec.name])
        n_rows = request_row_count(request)
        if n_rows > max_rows:
            message = f"{n_rows} rows in one request; this model takes at most {max_rows}"
            raise TooManyRowsError(message)
        self.wanted_outputs(request)
        return n_rows

    def wanted_outputs(self, request: InferenceRequest) -> list[str]:
        """Names of the outputs that a request asks for, in its order; all if it names none.

        Raises:
            SignatureMismatchError: It names one that does not exist.
        """
        known = [spec.name for spec in self.outputs]
        if not request.outputs:
            return known
        wanted = [output.name for output in request.outputs]
        if not set(wanted) <= set(known) or len(set(wanted)) != len(wanted):
            message = f"outputs must be some of {known}, not {wanted}"
            raise SignatureMismatchError(message)
        return wanted

    def check_outputs(self, outputs: Mapping[str, Array], n_rows: int) -> None:
        """Checks what a backend made of a batch.

        Raises:
            BackendContractError: An output is missing or of another shape or datatype.
        """
        for spec in self.outputs:
            output = outputs.get(spec.name)
            if output is None or output.shape != (n_rows, *spec.row_shape) or output.dtype != spec.dtype:
                found = "nothing" if output is None else f"{output.dtype} {list(output.shape)}"
                message = f"the backend returned {found} for {n_rows} rows of {spec}"
                raise BackendContractError(message)

    def empty_outputs(self) -> dict[str, Array]:
        """What the model makes of no rows: arrays of shape (0, ...)."""
        return {spec.name: np.empty((0, *spec.row_shape), spec.dtype) for spec in self.outputs}

    def encodings(self) -> list[str]:
        """Tensor encodings that all inputs accept."""
        all_float = all(spec.datatype == "FP32" for spec in self.inputs)
        return ["plain", "scaled", "sparse"] if all_float else ["plain", "sparse"]


def spec_of(config: ModelConfig) -> ModelSpec:
    """The signature that a model's configuration declares.

    Raises:
        ConfigurationError: A datatype or shape is not one that can be served, or a name occurs twice.
    """
    inputs = tuple(_tensor_spec(tensor) for tensor in config.inputs)
    outputs = tuple(_tensor_spec(tensor) for tensor in config.outputs)
    for kind, tensors in (("inputs", inputs), ("outputs", outputs)):
        if len({tensor.name for tensor in tensors}) < len(tensors):
            message = f"two of the {kind} have the same name: {_names(tensors)}"
            raise ConfigurationError(message)
    return ModelSpec(inputs, outputs, config.max_rows)


def _tensor_spec(tensor: TensorConfig) -> TensorSpec:
    if tensor.datatype not in DTYPES:
        message = f"{tensor.name}: datatype {tensor.datatype!r} is none of {', '.join(DTYPES)}"
        raise ConfigurationError(message)
    if tensor.shape[:1] != [-1] or min(tensor.shape[1:], default=1) < 1:
        message = (
            f"{tensor.name}: shape {tensor.shape} must begin with -1, the rows, and have fixed sizes after it"
        )
        raise ConfigurationError(message)
    return TensorSpec(tensor.name, tensor.datatype, tuple(tensor.shape[1:]))


def _check_input(spec: TensorSpec, tensor: Tensor) -> None:
    datatype = "FP32" if tensor.scale is not None else tensor.datatype
    if datatype != spec.datatype or not tensor.shape or tuple(tensor.shape[1:]) != spec.row_shape:
        message = f"input must be {spec}, not {tensor.name}: {datatype} {tensor.shape}"
        raise SignatureMismatchError(message)
    check_tensor(tensor)


def _names(tensors: tuple[TensorSpec, ...] | list[Tensor]) -> str:
    return ", ".join(tensor.name for tensor in tensors)
