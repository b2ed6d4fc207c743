"""One batch on one device: every request gets its own rows, and only the culprit fails."""

import numpy as np
import pytest

from accelerator_server.backends.base import BackendSettings
from accelerator_server.batching.batch_choice import BatchRule
from accelerator_server.batching.executor import BatchRunner, DeviceThread
from accelerator_server.batching.lanes import LocalLane
from accelerator_server.batching.model_queue import Completed, Job, ModelQueue
from accelerator_server.errors import BackendFailedError
from accelerator_server.model_spec import ModelSpec, TensorSpec
from inference_client.protocol.arrays import dense_tensor, scaled_tensor, sparse_tensor
from tests.accelerator_server.stub_backends import (
    GATE,
    POISON,
    ForgetfulBackend,
    FragileBackend,
    StubBackend,
)

SPEC = ModelSpec((TensorSpec("x", "FP32", (4,)),), (TensorSpec("y", "FP32", (2,)),), max_rows=64)
SETTINGS = BackendSettings(b"", SPEC)


def job(tensor) -> Job:
    return Job(tensors={"x": tensor}, n_rows=tensor.shape[0], n_bytes=0, result=None)


def dense_job(rows) -> Job:
    return job(dense_tensor("x", np.asarray(rows, np.float32)))


def outcomes(runner: BatchRunner, jobs: list[Job]) -> list:
    found = {id(one): outcome for report in runner.run(jobs) for one, outcome in report.outcomes}
    assert len(found) == len(jobs)
    return [found[id(one)] for one in jobs]


def test_requests_of_all_encodings_share_a_batch_and_get_their_own_rows():
    dense = dense_job([[1, 2, 3, 4], [5, 6, 7, 8]])
    scaled = job(scaled_tensor("x", np.array([[2, 4, 6, 8]], np.uint8), 0.5))
    sparse = job(sparse_tensor("x", (4,), np.array([0, 1]), np.array([1]), np.array([9], np.float32)))
    results = outcomes(BatchRunner(LocalLane(StubBackend(SETTINGS), SPEC), SPEC), [dense, scaled, sparse])
    assert [result.outputs["y"].tolist() for result in results] == [
        [[1, 2], [5, 6]],
        [[1, 2]],
        [[0, 0], [0, 9]],
    ]
    assert {result.batch_rows for result in results} == {5}


def test_a_batch_leaves_nothing_behind_for_the_next():
    runner = BatchRunner(LocalLane(StubBackend(SETTINGS), SPEC), SPEC)
    first = outcomes(runner, [dense_job([[1, 2, 3, 4]] * 3)])[0]
    sparse = job(sparse_tensor("x", (4,), np.array([0]), np.array([], int), np.array([], np.float32)))
    second = outcomes(runner, [sparse])[0]
    assert second.outputs["y"].tolist() == [[0, 0]]
    assert first.outputs["y"].tolist() == [[1, 2]] * 3


def test_a_padded_batch_has_always_the_same_shape_and_is_cut_back():
    shapes = []

    class Watched(StubBackend):
        def run(self, inputs):
            shapes.append(inputs["x"].shape)
            assert not inputs["x"][1:].any()
            return super().run(inputs)

    runner = BatchRunner(LocalLane(Watched(SETTINGS), SPEC), SPEC, padded=True)
    runner_rows = [outcomes(runner, [dense_job([[1, 2, 3, 4]])])[0] for _ in range(2)]
    assert shapes == [(64, 4)] * 2
    assert [result.outputs["y"].tolist() for result in runner_rows] == [[[1, 2]]] * 2
    assert runner_rows[0].batch_rows == 1


@pytest.mark.parametrize("culprit", range(16))
def test_only_the_culprit_of_a_failed_batch_fails_with_few_extra_runs(culprit):
    GATE.batches.clear()
    jobs = [dense_job([[k, POISON if k == culprit else 0, 0, 0]]) for k in range(16)]
    results = outcomes(BatchRunner(LocalLane(FragileBackend(SETTINGS), SPEC), SPEC), jobs)
    for k, result in enumerate(results):
        if k == culprit:
            assert isinstance(result, BackendFailedError)
            assert "secret" not in str(result)
        else:
            assert isinstance(result, Completed)
            assert result.outputs["y"].tolist() == [[k, 0]]
    assert len(GATE.batches) <= 1 + 2 * 4


def test_outputs_of_the_wrong_shape_are_a_failure_and_not_an_answer():
    results = outcomes(
        BatchRunner(LocalLane(ForgetfulBackend(SETTINGS), SPEC), SPEC), [dense_job([[1, 2, 3, 4]])]
    )
    assert isinstance(results[0], BackendFailedError)


@pytest.mark.parametrize("is_near", [True, False])
def test_the_caller_runs_what_waits_only_on_a_device_of_its_own_process(is_near):
    lane = LocalLane(StubBackend(SETTINGS), SPEC)
    lane.is_near = is_near
    queue = ModelQueue(BatchRule(8), 100, 1000)
    thread = DeviceThread(BatchRunner(lane, SPEC), queue, lambda _: None, "m")
    waiting = dense_job([[1, 2, 3, 4]])
    queue.submit(waiting)
    reports = thread.run_here()
    if is_near:
        assert [job for report in reports for job, _ in report.outcomes] == [waiting]
    else:
        assert reports is None
    assert len(queue) == (0 if is_near else 1)


def test_jobs_that_are_handed_to_an_idle_device_go_before_what_waits():
    queue = ModelQueue(BatchRule(8), 100, 1000)
    thread = DeviceThread(
        BatchRunner(LocalLane(StubBackend(SETTINGS), SPEC), SPEC), queue, lambda _: None, "m"
    )
    waiting, urgent = dense_job([[1, 2, 3, 4]]), dense_job([[5, 6, 7, 8]])
    queue.submit(waiting)
    (report,) = thread.run_here([urgent])
    ((job, completed),) = report.outcomes
    assert job is urgent
    assert completed.outputs["y"].tolist() == [[5, 6]]
    assert len(queue) == 1
