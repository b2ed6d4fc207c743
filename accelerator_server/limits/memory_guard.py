"""Refuses work that memory has no room for, so that the kernel never has to end the server."""

import ctypes
import gc
import logging
import time
from collections.abc import Callable

from accelerator_server.errors import MemoryFullError

logger = logging.getLogger(__name__)

SHARE_OF_MEMORY = 0.8
"""Of what there is, where no limit is stated; the rest is for others and for what is not foreseen."""

_PACKED_RATIO = 8
"""A packed body is taken to be so many times larger until it is unpacked; empty images pack better still."""

_COMES_WHOLE_BYTES = 2**16
"""A larger body comes in pieces, and is there twice while they are joined."""

_MEASURE_EVERY_S = 0.1
_TRIM_EVERY_S = 1.0


class MemoryGuard:
    """Knows how much accepted work holds, and what the server's processes hold; used by one event loop.

    A body that was accepted and is not yet here counts as if it were: what is measured shows none of it.

    Args:
        inside_limit_bytes: Most bytes of bodies that are accepted and not yet answered.
        resident_limit_bytes: Memory of server and workers beyond which nothing new is accepted.
        measure: Says what server and workers hold.
        clock: Monotonic seconds.
        trim: Gives freed memory back to the system.
    """

    def __init__(
        self,
        inside_limit_bytes: int,
        resident_limit_bytes: int,
        measure: Callable[[], int],
        clock: Callable[[], float] = time.monotonic,
        trim: Callable[[], None] | None = None,
    ) -> None:
        self._inside_limit_bytes = inside_limit_bytes
        self.resident_limit_bytes = resident_limit_bytes
        self._measure = measure
        self._clock = clock
        self._trim = trim or _trim
        self.inside_bytes = 0  # of all claims
        self._coming_bytes = 0  # of those whose bodies are not yet here
        self._came_bytes = 0  # of those whose bodies came since memory was measured
        self._resident_bytes = 0
        self._measured_s = -1e9
        self._trimmed_s = -1e9
        self._is_refusing = False

    @property
    def resident_bytes(self) -> int:
        """What server and workers hold, measured now."""
        self._measure_now()
        return self._resident_bytes

    @property
    def is_over(self) -> bool:
        """Whether that is over the limit, also when freed memory was given back."""
        self._measure_now()
        if self._resident_bytes > self.resident_limit_bytes and self._gave_back():
            self._measure_now()
        return self._resident_bytes > self.resident_limit_bytes

    def claim(self, n_bytes: int) -> "Claim":
        """Makes room for a body, until the claim is released.

        Raises:
            MemoryFullError: There is none.
        """
        n_bytes = min(n_bytes, self._inside_limit_bytes)  # or what counts more than once could never come
        self._check(n_bytes)
        self.inside_bytes += n_bytes
        self._coming_bytes += n_bytes
        return Claim(self, n_bytes)

    def settle(self, n_bytes: int, actual_bytes: int) -> None:
        """The body of a claim has come; for the claim alone.

        Raises:
            MemoryFullError: It is larger than was thought, and there is no room for it.
        """
        if actual_bytes > n_bytes:
            self._check(actual_bytes - n_bytes)
        self.inside_bytes += actual_bytes - n_bytes
        self._coming_bytes -= n_bytes
        self._came_bytes += actual_bytes

    def release(self, n_bytes: int, *, has_come: bool) -> None:
        """A claim ends; for the claim alone."""
        self.inside_bytes -= n_bytes
        if not has_come:
            self._coming_bytes -= n_bytes

    def _check(self, n_bytes: int) -> None:
        now_s = self._clock()
        if now_s >= self._measured_s + _MEASURE_EVERY_S:
            self._measure_now()
        inside_bytes = self.inside_bytes + n_bytes
        resident_bytes = self._resident_bytes + self._came_bytes + self._coming_bytes + n_bytes
        if inside_bytes <= self._inside_limit_bytes and resident_bytes <= self.resident_limit_bytes:
            if self._is_refusing:
                self._is_refusing = False
                logger.info("there is memory for work again")
            return
        words = (
            f"server and workers hold {_mib(self._resident_bytes)} of {_mib(self.resident_limit_bytes)}, "
            f"{_mib(self._coming_bytes)} are on their way, accepted work has {_mib(self.inside_bytes)} "
            f"of {_mib(self._inside_limit_bytes)}"
        )
        if not self._is_refusing:
            self._is_refusing = True
            logger.warning("new work is refused: %s", words)
        self._gave_back()
        raise MemoryFullError(words)

    def _gave_back(self) -> bool:
        """Gives freed memory back to the system, at most once a second; returns whether it did."""
        now_s = self._clock()
        if now_s < self._trimmed_s + _TRIM_EVERY_S:
            return False
        self._trimmed_s = now_s
        self._trim()
        return True

    def _measure_now(self) -> None:
        self._measured_s = self._clock()
        self._resident_bytes = self._measure()
        self._came_bytes = 0


class Claim:
    """Room for one body, from its headers to its answer."""

    __slots__ = ("_guard", "_has_come", "_n_bytes")

    def __init__(self, guard: MemoryGuard, n_bytes: int) -> None:
        self._guard = guard
        self._n_bytes = n_bytes
        self._has_come = False

    def settle(self, n_bytes: int) -> None:
        """The body is here, and has this size; called once.

        Raises:
            MemoryFullError: It is larger than was thought, and there is no room for it.
        """
        self._guard.settle(self._n_bytes, n_bytes)
        self._n_bytes, self._has_come = n_bytes, True

    def release(self) -> None:
        """The body is answered, or was refused; called once."""
        self._guard.release(self._n_bytes, has_come=self._has_come)


def claim_bytes(content_length: int | None, max_body_bytes: int, *, is_packed: bool) -> int:
    """What a body may come to hold, by its headers; without a length, as much as a body may have."""
    if content_length is None:
        return max_body_bytes
    times = _PACKED_RATIO if is_packed else 2 if content_length > _COMES_WHOLE_BYTES else 1
    return min(content_length, max_body_bytes) * times


def _trim() -> None:
    """What Python has freed stays in the allocator of the C library until it is told to give it back."""
    gc.collect()  # an error that was answered may hold a body in a cycle with its traceback
    if hasattr(_libc, "malloc_trim"):  # glibc
        _libc.malloc_trim(0)


_libc = ctypes.CDLL(None)


def _mib(n_bytes: int) -> str:
    return f"{n_bytes / 2**20:.0f} MiB"
