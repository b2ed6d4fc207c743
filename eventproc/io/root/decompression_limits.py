"""Limits of decompression: a small file must not become all the memory of the machine."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import cramjam
import numpy as np
import numpy.typing as npt
import uproot

OBJECT_BYTES = 1 << 30
"""What one object, such as a basket, may be when decompressed; ROOT writes none larger (TBufferFile)."""

READING_BYTES = 2 << 30
"""What the baskets of one reading of a branch may be together."""


class _Reading(threading.local):
    """What is left of the present reading in this thread; uproot decompresses in the thread that reads."""

    left: int | None = None


_reading = _Reading()


@contextmanager
def limited_reading() -> Iterator[None]:
    """Baskets that are decompressed inside, in this thread, are refused beyond `READING_BYTES`."""
    _reading.left = READING_BYTES
    try:
        yield
    finally:
        _reading.left = None


def install() -> None:
    """Makes uproot keep the limits, and trust no compressed block to be as large as its header says.

    cramjam and zlib take the promised size for a first guess and go on: 1.5 kB of zstd become 50 MB.
    """
    compression = uproot.compression
    compression.decompress.hook_before_block = _refuse_large_objects
    for decompressor, into in (
        (compression._decompress_ZSTD, cramjam.zstd.decompress_into),
        (compression._decompress_LZMA, cramjam.xz.decompress_into),
        (compression._decompress_ZLIB, cramjam.zlib.decompress_into),
    ):
        decompressor.decompress = _bounded(into)


def _bounded(
    into: Callable[[Any, Any], int],
) -> Callable[[bytes, int], npt.NDArray[np.uint8]]:
    def decompress(data: bytes, uncompressed_bytes: int) -> npt.NDArray[np.uint8]:
        output = np.empty(uncompressed_bytes, np.uint8)
        return output[: into(data, output)]

    return decompress


def _refuse_large_objects(*, uncompressed_bytes: int, num_blocks: int, **_others: Any) -> None:
    if num_blocks:
        return
    if uncompressed_bytes > OBJECT_BYTES:
        message = f"it would decompress to {uncompressed_bytes} bytes, more than {OBJECT_BYTES}"
        raise ValueError(message)
    if _reading.left is not None:
        _reading.left -= uncompressed_bytes
        if _reading.left < 0:
            message = f"together its baskets would decompress to more than {READING_BYTES} bytes"
            raise ValueError(message)
