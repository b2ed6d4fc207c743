"""Connections over real sockets: too many, too slow to speak, too slow to listen, speaking two tongues."""

import asyncio

import aiohttp
import numpy as np
import pytest

from inference_client.protocol import codec, headers
from inference_client.protocol.routes import LIVE
from tests.accelerator_server.answers import INFER, infer, metrics, refused
from tests.accelerator_server.model_files import write_model
from tests.accelerator_server.running import posting, request_of, running

ROW = request_of([[1] * 4])


async def connect(session) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection(session._base_url.host, session._base_url.port)


async def close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    await asyncio.wait([asyncio.ensure_future(writer.wait_closed())])


async def test_beyond_the_cap_only_liveness_is_answered_until_others_leave(tmp_path):
    write_model(tmp_path)
    async with running(tmp_path, max_connections=20) as session:
        idle = [await connect(session) for _ in range(20)]
        while True:
            status, code, reply = await status_of(session)
            if status == 503:
                break
        assert (code, reply.headers["Connection"]) == ("too_many_connections", "close")
        assert headers.RETRY_AFTER in reply.headers
        async with session.get(LIVE) as reply:
            assert reply.status == 200
        for _, writer in idle:
            await close(writer)
        while (await status_of(session))[0] != 200:
            pass


async def status_of(session):
    async with session.post(INFER, **posting(ROW)) as reply:
        body = await reply.read()
        code = "" if reply.status == 200 else codec.decode_error(body).code
        return reply.status, code, reply


@pytest.mark.parametrize("begun", [f"POST {INFER}", "GET /v2"], ids=["express", "aiohttp"])
async def test_a_client_that_never_finishes_its_headers_is_hung_up_on(tmp_path, begun):
    write_model(tmp_path)
    async with running(tmp_path, keepalive_s=0.2) as session:
        reader, writer = await connect(session)
        writer.write(f"{begun} HTTP/1.1\r\nHost: a\r\nX-Slow: ".encode())
        async with asyncio.timeout(10):
            assert await reader.read() in (b"",)
        await close(writer)
        await infer(session, ROW)


@pytest.mark.parametrize("more", ["", "Expect: 100-continue\r\n"], ids=["express", "aiohttp"])
async def test_a_client_that_goes_in_the_middle_of_its_body_is_counted(tmp_path, more):
    write_model(tmp_path)
    async with running(tmp_path) as session:
        _, writer = await connect(session)
        head = f"POST {INFER} HTTP/1.1\r\nHost: a\r\nContent-Type: {headers.MSGPACK}\r\n{more}"
        writer.write(f"{head}Content-Length: 9\r\n\r\nabc".encode())
        async with asyncio.timeout(20):
            while "accelerator_requests_inside 1.0" not in await metrics(session):
                pass
            await close(writer)
            while "accelerator_requests_inside 0.0" not in await metrics(session):
                pass
            while 'accelerator_refusals_total{code="client_gone"} 1.0' not in await metrics(session):
                pass
        assert 'accelerator_requests_total{status="499"} 1.0' in await metrics(session)


async def test_a_client_that_does_not_take_its_answer_is_given_up(tmp_path):
    write_model(tmp_path, outputs=(("y", "FP32", [-1, 4]),), keys="max_rows = 1000000")
    body = codec.encode_request(request_of(np.ones((10**6, 4), np.float32)))
    async with running(tmp_path, send_timeout_s=0.5) as session:
        reader, writer = await connect(session)
        reader._transport.pause_reading()
        lines = [
            f"POST {INFER} HTTP/1.1",
            "Host: a",
            f"Content-Type: {headers.MSGPACK}",
            f"Content-Length: {len(body)}",
        ]
        writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        async with asyncio.timeout(30):
            while 'accelerator_rows_total{model="m",version="1"} 1e+06' not in await metrics(session):
                pass
            while "accelerator_connections 1.0" not in await metrics(session):
                pass
        writer.transport.abort()
        await infer(session, ROW)


@pytest.mark.parametrize(
    "head",
    [
        "POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n12345",
        "GET /v2 HTTP/1.1\r\nHost: a\r\nX: " + "x" * 10_000 + "\r\n\r\n",
        "GET /v2 HTTP/1.1\r\nHost: a\r\n bad: header\r\n\r\n",
        "GET /v2 HTTP/1.1\r\nHost : a\r\n\r\n",
        "GET /v2\r\nHTTP/1.1\r\n\r\n",
        "GET /v2 HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET /v2 HTTP/1.1\nHost: a\nAuthorization: Bearer secret\n\n",
        "GET /v2 HTTP/1.1\r\nHost: a\r\n" + "X: x\r\n" * 1000 + "\r\n",
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
    ids=[
        "both lengths",
        "two lengths",
        "large header",
        "folded",
        "blank in name",
        "split line",
        "two hosts",
        "line feeds",
        "many headers",
        "tls",
    ],
)
async def test_what_is_not_quite_http_is_refused_and_nothing_after_it_is_read(tmp_path, caplog, head):
    write_model(tmp_path)
    async with running(tmp_path) as session:
        reader, writer = await connect(session)
        smuggled = "GET /v2/models/smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
        writer.write((head.format(path=INFER) + smuggled).encode("latin-1"))
        async with asyncio.timeout(10):
            reply = await reader.read()
        await close(writer)
        assert reply.startswith((b"HTTP/1.0 400", b"HTTP/1.1 400"))
        assert reply.count(b"\r\nDate: ") == 1
        assert b"Traceback" not in reply
        assert 'code="not_found"' not in await metrics(session)
        await infer(session, ROW)
    assert "Traceback" not in caplog.text
    assert "secret" not in caplog.text  # who makes such a mistake may have sent a token with it


async def test_pipelined_requests_are_answered_in_order(tmp_path):
    write_model(tmp_path)
    async with running(tmp_path) as session:
        reader, writer = await connect(session)
        paths = (LIVE, "/v2", "/v2/models/m", LIVE)
        writer.write("".join(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n" for path in paths).encode())
        bodies = [await next_body(reader) for _ in paths]
        await close(writer)
    assert bodies[0] == bodies[3] == b'{"live":true}'
    assert b"accelerator-server" in bodies[1]
    assert b'"name":"m"' in bodies[2]


async def next_body(reader: asyncio.StreamReader) -> bytes:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    return await reader.readexactly(int(head.split("content-length: ")[1].split("\r\n")[0]))


async def test_a_client_of_another_protocol_is_refused_as_any_other(tmp_path):
    write_model(tmp_path)
    async with running(tmp_path) as session:
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect("/v2")
        assert (await refused(session, "/v2", "PATCH"))[:2] == (405, "method_not_allowed")
