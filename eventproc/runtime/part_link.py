"""PartLink: a process that runs a part of the job, as the job sees it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import Callable
from typing import Self

from eventproc.errors import EventProcError, UnexpectedTermination
from eventproc.runtime.division import Portion
from eventproc.runtime.part_messages import Done, Message, MessageReader, PartOrder, PartResult, Stop, encode

_READ_BYTES = 1 << 16

_GRACE_S = 5.0
"""A part that is not wanted any more gets this long to end by itself."""


class PartLink:
    """Started by `start`, heard by `result`, ended by `end` in every case.

    Args:
        process: the process.
        portion: what it does.
        link: our end of the socket.
    """

    def __init__(self, process: asyncio.subprocess.Process, portion: Portion, link: socket.socket) -> None:
        self._process = process
        self._portion = portion
        self._link = link
        self._messages = MessageReader()
        self._saying = asyncio.create_task(_pass_on(process.stderr))

    @classmethod
    async def start(cls, order: PartOrder) -> Self:
        """Starts a process and tells it what to do.

        Raises:
            UnexpectedTermination: it cannot be started, or ended at once.
        """
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with theirs:
            try:
                process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-P", "-m", "eventproc.runtime.part_process", str(theirs.fileno())),
                    pass_fds=[theirs.fileno()],
                    stdin=asyncio.subprocess.DEVNULL,
                    stderr=asyncio.subprocess.PIPE,  # lines must go above the progress bar, not through it
                    env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                    process_group=0,
                )
            except OSError as error:
                ours.close()
                message = f"process {order.portion.number} of the job cannot be started: {error.strerror}"
                raise UnexpectedTermination(message) from error
        part = cls(process, order.portion, ours)
        # One that died before it heard this is found out by `result`.
        with contextlib.suppress(OSError):
            await asyncio.get_running_loop().sock_sendall(ours, encode(order))
        return part

    def stop(self, signal_number: int) -> None:
        """Asks the part to finish its events in flight and no more."""
        with contextlib.suppress(OSError):
            self._link.send(encode(Stop(signal_number)))

    async def result(self, on_progress: Callable[[int], None]) -> PartResult:
        """How the part ended.

        Args:
            on_progress: told now and then how many more events are done.

        Raises:
            UnexpectedTermination: its process ended without saying why.
        """
        loop = asyncio.get_running_loop()
        while received := await self._receive(loop):
            for message in self._messages.feed(received):
                if isinstance(message, PartResult):
                    return message
                _tell(message, on_progress)
        raise self._unexpected(await self._process.wait())

    async def end(self) -> None:
        """Ends the process, if need be by force."""
        self._link.close()
        if not await self._has_ended():
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._has_ended()
        self._saying.cancel()  # by now it has nothing to say, unless a child of the process holds on to it

    async def _has_ended(self) -> bool:
        ended = asyncio.gather(self._process.wait(), self._saying)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(ended, _GRACE_S)
        return self._process.returncode is not None

    async def _receive(self, loop: asyncio.AbstractEventLoop) -> bytes:
        try:
            return await loop.sock_recv(self._link, _READ_BYTES)
        except ConnectionResetError:  # it died with words of ours unread
            return b""

    def _unexpected(self, code: int) -> EventProcError:
        first, last = self._portion.first_event, self._portion.first_event + self._portion.events - 1
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
        message = f"process {self._portion.number} of the job, for events {first} to {last}, {how}"
        return UnexpectedTermination(message)


def _tell(message: Message, on_progress: Callable[[int], None]) -> None:
    if isinstance(message, Done):
        on_progress(message.events)


async def _pass_on(lines: asyncio.StreamReader | None) -> None:
    """Repeats on standard error what a part says there, whole lines at a time."""
    begun = b""
    while lines is not None and (received := await lines.read(_READ_BYTES)):
        whole, end, begun = (begun + received).rpartition(b"\n")
        _say(whole + end)
    _say(begun)


def _say(text: bytes) -> None:
    if text:
        # sys.stderr as it is now: a progress bar replaces it while it is drawn.
        sys.stderr.write(text.decode(errors="replace"))
        sys.stderr.flush()
