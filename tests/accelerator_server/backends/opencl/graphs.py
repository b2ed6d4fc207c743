"""Writes small ONNX graphs, and asks onnxruntime what every tensor in them is."""

from collections.abc import Mapping, Sequence

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper


def write_graph(
    nodes: Sequence[onnx.NodeProto],
    constants: Mapping[str, object],
    row_shape: Sequence[int],
    *,
    output: str = "y",
    opset: int = 17,
) -> bytes:
    """A model with the input x: float32 (n, *row_shape)."""
    floats = TensorProto.FLOAT
    graph = helper.make_graph(
        list(nodes),
        "graph",
        [helper.make_tensor_value_info("x", floats, ["n", *row_shape])],
        [helper.make_tensor_value_info(output, floats, None)],
        [
            numpy_helper.from_array(
                np.asarray(values, None if isinstance(values, np.ndarray | np.generic) else np.float32), name
            )
            for name, values in constants.items()
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    model = onnx.shape_inference.infer_shapes(model)
    found = model.graph.output[0]
    if not found.type.tensor_type.HasField("shape"):  # of a graph that is not right
        found.CopyFrom(helper.make_tensor_value_info(output, floats, ["n"]))
    return model.SerializeToString()


def node(operator: str, inputs: str, output: str = "y", **attributes) -> onnx.NodeProto:
    """A node; `inputs` are names with spaces between them."""
    return helper.make_node(operator, inputs.split(), [output], **attributes)


def reference(
    model: bytes, inputs: Mapping[str, np.ndarray], names: Sequence[str] = ()
) -> dict[str, np.ndarray]:
    """What onnxruntime makes of the outputs, or of any tensors of the graph."""
    proto = onnx.load_model_from_string(model)
    present = {value.name for value in proto.graph.output}
    for name in names:
        if name not in present:
            proto.graph.output.append(helper.make_empty_tensor_value_info(name))
    options = onnxruntime.SessionOptions()
    # Left alone it would merge the very layers that are asked for.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(
        proto.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    wanted = list(names) or sorted(present)
    return dict(zip(wanted, session.run(wanted, dict(inputs)), strict=True))
