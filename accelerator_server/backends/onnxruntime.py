"""ONNX Runtime: CPU, or a GPU through the execution providers that are asked for and really load."""

import os
from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
import onnxruntime
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

PRECISIONS = ("f32", "f16", "int8")
"""What a model's file may be in; this engine computes in the precision of the file."""

_ELEMENT_TYPES = {"float": "float32", "float16": "float16", "double": "float64", "bool": "bool"}


class OnnxRuntimeParameters(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """How a session is made.

    Attributes:
        providers: Execution providers in order of preference; all of them must load.
        intra_op_threads: Threads within an operation; 0 means one per core that this process may use.
    """

    providers: Annotated[tuple[str, ...], Meta(min_length=1)] = ("CPUExecutionProvider",)
    intra_op_threads: Annotated[int, Meta(ge=0)] = 0


class OnnxRuntimeBackend:
    """One session; providers never fall back silently."""

    def __init__(self, settings: BackendSettings) -> None:
        parameters = convert_parameters(settings, OnnxRuntimeParameters, "onnxruntime")
        check_precision(settings.precision, PRECISIONS, "onnxruntime")
        self._session = _session(settings.model, parameters)
        _check_providers(parameters.providers, self._session.get_providers())
        check_signature("inputs", settings.spec.inputs, _tensors(self._session.get_inputs()))
        check_signature("outputs", settings.spec.outputs, _tensors(self._session.get_outputs()))
        self._output_names = [spec.name for spec in settings.spec.outputs]
        self.device = parameters.providers[0].removesuffix("ExecutionProvider").lower()
        self.precision = settings.precision
        self.depth = 1

    def run(self, inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        """Runs the session."""
        outputs: list[Array] = self._session.run(self._output_names, dict(inputs))
        return dict(zip(self._output_names, outputs, strict=True))

    def close(self) -> None:
        """Frees the session and its arena."""
        del self._session


def _session(model: bytes, parameters: OnnxRuntimeParameters) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = parameters.intra_op_threads or len(os.sched_getaffinity(0))
    options.inter_op_num_threads = 1
    # Spinning threads of one session starve the others and the event loop of the server.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    available = onnxruntime.get_available_providers()
    if missing := [name for name in parameters.providers if name not in available]:
        message = f"this onnxruntime has no {', '.join(missing)}; it has {', '.join(available)}"
        raise BackendUnavailableError(message)
    try:
        return onnxruntime.InferenceSession(model, options, providers=list(parameters.providers))
    except Exception as error:
        message = f"onnxruntime cannot load the model: {error}"
        raise ModelRefusedError(message) from error


def _check_providers(asked: tuple[str, ...], loaded: list[str]) -> None:
    if missing := [name for name in asked if name not in loaded]:
        message = f"onnxruntime did not load {', '.join(missing)}, only {', '.join(loaded)}"
        raise BackendUnavailableError(message)


def _tensors(nodes: list[Any]) -> list[EngineTensor]:
    return [
        EngineTensor(
            node.name,
            _datatype(node.type),
            tuple(size if isinstance(size, int) else -1 for size in node.shape),
        )
        for node in nodes
    ]


def _datatype(engine_type: str) -> str:
    element = engine_type.removeprefix("tensor(").removesuffix(")")
    try:
        return datatype_name(np.dtype(_ELEMENT_TYPES.get(element, element)))
    except TypeError:
        return engine_type
