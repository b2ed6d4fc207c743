"""OpenVINO: conformance in each precision, the precision pinned, and nothing told to its maker."""

import subprocess
import sys

import pytest

from accelerator_server.backends.openvino import PRECISION_HINTS, _import_openvino
from accelerator_server.backends.table import load_backend
from accelerator_server.errors import BackendUnavailableError
from tests.accelerator_server.backends.engine_conformance import EngineConformance

IMPORTS_OPENVINO = """
import sys
from accelerator_server.backends.openvino import _import_openvino
_import_openvino().Core()
assert not [name for name in sys.modules if name.startswith("openvino_telemetry")]
"""


def cpu_has_bf16() -> bool:
    return "BF16" in _import_openvino().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


class TestOpenVino(EngineConformance):
    name = "openvino"

    @pytest.mark.parametrize("precision", PRECISION_HINTS)
    def test_it_computes_in_the_precision_that_was_asked_for_or_not_at_all(self, precision):
        if precision == "bf16" and not cpu_has_bf16():
            with pytest.raises(BackendUnavailableError, match="not in bf16"):
                load_backend(self.name, self.settings(precision=precision))
            return
        backend = load_backend(self.name, self.settings(precision=precision))
        hint = backend._compiled.get_property("INFERENCE_PRECISION_HINT").to_string()
        assert hint == PRECISION_HINTS[precision]
        assert backend.precision == precision
        backend.close()

    def test_a_device_that_is_not_here_is_an_error_that_names_those_that_are(self):
        with pytest.raises(BackendUnavailableError, match=r"device NPU; it has .*CPU"):
            load_backend(self.name, self.settings(parameters={"device": "NPU"}))

    def test_importing_it_tells_its_maker_nothing(self, tmp_path):
        environment = {"HOME": str(tmp_path), "PATH": "", "PYTHONPATH": ":".join(sys.path)}
        subprocess.run([sys.executable, "-c", IMPORTS_OPENVINO], check=True, timeout=60, env=environment)
        assert not list(tmp_path.iterdir())
