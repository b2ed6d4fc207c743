"""Networks with random weights, written with the onnx package alone: what is measured needs no training."""

from collections.abc import Sequence

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

RESNET50 = ((64, 3), (128, 4), (256, 6), (512, 3))
"""Width and depth of each stage (He et al., arXiv:1512.03385)."""


def residual_network(stages: Sequence[tuple[int, int]] = RESNET50, pixels: int = 224) -> bytes:
    """Writes a residual network with bottlenecks, the stride in the 3x3 convolution: ONNX, opset 17.

    Args:
        stages: Width and depth of each stage; the widths multiply by four on the way out.
        pixels: Height and width of the images, which have one channel.

    Returns:
        A model of float32 (n, 1, pixels, pixels), named images, to scores (n, 2).
    """
    writer = _Writer()
    x = writer.log_scale("images")
    n_in = stages[0][0]
    x = writer.relu(writer.convolution(x, 1, n_in, 7, 2))
    x = writer.node("MaxPool", [x], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    for stage, (width, depth) in enumerate(stages):
        for block in range(depth):
            x = writer.bottleneck(x, n_in, width, 2 if block == 0 and stage > 0 else 1)
            n_in = 4 * width
    x = writer.node("Flatten", [writer.node("GlobalAveragePool", [x])], axis=1)
    matrix = writer.weights((2, n_in), n_in)
    x = writer.node("Gemm", [x, matrix, writer.constant(np.zeros(2))], transB=1)
    writer.nodes.append(helper.make_node("Softmax", [x], ["scores"], axis=1))
    return writer.model([1, pixels, pixels])


def jet_images(n_rows: int, pixels: int = 224, seed: int = 0) -> NDArray[np.float32]:
    """Images as jets make them: 200 pixels that hold shares of the jet's ET, the rest empty.

    Returns:
        float32, (n_rows, 1, pixels, pixels); each row adds up to 1.
    """
    rng = np.random.default_rng(seed)
    images = np.zeros((n_rows, 1, pixels, pixels), np.float32)
    for image in images[:, 0]:
        rows, columns = rng.integers(0, pixels, (2, 200))
        np.add.at(image, (rows, columns), rng.dirichlet(np.full(200, 0.3)).astype(np.float32))
    return images


class _Writer:
    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []
        self._rng = np.random.default_rng(0)

    def node(self, operator: str, inputs: list[str], **attributes: object) -> str:
        name = f"{operator.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [name], **attributes))
        return name

    def constant(self, values: object) -> str:
        name = f"constant{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.asarray(values, np.float32), name))
        return name

    def weights(self, shape: tuple[int, ...], n_in: int) -> str:
        # He's initialisation keeps the size of values through 50 layers.
        return self.constant(self._rng.standard_normal(shape) * np.sqrt(1.0 / n_in))

    def convolution(self, x: str, n_in: int, n_out: int, size: int, stride: int) -> str:
        weights = self.weights((n_out, n_in, size, size), n_in * size * size)
        bias = self.constant(0.1 * self._rng.standard_normal(n_out))
        return self.node(
            "Conv",
            [x, weights, bias],
            kernel_shape=[size, size],
            strides=[stride, stride],
            pads=[size // 2] * 4,
        )

    def relu(self, x: str) -> str:
        return self.node("Relu", [x])

    def log_scale(self, x: str) -> str:
        scaled = self.node("Add", [self.node("Mul", [x, self.constant(1000.0)]), self.constant(1.0)])
        return self.node("Div", [self.node("Log", [scaled]), self.constant(3.0)])

    def bottleneck(self, x: str, n_in: int, width: int, stride: int) -> str:
        y = self.relu(self.convolution(x, n_in, width, 1, 1))
        y = self.relu(self.convolution(y, width, width, 3, stride))
        y = self.convolution(y, width, 4 * width, 1, 1)
        if stride > 1 or n_in != 4 * width:
            x = self.convolution(x, n_in, 4 * width, 1, stride)
        return self.relu(self.node("Add", [y, x]))

    def model(self, row_shape: list[int]) -> bytes:
        graph = helper.make_graph(
            self.nodes,
            "network",
            [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", *row_shape])],
            [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", 2])],
            self._constants,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        onnx.checker.check_model(model)
        written: bytes = model.SerializeToString()
        return written
