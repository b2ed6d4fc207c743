"""The open connections of a server: how many, who makes room for a new one, how all are closed."""

import asyncio
import contextlib
import math
import time

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from accelerator_server.http.express.connection import ExpressConnection
from accelerator_server.http.inference_service import InferenceService
from accelerator_server.state import ServerState

_COMPANY_S = 1e-3
"""When clients ask one after another so soon, several of their requests come in one pass of the loop."""


class Connections:
    """Makes the protocol of each new connection; one that does not fit costs an idle one its place.

    Args:
        state: Parts of the server.
        service: What answers inference requests.
        server: aiohttp's, which has the connections over which anything else was asked.
        room: How many may be open.
    """

    def __init__(self, state: ServerState, service: InferenceService, server: web.Server, room: int) -> None:
        self.state = state
        self.service = service
        self._server = server
        self._room = room
        self._coming = 0  # accepted in this turn of the loop, open in the next; only the loop changes it
        self._express: set[ExpressConnection] = set()
        self._one_left = asyncio.Event()
        self._is_closing = False
        self._last: ExpressConnection | None = None  # over which a request came
        self._last_s = 0.0

    def __len__(self) -> int:
        n_open = len(self._express) + len(self._server.connections)
        # Those that are just being closed are left out only where it matters: each request asks.
        return n_open if n_open <= self._room else len(self._open_now())

    @property
    def is_full(self) -> bool:
        """Whether more are open than are served."""
        return len(self) > self.state.config.max_connections

    @property
    def room_left(self) -> int:
        """How many more may be open."""
        return self._room - self._coming - len(self._express) - len(self._server.connections)

    def accept(self) -> ExpressConnection:
        """Called by the event loop when it has accepted a connection."""
        self._coming += 1
        asyncio.get_running_loop().call_soon(self._came_one)
        if self.room_left < 0:
            self._make_room()
        return ExpressConnection(self)

    def is_alone(self, connection: ExpressConnection) -> bool:
        """Whether no other connection's request came just before the one that has come now."""
        now_s = time.monotonic()
        had_company = self._last is not connection and now_s < self._last_s + _COMPANY_S
        self._last, self._last_s = connection, now_s
        return not had_company

    def came(self, connection: ExpressConnection) -> None:
        """A connection is open."""
        self._express.add(connection)
        if self._is_closing:  # it was accepted just before
            connection.close()

    def left(self, connection: ExpressConnection) -> None:
        """A connection is closed, or aiohttp's."""
        self._express.discard(connection)
        self._one_left.set()

    def other_protocol(self) -> asyncio.Protocol:
        """One of aiohttp's."""
        return self._server()

    async def close(self, timeout_s: float) -> None:
        """Closes those that are not aiohttp's, each when it has sent the answer that it is about to send.

        Args:
            timeout_s: Those that have not sent it by then are closed without.
        """
        self._is_closing = True
        for connection in list(self._express):
            connection.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while self._express:
                    self._one_left.clear()
                    await self._one_left.wait()
        for connection in list(self._express):
            connection.abort()

    def _came_one(self) -> None:
        self._coming -= 1

    def _make_room(self) -> None:
        open_now = self._open_now()
        too_many = self._coming + len(open_now) - self._room
        if too_many > 0:
            since_s = {connection: _idle_since_s(connection) for connection in open_now}
            idle = [connection for connection, at_s in since_s.items() if at_s < math.inf]
            for connection in sorted(idle, key=since_s.__getitem__)[:too_many]:
                _close(connection)

    def _open_now(self) -> list[ExpressConnection | RequestHandler]:
        """Without those that were closed in this turn of the loop."""
        others = [connection for connection in self._server.connections if connection.transport is not None]
        return [*[connection for connection in self._express if connection.is_open], *others]


def _idle_since_s(connection: ExpressConnection | RequestHandler) -> float:
    """Since when a connection waits for a request, on the loop's clock; infinite if one is being answered."""
    if isinstance(connection, ExpressConnection):
        return connection.quiet_since_s if connection.is_idle else math.inf
    # To count requests of our own would cost every request; aiohttp knows, but has no public word for it.
    if connection._current_request is not None:
        return math.inf
    return connection._next_keepalive_close_time - connection.keepalive_timeout


def _close(connection: ExpressConnection | RequestHandler) -> None:
    if isinstance(connection, ExpressConnection):
        connection.close()
    else:
        connection.force_close()
