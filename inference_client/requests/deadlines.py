"""One timer for the deadlines of all requests, most of which end in the order in which they came."""

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
        self._tickets: deque[tuple[float, weakref.ref[Ticket]]] = deque()
        self._timer: Expiry | None = None
        self._timer_s = 0.0

    def add(self, ticket: Ticket) -> None:
        """Takes a ticket; it costs least where its deadline is no earlier than those of all before it."""
        self._forget_answered()
        self._tickets.insert(self._place(ticket.deadline_s), (ticket.deadline_s, weakref.ref(ticket)))
        if self._timer is None or ticket.deadline_s < self._timer_s:
            self._wait_until(ticket.deadline_s)

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
                self._wait_until(ticket.deadline_s)
                return
            self._tickets.popleft()
            self._expired(ticket)

    def _wait_until(self, at_s: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._timer_s = Expiry(at_s, self._look), at_s

    def _place(self, deadline_s: float) -> int:
        """Where a deadline belongs; found from the end, where most do."""
        place = len(self._tickets)
        for other_s, _ in reversed(self._tickets):
            if other_s <= deadline_s:
                break
            place -= 1
        return place

    def _forget_answered(self) -> Ticket | None:
        """Drops what is answered from the head; returns the first ticket that is not."""
        tickets = self._tickets
        while tickets:
            ticket = tickets[0][1]()
            if ticket is not None and ticket.is_open:
                return ticket
            tickets.popleft()
        return None
