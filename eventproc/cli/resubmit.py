"""``eventproc resubmit``: tries jobs again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from eventproc.batch.job_status import ACTIVE, JobStatus, State
from eventproc.batch.submission import submit_jobs
from eventproc.batch.task_status import TaskStatus, read_status
from eventproc.cli.following import follow_on_screen
from eventproc.cli.task_words import JobIds, Task, open_task, parse_job_ids, parse_options, short_list
from eventproc.errors import CommandLineError


def resubmit(
    task: Task,
    jobids: JobIds = "",
    memory: Annotated[
        int | None, typer.Option("--maxmemory", min=1, help="memory for these attempts, MB")
    ] = None,
    wall_time: Annotated[
        int | None, typer.Option("--maxjobruntime", min=1, help="wall time for these attempts, minutes")
    ] = None,
    cores: Annotated[int | None, typer.Option("--numcores", min=1, help="cores for these attempts")] = None,
    engine_option: Annotated[
        list[str] | None, typer.Option(help="name=value for the engine, for these attempts; name= takes back")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="also jobs that run or are finished; needs --jobids")
    ] = False,
    follow: Annotated[
        bool, typer.Option("--follow", help="stay, and go on trying what the retry table allows")
    ] = False,
) -> None:
    """Submit jobs again: those given, else all that failed, were killed, or were never submitted.

    What is not given stays as it was at a job's last attempt.
    """
    folder, engine = open_task(task)
    found = read_status(folder, engine)
    jobs = _chosen(found, jobids, force=force)
    given = {"memory_mb": memory, "wall_time_s": wall_time and wall_time * 60, "cores": cores}
    changed = {name: value for name, value in given.items() if value is not None}
    submitted = submit_jobs(folder, engine, jobs, changed, parse_options(engine_option or []))
    typer.echo(f"submitted {len(submitted)} jobs again" + (f": {short_list(submitted)}" if submitted else ""))
    if follow:
        follow_on_screen(folder, engine)


def _chosen(status: TaskStatus, jobids: str, *, force: bool) -> Sequence[JobStatus]:
    if not jobids:
        if force:
            message = "--force makes finished jobs again and must be told which: add --jobids"
            raise CommandLineError(message)
        return [job for job in status.jobs if job.state not in ACTIVE and job.state is not State.FINISHED]
    wanted = set(parse_job_ids(jobids, len(status.jobs)))
    chosen = [job for job in status.jobs if job.id in wanted]
    busy = [job.id for job in chosen if job.state in ACTIVE or job.state is State.FINISHED]
    if busy and not force:
        message = f"jobs {short_list(busy)} run or are finished; --force submits them nevertheless"
        raise CommandLineError(message)
    return chosen
