"""Runs a planned network on a device: its buffers, its three queues, chunk after chunk of rows."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyopencl as cl
from numpy.typing import NDArray

from accelerator_server.backends.base import Array
from accelerator_server.backends.opencl.device import Device, DeviceLostError, translated
from accelerator_server.backends.opencl.launches import (
    Argument,
    Constant,
    HostBuffer,
    Launch,
    MapBuffer,
    Program,
)
from accelerator_server.backends.opencl.layers import FeatureMap, Network
from accelerator_server.backends.opencl.placement import Geometry, Placement
from accelerator_server.backends.opencl.tiling import DeviceClass

FLOAT_BYTES = 4

OVERREAD_BYTES = 4
"""A kernel that takes four bytes at once reads up to three behind a map, and multiplies them by zero."""


@dataclass(slots=True)
class _Slot:
    """Buffers through which the rows of one chunk pass, and when they are free again."""

    buffers: dict[str, Any]
    uploads: list[tuple[Launch, Any]]
    downloads: list[tuple[Launch, Any]]
    uploaded: list[Any] = field(default_factory=list)
    downloaded: list[Any] = field(default_factory=list)


class Execution:
    """A network on a device, ready to run.

    Rows go through in chunks. Each queue runs in order; uploads, kernels and downloads have one each, and
    two slots of host buffers, so that a chunk is copied while another is computed.

    Args:
        device: Where.
        compiled: The compiled program.
        network: What runs.
        placement: Where its maps lie.
        program: Its launches.
        chunk_rows: Rows that are computed together.

    Raises:
        BackendUnavailableError: The device has not enough memory, or refuses a kernel.
    """

    def __init__(
        self,
        device: Device,
        compiled: Any,
        network: Network,
        placement: Placement,
        program: Program,
        chunk_rows: int,
    ) -> None:
        self._device = device
        self._compiled = compiled
        self._chunk_rows = chunk_rows
        maps = network.maps
        self._inputs = {m.name: m for m in network.inputs}
        self._outputs = {name: maps[held] for name, held in network.outputs.items()}
        self._placement = placement
        self._constants: list[Any] = []  # a kernel does not keep its arguments alive
        self._lock = threading.Lock()  # held while launches are queued, so that two batches do not mix
        self._turn = 0  # which slot comes next; read and changed under the lock
        self._check_memory(program)
        with translated(f"prepare the network on {device}"):
            self._upload, self._compute, self._download = (
                cl.CommandQueue(device.context, device.handle) for _ in range(3)
            )
            self._maps = [
                self._filled(chunk_rows * g.image * g.element_bytes + OVERREAD_BYTES, _element(g))
                for g in placement.buffers
            ]
            self._layers = [(launch, self._bound(launch, {})) for launch in program.layers]
            self._slots = [self._slot(program) for _ in range(2)]
            self._compute.finish()

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Computes a batch of any number of rows.

        Raises:
            DeviceLostError: The device failed.
        """
        n_rows = len(next(iter(inputs.values())))
        outputs: dict[str, NDArray[np.float32]] = {
            name: np.empty((n_rows, m.size), np.float32) for name, m in self._outputs.items()
        }
        flat = {name: np.ascontiguousarray(array, np.float32) for name, array in inputs.items()}
        with translated(f"run the network on {self._device}", DeviceLostError):
            pending: list[Any] = []
            with self._lock:
                for start in range(0, n_rows, self._chunk_rows):
                    rows = slice(start, min(start + self._chunk_rows, n_rows))
                    pending = self._queue_chunk(flat, outputs, rows)
            # Intel's runtime computes on the thread that finishes a queue too, but not on one that waits for
            # an event: of two cores one would do nothing.
            if self._device.device_class is DeviceClass.CPU:
                self._compute.finish()
            # The download queue runs in order: when its last copy is done, all are. Of no rows there is none.
            if pending:
                cl.wait_for_events(pending)
        return dict(outputs)

    def read_map(self, name: str, n_rows: int) -> NDArray[Any]:
        """What the last run left in a map: float32 or uint8, (n_rows, channels, height, width)."""
        placed = self._placement.maps[name]
        geometry, pad = placed.geometry, placed.geometry.pad
        with translated(f"read {name} from {self._device}", DeviceLostError):
            held = np.empty((self._chunk_rows, geometry.image), _element(geometry).dtype)
            cl.enqueue_copy(self._compute, held, self._maps[placed.buffer])
        padded = held.reshape(
            self._chunk_rows,
            geometry.blocks,
            geometry.height + 2 * pad,
            geometry.width + 2 * pad,
            geometry.block,
        )
        inner = padded[:n_rows, :, pad : pad + geometry.height, pad : pad + geometry.width]
        channels_first = inner.transpose(0, 1, 4, 2, 3)
        return channels_first.reshape(n_rows, -1, geometry.height, geometry.width)[:, : placed.map.channels]

    def layer_times(self, n_rows: int, repetitions: int) -> dict[str, float]:
        """Best time of each layer, seconds, run alone on whatever its source holds.

        Args:
            n_rows: Rows; at most a chunk.
            repetitions: Runs of which the fastest counts.
        """
        with translated(f"time the layers on {self._device}", DeviceLostError):
            queue = cl.CommandQueue(
                self._device.context,
                self._device.handle,
                properties=cl.command_queue_properties.PROFILING_ENABLE,
            )
            times_s = {}
            for launch, kernel in self._layers:
                events = [self._enqueue(queue, launch, kernel, n_rows, None) for _ in range(repetitions)]
                queue.finish()
                times_s[launch.layer] = min(e.profile.end - e.profile.start for e in events) * 1e-9
        return times_s

    def close(self) -> None:
        """Frees buffers, queues and kernels; no run is under way."""
        self._layers.clear()
        self._slots.clear()
        self._maps.clear()
        self._constants.clear()

    def _queue_chunk(
        self, inputs: Mapping[str, Array], outputs: Mapping[str, NDArray[np.float32]], rows: slice
    ) -> list[Any]:
        slot = self._slots[self._turn]
        self._turn = (self._turn + 1) % len(self._slots)
        n_rows = rows.stop - rows.start
        arrived = [
            cl.enqueue_copy(
                self._upload,
                slot.buffers[name],
                inputs[name][rows],
                is_blocking=False,
                wait_for=slot.uploaded,
            )
            for name in self._inputs
        ]
        self._upload.flush()
        slot.uploaded = [self._enqueue(self._compute, *u, n_rows, arrived) for u in slot.uploads]
        for launch, kernel in self._layers:
            self._enqueue(self._compute, launch, kernel, n_rows, None)
        computed = [self._enqueue(self._compute, *d, n_rows, slot.downloaded) for d in slot.downloads]
        self._compute.flush()
        slot.downloaded = [
            cl.enqueue_copy(
                self._download, outputs[name][rows], slot.buffers[name], is_blocking=False, wait_for=computed
            )
            for name in self._outputs
        ]
        self._download.flush()
        return slot.downloaded

    def _enqueue(self, queue: Any, launch: Launch, kernel: Any, n_rows: int, after: Any) -> Any:
        local = (launch.kernel.group, 1, 1)
        return cl.enqueue_nd_range_kernel(queue, kernel, (*launch.global_size, n_rows), local, wait_for=after)

    def _slot(self, program: Program) -> _Slot:
        ends: Sequence[tuple[str, FeatureMap]] = (*self._inputs.items(), *self._outputs.items())
        buffers = {
            name: self._filled(self._chunk_rows * feature_map.size * FLOAT_BYTES, np.zeros(1, np.float32))
            for name, feature_map in ends
        }
        uploads = [(launch, self._bound(launch, buffers)) for launch in program.uploads]
        downloads = [(launch, self._bound(launch, buffers)) for launch in program.downloads]
        return _Slot(buffers, uploads, downloads)

    def _bound(self, launch: Launch, host_buffers: Mapping[str, Any]) -> Any:
        """A kernel object of its own for each launch, so that its arguments are set once."""
        kernel = cl.Kernel(self._compiled, launch.kernel.name)
        kernel.set_args(*(self._argument(argument, host_buffers) for argument in launch.arguments))
        return kernel

    def _argument(self, argument: Argument, host_buffers: Mapping[str, Any]) -> Any:
        match argument:
            case MapBuffer(number):
                return self._maps[number]
            case HostBuffer(name):
                return host_buffers[name]
            case Constant(values):
                flags = cl.mem_flags.READ_ONLY | cl.mem_flags.COPY_HOST_PTR
                self._constants.append(cl.Buffer(self._device.context, flags, hostbuf=values))
                return self._constants[-1]
            case int():
                return np.int32(argument)

    def _filled(self, size_bytes: int, element: NDArray[Any]) -> Any:
        buffer = cl.Buffer(self._device.context, cl.mem_flags.READ_WRITE, size_bytes)
        cl.enqueue_fill_buffer(self._compute, buffer, element, 0, size_bytes)
        return buffer

    def _check_memory(self, program: Program) -> None:
        constants = [
            argument.values.nbytes
            for launch in program.layers
            for argument in launch.arguments
            if isinstance(argument, Constant)
        ]
        maps = [self._chunk_rows * g.image * g.element_bytes for g in self._placement.buffers]
        self._device.check_memory(sum(constants) + sum(maps), max((*constants, *maps)))


def _element(geometry: Geometry) -> NDArray[Any]:
    """What a map's buffer is filled with."""
    return np.full(1, geometry.filling, np.float32 if geometry.element_bytes == FLOAT_BYTES else np.uint8)
