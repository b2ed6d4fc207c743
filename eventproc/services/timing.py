"""Timing: how long events and modules take, under the names of CMSSW's Timing service."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter_ns
from typing import Annotated, Any

from eventproc.model.event import EventView
from eventproc.modules.parameters import ParameterDescription, doc
from eventproc.modules.service import Service
from eventproc.services.distribution import Distribution
from eventproc.services.resource_use import ResourceUse

_log = logging.getLogger("eventproc.Timing")

_NO_USE = ResourceUse(0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class TimingState:
    """What a copy of the service measured in another process."""

    events: Distribution
    modules: Mapping[str, Distribution]
    waits: Mapping[str, Distribution]
    streams: int
    loop_cpu_s: float
    job_cpu_s: float


class Timing(Service):
    """Measures wall time per event and per module; a module that waits elsewhere counts its wait."""

    class Params(ParameterDescription):
        """What to measure."""

        summaryOnly: Annotated[bool, doc("leave out the times of single modules", untracked=True)] = False
        excessiveTimeThreshold: Annotated[
            float, doc("warn of an event that takes longer, in seconds; 0 never warns", untracked=True, ge=0)
        ] = 0.0

    def __init__(self, params: Params) -> None:
        # Only the hooks change these, on the event loop.
        self._events = Distribution()
        self._streams = 0
        self._modules: defaultdict[str, Distribution] = defaultdict(Distribution)
        self._waits: defaultdict[str, Distribution] = defaultdict(Distribution)
        self._event_began: dict[int, int] = {}  # by stream, ns
        self._module_began: defaultdict[int, dict[str, int]] = defaultdict(dict)  # by stream and label, ns
        self._loop = self._init = _NO_USE
        self._built = ResourceUse.now()
        self._begun = self._built
        self._parts_loop_cpu_s = self._parts_job_cpu_s = 0.0  # of other processes of the job
        self._per_module = not params.summaryOnly
        self._excessive_ns = int(params.excessiveTimeThreshold * 1e9)

    def begin_job(self, expected_events: int | None) -> None:  # noqa: ARG002
        """Takes the time at which the loop begins."""
        self._begun = ResourceUse.now()
        self._init = self._begun.since(self._built)

    def begin_stream(self, stream: int) -> None:  # noqa: ARG002 - the base class's signature
        """Counts the streams, whether or not they get an event."""
        self._streams += 1

    def end_job(self) -> None:
        """Takes the time at which the loop ended."""
        self._loop = ResourceUse.now().since(self._begun)

    def pre_event(self, event: EventView) -> None:
        """Starts an event's clock."""
        self._event_began[event.stream] = perf_counter_ns()

    def post_event(self, event: EventView) -> None:
        """Stops an event's clock."""
        time_ns = perf_counter_ns() - self._event_began[event.stream]
        self._events.add(time_ns)
        if 0 < self._excessive_ns < time_ns:
            _log.warning(
                "event %s took %.3f s, more than excessiveTimeThreshold = %.3f s",
                event.id,
                time_ns * 1e-9,
                self._excessive_ns * 1e-9,
            )

    def pre_module(self, event: EventView, label: str) -> None:
        """Starts a module's clock."""
        if self._per_module:
            self._module_began[event.stream][label] = perf_counter_ns()

    def post_acquire(self, event: EventView, label: str) -> None:
        """Takes the time that an ExternalWork module has waited."""
        if self._per_module:
            self._waits[label].add(perf_counter_ns() - self._module_began[event.stream][label])

    def post_module(self, event: EventView, label: str) -> None:
        """Stops a module's clock."""
        if self._per_module:
            self._modules[label].add(perf_counter_ns() - self._module_began[event.stream][label])

    def state(self) -> TimingState:
        """Everything measured."""
        job = ResourceUse.now().since(self._built)
        return TimingState(
            self._events, dict(self._modules), dict(self._waits), self._streams, self._loop.cpu_s, job.cpu_s
        )

    def absorb(self, states: Sequence[TimingState]) -> None:
        """Times of all events and modules become one distribution each; the loop is that of the whole job."""
        for state in states:
            self._events.absorb(state.events)
            self._streams += state.streams
            self._parts_loop_cpu_s += state.loop_cpu_s
            self._parts_job_cpu_s += state.job_cpu_s
            for mine, theirs in ((self._modules, state.modules), (self._waits, state.waits)):
                for label, times in theirs.items():
                    mine[label].absorb(times)

    @property
    def _throughput_hz(self) -> float:
        return self._events.count / self._loop.wall_s if self._loop.wall_s else 0.0

    def report(self) -> Mapping[str, Any]:
        """Seconds under CMSSW's names; ``modules`` holds the same for each module."""
        job = ResourceUse.now().since(self._built)
        modules = {label: self._module_report(label) for label in self._modules}
        return {
            **{f"{name}EventTime": value for name, value in self._events.summary_s().items()},
            "EventThroughput": self._throughput_hz,
            "NumberOfStreams": self._streams,
            "TotalInitTime": self._init.wall_s,
            "TotalInitCPU": self._init.cpu_s,
            "TotalLoopTime": self._loop.wall_s,
            "TotalLoopCPU": self._loop.cpu_s + self._parts_loop_cpu_s,
            "TotalJobTime": job.wall_s,
            "TotalJobCPU": job.cpu_s + self._parts_job_cpu_s,
            "TotalJobChildrenCPU": max(0.0, job.children_cpu_s - self._parts_job_cpu_s),
            **({"modules": modules} if modules else {}),
        }

    def _module_report(self, label: str) -> dict[str, float]:
        times = self._modules[label]
        report = {"Calls": times.count, "TotalTime": times.total_ns * 1e-9}
        report |= {f"{name}Time": value for name, value in times.summary_s().items()}
        if label in self._waits:
            report |= {f"{name}AcquireTime": v for name, v in self._waits[label].summary_s().items()}
        return report

    def summary(self) -> Mapping[str, str]:
        """Rate and times of events."""
        if not self._events.count:
            return {}
        times_ms = {name: value * 1e3 for name, value in self._events.summary_s().items()}
        return {
            "events per second": f"{self._throughput_hz:.4g} over {self._loop.wall_s:.2f} s of event loop",
            "event time": (
                f"p50 {times_ms['P50']:.3g} ms, p95 {times_ms['P95']:.3g} ms, max {times_ms['Max']:.3g} ms"
            ),
        }
