"""The short way over real sockets: it answers as aiohttp does, and gives away what is not its own."""

import asyncio
import contextlib
import errno

import numpy as np
import pytest

from accelerator_server.http.replies import HttpReply
from accelerator_server.lifecycle import UNFINISHED
from accelerator_server.limits.memory_guard import Claim
from inference_client.client import InferenceClient
from inference_client.configuration import ClientConfiguration
from inference_client.protocol import codec, headers
from inference_client.protocol.routes import LIVE, infer_path
from tests.accelerator_server.answers import INFER, metrics
from tests.accelerator_server.model_files import write_model
from tests.accelerator_server.running import request_of, started

ROW = codec.encode_request(request_of([[1, 2, 3, 4]]))
SLOW = "[backend_parameters]\nservice_time_s = 0.5"


class Line:
    """A connection by hand."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of the next answer."""
        async with asyncio.timeout(20):
            lines = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            found = dict(line.split(": ", 1) for line in lines[1:] if line)
            body = await self.reader.readexactly(int(found.get("Content-Length", 0)))
        return int(lines[0].split()[1]), found, body

    async def ended(self) -> bool:
        """Whether the server has closed it, after whatever it still sent."""
        async with asyncio.timeout(20):
            return not await self.reader.read()


@contextlib.asynccontextmanager
async def line_to(server):
    host, _, port = server.address.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        yield Line(reader, writer)
    finally:
        writer.close()
        await asyncio.wait([asyncio.ensure_future(writer.wait_closed())])


def post(body: bytes = ROW, path: str = INFER, **more: str) -> bytes:
    """A request as bytes."""
    asked = {"Host": "a", "Content-Type": headers.MSGPACK, "Content-Length": str(len(body)), **more}
    lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in asked.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


def chunked(body: bytes = ROW, path: str = INFER, **more: str) -> bytes:
    """The same in a form that goes the long way."""
    asked = {"Host": "a", "Content-Type": headers.MSGPACK, "Transfer-Encoding": "chunked", **more}
    lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in asked.items())]
    chunk = f"{len(body):x}\r\n".encode() + body + b"\r\n" if body else b""
    return "\r\n".join([*lines, "", ""]).encode() + chunk + b"0\r\n\r\n"


def n_read_by_aiohttp(server) -> int:
    return server._runner.server.requests_count


@pytest.fixture
async def server(tmp_path):
    write_model(tmp_path)
    async with started(tmp_path, max_body_bytes=2**20) as (server, _):
        yield server


async def test_ordinary_requests_never_come_to_aiohttp(server):
    async with line_to(server) as line:
        for _ in range(3):
            line.writer.write(post())
            status, found, body = await line.answer()
            assert status == 200
            assert found[headers.BODY_CRC32] == codec.body_crc32(body)
            assert codec.decode_response(body).id == "r1"
    assert n_read_by_aiohttp(server) == 0


async def test_a_request_may_come_in_any_pieces(server):
    request = post(path=infer_path("m", "1"))
    async with line_to(server) as line:
        for size in (1, 7, 50, len(request) - 1):
            for start in range(0, len(request), size):
                line.writer.write(request[start : start + size])
                await line.writer.drain()
                await asyncio.sleep(0)
            assert (await line.answer())[0] == 200
    assert n_read_by_aiohttp(server) == 0


ASKED = {
    "plain": {},
    "id": {headers.REQUEST_ID: "abc"},
    "long id": {headers.REQUEST_ID: "x" * 300},
    "digest": {headers.BODY_CRC32: "00000000"},
    "no deadline": {headers.DEADLINE_MS: "soon"},
    "deadline over": {headers.DEADLINE_MS: "0"},
    "unknown type": {"Content-Type": "text/html"},
    "other type": {"Content-Type": headers.JSON},
    "other model": {"path": infer_path("other")},
    "other version": {"path": infer_path("m", "7")},
    "empty": {"body": b""},
    "no msgpack": {"body": b"\xc1"},
    "signature": {"body": codec.encode_request(request_of([[1] * 3]))},
    "too large": {"body": bytes(2**20 + 1)},
}


@pytest.mark.parametrize("asked", ASKED.values(), ids=list(ASKED))
async def test_both_ways_answer_the_same(server, asked):
    answers = []
    for form in (post, chunked):
        async with line_to(server) as line:
            line.writer.write(form(**asked))
            status, found, body = await line.answer()
            found.pop("Date")
            if status == 200:
                found.pop(headers.BODY_CRC32)
                found.pop("Content-Length")
                response = codec.decode_response(body)
                body = (response.id, [bytes(output.data) for output in response.outputs])
            answers.append((status, found, body))
    assert answers[0] == answers[1]
    assert "Server" in answers[0][1]


async def test_requests_that_are_sent_ahead_are_answered_in_order_whichever_way_they_go(server):
    async with line_to(server) as line:
        ids = [f"r{number}" for number in range(40)]
        ahead = [post(codec.encode_request(request_of([[1] * 4], name))) for name in ids]
        line.writer.write(b"".join(ahead[:20]) + f"GET {LIVE} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        line.writer.write(b"".join(ahead[20:]))
        bodies = [(await line.answer())[2] for _ in range(41)]
    assert bodies.pop(20) == b'{"live":true}'
    assert [codec.decode_response(body).id for body in bodies] == ids
    assert n_read_by_aiohttp(server) == 21


async def test_who_wants_to_be_asked_first_is(server):
    async with line_to(server) as line:
        request = post(Expect="100-continue")
        head_bytes = request.index(b"\r\n\r\n") + 4
        line.writer.write(request[:head_bytes])
        async with asyncio.timeout(20):
            assert await line.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        line.writer.write(request[head_bytes:])
        assert (await line.answer())[0] == 200


async def test_a_connection_is_closed_when_its_client_says_so(server):
    async with line_to(server) as line:
        line.writer.write(post(Connection="close") + post())
        status, found, _ = await line.answer()
        assert (status, found["Connection"]) == (200, "close")
        assert await line.ended()


async def test_so_it_is_after_a_request_without_a_body(server):
    async with line_to(server) as line:
        line.writer.write(post(b"", Connection="close"))
        status, found, _ = await line.answer()
        assert (status, found["Connection"]) == (400, "close")
        assert await line.ended()


async def test_a_body_that_does_not_come_is_refused_and_leaves_no_place_taken(tmp_path):
    write_model(tmp_path)
    async with started(tmp_path, body_timeout_s=0.1) as (server, session):
        async with line_to(server) as line:
            line.writer.write(post()[:-1])
            status, found, body = await line.answer()
            assert (status, codec.decode_error(body).code, found["Connection"]) == (408, "slow_body", "close")
            assert await line.ended()
        assert "accelerator_requests_inside 0.0" in await metrics(session)
        assert "accelerator_inside_bytes 0.0" in await metrics(session)
        assert n_read_by_aiohttp(server) == 2


async def test_an_idle_connection_is_closed_after_its_time_and_a_used_one_is_not(tmp_path):
    write_model(tmp_path)
    async with (
        started(tmp_path, keepalive_s=0.5) as (server, _),
        line_to(server) as idle,
        line_to(server) as used,
    ):
        closed = asyncio.ensure_future(idle.ended())
        while not closed.done():
            used.writer.write(post())
            assert (await used.answer())[0] == 200
        assert closed.result()
        used.writer.write(post())
        assert (await used.answer())[0] == 200


async def test_a_client_that_leaves_is_counted_and_its_place_is_free(tmp_path):
    write_model(tmp_path)
    write_model(tmp_path, "slow", backend="emulated", tables=SLOW)
    async with started(tmp_path) as (server, session):
        for request in (post(path=infer_path("slow")), post()[:-1]):
            async with line_to(server) as line:
                line.writer.write(request)
                while "accelerator_requests_inside 1.0" not in await metrics(session):
                    pass
            while "accelerator_requests_inside 0.0" not in await metrics(session):
                pass
        text = await metrics(session)
    assert 'accelerator_refusals_total{code="client_gone"} 2.0' in text
    assert "accelerator_inside_bytes 0.0" in text


async def test_a_client_that_reads_no_answers_is_read_no_further(tmp_path):
    write_model(tmp_path, outputs=(("y", "FP32", [-1, 4]),), keys="max_rows = 100000")
    body = codec.encode_request(request_of(np.ones((100_000, 4), np.float32)))
    async with started(tmp_path) as (server, session):
        async with line_to(server) as line:
            line.reader._transport.pause_reading()
            sending = asyncio.ensure_future(asyncio.to_thread(flood, line, post(body), 40))
            quiet = 0
            rows = -1.0
            while quiet < 20:  # until the count of rows stands still
                now = await rows_of(session)
                quiet, rows = (quiet + 1, rows) if now == rows else (0, now)
                await asyncio.sleep(0.02)
            assert rows < 40 * 100_000
            line.reader._transport.resume_reading()
            for _ in range(40):
                status, _, _ = await line.answer()
                assert status == 200
            await sending
        assert await rows_of(session) == 40 * 100_000


def flood(line: Line, request: bytes, times: int) -> None:
    for _ in range(times):
        line.writer._loop.call_soon_threadsafe(line.writer.write, request)


async def rows_of(session) -> float:
    found = [
        line for line in (await metrics(session)).splitlines() if line.startswith("accelerator_rows_total")
    ]
    return float(found[0].split()[-1]) if found else 0.0


async def test_a_server_that_stops_answers_what_it_has_and_closes(tmp_path):
    write_model(tmp_path, "slow", backend="emulated", tables=SLOW)
    async with started(tmp_path) as (server, session), line_to(server) as busy, line_to(server) as idle:
        busy.writer.write(post(path=infer_path("slow")))
        while "accelerator_requests_inside 1.0" not in await metrics(session):
            pass
        stopping = asyncio.ensure_future(server.stop())
        await asyncio.sleep(0)  # it has begun to
        idle.writer.write(post(path=infer_path("slow")))
        status, _, body = await idle.answer()
        assert (status, codec.decode_error(body).code) == (503, "draining")
        status, found, _ = await busy.answer()
        assert (status, found["Connection"]) == (200, "close")
        assert await busy.ended()
        assert await idle.ended()
        assert await stopping == 0


async def test_our_client_goes_the_short_way(server):
    configuration = ClientConfiguration("m", servers=[server.address])
    async with InferenceClient(configuration) as client:
        asked = n_read_by_aiohttp(server)
        for _ in range(5):
            await client.infer(request_of([[1, 2, 3, 4]]))
    assert n_read_by_aiohttp(server) == asked == 2


async def test_the_last_request_of_a_client_that_listens_late_ends_the_connection_once(tmp_path, caplog):
    write_model(tmp_path, outputs=(("y", "FP32", [-1, 4]),), keys="max_rows = 400000")
    large = post(codec.encode_request(request_of(np.ones((400_000, 4), np.float32))))
    async with started(tmp_path) as (server, session), line_to(server) as line:
        line.reader._transport.pause_reading()
        line.writer.write(large + post(b"\xc1", Connection="close"))
        while "accelerator_rows_total" not in await metrics(session) or not await rows_of(session):
            pass
        line.reader._transport.resume_reading()
        assert (await line.answer())[0] == 200
        assert (await line.answer())[0] == 400
        assert await line.ended()
    assert not [record for record in caplog.records if record.name == "asyncio"]


async def test_who_still_sends_a_body_that_is_late_gets_to_read_why_it_is_refused(tmp_path):
    write_model(tmp_path)
    async with started(tmp_path, body_timeout_s=0.1) as (server, session), line_to(server) as line:
        line.reader._transport.pause_reading()
        line.writer.write(post(bytes(1000))[:-900])
        while 'code="slow_body"' not in await metrics(session):
            pass
        for _ in range(3):
            line.writer.write(bytes(100))
            await metrics(session)  # and so it has come to the server
        line.reader._transport.resume_reading()
        status, _, body = await line.answer()
        assert (status, codec.decode_error(body).code) == (408, "slow_body")
        assert await line.ended()


async def test_an_answer_that_cannot_be_sent_is_an_internal_error(tmp_path, monkeypatch):
    def broken(*_) -> HttpReply:
        message = "cannot pack"
        raise RuntimeError(message)

    write_model(tmp_path)
    write_model(tmp_path, "slow", backend="emulated", tables=SLOW)
    async with started(tmp_path) as (server, _), line_to(server) as line:
        with monkeypatch.context() as patch:
            patch.setattr("accelerator_server.http.express.connection.http_reply", broken)
            for path in (INFER, infer_path("slow")):
                line.writer.write(post(path=path))
                status, _, body = await line.answer()
                assert (status, codec.decode_error(body).code) == (500, "internal")
        line.writer.write(post())
        assert (await line.answer())[0] == 200


async def test_where_memory_cannot_be_measured_a_request_is_refused_and_leaves_no_place_taken(
    server, monkeypatch
):
    def too_many_files(_: int) -> Claim:
        raise OSError(errno.EMFILE, "too many open files")

    with monkeypatch.context() as patch:
        patch.setattr(server._state.memory, "claim", too_many_files)
        async with line_to(server) as line:
            line.writer.write(post())
            status, _, body = await line.answer()
            assert (status, codec.decode_error(body).code) == (500, "internal")
    assert server._state.admission.n_inside == 0


async def test_a_connection_that_is_about_to_close_takes_the_body_that_it_waits_for(tmp_path):
    write_model(tmp_path)
    async with started(tmp_path) as (server, session), line_to(server) as line:
        line.writer.write(post()[:-1])
        while "accelerator_requests_inside 1.0" not in await metrics(session):
            pass
        (connection,) = server._connections._express
        connection.close()
        line.writer.write(post()[-1:])
        status, found, _ = await line.answer()
        assert (status, found["Connection"]) == (200, "close")
        assert await line.ended()


async def test_what_is_not_answered_when_time_is_over_is_not_waited_for(tmp_path):
    write_model(tmp_path)
    async with started(tmp_path, drain_s=0.1) as (server, session), line_to(server) as line:
        line.writer.write(post()[:-1])
        while "accelerator_requests_inside 1.0" not in await metrics(session):
            pass
        assert await server.stop() == UNFINISHED
        with contextlib.suppress(ConnectionResetError):
            assert await line.ended()
        assert not server._state.admission.n_inside
        assert not server._connections._express


async def test_a_connection_that_comes_when_all_are_closed_is_closed_too(server):
    await server._connections.close(0)
    async with line_to(server) as line:
        assert await line.ended()
