"""One connection whose requests, their pieces, and the way it ends are decided by a seed."""

import asyncio
import socket
import struct
from dataclasses import dataclass
from enum import Enum
from random import Random
from ssl import SSLContext

import numpy as np

from inference_client.protocol import codec, headers
from inference_client.protocol.arrays import to_array
from inference_client.protocol.routes import LIVE, infer_path
from tests.accelerator_server.answers import INFER
from tests.accelerator_server.running import request_of

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)

_MOST_PIECES = 100

LONGEST_S = 60.0


class End(Enum):
    """How a connection ends."""

    CLOSED = "its client closes it when all is answered"
    LAST = "its client says with the last request that it is the last"
    BROKEN = "what follows the last request is no HTTP"
    STALLED = "the body of one more request does not come"
    LEFT = "its client leaves without an answer to all, perhaps in the middle of a request"
    RESET = "the same with RST"


WHOLE = (End.CLOSED, End.LAST, End.BROKEN, End.STALLED)
"""Where every request is answered; after the others, some of the first ones."""


@dataclass
class Asked:
    """A request and what its answer must be."""

    id: str
    data: bytes
    status: int
    first: float | None = None  # value of the answer


def draw(dice: Random, number: str, *, short: bool) -> Asked:
    """Some request; most go the short way, or all."""
    value = float(dice.randrange(2**20))
    n_rows = dice.choice([1, 1, 1, 2, 2000])
    body = codec.encode_request(request_of(np.full((n_rows, 4), value, np.float32), number))
    kind = dice.choices(
        ["quick", "slow", "digest", "signature", "no msgpack", "late", "empty", "other", "live", "chunked"],
        [30, 12, 4, 4, 4, 3, *([0, 0, 0, 0] if short else [1, 1, 1, 1])],
    )[0]
    match kind:
        case "quick":
            return Asked(number, post(number, body), 200, value)
        case "slow":
            return Asked(number, post(number, body, infer_path("slow", "1")), 200, value)
        case "digest":
            return Asked(number, post(number, body, **{headers.BODY_CRC32: "00000000"}), 408)
        case "signature":
            wrong = codec.encode_request(request_of([[1] * 3], number))
            return Asked(number, post(number, wrong), 422)
        case "no msgpack":
            return Asked(number, post(number, b"\xc1"), 400)
        case "empty":
            return Asked(number, post(number, b""), 400)
        case "late":
            return Asked(number, post(number, body, **{headers.DEADLINE_MS: "0"}), 504)
        case "other":
            return Asked(number, post(number, body, infer_path("other")), 404)
        case "live":
            get = f"GET {LIVE} HTTP/1.1\r\nHost: a\r\n{headers.REQUEST_ID}: {number}\r\n\r\n"
            return Asked(number, get.encode(), 200)
        case _:
            chunks = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
            return Asked(number, head(number, **{"Transfer-Encoding": "chunked"}) + chunks, 200, value)


def post(number: str, body: bytes, path: str = INFER, **more: str) -> bytes:
    return head(number, path, **{"Content-Length": str(len(body)), **more}) + body


def head(number: str, path: str = INFER, **more: str) -> bytes:
    asked = {"Host": "a", headers.REQUEST_ID: number, "Content-Type": headers.MSGPACK, **more}
    lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in asked.items())]
    return "\r\n".join([*lines, "", ""]).encode()


class RandomLine:
    """Asks and checks what comes.

    Attributes:
        n_asked: Requests that were sent whole.
        n_answered: Those that were answered.

    Args:
        seed: Of all its decisions.
        is_cut: Whether the server may close it at any time.
        answered: Released once for each answer.
    """

    def __init__(self, seed: int, *, is_cut: bool = False, answered: asyncio.Semaphore | None = None) -> None:
        self.seed = seed
        self._dice = dice = Random(seed)
        self.end = dice.choices(list(End), [6, 3, 0 if is_cut else 1, 1, 4, 2])[0]
        self._is_cut = is_cut
        # Of requests that came with what is no HTTP in one piece aiohttp answers none; it also has what comes
        # while the server stops.
        short = self.end is End.BROKEN
        n_requests = dice.choice([0, 1, 3, 10, 40])
        self._asked = [draw(dice, f"{seed}.{k}", short=short) for k in range(n_requests)]
        self._more = {End.BROKEN: b"\x00 no HTTP\r\n\r\n", End.STALLED: post("stalled", b"1" * 9)[:-1]}
        if self.end is End.LAST:
            body = codec.encode_request(request_of([[7.0] * 4], "last"))
            self._asked.append(Asked("last", post("last", body, Connection="close"), 200, 7.0))
        self.n_asked = len(self._asked) if self.end in WHOLE else 0
        self.n_answered = 0
        self.answered = answered or asyncio.Semaphore(0)

    async def run(self, host: str, port: int, tls: SSLContext | None = None) -> None:
        """From the first byte to the end.

        Raises:
            AssertionError: An answer is wrong, out of order, missing, or one too many.
        """
        async with asyncio.timeout(LONGEST_S):
            try:
                reader, writer = await asyncio.open_connection(host, port, ssl=tls)
            except ConnectionError:
                if self._is_cut:
                    return
                raise
            await self._ask(reader, writer)

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sending = asyncio.ensure_future(self._send(writer))
        try:
            await (self._read_all(reader) if self.end in WHOLE else self._read_some(reader))
        except (ConnectionError, asyncio.IncompleteReadError):
            if self.end in WHOLE and not self._is_cut:
                raise
        finally:
            sending.cancel()
            await asyncio.wait([sending])
            self._leave(writer)
            await asyncio.gather(writer.wait_closed(), return_exceptions=True)

    async def _send(self, writer: asyncio.StreamWriter) -> None:
        dice = self._dice
        data = b"".join(asked.data for asked in self._asked) + self._more.get(self.end, b"")
        typical = max(dice.choice([20, 300, 3000, 10**6]), len(data) // _MOST_PIECES)
        try:
            while data:
                size = dice.randint(1, 2 * typical)
                writer.write(data[:size])
                await writer.drain()
                data = data[size:]
                for _ in range(dice.choice([0, 0, 1, 3])):
                    await asyncio.sleep(0)
        except OSError:
            return  # seen by the reader too

    async def _read_all(self, reader: asyncio.StreamReader) -> None:
        for asked in self._asked:
            await self._check_answer(reader, asked)
        if self.end is End.STALLED:
            assert await _status(reader) in (408, 503 if self._is_cut else 408)
        if self.end is End.BROKEN:
            assert (await reader.readuntil(b"\r\n")).split()[1] == b"400"
            await reader.readuntil(b"\r\n\r\n")
            return
        if self.end is not End.CLOSED:
            assert not await reader.read(), "nothing follows the last answer"

    async def _read_some(self, reader: asyncio.StreamReader) -> None:
        for asked in self._asked[: self._dice.randint(0, len(self._asked))]:
            if self._dice.random() < 0.3:
                reader._transport.pause_reading()
                await asyncio.sleep(0.01)
                reader._transport.resume_reading()
            await self._check_answer(reader, asked)

    async def _check_answer(self, reader: asyncio.StreamReader, asked: Asked) -> None:
        status, found, body = await _answer(reader)
        assert found[headers.REQUEST_ID] == asked.id
        if self._is_cut and status == 503:
            assert found["Connection"] == "close"
            raise ConnectionResetError
        assert status == asked.status, (asked.id, status, body)
        if asked.first is not None:
            response = codec.decode_response(body)
            assert response.id == asked.id
            assert (to_array(response.outputs[0]) == asked.first).all()
        self.n_answered += 1
        self.answered.release()

    def _leave(self, writer: asyncio.StreamWriter) -> None:
        if self.end is End.RESET:
            where = writer.get_extra_info("socket")
            if where is not None and where.fileno() >= 0:
                where.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            writer.transport.abort()
        writer.close()


async def _status(reader: asyncio.StreamReader) -> int:
    return (await _answer(reader))[0]


async def _answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    found = dict(line.split(": ", 1) for line in lines[1:] if line)
    body = await reader.readexactly(int(found["Content-Length"]))
    assert found[headers.BODY_CRC32] == codec.body_crc32(body)
    return int(lines[0].split()[1]), found, body
