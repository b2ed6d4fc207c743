"""Draws the poster's picture: one FPGA shared by many clients at batch one, beside a GPU at growing batches.

python benchmarks/poster_picture.py [--quick] makes docs/pictures/poster.png and docs/pictures/poster.json.

Both devices are emulated, with the figures of Table 2 of arXiv:1904.08986: the FPGA takes one image at a
time, 660 a second, and answers after 10 ms; the GPU needs 7 ms for one image and 48 ms for a batch of 32.
Everything else is real: every client is a process with the project's client, asking for one image after
another through HTTP. The third curve calls the same device in this process, with no wire between.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

from accelerator_server.model_loading import load_model
from accelerator_server.repository import find_versions
from inference_client.client import InferenceClient
from inference_client.configuration import ClientConfiguration
from inference_client.local_server import LocalServer
from inference_client.protocol.arrays import sparse_tensor
from inference_client.protocol.messages import InferenceRequest
from served import LIT_PIXELS, NULL_MODEL, PIXELS, images

PICTURES = Path(__file__).resolve().parent.parent / "docs" / "pictures"
CLIENTS = (1, 2, 4, 8, 16, 32, 64)
BATCHES = (1, 2, 4, 8, 16, 32)
FPGA = {"service_time_s": 0.010 - 1 / 660, "rows_per_s": 660.0, "pipeline_depth": 8}
GPU_ROW_S = (0.048 - 0.007) / 31
GPU = {"service_time_s": 0.007 - GPU_ROW_S, "rows_per_s": 1 / GPU_ROW_S, "pipeline_depth": 1}
GPU_STREAMS = 2  # the next batch waits at the server while one is computed


def write_model(repository: Path, device: dict, max_rows: int) -> Path:
    """Writes model `null` on a device; returns the repository."""
    folder = repository / "null" / "1"
    folder.mkdir(parents=True)
    text = NULL_MODEL.format(backend="emulated").replace("max_rows = 32", f"max_rows = {max_rows}")
    lines = [f"{name} = {value}" for name, value in device.items()]
    (folder / "model.toml").write_text("\n".join([text, "[backend_parameters]", *lines, ""]))
    return repository


async def client(address: str) -> None:
    """A client process: told `rows streams seconds` on each line, prints how many rows were answered."""
    configuration = ClientConfiguration("null", servers=[address], max_in_flight=GPU_STREAMS)
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

    def __init__(self, address: str, n: int) -> None:
        command = [sys.executable, __file__, "--client", address]
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

    def rate(self, n: int, rows: int, streams: int, seconds: float) -> float:
        """Images a second that the first n of them get together."""
        asked = self._processes[:n]
        for process in asked:
            process.stdin.write(f"{rows} {streams} {seconds}\n")
            process.stdin.flush()
        return sum(int(process.stdout.readline()) for process in asked) / seconds


def rate_in_process(repository: Path, rows: int, callers: int, seconds: float) -> float:
    """Images a second of the same device, called by threads of this process."""
    (folder,) = find_versions(repository, "null")
    loaded = load_model(folder, [])
    batch = {"images": np.zeros((rows, 1, PIXELS, PIXELS), np.float32)}
    answered = [0] * callers
    stop_s = time.monotonic() + seconds
    places = threading.Semaphore(loaded.backends[0].depth)

    def call(k: int) -> None:
        while True:
            with places:
                loaded.backends[0].run(batch)
            if time.monotonic() > stop_s:
                return
            answered[k] += rows

    threads = [threading.Thread(target=call, args=(k,)) for k in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    loaded.close()
    return sum(answered) / seconds


def measure(folder: Path, rounds: int, seconds: float) -> dict:
    """The best of some rounds of every point, images a second."""
    fpga = write_model(folder / "fpga", FPGA, 1)
    gpu = write_model(folder / "gpu", GPU, 32)
    found: dict[str, dict[int, list[float]]] = {}

    def keep(curve: str, at: int, rate: float) -> None:
        found.setdefault(curve, {}).setdefault(at, []).append(rate)
        print(f"{curve} {at}: {rate:.1f} images/s", flush=True)

    with LocalServer(str(fpga)) as server, ClientProcesses(server.address, max(CLIENTS)) as clients:
        for _ in range(rounds):
            for n in CLIENTS:
                keep("fpga_by_clients", n, clients.rate(n, 1, 1, seconds))
    with LocalServer(str(gpu)) as server, ClientProcesses(server.address, 1) as clients:
        for _ in range(rounds):
            for rows in BATCHES:
                keep("gpu_by_batch", rows, clients.rate(1, rows, GPU_STREAMS, seconds))
    for _ in range(rounds):
        for n in CLIENTS:
            keep("fpga_in_process", n, rate_in_process(fpga, 1, n, seconds))
        for rows in BATCHES:
            keep("gpu_in_process", rows, rate_in_process(gpu, rows, 1, seconds))
    return {
        # The best round: whatever else the machine does can only slow a round down.
        curve: {at: round(max(rates), 1) for at, rates in points.items()}
        for curve, points in found.items()
    }


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
        axes.plot(inside.keys(), inside.values(), "s--", color="0.5", label="called in process, no wire")
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
    parser.add_argument("--quick", action="store_true", help="about a minute; stores nothing in docs")
    parser.add_argument("--client", metavar="ADDRESS", help=argparse.SUPPRESS)
    words = parser.parse_args()
    if words.client:
        asyncio.run(client(words.client))
        return
    rounds, seconds = (1, 1.0) if words.quick else (3, 2.0)
    with tempfile.TemporaryDirectory() as name:
        curves = measure(Path(name), rounds, seconds)
        folder = Path("output") if words.quick else PICTURES
        folder.mkdir(exist_ok=True, parents=True)
        numbers = {"devices": {"fpga": FPGA, "gpu": GPU}, "images_per_s": curves}
        (folder / "poster.json").write_text(json.dumps(numbers, indent=2) + "\n")
        draw(curves, folder / "poster.png")
        print(f"wrote {folder / 'poster.png'} and {folder / 'poster.json'}")


if __name__ == "__main__":
    main()
