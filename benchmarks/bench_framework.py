"""What the framework itself costs: an event, a module, a product, and memory that grows with events.

Every job reads EmptySource and runs modules that do next to nothing, with the services every job has.
Times are CPU time of the event loop, the best of several jobs; memory is that of a job of many events, at
the middle and at the end.
"""

import argparse
import asyncio
from dataclasses import dataclass
from typing import Any

import numpy as np

from eventproc.model.descriptions import (
    ComponentDescription,
    PathDescription,
    PathStep,
    ProcessDescription,
    ProcessOptions,
)
from eventproc.model.product import Product, column
from eventproc.modules import EDAnalyzer, EDProducer, ExternalWork, Service
from eventproc.runtime.builder import build
from eventproc.runtime.processor import EventProcessor
from eventproc.services.job_report import JobReport
from eventproc.services.resource_use import MemoryUse
from figures import Figure, print_figures

MODULES = 20


@dataclass(frozen=True, slots=True)
class Number(Product):
    """A product of one row."""

    value: Any = column(np.int64)


ONE = Number(np.ones(1, np.int64))


class Look(EDAnalyzer):
    """Does nothing."""

    def __init__(self, params: Any, declare: Any) -> None:
        """Nothing to declare."""

    def analyze(self, event: Any) -> None:
        """Does nothing."""


class Make(EDProducer):
    """Puts a product that is there already."""

    def __init__(self, params: Any, declare: Any) -> None:  # noqa: ARG002 - every module gets them
        self.output = declare.produces(Number)

    def produce(self, event: Any) -> None:
        """Puts it; the framework checks its columns."""
        event.put(self.output, ONE)


class Await(ExternalWork[None]):
    """Lets the other streams go first, once."""

    def __init__(self, params: Any, declare: Any) -> None:
        """Nothing to declare."""

    async def acquire(self, event: Any) -> None:  # noqa: ARG002 - every module gets it
        """Comes back at the end of the queue."""
        await asyncio.sleep(0)

    def produce(self, event: Any, work: None) -> None:
        """Does nothing."""


class MemoryAtTheMiddle(Service):
    """Reads the memory once, after half of the events."""

    middle = 0
    rss_mb = 0.0

    def __init__(self, params: Any) -> None:  # noqa: ARG002 - every service gets them
        type(self).rss_mb = 0.0

    def post_event(self, event: Any) -> None:
        """Reads it."""
        if event.index == self.middle:
            type(self).rss_mb = MemoryUse.now().rss_mb


def run_job(
    kind: str, name: str, modules: int, events: int, *, streams: int = 1, watch: bool = False
) -> float:
    """Runs a job; gives the CPU time of its event loop per event, us."""
    components = tuple(ComponentDescription(kind, f"{__name__}:{name}", f"m{i}") for i in range(modules))
    services = [ComponentDescription("Service", "MessageLogger", "MessageLogger", {"reportEvery": 0})]
    if watch:
        services.append(ComponentDescription("Service", f"{__name__}:MemoryAtTheMiddle", "memory"))
    description = ProcessDescription(
        "BENCH",
        ComponentDescription("Source", "EmptySource", "source"),
        components,
        (PathDescription("p", "Path", tuple(PathStep(c.label) for c in components)),),
        services=tuple(services),
        options=ProcessOptions(numberOfStreams=streams),
        max_events=events,
    )
    report = JobReport()
    asyncio.run(EventProcessor(build(description), report).run())
    if report.errors or report.events_read != events:
        raise SystemExit(f"the job failed: {report.errors}")
    cpu_s: float = report.services["Timing"]["TotalLoopCPU"]
    return cpu_s / events * 1e6


def memory_growth_percent(events: int) -> float:
    """Growth of a job's memory from its middle to its end."""
    MemoryAtTheMiddle.middle = events // 2
    run_job("EDProducer", "Make", 3, events, streams=4, watch=True)
    return 100 * (MemoryUse.now().rss_mb / MemoryAtTheMiddle.rss_mb - 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the events")
    scale = 1 if parser.parse_args().quick else 10
    times, events = 5, 3000 * scale

    def best(kind: str, name: str, modules: int, n: int, *, streams: int = 1) -> float:
        return min(run_job(kind, name, modules, n, streams=streams) for _ in range(times))

    event_us = best("EDAnalyzer", "Look", 0, events)
    many = events // MODULES
    per_module = {
        kind: (best(kind_of, kind, MODULES, many, streams=streams) - event_us) / MODULES
        for kind, kind_of, streams in (
            ("Look", "EDAnalyzer", 1),
            ("Make", "EDProducer", 1),
            ("Await", "EDProducer", 4),
        )
    }
    memory_events = 100_000 * scale
    growth = memory_growth_percent(memory_events)
    print(f"{memory_events} events of 3 products: {MemoryAtTheMiddle.rss_mb:.1f} MB at the middle")
    print_figures(
        Figure("framework_us_per_event", event_us, 10, at_most=True),
        Figure("framework_us_per_module", per_module["Look"], 2, at_most=True),
        Figure("framework_us_per_producer", per_module["Make"], 4, at_most=True),
        Figure("framework_us_per_external_work", per_module["Await"], 20, at_most=True),
        Figure("memory_growth_percent", growth, 2, at_most=True),
    )


if __name__ == "__main__":
    main()
