"""ChildProcess: runs one program for a worker, within limits, until it ends or somebody wants it to."""

from __future__ import annotations

import contextlib
import ctypes
import resource
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import psutil

from eventproc.batch.errors import MemoryExceeded, WallTimeExceeded
from eventproc.batch.records import Limits
from eventproc.errors import CaughtSignal, EventProcError

LOOK_S = 0.5
"""How often limits and wishes are looked at."""

GRACE_S = 40.0
"""From the polite signal to SIGKILL; a job drains its events for up to 30 s (runtime/stop_signals.py)."""

_PASSED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR2, signal.SIGXCPU)
_PR_SET_PDEATHSIG = 1
"""Linux, prctl(2)."""

_BYTES_PER_MB = 1_000_000
_LIBC = ctypes.CDLL(None)


@dataclass(slots=True)
class Usage:
    """What children have taken so far.

    Attributes:
        peak_rss_mb: highest resident memory of a child with its children seen.
    """

    peak_rss_mb: float = 0.0

    @property
    def cpu_s(self) -> float:
        """CPU time of all children that ended, and of theirs."""
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime


class Supervisor:
    """Runs children one after the other.

    Args:
        limits: of all of them together.
        is_kill_asked: looked at while a child runs.

    Attributes:
        usage: what they have taken.
        stop: why everything must end; None while it need not.
    """

    def __init__(self, limits: Limits, is_kill_asked: Callable[[], bool]) -> None:
        self.usage = Usage()
        self.stop: EventProcError | None = None
        self._limits = limits
        self._is_kill_asked = is_kill_asked
        self._began_s = time.monotonic()
        self._child: subprocess.Popen[bytes] | None = None
        for number in _PASSED_ON:
            signal.signal(number, self._on_signal)

    def wait(self, duration_s: float) -> None:
        """Lets time pass, unless something ends it."""
        until_s = time.monotonic() + duration_s
        while self.stop is None and (left_s := until_s - time.monotonic()) > 0:
            time.sleep(min(left_s, LOOK_S))
            self._look()

    def run(self, command: Sequence[str], folder: Path, log: Path) -> int:
        """Runs a program to its end; when everything must end, it is asked to first and made to later.

        Returns:
            Its return code, -n for death by signal n.

        Raises:
            OSError: it cannot be started.
        """
        with log.open("ab") as output:
            self._child = subprocess.Popen(  # noqa: S603 - what the task was submitted with
                command,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                preexec_fn=_die_with_parent,
            )
        if self.stop is not None:  # a signal came while it was starting
            self._child.terminate()
        asked_s: float | None = None
        while True:
            try:
                return self._child.wait(LOOK_S)
            except subprocess.TimeoutExpired:
                self._look()
            if self.stop is not None:
                if asked_s is None:
                    asked_s = time.monotonic()
                    self._child.terminate()
                elif time.monotonic() - asked_s > GRACE_S:
                    self._child.kill()

    def _look(self) -> None:
        self._measure()
        if self.stop is not None:
            return
        wall_s = time.monotonic() - self._began_s
        if self._is_kill_asked():
            self.stop = CaughtSignal("killed on request", signal.SIGTERM)
        elif self.usage.peak_rss_mb > self._limits.memory_mb:
            taken, asked = f"{self.usage.peak_rss_mb:.0f} MB", f"{self._limits.memory_mb} MB"
            self.stop = MemoryExceeded(f"the job took {taken} of memory and asked for {asked}")
        elif wall_s > self._limits.wall_time_s:
            self.stop = WallTimeExceeded(
                f"the job ran {wall_s:.0f} s and asked for {self._limits.wall_time_s} s"
            )

    def _measure(self) -> None:
        if self._child is None:
            return
        # A process may end while it is looked at.
        with contextlib.suppress(psutil.Error):
            child = psutil.Process(self._child.pid)
            family = [child, *child.children(recursive=True)]
            rss_mb = sum(_rss_bytes(process) for process in family) / _BYTES_PER_MB
            self.usage.peak_rss_mb = max(self.usage.peak_rss_mb, rss_mb)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        if self.stop is None:
            self.stop = CaughtSignal(f"the batch system sent {signal.Signals(number).name}", number)
        if self._child is not None and self._child.returncode is None:
            self._child.send_signal(number)


def _rss_bytes(process: psutil.Process) -> int:
    with contextlib.suppress(psutil.Error):
        return int(process.memory_info().rss)
    return 0


def _die_with_parent() -> None:
    """A job whose worker was killed must not go on unseen."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
