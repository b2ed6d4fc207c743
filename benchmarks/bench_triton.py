"""Our server beside NVIDIA's tritonserver: in turns, on the same machine, with the same clients.

Both have one instance of the same model on the CPU, batches of up to 32, and no queue delay. The null model
answers the first two pixels; ResNet-50 is one ONNX file of random weights, run by onnxruntime with the same
settings. `dense` are float32 images in each server's own binary form, `sparse` what our client sends of the
same images. Beside the rates stands the processor time that a server took for each request, with all its
processes. benchmarks/triton.py says how tritonserver is installed; without it no figure is printed.
"""

import argparse
import os
import statistics
import sys
import tempfile
import urllib.request
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime

from figures import Figure, print_figures
from inference_client.local_server import LocalServer
from inference_client.protocol import codec
from inference_client.protocol.arrays import Array, to_array
from inference_client.protocol.binary_tensors import decode_standard_response
from inference_client.protocol.routes import infer_path
from load import Load, ProcessTime, ask, post
from networks import residual_network
from served import PIXELS, binary_request, dense_request, sparse_request, write_null_model, write_onnx_model
from triton import (
    START_S,
    TRITON,
    Installation,
    TritonUnusable,
    find_installation,
    triton_server,
    write_model,
)

CLIENTS = (1, 16, 64)
Servers = dict[str, tuple[str, int]]
SLOWER = {"null": 1, "resnet50": 6}
"""Model -> how much longer its rounds are."""
GOALS = {"dense": 1.0, "sparse": 1.5}

CONFIGURATION = f"""
max_batch_size: 32
input [{{ name: "images" data_type: TYPE_FP32 dims: [1, {PIXELS}, {PIXELS}] }}]
output [{{ name: "scores" data_type: TYPE_FP32 dims: [2] }}]
dynamic_batching {{ max_queue_delay_microseconds: 0 }}
instance_group [{{ kind: KIND_CPU count: 1 }}]
"""

NULL = f"""
import triton_python_backend_utils as triton

class TritonPythonModel:
    def execute(self, requests):
        return [answer(request) for request in requests]

def answer(request):
    images = triton.get_input_tensor_by_name(request, "images").as_numpy()
    scores = images.reshape(-1, {PIXELS**2})[:, :2].copy()
    return triton.InferenceResponse([triton.Tensor("scores", scores)])
"""

RESNET = """
import os
from pathlib import Path

import numpy as np
import onnxruntime
import triton_python_backend_utils as triton

class TritonPythonModel:
    def initialize(self, args):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = len(os.sched_getaffinity(0))
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        model = str(Path(__file__).with_name("model.onnx"))
        self.session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def execute(self, requests):
        images = [triton.get_input_tensor_by_name(request, "images").as_numpy() for request in requests]
        batch = images[0] if len(images) == 1 else np.concatenate(images)
        (scores,) = self.session.run(["scores"], {"images": batch})
        ends = np.cumsum([len(part) for part in images])[:-1]
        parts = [triton.Tensor("scores", part.copy()) for part in np.split(scores, ends)]
        return [triton.InferenceResponse([part]) for part in parts]
"""


@dataclass(frozen=True)
class Round:
    """What clients saw, and the server's processor time for each answer."""

    load: Load
    cpu_us: float


def compare(name: str, servers: Servers, rounds: int, seconds: float) -> list[Figure]:
    """Lets clients ask both servers in turns; prints a line for each number of clients.

    Args:
        name: of the model.
        servers: address and process of `ours` and `triton`.
        rounds: of which the median counts.
        seconds: of each server and form in a round.
    """
    path = infer_path(name)
    asking = {
        "triton": (servers["triton"], post(path, *binary_request())),
        "dense": (servers["ours"], post(path, dense_request())),
        "sparse": (servers["ours"], post(path, sparse_request())),
    }
    figures = []
    for clients in CLIENTS:
        found: dict[str, list[Round]] = {kind: [] for kind in asking}
        for _ in range(rounds):
            for kind, ((address, pid), request) in asking.items():
                took = ProcessTime(pid)
                load = ask(address, request, clients, seconds)
                found[kind].append(Round(load, 1e6 * took.seconds() / max(1, len(load.answered_s))))
        told = ", ".join(f"{kind} {_words(of_kind)}" for kind, of_kind in found.items())
        print(f"{name}, {clients} clients, requests/s (p50/p99 ms; CPU us a request): {told}", flush=True)
        for kind, goal in GOALS.items():
            ratios = [
                ours.load.steady_rate / theirs.load.steady_rate
                for ours, theirs in zip(found[kind], found["triton"], strict=True)
            ]
            ratio = statistics.median(ratios)
            figures.append(Figure(f"{name}_{kind}_over_triton_{clients}_clients", ratio, goal))
    return figures


def _words(rounds: list[Round]) -> str:
    rate = statistics.median(seen.load.steady_rate for seen in rounds)
    p50, p99 = (
        1000 * statistics.median(seen.load.percentile_s(percent) for seen in rounds) for percent in (50, 99)
    )
    return f"{rate:.4g} ({p50:.3g}/{p99:.3g}; {statistics.median(seen.cpu_us for seen in rounds):.0f})"


def check_agreement(name: str, servers: Servers) -> None:
    """Asks both servers for the same images, so that what is compared is the same work."""
    body, json_bytes = binary_request(3)
    theirs = _ask_once(servers["triton"][0], name, body, json_bytes)
    for mine in (_ask_once(servers["ours"][0], name, form) for form in (dense_request(3), sparse_request(3))):
        if not np.allclose(mine, theirs, atol=1e-4):
            raise SystemExit(f"the servers disagree on {name}: {mine} and {theirs}")


def _ask_once(address: str, name: str, body: bytes, json_bytes: int = 0) -> Array:
    sent = {"Content-Type": "application/octet-stream" if json_bytes else "application/msgpack"}
    if json_bytes:
        sent["Inference-Header-Content-Length"] = str(json_bytes)
    request = urllib.request.Request(address + infer_path(name), body, sent)
    with urllib.request.urlopen(request, timeout=120) as reply:
        content = reply.read()
        length = reply.headers.get("Inference-Header-Content-Length")
    response = (
        decode_standard_response(content, int(length)) if json_bytes else codec.decode_response(content)
    )
    return to_array(response.outputs[0])


def write_models(installation: Installation, ours: Path, theirs: Path, names: Sequence[str]) -> None:
    """Writes models for both servers."""
    if "null" in names:
        write_null_model(ours)
        write_model(installation, theirs, "null", NULL, CONFIGURATION)
    if "resnet50" in names:
        network = residual_network()
        write_onnx_model(ours, "resnet50", network)
        folder = write_model(installation, theirs, "resnet50", RESNET, CONFIGURATION)
        (folder / "model.onnx").write_bytes(network)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="about three minutes, with shorter rounds")
    parser.add_argument("--triton", default="", help=f"environment with the wheel; default ${TRITON}")
    parser.add_argument("--model", choices=SLOWER, help="only this one")
    options = parser.parse_args()
    names = [options.model] if options.model else list(SLOWER)
    rounds, seconds = (3, 1.0) if options.quick else (7, 3.0)
    try:
        installation = find_installation({TRITON: options.triton or os.environ.get(TRITON, "")})
    except TritonUnusable as error:
        sys.exit(f"not measured: {error}")
    print(f"onnxruntime {onnxruntime.__version__} here, {installation.onnxruntime} in tritonserver's models")
    with tempfile.TemporaryDirectory() as folder, ExitStack() as running:
        ours, theirs = Path(folder) / "ours", Path(folder) / "theirs"
        write_models(installation, ours, theirs, names)
        mine = running.enter_context(LocalServer(str(ours), start_timeout_s=START_S))
        triton = running.enter_context(triton_server(installation, theirs))
        servers = {"ours": (mine.address, mine.pid), "triton": (triton.address, triton.pid)}
        figures = []
        for name in names:
            check_agreement(name, servers)
            slower = SLOWER[name]
            figures += compare(name, servers, max(1, rounds // slower), slower * seconds)
    print_figures(*figures)


if __name__ == "__main__":
    main()
