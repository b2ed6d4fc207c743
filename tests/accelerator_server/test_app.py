"""The routes over real sockets: what is answered, what is refused, and that nothing leaks."""

import asyncio
import contextlib

import aiohttp
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accelerator_server.errors import StartError
from inference_client.protocol import codec, headers
from inference_client.protocol.arrays import dense_tensor, sparse_tensor, to_array
from inference_client.protocol.messages import InferenceRequest
from inference_client.protocol.routes import infer_path
from inference_client.protocol.specification import specification_hash
from tests.accelerator_server.model_files import affine_model, write_model
from tests.accelerator_server.running import posting, request_of, running
from tests.accelerator_server.stub_backends import POISON

INFER = infer_path("m")


async def infer(session, request, path=INFER):
    async with session.post(path, **posting(request)) as reply:
        body = await reply.read()
        assert reply.status == 200, body
        assert reply.headers[headers.BODY_CRC32] == codec.body_crc32(body)
        assert int(reply.headers["Content-Length"]) == len(body)
        return codec.decode_response(body)


async def refused(session, path=INFER, method="POST", **arguments):
    async with session.request(method, path, **arguments) as reply:
        body = await reply.read()
        decode = codec.decode_error if reply.content_type == headers.MSGPACK else codec.decode_json_error
        return reply.status, decode(body).code, reply


async def test_a_request_is_answered_with_its_rows_and_its_record(tmp_path):
    tables = '[image_spec]\nwidth = 224\nrule = "area"'
    write_model(tmp_path, backend="openvino", model=affine_model(), tables=tables)
    async with running(tmp_path, name="box") as session:
        response = await infer(session, request_of([[1, 0, 0, 0], [0, 1, 0, 0]]))
        async with session.get("/v2/models/m") as reply:
            metadata = codec.decode_model_metadata(await reply.read())
    assert (response.id, response.model_name, response.model_version) == ("r1", "m", "1")
    np.testing.assert_allclose(to_array(response.outputs[0]), [[0, 1.5], [1, 2.5]])
    record = response.parameters
    assert (record.server, record.device, record.backend, record.precision) == (
        "box",
        "cpu",
        "openvino",
        "f32",
    )
    assert record.batch_rows == 2
    assert record.queue_us >= 0
    assert record.compute_us > 0
    assert record.model_sha256 == metadata.parameters.sha256 != ""
    assert record.image_spec_hash == metadata.parameters.image_spec_hash
    assert metadata.parameters.image_spec_hash == specification_hash({"width": 224, "rule": "area"})
    assert metadata.parameters.image_spec == {"width": 224, "rule": "area"}


async def test_metadata_say_what_a_client_must_know(tmp_path):
    write_model(tmp_path, version=3, keys='max_rows = 5\nlabels = ["QCD", "top"]\nreproducible = true')
    async with running(tmp_path) as session:
        async with session.get("/v2") as reply:
            server = codec.decode_server_metadata(await reply.read())
        async with session.get("/v2/models/m/versions/3") as reply:
            model = codec.decode_model_metadata(await reply.read())
        async with session.get("/v2/models/m/config") as reply:
            config = await reply.json()
        async with session.post("/v2/repository/index") as reply:
            index = await reply.json()
    assert server.speaks_our_dialect
    assert (model.name, model.versions, model.platform) == ("m", ["3"], "echo")
    assert [(x.name, x.datatype, x.shape) for x in model.inputs] == [("x", "FP32", [-1, 4])]
    assert model.parameters.encodings == ["plain", "scaled", "sparse"]
    assert model.parameters.max_rows == 5
    assert model.parameters.labels == ["QCD", "top"]
    assert model.parameters.reproducible
    assert config["max_batch_size"] == 5
    assert config["input"] == [{"name": "x", "data_type": "TYPE_FP32", "dims": [4]}]
    assert index == [{"name": "m", "version": "3", "state": "READY", "reason": ""}]


@pytest.mark.parametrize("path", ["/v2/health/live", "/v2/health/ready", "/v2/models/m/ready"])
async def test_a_healthy_server_says_so(tmp_path, path):
    write_model(tmp_path)
    async with running(tmp_path) as session, session.get(path) as reply:
        assert reply.status == 200


async def test_no_rows_are_answered_without_the_device(tmp_path, gate):
    write_model(tmp_path, backend="gated")
    async with running(tmp_path) as session:
        n_before = len(gate.batches)
        response = await infer(session, request_of(np.empty((0, 4))))
        assert response.outputs[0].shape == [0, 2]
        assert len(gate.batches) == n_before


async def test_requests_that_wait_for_the_device_share_its_next_batch(tmp_path, gate):
    write_model(tmp_path, backend="gated", keys="max_rows = 8")
    async with running(tmp_path) as session:
        gate.reset()
        gate.close()
        first = asyncio.ensure_future(infer(session, request_of([[0, 0, 0, 0]], "first")))
        await asyncio.to_thread(gate.wait_for_batches, 1)
        others = [asyncio.ensure_future(infer(session, request_of([[k] * 4] * 2, f"{k}"))) for k in range(4)]
        await waiting_requests(session, 4)
        gate.open()
        responses = await asyncio.gather(first, *others)
    assert gate.batches == [1, 8]
    for k, response in enumerate(responses[1:]):
        assert response.id == f"{k}"
        assert response.parameters.batch_rows == 8
        assert to_array(response.outputs[0]).tolist() == [[k, k]] * 2


async def waiting_requests(session, n: int) -> None:
    """Returns when so many requests wait in the queue."""
    while f'accelerator_waiting_requests{{model="m"}} {n}.0' not in await metrics(session):
        pass


async def metrics(session) -> str:
    async with session.get("/metrics") as reply:
        assert reply.status == 200
        return await reply.text()


async def test_a_full_queue_refuses_at_once_and_says_when_to_come_back(tmp_path, gate):
    write_model(tmp_path, backend="gated", tables="[batching]\nqueue_requests = 1")
    async with running(tmp_path) as session:
        gate.reset()
        gate.close()
        running_one = asyncio.ensure_future(infer(session, request_of([[1] * 4])))
        await asyncio.to_thread(gate.wait_for_batches, 1)
        waiting_one = asyncio.ensure_future(infer(session, request_of([[2] * 4])))
        await waiting_requests(session, 1)
        status, code, reply = await refused(session, **posting(request_of([[3] * 4])))
        assert (status, code, reply.headers[headers.RETRY_AFTER]) == (503, "queue_full", "1")
        gate.open()
        await asyncio.gather(running_one, waiting_one)


async def test_a_request_whose_deadline_passes_in_the_queue_is_never_run(tmp_path, gate):
    write_model(tmp_path, backend="gated")
    async with running(tmp_path) as session:
        gate.reset()
        gate.close()
        running_one = asyncio.ensure_future(infer(session, request_of([[1] * 4])))
        await asyncio.to_thread(gate.wait_for_batches, 1)
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
        gate.reset()
        gate.close()
        arguments = posting(
            request_of([[1] * 4], parameters=parameters), **{headers.DEADLINE_MS: deadline_ms}
        )
        assert (await refused(session, **arguments))[:2] == expected
        gate.open()


async def test_rows_of_a_client_that_has_gone_are_not_run(tmp_path, gate):
    write_model(tmp_path, backend="gated")
    async with running(tmp_path) as session:
        gate.reset()
        gate.close()
        running_one = asyncio.ensure_future(infer(session, request_of([[1] * 4])))
        await asyncio.to_thread(gate.wait_for_batches, 1)
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
        gate.reset()
        gate.close()
        first = asyncio.ensure_future(infer(session, request_of([[0] * 4])))
        await asyncio.to_thread(gate.wait_for_batches, 1)
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


SHORT = codec.encode_request(request_of([[1] * 4]))


@pytest.mark.parametrize(
    ("expected", "path", "arguments"),
    [
        ((400, "bad_body"), INFER, posting(b"\xc1")),
        ((400, "bad_body"), INFER, posting(b"")),
        ((404, "model_not_found"), infer_path("n"), posting(SHORT)),
        ((404, "model_not_found"), infer_path("m", "7"), posting(SHORT)),
        ((404, "not_found"), "/v3", posting(SHORT)),
        ((408, "digest"), INFER, posting(SHORT, **{headers.BODY_CRC32: "00000000"})),
        ((413, "body_too_large"), INFER, posting(bytes(1001))),
        ((413, "too_many_rows"), INFER, posting(request_of([[1] * 4] * 5))),
        ((415, "unsupported_media_type"), INFER, {"data": SHORT, "headers": {"Content-Type": "text/html"}}),
        ((415, "unsupported_media_type"), INFER, posting(SHORT, **{"Content-Encoding": "gzip"})),
        ((415, "unsupported_media_type"), INFER, posting(SHORT, **{"Content-Encoding": "foo"})),
        ((422, "signature"), INFER, posting(request_of([[1] * 3]))),
        ((422, "signature"), INFER, posting(InferenceRequest(id="1", inputs=[]))),
    ],
    ids=lambda value: value[1] if isinstance(value, tuple) else "",
)
async def test_what_cannot_be_served_is_refused_by_status_and_code(tmp_path, expected, path, arguments):
    write_model(tmp_path, keys="max_rows = 4")
    async with running(tmp_path, max_body_bytes=1000) as session:
        assert (await refused(session, path, **arguments))[:2] == expected
        await infer(session, request_of([[1] * 4]))


async def test_a_wrong_method_is_told_the_right_one(tmp_path):
    write_model(tmp_path)
    async with running(tmp_path) as session:
        status, code, reply = await refused(session, INFER, "GET")
    assert (status, code, reply.headers["Allow"]) == (405, "method_not_allowed", "POST")


async def test_the_request_id_comes_back_in_header_and_error(tmp_path):
    write_model(tmp_path)
    async with running(tmp_path) as session:
        arguments = posting(b"\xc1", **{headers.REQUEST_ID: "abc"})
        async with session.post(INFER, **arguments) as reply:
            assert reply.headers[headers.REQUEST_ID] == "abc"
            assert codec.decode_error(await reply.read()).id == "abc"


async def test_a_chunked_body_beyond_the_limit_is_refused(tmp_path):
    async def chunks():
        for _ in range(100):
            yield bytes(100)

    write_model(tmp_path)
    async with running(tmp_path, max_body_bytes=1000) as session:
        arguments = posting(b"")
        arguments["data"] = chunks()
        with contextlib.suppress(aiohttp.ClientConnectionError):  # the server may close before all is sent
            assert (await refused(session, **arguments))[:2] == (413, "body_too_large")
        await infer(session, request_of([[1] * 4]))


async def test_a_body_that_stalls_is_given_up(tmp_path):
    write_model(tmp_path)
    async with running(tmp_path, body_timeout_s=0.05) as session:
        url = session._base_url
        reader, writer = await asyncio.open_connection(url.host, url.port)
        lines = [
            f"POST {INFER} HTTP/1.1",
            "Host: a",
            f"Content-Type: {headers.MSGPACK}",
            "Content-Length: 10",
        ]
        writer.write("\r\n".join([*lines, "", "12345"]).encode())
        reply = await reader.read()
        writer.close()
        await writer.wait_closed()
        assert reply.startswith(b"HTTP/1.1 408")
        assert b"slow_body" in reply
        await infer(session, request_of([[1] * 4]))


async def test_clients_that_vanish_in_the_middle_of_a_body_leave_nothing_behind(tmp_path):
    write_model(tmp_path)
    async with running(tmp_path) as session:
        url = session._base_url
        lines = [
            f"POST {INFER} HTTP/1.1",
            "Host: a",
            f"Content-Type: {headers.MSGPACK}",
            "Content-Length: 99",
        ]
        writers = []
        for _ in range(50):
            _, writer = await asyncio.open_connection(url.host, url.port)
            writer.write("\r\n".join([*lines, "", "12345"]).encode())
            writers.append(writer)
        while "accelerator_requests_inside 50.0" not in await metrics(session):
            pass
        for writer in writers:
            writer.transport.abort()
        while "accelerator_requests_inside 0.0" not in await metrics(session):
            pass
        await infer(session, request_of([[1] * 4]))


async def test_a_refused_model_leaves_the_others_and_readiness_says_so(tmp_path):
    write_model(tmp_path)
    write_model(tmp_path, "broken", model=affine_model(), sha256="00", backend="openvino")
    async with running(tmp_path) as session:
        await infer(session, request_of([[1] * 4]))
        assert (await refused(session, "/v2/health/ready", "GET"))[:2] == (503, "model_not_ready")
        broken = await refused(session, infer_path("broken"), **posting(SHORT))
        assert broken[:2] == (503, "model_not_ready")
        async with session.post("/v2/repository/index") as reply:
            index = {model["name"]: model["state"] for model in await reply.json()}
    assert index == {"m": "READY", "broken": "UNAVAILABLE"}


async def test_a_server_none_of_whose_models_can_be_served_does_not_start(tmp_path):
    write_model(tmp_path, model=affine_model(), sha256="00", backend="openvino")
    with pytest.raises(StartError, match="sha256"):
        async with running(tmp_path):
            pass


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
    assert {"batch_size": 3, "compute_infer": {"count": 1}} in stats["batch_stats"]
    assert 'accelerator_rows_total{model="m"} 3.0' in text
    assert 'accelerator_refusals_total{code="backend_failed"} 1.0' in text
    assert 'accelerator_batch_rows_bucket{le="4.0",model="m"} 2.0' in text


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


async def test_instances_of_a_model_work_side_by_side(tmp_path, gate):
    write_model(tmp_path, backend="gated", keys="instances = 2\nmax_rows = 1")
    async with running(tmp_path) as session:
        gate.reset()
        gate.close()
        both = [asyncio.ensure_future(infer(session, request_of([[k] * 4]))) for k in range(2)]
        await asyncio.to_thread(gate.wait_for_batches, 2)
        gate.open()
        responses = await asyncio.gather(*both)
    assert [to_array(response.outputs[0])[0, 0] for response in responses] == [0, 1]


pixels = st.lists(st.lists(st.floats(-10, 10, width=32), min_size=4, max_size=4), max_size=5)


async def test_any_rows_in_any_encoding_come_back_as_their_own(tmp_path):
    write_model(tmp_path)
    async with running(tmp_path) as session:

        async def check(rows):
            array = np.array(rows, np.float32).reshape(-1, 4)
            filled = np.nonzero(array)
            sparse = sparse_tensor("x", (4,), np.count_nonzero(array, axis=1), filled[1], array[filled])
            for tensor in (sparse, dense_tensor("x", array)):
                response = await infer(session, InferenceRequest(id="r", inputs=[tensor]))
                np.testing.assert_array_equal(to_array(response.outputs[0]), array[:, :2])

        for rows in sampled(pixels):
            await check(rows)


async def test_random_bodies_are_refused_and_never_break_the_server(tmp_path):
    write_model(tmp_path)
    bodies = st.one_of(st.binary(max_size=60), st.lists(st.integers(0, 255), min_size=2, max_size=2))
    async with running(tmp_path) as session:
        for body in sampled(bodies):
            if isinstance(body, list):
                damaged = bytearray(SHORT)
                damaged[body[0] % len(SHORT)] = body[1]
                body = bytes(damaged)
            async with session.post(INFER, **posting(body)) as reply:
                assert reply.status in (200, 400, 413, 422)
        await infer(session, request_of([[1] * 4]))


def sampled(strategy) -> list:
    """A hundred examples drawn by hypothesis, for a coroutine to go through."""
    examples = []

    @settings(max_examples=100, database=None, suppress_health_check=list(HealthCheck))
    @given(strategy)
    def draw(example):
        examples.append(example)

    draw()
    return examples
