"""What is left of a server under four times its load, and with five hundred clients that hold connections.

The device is emulated: it takes its time without taking the cores, so that clients are not the limit.
"""

import argparse
import asyncio
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import psutil

from figures import Figure, print_figures
from inference_client.local_server import LocalServer
from inference_client.protocol.routes import infer_path
from load import Load, ask, post
from served import dense_request, sparse_request, write_null_model

ROWS_PER_S = 200.0
QUEUE = 64
DEVICE = f"""
[backend_parameters]
rows_per_s = {ROWS_PER_S}
service_time_s = 0.002
pipeline_depth = 2
[batching]
best_rows = 8
queue_requests = {QUEUE}
"""


class Memory:
    """Resident memory of a process, looked at four times a second in a thread."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._over = threading.Event()
        self.seen_bytes = [self._process.memory_info().rss]
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def _watch(self) -> None:
        while not self._over.wait(0.25):
            self.seen_bytes.append(self._process.memory_info().rss)

    def stop(self) -> float:
        """The most that was seen over what was there at the start, in MiB."""
        self._over.set()
        self._thread.join()
        return (max(self.seen_bytes) - self.seen_bytes[0]) / 2**20


def overload_figures(server: LocalServer, seconds: float) -> list[Figure]:
    """Goodput and refusals when requests come at four times the rate that the device has."""
    request = post(infer_path("null"), sparse_request())
    peak = ask(server.address, request, QUEUE // 2, seconds / 2).rate
    memory = Memory(server.pid)
    load = asyncio.run(open_loop(server.address, request, 4 * ROWS_PER_S, seconds))
    grown_mib = memory.stop()
    refused_ms = 1000 * float(np.percentile(load.refusals_s, 99)) if load.refusals_s else float("nan")
    n_refused = len(load.refusals_s)
    print(f"peak {peak:.0f}/s; at 4x: {load.rate:.0f}/s served, {n_refused / seconds:.0f}/s refused")
    print(f"refusals within {refused_ms:.1f} ms (p99); the server grew by {grown_mib:.1f} MiB")
    return [
        Figure("overload_4x_goodput_over_peak", load.rate / peak, 0.8),
        Figure("overload_4x_refusal_p99_ms", refused_ms, 50, at_most=True),
        Figure("overload_4x_memory_growth_mib", grown_mib, 64, at_most=True),
    ]


async def open_loop(address: str, request: bytes, per_second: float, seconds: float) -> Load:
    """Requests at a fixed rate whatever the answers, over as many connections as that takes."""
    total = Load(seconds)
    host, _, port = address.removeprefix("http://").partition(":")
    idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
    tasks: set[asyncio.Task[None]] = set()

    async def one() -> None:
        connection = idle.pop() if idle else await asyncio.open_connection(host, int(port))
        begun_s = time.perf_counter()
        connection[1].write(request)
        head = await connection[0].readuntil(b"\r\n\r\n")
        lines = dict(line.lower().split(": ", 1) for line in head.decode().split("\r\n")[1:] if line)
        await connection[0].readexactly(int(lines["content-length"]))
        idle.append(connection)
        now_s = time.perf_counter()
        if now_s < start_s + seconds:  # what is answered later is no part of the rate
            found = total.latencies_s if head.startswith(b"HTTP/1.1 200") else total.refusals_s
            found.append(now_s - begun_s)

    start_s = time.perf_counter()
    n_sent = 0
    while (passed_s := time.perf_counter() - start_s) < seconds:
        for _ in range(int(passed_s * per_second) - n_sent):
            tasks.add(asyncio.ensure_future(one()))
            n_sent += 1
        await asyncio.sleep(0.002)
    await asyncio.gather(*tasks)
    for _, writer in idle:
        writer.close()
    return total


def keep_alive_figure(server: LocalServer, seconds: float) -> Figure:
    """Throughput of five hundred clients over that of sixteen."""
    request = post(infer_path("null"), sparse_request())
    few = ask(server.address, request, 16, seconds).rate
    many = ask(server.address, request, 500, seconds)
    print(f"16 clients {few:.0f}/s, 500 clients {many.rate:.0f}/s, {len(many.refusals_s)} refused")
    return Figure("keep_alive_500_clients_over_16", many.rate / few, 0.95)


def sparse_figure(folder: str, seconds: float) -> Figure:
    """Images a second on the null model, sparse over dense, in turns."""
    rates: dict[str, list[float]] = {"sparse": [], "dense": []}
    bodies = {"sparse": sparse_request(), "dense": dense_request()}
    with LocalServer(folder) as server:
        for _ in range(3):
            for kind, body in bodies.items():
                rates[kind].append(ask(server.address, post(infer_path("null"), body), 16, seconds).rate)
    sparse, dense = (float(np.median(rates[kind])) for kind in ("sparse", "dense"))
    print(f"null model, 16 clients: sparse {sparse:.0f}/s, dense {dense:.0f}/s")
    return Figure("sparse_over_dense_16_clients", sparse / dense, 1.6)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="under a minute, with shorter rounds")
    seconds = 5.0 if parser.parse_args().quick else 30.0
    figures = []
    with tempfile.TemporaryDirectory() as folder:
        write_null_model(Path(folder), "emulated", DEVICE)
        with LocalServer(folder) as server:
            figures += overload_figures(server, seconds)
        with LocalServer(folder, ["--set", "null.batching.queue_requests=1024"]) as server:
            figures.append(keep_alive_figure(server, seconds))
    with tempfile.TemporaryDirectory() as folder:
        write_null_model(Path(folder))
        figures.append(sparse_figure(folder, seconds / 5))
    print_figures(*figures)


if __name__ == "__main__":
    main()
