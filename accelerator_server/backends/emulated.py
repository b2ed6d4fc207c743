"""A device that is not here: answers after a stated time, with the values of an inner backend.

Rows enter one after another at `rows_per_s`; a batch comes out `service_time_s` after its last row went in;
`pipeline_depth` batches may be inside at once. So an FPGA (660 images/s at batch one, depth 2), a large GPU,
or a distant server that answers after 60 ms can be planned for with the real protocol in front.
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Annotated, Any

from msgspec import Meta, Struct

from accelerator_server.backends.base import Array, Backend, BackendSettings, convert_parameters
from accelerator_server.backends.table import load_backend
from accelerator_server.errors import ConfigurationError


class EmulatedParameters(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """What the device is like.

    Attributes:
        service_time_s: Time from a batch's last row going in to its results coming out.
        rows_per_s: Rate at which rows go in; 0 means at once.
        pipeline_depth: Batches that may be inside at once.
        inner: Backend that computes the values, hidden within the time above as far as it goes.
        inner_parameters: That backend's parameters.
    """

    service_time_s: Annotated[float, Meta(ge=0, le=3600)] = 0.0
    rows_per_s: Annotated[float, Meta(ge=0)] = 0.0
    pipeline_depth: Annotated[int, Meta(ge=1, le=1024)] = 1
    inner: str = "echo"
    inner_parameters: dict[str, Any] = {}


class EntryPort:
    """Where rows enter the device, one after another; decides when each batch comes out.

    Times are seconds of a monotonic clock.
    """

    def __init__(self, service_time_s: float, rows_per_s: float) -> None:
        self._service_time_s = service_time_s
        self._seconds_per_row = 1 / rows_per_s if rows_per_s else 0.0
        self._free_at_s = 0.0  # only `enter` touches it

    def enter(self, n_rows: int, now_s: float) -> float:
        """Lets a batch in as soon as the port is free.

        Returns:
            When its results come out.
        """
        self._free_at_s = max(now_s, self._free_at_s) + n_rows * self._seconds_per_row
        return self._free_at_s + self._service_time_s


class EmulatedBackend:
    """Another backend's values at the pace of a device described by parameters."""

    def __init__(
        self,
        settings: BackendSettings,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        parameters = convert_parameters(settings, EmulatedParameters, "emulated")
        if parameters.inner == "emulated":
            message = "an emulated device cannot be inside another one"
            raise ConfigurationError(message)
        self._inner: Backend = load_backend(
            parameters.inner, replace(settings, parameters=parameters.inner_parameters)
        )
        self.device = f"emulated:{self._inner.device}"
        self.precision = self._inner.precision
        self.depth = parameters.pipeline_depth
        self._clock = clock
        self._sleep = sleep
        self._port = EntryPort(parameters.service_time_s, parameters.rows_per_s)
        self._port_lock = threading.Lock()
        self._inner_lock = threading.Lock()  # the inner backend may want fewer threads than are in flight

    def run(self, inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        """Computes with the inner backend, then waits until the device would have answered."""
        n_rows = len(next(iter(inputs.values())))
        with self._port_lock:
            ready_s = self._port.enter(n_rows, self._clock())
        with self._inner_lock:
            outputs = self._inner.run(inputs)
        self._sleep(max(0.0, ready_s - self._clock()))
        return outputs

    def close(self) -> None:
        """Closes the inner backend."""
        self._inner.close()
