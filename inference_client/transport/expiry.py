"""Timers that let what has arrived in time be read first, however long the loop was kept busy."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

GRACE_TURNS = 32
"""Turns of the event loop between a timer's end and its effect. A module that computed past the end leaves
bytes unread in the socket; each turn reads what is there, and an idle loop makes the turns in about a
millisecond."""
STEPS = 8
"""Into which a timer that does not count busy time divides its own; one that ends late is not counted."""
BUSY_S = 0.05
"""A step that ends later than this, and than a second step would, says that the loop was kept busy."""

_T = TypeVar("_T")


class Expiry:
    """Calls back when a moment has passed, unless cancelled before."""

    def __init__(self, at_s: float, expired: Callable[[], object]) -> None:
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


class BusyExpiry(Expiry):
    """An expiry that puts off its moment by the time in which the loop was kept busy.

    For what needs the loop again after a busy time, and then time on the way: a handshake.
    """

    def __init__(self, at_s: float, expired: Callable[[], object]) -> None:
        now_s = asyncio.get_running_loop().time()
        self._step_s = (at_s - now_s) / STEPS
        self._steps_left = STEPS
        self._step_ends_s = now_s + self._step_s
        super().__init__(self._step_ends_s, expired)

    def _turn(self) -> None:
        now_s = self._loop.time()
        if now_s - self._step_ends_s < max(self._step_s, BUSY_S):
            self._steps_left -= 1
        if self._steps_left <= 0:
            super()._turn()
            return
        self._step_ends_s = now_s + self._step_s
        self._handle = self._loop.call_at(self._step_ends_s, self._turn)


async def within(timeout_s: float, work: Awaitable[_T], kind: type[Expiry] = Expiry) -> _T:
    """Waits for an awaitable, which is cancelled when the time is over.

    Args:
        timeout_s: The time.
        work: What to wait for.
        kind: The timer, which knows what of a busy time is counted.

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

    expiry = kind(asyncio.get_running_loop().time() + timeout_s, expire)
    try:
        return await work
    except asyncio.CancelledError as error:
        if not expired or task.uncancel() > cancelled_before:
            raise
        message = f"not done in {timeout_s:.3g} s"
        raise TimeoutError(message) from error
    finally:
        expiry.cancel()
