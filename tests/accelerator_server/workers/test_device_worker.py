"""A worker: a backend like any other, until its process dies; then it is started again."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from accelerator_server.backends.base import BackendSettings
from accelerator_server.errors import (
    BackendUnavailableError,
    ConfigurationError,
    ModelRefusedError,
    WorkerDiedError,
)
from accelerator_server.limits.descriptors import WORKER
from accelerator_server.workers.device_worker import Change, DeviceWorker
from accelerator_server.workers.worker_lane import BackendRunError
from tests.accelerator_server.backends.conformance import SPEC, BackendConformance
from tests.accelerator_server.backends.engine_conformance import EngineConformance
from tests.accelerator_server.crashing_backends import FAILING, HANGING, KILLER, LOSING
from tests.accelerator_server.model_files import affine_model


@contextlib.contextmanager
def started(backend="crashing", settings=None, **options):
    worker = DeviceWorker("m-1-0", backend, settings or BackendSettings(b"", SPEC), **options)
    changes: list[Change] = []
    came = threading.Condition()

    def note(change):
        with came:
            changes.append(change)
            came.notify_all()

    def wait_for(*expected):
        with came:
            assert came.wait_for(lambda: tuple(changes) == expected, 30), changes

    worker.on_change = note
    worker.wait_for_changes = wait_for
    worker.start()
    try:
        yield worker
    finally:
        worker.close()


@pytest.mark.parametrize("depth", [1, 3])
def test_it_takes_no_more_descriptors_than_are_counted_for_it_also_when_it_was_started_again(depth):
    parameters = {"pipeline_depth": depth, "service_time_s": 0.0}
    before = n_descriptors()
    with started("emulated", BackendSettings(b"", SPEC, parameters=parameters)) as worker:
        assert n_descriptors() - before == 5 + depth <= WORKER
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait_for_changes(Change.DIED, Change.STARTED)
        assert n_descriptors() - before == 5 + depth
    assert n_descriptors() == before


def test_a_process_that_the_system_does_not_start_is_a_device_that_is_not_there(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    before = n_descriptors()
    with pytest.raises(BackendUnavailableError, match=r"process of a device cannot be started.*No such file"):
        DeviceWorker("m-1-0", "echo", BackendSettings(b"", SPEC)).start()
    assert n_descriptors() == before


def n_descriptors():
    return len(list(Path("/proc/self/fd").iterdir()))


def x(*rows):
    return {"x": np.array(rows, np.float32)}


def good(worker):
    return worker.run(x([1, 2, 3, 4]))["y"].tolist() == [[np.float32(0.1), np.float32(0.2)]]


@pytest.fixture(scope="module")
def kept_workers():
    """Starts each worker once for all tests that only let it compute."""
    with contextlib.ExitStack() as stack:
        workers: dict[str, DeviceWorker] = {}

        def worker_of(backend, settings):
            if backend not in workers:
                workers[backend] = stack.enter_context(started(backend, settings))
            return workers[backend]

        yield worker_of


class InWorker:
    """Runs the conformance of a backend through a worker."""

    @pytest.fixture
    def backend(self, kept_workers):
        return kept_workers(self.name, self.settings())


class TestEchoInWorker(InWorker, BackendConformance):
    name = "echo"


class TestOpenVinoInWorker(InWorker, EngineConformance):
    name = "openvino"
    model = affine_model()


class TestSeveralInFlight(InWorker, BackendConformance):
    name = "emulated"
    parameters = {"service_time_s": 0.001, "pipeline_depth": 3}


@pytest.mark.parametrize("how", ["abort", "kill"])
def test_a_worker_that_died_is_started_again_and_works(crashing, how):
    with started(settings=BackendSettings(b"", SPEC, parameters={"how": how})) as worker:
        first_pid = worker.pid
        with pytest.raises(WorkerDiedError) as caught:
            worker.run(x([KILLER] * 4))
        assert caught.value.had_batch
        worker.wait_for_changes(Change.DIED, Change.STARTED)
        assert worker.pid != first_pid
        assert good(worker)


def test_a_worker_that_died_while_it_was_idle_is_started_again(crashing):
    with started() as worker:
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait_for_changes(Change.DIED, Change.STARTED)
        assert good(worker)


def test_a_batch_for_a_worker_that_is_not_there_is_not_to_blame(crashing):
    with started() as worker:
        lane = worker.lanes[0]
        worker.close()
        with pytest.raises(WorkerDiedError) as caught:
            lane.run(1)
        assert not caught.value.had_batch
        assert not lane.wait_until_usable()


def test_a_lost_device_is_taken_anew_by_a_new_process(crashing):
    with started() as worker:
        with pytest.raises(WorkerDiedError, match="stub:0 fell off the bus") as caught:
            worker.run(x([LOSING] * 4))
        assert not caught.value.had_batch
        worker.wait_for_changes(Change.DIED, Change.STARTED)
        assert good(worker)


def test_a_backend_that_only_fails_keeps_its_process(crashing):
    with started() as worker:
        pid = worker.pid
        with pytest.raises(BackendRunError, match="secret path"):
            worker.run(x([FAILING] * 4))
        assert good(worker)
        assert worker.pid == pid


def test_a_batch_that_takes_too_long_is_given_up_with_its_process(crashing):
    with started(batch_timeout_s=0.3) as worker:
        with pytest.raises(WorkerDiedError, match=r"within 0\.3 s") as caught:
            worker.run(x([HANGING] * 4))
        assert caught.value.had_batch
        worker.wait_for_changes(Change.DIED, Change.STARTED)
        assert good(worker)


def test_a_worker_whose_device_is_gone_is_tried_again_until_it_is_back(crashing, tmp_path):
    unplugged = tmp_path / "unplugged"
    settings = BackendSettings(b"", SPEC, parameters={"unplugged": str(unplugged)})
    with started(settings=settings) as worker:
        unplugged.touch()
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait_for_changes(Change.DIED, Change.NOT_STARTED)
        assert worker.is_lost
        assert not worker.is_usable
        unplugged.unlink()
        assert worker.wait_until_usable(30)
        assert not worker.is_lost
        assert good(worker)


@pytest.mark.parametrize(
    ("backend", "changes", "error", "told"),
    [
        ("unloadable", {}, ModelRefusedError, "SIGABRT"),
        ("eternal", {}, ModelRefusedError, r"not loaded within 1 s"),
        ("echo", {"precision": "f31"}, ConfigurationError, "no precision 'f31'"),
        ("openvino", {"model": b"x"}, ModelRefusedError, "cannot read the model"),
        (
            "openvino",
            {"model": affine_model(), "parameters": {"device": "NPU"}},
            BackendUnavailableError,
            "cannot use device NPU",
        ),
    ],
)
def test_what_cannot_be_loaded_is_refused_as_in_the_server_itself(crashing, backend, changes, error, told):
    before = open_files()
    settings = BackendSettings(**{"model": b"", "spec": SPEC, **changes})
    timeout_s = 1.0 if backend == "eternal" else 60.0
    with pytest.raises(error, match=told), started(backend, settings, start_timeout_s=timeout_s):
        pass
    assert open_files() <= before


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_nothing_is_left_of_a_worker_that_died_often_and_was_closed(crashing):
    before, mapped = open_files(), Path("/proc/self/maps").read_text().count("memfd:batches")
    with started() as worker:
        pids = set()
        for n in range(1, 3):
            pids.add(worker.pid)
            with pytest.raises(WorkerDiedError):
                worker.run(x([KILLER] * 4))
            worker.wait_for_changes(*[Change.DIED, Change.STARTED] * n)
        pids.add(worker.pid)
    assert len(pids) == 3
    del worker
    assert open_files() <= before
    assert Path("/proc/self/maps").read_text().count("memfd:batches") <= mapped
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_a_worker_can_be_closed_while_it_starts_and_while_it_hangs(crashing):
    hanging = DeviceWorker("m-1-0", "crashing", BackendSettings(b"", SPEC))
    hanging.start()
    lane = hanging.lanes[0]
    lane.buffers["x"][:1] = HANGING
    errors: list[BaseException] = []
    asking = threading.Thread(target=lambda: errors.append(catch(lambda: lane.run(1))))
    asking.start()
    hanging.close()
    asking.join(30)
    starting = DeviceWorker("m-1-1", "eternal", BackendSettings(b"", SPEC))
    thread = threading.Thread(target=lambda: errors.append(catch(starting.start)))
    thread.start()
    starting.close()
    thread.join(30)
    assert [type(error) for error in errors] == [WorkerDiedError, ModelRefusedError]


def catch(call):
    try:
        call()
    except (WorkerDiedError, ModelRefusedError) as error:
        return error
    return None


WITHOUT_THE_SERVER = """
import sys
import accelerator_server.workers.main
heavy = {"aiohttp", "typer", "prometheus_client", "openvino", "onnxruntime", "pyopencl", "asyncio"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
"""


def test_a_worker_imports_no_part_of_the_http_server_and_no_engine_but_its_own():
    subprocess.run([sys.executable, "-c", WITHOUT_THE_SERVER], check=True, timeout=60)
