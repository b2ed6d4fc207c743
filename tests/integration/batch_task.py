"""Tasks for tests: submitted through the command line, disturbed while they run, compared event by event."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import awkward as ak
import psutil
import uproot

from eventproc.batch.job_status import read_facts, read_last_attempt
from eventproc.batch.records import StartRecord
from eventproc.batch.task_folder import TaskFolder
from tests.integration.conftest import COMMAND, environment

COPY_CFG = """
import eventproc.config as cms
from eventproc.config.varparsing import VarParsing
options = VarParsing("analysis")
options.parseArguments()
process = cms.Process("COPY")
process.source = cms.Source("PoolSource", fileNames=cms.untracked.vstring(options.inputFiles))
process.maxEvents.input = options.maxEvents
process.out = cms.OutputModule("PoolOutputModule", fileName=cms.untracked.string(options.outputFile))
process.e = cms.EndPath(process.out)
"""


def start(folder: Path, *words: object, **env: str) -> subprocess.Popen:
    """A command that goes on while the test disturbs it."""
    return subprocess.Popen(
        [*COMMAND, *map(str, words)],
        cwd=folder,
        env=environment(**env),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def wait_until(condition: Callable[[], object], patience_s: float = 90.0) -> None:
    until_s = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < until_s, "it took too long"
        time.sleep(0.05)


def runs_alive(task: TaskFolder) -> dict[int, StartRecord]:
    """Jobs that run here now, with what their worker said at its start."""
    alive = {}
    for job in task.jobs():
        if job.done() is None:
            facts = read_facts(job, read_last_attempt(job))
            for run in facts.runs:
                if run.start and not run.end and psutil.pid_exists(run.start.pid):
                    alive[job.id] = run.start
    return alive


def kill_tree(pid: int) -> bool:
    """Kills a worker and all that it started, as a lost node does; False when it had ended."""
    try:
        worker = psutil.Process(pid)
        family = [worker, *worker.children(recursive=True)]
    except psutil.NoSuchProcess:
        return False
    for process in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            os.kill(process.pid, signal.SIGKILL)
    return True


def finished(task: TaskFolder) -> int:
    return sum(job.done() is not None for job in task.jobs())


def same_events(one: Path, other: Path) -> None:
    """Every value of every event is the same; when and by whom it was inferred may differ."""
    with uproot.open(one) as a, uproot.open(other) as b:
        first, second = (
            file["Events"].arrays([n.name for n in file["Events"].branches if "_inference_" not in n.name])
            for file in (a, b)
        )
    assert first.fields == second.fields
    assert len(first) == len(second)
    for name in first.fields:
        assert ak.array_equal(first[name], second[name], equal_nan=True), name
