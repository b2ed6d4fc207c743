"""``eventproc report``: which luminosity blocks a task has processed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from eventproc.batch.job_status import State
from eventproc.batch.lumi_report import write_lumi_report
from eventproc.batch.results_folder import writing_results
from eventproc.batch.task_status import read_status
from eventproc.cli.task_words import Task, open_task


def report(
    task: Task,
    output: Annotated[
        Path | None, typer.Option("--outputdir", help="folder for the files; default: TASK/results")
    ] = None,
) -> None:
    """Write processedLumis.json, notFinishedLumis.json and lumisToProcess.json, and print a summary."""
    folder, engine = open_task(task)
    found = read_status(folder, engine)
    target = output or folder.path / "results"
    with writing_results(target):
        paths = write_lumi_report(folder, found, target)
    done = [job.facts.done for job in found.jobs if job.facts.done is not None]
    typer.echo(f"{len(found.of(State.FINISHED))} of {len(found.jobs)} jobs finished")
    typer.echo(f"{sum(each.events_read for each in done)} events read")
    for label in folder.record.outputs:
        written = sum(o.events for each in done for o in each.outputs if o.label == label)
        typer.echo(f"{written} events written by {label}")
    for name, path in paths.items():
        typer.echo(f"{name}: {path}")
