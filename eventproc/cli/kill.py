"""``eventproc kill``: ends jobs of a task."""

from __future__ import annotations

import typer

from eventproc.batch.submission import kill_jobs
from eventproc.batch.task_status import read_status
from eventproc.cli.task_words import JobIds, Task, open_task, parse_job_ids, short_list


def kill(task: Task, jobids: JobIds = "") -> None:
    """End jobs that run or wait: those given, else all."""
    folder, engine = open_task(task)
    found = read_status(folder, engine)
    wanted = set(parse_job_ids(jobids, len(found.jobs))) if jobids else {job.id for job in found.jobs}
    killed = kill_jobs(folder, engine, [job for job in found.jobs if job.id in wanted])
    typer.echo(f"killed {len(killed)} jobs" + (f": {short_list(killed)}" if killed else ""))
