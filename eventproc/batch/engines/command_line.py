"""Calls the command-line tools of batch systems."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from eventproc.batch.errors import EngineFailure

TIMEOUT_S = 120.0


def call(command: Sequence[str], *, folder: Path | None = None, text: str | None = None) -> str:
    """Runs a tool to its end.

    Args:
        command: name and words.
        folder: where it runs.
        text: its standard input.

    Returns:
        What it printed.

    Raises:
        EngineFailure: it is not installed, fails, or does not end.
    """
    program = shutil.which(command[0])
    if program is None:
        message = f"{command[0]!r} is not installed here; use a machine that has the batch system"
        raise EngineFailure(message)
    try:
        done = subprocess.run(  # noqa: S603 - a tool of the batch system
            [program, *command[1:]],
            cwd=folder,
            input=text,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        message = f"{command[0]} did not answer within {TIMEOUT_S:.0f} s"
        raise EngineFailure(message) from None
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip() or "it said nothing").splitlines()
        message = f"{command[0]} failed with code {done.returncode}: {said[-1]}"
        raise EngineFailure(message)
    return done.stdout
