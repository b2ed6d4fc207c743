"""What a process of its own costs a device, beside a server whose devices run in threads, and what it saves.

The null model computes nothing, so that all of the cost is seen; the small tagger is what is served. Both
servers live at the same time and are asked in turns; clients share the cores. Then the tagger's process is
killed several times: how long is nobody answered?
"""

import argparse
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import psutil

from figures import Figure, print_figures
from inference_client.local_server import LocalServer
from inference_client.protocol.headers import MSGPACK
from inference_client.protocol.routes import infer_path
from load import Load, ask, post
from served import dense_request, sparse_request, write_null_model

TAGGER = Path(__file__).resolve().parent.parent / "data" / "models" / "toptag_small"
CLIENTS = (1, 16)
KINDS = ("process", "thread")
GOALS = {("null", 1): 0.6, ("null", 16): 0.7, (TAGGER.name, 1): 0.85, (TAGGER.name, 16): 0.95}
"""A batch costs some 100 us more: of what computes nothing that is much, of a row of the tagger a tenth."""


def isolation_figures(rounds: int, seconds: float) -> list[Figure]:
    """Rates and latencies with processes over those with threads."""
    bodies = {"dense": dense_request(), "sparse": sparse_request()}
    cases = [("null", kind) for kind in bodies] + [(TAGGER.name, "sparse")]
    found: dict[tuple[str, str, str, int], list[Load]] = {}
    with tempfile.TemporaryDirectory() as folder:
        write_null_model(Path(folder))
        shutil.copytree(TAGGER, Path(folder) / TAGGER.name)
        options = {isolation: ("--set", f"*.isolation={isolation}") for isolation in KINDS}
        with LocalServer(folder, options["process"]) as one, LocalServer(folder, options["thread"]) as other:
            for _ in range(rounds):
                for model, body in cases:
                    request = post(infer_path(model), bodies[body])
                    for clients in CLIENTS:
                        for isolation, server in zip(KINDS, (one, other), strict=True):
                            load = ask(server.address, request, clients, seconds)
                            found.setdefault((isolation, model, body, clients), []).append(load)
    return [figure for model, body in cases for figure in _compare(found, model, body)]


def restart_figure(kills: int) -> Figure:
    """Seconds from the death of the tagger's process to the next answer, the longest of several."""
    taken_s = []
    options = ("--model", TAGGER.name, "--set", f"{TAGGER.name}.isolation=process")
    with LocalServer(str(TAGGER.parent), options) as server:
        url = server.address + infer_path(TAGGER.name)
        for _ in range(kills):
            (worker,) = psutil.Process(server.pid).children()
            worker.kill()
            killed_s = time.monotonic()
            while not _is_answered(url):
                time.sleep(0.01)
            taken_s.append(time.monotonic() - killed_s)
    print(f"{TAGGER.name}: answers again after", ", ".join(f"{one_s:.2f} s" for one_s in taken_s))
    return Figure(f"{TAGGER.name}_back_after_its_process_was_killed_s", max(taken_s), 5.0, at_most=True)


def _is_answered(url: str) -> bool:
    request = Request(url, sparse_request(), {"Content-Type": MSGPACK})
    try:
        with urlopen(request, timeout=60) as reply:
            return reply.status == 200
    except HTTPError:
        return False


def _compare(found: dict[tuple[str, str, str, int], list[Load]], model: str, body: str) -> list[Figure]:
    figures = []
    for clients in CLIENTS:
        rate, p50_us = {}, {}
        for isolation in KINDS:
            loads = found[isolation, model, body, clients]
            rate[isolation] = statistics.median(load.rate for load in loads)
            p50_us[isolation] = statistics.median(load.percentile_s(50) for load in loads) * 1e6
            print(
                f"{isolation:7} {model} {body:6} {clients:2} clients: "
                f"{rate[isolation]:6.0f} requests/s, p50 {p50_us[isolation]:6.0f} us"
            )
        ratio = rate["process"] / rate["thread"]
        figures.append(
            Figure(f"{model}_{body}_process_over_thread_{clients}_clients", ratio, GOALS[model, clients])
        )
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="under a minute, with shorter rounds")
    rounds, seconds = (3, 1.0) if parser.parse_args().quick else (7, 3.0)
    print_figures(*isolation_figures(rounds, seconds), restart_figure(rounds))


if __name__ == "__main__":
    main()
