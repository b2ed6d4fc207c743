"""File descriptors: how many connections the process can hold."""

import logging
import resource
from pathlib import Path

logger = logging.getLogger(__name__)

RESERVED = 32
"""Descriptors that connections leave free, for loading a model and trying it in a child process."""

WORKER = 8
"""Descriptors that the process of a device takes here: for its model, the memory of its batches and the
mapping of that, the pipe that ends it, and up to four sockets: one, and one for each batch in flight."""

_OPEN = Path("/proc/self/fd")
_USUALLY_OPEN = 64


def raise_limit(max_connections: int, n_workers: int = 0) -> None:
    """Raises the process's soft limit of descriptors, if it may.

    Args:
        max_connections: How many connections it must hold.
        n_workers: How many processes of devices.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = max_connections + _n_open() + 2 * RESERVED + WORKER * n_workers
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft not in (resource.RLIM_INFINITY, wanted) and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def find_room(max_connections: int, n_workers: int = 0) -> int:
    """Connections that the process can hold; the log says if they are fewer than `max_connections`.

    Args:
        max_connections: How many are wanted.
        n_workers: How many processes of devices will be started.
    """
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return 2 * max_connections
    free = max(0, soft - _n_open() - WORKER * n_workers)
    room = max(2, free - min(RESERVED, free // 2))
    if room < max_connections:
        logger.warning(
            "the limit of %d file descriptors leaves room for %d connections beside %d processes of devices, "
            "not for max_connections (%d); beyond it the one that is idle the longest is closed",
            soft,
            room,
            n_workers,
            max_connections,
        )
    return room


def _n_open() -> int:
    return len(list(_OPEN.iterdir())) if _OPEN.is_dir() else _USUALLY_OPEN
