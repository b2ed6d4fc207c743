"""ModelFigures: what a job did with one model, in this process or in all of its processes together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from inference_client.agreement import Agreement
from inference_client.statistics import ClientStatistics, Percentiles, ServerStatistics

_STATES = ("closed", "half-open", "open")
"""Of a circuit breaker, from good to bad."""


@dataclass(frozen=True, slots=True)
class ModelState:
    """The figures of one module in one process, to be carried to another."""

    fallback_calls: int
    asked: tuple[ClientStatistics, ...]
    fallback_agreement: Agreement | None = None

    def of_fallback(self) -> ModelState:
        """The same, where the only server that the process was told of was the job's fallback."""
        answered = self.asked[0].requests - self.asked[0].failed_requests
        return replace(self, fallback_calls=self.fallback_calls + answered)


@dataclass(frozen=True, slots=True)
class ModelFigures:
    """What was done with one model by all modules and processes that asked for it."""

    states: Sequence[ModelState]

    @property
    def fallback_calls(self) -> int:
        """How often the fallback was asked."""
        return sum(state.fallback_calls for state in self.states)

    @property
    def fallback_agreement(self) -> Agreement | None:
        """How far the answers of all fallbacks are from the servers'; None if that was not measured."""
        measured = [state.fallback_agreement for state in self.states if state.fallback_agreement is not None]
        return sum(measured, start=Agreement()) if measured else None

    def statistics(self) -> list[ClientStatistics]:
        """Figures of the servers and of the fallback, as far as they were asked, each of all together."""
        by_servers: dict[tuple[str, ...], list[ClientStatistics]] = {}
        for asked in (statistics for state in self.states for statistics in state.asked):
            by_servers.setdefault(tuple(server.address for server in asked.servers), []).append(asked)
        return [gathered(group) for group in by_servers.values()]


def gathered(group: Sequence[ClientStatistics]) -> ClientStatistics:
    """Figures of clients that asked the same servers.

    Percentiles are those of the slowest client, which the percentiles of all together do not exceed.
    """
    bodies: Counter[int] = Counter()
    for one in group:
        bodies.update(one.body_rows)
    names = (
        *("requests", "rows", "empty_requests", "failed_requests", "cancelled_requests", "bodies", "retries"),
        *("sent_bytes", "received_bytes", "hedges", "hedges_won"),
    )
    return replace(
        group[0],
        **{name: sum(getattr(one, name) for one in group) for name in names},
        body_rows=dict(bodies),
        latency=_slowest(one.latency for one in group),
        servers=tuple(_server(of_server) for of_server in zip(*(one.servers for one in group), strict=True)),
    )


def _server(group: Sequence[ServerStatistics]) -> ServerStatistics:
    return ServerStatistics(
        group[0].address,
        max((one.state for one in group), key=_STATES.index),
        bodies=sum(one.bodies for one in group),
        rows=sum(one.rows for one in group),
        failures=sum(one.failures for one in group),
        latency=_slowest(one.latency for one in group),
    )


def _slowest(latencies: Iterable[Percentiles]) -> Percentiles:
    known = list(latencies)
    return Percentiles(*(max(getattr(one, name) for one in known) for name in ("p50_s", "p95_s", "p99_s")))
