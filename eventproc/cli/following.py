"""Follows a task on the screen until nothing is left to do."""

from __future__ import annotations

import typer
from rich.console import Console

from eventproc.batch.engines.base import Engine
from eventproc.batch.job_status import State
from eventproc.batch.submission import follow
from eventproc.batch.task_folder import TaskFolder
from eventproc.batch.task_status import TaskStatus
from eventproc.cli.status_table import render_status


def follow_on_screen(task: TaskFolder, engine: Engine) -> None:
    """Submits again what may be tried again, prints a line at each change, and the status at the end.

    Raises:
        Exit: not all jobs finished; with code 1.
    """
    last: dict[State, int] = {}

    def show(status: TaskStatus) -> None:
        nonlocal last
        counts = status.counts()
        if counts != last:
            typer.echo(", ".join(f"{state.value}: {number}" for state, number in counts.items()))
            last = counts

    ended = follow(task, engine, show)
    Console().print(render_status(task, ended, long=False, errors=False))
    if len(ended.of(State.FINISHED)) < len(ended.jobs):
        raise typer.Exit(1)
