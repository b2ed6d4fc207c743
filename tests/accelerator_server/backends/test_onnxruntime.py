"""ONNX Runtime: conformance, and no silent fall-back."""

import pytest

from accelerator_server.backends.onnxruntime import OnnxRuntimeBackend
from accelerator_server.backends.table import load_backend
from accelerator_server.errors import BackendUnavailableError
from tests.accelerator_server.backends.engine_conformance import EngineConformance


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
