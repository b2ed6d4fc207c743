"""Which backends there are; each is imported when a model asks for it and not before."""

import importlib
from collections.abc import Callable

from accelerator_server.backends.base import Backend, BackendSettings
from accelerator_server.config import nearest
from accelerator_server.errors import (
    BackendUnavailableError,
    ConfigurationError,
    ModelRefusedError,
    StartError,
)

BACKENDS = {
    "echo": "accelerator_server.backends.echo:EchoBackend",
    "emulated": "accelerator_server.backends.emulated:EmulatedBackend",
    "onnxruntime": "accelerator_server.backends.onnxruntime.backend:OnnxRuntimeBackend",
    "opencl": "accelerator_server.backends.opencl.backend:OpenClBackend",
    "openvino": "accelerator_server.backends.openvino:OpenVinoBackend",
}
"""Name in model.toml -> module:class."""

EXTRAS = {"onnxruntime": "gpu", "opencl": "opencl"}
"""Backend -> the extra of this package that brings its libraries; the others need none."""


def load_backend(name: str, settings: BackendSettings) -> Backend:
    """Makes the backend of that name for one model.

    Raises:
        ConfigurationError: There is no such backend, or its parameters are wrong.
        BackendUnavailableError: Its library is not installed, or its device not here.
        ModelRefusedError: The model is not what it should be.
    """
    if name not in BACKENDS:
        message = f"no backend {name!r}; there are {nearest(name, list(BACKENDS))}"
        raise ConfigurationError(message)
    module, _, attribute = BACKENDS[name].partition(":")
    try:
        backend: Callable[[BackendSettings], Backend] = getattr(importlib.import_module(module), attribute)
    except ModuleNotFoundError as error:
        message = f"backend {name} needs the Python package {error.name!r}, which is not installed"
        if name in EXTRAS:
            message += f"; pip install eventproc[{EXTRAS[name]}] brings it"
        raise BackendUnavailableError(message) from error
    try:
        return backend(settings)
    except StartError:
        raise
    except Exception as error:
        message = f"backend {name} cannot load the model: {error}"
        raise ModelRefusedError(message) from error
