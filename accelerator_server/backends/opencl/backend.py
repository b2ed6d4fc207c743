"""The OpenCL backend: loads a model for a device and, where it may, goes on without the device."""

import logging
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct

from accelerator_server.backends.base import (
    Array,
    Backend,
    BackendSettings,
    check_precision,
    check_signature,
    convert_parameters,
)
from accelerator_server.backends.opencl.device import Device, DeviceChoice, DeviceLostError
from accelerator_server.backends.opencl.execution import Execution
from accelerator_server.backends.opencl.graph import read_graph
from accelerator_server.backends.opencl.layers import Network
from accelerator_server.backends.opencl.loading import Build, Tuning, load_network, load_precompiled
from accelerator_server.backends.opencl.lowering import lower
from accelerator_server.backends.opencl.precompiled import read_precompiled
from accelerator_server.backends.opencl.tiling import DeviceClass
from accelerator_server.backends.table import load_backend
from accelerator_server.errors import BackendUnavailableError, ConfigurationError

logger = logging.getLogger(__name__)

PRECISIONS: Final = ("f32", "int8")
"""A quantised model says itself what is int8; the rest stays f32."""

CHUNK_ROWS: Final = {DeviceClass.CPU: 4, DeviceClass.GPU: 32, DeviceClass.ACCELERATOR: 1}
"""Rows computed together unless said otherwise: what a CPU's cache holds, what fills a GPU, an FPGA's one."""

DEPTHS: Final = {DeviceClass.CPU: 1, DeviceClass.GPU: 2, DeviceClass.ACCELERATOR: 2}
"""Batches in flight: one is copied while another is computed, which a CPU has nothing of."""


class OpenClParameters(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Where and how a model runs.

    Attributes:
        platform: Part of the name of the OpenCL platform.
        device: Part of the name of the device.
        kind: Class of the device.
        index: Which of the devices that fit; left out, that with the fewest models of this server.
        chunk_rows: Rows that are computed together; 0 leaves it to the device's class.
        tuning: Where tile sizes come from: "default", "cached" (measured earlier on this device), "measured".
        binary: Path of a program that was compiled before, its manifest beside it.
        fallback: Backend that takes over if the device is not there or is lost.
        fallback_parameters: Its backend_parameters.
    """

    platform: str = ""
    device: str = ""
    kind: Literal["", "cpu", "gpu", "accelerator"] = ""
    index: Annotated[int, Meta(ge=0)] | None = None
    chunk_rows: Annotated[int, Meta(ge=0)] = 0
    tuning: Tuning = "cached"
    binary: str = ""
    fallback: str = ""
    fallback_parameters: dict[str, Any] = {}


class OpenClBackend:
    """One network on one device, or on the fallback once the device is lost."""

    def __init__(self, settings: BackendSettings) -> None:
        self._fallback: Backend | None = None  # set at most once, under the lock
        self._lost: DeviceLostError | None = None  # likewise
        self._lock = threading.Lock()
        self._settings = settings
        self._parameters = convert_parameters(settings, OpenClParameters, "opencl")
        check_precision(settings.precision, PRECISIONS, "opencl")
        if self._parameters.fallback == "opencl":
            message = "the fallback of opencl cannot be opencl"
            raise ConfigurationError(message)
        graph = read_graph(settings.model)
        check_signature("inputs", settings.spec.inputs, list(graph.inputs))
        check_signature("outputs", settings.spec.outputs, list(graph.outputs))
        self._shapes = {spec.name: spec.row_shape for spec in settings.spec.outputs}
        self.precision = settings.precision
        self.depth = 1
        self._opened: tuple[Device, Execution] | None = None
        try:
            self._opened = _open(lower(graph), self._parameters, settings)
            self.depth = DEPTHS[self._opened[0].device_class]
        except BackendUnavailableError as error:
            self._fall_back(error)

    @property
    def device(self) -> str:
        """Where it computes now."""
        if self._fallback is not None or self._opened is None:
            return self._fallback.device if self._fallback else ""
        return self._opened[0].label

    def run(self, inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        """Computes a batch on the device, or on the fallback once the device is lost.

        Raises:
            DeviceLostError: The device is lost, and there is no fallback.
        """
        if self._fallback is None and self._opened is not None:
            try:
                return self._run_on_device(self._opened[1], inputs)
            except DeviceLostError as error:
                self._lose(error)
        if self._fallback is None:
            raise DeviceLostError(str(self._lost))
        return self._fallback.run(inputs)

    def close(self) -> None:
        """Frees the device and the fallback."""
        if self._opened is not None:
            device, execution = self._opened
            execution.close()
            device.close()
        if self._fallback is not None:
            self._fallback.close()

    def _run_on_device(self, execution: Execution, inputs: Mapping[str, Array]) -> dict[str, Array]:
        if self._lost is not None:
            raise self._lost
        outputs = execution.run(inputs)
        return {name: outputs[name].reshape(-1, *shape) for name, shape in self._shapes.items()}

    def _lose(self, error: DeviceLostError) -> None:
        with self._lock:
            if self._fallback is None:
                self._lost = error
                self._fall_back(error)

    def _fall_back(self, error: BackendUnavailableError) -> None:
        """Loads the fallback; without one the error goes on."""
        name = self._parameters.fallback
        if not name:
            raise error
        logger.error("%s; backend %s takes over", error, name)
        settings = self._settings
        inner = BackendSettings(
            settings.model, settings.spec, settings.precision, self._parameters.fallback_parameters
        )
        self._fallback = load_backend(name, inner)


def _open(
    network: Network, parameters: OpenClParameters, settings: BackendSettings
) -> tuple[Device, Execution]:
    choice = DeviceChoice(
        parameters.platform,
        parameters.device,
        DeviceClass(parameters.kind) if parameters.kind else None,
        parameters.index,
        settings.in_use,
    )
    program = read_precompiled(Path(parameters.binary)) if parameters.binary else None
    device = Device(choice, compiles=program is None)
    try:
        chunk_rows = min(parameters.chunk_rows or CHUNK_ROWS[device.device_class], settings.spec.max_rows)
        build = Build(chunk_rows, parameters.tuning)
        if program is None:
            return device, load_network(network, device, build)
        return device, load_precompiled(network, device, program, build)
    except BaseException:
        device.close()
        raise
