"""What services say at the end of a job: in its report, on the screen, and in cmsRun's summary."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from eventproc.modules.service import Service
from eventproc.runtime.attempts import Attempts
from eventproc.runtime.builder import Job
from eventproc.runtime.trigger_report import render_time_report, render_trigger_report
from eventproc.services.job_report import JobReport

_SUMMARY = logging.getLogger("eventproc.FwkSummary")


def service_reports(job: Job, report: JobReport, attempts: Attempts) -> dict[str, Mapping[str, str]]:
    """Fills the services' part of the report.

    Returns:
        Lines that each service has for the screen, name to value.
    """
    lines: dict[str, Mapping[str, str]] = {}
    for service in job.services:
        name = type(service).__name__
        if values := attempts.do(service.report):
            report.services[name] = values
        lines[name] = attempts.do(service.summary) or {}
    if job.description.options.wantSummary:
        _SUMMARY.info("%s\n", render_trigger_report(job.schedule, job.outputs))
        _SUMMARY.info("%s\n", render_time_report(job.schedule, report.services.get("Timing", {})))
    return lines


def absorb_states(services: Sequence[Service], states: Sequence[Sequence[Any]], report: JobReport) -> None:
    """Gives services what their copies in other processes know; those that take nothing report each copy.

    Args:
        services: the job's.
        states: for each process, in the order of events, one for each service.
        report: the job's.
    """
    for service, of_copies in zip(services, zip(*states, strict=True), strict=False):
        if type(service).absorb is not Service.absorb:
            service.absorb(of_copies)
        elif any(of_copies):
            report.services[type(service).__name__] = {"processes": list(of_copies)}
