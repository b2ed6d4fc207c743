"""The server as a process of its own, as a site or a job starts it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

COMMAND = [sys.executable, "-c", "from accelerator_server.cli import main; main()"]

_NO_MORE_THAN_ANYBODY = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []
ORDINARY_USER = [*_NO_MORE_THAN_ANYBODY, *COMMAND]
"""The command as one whom the modes of files and folders keep out, which they do not do to root."""


@contextmanager
def server_process(
    repository: Path, *options: str, command: list[str] = COMMAND
) -> Iterator[tuple[subprocess.Popen, str]]:
    """Yields the process and its address; kills it at the end if the test has not ended it."""
    with loading_process(repository, *options, command=command) as process:
        address = process.stdout.readline().strip()
        assert address, process.stderr.read()
        yield process, address


@contextmanager
def loading_process(
    repository: Path, *options: str, command: list[str] = COMMAND
) -> Iterator[subprocess.Popen]:
    """Yields the process before it is ready."""
    process = subprocess.Popen(
        [*command, "serve", str(repository), *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        if process.stdin.closed:
            process.stdin = None  # communicate would flush it
        process.communicate()


def run_command(*words: str, command: list[str] = COMMAND) -> subprocess.CompletedProcess:
    """Runs `accelerator-server` to its end."""
    return subprocess.run([*command, *words], capture_output=True, text=True, timeout=60, check=False)
