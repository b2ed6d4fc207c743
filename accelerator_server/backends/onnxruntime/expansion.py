"""Makes the rows of a model's inputs on the device that reads them: sparse ones and those of scaled steps.

Small graphs in sessions of their own, on the model's device: what they make stays there.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from accelerator_server.backends.base import Array
from accelerator_server.backends.compact import CompactRows, LitRows
from accelerator_server.backends.onnxruntime.session import (
    CPU,
    CUDA,
    GPU_PROVIDERS,
    bind_inputs,
    open_session,
)
from accelerator_server.model_spec import ModelSpec, TensorSpec

_OPSET, _IR_VERSION = 17, 8
"""Those of ONNX 1.12 of 2022: all that the graphs need, and read by every ONNX Runtime since."""


class Expansion:
    """The sessions that expand the inputs of one model.

    Args:
        spec: The model's signature.
        providers: Execution providers of the model.
        gpu: Number of its GPU, if it is on one.
    """

    def __init__(self, spec: ModelSpec, providers: tuple[str, ...], gpu: int = 0) -> None:
        on_gpu = not GPU_PROVIDERS.isdisjoint(providers)
        self._device = ("cuda", gpu) if on_gpu else ("cpu", 0)
        # TensorRT would build an engine for every number of pixels.
        chosen = (CUDA, CPU) if on_gpu else (CPU,)
        self._lighting = {
            tensor.name: open_session(lighting_graph(tensor), chosen, 1, gpu=gpu) for tensor in spec.inputs
        }
        self._scaling = {
            tensor.name: open_session(scaling_graph(tensor), chosen, 1, gpu=gpu)
            for tensor in spec.inputs
            if tensor.datatype == "FP32"
        }
        self._row_sizes = {tensor.name: tensor.row_size for tensor in spec.inputs}

    def expand(self, name: str, rows: CompactRows, n_rows: int) -> Any:
        """Makes the rows of an input.

        Args:
            name: Of the input.
            rows: Its compact form; scaled only where the input is FP32.
            n_rows: How many they are.

        Returns:
            An onnxruntime.OrtValue on the device, (n_rows, ...).
        """
        if isinstance(rows, LitRows):
            size = np.array([n_rows * self._row_sizes[name]], np.int64)
            parts = {"positions": rows.positions, "values": rows.values, "size": size}
            return self._run(self._lighting[name], parts)
        return self._run(self._scaling[name], {"steps": rows.steps, "scales": rows.scales})

    def _run(self, session: Any, parts: Mapping[str, Array]) -> Any:
        binding = session.io_binding()
        bind_inputs(binding, parts)
        binding.bind_output("rows", *self._device)
        session.run_with_iobinding(binding)  # returns when the rows are there: the model has another stream
        return binding.get_outputs()[0]


def lighting_graph(tensor: TensorSpec) -> bytes:
    """ONNX: `size` zeros, at int64 `positions` the `values`, as rows of the input."""
    element = helper.np_dtype_to_tensor_dtype(tensor.dtype)
    zero = numpy_helper.from_array(np.zeros(1, tensor.dtype))
    shape = numpy_helper.from_array(np.array([-1, *tensor.row_shape], np.int64), "shape")
    nodes = [
        helper.make_node("ConstantOfShape", ["size"], ["zeros"], value=zero),
        helper.make_node("ScatterElements", ["zeros", "positions", "values"], ["lit"], axis=0),
        helper.make_node("Reshape", ["lit", "shape"], ["rows"]),
    ]
    inputs = [
        helper.make_tensor_value_info("positions", TensorProto.INT64, ["n"]),
        helper.make_tensor_value_info("values", element, ["n"]),
        helper.make_tensor_value_info("size", TensorProto.INT64, [1]),
    ]
    return _model(nodes, inputs, tensor, [shape])


def scaling_graph(tensor: TensorSpec) -> bytes:
    """ONNX: uint8 `steps` times float32 `scales` of each row."""
    nodes = [
        helper.make_node("Cast", ["steps"], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["numbers", "scales"], ["rows"]),
    ]
    inputs = [
        helper.make_tensor_value_info("steps", TensorProto.UINT8, ["n", *tensor.row_shape]),
        helper.make_tensor_value_info("scales", TensorProto.FLOAT, ["n", *[1] * len(tensor.row_shape)]),
    ]
    return _model(nodes, inputs, tensor, [])


def _model(
    nodes: list[onnx.NodeProto],
    inputs: list[onnx.ValueInfoProto],
    tensor: TensorSpec,
    constants: list[onnx.TensorProto],
) -> bytes:
    element = helper.np_dtype_to_tensor_dtype(tensor.dtype)
    rows = helper.make_tensor_value_info("rows", element, ["rows", *tensor.row_shape])
    graph = helper.make_graph(nodes, "expansion", inputs, [rows], constants)
    opsets = [helper.make_opsetid("", _OPSET)]
    model: bytes = helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION).SerializeToString()
    return model
