"""The backend: conformance, choice of the device, a device that is lost, and what takes over."""

import logging
from importlib.util import find_spec

import numpy as np
import pytest

from accelerator_server.backends.base import BackendSettings
from accelerator_server.backends.table import load_backend
from accelerator_server.errors import BackendUnavailableError, ConfigurationError, ModelRefusedError
from accelerator_server.model_spec import ModelSpec, TensorSpec
from tests.accelerator_server.backends.conformance import SPEC
from tests.accelerator_server.backends.engine_conformance import EngineConformance
from tests.accelerator_server.backends.opencl.graphs import node, write_graph
from tests.accelerator_server.model_files import affine_model

# Without pyopencl every test here is skipped by name, and these names are not used.
if find_spec("pyopencl") is not None:
    import pyopencl as cl

    from accelerator_server.backends.opencl import device as device_module
    from accelerator_server.backends.opencl import execution as execution_module
    from accelerator_server.backends.opencl.device import DeviceLostError, all_devices

pytestmark = pytest.mark.requires("opencl")

ROWS = {"x": np.random.default_rng(3).random((3, 4), np.float32)}


class TestOpenCl(EngineConformance):
    name = "opencl"


class TestOpenClInChunks(EngineConformance):
    name = "opencl"
    parameters = {"chunk_rows": 3, "tuning": "measured"}


def settings(model=None, **parameters):
    return BackendSettings(affine_model() if model is None else model, SPEC, "f32", parameters)


def test_an_unknown_operator_refuses_the_model():
    model = write_graph(
        [node("Gemm", "x w", "g"), node("Erf", "g")], {"w": np.ones((4, 2), np.float32)}, (4,)
    )
    with pytest.raises(ModelRefusedError, match="operator Erf; it knows Add, AveragePool"):
        load_backend("opencl", settings(model))


@pytest.mark.parametrize(
    "parameters",
    [{"platform": "no such"}, {"device": "no such"}, {"index": 99}],
    ids=["platform", "device", "index"],
)
def test_a_device_that_is_not_here_is_an_error_that_names_those_that_are(parameters):
    with pytest.raises(BackendUnavailableError, match=r"no OpenCL device fits .*there are ") as raised:
        load_backend("opencl", settings(**parameters))
    assert all_devices()[0].name.strip() in str(raised.value)


def test_a_device_is_chosen_by_its_names_class_and_index():
    with_any = load_backend("opencl", settings())
    chosen = with_any._opened[0]
    parameters = {
        "platform": chosen.handle.platform.name[:8].lower(),
        "device": chosen.handle.name.strip()[:5].upper(),
        "kind": str(chosen.device_class),
        "index": chosen.index,
    }
    same = load_backend("opencl", settings(**parameters))
    assert same._opened[0].handle == chosen.handle
    assert same.device == f"opencl:{chosen.device_class}:{chosen.index}"
    same.close()
    with_any.close()


def test_instances_are_spread_over_devices_of_one_kind(monkeypatch):
    twins = [FakeHandle("Card"), FakeHandle("Card"), FakeHandle("Other")]
    monkeypatch.setattr(device_module, "all_devices", lambda: twins)
    monkeypatch.setattr(cl, "Context", lambda devices: None)
    choice = device_module.DeviceChoice()
    opened = [device_module.Device(choice, compiles=False) for _ in range(4)]
    assert [device.index for device in opened] == [0, 1, 0, 1]
    opened[1].close()
    assert device_module.Device(choice, compiles=False).index == 1


def test_devices_on_which_other_processes_compute_come_last(monkeypatch):
    twins = [FakeHandle("Card"), FakeHandle("Card")]
    monkeypatch.setattr(device_module, "all_devices", lambda: twins)
    monkeypatch.setattr(cl, "Context", lambda devices: None)
    choice = device_module.DeviceChoice(in_use=("opencl:gpu:0", "opencl:gpu:1", "opencl:gpu:0"))
    opened = [device_module.Device(choice, compiles=False) for _ in range(3)]
    assert [device.index for device in opened] == [1, 0, 1]


class FakeHandle:
    """As much of a device as choosing one looks at."""

    def __init__(self, name):
        self.name = name
        self.type = 4  # GPU
        self.platform = type("Platform", (), {"name": "Fake"})()


def test_a_device_whose_compiler_fails_is_passed_over_and_named(monkeypatch, caplog):
    real = next(h for h in all_devices() if h == device_module.Device(device_module.DeviceChoice()).handle)
    broken = FakeHandle("Broken")
    monkeypatch.setattr(device_module, "all_devices", lambda: [broken, real])

    def context(devices, make=cl.Context):
        if devices == [broken]:
            raise cl.RuntimeError("error: unknown target CPU 'generic'")
        return make(devices)

    monkeypatch.setattr(cl, "Context", context)
    assert device_module.Device(device_module.DeviceChoice()).handle == real
    assert "Broken (gpu, Fake) cannot be used: error: unknown target CPU" in caplog.text
    monkeypatch.setattr(device_module, "all_devices", lambda: [broken])
    with pytest.raises(BackendUnavailableError, match=r"no OpenCL device that fits can compile .*Broken"):
        device_module.Device(device_module.DeviceChoice())


def test_kernels_that_do_not_compile_are_an_error_with_the_compilers_words(monkeypatch):
    monkeypatch.setattr(
        "accelerator_server.backends.opencl.loading.program_source", lambda kernels: "kernel nonsense"
    )
    with pytest.raises(BackendUnavailableError, match=r"cannot compile the kernels for .*error: "):
        load_backend("opencl", settings())


def test_a_model_that_does_not_fit_into_the_device_is_refused_before_anything_is_allocated():
    pixels = 2**14
    model = write_graph(
        [node("Conv", "x w", "c"), node("GlobalAveragePool", "c", "g"), node("Flatten", "g")],
        {"w": np.ones((2, 3, 1, 1), np.float32)},
        (3, pixels, pixels),
    )
    spec = ModelSpec(
        (TensorSpec("x", "FP32", (3, pixels, pixels)),), (TensorSpec("y", "FP32", (2,)),), max_rows=10**4
    )
    given = BackendSettings(model, spec, "f32", {"chunk_rows": 10**4})
    with pytest.raises(BackendUnavailableError, match=r"the model needs .* MiB.*smaller chunk_rows"):
        load_backend("opencl", given)


def test_memory_that_runs_out_while_loading_is_an_error(monkeypatch):
    def buffer(*args, **keywords):
        raise cl.MemoryError("clCreateBuffer failed: MEM_OBJECT_ALLOCATION_FAILURE")

    monkeypatch.setattr(execution_module.cl, "Buffer", buffer)
    with pytest.raises(BackendUnavailableError, match=r"cannot prepare the network .*ALLOCATION_FAILURE"):
        load_backend("opencl", settings())


LOSSES = {
    "lost": lambda: cl.RuntimeError("clEnqueueNDRangeKernel failed: DEVICE_NOT_AVAILABLE"),
    "out of memory": lambda: cl.MemoryError("clEnqueueNDRangeKernel failed: OUT_OF_RESOURCES"),
    "invalid queue": lambda: cl.LogicError("clEnqueueNDRangeKernel failed: INVALID_COMMAND_QUEUE"),
}


@pytest.fixture
def lose_device(monkeypatch):
    """Makes every launch fail from now on; what comes back counts the attempts."""
    attempts = []

    def lose(error):
        def fail(*args, **keywords):
            attempts.append(args)
            raise error

        monkeypatch.setattr(execution_module.cl, "enqueue_nd_range_kernel", fail)
        return attempts

    return lose


@pytest.mark.parametrize("loss", LOSSES)
def test_a_lost_device_is_an_error_and_is_not_asked_again(lose_device, loss):
    backend = load_backend("opencl", settings())
    attempts = lose_device(LOSSES[loss]())
    for _ in range(3):
        with pytest.raises(DeviceLostError, match=r"cannot run the network on .*failed: "):
            backend.run(ROWS)
    assert len(attempts) == 1
    backend.close()


def test_another_backend_takes_over_from_a_lost_device_where_it_may(lose_device, caplog):
    backend = load_backend("opencl", settings(fallback="onnxruntime"))
    expected = backend.run(ROWS)["y"].copy()
    assert backend.device.startswith("opencl:")
    lose_device(LOSSES["lost"]())
    with caplog.at_level(logging.ERROR):
        np.testing.assert_allclose(backend.run(ROWS)["y"], expected, rtol=1e-5)
    assert "DEVICE_NOT_AVAILABLE; backend onnxruntime takes over" in caplog.text
    assert backend.device == "cpu"
    backend.close()


def test_another_backend_takes_over_at_once_where_there_is_no_device():
    parameters = {"platform": "no such", "fallback": "openvino", "fallback_parameters": {"threads": 1}}
    backend = load_backend("opencl", settings(**parameters))
    assert backend.device == "cpu"
    assert backend.run(ROWS)["y"].shape == (3, 2)
    backend.close()


def test_a_fallback_that_is_itself_is_refused():
    with pytest.raises(ConfigurationError, match="cannot be opencl"):
        load_backend("opencl", settings(fallback="opencl"))
