"""File descriptors: how many connections the process can hold, and which one goes when there is no room."""

import asyncio
import logging
import resource
from collections.abc import Sequence
from pathlib import Path

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

logger = logging.getLogger(__name__)

RESERVED = 32
"""Descriptors that connections leave free, for loading a model and trying it in a child process."""

_OPEN = Path("/proc/self/fd")
_USUALLY_OPEN = 64


def raise_limit(max_connections: int) -> None:
    """Raises the process's soft limit of descriptors to what that many connections need, if it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = max_connections + _n_open() + 2 * RESERVED
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft not in (resource.RLIM_INFINITY, wanted) and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def find_room(max_connections: int) -> int:
    """Connections that the process can hold; the log says if they are fewer than `max_connections`."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return 2 * max_connections
    free = soft - _n_open()
    room = max(2, free - min(RESERVED, free // 2))
    if room < max_connections:
        logger.warning(
            "the limit of %d file descriptors leaves room for %d connections, not for max_connections (%d); "
            "beyond it the one that is idle the longest is closed",
            soft,
            room,
            max_connections,
        )
    return room


def _n_open() -> int:
    return len(list(_OPEN.iterdir())) if _OPEN.is_dir() else _USUALLY_OPEN


class Acceptor:
    """Makes the protocol of each new connection; one that does not fit costs an idle one its place.

    Args:
        server: aiohttp's, which makes protocols and knows the open ones.
        room: How many connections may be open.
    """

    def __init__(self, server: web.Server, room: int) -> None:
        self._server = server
        self._room = room
        self._coming = 0  # accepted in this turn of the loop, open in the next; only the loop changes it

    def __call__(self) -> RequestHandler:
        """Called by the event loop when it has accepted a connection."""
        self._coming += 1
        asyncio.get_running_loop().call_soon(self._came)
        open_now = open_connections(self._server)
        too_many = self._coming + len(open_now) - self._room
        if too_many > 0:
            for connection in longest_idle(open_now)[:too_many]:
                connection.force_close()
        return self._server()

    def _came(self) -> None:
        self._coming -= 1


def open_connections(server: web.Server) -> list[RequestHandler]:
    """The connections of a server without those that were closed in this turn of the loop."""
    return [connection for connection in server.connections if connection.transport is not None]


def longest_idle(connections: Sequence[RequestHandler]) -> list[RequestHandler]:
    """Connections that are not being answered, the longest idle first, those that never asked among them."""
    # To count requests of our own would cost every request; aiohttp knows, but has no public word for it.
    idle = [connection for connection in connections if connection._current_request is None]
    return sorted(idle, key=lambda connection: connection._next_keepalive_close_time)
