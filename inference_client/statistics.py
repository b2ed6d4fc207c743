"""What a client has done so far, in figures."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Durations, at most 5 % too long; zero if there were none."""

    p50_s: float
    p95_s: float
    p99_s: float


@dataclass(frozen=True, slots=True)
class ServerStatistics:
    """One server as the client saw it.

    Attributes:
        address: Its address.
        state: `closed`, `open` or `half-open`, as its circuit breaker stands.
        bodies, rows: What it answered.
        failures: Tries that failed by its fault.
        latency: Exchanges that it answered, from the first byte sent.
    """

    address: str
    state: str
    bodies: int
    rows: int
    failures: int
    latency: Percentiles


@dataclass(frozen=True, slots=True)
class ClientStatistics:
    """All that a client did since its start.

    Attributes:
        requests, rows: What callers asked, requests without rows included.
        empty_requests: Requests without rows, answered without a call.
        failed_requests: Requests that ended with an error.
        cancelled_requests: Requests that their caller gave up.
        bodies: Bodies answered.
        retries: Tries after a failed one.
        body_rows: How often a body of so many rows was answered.
        sent_bytes, received_bytes: Sizes of all answered bodies.
        latency: Requests answered, from question to answer.
        servers: Each server.
        hedges, hedges_won: Second tries sent because the first was late, and those that were answered first.
    """

    requests: int
    rows: int
    empty_requests: int
    failed_requests: int
    cancelled_requests: int
    bodies: int
    retries: int
    body_rows: Mapping[int, int]
    sent_bytes: int
    received_bytes: int
    latency: Percentiles
    servers: tuple[ServerStatistics, ...]
    hedges: int = 0
    hedges_won: int = 0
