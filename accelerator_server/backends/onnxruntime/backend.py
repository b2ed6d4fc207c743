"""A model in ONNX Runtime: on the CPU, or on a GPU with inputs that are bound and expanded there."""

from collections.abc import Mapping
from contextlib import ExitStack
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
from accelerator_server.backends.compact import CompactRows
from accelerator_server.backends.onnxruntime.gpus import device_label, give_gpu_back, take_gpu
from accelerator_server.backends.onnxruntime.session import (
    CPU,
    GPU_PROVIDERS,
    TENSORRT,
    open_session,
    run_bound,
)
from accelerator_server.errors import BackendUnavailableError, ConfigurationError

PRECISIONS = ("f32", "tf32", "f16", "int8")
"""What a model's file may be in, and so is computed; tf32 is a file in f32 on the tensor cores of a GPU."""

_ELEMENT_TYPES = {"float": "float32", "float16": "float16", "double": "float64", "bool": "bool"}


class OnnxRuntimeParameters(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """How a session is made.

    Attributes:
        providers: Execution providers in order of preference; all of them must load.
        gpus: Numbers of the GPUs over which instances are spread, as CUDA counts them.
        intra_op_threads: Threads within an operation; 0 means one per core that this process may use.
        scatter_on_device: Whether sparse and scaled inputs go to the device as they are and are expanded
            there; left out, they are where the device is a GPU.
    """

    providers: Annotated[tuple[str, ...], Meta(min_length=1)] = (CPU,)
    gpus: Annotated[tuple[Annotated[int, Meta(ge=0)], ...], Meta(min_length=1)] = (0,)
    intra_op_threads: Annotated[int, Meta(ge=0)] = 0
    scatter_on_device: bool | None = None

    @property
    def expands(self) -> bool:
        """Whether the device makes the rows of compact inputs."""
        if self.scatter_on_device is None:
            return self.is_on_gpu
        return self.scatter_on_device

    @property
    def is_on_gpu(self) -> bool:
        """Whether a GPU computes."""
        return not GPU_PROVIDERS.isdisjoint(self.providers)


class OnnxRuntimeBackend:
    """One session; providers never fall back silently."""

    def __init__(self, settings: BackendSettings) -> None:
        parameters = convert_parameters(settings, OnnxRuntimeParameters, "onnxruntime")
        check_precision(settings.precision, PRECISIONS, "onnxruntime")
        self.expands = parameters.expands
        _check_tensor_cores(settings.precision, parameters.providers)
        self._output_names = [spec.name for spec in settings.spec.outputs]
        # On the CPU a binding saves no copy and costs 2 us.
        self._is_bound = parameters.providers != (CPU,)
        self.precision = settings.precision
        self.depth = 1
        gpu = 0
        with ExitStack() as place:
            if parameters.is_on_gpu:
                gpu = take_gpu(parameters.gpus, settings.in_use)
                place.callback(give_gpu_back, gpu)
            self._open(settings, parameters, gpu)
            self._place = place.pop_all()
        self.device = device_label(parameters.providers[0], gpu)

    def _open(self, settings: BackendSettings, parameters: OnnxRuntimeParameters, gpu: int) -> None:
        self._session = open_session(
            settings.model,
            parameters.providers,
            parameters.intra_op_threads,
            gpu=gpu,
            tf32=settings.precision == "tf32",
        )
        check_signature("inputs", settings.spec.inputs, _tensors(self._session.get_inputs()))
        check_signature("outputs", settings.spec.outputs, _tensors(self._session.get_outputs()))
        self._expansion: Any = _expansion(settings, parameters.providers, gpu) if self.expands else None

    def run(self, inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        """Runs the session."""
        if self._is_bound:
            return self._run_bound(inputs)
        outputs: list[Array] = self._session.run(self._output_names, dict(inputs))
        return dict(zip(self._output_names, outputs, strict=True))

    def run_compact(self, inputs: Mapping[str, Array | CompactRows], n_rows: int) -> Mapping[str, Array]:
        """Expands inputs on the device and runs the session there."""
        return self._run_bound(
            {
                name: rows if isinstance(rows, np.ndarray) else self._expansion.expand(name, rows, n_rows)
                for name, rows in inputs.items()
            }
        )

    def close(self) -> None:
        """Frees the sessions and their arenas, and leaves the GPU."""
        del self._session
        self._expansion = None
        self._place.close()

    def _run_bound(self, inputs: Mapping[str, Any]) -> Mapping[str, Array]:
        outputs = run_bound(self._session, inputs, self._output_names)
        return dict(zip(self._output_names, outputs, strict=True))


def _check_tensor_cores(precision: str, providers: tuple[str, ...]) -> None:
    if precision == "tf32" and GPU_PROVIDERS.isdisjoint(providers):
        message = f"precision tf32 needs {' or '.join(sorted(GPU_PROVIDERS))} among the providers"
        raise ConfigurationError(message)
    if precision == "f32" and TENSORRT in providers:
        message = f'{TENSORRT} rounds products of f32 to tf32: say precision = "tf32", or leave it out'
        raise ConfigurationError(message)


def _expansion(settings: BackendSettings, providers: tuple[str, ...], gpu: int) -> Any:
    try:
        # onnx takes 0.2 s to import, and is not installed wherever onnxruntime is.
        from accelerator_server.backends.onnxruntime.expansion import Expansion  # noqa: PLC0415
    except ModuleNotFoundError as error:
        message = (
            f"scatter_on_device needs the Python package {error.name!r}, which is not installed; "
            "pip install eventproc[gpu] brings it, scatter_on_device = false does without"
        )
        raise BackendUnavailableError(message) from error
    return Expansion(settings.spec, providers, gpu)


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
