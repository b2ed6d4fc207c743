"""ONNX Runtime: conformance in all ways to run it, no silent fall-back, and who expands what."""

import sys
from dataclasses import replace

import pytest

from accelerator_server.backends.compact import ExpandingBackend
from accelerator_server.backends.onnxruntime import backend as backend_module
from accelerator_server.backends.onnxruntime.backend import OnnxRuntimeBackend
from accelerator_server.backends.onnxruntime.session import CPU, CUDA, TENSORRT
from accelerator_server.backends.table import load_backend
from accelerator_server.errors import BackendUnavailableError, ConfigurationError
from tests.accelerator_server.backends.engine_conformance import EngineConformance
from tests.accelerator_server.backends.onnxruntime.showing_model import (
    OUTPUTS,
    random_rows,
    showing_settings,
)


class TestOnnxRuntime(EngineConformance):
    name = "onnxruntime"

    def test_a_provider_that_this_build_has_not_is_an_error(self):
        parameters = {"providers": ["NoSuchExecutionProvider"]}
        with pytest.raises(BackendUnavailableError, match=r"no NoSuch.*it has .*CPUExecutionProvider"):
            load_backend(self.name, self.settings(parameters=parameters))

    def test_a_provider_that_is_compiled_in_but_does_not_load_is_an_error(self, monkeypatch):
        monkeypatch.setattr("onnxruntime.get_available_providers", lambda: ["Gpu", "CPUExecutionProvider"])

        class FallenBack:
            def __init__(self, *args, **kwargs) -> None: ...

            def get_providers(self) -> list[str]:
                return ["CPUExecutionProvider"]

        monkeypatch.setattr("onnxruntime.InferenceSession", FallenBack)
        with pytest.raises(BackendUnavailableError, match="did not load Gpu, only CPUExecutionProvider"):
            OnnxRuntimeBackend(self.settings(parameters={"providers": ["Gpu", "CPUExecutionProvider"]}))


class TestOnnxRuntimeBound(EngineConformance):
    """As on a GPU, with the CPU for one."""

    name = "onnxruntime"

    @pytest.fixture
    def backend(self, monkeypatch):
        monkeypatch.setattr(backend_module, "CPU", "the provider that is not bound")
        backend = load_backend(self.name, self.settings(parameters={"providers": [CPU]}))

        def run(*_args):
            raise AssertionError("it was not bound")

        monkeypatch.setattr(backend._session, "run", run)
        yield backend
        backend.close()


class TestOnnxRuntimeExpanding(EngineConformance):
    name = "onnxruntime"
    parameters = {"scatter_on_device": True}


@pytest.mark.requires("gpu")
class TestOnnxRuntimeCuda(EngineConformance):
    name = "onnxruntime"
    parameters = {"providers": [CUDA, CPU]}


def test_the_tensor_cores_are_used_by_who_says_so_and_by_nobody_else():
    for precision, providers, told in (
        ("tf32", [CPU], "needs CUDAExecutionProvider or TensorrtExecutionProvider"),
        ("f32", [TENSORRT, CUDA, CPU], 'say precision = "tf32"'),
    ):
        settings = replace(showing_settings(providers=providers), precision=precision)
        with pytest.raises(ConfigurationError, match=told):
            load_backend("onnxruntime", settings)


@pytest.mark.parametrize("n_rows", range(1, 9))
def test_several_inputs_and_outputs_are_the_same_however_they_are_run(n_rows, monkeypatch):
    inputs = random_rows(n_rows)
    plain = load_backend("onnxruntime", showing_settings())
    monkeypatch.setattr(backend_module, "CPU", "the provider that is not bound")
    bound = load_backend("onnxruntime", showing_settings(providers=[CPU]))
    expected, found = plain.run(inputs), bound.run(inputs)
    assert list(found) == [spec.name for spec in OUTPUTS]
    assert {name: rows.tobytes() for name, rows in found.items()} == {
        name: rows.tobytes() for name, rows in expected.items()
    }


@pytest.mark.parametrize(
    ("providers", "asked", "expands"),
    [
        ((CPU,), None, False),
        ((CUDA, CPU), None, True),
        ((TENSORRT, CUDA, CPU), None, True),
        ((CPU,), True, True),
        ((CUDA, CPU), False, False),
    ],
)
def test_a_gpu_expands_and_a_cpu_does_not_unless_it_is_told(providers, asked, expands):
    parameters = backend_module.OnnxRuntimeParameters(providers=providers, scatter_on_device=asked)
    assert parameters.expands is expands


def test_only_a_backend_that_was_told_so_expands():
    for asked in (False, True):
        backend = load_backend("onnxruntime", showing_settings(scatter_on_device=asked))
        assert isinstance(backend, ExpandingBackend)
        assert backend.expands is asked


def test_without_onnx_the_package_is_named_that_brings_it(monkeypatch):
    monkeypatch.delitem(sys.modules, "accelerator_server.backends.onnxruntime.expansion", raising=False)
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(BackendUnavailableError, match=r"'onnx'.*pip install eventproc\[gpu\]"):
        load_backend("onnxruntime", showing_settings(scatter_on_device=True))
