"""Accepts connections that are to speak TLS, and bounds those that have not agreed upon it."""

import asyncio
import contextlib
import logging
import socket
import ssl

from accelerator_server.http.connections import Connections

logger = logging.getLogger(__name__)

_HANDSHAKE_S = 10.0
"""Time for TLS to be agreed upon."""

_LEAST_HANDSHAKES = 8
"""May be under way also where connections take all the room: an idle one makes it when they are done."""

_RETRY_S = 1.0


class TlsListener:
    """Accepts connections; the one that has been agreeing the longest makes room for a new one.

    asyncio's own server accepts without an end, and says nothing of a connection before TLS is agreed upon.

    Args:
        listening: Bound, not blocking.
        context: Certificate, and whose clients are taken.
        connections: Those with which it is agreed upon.
    """

    def __init__(self, listening: socket.socket, context: ssl.SSLContext, connections: Connections) -> None:
        self._listening = listening
        self._context = context
        self._connections = connections
        self._loop = asyncio.get_running_loop()
        self._handshakes: dict[asyncio.Task[None], None] = {}  # the longest under way first
        self._accepting = self._loop.create_task(self._accept())
        self._accepting.add_done_callback(lambda _: listening.close())  # not before: the loop waits on it

    def close(self) -> None:
        """Accepts no more, and hangs up on those with which nothing is agreed upon."""
        self._accepting.cancel()
        for handshake in self._handshakes:
            handshake.cancel()

    async def _accept(self) -> None:
        while True:
            try:
                accepted, _ = await self._loop.sock_accept(self._listening)
            except ConnectionAbortedError:  # it went while it waited
                continue
            except OSError as error:
                logger.error("cannot accept a connection: %s", error)
                await asyncio.sleep(_RETRY_S)
                continue
            excess = len(self._handshakes) + 1 - max(_LEAST_HANDSHAKES, self._connections.room_left)
            for oldest in list(self._handshakes)[: max(0, excess)]:
                oldest.cancel()
            handshake = self._loop.create_task(self._agree(accepted))
            self._handshakes[handshake] = None
            handshake.add_done_callback(self._handshakes.pop)
            await asyncio.sleep(0)  # it has begun then, and others had their turn however many come

    async def _agree(self, accepted: socket.socket) -> None:
        with contextlib.suppress(OSError):  # those of TLS too: another who speaks something else
            await self._loop.connect_accepted_socket(
                self._connections.accept, accepted, ssl=self._context, ssl_handshake_timeout=_HANDSHAKE_S
            )
