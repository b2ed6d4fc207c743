import errno
import json
import os
import signal
import time
from pathlib import Path

import psutil
import pytest

from eventproc.batch.engines import local_pool
from eventproc.batch.engines.base import EngineState, Errand
from eventproc.batch.engines.conformance import LIMITS, EngineConformance
from eventproc.batch.engines.local import LocalEngine, living, write_identity
from eventproc.batch.errors import EngineFailure
from eventproc.errors import ConfigurationError


class TestLocalEngine(EngineConformance):
    def make_engine(self, folder, options):
        return LocalEngine("demo", folder, {"processes": "2", **options})

    def test_jobs_of_another_host_cannot_be_seen_which_is_no_news_of_them(self, tmp_path):
        with pytest.raises(EngineFailure, match="run on 'elsewhere'"):
            self.make_engine(tmp_path, {}).poll(["elsewhere:pool-1:0"])

    @pytest.mark.parametrize("processes", ["0", "-1", "²", "many"])
    def test_a_number_of_processes_that_is_none_is_refused(self, tmp_path, processes):
        with pytest.raises(ConfigurationError, match="one or more"):
            self.make_engine(tmp_path, {"processes": processes})

    def test_when_the_pool_dies_what_waits_is_over_and_what_runs_is_not(self, tmp_path):
        engine = LocalEngine("demo", tmp_path, {"processes": "1"})
        script = tmp_path / "run.sh"
        script.write_text("exec sleep 600\n")
        errands = [Errand(n, 1, script, tmp_path / f"{n}.txt", LIMITS) for n in (1, 2)]
        (_, first), (_, second) = engine.submit(errands)
        self._wait_until(lambda: engine.poll([first]) == {first: EngineState.RUNNING})
        assert engine.poll([first, second])[second] is EngineState.IDLE
        (pool,) = tmp_path.glob("pool-*/pool.json")
        os.kill(living(pool).pid, signal.SIGKILL)
        self._wait_until(lambda: second not in engine.poll([second]))
        assert engine.poll([first]) == {first: EngineState.RUNNING}
        engine.kill([first])
        self._wait_until(lambda: not engine.poll([first]))

    def test_a_pool_that_has_ended_is_no_dead_child_of_a_notebook(self, tmp_path):
        engine = LocalEngine("demo", tmp_path, {})
        list(engine.submit([]))
        (pool,) = tmp_path.glob("pool-*/pool.json")
        pid, *_ = json.loads(pool.read_bytes())
        self._wait_until(lambda: not psutil.pid_exists(pid))


def test_a_process_that_got_the_number_of_another_one_is_not_taken_for_it(tmp_path):
    path = tmp_path / "process.json"
    write_identity(path, os.getpid())
    assert living(path).pid == os.getpid()
    _, boot, ticks = json.loads(path.read_text())
    for other in ([os.getpid(), boot, str(int(ticks) - 1)], [os.getpid(), "other boot", ticks], [], 7):
        path.write_text(json.dumps(other))
        assert living(path) is None


def test_a_process_is_known_when_the_clock_was_set_back(tmp_path, monkeypatch):
    path = tmp_path / "process.json"
    write_identity(path, os.getpid())
    created = psutil.Process.create_time
    monkeypatch.setattr(psutil.Process, "create_time", lambda self: created(self) - 3600)
    monkeypatch.setattr(psutil, "boot_time", lambda: 0.0)
    assert living(path).pid == os.getpid()


def test_what_runs_is_killed_where_the_disk_is_full(tmp_path, monkeypatch):
    engine = LocalEngine("demo", tmp_path, {"processes": "1"})
    script = tmp_path / "run.sh"
    script.write_text("echo $$ > pid.new; mv pid.new pid; exec sleep 600\n")
    monkeypatch.chdir(tmp_path)
    ((_, engine_id),) = engine.submit([Errand(1, 1, script, tmp_path / "1.txt", LIMITS)])
    until_s = time.monotonic() + 60
    while engine.poll([engine_id]) != {engine_id: EngineState.RUNNING}:
        assert time.monotonic() < until_s
        time.sleep(0.02)

    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "touch", full)
        with pytest.raises(OSError, match="No space left"):
            engine.kill([engine_id])
    while engine.poll([engine_id]):
        assert time.monotonic() < until_s
        time.sleep(0.02)


def test_a_wish_to_kill_that_comes_while_an_attempt_starts_is_heard(tmp_path, monkeypatch):
    """The process runs and nobody has its number yet: the engine can only leave word."""
    script = tmp_path / "run.sh"
    script.write_text("exec sleep 600\n")

    def leave_word_meanwhile(path, pid):
        (tmp_path / "0.cancelled").touch()
        write_identity(path, pid)

    monkeypatch.setattr(local_pool, "write_identity", leave_word_meanwhile)
    local_pool._run(tmp_path, 0, (str(script), "1", str(tmp_path / "log.txt")))
    assert (tmp_path / "0.ended").exists()
