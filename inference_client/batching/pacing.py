"""How long queued rows wait for company before they leave."""

SHORTEST_GAP_S = 0.002
"""Below this the event loop's own timers are too coarse, and waiting costs more than it saves."""
LONGEST_GAP_S = 0.05
SHORTEST_WAIT_S = 1e-4
"""A timer shorter than this may find, by rounding, that its time has not come, and be set again and again."""
EXCHANGE_S = 1e-3
"""Computing of client and server for an exchange, whatever is in it, as measured on this protocol: half of it
on two cores of their own, all of it where others compute as well and a server of no work takes as long."""


def is_growing(
    queued_rows: int, max_rows: int, in_flight: int, has_grown: bool, server_s: float = 0.0, missing: int = 0
) -> bool:
    """Whether rows wait for the event loop's next turn, since more came in the last one.

    The answers of one body make all its callers ready at once, and each of them asks again after some work.
    As long as they do, rows wait where the server has something to do. They wait also, until as many ask as
    did last, where the server would have done before another exchange is paid for: one body for all is then
    cheaper, and no later.

    Args:
        queued_rows: Rows that wait.
        max_rows: Most rows of a body.
        in_flight: Bodies under way.
        has_grown: Whether rows have come since the last look.
        server_s: Recent time of a body in the server, queued and computed; 0 if it does not say.
        missing: How many requests more than those that wait shared the last body.
    """
    is_worth_it = in_flight > 0 or (missing > 0 and 0 < server_s < EXCHANGE_S)
    return has_grown and is_worth_it and queued_rows < max_rows


def departure_wait_s(
    queued_rows: int, max_rows: int, in_flight: int, capacity: int, since_departure_s: float, latency_s: float
) -> float:
    """Time that the next body waits, 0 if it leaves at once.

    With nothing under way rows leave at once, and so does a full body. Otherwise departures are spread evenly
    over the time of one exchange, half as many as may be under way: a slow server's latency is then hidden
    for any number of callers, since a row waits at most for the next departure and never for a whole
    exchange. The other half is for full bodies, and for exchanges that take longer than the last ones.

    Args:
        queued_rows: Rows that wait.
        max_rows: Most rows of a body.
        in_flight: Bodies under way.
        capacity: Bodies that may be under way.
        since_departure_s: Time since the last departure.
        latency_s: Recent time of an exchange; 0 if none has ended yet.
    """
    if in_flight == 0 or queued_rows >= max_rows:
        return 0.0
    departures = max(min(capacity, 2), capacity / 2)
    gap_s = min(latency_s / departures, LONGEST_GAP_S)
    wait_s = gap_s - since_departure_s
    return wait_s if gap_s >= SHORTEST_GAP_S and wait_s >= SHORTEST_WAIT_S else 0.0
