"""EngineConformance: what every engine must do; the test of an engine inherits it."""

from __future__ import annotations

import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from eventproc.batch.engines.base import Engine, EngineState, Errand
from eventproc.batch.records import Limits
from eventproc.errors import ConfigurationError

LIMITS = Limits(memory_mb=100, wall_time_s=600, cores=1)


class EngineConformance(ABC):
    """Tests of the Engine interface. A subclass named ``Test...`` makes the engine, for two jobs at a time.

    Attributes:
        patience_s: how long the batch system may take for anything.
    """

    # ruff: noqa: S101 - these are tests, shipped so that engines of other packages can inherit them

    patience_s = 60.0

    @abstractmethod
    def make_engine(self, folder: Path, options: Mapping[str, str]) -> Engine:
        """The engine under test; called again it sees what its earlier self submitted.

        Args:
            folder: for files of its own.
            options: to be added to those that it needs here.
        """

    def test_every_errand_runs_once_with_its_attempt_and_its_log(self, tmp_path: Path) -> None:
        """Also when errands of one call ask for different limits."""
        engine = self._engine(tmp_path)
        other = Limits(memory_mb=120, wall_time_s=700, cores=1)
        errands = [
            _errand(tmp_path, n, 'echo "attempt $1" >> ran.txt; echo printed', limits)
            for n, limits in enumerate([LIMITS, other, LIMITS], 1)
        ]
        taken = list(engine.submit(errands))
        assert sorted(errand.job for errand, _ in taken) == [1, 2, 3]
        ids = [engine_id for _, engine_id in taken]
        assert len(set(ids)) == len(ids)
        self._wait_until(lambda: not engine.poll(ids))
        for errand in errands:
            ran = errand.script.with_name("ran.txt")
            self._wait_until(ran.exists)  # network file systems may show it late
            assert ran.read_text() == f"attempt {errand.attempt}\n"
            self._wait_until(errand.log.exists)
            assert "printed" in errand.log.read_text()

    def test_an_attempt_that_fails_is_over_like_any_other(self, tmp_path: Path) -> None:
        """What its code means is not the engine's business."""
        engine = self._engine(tmp_path)
        ((_, engine_id),) = engine.submit([_errand(tmp_path, 1, "exit 84")])
        self._wait_until(lambda: not engine.poll([engine_id]))

    def test_an_attempt_that_cannot_be_begun_keeps_no_other_from_it(self, tmp_path: Path) -> None:
        """The folder of its log is gone; more than run at a time come after it."""
        engine = self._engine(tmp_path)
        errands = [_errand(tmp_path, n, "touch ran.txt") for n in (1, 2, 3, 4, 5)]
        errands[0] = replace(errands[0], log=tmp_path / "gone" / "log.txt")
        ids = [engine_id for _, engine_id in engine.submit(errands)]
        self._wait_until(lambda: not engine.poll(ids))
        ran = [errand.script.with_name("ran.txt") for errand in errands]
        self._wait_until(lambda: all(path.exists() for path in ran[1:]))
        assert not ran[0].exists()

    def test_what_runs_is_known_until_it_ends_also_to_another_process(self, tmp_path: Path) -> None:
        """Submission ends, and a later command asks."""
        errand = _errand(tmp_path, 1, "cat gate > passed")
        gate = errand.script.with_name("gate")
        os.mkfifo(gate)
        gate.chmod(0o666)
        ((_, engine_id),) = self._engine(tmp_path).submit([errand])
        later = self._engine(tmp_path)
        self._wait_until(lambda: later.poll([engine_id]) == {engine_id: EngineState.RUNNING})
        _open_gate(gate, "go", self.patience_s)
        self._wait_until(lambda: not later.poll([engine_id]))
        assert errand.script.with_name("passed").read_text() == "go"

    def test_killed_attempts_end_running_or_not(self, tmp_path: Path) -> None:
        """One more errand than fits runs is waiting when it is killed."""
        engine = self._engine(tmp_path)
        errands = [_errand(tmp_path, n, "touch began; exec sleep 600") for n in (1, 2, 3, 4)]
        taken = list(engine.submit(errands))
        ids = [engine_id for _, engine_id in taken]
        begins = [errand.script.with_name("began") for errand in errands]
        self._wait_until(lambda: any(path.exists() for path in begins))
        engine.kill(ids)
        self._wait_until(lambda: not engine.poll(ids))
        assert not all(path.exists() for path in begins)
        engine.kill(ids)  # what is over is left alone

    def test_what_it_never_knew_is_over(self, tmp_path: Path) -> None:
        """So is what it has forgotten: the files know better."""
        engine = self._engine(tmp_path)
        ((_, engine_id),) = engine.submit([_errand(tmp_path, 1, "exit 0")])
        self._wait_until(lambda: not engine.poll([engine_id]))
        assert engine.poll([]) == {}

    def test_an_unknown_option_is_refused_with_the_near_one(self, tmp_path: Path) -> None:
        """Every engine says what it can be told."""
        engine = self._engine(tmp_path)
        known = sorted(engine.options)[0]
        with pytest.raises(ConfigurationError, match=f"did you mean '{known}'"):
            self.make_engine(tmp_path / "engine", {f"{known}x": "1"})

    def _engine(self, folder: Path) -> Engine:
        (folder / "engine").mkdir(exist_ok=True)
        return self.make_engine(folder / "engine", {})

    def _wait_until(self, condition: Callable[[], bool]) -> None:
        # Batch systems tell nobody when something happens: asking again and again is the interface.
        until_s = time.monotonic() + self.patience_s
        while not condition():
            assert time.monotonic() < until_s, "the batch system took too long"
            time.sleep(0.05)


def _errand(folder: Path, number: int, command: str, limits: Limits = LIMITS) -> Errand:
    job = folder / f"job{number}"
    job.mkdir()
    script = job / "run.sh"
    script.write_text(f'cd "$(dirname "$0")"\n{command}\n')
    return Errand(number, number + 10, script, job / "log.txt", limits)


def _open_gate(gate: Path, word: str, patience_s: float) -> None:
    """Writes into a FIFO as soon as somebody reads from it."""
    until_s = time.monotonic() + patience_s
    while time.monotonic() < until_s:
        with suppress(OSError):  # ENXIO: nobody reads yet
            descriptor = os.open(gate, os.O_WRONLY | os.O_NONBLOCK)
            os.write(descriptor, word.encode())
            os.close(descriptor)
            return
        time.sleep(0.05)
