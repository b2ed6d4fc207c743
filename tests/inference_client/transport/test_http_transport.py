"""HTTP: every way in which a server can answer wrongly is told apart, none passes for an answer."""

import asyncio
import contextlib
import socket
import zlib

import pytest

from inference_client.client import http_connections
from inference_client.configuration import ClientConfiguration
from inference_client.errors import (
    BadReply,
    ConnectionLost,
    CredentialsError,
    RequestRefused,
    ServerBusy,
    ServerFault,
    ServerUnreachable,
    TryTimedOut,
    UnknownModelError,
)
from inference_client.testing.faults import Fault
from inference_client.transport.http_transport import HttpOptions, HttpTransport
from tests.inference_client.transport.transport_tests import TransportTests, call


@pytest.fixture
async def connect():
    opened = []

    def make(address: str, **settings):
        opened.append(http_connections(ClientConfiguration("fake", **settings))(address))
        return opened[-1]

    yield make
    for transport in opened:
        await transport.close()


@pytest.fixture
async def transport(server, connect):
    return connect(server.address)


class TestHttpTransport(TransportTests):
    @pytest.fixture
    def transport(self, transport):
        return transport

    @pytest.fixture
    def slow(self, server):
        return lambda: server.faults.append(Fault.HANG)


EXPECTED = [
    (Fault.RESET, ConnectionLost, "closed the connection"),
    (Fault.TRUNCATED, ConnectionLost, "closed the connection"),
    (Fault.GARBAGE, BadReply, "not HTTP"),
    (Fault.NO_LENGTH, BadReply, "without Content-Length"),
    (Fault.FLIPPED_BIT, BadReply, "crc32"),
    (Fault.NO_DIGEST, BadReply, "crc32"),
    (Fault.PACKED, BadReply, "Content-Encoding 'gzip', not asked for"),
    (Fault.OTHER_ID, BadReply, "id 'another' instead of 'r-1'"),
    (Fault.OTHER_MODEL, BadReply, "model 'another' instead of 'fake'"),
    (Fault.OTHER_SHA256, BadReply, "sha256 'ffff"),
    (Fault.ROW_MISSING, BadReply, "1 rows of output 'scores' for 2 rows sent"),
    (Fault.OUTPUT_MISSING, BadReply, r"outputs \[\] instead of \['scores'\]"),
    (Fault.BUSY, ServerBusy, "503: busy"),
    (Fault.SLOW_DOWN, ServerBusy, "429: slow_down"),
    (Fault.BAD_GATEWAY, ServerFault, "502"),
    (Fault.MODEL_GONE, ServerFault, "404"),
    (Fault.REDIRECT, ServerFault, "redirections are not followed"),
    (Fault.BACKEND_FAILED, RequestRefused, "500"),
    (Fault.BAD_TOKEN, CredentialsError, "401.*token_file"),
]


@pytest.mark.parametrize(("fault", "kind", "words"), EXPECTED)
async def test_a_fault_has_its_name_and_the_next_request_is_answered(server, transport, fault, kind, words):
    server.faults.append(fault)
    with pytest.raises(kind, match=words) as caught:
        await transport.infer(call(), 5.0)
    assert type(caught.value) is kind
    assert server.address in str(caught.value)
    assert (await transport.infer(call(), 5.0)).response.id == "r-1"
    assert len(server.requests) == 2, "the transport must not try again by itself"


def test_every_fault_of_the_fake_server_is_tested():
    assert {fault for fault, _, _ in EXPECTED} | {Fault.HANG} == set(Fault)


async def test_what_travels_beside_the_body(server, connect):
    transport = connect(server.address, client_id="job 7")
    await transport.infer(call(), 3.0)
    (headers,) = server.requests
    assert headers["X-Request-Id"] == "r-1"
    assert headers["X-Client-Id"] == "job 7"
    assert headers["Content-Type"] == "application/msgpack"
    assert 2900 < int(headers["X-Deadline-Ms"]) <= 3000
    assert len(headers["X-Body-Crc32"]) == 8
    assert int(headers["Content-Length"]) > 0
    assert "Authorization" not in headers


async def test_a_token_travels_where_one_is_set(server, connect, tmp_path):
    path = tmp_path / "token"
    path.write_text("secret")
    path.chmod(0o600)
    server.token = "secret"
    transport = connect(server.address, token_file=str(path))
    await transport.read_server_metadata(5.0)
    await transport.infer(call(), 5.0)
    assert server.requests[0]["Authorization"] == "Bearer secret"


async def test_without_the_token_metadata_is_refused_as_a_matter_of_configuration(server, transport):
    server.token = "secret"
    with pytest.raises(CredentialsError, match=r"401.*token_file"):
        await transport.read_server_metadata(5.0)


async def test_a_port_where_nobody_listens_is_told_from_a_lost_connection(connect):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        transport = connect(f"http://127.0.0.1:{unused.getsockname()[1]}")
        with pytest.raises(ServerUnreachable, match="cannot be reached"):
            await transport.infer(call(), 5.0)


async def test_a_host_that_does_not_take_the_connection_is_given_up_before_the_try(connect):
    with socket.socket() as deaf, socket.socket() as first, socket.socket() as second:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)  # its queue is full with these two: Linux answers no more
        for one in (first, second):
            one.setblocking(False)
            one.connect_ex(deaf.getsockname())
        transport = connect(f"http://127.0.0.1:{deaf.getsockname()[1]}", connect_timeout_s=0.2)
        with pytest.raises(ServerUnreachable, match="no connection in time"):
            await transport.infer(call(), 10.0)


async def test_a_name_that_does_not_exist_is_an_unreachable_server(connect):
    transport = connect("http://no-such-host.invalid:8000")
    with pytest.raises(ServerUnreachable, match="cannot be reached"):
        await transport.read_server_metadata(5.0)


async def test_https_to_a_server_without_it_is_a_matter_of_configuration(server, connect):
    transport = connect(server.address.replace("http:", "https:"))
    with pytest.raises(CredentialsError, match=r"TLS .* it may speak http:// only"):
        await transport.read_server_metadata(5.0)


async def test_a_web_page_is_not_quoted(connect):
    async def page(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        body = b"<!DOCTYPE HTML>\n<html>\n  <body>Not found</body></html>"
        writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(page, "127.0.0.1", 0) as web:
        transport = connect(f"http://127.0.0.1:{web.sockets[0].getsockname()[1]}")
        with pytest.raises(UnknownModelError, match=r"with 404: a web page; is it an inference server\?$"):
            await transport.read_server_metadata(5.0)


async def test_a_server_that_accepts_and_says_nothing_times_out(connect):
    async def silent(reader, writer):
        await reader.read()
        writer.close()

    listening = await asyncio.start_server(silent, "127.0.0.1", 0)
    async with listening:
        transport = connect(f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}")
        with pytest.raises(TryTimedOut):
            await transport.infer(call(), 0.1)
        await transport.close()


async def test_the_digest_is_that_of_the_body_as_sent(server, transport):
    bodies = []
    original = server._answer

    def keep(request, body, fault):
        bodies.append((request.headers["X-Body-Crc32"], body))
        return original(request, body, fault)

    server._answer = keep
    await transport.infer(call(), 5.0)
    ((digest, body),) = bodies
    assert int(digest, 16) == zlib.crc32(body)


class TestSizeOfReplies:
    """A reply over the bound is given up, and the rest of it never read."""

    BOUND = 100_000

    async def _ask(self, head: bytes, piece: bytes, n_pieces: int) -> tuple[Exception, int]:
        """What a transport with a bound makes of a reply, and how much of it the server could send."""
        sent = 0
        gone = asyncio.Event()

        async def answer(reader, writer):
            nonlocal sent
            await reader.readuntil(b"\r\n\r\n")
            writer.write(head)
            with contextlib.suppress(ConnectionError):
                for _ in range(n_pieces):
                    writer.write(piece)
                    await writer.drain()
                    sent += len(piece)
                await reader.read()
            writer.close()
            gone.set()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        options = HttpOptions(connect_timeout_s=2.0, client_id="x", token="", max_reply_bytes=self.BOUND)
        transport = HttpTransport(address, options)
        try:
            with pytest.raises(BadReply) as caught:
                await transport.read_server_metadata(20.0)
            await gone.wait()
        finally:
            await transport.close()
            server.close()
            await server.wait_closed()
        return caught.value, sent

    async def test_one_that_says_its_length_is_refused_before_it_is_read(self):
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n"
        error, sent = await self._ask(head, bytes(2**20), 1000)
        assert "a reply of 1000000000 bytes, over 100000" in str(error)
        assert sent < 2**25

    async def test_one_in_chunks_is_given_up_at_the_bound(self):
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        error, sent = await self._ask(head, b"100000\r\n" + bytes(2**20) + b"\r\n", 1000)
        assert "without length of over 100000 bytes" in str(error)
        assert sent < 2**25
