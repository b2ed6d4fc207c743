"""Chooses among servers by load and health; decides only, the caller sends."""

import math
from collections.abc import Collection, Sequence
from random import Random

from inference_client.servers.breaker import Breaker
from inference_client.servers.latency_histogram import LatencyHistogram
from inference_client.statistics import ServerStatistics
from inference_client.transport.transport import Transport

LATENCY_MEMORY_S = 10.0
"""A server's latency is forgotten with this time constant, so that one that was slow is asked again."""
_LATENCY_WEIGHT = 0.3
_SHORTEST_LATENCY_S = 1e-4
_OUTCOME_WEIGHT = 0.1
_SHORTEST_FAIR_TIME_S = 0.05


class Server:
    """What the client knows of one server.

    Attributes:
        transport: The way to it.
        is_preferred: It is asked whenever it may be.
        vetted: Its model was checked since it last came up.
        in_flight: Bodies under way.
        latencies: Durations of answered exchanges.
        bodies, rows, failures: Counts since the start.
    """

    def __init__(self, transport: Transport, max_in_flight: int, *, is_preferred: bool = False) -> None:
        self.transport = transport
        self.is_preferred = is_preferred
        self.vetted = False
        self.breaker = Breaker()
        self.in_flight = 0
        self.latencies = LatencyHistogram()
        self.bodies = self.rows = self.failures = 0
        self._max_in_flight = max_in_flight
        self._limit = float(max_in_flight)
        self._paused_until_s = 0.0
        self._latency_s = 0.0
        self._success_rate = 1.0
        self._seen_at_s = 0.0

    @property
    def address(self) -> str:
        """The server's address."""
        return self.transport.address

    @property
    def limit(self) -> int:
        """Bodies that may be under way now; halved when the server is busy, grown again by answers."""
        return max(1, int(self._limit))

    @property
    def fair_time_s(self) -> float:
        """A try that was given less time than this says nothing against the server when it times out."""
        return max(2 * self._latency_s, _SHORTEST_FAIR_TIME_S)

    def cost(self, now_s: float) -> float:
        """Expected time of one more body: recent latency times what is under way, divided by success."""
        memory = math.exp(-max(0.0, now_s - self._seen_at_s) / LATENCY_MEMORY_S)
        latency_s = max(self._latency_s * memory, _SHORTEST_LATENCY_S)
        return latency_s * (self.in_flight + 1) / max(self._success_rate, 0.01)

    def wait_s(self, now_s: float) -> float:
        """Time until the server may be asked, apart from what is under way; 0 if it may be now."""
        return max(self._paused_until_s - now_s, self.breaker.wait_s(now_s), 0.0)

    def capacity(self, now_s: float) -> int:
        """Bodies that may be under way at this server."""
        if self.wait_s(now_s) > 0:
            return 0
        return self.limit if self.breaker.state(now_s) == "closed" else 1

    def is_free(self, now_s: float) -> bool:
        """Whether another body may go now."""
        return (
            self.breaker.allows(now_s)
            and now_s >= self._paused_until_s
            and self.in_flight < self.capacity(now_s)
        )

    def succeed(self, latency_s: float, n_rows: int, now_s: float) -> None:
        """Counts an answer."""
        self.breaker.succeed()
        self.bodies += 1
        self.rows += n_rows
        self.latencies.add(latency_s)
        self._latency_s += (latency_s - self._latency_s) * (_LATENCY_WEIGHT if self._latency_s else 1.0)
        self._success_rate += (1.0 - self._success_rate) * _OUTCOME_WEIGHT
        self._seen_at_s = now_s
        self._limit = min(self._max_in_flight, self._limit + 1 / self._limit)

    def outrun(self, waited_s: float, now_s: float) -> None:
        """Counts an exchange that another server ended first: it would have taken longer than this."""
        if waited_s > self._latency_s:
            self._latency_s += (waited_s - self._latency_s) * _LATENCY_WEIGHT
        self._seen_at_s = now_s

    def fail(self, is_probe: bool, now_s: float) -> None:
        """Counts a failure that speaks against the server; a server that is down must be vetted again."""
        self.failures += 1
        self._success_rate -= self._success_rate * _OUTCOME_WEIGHT
        self.breaker.fail(is_probe, now_s)
        if self.breaker.state(now_s) != "closed":
            self.vetted = False

    def statistics(self, now_s: float) -> ServerStatistics:
        """Figures since the start."""
        return ServerStatistics(
            address=self.address,
            state=self.breaker.state(now_s),
            bodies=self.bodies,
            rows=self.rows,
            failures=self.failures,
            latency=self.latencies.percentiles(),
        )

    def back_off(self, pause_s: float, now_s: float) -> None:
        """Leaves a busy server alone for a while and sends less at a time."""
        self._paused_until_s = max(self._paused_until_s, now_s + pause_s)
        self._limit = max(1.0, self._limit / 2)


def choose(
    servers: Sequence[Server], now_s: float, avoided: Collection[Server], dice: Random
) -> Server | None:
    """Chooses the preferred server, or else the cheaper of two random ones, that may be asked now.

    Power of two choices: M. Mitzenmacher, IEEE TPDS 12 (2001) 1094.

    Args:
        servers: All servers.
        now_s: Time on the clock that the servers are told.
        avoided: Servers to ask only if there is no other.
        dice: Source of the choice.

    Returns:
        The server; None if none may be asked now.
    """
    free = [server for server in servers if server.is_free(now_s)]
    candidates = [server for server in free if server not in avoided] or free
    candidates = [server for server in candidates if server.is_preferred] or candidates
    if len(candidates) > 2:
        candidates = dice.sample(candidates, 2)
    return min(candidates, key=lambda server: server.cost(now_s), default=None)


def capacity(servers: Sequence[Server], now_s: float) -> int:
    """Bodies that may be under way at all servers together; 1 if none may be asked, so that one waits."""
    return max(1, sum(server.capacity(now_s) for server in servers))
