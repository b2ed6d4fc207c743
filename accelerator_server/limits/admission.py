"""Whether new requests are let in, and how many are inside."""

import asyncio

from accelerator_server.errors import DrainingError


class Admission:
    """Counts requests from their headers to their answer; used by one event loop.

    A request is inside from `enter` to `leave`.
    """

    def __init__(self) -> None:
        self._n_inside = 0
        self._draining = False
        self._nobody_inside = asyncio.Event()
        self._nobody_inside.set()

    @property
    def draining(self) -> bool:
        """Whether the server is about to stop."""
        return self._draining

    @property
    def n_inside(self) -> int:
        """Requests that are let in and not yet answered."""
        return self._n_inside

    def enter(self) -> None:
        """Lets one request in; `leave` follows.

        Raises:
            DrainingError: The server is about to stop.
        """
        if self._draining:
            message = "the server is about to stop"
            raise DrainingError(message)
        self._n_inside += 1
        self._nobody_inside.clear()

    def leave(self) -> None:
        """A request that was let in is answered, or not worth an answer."""
        self._n_inside -= 1
        if not self._n_inside:
            self._nobody_inside.set()

    async def drain(self, timeout_s: float) -> bool:
        """Lets nobody in any more and waits for those inside.

        Returns:
            Whether all were answered in time.
        """
        self._draining = True
        try:
            async with asyncio.timeout(timeout_s):
                await self._nobody_inside.wait()
        except TimeoutError:
            return False
        return True
