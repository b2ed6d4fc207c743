"""OpenVINO on CPUs, its precision pinned: left alone it computes in bf16 where the CPU can."""

import functools
import importlib
import sys
import threading
from collections import deque
from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
from msgspec import Meta, Struct

from accelerator_server.backends.base import (
    Array,
    BackendSettings,
    EngineTensor,
    check_precision,
    check_signature,
    convert_parameters,
    datatype_name,
)
from accelerator_server.errors import BackendUnavailableError, ModelRefusedError

PRECISION_HINTS = {"f32": "f32", "bf16": "bf16", "int8": "f32"}
"""Precision -> INFERENCE_PRECISION_HINT. A quantised model says itself what is int8; the rest stays f32."""


class OpenVinoParameters(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """How a model is compiled.

    Attributes:
        device: OpenVINO's name of the device.
        threads: Threads of the engine; 0 leaves it to OpenVINO, one per core.
    """

    device: str = "CPU"
    threads: Annotated[int, Meta(ge=0)] = 0


class OpenVinoBackend:
    """One compiled model, with as many infer requests as threads have run it at once."""

    def __init__(self, settings: BackendSettings) -> None:
        parameters = convert_parameters(settings, OpenVinoParameters, "openvino")
        check_precision(settings.precision, tuple(PRECISION_HINTS), "openvino")
        core = _core()
        model = _read(core, settings.model)
        check_signature("inputs", settings.spec.inputs, _tensors(model.inputs))
        check_signature("outputs", settings.spec.outputs, _tensors(model.outputs))
        self._compiled = _compile(core, model, parameters, settings.precision)
        self._output_names = [spec.name for spec in settings.spec.outputs]
        self._idle_requests: deque[Any] = deque()  # its append and pop are atomic
        self.device = parameters.device.lower()
        self.precision = settings.precision
        self.depth = 1

    def run(self, inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        """Runs an idle infer request on the arrays where they are."""
        try:
            request = self._idle_requests.pop()
        except IndexError:
            request = self._compiled.create_infer_request()
        try:
            results = request.infer(dict(inputs), share_inputs=True, share_outputs=False)
        finally:
            self._idle_requests.append(request)
        return {name: results[name] for name in self._output_names}

    def close(self) -> None:
        """Frees the compiled model."""
        self._idle_requests.clear()
        del self._compiled


def _import_openvino() -> Any:
    # Importing openvino reports the import to its maker if it can import openvino_telemetry; here it cannot.
    present = sys.modules.get("openvino_telemetry")
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
    try:
        return importlib.import_module("openvino")
    finally:
        if present is None:
            del sys.modules["openvino_telemetry"]
        else:
            sys.modules["openvino_telemetry"] = present


_making_core = threading.Lock()


def _core() -> Any:
    """The one Core of this process: when the last one goes it unloads the plugin under its own threads."""
    with _making_core:
        return _only_core()


@functools.cache
def _only_core() -> Any:
    openvino = _import_openvino()
    # The binding makes its tables of element types when they are first used, and lets other threads run
    # meanwhile: two that come at once wait for each other for ever.
    tensor = openvino.Tensor(np.zeros(1, np.float32))
    tensor.element_type.to_dtype()
    return openvino.Core()


def _read(core: Any, model: bytes) -> Any:
    try:
        return core.read_model(model)
    except RuntimeError as error:
        reason = str(error).strip().rpartition("\n")[2]  # before it, places in OpenVINO's source
        message = f"openvino cannot read the model: {reason}"
        raise ModelRefusedError(message) from error


def _compile(core: Any, model: Any, parameters: OpenVinoParameters, precision: str) -> Any:
    properties: dict[str, Any] = {
        "INFERENCE_PRECISION_HINT": PRECISION_HINTS[precision],
        "PERFORMANCE_HINT": "LATENCY",
    }
    if parameters.threads:
        properties["INFERENCE_NUM_THREADS"] = parameters.threads
    try:
        compiled = core.compile_model(model, parameters.device, properties)
        computes_in = compiled.get_property("INFERENCE_PRECISION_HINT").to_string()
    except RuntimeError as error:
        message = (
            f"openvino cannot use device {parameters.device}; it has {', '.join(core.available_devices)}"
        )
        raise BackendUnavailableError(message) from error
    if computes_in != PRECISION_HINTS[precision]:
        message = f"openvino computes in {computes_in} on {parameters.device}, not in {precision}"
        raise BackendUnavailableError(message)
    return compiled


def _tensors(ports: list[Any]) -> list[EngineTensor]:
    return [
        EngineTensor(
            port.any_name,
            datatype_name(port.element_type.to_dtype()),
            tuple(size.get_length() if size.is_static else -1 for size in port.partial_shape),
        )
        for port in ports
    ]
