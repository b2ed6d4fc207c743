"""The client against real servers in this process: start, faults, failover, deadlines, records, figures."""

import asyncio
import logging
import socket
import time

import numpy as np
import pytest

from inference_client.client import InferenceClient
from inference_client.configuration import ClientConfiguration
from inference_client.errors import (
    ClientClosed,
    CredentialsError,
    DeadlineExceeded,
    DialectError,
    InvalidAddressError,
    ModelMismatchError,
    RequestMismatchError,
    RequestRefused,
    ServersUnavailable,
    UnknownModelError,
)
from inference_client.protocol.arrays import dense_tensor
from inference_client.protocol.messages import InferenceRequest
from inference_client.signature import ModelExpectation, TensorSignature
from inference_client.testing.faults import Fault
from tests.inference_client.images import sparse_request, sums
from tests.inference_client.other_process import fake_server_process


def client_of(*servers, expectation=None, **settings) -> InferenceClient:
    addresses = [server if isinstance(server, str) else server.address for server in servers]
    defaults = {"model_name": "fake", "timeout_s": 20.0}
    return InferenceClient(ClientConfiguration(servers=addresses, **(defaults | settings)), expectation)


@pytest.fixture
def nobody():
    """An address at which nobody listens."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{unused.getsockname()[1]}"


class TestStart:
    async def test_it_learns_the_model(self, server):
        async with client_of(server) as client:
            assert client.model.outputs[0].name == "scores"

    async def test_no_server_answering_is_told_at_once_with_all_addresses(self, nobody):
        begun_s = time.monotonic()
        with pytest.raises(
            ServersUnavailable, match=rf"{nobody} cannot be reached.*accelerator-server serve"
        ):
            await client_of(nobody).start()
        assert time.monotonic() - begun_s < 5

    async def test_a_server_that_says_nothing_is_given_up_after_the_preflight_time(self):
        with socket.create_server(("127.0.0.1", 0)) as deaf:
            address = f"http://127.0.0.1:{deaf.getsockname()[1]}"
            with pytest.raises(ServersUnavailable, match="did not answer"):
                await client_of(address, preflight_timeout_s=0.2).start()

    async def test_a_server_that_comes_up_later_can_be_waited_for(self, serve):
        server = await serve()
        await server.stop()
        client = client_of(server, wait_for_servers_s=20.0)
        starting = asyncio.ensure_future(client.start())
        await asyncio.sleep(0)
        await server.start()
        await starting
        await client.close()

    async def test_a_malformed_address_is_a_matter_of_configuration(self):
        with pytest.raises(InvalidAddressError, match="host:port"):
            await client_of("nonsense").start()

    async def test_the_balancer_of_the_site_is_found(self, server, monkeypatch):
        monkeypatch.setenv("SONIC_LOCAL_BALANCER_HOST", "127.0.0.1")
        monkeypatch.setenv("SONIC_LOCAL_BALANCER_PORT", server.address.rpartition(":")[2])
        async with client_of() as client:
            assert sums(await client.infer(sparse_request([1.0]))) == [1.0]

    async def test_an_unknown_model_is_named_with_what_there_is(self, server):
        with pytest.raises(UnknownModelError, match=r"model.*there is fake"):
            await client_of(server, model_name="other").start()

    async def test_an_unknown_version_is_refused(self, server):
        with pytest.raises(UnknownModelError, match="versions/7"):
            await client_of(server, model_version="7").start()

    async def test_a_token_that_is_missing_is_a_matter_of_configuration(self, server):
        server.token = "secret"
        with pytest.raises(CredentialsError, match="token_file"):
            await client_of(server).start()

    async def test_another_signature_or_specification_is_refused(self, serve):
        server = await serve(image_spec={"rule": "nearest"})
        expectation = ModelExpectation(
            inputs=[TensorSignature("image", "FP32", (1, 224, 224))], image_spec={"rule": "area"}
        )
        with pytest.raises(ModelMismatchError, match=r"\[1, 224, 224\].*rule is 'nearest' in training"):
            await client_of(server, expectation=expectation).start()

    async def test_a_server_of_another_dialect_is_refused_by_name(self, server):
        server.extensions = ["classification"]
        with pytest.raises(DialectError, match="announces neither crc32, msgpack"):
            await client_of(server).start()

    async def test_servers_with_different_model_files_are_refused_together(self, serve):
        one, other = await serve(), await serve(sha256="1" * 64)
        with pytest.raises(ModelMismatchError, match="the servers before it"):
            await client_of(one, other).start()

    async def test_servers_whose_models_have_other_outputs_are_refused_together(self, serve):
        one, other = await serve(), await serve()
        other.model.metadata.outputs[0].shape = [-1, 3]  # the file's digest does not tell
        with pytest.raises(ModelMismatchError, match="the servers before it"):
            await client_of(one, other).start()

    async def test_a_server_without_the_model_is_left_out_if_another_has_it(self, serve, caplog):
        one, other = await serve(name="other"), await serve()
        with caplog.at_level(logging.WARNING):
            async with client_of(one, other) as client:
                assert sums(await client.infer(sparse_request([1.0]))) == [1.0]
        assert "going on without a server" in caplog.text

    async def test_the_version_asked_for_is_the_latest_one_at_the_start(self, serve):
        server = await serve()
        server.model.metadata.versions = ["9", "10", "2"]
        server.model.version = "10"
        async with client_of(server) as client:
            assert (await client.infer(sparse_request([1.0]))).record.model_version == "10"
            server.model.metadata.versions.append("11")
            server.model.version = "11"
            with pytest.raises(ServersUnavailable, match="version '11' instead of '10'"):
                await client.infer(sparse_request([1.0]))

    async def test_the_smallest_row_limit_of_all_servers_holds(self, serve):
        one, other = await serve(max_rows=64), await serve(max_rows=3)
        async with client_of(one, other) as client:
            await client.infer(sparse_request([1.0] * 9))
            assert max(client.statistics().body_rows) == 3


class TestInfer:
    async def test_the_record_tells_who_answered_and_how_long_it_took(self, serve):
        server = await serve(image_spec={"rule": "nearest"}, delay_s=0.02)
        async with client_of(server) as client:
            record = (await client.infer(sparse_request([1.0, 2.0]))).record
        assert record.server == server.address
        assert (record.server_name, record.device, record.precision) == ("fake", "cpu", "f32")
        assert (record.model_name, record.model_version, record.model_sha256) == ("fake", "1", "0" * 64)
        assert record.image_spec_hash == server.model.metadata.parameters.image_spec_hash
        assert (record.attempts, record.request_rows, record.body_rows, record.batch_rows) == (1, 2, 2, 2)
        assert record.bytes_sent == int(server.requests[0]["Content-Length"])
        assert record.request_id == server.requests[0]["X-Request-Id"]
        assert 20_000 <= record.wire_us <= record.total_us
        assert record.total_us >= record.queue_us + record.retry_us + record.build_us + record.wire_us - 5

    async def test_no_rows_are_answered_without_a_call(self, server):
        async with client_of(server) as client:
            result = await client.infer(sparse_request([]))
            assert result.outputs["scores"].shape == (0, 2)
            assert result.outputs["scores"].dtype == np.float32
            assert result.record.attempts == 0
            assert client.statistics().empty_requests == 1
        assert not server.requests

    async def test_a_request_that_does_not_fit_is_refused_before_anything_is_sent(self, server):
        async with client_of(server) as client:
            wrong = InferenceRequest(id="", inputs=[dense_tensor("image", np.zeros((1, 3), np.float32))])
            with pytest.raises(RequestMismatchError, match="wants FP32"):
                await client.infer(wrong)
        assert not server.requests

    async def test_before_start_and_after_close_it_says_so(self, server):
        client = client_of(server)
        with pytest.raises(ClientClosed, match="not started"):
            await client.infer(sparse_request([1.0]))
        await client.start()
        await client.close()
        await client.close()
        with pytest.raises(ClientClosed, match="closed"):
            await client.infer(sparse_request([1.0]))
        assert client.statistics().requests == 0

    async def test_a_second_start_while_it_is_open_does_nothing(self, server):
        async with client_of(server) as client:
            await client.infer(sparse_request([1.0]))
            await client.start()  # new connections beside the old ones would never be closed
            await client.infer(sparse_request([1.0]))
            assert client.statistics().servers[0].bodies == 2

    async def test_a_fatal_refusal_is_not_tried_again(self, server):
        server.always = Fault.BACKEND_FAILED
        async with client_of(server) as client:
            with pytest.raises(RequestRefused, match="500"):
                await client.infer(sparse_request([1.0]))
        assert len(server.requests) == 1

    async def test_a_refused_token_in_mid_job_is_not_tried_again(self, server):
        async with client_of(server) as client:
            server.token = "changed"
            with pytest.raises(CredentialsError, match="401"):
                await client.infer(sparse_request([1.0]))
        assert len(server.requests) == 1


RETRIED = [
    Fault.RESET, Fault.TRUNCATED, Fault.GARBAGE, Fault.NO_LENGTH, Fault.FLIPPED_BIT, Fault.NO_DIGEST,
    Fault.OTHER_ID, Fault.OTHER_MODEL, Fault.OTHER_SHA256, Fault.ROW_MISSING, Fault.OUTPUT_MISSING,
    Fault.BUSY, Fault.SLOW_DOWN, Fault.BAD_GATEWAY, Fault.MODEL_GONE, Fault.REDIRECT,
]  # fmt: skip


class TestRetries:
    @pytest.mark.parametrize("fault", RETRIED)
    async def test_a_fault_that_may_pass_is_tried_again(self, server, fault):
        server.faults.append(fault)
        async with client_of(server) as client:
            result = await client.infer(sparse_request([1.0, 2.0]))
        assert sums(result) == [1.0, 2.0]
        assert result.record.attempts == 2
        assert result.record.retry_us > 0
        first, second = server.requests
        assert first["X-Request-Id"] == second["X-Request-Id"]
        assert int(second["X-Deadline-Ms"]) <= int(first["X-Deadline-Ms"])

    @pytest.mark.parametrize("fault", [Fault.OTHER_ID, Fault.FLIPPED_BIT, Fault.ROW_MISSING, Fault.RESET])
    async def test_nonsense_from_one_server_is_asked_of_another(self, serve, fault):
        bad, good = await serve(), await serve()
        bad.always = fault
        async with client_of(bad, good) as client:
            for k in range(10):
                assert sums(await client.infer(sparse_request([float(k)]))) == [float(k)]

    async def test_nonsense_from_all_ends_in_an_error_that_tells_each_try(self, serve):
        one, other = await serve(), await serve()
        one.always = other.always = Fault.ROW_MISSING
        async with client_of(one, other, allowed_tries=4) as client:
            with pytest.raises(
                ServersUnavailable, match=r"1 rows .* for 2 rows sent.*4 tries are allowed"
            ) as e:
                await client.infer(sparse_request([1.0, 2.0]))
            assert client.statistics().failed_requests == 1
        assert one.address in str(e.value)
        assert other.address in str(e.value)
        assert len(one.requests) + len(other.requests) == 4

    async def test_busy_answers_do_not_use_up_the_tries(self, server):
        server.faults.extend([Fault.BUSY] * 5)
        async with client_of(server, allowed_tries=1) as client:
            result = await client.infer(sparse_request([1.0]))
        assert result.record.attempts == 6

    async def test_the_server_is_left_alone_for_as_long_as_it_asked(self, server):
        server.faults.append(Fault.SLOW_DOWN)
        async with client_of(server) as client:
            assert (await client.infer(sparse_request([1.0]))).record.retry_us >= 50_000

    async def test_a_server_that_dies_with_requests_inside_is_replaced_by_another(self, serve):
        dying, other = await serve(), await serve()
        async with client_of(dying, other, max_in_flight=2, max_rows=1) as client:
            dying.held.clear()
            tasks = [asyncio.ensure_future(client.infer(sparse_request([float(k)]))) for k in range(8)]
            await dying.arrived(1)
            await dying.stop()
            results = await asyncio.gather(*tasks)
        assert [sums(result) for result in results] == [[float(k)] for k in range(8)]
        assert {result.record.server for result in results} == {other.address}
        assert max(result.record.attempts for result in results) >= 2

    async def test_a_server_that_was_away_for_a_while_costs_the_job_nothing_but_time(self, server):
        async with client_of(server, allowed_tries=1) as client:
            await client.infer(sparse_request([1.0]))
            await server.stop()
            tasks = [asyncio.ensure_future(client.infer(sparse_request([float(k)]))) for k in range(5)]
            while client.statistics().retries < 3:  # noqa: ASYNC110  the client tells nobody of its retries
                await asyncio.sleep(0.005)
            await server.start()
            assert [sums(result) for result in await asyncio.gather(*tasks)] == [[float(k)] for k in range(5)]
            await client.infer(sparse_request([1.0]))
            assert client.statistics().servers[0].state == "closed"

    async def test_a_server_that_came_back_with_another_model_is_not_used(self, serve):
        changing, other = await serve(), await serve()
        async with client_of(changing, other) as client:
            changing.model.metadata.parameters.sha256 = "1" * 64
            for k in range(20):
                result = await client.infer(sparse_request([float(k)]))
                assert result.record.server == other.address

    async def test_a_server_that_was_down_at_the_start_is_used_when_it_comes(self, serve):
        late, first = await serve(), await serve()
        await late.stop()
        async with client_of(late, first) as client:
            await late.start()
            await first.stop()
            assert (await client.infer(sparse_request([1.0]))).record.server == late.address


class TestDeadlines:
    @pytest.mark.parametrize("fault", [Fault.HANG, Fault.BUSY])
    async def test_a_request_ends_at_its_deadline(self, server, fault):
        server.always = fault
        async with client_of(server, timeout_s=0.6) as client:
            begun_s = time.monotonic()
            with pytest.raises(DeadlineExceeded, match=rf"within 0\.6 s: {server.address}.*longer timeout"):
                await client.infer(sparse_request([1.0]))
            assert 0.55 <= time.monotonic() - begun_s <= 1.1

    async def test_who_was_asked_is_told_also_of_the_only_try(self, server):
        server.always = Fault.HANG
        async with client_of(server, timeout_s=0.3, allowed_tries=1) as client:
            with pytest.raises(
                DeadlineExceeded, match=f"within 0.3 s: {server.address} had not answered yet"
            ):
                await client.infer(sparse_request([1.0]))

    async def test_requests_in_the_queue_end_at_theirs(self, server):
        server.always = Fault.HANG
        async with client_of(server, timeout_s=0.5, max_in_flight=1, max_rows=1) as client:
            begun_s = time.monotonic()
            asked = [client.infer(sparse_request([1.0])) for _ in range(20)]
            endings = await asyncio.gather(*asked, return_exceptions=True)
            assert time.monotonic() - begun_s <= 1.0
        assert {type(ending) for ending in endings} == {DeadlineExceeded}

    async def test_a_silent_server_leaves_time_for_another(self, serve):
        silent, good = await serve(), await serve()
        silent.always = Fault.HANG
        async with client_of(silent, good, timeout_s=2.0, max_rows=1) as client:
            results = await asyncio.gather(*(client.infer(sparse_request([float(k)])) for k in range(6)))
        assert [sums(result) for result in results] == [[float(k)] for k in range(6)]

    async def test_the_server_learns_that_a_caller_has_gone(self, server):
        server.held.clear()
        async with client_of(server) as client:
            task = asyncio.ensure_future(client.infer(sparse_request([1.0])))
            await server.arrived(1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        await server.stop()
        assert server.cancelled == 1

    async def test_they_hold_also_after_a_second_start(self, server):
        client = client_of(server, timeout_s=0.3)
        for _ in range(2):
            await client.start()
            await client.infer(sparse_request([1.0]))
            await client.close()
        server.always = Fault.HANG
        async with asyncio.timeout(5.0), client:
            with pytest.raises(DeadlineExceeded):
                await client.infer(sparse_request([1.0]))

    async def test_a_reply_that_came_in_time_is_a_reply_though_a_module_kept_the_loop_busy(self):
        with fake_server_process(delay_s=0.2) as address:
            async with client_of(address, timeout_s=0.5, allowed_tries=1) as client:
                task = asyncio.ensure_future(client.infer(sparse_request([3.0])))
                for _ in range(10):
                    await asyncio.sleep(0)
                time.sleep(1.0)  # noqa: ASYNC251  a module that computes past the deadline
                assert sums(await task) == [3.0]


class TestStatistics:
    async def test_they_count_what_was_done(self, server):
        server.faults.append(Fault.RESET)
        async with client_of(server) as client:
            await asyncio.gather(*(client.infer(sparse_request([1.0, 2.0])) for _ in range(5)))
            await client.infer(sparse_request([1.0]))
        figures = client.statistics()
        assert (figures.requests, figures.rows, figures.bodies, figures.retries) == (6, 11, 2, 1)
        assert figures.body_rows == {1: 1, 10: 1}
        assert figures.sent_bytes == sum(int(headers["Content-Length"]) for headers in server.requests[1:])
        assert 0 < figures.latency.p50_s <= figures.latency.p95_s <= figures.latency.p99_s
        (one,) = figures.servers
        assert (one.bodies, one.rows, one.failures, one.state) == (2, 11, 1, "closed")
        assert one.latency.p50_s > 0
