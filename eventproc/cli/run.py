"""``eventproc run``: runs a job file, as cmsRun does."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from eventproc.config.job_file import read_job_file
from eventproc.errors import EventProcError
from eventproc.model.descriptions import ProcessDescription
from eventproc.services.job_report import JobReport
from eventproc.services.job_report_files import write_job_report
from eventproc.services.summary import print_fatal, print_summary

Summary = Mapping[str, Mapping[str, str]]


def run(
    config: Annotated[
        Path, typer.Argument(help="the job file: Python, or a frozen job (.json)", show_default=False)
    ],
    words: Annotated[
        list[str] | None,
        typer.Argument(help="words for the job file, such as inputFiles=a.root maxEvents=50"),
    ] = None,
    jobreport: Annotated[
        Path, typer.Option("--jobreport", "-j", help="where to write the report, as XML and as JSON")
    ] = Path("FrameworkJobReport.xml"),
    streams: Annotated[
        int | None, typer.Option("--streams", "-s", min=1, help="events in flight, over the job file's")
    ] = None,
    cores: Annotated[
        int | None,
        typer.Option("--numThreads", "-n", min=0, help="processes, over the job file's; 0: one per core"),
    ] = None,
) -> None:
    """Run a job file: read events, run its paths on each, write what it keeps."""
    report = JobReport(command_line=tuple(sys.argv))
    try:
        write_job_report(report, jobreport)
    except EventProcError as error:
        print_fatal(error)
        raise typer.Exit(error.shell_code) from None
    summary: Summary = {}
    try:
        description = _with_options(read_job_file(config, words or []), streams, cores)
        summary = run_description(description, report)
    except EventProcError as error:
        report.add_error(error)
    _end(report, summary, jobreport)
    raise typer.Exit(report.shell_code)


def run_description(description: ProcessDescription, report: JobReport) -> Summary:
    """Runs a frozen job to its end and fills its report.

    Returns:
        What each service has for the screen.

    Raises:
        EventProcError: the job could not be built; once it runs, errors are in the report.
    """
    # numpy and the event loop take longer to load than a wrong job file takes to be told.
    from eventproc.runtime.run_job import run_job  # noqa: PLC0415

    return run_job(description, report)


def _with_options(
    description: ProcessDescription, streams: int | None, cores: int | None
) -> ProcessDescription:
    options = description.options
    if streams is not None:
        options = dataclasses.replace(options, numberOfStreams=streams)
    if cores is not None:
        options = dataclasses.replace(options, numberOfThreads=cores, numberOfProcesses=0)
    return dataclasses.replace(description, options=options)


def _end(report: JobReport, summary: Summary, path: Path) -> None:
    report.finish()
    try:
        xml_path, _ = write_job_report(report, path)
    except EventProcError as error:
        report.add_error(error)
        xml_path = path
    for cause in report.causes:
        print_fatal(cause)
    if summary:  # the job ran; one that could not be built has said why above
        print_summary(report, summary, xml_path)
