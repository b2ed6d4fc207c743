"""``eventproc logs``, CRAB's ``getlog``: what jobs printed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from eventproc.batch.job_folder import JobFolder
from eventproc.batch.job_status import State
from eventproc.batch.task_folder import TaskFolder
from eventproc.batch.task_status import read_status
from eventproc.cli.task_words import JobIds, Task, open_task, parse_job_ids


def logs(
    task: Task,
    jobids: JobIds = "",
    short: Annotated[bool, typer.Option("--short", help="only say where the files are")] = False,
) -> None:
    """Print what jobs printed, all attempts: of those given, else of all that failed."""
    folder, engine = open_task(task)
    if jobids:
        numbers = parse_job_ids(jobids, len(folder.record.jobs))
    else:
        numbers = read_status(folder, engine).of(State.FAILED, State.TO_RETRY, State.KILLED)
    files = [file for number in numbers for file in _logs(folder, number)]
    if not files:
        typer.echo("no logs: no such job has begun" if numbers else "no job has failed; --jobids names jobs")
    for file in files:
        typer.echo(str(file) if short else f"==> {file} <==")
        if not short:
            typer.echo(file.read_text(errors="backslashreplace"), nl=False)


def _logs(task: TaskFolder, number: int) -> list[Path]:
    job: JobFolder = task.job(number)
    engine_logs = [job.engine_log(attempt) for attempt in job.attempts()]
    candidates = [*engine_logs, *(run.log for run in job.runs())]
    return [path for path in candidates if path.is_file() and path.stat().st_size]
