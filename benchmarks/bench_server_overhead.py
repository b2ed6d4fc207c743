"""What the server costs beside a bare aiohttp handler, and what it leaves of a backend's own speed.

The null model answers without computing, so that everything else is what is measured: the same bodies go to
the server and to a handler that reads them and answers fixed bytes, in turns. Clients share the cores.
"""

import argparse
import socket
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from accelerator_server.model_loading import load_model
from accelerator_server.repository import find_versions
from figures import Figure, print_figures
from inference_client.local_server import LocalServer
from inference_client.protocol.routes import infer_path
from load import Load, ask, post
from served import bare_server, dense_request, sparse_request, write_null_model

MODELS = Path(__file__).resolve().parent.parent / "data" / "models"
MODEL = "toptag_small"
CLIENTS = (1, 16)


def null_figures(rounds: int, seconds: float) -> list[Figure]:
    """Rates and latencies of the null model over those of the bare handler."""
    bodies = {"dense": dense_request(), "sparse": sparse_request()}
    found: dict[tuple[str, str, int], list[Load]] = {}
    with tempfile.TemporaryDirectory() as folder:
        write_null_model(Path(folder))
        reply = b"x" * 330  # as long as an answer of the null model
        with LocalServer(folder) as server, bare_server(reply, free_port()) as bare:
            for _ in range(rounds):
                for kind, body in bodies.items():
                    request = post(infer_path("null"), body)
                    for clients in CLIENTS:
                        for name, address in (("server", server.address), ("bare", bare)):
                            load = ask(address, request, clients, seconds)
                            found.setdefault((name, kind, clients), []).append(load)
    rate = {key: statistics.median(load.rate for load in loads) for key, loads in found.items()}
    p50 = {key: statistics.median(load.percentile_s(50) for load in loads) for key, loads in found.items()}
    for (name, kind, clients), value in rate.items():
        p50_us = p50[name, kind, clients] * 1e6
        print(f"{name:6} {kind:6} {clients:3} clients: {value:7.0f} requests/s, p50 {p50_us:6.0f} us")
    figures = []
    for kind, least, most in (("dense", 0.5, 1.5), ("sparse", 0.4, 2.0)):
        rates = rate["server", kind, 16] / rate["bare", kind, 16]
        latencies = p50["server", kind, 1] / p50["bare", kind, 1]
        figures.append(Figure(f"null_{kind}_rate_over_bare_16_clients", rates, least))
        figures.append(Figure(f"null_{kind}_p50_over_bare_1_client", latencies, most, at_most=True))
    gain = rate["server", "sparse", 16] / rate["server", "dense", 16]
    figures.append(Figure("null_sparse_over_dense_16_clients", gain, 1.6))
    return figures


def served_figure(rounds: int, seconds: float) -> Figure:
    """Images/s of the small model served, over its backend in a bare loop at the server's batch size."""
    (folder,) = find_versions(MODELS, MODEL)
    loaded = load_model(folder, [])
    request = post(infer_path(MODEL), sparse_request())
    served, bare = [], []
    with LocalServer(str(MODELS)) as server:
        for _ in range(rounds):
            served.append(ask(server.address, request, 16, seconds).rate)
            bare.append(bare_rate(loaded.backends[0].run, 16, seconds))
    loaded.close()
    ratio = statistics.median(served) / statistics.median(bare)
    print(
        f"{MODEL}: served {statistics.median(served):.0f}, bare loop {statistics.median(bare):.0f} images/s"
    )
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
