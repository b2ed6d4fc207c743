"""What a device computes is what onnxruntime computes: each operator, each layer, whole networks."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from accelerator_server.backends.opencl.graph import read_graph
from accelerator_server.backends.opencl.lowering import lower
from accelerator_server.backends.opencl.tiling import DeviceClass
from benchmarks.networks import RESNET50, jet_images, residual_network
from tests.accelerator_server.backends.opencl.graphs import node, reference, write_graph

# Without pyopencl every test here is skipped by name, and these names are not used.
if find_spec("pyopencl") is not None:
    from accelerator_server.backends.opencl.device import Device, DeviceChoice
    from accelerator_server.backends.opencl.loading import Build, load_network

pytestmark = pytest.mark.requires("opencl")

SMALL_MODEL = Path(__file__).parents[4] / "data" / "models" / "toptag_small" / "1" / "model.onnx"
RNG = np.random.default_rng(11)

# Sums of up to 4608 float32 products in another order: 2e-5 of the largest value of a layer.
LAYER_TOLERANCE = 2e-5
SCORE_TOLERANCE = 1e-5


def floats(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


@pytest.fixture(scope="module")
def device():
    device = Device(DeviceChoice())
    yield device
    device.close()


def load(model, device, **keywords):
    keywords.setdefault("tuning", "default")
    return load_network(lower(read_graph(model)), device, Build(**keywords))


OPERATORS = {
    "conv 3x3": ([node("Conv", "x w b", pads=[1, 1, 1, 1])], {"w": floats(24, 20, 3, 3), "b": floats(24)}),
    "conv 1x1": ([node("Conv", "x w")], {"w": floats(33, 20, 1, 1)}),
    "conv stride": (
        [node("Conv", "x w", strides=[2, 3], pads=[2, 1, 0, 1])],
        {"w": floats(16, 20, 5, 3)},
    ),
    "conv of one row": ([node("Conv", "x w")], {"w": floats(16, 20, 9, 11)}),
    "max pool": ([node("MaxPool", "x", kernel_shape=[3, 2], strides=[2, 1], pads=[1, 0, 1, 1])], {}),
    "average pool": ([node("AveragePool", "x", kernel_shape=[3, 3], pads=[1, 1, 1, 1])], {}),
    "average pool with pads": (
        [node("AveragePool", "x", kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1)],
        {},
    ),
    "global average": ([node("GlobalAveragePool", "x")], {}),
    "global maximum": ([node("GlobalMaxPool", "x")], {}),
    "mean": ([node("ReduceMean", "x", axes=[2, 3], keepdims=0)], {}),
    "relu": ([node("Relu", "x")], {}),
    "log": ([node("Exp", "x", "e"), node("Add", "e k", "s"), node("Log", "s")], {"k": 0.5}),
    "sqrt": ([node("Exp", "x", "e"), node("Sqrt", "e")], {}),
    "sigmoid": ([node("Sigmoid", "x")], {}),
    "tanh": ([node("Tanh", "x")], {}),
    "channel numbers": (
        [node("Mul", "x k", "m"), node("Sub", "m s")],
        {"k": floats(20, 1, 1), "s": floats(1, 20, 1, 1)},
    ),
    "sum": ([node("Relu", "x", "r"), node("Add", "x r", "s"), node("Relu", "s")], {}),
    "residual": (
        [
            node("Conv", "x w", "c", pads=[1, 1, 1, 1]),
            node("Conv", "c v", "d"),
            node("Add", "x d", "s"),
            node("Relu", "s"),
        ],
        {"w": floats(24, 20, 3, 3), "v": floats(20, 24, 1, 1)},
    ),
    "flatten and gemm": (
        [node("Flatten", "x", "f"), node("Gemm", "f w b", transB=1)],
        {"w": floats(7, 20 * 9 * 11), "b": floats(7)},
    ),
    "reshape and matmul": (
        [node("Reshape", "x s", "f"), node("MatMul", "f w")],
        {"s": np.array([0, -1]), "w": floats(20 * 9 * 11, 5)},
    ),
    "softmax": (
        [node("GlobalAveragePool", "x", "g"), node("Flatten", "g", "f"), node("Softmax", "f", axis=-1)],
        {},
    ),
}


@pytest.mark.parametrize("channels", [20, 3])
@pytest.mark.parametrize("name", OPERATORS)
def test_an_operator_gives_what_onnxruntime_gives(device, name, channels):
    nodes, constants = OPERATORS[name]
    if channels != 20 and constants and name != "log":
        constants = {key: narrowed(values, channels) for key, values in constants.items()}
    model = write_graph(nodes, constants, (channels, 9, 11))
    x = floats(3, channels, 9, 11)
    expected = reference(model, {"x": x})["y"]
    found = load(model, device, chunk_rows=2).run({"x": x})["y"].reshape(expected.shape)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=LAYER_TOLERANCE * np.abs(expected).max())


def narrowed(values, channels):
    """Weights for 20 channels, cut to fewer."""
    for axis, size in enumerate(values.shape):
        if size % 20 == 0:
            values = values.take(range(size // 20 * channels), axis)
    return np.ascontiguousarray(values)


@pytest.mark.parametrize(
    ("model", "pixels"),
    [
        pytest.param(lambda: residual_network(((16, 2), (32, 2), (48, 1)), pixels=56), 56, id="bottlenecks"),
        pytest.param(SMALL_MODEL.read_bytes, 224, id="shipped"),
    ],
)
def test_every_layer_of_a_network_gives_what_onnxruntime_gives(device, model, pixels):
    content = model()
    network = lower(read_graph(content))
    execution = load(content, device, chunk_rows=2, keep_all=True)
    given = {"images": jet_images(2, pixels)}
    scores = execution.run(given)["scores"]
    expected = reference(content, given, [layer.target.name for layer in network.layers])
    assert len(expected) > 10
    for layer in network.layers:
        name = layer.target.name
        found = execution.read_map(name, 2).reshape(expected[name].shape)
        tolerance = LAYER_TOLERANCE * np.abs(expected[name]).max()
        np.testing.assert_allclose(found, expected[name], rtol=0, atol=tolerance, err_msg=name)
    np.testing.assert_allclose(scores, expected["scores"], rtol=0, atol=SCORE_TOLERANCE)


# As deep as ResNet-50 and an eighth as wide; the long version is ResNet-50 itself.
@pytest.mark.parametrize(
    "stages",
    [
        pytest.param(((8, 3), (16, 4), (32, 6), (64, 3)), id="narrow"),
        pytest.param(RESNET50, marks=pytest.mark.soak, id="resnet50"),
    ],
)
def test_a_network_of_fifty_layers_gives_the_scores_of_onnxruntime(device, stages):
    content = residual_network(stages)
    given = {"images": jet_images(2)}
    scores = load(content, device, chunk_rows=2).run(given)["scores"]
    np.testing.assert_allclose(scores, reference(content, given)["scores"], rtol=0, atol=SCORE_TOLERANCE)


def test_a_row_has_the_same_bits_whatever_the_batch_and_the_chunk(device):
    content = residual_network(((16, 1),), pixels=16)
    given = jet_images(7, 16)
    one = load(content, device, chunk_rows=1).run({"images": given})["scores"]
    for chunk_rows in (3, 7):
        execution = load(content, device, chunk_rows=chunk_rows)
        np.testing.assert_array_equal(execution.run({"images": given})["scores"], one)
        np.testing.assert_array_equal(execution.run({"images": given[4:6]})["scores"], one[4:6])


@pytest.mark.parametrize("device_class", ["gpu", "accelerator"])
def test_the_kernels_of_other_classes_of_devices_give_the_same_scores(device, device_class, monkeypatch):
    content = residual_network(((16, 1),), pixels=28)
    given = {"images": jet_images(2, 28)}
    monkeypatch.setattr(device, "device_class", DeviceClass(device_class))
    scores = load(content, device, chunk_rows=2).run(given)["scores"]
    np.testing.assert_allclose(scores, reference(content, given)["scores"], rtol=0, atol=SCORE_TOLERANCE)


def test_nothing_of_a_larger_batch_is_left_in_a_smaller_one(device):
    execution = load(residual_network(((16, 1),), pixels=32), device, chunk_rows=4)
    given = jet_images(4, 32)
    before = execution.run({"images": given[:1]})["scores"]
    execution.run({"images": np.full_like(given, np.nan)})
    np.testing.assert_array_equal(execution.run({"images": given[:1]})["scores"], before)


def test_no_rows_give_no_rows_and_the_device_goes_on(device):
    execution = load(write_graph([node("Relu", "x")], {}, (4, 5, 5)), device)
    assert execution.run({"x": floats(0, 4, 5, 5)})["y"].shape == (0, 100)
    assert execution.run({"x": floats(1, 4, 5, 5)})["y"].shape == (1, 100)


def test_measured_tiles_are_remembered_and_give_the_same_values(device, tmp_path):
    content = write_graph(
        [node("Conv", "x w", "c", pads=[1, 1, 1, 1]), node("Relu", "c")],
        {"w": floats(64, 20, 3, 3)},
        (20, 14, 14),
    )
    cache = tmp_path / "tiles.json"
    given = {"x": floats(2, 20, 14, 14)}
    measured = load(content, device, tuning="measured", cache_path=cache).run(given)["y"]
    assert device.identity in cache.read_text()
    written = cache.stat().st_mtime_ns
    again = load(content, device, tuning="measured", cache_path=cache).run(given)["y"]
    assert cache.stat().st_mtime_ns == written
    np.testing.assert_array_equal(again, measured)
    default = load(content, device).run(given)["y"]
    np.testing.assert_allclose(measured, default, rtol=1e-5, atol=1e-5)
