"""ONNX graphs become layers, neighbours fused; what is not known is refused by name."""

import numpy as np
import pytest

from accelerator_server.backends.opencl.graph import read_graph
from accelerator_server.backends.opencl.layers import (
    Addition,
    Convolution,
    Function,
    Pointwise,
    Pooling,
    Softmax,
)
from accelerator_server.backends.opencl.lowering import OPERATORS, lower
from accelerator_server.errors import ModelRefusedError
from benchmarks.networks import residual_network
from tests.accelerator_server.backends.opencl.graphs import node, write_graph

RNG = np.random.default_rng(7)
KERNEL = RNG.standard_normal((6, 4, 3, 3)).astype(np.float32)


def layers_of(*nodes, constants=None, row_shape=(4, 8, 8), **keywords):
    return lower(read_graph(write_graph(nodes, constants or {}, row_shape, **keywords))).layers


def test_resnet50_becomes_one_layer_for_each_convolution():
    network = lower(read_graph(residual_network()))
    convolutions = [layer for layer in network.layers if isinstance(layer, Convolution)]
    assert len(convolutions) == 54  # 53, and the Gemm
    assert sum(bool(layer.addend) for layer in convolutions) == 16
    others = [type(layer) for layer in network.layers if not isinstance(layer, Convolution)]
    assert others == [Pointwise, Pointwise, Pooling, Pooling, Softmax]
    # 4.09e9 for three channels of input (He et al., table 1), of which the first layer loses two thirds.
    assert sum(layer.multiplications for layer in convolutions) == pytest.approx(4.008e9, rel=1e-3)


def test_batch_normalization_and_relu_go_into_the_convolution():
    gamma, beta, mean = RNG.random((3, 6))
    variance = RNG.random(6) + 0.5
    (layer,) = layers_of(
        node("Conv", "x w", "c", kernel_shape=[3, 3]),
        node("BatchNormalization", "c g b m v", "n", epsilon=1e-3),
        node("Relu", "n"),
        constants={"w": KERNEL, "g": gamma, "b": beta, "m": mean, "v": variance},
    )
    assert isinstance(layer, Convolution)
    assert layer.relu
    scale = gamma / np.sqrt(variance + 1e-3)
    np.testing.assert_allclose(layer.weights, KERNEL * scale[:, None, None, None], rtol=1e-5)
    np.testing.assert_allclose(layer.bias, beta - mean * scale, rtol=1e-5, atol=1e-6)


def test_a_sum_goes_into_the_later_convolution_and_takes_the_relu_along():
    layers = layers_of(
        node("Conv", "x w", "first", kernel_shape=[3, 3]),
        node("Conv", "x w", "second", kernel_shape=[3, 3]),
        node("Add", "first second", "s"),
        node("Relu", "s"),
        constants={"w": KERNEL},
    )
    assert [layer.target.name for layer in layers] == ["first", "y"]
    assert layers[1].addend == "first"
    assert layers[1].relu
    assert not layers[0].relu


def test_what_is_read_twice_is_not_fused():
    layers = layers_of(
        node("Conv", "x w", "c", kernel_shape=[3, 3]),
        node("Relu", "c", "r"),
        node("Add", "c r"),
        constants={"w": KERNEL},
    )
    assert [type(layer) for layer in layers] == [Convolution, Pointwise, Addition]


def test_a_map_added_to_itself_stays_a_sum():
    layers = layers_of(
        node("Conv", "x w", "c", kernel_shape=[3, 3]), node("Add", "c c"), constants={"w": KERNEL}
    )
    assert [type(layer) for layer in layers] == [Convolution, Addition]


def test_a_convolution_after_a_relu_of_its_own_takes_nothing_in():
    layers = layers_of(
        node("Conv", "x w", "c", kernel_shape=[3, 3]),
        node("Relu", "c", "r"),
        node("Mul", "r k"),
        constants={"w": KERNEL, "k": -2.0},
    )
    assert [type(layer) for layer in layers] == [Convolution, Pointwise]


def test_numbers_before_a_function_become_one_scale_and_shift():
    (layer,) = layers_of(
        node("Mul", "x a", "1"),
        node("Add", "b 1", "2"),
        node("Div", "2 c", "3"),
        node("Sub", "d 3", "4"),
        node("Log", "4"),
        constants={"a": 1000.0, "b": 1.0, "c": 2.0, "d": 3.0},
    )
    assert layer.function is Function.LOG
    np.testing.assert_allclose(layer.scale, -500.0)
    np.testing.assert_allclose(layer.shift, 2.5)


def test_a_gemm_after_flatten_is_a_convolution_with_a_window_as_large_as_the_map():
    matrix = RNG.standard_normal((4 * 3 * 5, 7))
    (layer,) = layers_of(
        node("Flatten", "x", "f"),
        node("Gemm", "f w b", alpha=0.5, beta=2.0),
        constants={"w": matrix, "b": np.ones(7, np.float32)},
        row_shape=(4, 3, 5),
    )
    assert layer.window.size == (3, 5)
    assert (layer.target.channels, layer.target.height, layer.target.width) == (7, 1, 1)
    np.testing.assert_allclose(layer.weights, 0.5 * matrix.T.reshape(7, 4, 3, 5), rtol=1e-6)
    np.testing.assert_allclose(layer.bias, 2.0)


def test_an_unknown_operator_is_refused_with_those_that_are_known():
    with pytest.raises(ModelRefusedError, match=f"operator Einsum; it knows {', '.join(OPERATORS)}"):
        layers_of(node("Einsum", "x", equation="abcd->ab"))


REFUSED = {
    "groups": ([node("Conv", "x w", group=4, kernel_shape=[3, 3])], {"w": KERNEL[:4, :1]}, "one group"),
    "dilations": ([node("Conv", "x w", dilations=[2, 2], kernel_shape=[3, 3])], {"w": KERNEL}, "dilations"),
    "auto_pad": ([node("Conv", "x w", auto_pad="SAME_UPPER")], {"w": KERNEL}, "auto_pad"),
    "computed weights": ([node("Conv", "x x")], {}, "input 1 must be a constant"),
    "another shape": ([node("GlobalAveragePool", "x", "g"), node("Add", "x g")], {}, "same"),
    "product of maps": ([node("Mul", "x x")], {}, "only be added"),
    "one over x": ([node("Div", "k x")], {"k": 1.0}, "division by a constant"),
    "constant map": ([node("Add", "x k")], {"k": np.ones((4, 8, 8), np.float32)}, "each of 4 channels"),
    "softmax of a map": ([node("Softmax", "x", axis=1)], {}, "channels of a vector"),
    "relu of a flattened map": ([node("Flatten", "x", "f"), node("Relu", "f")], {}, "only go into a Gemm"),
    "ceil_mode": ([node("MaxPool", "x", kernel_shape=[3, 3], ceil_mode=1)], {}, "ceil_mode"),
    "a sum with rows": (
        [node("GlobalAveragePool", "x", "g"), node("Flatten", "g", "f"), node("Add", "g f")],
        {},
        "the same shape",
    ),
    "a mean over rows": (
        [
            node("GlobalAveragePool", "x", "g"),
            node("Flatten", "g", "f"),
            node("ReduceMean", "f", axes=[-2, -1]),
        ],
        {},
        "over height and width",
    ),
    "a window beyond the map": ([node("MaxPool", "x", kernel_shape=[9, 1])], {}, r"\[9, 1\] does not fit"),
    "a bias by row": (
        [node("Flatten", "x", "f"), node("Gemm", "f w b")],
        {"w": np.ones((256, 7), np.float32), "b": np.ones((3, 7), np.float32)},
        r"7 numbers, not \[3, 7\]",
    ),
    "a mean over channels": ([node("ReduceMean", "x", axes=[1])], {}, "over height and width"),
}


@pytest.mark.parametrize(("nodes", "constants", "words"), REFUSED.values(), ids=list(REFUSED))
def test_a_form_that_is_not_known_is_refused_with_what_would_be(nodes, constants, words):
    with pytest.raises(ModelRefusedError, match=words):
        layers_of(*nodes, constants=constants)


def test_an_old_opset_is_refused():
    with pytest.raises(ModelRefusedError, match="from opset 13 on; the model has opset 11"):
        layers_of(node("Relu", "x"), opset=11)


def test_an_input_of_another_rank_is_refused():
    with pytest.raises(ModelRefusedError, match="channels, height, width"):
        layers_of(node("Relu", "x"), row_shape=(3, 4))
