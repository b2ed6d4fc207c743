"""Clients as light as they can be: each keeps one connection and sends the same bytes again and again."""

import asyncio
import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import numpy as np
import psutil

HEAD_END = b"\r\n\r\n"
LENGTH = b"content-length:"


@dataclass
class Load:
    """What clients have seen.

    Attributes:
        seconds: how long they asked.
        latencies_s: of answers with status 200.
        answered_s: when each of them came, in order, on one clock.
        refusals_s: of all others.
        lost: connections that ended before their answer.
    """

    seconds: float
    latencies_s: list[float] = field(default_factory=list)
    answered_s: list[float] = field(default_factory=list)
    refusals_s: list[float] = field(default_factory=list)
    lost: int = 0

    @property
    def rate(self) -> float:
        """Answers with status 200 a second."""
        return len(self.latencies_s) / self.seconds

    @property
    def steady_rate(self) -> float:
        """Slope of the answers over time: right also where they come in few large batches."""
        if len(self.answered_s) < 2 or self.answered_s[0] == self.answered_s[-1]:
            return self.rate
        return float(np.polyfit(self.answered_s, np.arange(len(self.answered_s)), 1)[0])

    def percentile_s(self, percent: float) -> float:
        """Latency of answers with status 200."""
        return float(np.percentile(self.latencies_s, percent))


class ProcessTime:
    """Processor time of a server and all its children from now on."""

    def __init__(self, pid: int) -> None:
        self._processes = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
        self._begun_s = self._total_s()

    def seconds(self) -> float:
        """What they took since."""
        return self._total_s() - self._begun_s

    def _total_s(self) -> float:
        times = [process.cpu_times() for process in self._processes]
        return sum(time.user + time.system for time in times)


def post(path: str, body: bytes, json_bytes: int = 0) -> bytes:
    """A request, ready to be sent: msgpack, or JSON of that length with binary tensors behind it."""
    kind = "application/octet-stream" if json_bytes else "application/msgpack"
    lines = [f"POST {path} HTTP/1.1", "Host: a", f"Content-Type: {kind}", f"Content-Length: {len(body)}"]
    if json_bytes:
        lines.append(f"Inference-Header-Content-Length: {json_bytes}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def ask(address: str, request: bytes, clients: int, seconds: float) -> Load:
    """Lets clients ask for some seconds; each waits for its answer."""
    return asyncio.run(_ask(address, request, clients, seconds))


async def _ask(address: str, request: bytes, clients: int, seconds: float) -> Load:
    parts = urlsplit(address)
    load = Load(seconds)
    loop = asyncio.get_running_loop()
    stop_s = time.perf_counter() + seconds

    def client() -> _Client:
        return _Client(load, request, stop_s)

    asking = [await loop.create_connection(client, parts.hostname, parts.port) for _ in range(clients)]
    await asyncio.wait_for(asyncio.gather(*[client.finished for _, client in asking]), seconds + 60)
    return load


class _Client(asyncio.Protocol):
    def __init__(self, load: Load, request: bytes, stop_s: float) -> None:
        self._load = load
        self._request = request
        self._stop_s = stop_s
        self.finished = asyncio.get_running_loop().create_future()
        self._received = b""
        self._begun_s = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        self._received += data
        head_bytes = self._received.find(HEAD_END)
        if head_bytes < 0:
            return
        head = self._received[:head_bytes].lower()
        length = int(head[head.index(LENGTH) + len(LENGTH) :].split(b"\r\n", 1)[0])
        if len(self._received) >= head_bytes + len(HEAD_END) + length:
            self._answered(self._received.startswith(b"HTTP/1.1 200"))

    def connection_lost(self, _error: Exception | None) -> None:
        if not self.finished.done():
            self._load.lost += 1
            self.finished.set_result(None)

    def _answered(self, is_good: bool) -> None:
        now_s = time.perf_counter()
        self._received = b""
        if now_s >= self._stop_s:  # what is answered later is no part of the rate
            self.finished.set_result(None)
            self._transport.close()
            return
        (self._load.latencies_s if is_good else self._load.refusals_s).append(now_s - self._begun_s)
        if is_good:
            self._load.answered_s.append(now_s)
        self._send()

    def _send(self) -> None:
        self._begun_s = time.perf_counter()
        self._transport.write(self._request)
