"""A served model over real sockets: batches, deadlines, failures, instances, statistics."""

import asyncio
import contextlib

import numpy as np
import pytest

from inference_client.protocol import codec, headers
from inference_client.protocol.arrays import to_array
from tests.accelerator_server.answers import INFER, infer, is_ready, metrics, refused, waiting_requests
from tests.accelerator_server.model_files import affine_model, write_model
from tests.accelerator_server.running import posting, request_of, running
from tests.accelerator_server.stub_backends import POISON


async def test_requests_that_wait_for_the_device_share_its_next_batch(tmp_path, gate):
    write_model(tmp_path, backend="gated", keys="max_rows = 8")
    async with running(tmp_path) as session:
        first = await gate.hold(infer(session, request_of([[0, 0, 0, 0]], "first")))
        others = [asyncio.ensure_future(infer(session, request_of([[k] * 4] * 2, f"{k}"))) for k in range(4)]
        await waiting_requests(session, 4)
        gate.open()
        responses = await asyncio.gather(first, *others)
    assert gate.batches == [1, 8]
    for k, response in enumerate(responses[1:]):
        assert response.id == f"{k}"
        assert response.parameters.batch_rows == 8
        assert to_array(response.outputs[0]).tolist() == [[k, k]] * 2


async def test_a_full_queue_refuses_at_once_and_says_when_to_come_back(tmp_path, gate):
    write_model(tmp_path, backend="gated", tables="[batching]\nqueue_requests = 1")
    async with running(tmp_path) as session:
        running_one = await gate.hold(infer(session, request_of([[1] * 4])))
        waiting_one = asyncio.ensure_future(infer(session, request_of([[2] * 4])))
        await waiting_requests(session, 1)
        status, code, reply = await refused(session, **posting(request_of([[3] * 4])))
        assert (status, code, reply.headers[headers.RETRY_AFTER]) == (503, "queue_full", "1")
        gate.open()
        await asyncio.gather(running_one, waiting_one)


async def test_a_request_whose_deadline_passes_in_the_queue_is_never_run(tmp_path, gate):
    write_model(tmp_path, backend="gated")
    async with running(tmp_path) as session:
        running_one = await gate.hold(infer(session, request_of([[1] * 4])))
        late = posting(request_of([[2] * 4]), **{headers.DEADLINE_MS: "20"})
        status, code, _ = await refused(session, **late)
        assert (status, code) == (504, "deadline")
        gate.open()
        await running_one
        await infer(session, request_of([[3] * 4]))
    assert gate.batches == [1, 1]


@pytest.mark.parametrize(
    ("deadline_ms", "parameters", "expected"),
    [
        ("0", {}, (504, "deadline")),
        ("-5", {}, (504, "deadline")),
        ("soon", {}, (400, "bad_request")),
        ("nan", {}, (400, "bad_request")),
        ("1000", {"timeout": 1}, (504, "deadline")),
        ("1000", {"timeout": "soon"}, (400, "bad_request")),
    ],
)
async def test_deadlines_are_checked_at_the_door(tmp_path, gate, deadline_ms, parameters, expected):
    write_model(tmp_path, backend="gated")
    async with running(tmp_path) as session:
        gate.close()
        arguments = posting(
            request_of([[1] * 4], parameters=parameters), **{headers.DEADLINE_MS: deadline_ms}
        )
        assert (await refused(session, **arguments))[:2] == expected
        gate.open()


async def test_rows_of_a_client_that_has_gone_are_not_run(tmp_path, gate):
    write_model(tmp_path, backend="gated")
    async with running(tmp_path) as session:
        running_one = await gate.hold(infer(session, request_of([[1] * 4])))
        gone = asyncio.ensure_future(infer(session, request_of([[2] * 4])))
        await waiting_requests(session, 1)
        gone.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await gone
        await waiting_requests(session, 0)
        gate.open()
        await running_one
        await infer(session, request_of([[3] * 4]))
        assert 'accelerator_refusals_total{code="client_gone"} 1.0' in await metrics(session)
    assert gate.batches == [1, 1]


async def test_a_poisonous_request_harms_nobody_else_and_its_error_tells_nothing(tmp_path, gate):
    write_model(tmp_path, backend="fragile")
    async with running(tmp_path) as session:
        first = await gate.hold(infer(session, request_of([[0] * 4])))
        good = [asyncio.ensure_future(infer(session, request_of([[k] * 4]))) for k in range(3)]
        poison = posting(request_of([[POISON] * 4], "bad"))
        bad = asyncio.ensure_future(session.post(INFER, **poison))
        await waiting_requests(session, 4)
        gate.open()
        reply = await bad
        body = await reply.read()
        responses = await asyncio.gather(first, *good)
    error = codec.decode_error(body)
    assert (reply.status, error.code, error.id) == (500, "backend_failed", "bad")
    assert b"secret" not in body
    assert [to_array(response.outputs[0]).tolist() for response in responses[1:]] == [
        [[k, k]] for k in range(3)
    ]


@pytest.mark.parametrize(
    ("keys", "sizes"),
    [("", [1, 8]), ("warm_up_rows = [4, 2]", [1, 2, 4, 8]), ("reproducible = true", [8])],
    ids=["ordinary", "asked-for", "reproducible"],
)
async def test_a_model_is_warmed_up_before_it_is_ready(tmp_path, gate, keys, sizes):
    write_model(tmp_path, backend="gated", keys=f"max_rows = 8\n{keys}")
    gate.batches.clear()
    async with running(tmp_path) as session:
        assert await is_ready(session)
        assert gate.batches == sizes


async def test_instances_of_a_model_work_side_by_side(tmp_path, gate):
    write_model(tmp_path, backend="gated", keys="instances = 2\nmax_rows = 1")
    async with running(tmp_path) as session:
        gate.close()
        both = [asyncio.ensure_future(infer(session, request_of([[k] * 4]))) for k in range(2)]
        await asyncio.to_thread(gate.wait_for_batches, 2)
        gate.open()
        responses = await asyncio.gather(*both)
    assert [to_array(response.outputs[0])[0, 0] for response in responses] == [0, 1]


@pytest.mark.parametrize("n_rows", [1, 2], ids=["one-batch", "split"])
async def test_the_record_names_the_devices_that_computed(tmp_path, gate, n_rows):
    tables = '[batching]\noversize = "split"'
    write_model(tmp_path, backend="numbered", keys="instances = 2\nmax_rows = 1", tables=tables)
    async with running(tmp_path) as session:
        gate.close()
        asked = [asyncio.ensure_future(infer(session, request_of([[0] * 4] * n_rows))) for _ in range(2)]
        await asyncio.to_thread(gate.wait_for_batches, 2)
        gate.open()
        answers = await asyncio.gather(*asked)
    numbers = [{int(number) for number in to_array(answer.outputs[0])[:, 0]} for answer in answers]
    assert len(set.union(*numbers)) == 2
    for answer, computed in zip(answers, numbers, strict=True):
        assert answer.parameters.device == ",".join(sorted(f"stub:{number}" for number in computed))


async def test_what_an_empty_queue_would_not_hold_is_refused_for_good(tmp_path):
    write_model(tmp_path, tables="[batching]\nqueue_bytes = 64")
    async with running(tmp_path) as session:
        status, code, _ = await refused(session, **posting(request_of(np.zeros((8, 4)))))
        assert (status, code) == (413, "body_too_large")
        assert (await infer(session, request_of(np.zeros((4, 4))))).outputs[0].shape == [4, 2]


async def test_no_rows_are_answered_without_the_device(tmp_path, gate):
    write_model(tmp_path, backend="gated")
    async with running(tmp_path) as session:
        n_before = len(gate.batches)
        response = await infer(session, request_of(np.empty((0, 4))))
        assert response.outputs[0].shape == [0, 2]
        assert len(gate.batches) == n_before


async def test_statistics_count_rows_batches_and_failures(tmp_path, gate):
    write_model(tmp_path, backend="fragile")
    async with running(tmp_path) as session:
        await infer(session, request_of([[1] * 4] * 3))
        await refused(session, **posting(request_of([[POISON] * 4])))
        async with session.get("/v2/models/m/stats") as reply:
            (stats,) = (await reply.json())["model_stats"]
        text = await metrics(session)
    assert (stats["inference_count"], stats["inference_stats"]["success"]["count"]) == (3, 1)
    assert stats["inference_stats"]["fail"]["count"] == 1
    n_batches = {entry["batch_size"]: entry["compute_infer"]["count"] for entry in stats["batch_stats"]}
    assert n_batches == {1: 1, 3: 1}
    assert 'accelerator_rows_total{model="m",version="1"} 3.0' in text
    assert 'accelerator_refusals_total{code="backend_failed"} 1.0' in text
    assert 'accelerator_batch_rows_bucket{le="4.0",model="m",version="1"} 2.0' in text


async def test_a_reproducible_model_gives_the_same_bits_alone_and_in_company(tmp_path):
    write_model(tmp_path, backend="openvino", model=affine_model(), keys="reproducible = true\nmax_rows = 16")
    rows = np.random.default_rng(1).random((16, 4), np.float32)
    async with running(tmp_path) as session:
        together = to_array((await infer(session, request_of(rows))).outputs[0])
        alone = await asyncio.gather(*[infer(session, request_of(rows[k : k + 1])) for k in range(16)])
    found = np.concatenate([to_array(response.outputs[0]) for response in alone])
    np.testing.assert_array_equal(found, together)


async def test_an_emulated_device_is_one_option_and_keeps_the_scores(tmp_path):
    write_model(tmp_path, backend="openvino", model=affine_model())
    overrides = (
        "*.backend=emulated",
        "m.backend_parameters.inner=openvino",
        "m.backend_parameters.service_time_s=0.06",
        "m.backend_parameters.pipeline_depth=64",
    )
    async with running(tmp_path, overrides) as session:
        started_s = asyncio.get_running_loop().time()
        responses = await asyncio.gather(*[infer(session, request_of([[k, 0, 0, 0]])) for k in range(64)])
        took_s = asyncio.get_running_loop().time() - started_s
    for k, response in enumerate(responses):
        np.testing.assert_allclose(to_array(response.outputs[0]), [[0, k / 2 + 1]])
        assert response.parameters.compute_us >= 60_000
    assert 0.06 <= took_s < 64 * 0.06 / 2


async def test_a_quick_model_answers_each_of_many_clients_with_its_own_rows(tmp_path):
    write_model(tmp_path)
    async with running(tmp_path) as session:

        async def ask(client: int) -> None:
            for k in range(40):
                response = await infer(session, request_of([[client, k, 0, 0]] * (1 + k % 3)))
                assert to_array(response.outputs[0]).tolist() == [[client, k]] * (1 + k % 3)

        await asyncio.gather(*[ask(client) for client in range(8)])


async def test_priorities_that_are_none_are_refused(tmp_path):
    write_model(tmp_path)
    async with running(tmp_path) as session:
        await infer(session, request_of([[1] * 4], parameters={"priority": 1}))
        for priority in (-1, "first", True, 0.5):
            request = posting(request_of([[1] * 4], parameters={"priority": priority}))
            assert (await refused(session, **request))[:2] == (400, "bad_request")
