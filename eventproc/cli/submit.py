"""``eventproc submit``: splits a dataset into jobs and hands them to a batch system."""

from __future__ import annotations

import shlex
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from eventproc.batch.engines.table import make_engine
from eventproc.batch.records import Hooks, Limits
from eventproc.cli.following import follow_on_screen
from eventproc.cli.task_words import parse_options
from eventproc.errors import ConfigurationError


def submit(
    config: Annotated[Path, typer.Argument(help="the job file, Python or frozen", show_default=False)],
    words: Annotated[list[str] | None, typer.Argument(help="words for the job file")] = None,
    task: Annotated[Path | None, typer.Option("--task", help="folder of the task to be")] = None,
    dataset: Annotated[
        list[str] | None,
        typer.Option(help="files, globs, URLs, lists (.txt), file sets (.json); default: the job file's"),
    ] = None,
    dataset_name: Annotated[str, typer.Option(help="the dataset to take from a file set")] = "",
    lumi_mask: Annotated[Path | None, typer.Option(help="golden JSON: what to process")] = None,
    files_per_job: Annotated[int | None, typer.Option(help="split by files")] = None,
    events_per_job: Annotated[int | None, typer.Option(help="split by events")] = None,
    whole_lumis: Annotated[
        bool, typer.Option("--whole-lumis", help="with --events-per-job: whole lumis only")
    ] = False,
    lumis_per_job: Annotated[int | None, typer.Option(help="split by luminosity blocks")] = None,
    identical: Annotated[int | None, typer.Option(help="so many jobs over everything: a load test")] = None,
    servers: Annotated[str, typer.Option(help="URL,...; becomes the word servers= for the job file")] = "",
    engine: Annotated[str, typer.Option(help="local, slurm, htcondor or dask")] = "local",
    engine_option: Annotated[list[str] | None, typer.Option(help="name=value for the engine")] = None,
    memory: Annotated[int, typer.Option("--maxmemory", min=1, help="memory of a job, MB")] = 2000,
    wall_time: Annotated[int, typer.Option("--maxjobruntime", min=1, help="wall time, minutes")] = 480,
    cores: Annotated[int, typer.Option("--numcores", min=1, help="cores of a job")] = 1,
    attempts: Annotated[int, typer.Option(min=1, help="how often a job is tried by itself")] = 3,
    ramp: Annotated[
        float | None, typer.Option(min=0, help="first attempts begin within so many seconds")
    ] = None,
    backoff: Annotated[float, typer.Option(min=0, help="mean wait before the second attempt, s")] = 10.0,
    python: Annotated[str, typer.Option(help="interpreter on the workers")] = sys.executable,
    setup: Annotated[Path | None, typer.Option(help="shell file that workers read first")] = None,
    stage_in: Annotated[str, typer.Option(help="command SOURCE TARGET that fetches an input")] = "",
    stage_out: Annotated[str, typer.Option(help="command SOURCE TARGET that brings an output away")] = "",
    output_to: Annotated[str, typer.Option(help="folder or URL that outputs are staged out to")] = "",
    dry_run: Annotated[bool, typer.Option("--dryrun", help="prepare the task and submit nothing")] = False,
    follow: Annotated[
        bool, typer.Option("--follow", help="stay, and try again what the retry table allows")
    ] = False,
) -> None:
    """Split a dataset into jobs and submit them; every event is in exactly one job."""
    # uproot is slow to load, and help does not need it.
    from eventproc.batch.preparation import Splitting, TaskPlan, plan_task  # noqa: PLC0415
    from eventproc.batch.submission import RETRIED, submit_jobs  # noqa: PLC0415
    from eventproc.batch.task_folder import create_task  # noqa: PLC0415
    from eventproc.batch.task_status import read_status  # noqa: PLC0415
    from eventproc.config.job_file import read_job_file  # noqa: PLC0415
    from eventproc.io.reading.golden_json import read_golden_json  # noqa: PLC0415

    if stage_out and not output_to:
        message = "--stage-out needs to know where to: give --output-to"
        raise ConfigurationError(message)
    if setup is not None and not setup.is_file():
        message = f"--setup {str(setup)!r} is no file"
        raise ConfigurationError(message)
    description = read_job_file(config, [*(words or []), *([f"servers={servers}"] if servers else [])])
    path = (task or Path(f"eventproc_{config.stem}_{datetime.now(UTC):%y%m%d_%H%M%S}")).resolve()
    plan = TaskPlan(
        name=path.name,
        splitting=Splitting(files_per_job, events_per_job, lumis_per_job, identical, whole_lumis),
        engine=engine,
        dataset=dataset or (),
        dataset_name=dataset_name,
        mask=read_golden_json(lumi_mask) if lumi_mask else None,
        engine_options=parse_options(engine_option or []),
        limits=Limits(memory, wall_time * 60, cores),
        attempts=attempts,
        ramp_s=ramp,
        backoff_s=backoff,
    )
    carrier = make_engine(engine, plan.name, path / "engine", plan.engine_options)
    carrier.check_folder()
    record = plan_task(description, plan)
    # Workers and collection stand in other folders. An interpreter's links are not followed: a virtual
    # environment is one by the place of its link.
    if output_to and "://" not in output_to:
        output_to = str(Path(output_to).resolve())
    if "/" in python:
        python = str(Path(python).absolute())
    hooks = Hooks(stage_in, stage_out, output_to)
    folder = create_task(path, record, description, hooks=hooks, python=python, setup=setup)
    events = [job.events for job in record.jobs]
    known = f"{sum(e or 0 for e in events)} events" if None not in events else "unknown number of events"
    typer.echo(f"task {folder.path}: {len(events)} jobs, {known}")
    if dry_run:
        typer.echo(f"nothing submitted; eventproc resubmit {shlex.quote(str(path))} does that")
        return
    waiting = [job for job in read_status(folder, carrier).jobs if job.state in RETRIED]
    typer.echo(f"submitted {len(submit_jobs(folder, carrier, waiting))} jobs to {engine}")
    typer.echo(f"eventproc status {shlex.quote(str(path))} tells how they stand")
    if follow:
        follow_on_screen(folder, carrier)
