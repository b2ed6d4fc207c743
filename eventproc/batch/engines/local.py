"""LocalEngine: so many processes on this machine at a time; they go on when submission has ended."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from eventproc.batch.engines.base import Engine, EngineState, Errand
from eventproc.batch.errors import EngineFailure
from eventproc.errors import ConfigurationError

_STARTTIME = 19
"""Of the fields of /proc/PID/stat that follow the name (proc(5): the 22nd of all)."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an attempt is: host, folder of its pool, and its number in there."""

    host: str
    pool: str
    number: str

    @classmethod
    def parse(cls, engine_id: str) -> _Place:
        return cls(*engine_id.split(":"))


class LocalEngine(Engine):
    """Runs attempts on this machine, through a pool process that outlives the command that started it.

    A pool's folder holds ``pool.json`` (its process), and of its n-th errand ``n.process.json``, ``n.ended``
    and ``n.cancelled``.
    """

    name = "local"
    options = {"processes": "jobs that run at a time; default: one per core"}

    def __init__(self, task: str, folder: Path, options: Mapping[str, str]) -> None:
        """Takes what the user says; see `Engine`.

        Raises:
            ConfigurationError: an option is not known, or ``processes`` is no number above 0.
        """
        super().__init__(task, folder, options)
        given = options.get("processes", str(os.cpu_count() or 1))
        if not given.isdecimal() or int(given) < 1:
            message = f"engine 'local': processes={given!r} must be a number, one or more"
            raise ConfigurationError(message)
        self._processes = given

    def submit(self, errands: Sequence[Errand]) -> Iterator[tuple[Errand, str]]:
        """Starts a pool for these errands."""
        pool = f"pool-{secrets.token_hex(4)}"
        folder = self._folder / pool
        folder.mkdir(parents=True)
        lines = [[str(errand.script), str(errand.attempt), str(errand.log)] for errand in errands]
        (folder / "errands.json").write_text(json.dumps(lines))
        command = [sys.executable, "-m", "eventproc.batch.engines.local_pool", str(folder)]
        with (folder / "pool.txt").open("wb") as log:
            process = subprocess.Popen(  # noqa: S603 - this framework itself
                [*command, self._processes],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        # It may outlive this process; one that lives longer, such as a notebook, keeps no dead one.
        threading.Thread(target=process.wait, name=f"end of {pool}", daemon=True).start()
        write_identity(folder / "pool.json", process.pid)
        host = socket.gethostname()
        for number, errand in enumerate(errands):
            yield errand, f"{host}:{pool}:{number}"

    def poll(self, engine_ids: Sequence[str]) -> Mapping[str, EngineState]:
        """Asks the files of the pools, and whether their processes live."""
        states = {engine_id: self._state(_Place.parse(engine_id)) for engine_id in engine_ids}
        return {engine_id: state for engine_id, state in states.items() if state is not None}

    def kill(self, engine_ids: Sequence[str]) -> None:
        """Cancels what has not begun and sends SIGTERM to what runs, also where the disk is full.

        Raises:
            OSError: what has not begun cannot be cancelled.
        """
        failure: OSError | None = None
        for place in map(_Place.parse, engine_ids):
            folder = self._pool_folder(place)
            if not folder.is_dir():
                continue
            try:
                (folder / f"{place.number}.cancelled").touch()
            except OSError as error:
                failure = error
            process = living(folder / f"{place.number}.process.json")
            if process is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGTERM)
        if failure is not None:
            raise failure

    def _pool_folder(self, place: _Place) -> Path:
        if place.host != socket.gethostname():
            message = f"the jobs run on {place.host!r} and only commands on that machine can see them"
            raise EngineFailure(message)
        return self._folder / place.pool

    def _state(self, place: _Place) -> EngineState | None:
        folder = self._pool_folder(place)
        if (folder / f"{place.number}.ended").exists():
            return None
        if living(folder / f"{place.number}.process.json") is not None:
            return EngineState.RUNNING
        cancelled = (folder / f"{place.number}.cancelled").exists()
        began = (folder / f"{place.number}.process.json").exists()
        if cancelled or began or living(folder / "pool.json") is None:
            return None
        return EngineState.IDLE


def write_identity(path: Path, pid: int) -> None:
    """Takes down a process so that another one that gets its number later is not taken for it."""
    try:
        identity = [pid, *_beginning(pid)]
    except (FileNotFoundError, ProcessLookupError):
        return
    temporary = path.with_suffix(".new")
    temporary.write_text(json.dumps(identity))
    temporary.rename(path)


def living(path: Path) -> psutil.Process | None:
    """The process that a file tells of, if it lives."""
    try:
        pid, *beginning = json.loads(path.read_bytes())
        process = psutil.Process(pid)
        same = _beginning(pid) == beginning
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except (OSError, ValueError, TypeError, psutil.Error):
        return None


def _beginning(pid: int) -> list[str]:
    """When a process began: the boot of this machine, and clock ticks since.

    psutil's create_time is by the wall clock, which is set back and forth.
    """
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return [boot, after_name[_STARTTIME]]
