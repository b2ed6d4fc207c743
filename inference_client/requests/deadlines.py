"""One timer for the deadlines of all requests, which come in the order in which the requests came."""

import asyncio
import weakref
from collections import deque
from collections.abc import Callable

from inference_client.requests.ticket import Ticket
from inference_client.transport.expiry import Expiry


class Deadlines:
    """Tells of tickets that are still open at their deadline.

    Nothing is done for a ticket that is answered in time, and nothing of it is kept.

    Args:
        expired: Told of each ticket.
    """

    def __init__(self, expired: Callable[[Ticket], None]) -> None:
        self._expired = expired
        # Touched by the loop's thread only; by rising deadline.
        self._tickets: deque[weakref.ref[Ticket]] = deque()
        self._timer: Expiry | None = None

    def add(self, ticket: Ticket) -> None:
        """Takes a ticket, whose deadline is no earlier than those of all before it."""
        self._forget_answered()
        self._tickets.append(weakref.ref(ticket))
        if self._timer is None:
            self._timer = Expiry(ticket.deadline_s, self._look)

    def close(self) -> None:
        """Tells of no more tickets."""
        self._tickets.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._timer = None
        now_s = asyncio.get_running_loop().time()
        while (ticket := self._forget_answered()) is not None:
            if ticket.deadline_s > now_s:
                self._timer = Expiry(ticket.deadline_s, self._look)
                return
            self._tickets.popleft()
            self._expired(ticket)

    def _forget_answered(self) -> Ticket | None:
        """Drops what is answered from the head; returns the first ticket that is not."""
        tickets = self._tickets
        while tickets:
            ticket = tickets[0]()
            if ticket is not None and ticket.is_open:
                return ticket
            tickets.popleft()
        return None
