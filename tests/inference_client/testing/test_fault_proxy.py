"""Broken connections: every cut is noticed, no flipped bit makes a wrong score."""

import asyncio
import contextlib
import socket
import struct
from random import Random

import pytest

from inference_client.client import http_connections
from inference_client.configuration import ClientConfiguration
from inference_client.errors import ConnectionLost, InferenceError, TryTimedOut
from inference_client.protocol.arrays import to_array
from inference_client.testing.fault_proxy import ConnectionFault, FaultProxy, StreamFault
from tests.inference_client.transport.transport_tests import call

VALUES = [1.0, 2.0]


@pytest.fixture
async def proxy(server):
    async with FaultProxy(server.address, lambda _: ConnectionFault()) as proxy:
        yield proxy


async def ask(proxy: FaultProxy, fault: ConnectionFault, timeout_s: float = 10.0) -> list[float]:
    """Asks over a connection of its own that has this fault."""
    proxy.plan = lambda _: fault
    transport = http_connections(ClientConfiguration("fake"))(proxy.address)
    try:
        reply = await transport.infer(call(VALUES), timeout_s)
        return to_array(reply.response.outputs[0])[:, 0].tolist()
    finally:
        await transport.close()


async def sizes(proxy: FaultProxy, server) -> tuple[int, int]:
    """Bytes of the whole reply, and of the body of the request."""
    before = proxy.reply_bytes
    assert await ask(proxy, ConnectionFault()) == VALUES
    return proxy.reply_bytes - before, int(server.requests[-1]["Content-Length"])


async def test_without_a_fault_it_is_not_noticed(proxy):
    assert await ask(proxy, ConnectionFault()) == VALUES


async def test_a_reply_cut_at_any_byte_is_never_taken_for_an_answer(proxy, server):
    reply_bytes, _ = await sizes(proxy, server)
    for cut_at in range(reply_bytes):
        with pytest.raises(ConnectionLost):
            await ask(proxy, ConnectionFault(reply=StreamFault(cut_at=cut_at)))


@pytest.mark.parametrize("cut_at", [0, 1, 100, 300])
@pytest.mark.parametrize("way", ["request", "reply"])
async def test_a_reset_is_a_lost_connection(proxy, way, cut_at):
    fault = ConnectionFault(**{way: StreamFault(cut_at=cut_at, with_reset=True)})
    with pytest.raises(ConnectionLost):
        await ask(proxy, fault)


async def test_a_connection_closed_at_once_is_a_lost_one(proxy):
    with pytest.raises(ConnectionLost):
        await ask(proxy, ConnectionFault(is_refused=True))


@pytest.mark.parametrize("way", ["request", "reply"])
async def test_silence_ends_with_the_time_of_the_try(proxy, way):
    with pytest.raises(TryTimedOut):
        await ask(proxy, ConnectionFault(**{way: StreamFault(is_silent=True)}), timeout_s=0.1)


async def test_a_late_reply_is_a_reply(proxy):
    assert await ask(proxy, ConnectionFault(reply=StreamFault(delay_s=0.1))) == VALUES


async def flip(proxy: FaultProxy, way: str, bits) -> int:
    """Turns bits over, one in each exchange; returns how many of the changes were noticed."""
    noticed = 0
    for bit in bits:
        fault = ConnectionFault(**{way: StreamFault(flip_bit=bit)})
        try:
            values = await ask(proxy, fault, timeout_s=0.25)
        except InferenceError:
            noticed += 1
        else:
            assert values == VALUES, f"bit {bit} of the {way} was turned over unnoticed"
    return noticed


async def test_a_flipped_bit_of_a_reply_never_makes_a_wrong_score(proxy, server, sample_seed):
    reply_bytes, _ = await sizes(proxy, server)
    bits = Random(sample_seed).sample(range(8 * reply_bytes), 150)
    assert await flip(proxy, "reply", bits) > 50


async def test_a_flipped_bit_of_a_request_never_makes_a_wrong_score(proxy, server, sample_seed):
    _, body_bytes = await sizes(proxy, server)
    bits = Random(sample_seed).sample(range(8 * body_bytes), 100)
    assert await flip(proxy, "request", bits) > 10


async def test_a_reset_reaches_the_server_also_when_the_client_has_gone_first():
    reached: asyncio.Queue[asyncio.StreamReader] = asyncio.Queue()
    fault = ConnectionFault(reply=StreamFault(with_reset=True))
    async with (
        await asyncio.start_server(lambda reader, _: reached.put_nowait(reader), "127.0.0.1", 0) as target,
        FaultProxy(f"http://127.0.0.1:{target.sockets[0].getsockname()[1]}", lambda _: fault) as proxy,
        asyncio.timeout(20),
    ):
        _, writer = await connect(proxy)
        beyond = await reached.get()
        reset = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
        writer.close()
        await ended(beyond)


@pytest.mark.parametrize("turns", range(8))
async def test_a_proxy_that_stops_closes_also_what_it_has_just_accepted(server, turns):
    async with asyncio.timeout(20):
        async with FaultProxy(server.address, lambda _: ConnectionFault()) as proxy:
            reader, writer = await connect(proxy)
            for _ in range(turns):
                await asyncio.sleep(0)
        await ended(reader)
        writer.close()


async def connect(proxy: FaultProxy) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, _, port = proxy.address.removeprefix("http://").partition(":")
    return await asyncio.open_connection(host, int(port))


async def ended(reader: asyncio.StreamReader) -> None:
    with contextlib.suppress(ConnectionResetError):
        while await reader.read(1000):
            pass


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("way", ["request", "reply"])
async def test_each_bit_can_be_flipped(proxy, server, way):
    reply_bytes, body_bytes = await sizes(proxy, server)
    await flip(proxy, way, range(8 * (reply_bytes if way == "reply" else body_bytes + 300)))
