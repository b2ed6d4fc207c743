"""Timers that let an answer which has arrived in time be read first, however long the loop was kept busy."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

GRACE_TURNS = 32
"""Turns of the event loop between a timer's end and its effect. A module that computed past the end leaves
bytes unread in the socket; each turn reads what is there, and an idle loop makes the turns in about a
millisecond."""

_T = TypeVar("_T")


class Expiry:
    """Calls back when a moment has passed, unless cancelled before."""

    def __init__(self, at_s: float, expired: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._expired = expired
        self._turns_left = GRACE_TURNS
        self._handle: asyncio.Handle = self._loop.call_at(at_s, self._turn)

    def cancel(self) -> None:
        """Keeps the callback from being called."""
        self._handle.cancel()

    def _turn(self) -> None:
        if self._turns_left == 0:
            self._expired()
            return
        self._turns_left -= 1
        self._handle = self._loop.call_soon(self._turn)


async def within(timeout_s: float, work: Awaitable[_T]) -> _T:
    """Waits for an awaitable, which is cancelled when the time is over.

    Raises:
        TimeoutError: It was not done in time.
    """
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - for the type checker: this is a coroutine
    cancelled_before = task.cancelling()
    expired = False

    def expire() -> None:
        nonlocal expired
        expired = True
        task.cancel()

    expiry = Expiry(asyncio.get_running_loop().time() + timeout_s, expire)
    try:
        return await work
    except asyncio.CancelledError as error:
        if not expired or task.uncancel() > cancelled_before:
            raise
        message = f"not done in {timeout_s:.3g} s"
        raise TimeoutError(message) from error
    finally:
        expiry.cancel()
