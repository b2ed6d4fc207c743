"""A model of several inputs that answers them, bit by bit, so that a test sees what reached the device."""

import numpy as np
from onnx import helper

from accelerator_server.backends.base import BackendSettings
from accelerator_server.model_spec import ModelSpec, TensorSpec

INPUTS = (
    TensorSpec("images", "FP32", (1, 3, 4)),
    TensorSpec("halves", "FP16", (5,)),
    TensorSpec("numbers", "INT64", (2, 2)),
    TensorSpec("flags", "BOOL", (3,)),
)
OUTPUTS = tuple(TensorSpec(f"same_{spec.name}", spec.datatype, spec.row_shape) for spec in INPUTS)
SPEC = ModelSpec(INPUTS, OUTPUTS, max_rows=8)


def showing_model() -> bytes:
    """ONNX: same_x = x for each input x."""
    nodes = [helper.make_node("Identity", [spec.name], [f"same_{spec.name}"]) for spec in INPUTS]
    infos = [
        [
            helper.make_tensor_value_info(
                spec.name, helper.np_dtype_to_tensor_dtype(spec.dtype), ["n", *spec.row_shape]
            )
            for spec in tensors
        ]
        for tensors in (INPUTS, OUTPUTS)
    ]
    graph = helper.make_graph(nodes, "showing", *infos)
    opsets = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()


def showing_settings(**parameters) -> BackendSettings:
    """Settings of the model for the backend."""
    return BackendSettings(showing_model(), SPEC, parameters=parameters)


def random_rows(n_rows: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Dense inputs, each (n_rows, ...)."""
    generator = np.random.default_rng([n_rows, seed])
    return {
        spec.name: generator.normal(size=(n_rows, *spec.row_shape), scale=2).astype(spec.dtype)
        for spec in INPUTS
    }
