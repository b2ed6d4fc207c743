"""What a Dask cluster runs for an errand; travels there by value, and so uses the standard library only."""

from __future__ import annotations

import ctypes
import signal
import subprocess
from pathlib import Path
from typing import Any


def run(script: str, attempt: str, log: str, unwanted: str) -> int:
    """Runs a job's script to its end; what became of the job is in its folder.

    Args:
        script: the job's run script.
        attempt: its word.
        log: file for what it prints.
        unwanted: file that appears when the script shall end; Dask itself never interrupts a thread.

    Returns:
        The script's return code.
    """
    libc = ctypes.CDLL(None)

    def die_with_worker() -> None:
        libc.prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG, Linux

    if Path(unwanted).exists():
        return -signal.SIGTERM
    with Path(log).open("ab") as output:
        process = subprocess.Popen(  # noqa: S603 - the job's own script
            ["/bin/sh", script, attempt],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            preexec_fn=die_with_worker,
        )
    while True:
        try:
            return process.wait(0.5)
        except subprocess.TimeoutExpired:
            if Path(unwanted).exists():
                process.terminate()


def states(dask_scheduler: Any, keys: list[str]) -> dict[str, str]:
    """The scheduler's states of tasks; it leaves out those that it has forgotten."""
    return {key: dask_scheduler.tasks[key].state for key in keys if key in dask_scheduler.tasks}
