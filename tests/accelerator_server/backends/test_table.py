"""Backends are found by name, imported when used, and never replaced by another."""

import subprocess
import sys

import pytest

from accelerator_server.backends.base import BackendSettings
from accelerator_server.backends.table import BACKENDS, load_backend
from accelerator_server.errors import BackendUnavailableError, ConfigurationError, ModelRefusedError
from tests.accelerator_server.backends.conformance import SPEC


def test_an_unknown_backend_is_refused_with_near_names():
    with pytest.raises(ConfigurationError, match="no backend 'openvin'; there are openvino"):
        load_backend("openvin", BackendSettings(b"", SPEC))


def test_a_library_that_is_not_installed_is_named(monkeypatch):
    monkeypatch.setitem(BACKENDS, "tpu", "no_such_library.backend:Backend")
    with pytest.raises(BackendUnavailableError, match="'no_such_library', which is not installed"):
        load_backend("tpu", BackendSettings(b"", SPEC))


def test_the_extra_that_brings_a_library_is_named(monkeypatch):
    monkeypatch.setitem(BACKENDS, "opencl", "no_such_library.backend:Backend")
    with pytest.raises(BackendUnavailableError, match=r"pip install eventproc\[opencl\] brings it"):
        load_backend("opencl", BackendSettings(b"", SPEC))


def test_whatever_a_backend_raises_while_it_loads_refuses_the_model(monkeypatch):
    monkeypatch.setitem(BACKENDS, "broken", "builtins:int")
    with pytest.raises(ModelRefusedError, match="backend broken cannot load"):
        load_backend("broken", BackendSettings(b"", SPEC))


def test_engines_are_not_imported_before_a_model_asks_for_them():
    program = (
        "import sys, accelerator_server.cli; "
        "assert not {'openvino', 'onnxruntime', 'pyopencl'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
