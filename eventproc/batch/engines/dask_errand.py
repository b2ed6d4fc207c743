"""What a Dask cluster runs for an errand; travels there by value, and so uses the standard library only."""

from __future__ import annotations

import ctypes
import signal
import subprocess
from pathlib import Path
from typing import Any


def run(script: str, attempt: str, log: str) -> int:
    """Runs a job's script to its end; what became of the job is in its folder.

    Returns:
        The script's return code.
    """
    libc = ctypes.CDLL(None)

    def die_with_worker() -> None:
        libc.prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG, Linux

    with Path(log).open("ab") as output:
        return subprocess.run(  # noqa: S603 - the job's own script
            ["/bin/sh", script, attempt],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            preexec_fn=die_with_worker,
        ).returncode


def states(dask_scheduler: Any, keys: list[str]) -> dict[str, str]:
    """The scheduler's states of tasks; it leaves out those that it has forgotten."""
    return {key: dask_scheduler.tasks[key].state for key in keys if key in dask_scheduler.tasks}
