"""Freed memory stays with the process: chunk after chunk of events needs the same few megabytes again."""

from __future__ import annotations

import ctypes

_MALLOPT = {
    -3: 32 << 20,  # M_MMAP_THRESHOLD: up to this a block is carved from memory that the process has
    -1: 256 << 20,  # M_TRIM_THRESHOLD: so much may lie free before it goes back
}
"""Parameters of glibc's mallopt (malloc.h)."""


def keep_freed_memory() -> bool:
    """Tells the C library to keep what is freed; cmsRun links jemalloc for the same reason.

    By default glibc gives arrays of megabytes back to the system, and takes them again for the next chunk:
    every page is faulted in and cleared anew, a quarter of the CPU time of a job that copies events.

    Returns:
        Whether the C library of this machine heard it; others than glibc need not.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and all(mallopt(name, value) for name, value in _MALLOPT.items())
