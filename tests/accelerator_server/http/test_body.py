"""Bodies over real sockets: too large, too slow, broken, random; nothing leaks and nothing breaks."""

import asyncio

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inference_client.protocol import codec, headers
from inference_client.protocol.arrays import dense_tensor, sparse_tensor, to_array
from inference_client.protocol.messages import InferenceRequest
from tests.accelerator_server.answers import INFER, infer, metrics
from tests.accelerator_server.model_files import write_model
from tests.accelerator_server.running import posting, request_of, running

SHORT = codec.encode_request(request_of([[1] * 4]))


def head(*lines: str) -> bytes:
    """The head of an inference request."""
    first = (f"POST {INFER} HTTP/1.1", "Host: a", f"Content-Type: {headers.MSGPACK}")
    return "\r\n".join([*first, *lines, "", ""]).encode()


async def line_to(session) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection(session._base_url.host, session._base_url.port)


async def test_a_body_that_has_no_end_is_refused_at_the_limit(tmp_path):
    async def send(writer):
        while True:
            writer.write(b"64\r\n" + bytes(100) + b"\r\n")
            await writer.drain()

    write_model(tmp_path)
    async with running(tmp_path, max_body_bytes=1000) as session:
        reader, writer = await line_to(session)
        writer.write(head("Transfer-Encoding: chunked"))
        sending = asyncio.ensure_future(send(writer))
        async with asyncio.timeout(10):
            assert (await reader.readline()).startswith(b"HTTP/1.1 413")
        sending.cancel()
        writer.transport.abort()
        await infer(session, request_of([[1] * 4]))


async def test_a_body_that_says_it_is_too_large_is_refused_before_any_of_it_is_there(tmp_path):
    write_model(tmp_path)
    async with running(tmp_path, max_body_bytes=1000) as session:
        reader, writer = await line_to(session)
        writer.write(head("Content-Length: 1001"))
        async with asyncio.timeout(10):
            assert (await reader.readline()).startswith(b"HTTP/1.1 413")
        writer.transport.abort()
        assert "accelerator_received_bytes_total 0.0" in await metrics(session)


@pytest.mark.parametrize(
    "lines",
    [
        ["Content-Length: 10"],
        ["Content-Length: 10", "Content-Encoding: gzip"],
        ["Transfer-Encoding: chunked"],
    ],
    ids=["plain", "packed", "chunked"],
)
async def test_a_body_that_stalls_is_given_up(tmp_path, lines):
    write_model(tmp_path)
    async with running(tmp_path, body_timeout_s=0.05) as session:
        reader, writer = await line_to(session)
        writer.write(head(*lines) + b"5\r\n12")
        async with asyncio.timeout(10):
            reply = await reader.read()
        writer.close()
        await writer.wait_closed()
        assert reply.startswith(b"HTTP/1.1 408")
        assert b"slow_body" in reply
        await infer(session, request_of([[1] * 4]))


async def test_clients_that_vanish_in_the_middle_of_a_body_leave_nothing_behind(tmp_path):
    write_model(tmp_path)
    async with running(tmp_path) as session:
        writers = []
        for _ in range(50):
            _, writer = await line_to(session)
            writer.write(head("Content-Length: 99") + b"12345")
            writers.append(writer)
        while "accelerator_requests_inside 50.0" not in await metrics(session):
            pass
        for writer in writers:
            writer.transport.abort()
        while "accelerator_requests_inside 0.0" not in await metrics(session):
            pass
        await infer(session, request_of([[1] * 4]))


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
