"""Small tasks for tests: a job that copies files of our own."""

import os
import subprocess
import sys

from eventproc.batch.preparation import Splitting, TaskPlan, plan_task
from eventproc.batch.records import AttemptRecord, Hooks, Limits
from eventproc.batch.task_folder import create_task
from eventproc.model.descriptions import (
    ComponentDescription,
    PathDescription,
    PathStep,
    ProcessDescription,
)

LIMITS = Limits(memory_mb=1000, wall_time_s=60)
NO_HOOKS = Hooks()


def copy_job(*files, **source):
    parameters = {"fileNames": [str(file) for file in files], **source}
    return ProcessDescription(
        name="COPY",
        source=ComponentDescription("Source", "PoolSource", "source", parameters, tuple(parameters)),
        modules=(
            ComponentDescription(
                "OutputModule", "PoolOutputModule", "out", {"fileName": "/far/away/copy.root"}, ("fileName",)
            ),
        ),
        paths=(PathDescription("e", "EndPath", (PathStep("out"),)),),
    )


def make_task(folder, *files, hooks=NO_HOOKS, setup=None, splitting=None, **plan):
    description = copy_job(*files)
    values = {"engine": "local", "limits": LIMITS, "ramp_s": 0.0, "backoff_s": 0.0, **plan}
    plan = TaskPlan("demo", splitting or Splitting(events_per_job=10), **values)
    return create_task(
        folder / "task",
        plan_task(description, plan),
        description,
        hooks=hooks,
        python=sys.executable,
        setup=setup,
    )


def order(job, attempt=1, limits=LIMITS, delay_s=0.0):
    assert job.order_attempt(AttemptRecord(attempt, "2026-01-01T00:00:00+00:00", limits, delay_s))


def start_worker(job, attempt=1, software=None):
    """The job's own run script, as a batch system starts it."""
    env = {**os.environ, "PYTHONWARNINGS": "error"}
    if software:
        env["EVENTPROC_SOFTWARE"] = str(software)
    return subprocess.Popen(
        ["/bin/sh", str(job.script), str(attempt)],
        cwd="/",
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def run_worker(job, attempt=1):
    """Its exit code and what it printed."""
    process = start_worker(job, attempt)
    out, _ = process.communicate(timeout=100)
    return process.returncode, out
