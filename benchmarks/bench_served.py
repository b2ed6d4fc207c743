"""What clients get of a backend: images a second served, over the same backend called in a bare loop.

ResNet-50 with random weights. Served and bare take turns, at the same batch size and with the same threads.
The clients share the cores with the server; where the engine is fast that is the difference, so it is told.
"""

import argparse
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from accelerator_server.bench import batch, bench_point
from accelerator_server.models.model_loading import load_model
from accelerator_server.models.repository import model_at
from figures import Figure, print_figures
from inference_client.local_server import LocalServer
from inference_client.protocol.routes import infer_path
from load import Load, ask, post
from networks import jet_images, residual_network
from quantised import quantised
from served import sparse_request, write_onnx_model


@dataclass(frozen=True)
class Case:
    """One way to ask a model.

    Attributes:
        model: its name in the repository.
        clients: which ask at the same time.
        rows: of each request.
        batch_rows: that the server fuses at most, and of the bare loop.
        goal: of served over bare; None where the clients' share of the cores decides.
    """

    model: str
    clients: int
    rows: int
    batch_rows: int
    goal: float | None

    @property
    def name(self) -> str:
        """For the figure."""
        return f"{self.model}_served_over_bare_{self.clients}_clients_of_{self.rows}"


CASES = (
    Case("onnxruntime_f32", 16, 1, 16, 0.95),
    Case("onnxruntime_f32", 4, 8, 8, 0.97),
    Case("openvino_f32", 16, 1, 16, None),
    Case("openvino_int8", 16, 1, 16, None),
    Case("openvino_int8", 4, 8, 8, None),
)
QUICK_CASES = (CASES[0], CASES[1], CASES[3])


def measure(repository: Path, case: Case, rounds: int, seconds: float) -> list[Figure]:
    """Served and bare, in turns; prints what was found."""
    loaded = load_model(model_at(repository / case.model), [])
    inputs = batch(loaded.spec, case.batch_rows)
    inputs["images"][:] = jet_images(case.batch_rows)
    request = post(infer_path(case.model), sparse_request(case.rows))
    served, bare, shares = [], [], []
    options = ["--set", f"{case.model}.batching.best_rows={case.batch_rows}"]
    with LocalServer(str(repository), options, start_timeout_s=300.0) as server:
        ask(server.address, request, case.clients, seconds / 4)  # the engine prepares its shapes
        for _ in range(rounds):
            load, share = ask_and_watch(server.address, request, case.clients, seconds)
            served.append(case.rows * load.steady_rate)
            shares.append(share)
            bare.append(bench_point(loaded.backends[:1], inputs, case.batch_rows, 1, seconds).rows_per_s)
    loaded.close()
    ratio = statistics.median(ours / loop for ours, loop in zip(served, bare, strict=True))
    print(
        f"{case.name}: served {statistics.median(served):.1f}, bare {statistics.median(bare):.1f} images/s, "
        f"ratio {ratio:.3f}; clients took {statistics.median(shares):.0%} of {psutil.cpu_count()} cores",
        flush=True,
    )
    return [] if case.goal is None else [Figure(case.name, ratio, case.goal)]


def ask_and_watch(address: str, request: bytes, clients: int, seconds: float) -> tuple[Load, float]:
    """What clients saw, and the share of all cores that they, this process, took."""
    cpu_s, begun_s = time.process_time(), time.monotonic()
    load = ask(address, request, clients, seconds)
    took_s = time.monotonic() - begun_s
    return load, (time.process_time() - cpu_s) / (took_s * (psutil.cpu_count() or 1))


def write_models(folder: Path) -> None:
    """Writes the network for each engine and precision, a repository for each."""
    network = residual_network()
    for name, model, precision in (
        ("onnxruntime_f32", network, "f32"),
        ("openvino_f32", network, "f32"),
        ("openvino_int8", quantised(network), "int8"),
    ):
        backend = name.partition("_")[0]
        write_onnx_model(folder / name, name, model, backend, f'precision = "{precision}"')


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="under a minute: fewer cases, shorter rounds")
    cases, rounds, seconds = (QUICK_CASES, 2, 2.0) if parser.parse_args().quick else (CASES, 5, 15.0)
    figures = []
    with tempfile.TemporaryDirectory() as folder:
        write_models(Path(folder))
        for case in cases:
            figures += measure(Path(folder) / case.model, case, rounds, seconds)
    print_figures(*figures)


if __name__ == "__main__":
    main()
