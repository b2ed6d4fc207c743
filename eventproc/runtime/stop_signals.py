"""StopSignals: turns the signals that end a job into one polite request, then one that is not."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self

from eventproc.errors import CaughtSignal

_LOG = logging.getLogger("eventproc")

WATCHED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR2, signal.SIGXCPU)
"""Batch systems evict with SIGTERM, warn with SIGUSR2 or SIGXCPU; people type SIGINT."""

DRAIN_LIMIT_S = 30.0
"""Events in flight get this long to finish after the first signal."""


class Stops(Protocol):
    """What a job needs of whoever watches, while entered, for those who want it to stop.

    Attributes:
        caught: the first wish to stop.
        on_first: called with it; what runs sets it to its own way of stopping.
    """

    caught: CaughtSignal | None
    on_first: Callable[[], None]

    def __enter__(self) -> Self:
        """Begins to watch."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Watches no more."""

    def disarm(self) -> None:
        """What remains is clean-up, which must not be interrupted."""


class StopSignals:
    """Watches for signals while entered.

    The first signal calls `on_first`, which what runs sets to its own way of stopping; the second, or the
    drain limit, cancels the job's task.
    """

    def __init__(self) -> None:
        self.caught: CaughtSignal | None = None
        self._task = asyncio.current_task()
        self._loop = asyncio.get_running_loop()
        self._limit: asyncio.TimerHandle | None = None
        self.on_first: Callable[[], None] = self._cancel

    def __enter__(self) -> Self:
        for number in WATCHED:
            self._loop.add_signal_handler(number, self._handle, number)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for number in WATCHED:
            self._loop.remove_signal_handler(number)
        self.disarm()

    def disarm(self) -> None:
        """What remains is clean-up, which signals must not interrupt."""
        if self._limit is not None:
            self._limit.cancel()
        self._task = None

    def _handle(self, number: int) -> None:
        if self.caught is not None:
            self._cancel()
            return
        name = signal.Signals(number).name
        self.caught = stopped_by(number)
        _LOG.warning("%s: finishing the events in flight; a second signal ends the job at once", name)
        self._limit = self._loop.call_later(DRAIN_LIMIT_S, self._cancel)
        self.on_first()

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()


def stopped_by(number: int) -> CaughtSignal:
    """What a job ends with that a signal stopped."""
    return CaughtSignal(f"the job was stopped by {signal.Signals(number).name} at an event boundary", number)
