"""OpenVINO: conformance in each precision, the precision pinned, and nothing told to its maker."""

import subprocess
import sys

import pytest

from accelerator_server.backends.openvino import PRECISION_HINTS, _core
from accelerator_server.backends.table import load_backend
from accelerator_server.errors import BackendUnavailableError
from tests.accelerator_server.backends.engine_conformance import EngineConformance
from tests.accelerator_server.model_files import affine_model, write_model

IMPORTS_OPENVINO = """
import sys
from accelerator_server.backends.openvino import _core
_core()
assert not [name for name in sys.modules if name.startswith("openvino_telemetry")]
"""

LOADS_IN_MANY_THREADS = """
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
import numpy as np
from accelerator_server.models.model_loading import load_model
from accelerator_server.models.repository import find_models

(folder,) = find_models(Path(sys.argv[1]))

def load_run_close(n):
    (backend,) = load_model(folder, []).backends
    (answer,) = backend.run({"x": np.full((1, 4), n, np.float32)}).values()
    backend.close()
    return float(answer[0, 0])

with ThreadPoolExecutor(6) as pool:
    answers = list(pool.map(load_run_close, range(24)))
assert answers == [6.0 * n for n in range(24)], answers
"""


def cpu_has_bf16() -> bool:
    return "BF16" in _core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


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

    def test_an_engine_that_chose_another_precision_is_refused(self, monkeypatch):
        _core()  # imports openvino, silently
        monkeypatch.setattr(
            "openvino.CompiledModel.get_property", lambda *_: sys.modules["openvino"].Type.bf16
        )
        with pytest.raises(BackendUnavailableError, match="computes in bf16 on CPU, not in f32"):
            load_backend(self.name, self.settings())

    def test_a_device_that_is_not_here_is_an_error_that_names_those_that_are(self):
        with pytest.raises(BackendUnavailableError, match=r"device NPU; it has .*CPU"):
            load_backend(self.name, self.settings(parameters={"device": "NPU"}))

    def test_importing_it_tells_its_maker_nothing(self, tmp_path):
        environment = {"HOME": str(tmp_path), "PATH": "", "PYTHONPATH": ":".join(sys.path)}
        subprocess.run([sys.executable, "-c", IMPORTS_OPENVINO], check=True, timeout=60, env=environment)
        assert not list(tmp_path.iterdir())


def test_models_are_loaded_run_and_closed_in_many_threads_at_once(tmp_path):
    write_model(tmp_path, backend="openvino", model=affine_model())
    done = subprocess.run(
        [sys.executable, "-c", LOADS_IN_MANY_THREADS, str(tmp_path)],
        capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
