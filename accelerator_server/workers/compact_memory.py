"""Compact rows in the memory that a server and a worker share, and the few bytes that say how they lie."""

import struct
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from accelerator_server.backends.base import Array
from accelerator_server.backends.compact import CompactRows, LitRows, ScaledRows
from accelerator_server.model_spec import ModelSpec, TensorSpec

_FORM = struct.Struct("<BcI")
"""Which input of the model's, its form, and how many elements are lit or how many rows scaled."""

_LIT, _SCALED = b"l", b"s"

Areas = Mapping[str, NDArray[np.uint8]]
"""By input, as many bytes as its rows would have; a compact form has fewer."""


def write_compact(areas: Areas, spec: ModelSpec, compact: Mapping[str, CompactRows]) -> bytes:
    """Puts rows where the other process reads them.

    Returns:
        What it must know to read them.
    """
    forms = []
    for number, tensor in enumerate(spec.inputs):
        rows = compact.get(tensor.name)
        if rows is None:
            continue
        kind, count = (_LIT, len(rows.values)) if isinstance(rows, LitRows) else (_SCALED, len(rows.steps))
        sources: tuple[Array, ...] = rows
        parts: tuple[Array, ...] = _read(areas[tensor.name], tensor, kind, count)
        for part, source in zip(parts, sources, strict=True):
            np.copyto(part, source)
        forms.append(_FORM.pack(number, kind, count))
    return b"".join(forms)


def read_compact(areas: Areas, spec: ModelSpec, forms: bytes) -> dict[str, CompactRows]:
    """Views what `write_compact` has written."""
    compact = {}
    for number, kind, count in _FORM.iter_unpack(forms):
        tensor = spec.inputs[number]
        compact[tensor.name] = _read(areas[tensor.name], tensor, kind, count)
    return compact


def _read(area: NDArray[np.uint8], tensor: TensorSpec, kind: bytes, count: int) -> CompactRows:
    """Views of the parts; those with the larger elements begin, so that all are aligned."""
    first_bytes = count * (8 if kind == _LIT else 4)
    first, rest = area[:first_bytes], area[first_bytes:]
    if kind == _LIT:
        return LitRows(first.view(np.int64), rest[: count * tensor.dtype.itemsize].view(tensor.dtype))
    scales = first.view(np.float32).reshape(count, *[1] * len(tensor.row_shape))
    return ScaledRows(rest[: count * tensor.row_size].reshape(count, *tensor.row_shape), scales)
