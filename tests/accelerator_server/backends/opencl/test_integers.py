"""Quantised models: computed on bytes as ONNX says, each map of bytes compared with onnxruntime's."""

from importlib.util import find_spec

import numpy as np
import pytest
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from accelerator_server.backends.base import BackendSettings
from accelerator_server.backends.opencl.graph import read_graph
from accelerator_server.backends.opencl.integer_layers import (
    Dequantise,
    IntegerAddition,
    IntegerConvolution,
    IntegerMaximum,
    Quantise,
)
from accelerator_server.backends.opencl.layers import Convolution, Pooling, Quantisation
from accelerator_server.backends.opencl.lowering import lower
from accelerator_server.backends.opencl.placement import place
from accelerator_server.backends.opencl.tiling import DeviceClass
from accelerator_server.backends.table import load_backend
from accelerator_server.errors import ModelRefusedError
from accelerator_server.model_spec import ModelSpec, TensorSpec
from benchmarks.networks import jet_images, residual_network
from tests.accelerator_server.backends.opencl.graphs import node, reference, write_graph

# Without pyopencl the tests that need it are skipped by name, and these names are not used.
if find_spec("pyopencl") is not None:
    from accelerator_server.backends.opencl.device import Device, DeviceChoice
    from accelerator_server.backends.opencl.loading import Build, load_network

PIXELS = 32
SCORE_STEP = 1 / 255


class Images(CalibrationDataReader):
    """What the scales are chosen from."""

    def __init__(self):
        self._batches = iter([{"images": jet_images(2, PIXELS, seed)} for seed in range(3)])

    def get_next(self):
        return next(self._batches, None)


@pytest.fixture(scope="module", params=["u8", "s8"])
def quantised(request, tmp_path_factory):
    """A residual network as onnxruntime's own tool quantises it: QDQ, one weight scale a channel."""
    folder = tmp_path_factory.mktemp("quantised")
    (folder / "float.onnx").write_bytes(residual_network(((16, 1), (32, 1)), pixels=PIXELS))
    quantize_static(
        folder / "float.onnx",
        folder / "int8.onnx",
        Images(),
        quant_format=QuantFormat.QDQ,
        activation_type=QuantType.QUInt8 if request.param == "u8" else QuantType.QInt8,
        weight_type=QuantType.QInt8,
        per_channel=True,
    )
    return (folder / "int8.onnx").read_bytes()


def test_every_convolution_and_sum_is_computed_on_bytes(quantised):
    network = lower(read_graph(quantised))
    kinds = [type(layer) for layer in network.layers]
    assert kinds.count(IntegerConvolution) == 1 + 2 * 3 + 2
    assert kinds.count(IntegerAddition) == 2
    assert kinds.count(IntegerMaximum) == 1
    assert kinds.count(Convolution) == 1  # the Gemm
    for layer in network.layers:
        assert (layer.target.quantisation is None) == (
            not isinstance(layer, Quantise | IntegerConvolution | IntegerAddition | IntegerMaximum)
        )


def test_bytes_are_kept_as_bytes_with_pads_that_stand_for_zero(quantised):
    network = lower(read_graph(quantised))
    for placed in place(network).maps.values():
        if placed.map.quantisation is None:
            assert (placed.geometry.element_bytes, placed.geometry.filling) == (4, 0)
        else:
            assert placed.geometry.element_bytes == 1
            assert placed.geometry.filling == placed.map.quantisation.zero


def quantise_nodes(source, target):
    return [node("QuantizeLinear", f"{source} s z", f"{target}_q"),
            node("DequantizeLinear", f"{target}_q s z", target)]  # fmt: skip


def test_signed_bytes_become_unsigned_ones_that_stand_for_the_same_numbers():
    constants = {"s": 0.5, "z": np.int8(-3)}
    network = lower(read_graph(write_graph(quantise_nodes("x", "y"), constants, (4, 3, 3))))
    assert network.layers[0].target.quantisation == Quantisation(0.5, 125)


@pytest.mark.parametrize(
    ("operator", "scale"), [("AveragePool", "s"), ("MaxPool", "t")], ids=["mean", "other scale"]
)
def test_a_pool_that_makes_other_numbers_than_it_reads_is_computed_in_float(operator, scale):
    nodes = [
        *quantise_nodes("x", "a"),
        node(operator, "a", "p", kernel_shape=[2, 2]),
        node("QuantizeLinear", f"p {scale} z", "p_q"),
        node("DequantizeLinear", f"p_q {scale} z"),
    ]
    constants = {"s": 0.5, "t": 0.25, "z": np.uint8(3)}
    network = lower(read_graph(write_graph(nodes, constants, (4, 3, 3))))
    kinds = [type(layer) for layer in network.layers]
    assert kinds == [Quantise, Dequantise, Pooling, Quantise, Dequantise]


def test_a_zero_point_that_another_node_hands_on_counts():
    nodes = [
        node("Identity", "z", "same"),
        node("QuantizeLinear", "x s same", "q"),
        node("DequantizeLinear", "q s same"),
    ]
    network = lower(read_graph(write_graph(nodes, {"s": 0.5, "z": np.uint8(100)}, (4, 3, 3))))
    assert network.layers[0].target.quantisation == Quantisation(0.5, 100)


def test_weights_with_a_scale_for_each_channel_of_the_source_are_computed_in_float():
    values = np.arange(-8, 8, dtype=np.int8).reshape(4, 4, 1, 1)
    scale = np.array([1, 2, 4, 8], np.float32)
    nodes = [
        *quantise_nodes("x", "a"),
        node("DequantizeLinear", "w_q w_s", "w", axis=1),
        node("Conv", "a w", "c"),
        *quantise_nodes("c", "y"),
    ]
    constants = {"s": 0.5, "z": np.uint8(3), "w_q": values, "w_s": scale}
    network = lower(read_graph(write_graph(nodes, constants, (4, 3, 3))))
    (convolution,) = [layer for layer in network.layers if isinstance(layer, Convolution)]
    np.testing.assert_array_equal(convolution.weights, values * scale[:, None, None])
    assert not any(isinstance(layer, IntegerConvolution) for layer in network.layers)


def test_weights_that_are_no_signed_bytes_are_computed_in_float():
    constants = {
        "s": 0.5,
        "z": np.uint8(3),
        "w_q": np.ones((4, 4, 1, 1), np.uint8),
        "w_s": 0.1,
        "w_z": np.uint8(2),
    }
    nodes = [
        *quantise_nodes("x", "a"),
        node("DequantizeLinear", "w_q w_s w_z", "w"),
        node("Conv", "a w", "c"),
        *quantise_nodes("c", "y"),
    ]
    network = lower(read_graph(write_graph(nodes, constants, (4, 3, 3))))
    assert [type(layer) for layer in network.layers] == [
        Quantise, Dequantise, Convolution, Quantise, Dequantise,
    ]  # fmt: skip
    np.testing.assert_allclose(network.layers[2].weights, -0.1, rtol=1e-6)


@pytest.mark.parametrize(
    ("nodes", "words"),
    [
        ([node("QuantizeLinear", "x v z")], "one scale and one zero point"),
        ([node("QuantizeLinear", "x s w")], "maps of bytes"),
        (
            [node("QuantizeLinear", "x s z", "q"), node("DequantizeLinear", "q t z")],
            "the scale and zero point of 'q'",
        ),
        ([node("QuantizeLinear", "x s z", "q"), node("MaxPool", "q", kernel_shape=[1, 1])], "first"),
        ([node("QuantizeLinear", "x s z")], "outputs of FP32"),
        ([node("QuantizeLinear", "x s", output_dtype=3)], "the type of the bytes by their zero point"),
        ([node("QuantizeLinear", "x v z", block_size=2)], "no blocks"),
        ([node("Relu", "x", "r"), node("QuantizeLinear", "x s r")], "input 2 must be a constant"),
    ],
    ids=[
        "scale by channel",
        "16 bits",
        "other scale",
        "pool of bytes",
        "bytes out",
        "type by name",
        "blocks",
        "computed zero",
    ],
)
def test_other_quantisation_is_refused(nodes, words):
    constants = {
        "s": 0.5,
        "t": 0.25,
        "v": np.ones(4, np.float32),
        "z": np.uint8(0),
        "w": np.uint16(0),
    }
    with pytest.raises(ModelRefusedError, match=words):
        lower(read_graph(write_graph(nodes, constants, (4, 3, 3), opset=21)))


@pytest.mark.requires("opencl")
@pytest.mark.parametrize("device_class", list(DeviceClass))
def test_every_map_of_bytes_of_a_quantised_network_gives_what_onnxruntime_gives(quantised, device_class):
    network = lower(read_graph(quantised))
    device = Device(DeviceChoice())
    device.device_class = device_class
    execution = load_network(network, device, Build(2, "default", keep_all=True))
    given = {"images": jet_images(2, PIXELS, seed=9)}
    scores = execution.run(given)["scores"]
    quantised_maps = [name for name, m in network.maps.items() if m.quantisation is not None]
    assert len(quantised_maps) > 12
    expected = reference(quantised, given, [*quantised_maps, "scores"])
    expected_scores = expected.pop("scores")
    for name in expected:
        found, wanted = execution.read_map(name, 2).astype(np.int64), expected[name].astype(np.int64)
        wanted += 128 * (expected[name].dtype == np.int8)
        wanted = wanted.reshape(found.shape)
        # Another order of float operations moves a value over the edge between two bytes now and then.
        assert np.abs(found - wanted).max() <= 1, name
        assert (found != wanted).mean() < 0.01, name
    np.testing.assert_allclose(scores, expected_scores, rtol=0, atol=SCORE_STEP)
    execution.close()
    device.close()


@pytest.mark.requires("opencl")
def test_a_quantised_model_is_served_in_the_precision_int8(quantised):
    spec = ModelSpec(
        (TensorSpec("images", "FP32", (1, PIXELS, PIXELS)),), (TensorSpec("scores", "FP32", (2,)),), 4
    )
    backend = load_backend("opencl", BackendSettings(quantised, spec, "int8", {"tuning": "default"}))
    images = jet_images(3, PIXELS)
    scores = backend.run({"images": images})["scores"]
    expected = reference(quantised, {"images": images})["scores"]
    np.testing.assert_allclose(scores, expected, rtol=0, atol=SCORE_STEP)
    assert backend.precision == "int8"
    backend.close()
