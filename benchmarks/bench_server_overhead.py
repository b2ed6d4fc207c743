"""What the server costs beside a bare aiohttp handler, and what it leaves of a backend's own speed.

The null model answers without computing, so that everything else is what is measured: the same bodies go to
the server and to a handler that reads them and answers the server's bytes, in turns. Clients share the cores;
beside rates and latencies stands the processor time of a request, which says more on a busy machine.
"""

import argparse
import socket
import statistics
import tempfile
import time
import urllib.request
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from accelerator_server.models.model_loading import load_model
from accelerator_server.models.repository import model_at
from figures import Figure, print_figures
from inference_client.local_server import LocalServer
from inference_client.protocol import headers
from inference_client.protocol.routes import infer_path
from load import Load, ProcessTime, ask, post
from served import bare_server, dense_request, sparse_request, write_null_model

MODELS = Path(__file__).resolve().parent.parent / "data" / "models"
MODEL = "toptag_small"
CLIENTS = (1, 16)

Key = tuple[str, str, int]
"""Who answered, what was asked, how many asked."""


def null_figures(rounds: int, seconds: float) -> list[Figure]:
    """Rates and latencies of the null model over those of the bare handler."""
    path = infer_path("null")
    bodies = {"dense": dense_request(), "sparse": sparse_request()}
    found: dict[Key, list[tuple[Load, float]]] = {}
    with tempfile.TemporaryDirectory() as folder, ExitStack() as servers:
        write_null_model(Path(folder))
        server = servers.enter_context(LocalServer(folder))
        reply = answer(server.address + path, bodies["sparse"])
        bare, bare_pid = servers.enter_context(bare_server(reply, free_port()))
        for _ in range(rounds):
            for kind, clients in ((kind, clients) for kind in bodies for clients in CLIENTS):
                request = post(path, bodies[kind])
                for name, address, pid in (("server", server.address, server.pid), ("bare", bare, bare_pid)):
                    watch = ProcessTime(pid)
                    load = ask(address, request, clients, seconds)
                    taken_us = 1e6 * watch.seconds() / len(load.latencies_s)
                    found.setdefault((name, kind, clients), []).append((load, taken_us))
    rate = {key: statistics.median(load.rate for load, _ in loads) for key, loads in found.items()}
    p50_s = {
        key: statistics.median(load.percentile_s(50) for load, _ in loads) for key, loads in found.items()
    }
    for key, loads in found.items():
        taken_us = statistics.median(taken_us for _, taken_us in loads)
        print(
            f"{key[0]:6} {key[1]:6} {key[2]:3} clients: {rate[key]:7.0f} requests/s, "
            f"p50 {1e6 * p50_s[key]:6.0f} us, processor {taken_us:5.0f} us a request"
        )
    figures = []
    for kind, least, most in (("dense", 0.5, 1.5), ("sparse", 0.4, 2.0)):
        rates = rate["server", kind, 16] / rate["bare", kind, 16]
        latencies = p50_s["server", kind, 1] / p50_s["bare", kind, 1]
        figures.append(Figure(f"null_{kind}_rate_over_bare_16_clients", rates, least))
        figures.append(Figure(f"null_{kind}_p50_over_bare_1_client", latencies, most, at_most=True))
    gain = rate["server", "sparse", 16] / rate["server", "dense", 16]
    figures.append(Figure("null_sparse_over_dense_16_clients", gain, 1.6))
    return figures


def answer(url: str, body: bytes) -> bytes:
    """What the server answers, so that the bare handler can answer the same."""
    request = urllib.request.Request(url, body, {"Content-Type": headers.MSGPACK})
    with urllib.request.urlopen(request, timeout=60) as reply:
        return reply.read()


def served_figure(rounds: int, seconds: float) -> Figure:
    """Images/s of the small model served, over its backend in a bare loop at the server's batch size.

    Clients and server share the cores with the engine. Were no core ever idle, the ratio would be the time of
    the bare loop for an image over the time of clients and server.
    """
    loaded = load_model(model_at(MODELS / MODEL), [])
    request = post(infer_path(MODEL), sparse_request())
    served, bare, clients_us, server_us, bare_us = [], [], [], [], []
    with LocalServer(str(MODELS), ["--model", MODEL]) as server:
        ask(server.address, request, 16, seconds / 4)  # the engine prepares its shapes
        for _ in range(rounds):
            own_s, watch = time.process_time(), ProcessTime(server.pid)
            load = ask(server.address, request, 16, seconds)
            per_image = 1e6 / len(load.latencies_s)
            clients_us.append(per_image * (time.process_time() - own_s))
            server_us.append(per_image * watch.seconds())
            served.append(load.steady_rate)
            own_s = time.process_time()
            bare.append(bare_rate(loaded.backends[0].run, 16, seconds))
            bare_us.append(1e6 * (time.process_time() - own_s) / (bare[-1] * seconds))
    loaded.close()
    clients, ours, loop = (statistics.median(times) for times in (clients_us, server_us, bare_us))
    print(
        f"{MODEL}: served {statistics.median(served):.0f}, bare loop {statistics.median(bare):.0f} images/s; "
        f"processor us an image: clients {clients:.0f}, server {ours:.0f}, bare loop {loop:.0f}, "
        f"so at most {loop / (clients + ours):.2f} of it"
    )
    ratio = statistics.median(ours / loop for ours, loop in zip(served, bare, strict=True))
    return Figure(f"{MODEL}_served_over_bare_loop_16_clients", ratio, 0.8)


def bare_rate(run, rows: int, seconds: float) -> float:
    batch = {"images": np.zeros((rows, 1, 224, 224), np.float32)}
    n, begun_s = 0, time.perf_counter()
    while (took_s := time.perf_counter() - begun_s) < seconds:
        run(batch)
        n += rows
    return n / took_s


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="under a minute, with shorter rounds")
    rounds, seconds = (3, 1.0) if parser.parse_args().quick else (7, 3.0)
    figures = null_figures(rounds, seconds)
    print_figures(*figures, served_figure(rounds, seconds))


if __name__ == "__main__":
    main()
