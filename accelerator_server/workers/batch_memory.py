"""Memory that a server and a worker share: inputs and outputs of every lane, in one file without a name.

Without a name nothing is left behind, however either of the two ends.
"""

import mmap
import os
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from accelerator_server.backends.base import Array
from accelerator_server.model_spec import ModelSpec, TensorSpec

_ALIGNMENT_BYTES = mmap.PAGESIZE
"""Each tensor begins a page, as devices want it that read host memory themselves."""


@dataclass(frozen=True, slots=True)
class LaneMemory:
    """The buffers of one lane.

    Attributes:
        inputs: By name, (max_rows, ...).
        outputs: The same.
        compact: For each input as many bytes again, for its rows in their compact form.
    """

    inputs: dict[str, Array]
    outputs: dict[str, Array]
    compact: dict[str, NDArray[np.uint8]]


def create_batch_memory(spec: ModelSpec, n_lanes: int) -> int:
    """Makes a file for the lanes of one worker; pages come into being as they are written.

    Returns:
        Its descriptor, the caller's to close.
    """
    descriptor = os.memfd_create("batches")
    os.ftruncate(descriptor, n_lanes * _lane_bytes(spec))
    return descriptor


def map_batch_memory(descriptor: int, spec: ModelSpec, n_lanes: int) -> list[LaneMemory]:
    """Maps the file into this process; it stays mapped as long as one of the arrays lives."""
    memory = mmap.mmap(descriptor, n_lanes * _lane_bytes(spec))
    lanes = []
    offset_bytes = 0
    for _ in range(n_lanes):
        parts: list[dict[str, Array]] = []
        for tensors in (spec.inputs, spec.outputs):
            parts.append({})
            for tensor in tensors:
                parts[-1][tensor.name] = _array(memory, tensor, spec.max_rows, offset_bytes)
                offset_bytes += _tensor_bytes(tensor, spec.max_rows)
        compact = {}
        for tensor in spec.inputs:
            n_bytes = _tensor_bytes(tensor, spec.max_rows)
            compact[tensor.name] = np.frombuffer(memory, np.uint8, n_bytes, offset_bytes)
            offset_bytes += n_bytes
        lanes.append(LaneMemory(parts[0], parts[1], compact))
    return lanes


def _lane_bytes(spec: ModelSpec) -> int:
    tensors = (*spec.inputs, *spec.outputs, *spec.inputs)
    return sum(_tensor_bytes(tensor, spec.max_rows) for tensor in tensors)


def _tensor_bytes(tensor: TensorSpec, n_rows: int) -> int:
    n_bytes = n_rows * tensor.row_size * tensor.dtype.itemsize
    return -(-n_bytes // _ALIGNMENT_BYTES) * _ALIGNMENT_BYTES


def _array(memory: mmap.mmap, tensor: TensorSpec, n_rows: int, offset_bytes: int) -> Array:
    flat = np.frombuffer(memory, tensor.dtype, n_rows * tensor.row_size, offset_bytes)
    return flat.reshape(n_rows, *tensor.row_shape)
