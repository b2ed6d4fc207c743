"""Batching as a site admin configures it: delay, preferred sizes, requests that are larger than a batch."""

import asyncio

import numpy as np
import pytest

from accelerator_server.config import read_model_config
from accelerator_server.errors import ConfigurationError
from inference_client.protocol import headers
from inference_client.protocol.arrays import sparse_tensor, to_array
from inference_client.protocol.messages import InferenceRequest
from tests.accelerator_server.answers import infer, refused, waiting_requests
from tests.accelerator_server.model_files import write_model
from tests.accelerator_server.running import posting, request_of, running
from tests.accelerator_server.stub_backends import POISON

FPGA = "[backend_parameters]\nservice_time_s = 0.001\nrows_per_s = 660\npipeline_depth = 2\n"


async def test_a_device_that_wants_full_batches_gets_them(tmp_path):
    batching = "[batching]\nbest_rows = 4\nmax_queue_delay_us = 10_000_000"
    write_model(tmp_path, backend="emulated", tables=FPGA + batching)
    async with running(tmp_path) as session:
        async with asyncio.timeout(30):
            responses = await asyncio.gather(*[infer(session, request_of([[k] * 4])) for k in range(12)])
    assert [response.parameters.batch_rows for response in responses] == [4] * 12
    assert [to_array(response.outputs[0]).tolist() for response in responses] == [[[k, k]] for k in range(12)]


async def test_a_preferred_size_ends_the_wait(tmp_path):
    batching = "[batching]\npreferred_rows = [2]\nmax_queue_delay_us = 10_000_000"
    write_model(tmp_path, backend="emulated", tables=FPGA + batching)
    async with running(tmp_path) as session:
        async with asyncio.timeout(30):
            responses = await asyncio.gather(*[infer(session, request_of([[k] * 4])) for k in range(6)])
    assert [response.parameters.batch_rows for response in responses] == [2] * 6


async def test_who_stays_alone_goes_after_the_delay_and_not_before(tmp_path):
    write_model(tmp_path, backend="emulated", tables=FPGA + "[batching]\nmax_queue_delay_us = 50_000")
    async with running(tmp_path) as session:
        response = await infer(session, request_of([[1] * 4]))
    assert response.parameters.queue_us >= 50_000
    assert response.parameters.batch_rows == 1


async def test_a_delay_is_no_reason_to_miss_a_deadline(tmp_path):
    write_model(tmp_path, backend="emulated", tables=FPGA + "[batching]\nmax_queue_delay_us = 10_000_000")
    async with running(tmp_path) as session:
        arguments = posting(request_of([[1] * 4]), **{headers.DEADLINE_MS: "4000"})
        async with session.post("/v2/models/m/infer", **arguments) as reply:
            assert reply.status == 200


async def order_of_batches(repository, gate, *requests: tuple[int, dict, dict]) -> list[int]:
    """Lets requests (rows, parameters, headers) wait in this order, and says in which they run."""
    write_model(repository, backend="gated", keys="max_rows = 6", tables="[batching]\nbest_rows = 1")
    async with running(repository) as session:
        asking = [await gate.hold(infer(session, request_of([[0] * 4])))]
        for n, (n_rows, parameters, more) in enumerate(requests, 1):
            request = request_of([[n] * 4] * n_rows, parameters=parameters)
            asking.append(asyncio.ensure_future(infer(session, request, **more)))
            await waiting_requests(session, n)
        gate.open()
        await asyncio.gather(*asking)
    return gate.batches[1:]


async def test_who_has_priority_goes_first(tmp_path, gate):
    asked = [(2, {}, {}), (3, {"priority": 2}, {}), (4, {"priority": 1}, {}), (5, {"priority": 0}, {})]
    assert await order_of_batches(tmp_path, gate, *asked) == [4, 3, 2, 5]


async def test_a_client_does_not_wait_behind_all_that_another_asked_for(tmp_path, gate):
    many, one = {headers.CLIENT_ID: "many"}, {headers.CLIENT_ID: "one"}
    asked = [(2, {}, many), (3, {}, many), (4, {}, many), (5, {}, one)]
    assert await order_of_batches(tmp_path, gate, *asked) == [2, 5, 3, 4]


async def test_a_client_that_fills_the_queue_is_told_when_to_come_back_and_others_are_let_in(tmp_path, gate):
    write_model(tmp_path, backend="gated", tables="[batching]\nqueue_requests = 10")
    many, row = {headers.CLIENT_ID: "many"}, request_of([[1] * 4])
    async with running(tmp_path) as session:
        asking = [await gate.hold(infer(session, row, **many))]
        asking += [asyncio.ensure_future(infer(session, row, **many)) for _ in range(8)]
        await waiting_requests(session, 8)
        status, code, reply = await refused(session, **posting(row, **many))
        assert (status, code, reply.headers[headers.RETRY_AFTER]) == (429, "client_too_fast", "1")
        asking.append(asyncio.ensure_future(infer(session, row, **{headers.CLIENT_ID: "one"})))
        await waiting_requests(session, 9)
        gate.open()
        await asyncio.gather(*asking)


async def test_a_reproducible_model_is_always_run_at_its_largest_batch(tmp_path, gate):
    write_model(tmp_path, backend="gated", keys="reproducible = true\nmax_rows = 4")
    async with running(tmp_path) as session:
        n_before = len(gate.batches)
        for n_rows in (1, 3, 4):
            response = await infer(session, request_of([[n_rows] * 4] * n_rows))
            assert to_array(response.outputs[0]).tolist() == [[n_rows] * 2] * n_rows
    assert gate.batches[n_before:] == [4, 4, 4]


async def test_the_configuration_is_told_as_triton_tells_it(tmp_path):
    tables = "[batching]\npreferred_rows = [8, 4]\nmax_queue_delay_us = 100\nqueue_requests = 7"
    write_model(tmp_path, tables=tables)
    async with running(tmp_path) as session, session.get("/v2/models/m/config") as reply:
        config = await reply.json()
    assert config["dynamic_batching"] == {
        "preferred_batch_size": [4, 8],
        "max_queue_delay_microseconds": 100,
        "default_queue_policy": {"max_queue_size": 7},
    }


@pytest.mark.parametrize(
    ("tables", "told"),
    [
        ("best_rows = 33", "best_rows is 33, and max_rows is 32"),
        ("preferred_rows = [8, 33]", "preferred_rows must be at most 32"),
        ("best_rows = 4\npreferred_rows = [8]", "preferred_rows must be at most 4"),
        ("preferred_rows = [0]", "preferred_rows"),
        ("max_queue_delay_us = -1", "max_queue_delay_us"),
        ("max_queue_delay_us = 60_000_000", "max_queue_delay_us"),
        ('oversize = "cut"', "oversize"),
        ("max_delay = 5", "unknown field.*max_delay"),
    ],
)
def test_impossible_batching_is_refused_by_name(tmp_path, tables, told):
    path = write_model(tmp_path, tables=f"[batching]\n{tables}") / "model.toml"
    with pytest.raises(ConfigurationError, match=rf"model\.toml.*{told}"):
        read_model_config(path, "m", [])


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ("warm_up_rows = [33]", "warm_up_rows must be at most max_rows, 32"),
        ("warm_up_rows = [0]", "warm_up_rows"),
        ("reproducible = true\nwarm_up_rows = [8]", "leave warm_up_rows out"),
        ("versions = []", "versions"),
        ('versions = "newest"', "versions"),
    ],
)
def test_impossible_warm_ups_and_versions_are_refused_by_name(tmp_path, keys, told):
    path = write_model(tmp_path, keys=keys) / "model.toml"
    with pytest.raises(ConfigurationError, match=rf"model\.toml.*{told}"):
        read_model_config(path, "m", [])


async def test_a_request_larger_than_a_batch_is_refused_unless_it_may_be_split(tmp_path):
    write_model(tmp_path, keys="max_rows = 4")
    async with running(tmp_path) as session:
        assert (await refused(session, **posting(request_of([[1] * 4] * 5))))[:2] == (413, "too_many_rows")


@pytest.mark.parametrize("best_rows", [0, 3])
async def test_a_split_request_comes_back_whole_and_in_order(tmp_path, best_rows):
    tables = f'[batching]\nbest_rows = {best_rows}\noversize = "split"'
    write_model(tmp_path, backend="emulated", keys="max_rows = 4", tables=FPGA + tables)
    rows = np.arange(4 * 11, dtype=np.float32).reshape(11, 4)
    index = np.tile(np.arange(4), 11)
    sparse = sparse_tensor("x", (4,), np.full(11, 4), index, rows.reshape(-1))
    async with running(tmp_path) as session:
        dense_reply = await infer(session, request_of(rows))
        sparse_reply = await infer(session, InferenceRequest(id="s", inputs=[sparse]))
        async with session.get("/v2/models/m/stats") as reply:
            (stats,) = (await reply.json())["model_stats"]
    for response in (dense_reply, sparse_reply):
        np.testing.assert_array_equal(to_array(response.outputs[0]), rows[:, :2])
        assert response.parameters.batch_rows <= (best_rows or 4)
    assert (stats["inference_count"], stats["inference_stats"]["success"]["count"]) == (22, 2)


async def test_a_split_request_that_no_queue_could_hold_is_refused_for_good(tmp_path):
    write_model(tmp_path, keys="max_rows = 4", tables='[batching]\nqueue_requests = 3\noversize = "split"')
    async with running(tmp_path) as session:
        response = await infer(session, request_of([[1] * 4] * 12))
        assert response.outputs[0].shape == [12, 2]
        assert (await refused(session, **posting(request_of([[1] * 4] * 13))))[:2] == (413, "too_many_rows")


async def test_when_a_piece_fails_the_request_fails_and_its_other_pieces_are_dropped(tmp_path, gate):
    write_model(tmp_path, backend="fragile", keys="max_rows = 1", tables='[batching]\noversize = "split"')
    async with running(tmp_path) as session:
        asked = await gate.hold(refused(session, **posting(request_of([[POISON] * 4, *[[1] * 4] * 5]))))
        await waiting_requests(session, 5)
        gate.open()
        assert (await asked)[:2] == (500, "backend_failed")
        await waiting_requests(session, 0)
        assert to_array((await infer(session, request_of([[7] * 4]))).outputs[0]).tolist() == [[7, 7]]
