"""Draws the poster's picture: one FPGA shared by many clients at batch one, beside a GPU at growing batches.

python benchmarks/poster_picture.py [--quick] makes docs/pictures/poster.png and docs/pictures/poster.json.

Both devices are emulated, with the figures of Table 2 of arXiv:1904.08986: the FPGA takes one image at a
time, 660 a second, and answers after 10 ms; the GPU needs 7 ms for one image and 48 ms for a batch of 32.
Everything else is real: every client is a process with the project's client, asking for one image after
another through HTTP, at a lower priority than the server, which in earnest has a machine of its own. The
third curve is `accelerator-server bench`: the same device called in one process, with no wire between.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import psutil

from inference_client.client import InferenceClient
from inference_client.configuration import ClientConfiguration
from inference_client.local_server import LocalServer
from inference_client.protocol.arrays import sparse_tensor
from inference_client.protocol.messages import InferenceRequest
from served import LIT_PIXELS, NULL_MODEL, PIXELS, images

PICTURES = Path(__file__).resolve().parent.parent / "docs" / "pictures"
CLIENTS = (1, 2, 4, 8, 16, 32, 64)
BATCHES = (1, 2, 4, 8, 16, 32)
FPGA = {"service_time_s": 0.010 - 1 / 660, "rows_per_s": 660.0, "pipeline_depth": 16}
GPU_ROW_S = (0.048 - 0.007) / 31
GPU = {"service_time_s": 0.007 - GPU_ROW_S, "rows_per_s": 1 / GPU_ROW_S, "pipeline_depth": 1}
CLIENT_NICENESS = 5
GPU_STREAMS = 2
"""The next batch waits at the server while one is computed."""


def write_model(repository: Path, device: dict, max_rows: int, name: str = "null") -> Path:
    """Writes a model on a device that joins no requests beyond so many rows; returns the repository."""
    folder = repository / name / "1"
    folder.mkdir(parents=True)
    text = NULL_MODEL.format(backend="emulated").replace("max_rows = 32", f"max_rows = {max_rows}")
    lines = [f"{name} = {value}" for name, value in device.items()]
    (folder / "model.toml").write_text("\n".join([text, "[backend_parameters]", *lines, ""]))
    return repository


async def client(address: str, model: str) -> None:
    """A client process: told `rows streams seconds` on each line, prints how many rows were answered."""
    os.nice(CLIENT_NICENESS)
    configuration = ClientConfiguration(model, servers=[address], max_in_flight=GPU_STREAMS)
    async with InferenceClient(configuration) as asking:
        print("ready", flush=True)
        while words := (await asyncio.to_thread(sys.stdin.readline)).split():
            rows, streams, seconds = int(words[0]), int(words[1]), float(words[2])
            stop_s = time.monotonic() + seconds
            answered = await asyncio.gather(*(ask(asking, rows, stop_s) for _ in range(streams)))
            print(sum(answered), flush=True)


async def ask(asking: InferenceClient, rows: int, stop_s: float) -> int:
    """Asks until the time is over; returns the rows answered by then."""
    index, value = images(rows)
    counts = np.full(rows, LIT_PIXELS, np.uint32)
    tensor = sparse_tensor("images", (1, PIXELS, PIXELS), counts, index.reshape(-1), value.reshape(-1))
    answered = 0
    while True:
        await asking.infer(InferenceRequest(id="", inputs=[tensor]))
        if time.monotonic() > stop_s:
            return answered
        answered += rows


class ClientProcesses:
    """Client processes that wait to be told; `with` ends them."""

    def __init__(self, address: str, n: int, model: str = "null") -> None:
        command = [sys.executable, __file__, "--client", address, model]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self._processes = [subprocess.Popen(command, **pipes) for _ in range(n)]

    def __enter__(self) -> "ClientProcesses":
        for process in self._processes:
            if process.stdout.readline() != "ready\n":
                raise SystemExit("a client process did not start")
        return self

    def __exit__(self, *_error: object) -> None:
        for process in self._processes:
            process.stdin.close()
            process.wait()
            process.stdout.close()

    def cpu_s(self) -> float:
        """User and system time of all of them."""
        return sum(cpu_s(psutil.Process(process.pid)) for process in self._processes)

    def rate(self, n: int, rows: int, streams: int, seconds: float) -> float:
        """Images a second that the first n of them get together."""
        asked = self._processes[:n]
        for process in asked:
            process.stdin.write(f"{rows} {streams} {seconds}\n")
            process.stdin.flush()
        return sum(int(process.stdout.readline()) for process in asked) / seconds


def rates_in_process(model: Path, batches: Sequence[int], clients: Sequence[int], seconds: float) -> list:
    """Images a second of the same device called in one process, for each batch size and number of callers."""
    command = [Path(sys.executable).with_name("accelerator-server"), "bench", model, "--json"]
    words = {"--batch": ",".join(map(str, batches)), "--clients": ",".join(map(str, clients))}
    told = [word for name, value in words.items() for word in (name, value)]
    done = subprocess.run(
        [*command, *told, "--duration", str(seconds)], check=True, capture_output=True, text=True
    )
    return [point["rows_per_s"] for point in json.loads(done.stdout)["points"]]


class Curves:
    """What was measured, by curve and point: images a second, and busy cores where processes were watched."""

    def __init__(self) -> None:
        self._rates: dict[str, dict[int, list[tuple[float, dict[str, float]]]]] = {}

    def keep(self, curve: str, at: int, rate: float, **busy_cores: float) -> None:
        """Keeps one round of one point."""
        self._rates.setdefault(curve, {}).setdefault(at, []).append((rate, busy_cores))
        told = "".join(f", {name} {cores:.2f} cores" for name, cores in busy_cores.items())
        print(f"{curve} {at}: {rate:.1f} images/s{told}", flush=True)

    def best(self) -> tuple[dict, dict]:
        """Rates and busy cores of each point's best round: what else runs can only slow one down."""
        best = {
            name: {at: max(rounds) for at, rounds in curve.items()} for name, curve in self._rates.items()
        }
        rates = {
            name: {at: round(rate, 1) for at, (rate, _) in curve.items()} for name, curve in best.items()
        }
        cores = {
            name: {at: {who: round(n, 2) for who, n in busy.items()} for at, (_, busy) in curve.items()}
            for name, curve in best.items()
            if any(busy for _, busy in curve.values())
        }
        return rates, cores


def measure(folder: Path, rounds: int, seconds: float) -> tuple[dict, dict]:
    """Every point in every round: images a second, and busy cores."""
    fpga = write_model(folder / "fpga", FPGA, 1)
    for rows in BATCHES:  # one each, so that the server joins no two requests
        gpu = write_model(folder / "gpu", GPU, rows, f"batch{rows}")
    curves = Curves()
    with LocalServer(str(fpga)) as server, ClientProcesses(server.address, max(CLIENTS)) as clients:
        serving = psutil.Process(server.pid)
        for _ in range(rounds):
            for n in CLIENTS:
                before_s, asked_before_s = cpu_s(serving), clients.cpu_s()
                rate = clients.rate(n, 1, 1, seconds)
                busy = {
                    "server": (cpu_s(serving) - before_s) / seconds,
                    "clients": (clients.cpu_s() - asked_before_s) / seconds,
                }
                curves.keep("fpga_by_clients", n, rate, **busy)
    with LocalServer(str(gpu)) as server:
        for rows in BATCHES:
            with ClientProcesses(server.address, 1, f"batch{rows}") as clients:
                for _ in range(rounds):
                    curves.keep("gpu_by_batch", rows, clients.rate(1, rows, GPU_STREAMS, seconds))
    for _ in range(rounds):
        for n, rate in zip(CLIENTS, rates_in_process(fpga / "null", [1], CLIENTS, seconds), strict=True):
            curves.keep("fpga_in_process", n, rate)
        for rows, rate in zip(BATCHES, rates_in_process(gpu / "batch32", BATCHES, [1], seconds), strict=True):
            curves.keep("gpu_in_process", rows, rate)
    return curves.best()


def cpu_s(process: psutil.Process) -> float:
    """User and system time of a process."""
    times = process.cpu_times()
    return times.user + times.system


def draw(curves: dict, path: Path) -> None:
    # Clients never draw; matplotlib takes half a second to load.
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    panels = (
        (left, "fpga", "fpga_by_clients", "simultaneous client processes", "emulated FPGA, batch one"),
        (right, "gpu", "gpu_by_batch", "images in a batch", "emulated GPU, one client"),
    )
    for axes, device, curve, label, title in panels:
        inside, remote = curves[f"{device}_in_process"], curves[curve]
        axes.plot(inside.keys(), inside.values(), "s--", color="0.5", label="locally connected, no wire")
        axes.plot(remote.keys(), remote.values(), "o-", color="C0", label="as a service, through the client")
        axes.axhline(660 if device == "fpga" else 667, color="C3", lw=0.8, ls=":", label="Table 2, most")
        axes.set_xscale("log", base=2)
        axes.set_xticks(list(remote), list(remote))
        axes.set(xlabel=label, title=title, ylim=(0, 760))
        axes.grid(alpha=0.3)
        axes.legend(loc="lower right")
    left.set_ylabel("images per second")
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="under a minute; stores nothing in docs")
    parser.add_argument("--client", nargs=2, help=argparse.SUPPRESS)
    words = parser.parse_args()
    if words.client:
        asyncio.run(client(*words.client))
        return
    rounds, seconds = (1, 1.0) if words.quick else (3, 2.0)
    with tempfile.TemporaryDirectory() as name:
        curves, cores = measure(Path(name), rounds, seconds)
        folder = Path("output") if words.quick else PICTURES
        folder.mkdir(exist_ok=True, parents=True)
        numbers = {"devices": {"fpga": FPGA, "gpu": GPU}, "images_per_s": curves, "busy_cores": cores}
        (folder / "poster.json").write_text(json.dumps(numbers, indent=2) + "\n")
        draw(curves, folder / "poster.png")
        print(f"wrote {folder / 'poster.png'} and {folder / 'poster.json'}")


if __name__ == "__main__":
    main()
