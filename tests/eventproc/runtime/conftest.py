import asyncio
import dataclasses

import pytest

from eventproc.model.descriptions import (
    ComponentDescription,
    PathDescription,
    PathStep,
    ProcessDescription,
    ProcessOptions,
)
from eventproc.runtime.builder import build
from eventproc.runtime.processor import EventProcessor
from eventproc.services.job_report import JobReport
from tests.eventproc.runtime import modules

HERE = "tests.eventproc.runtime.modules"


def module(kind, name, label, /, **parameters):
    return ComponentDescription(kind, f"{HERE}:{name}", label, parameters)


def path(name, *labels, kind="Path"):
    steps = (PathStep(label.lstrip("~-"), label[0] == "~", label[0] == "-") for label in labels)
    return PathDescription(name, kind, tuple(steps))


def job(*components, paths=(), tasks=(), streams=1, max_events=-1, skip=(), source=None):
    services = tuple(c for c in components if c.kind == "Service")
    return ProcessDescription(
        name="TEST",
        source=source or module("Source", "CountingSource", "source"),
        modules=tuple(c for c in components if c.kind != "Service"),
        services=services,
        paths=tuple(paths),
        unscheduled=tuple(tasks),
        options=ProcessOptions(numberOfStreams=streams, TryToContinue=tuple(skip)),
        max_events=max_events,
    )


def with_source(description, **parameters):
    return dataclasses.replace(description, source=module("Source", "CountingSource", "source", **parameters))


@pytest.fixture
def log():
    modules.LOG.clear()
    modules.BARRIERS.clear()
    return modules.LOG


@pytest.fixture
def run(log):
    """Runs a description to its end and gives its report."""

    def run_job(description):
        report = JobReport()
        processor = EventProcessor(build(description), report)
        asyncio.run(processor.run())
        report.finish()
        return report

    return run_job
