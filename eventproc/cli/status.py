"""``eventproc status``: how a task stands."""

from __future__ import annotations

import json
import time
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live

from eventproc.batch.job_status import ACTIVE
from eventproc.batch.submission import POLL_S
from eventproc.batch.task_status import read_status
from eventproc.cli.status_table import render_status, status_values
from eventproc.cli.task_words import AsJson, Task, open_task


def status(
    task: Task,
    long: Annotated[bool, typer.Option("--long", help="a line for each job")] = False,
    errors: Annotated[
        bool, typer.Option("--verboseErrors", help="the message of each job that failed")
    ] = False,
    as_json: AsJson = False,
    watch: Annotated[bool, typer.Option("--watch", help="stay until no job runs or waits any more")] = False,
) -> None:
    """Show how a task stands: states, errors by exit code, run time, memory, rates, latency."""
    folder, engine = open_task(task)
    found = read_status(folder, engine)
    if as_json:
        typer.echo(json.dumps(status_values(folder, found), indent=1))
        return
    console = Console()
    if not watch:
        console.print(render_status(folder, found, long=long, errors=errors))
        return
    with Live(console=console, auto_refresh=False) as live:
        while True:
            live.update(render_status(folder, found, long=long, errors=errors), refresh=True)
            if not any(job.state in ACTIVE for job in found.jobs):
                return
            time.sleep(POLL_S)
            found = read_status(folder, engine)
