"""run_job: builds a job and runs it, in this process or in several."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Mapping

from eventproc.errors import ConfigurationError
from eventproc.model.descriptions import ProcessDescription
from eventproc.model.transition import BranchType
from eventproc.runtime.builder import Job, build
from eventproc.runtime.division import Portion, divide, process_count, reads_all
from eventproc.runtime.parts_processor import PartsProcessor
from eventproc.runtime.processor import EventProcessor
from eventproc.services.job_report import JobReport

Summary = Mapping[str, Mapping[str, str]]
"""What each service has for the screen."""


def run_job(description: ProcessDescription, report: JobReport) -> Summary:
    """Runs a frozen job to its end and fills its report.

    Raises:
        ConfigurationError: the job could not be built, or cannot be divided among processes.
        EventProcError: it could not be built; once it runs, errors are in the report.
    """
    report.process, report.configuration_id = description.name, description.id
    job = build(description)
    report.configuration_id = job.description.id
    processes = process_count(description.options)
    processor: EventProcessor | PartsProcessor
    if processes > 1:
        portions = asyncio.run(_portions(job, processes))
        processor = PartsProcessor(job, report, portions)
    else:
        processor = EventProcessor(job, report)
    asyncio.run(processor.run())
    return processor.summary


async def _portions(job: Job, processes: int) -> list[Portion]:
    options = job.description.options
    try:
        _refuse_indivisible(job, processes)
        if job.whole is not BranchType.InEvent:
            events, cuts = await _walked(job)
            portions = divide(events, options, processes, cuts)
        else:
            portions = divide(await _events(job), options, processes)
        ends_input = reads_all(job.description, type(job.source).skips_with)
        return [*portions[:-1], dataclasses.replace(portions[-1], ends_input=ends_input)]
    finally:
        job.source.close()


def _refuse_indivisible(job: Job, processes: int) -> None:
    source, limit = job.source, job.description.max_events
    if not type(source).skips_with:
        message = (
            f"{type(source).__name__} cannot begin in the middle, so that {processes} processes cannot share "
            "its events: set process.options.numberOfProcesses = 1"
        )
        raise ConfigurationError(message)
    if source.is_endless and limit < 0:
        message = (
            f"{type(source).__name__} has no end, so that there is nothing to divide among {processes} "
            "processes: set process.maxEvents"
        )
        raise ConfigurationError(message)


async def _events(job: Job) -> int:
    """How many events the job will read; they are counted where the source does not know."""
    limit = job.description.max_events
    expected = limit if job.source.is_endless else job.source.expected_events()
    if expected is None:
        return (await _walked(job))[0]
    return expected if limit < 0 else min(expected, limit)


async def _walked(job: Job) -> tuple[int, list[int]]:
    """How many events there are, and with which of them a run or luminosity block begins."""
    source, limit = job.source, job.description.max_events
    numbers = 1 if job.whole is BranchType.InRun else 2
    source.bind(())  # no products are read
    events, cuts, before = 0, [], None
    while events != limit and (event := await source.next_event()) is not None:
        if event.id[:numbers] != before:
            before = event.id[:numbers]
            cuts.append(events)
        events += 1
    return events, cuts
