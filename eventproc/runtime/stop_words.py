"""StopWords: what a job says to the processes that run its parts, in the place of signals."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable
from types import TracebackType
from typing import Self

from eventproc.errors import CaughtSignal
from eventproc.runtime.part_messages import MessageReader, Stop
from eventproc.runtime.stop_signals import stopped_by

_READ_BYTES = 1 << 16


class StopWords:
    """Listens to the job while entered.

    The word `Stop` calls `on_first`; when the job is gone, or closes its end, the task is cancelled.
    """

    def __init__(self, link: socket.socket, messages: MessageReader) -> None:
        self.caught: CaughtSignal | None = None
        self._link = link
        self._messages = messages  # already holds what came right behind the order
        self._task = asyncio.current_task()
        self._loop = asyncio.get_running_loop()
        self.on_first: Callable[[], None] = self._cancel

    def __enter__(self) -> Self:
        self._loop.add_reader(self._link, self._listen)
        self._hear(b"")  # what was said while the part was built
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._loop.remove_reader(self._link)

    def disarm(self) -> None:
        """What remains is clean-up, which must not be interrupted."""
        self._task = None

    def _listen(self) -> None:
        received = self._link.recv(_READ_BYTES)
        if received:
            self._hear(received)
            return
        self._loop.remove_reader(self._link)
        self.caught = self.caught or CaughtSignal("the job that this part belongs to ended", signal.SIGTERM)
        self._cancel()

    def _hear(self, received: bytes) -> None:
        for message in self._messages.feed(received):
            if isinstance(message, Stop) and self.caught is None:
                self.caught = stopped_by(message.signal_number)
                self.on_first()

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()
