"""Reads an ONNX file into plain values, so that nothing behind it needs the onnx package."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from accelerator_server.backends.base import Array, EngineTensor, datatype_name
from accelerator_server.errors import ModelRefusedError

OLDEST_OPSET = 13
"""Before it, Softmax flattens its input and DequantizeLinear knows no axis (ONNX operator changelog)."""

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Node:
    """One operator: its name as ONNX spells it, what it reads and writes, and its attributes."""

    operator: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Graph:
    """A network as it was written: nodes in an order in which they can run.

    Attributes:
        nodes: Without those that only hold a constant.
        constants: Weights and other constants by name.
        inputs: What must be given; the first axis counts rows.
        outputs: What is wanted.
    """

    nodes: tuple[Node, ...]
    constants: Mapping[str, Array]
    inputs: tuple[EngineTensor, ...]
    outputs: tuple[EngineTensor, ...]


def read_graph(model: bytes) -> Graph:
    """Reads the content of an ONNX file.

    Raises:
        ModelRefusedError: It is damaged, or older than opset 13.
    """
    try:
        onnx.checker.check_model(model)
        proto = onnx.load_model_from_string(model)
    except (onnx.checker.ValidationError, TypeError, ValueError) as error:
        message = f"opencl cannot read the model: {error}"
        raise ModelRefusedError(message) from error
    _check_opset(proto)
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in proto.graph.initializer}
    nodes = []
    for node in proto.graph.node:
        attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        if node.op_type == "Constant" and "value" in attributes:
            constants[node.output[0]] = numpy_helper.to_array(attributes["value"])
        else:
            nodes.append(Node(node.op_type, tuple(node.input), tuple(node.output), attributes))
    inputs = tuple(_tensor(value) for value in proto.graph.input if value.name not in constants)
    outputs = tuple(_tensor(value) for value in proto.graph.output)
    return Graph(tuple(nodes), constants, inputs, outputs)


def _check_opset(proto: Any) -> None:
    for opset in proto.opset_import:
        if opset.domain in ("", "ai.onnx") and opset.version < OLDEST_OPSET:
            message = f"opencl reads ONNX from opset {OLDEST_OPSET} on; the model has opset {opset.version}"
            raise ModelRefusedError(message)


def _tensor(value: Any) -> EngineTensor:
    kind = value.type.tensor_type
    dtype = np.dtype(onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type))
    shape = tuple(size.dim_value if size.HasField("dim_value") else -1 for size in kind.shape.dim)
    return EngineTensor(value.name, datatype_name(dtype), shape)
