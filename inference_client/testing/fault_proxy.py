"""A TCP proxy that spoils connections: cuts, resets, flipped bits, delays, silence."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Self

from yarl import URL

_CHUNK_BYTES = 65536
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER with no time: closing sends RST (socket(7))."""


@dataclass(frozen=True, slots=True)
class StreamFault:
    """What happens to the bytes of one direction of one connection.

    Attributes:
        cut_at: The connection ends before this byte; -1 lets all pass.
        with_reset: It ends with RST instead of FIN.
        flip_bit: This bit of the stream is turned over; -1 leaves all as they are.
        delay_s: Every piece waits so long.
        is_silent: Nothing passes, and the connection stays open.
    """

    cut_at: int = -1
    with_reset: bool = False
    flip_bit: int = -1
    delay_s: float = 0.0
    is_silent: bool = False

    def spoilt(self, data: bytes, offset: int) -> bytes:
        """A piece of the stream, which begins at an offset, with its bit turned over and its end cut off."""
        at = self.flip_bit // 8 - offset
        if self.flip_bit >= 0 and 0 <= at < len(data):
            data = data[:at] + bytes([data[at] ^ (1 << self.flip_bit % 8)]) + data[at + 1 :]
        return data if self.cut_at < 0 else data[: max(0, self.cut_at - offset)]


@dataclass(frozen=True, slots=True)
class ConnectionFault:
    """What happens to one connection: nothing, if all is left out.

    Attributes:
        request: Faults on the way to the server.
        reply: Faults on the way back.
        is_refused: The connection is closed as soon as it is accepted.
    """

    request: StreamFault = StreamFault()
    reply: StreamFault = StreamFault()
    is_refused: bool = False


class FaultProxy:
    """Listens on a free port and passes connections on to a server; `async with` starts and stops it.

    Attributes:
        n_connections: Connections accepted so far.
        reply_bytes: Bytes of replies read from the server so far.

    Args:
        target: Address of the server, http://host:port.
        plan: The fault of connection number n, counted from 0.
    """

    def __init__(self, target: str, plan: Callable[[int], ConnectionFault]) -> None:
        self.plan = plan
        self.n_connections = 0
        self.reply_bytes = 0
        self._target = URL(target)
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def address(self) -> str:
        """Where it listens."""
        if self._server is None:
            message = "the proxy was not started"
            raise RuntimeError(message)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def start(self) -> None:
        """Opens the socket."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)

    async def stop(self) -> None:
        """Closes the socket and all connections."""
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_ending: object) -> None:
        await self.stop()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._server is None or not self._server.is_serving():  # accepted just before the end
            writer.transport.abort()
            return
        fault = self.plan(self.n_connections)
        self.n_connections += 1
        task = asyncio.ensure_future(self._pass(fault, reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        # Not in the task alone: one that is cancelled before its first step has closed nothing.
        task.add_done_callback(lambda _: writer.transport.abort())

    async def _pass(
        self, fault: ConnectionFault, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if fault.is_refused:
            await _close(writer, with_reset=False)
            return
        try:
            far_reader, far_writer = await asyncio.open_connection(self._target.host, self._target.port)
        except OSError:
            return
        try:
            await _first_end(
                self._pump(fault.request, reader, far_writer, is_reply=False),
                self._pump(fault.reply, far_reader, writer, is_reply=True),
            )
            with_reset = fault.reply.with_reset or fault.request.with_reset
            await asyncio.gather(_close(writer, with_reset), _close(far_writer, with_reset))
        finally:
            far_writer.transport.abort()  # nothing, if it is closed

    async def _pump(
        self, fault: StreamFault, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, is_reply: bool
    ) -> None:
        offset = 0
        while data := await reader.read(_CHUNK_BYTES):
            self.reply_bytes += len(data) if is_reply else 0
            if fault.is_silent:
                continue
            await asyncio.sleep(fault.delay_s)
            writer.write(fault.spoilt(data, offset))
            await writer.drain()
            offset += len(data)
            if 0 <= fault.cut_at <= offset:
                return


async def _first_end(*pumps: Coroutine[None, None, None]) -> None:
    """Runs both ways until one of them ends."""
    tasks = [asyncio.ensure_future(pump) for pump in pumps]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _close(writer: asyncio.StreamWriter, with_reset: bool) -> None:
    """Closes a connection; returns when what was written to it has been sent."""
    with contextlib.suppress(OSError):  # the other side was first
        if with_reset:
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        writer.close()
        await writer.wait_closed()
