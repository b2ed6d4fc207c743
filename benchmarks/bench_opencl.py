"""How fast the OpenCL backend runs ResNet-50, beside onnxruntime on the same CPU and threads.

Random weights, float32. The two engines take turns, so that what else the machine does hits both. For each
OpenCL CPU device also: the rate of its best matrix product with these kernels (a 1x1 convolution of 512 x 512
channels), and for each layer the share of that rate that it reaches.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from accelerator_server.backends.opencl.device import Device, DeviceChoice, all_devices
from accelerator_server.backends.opencl.execution import Execution
from accelerator_server.backends.opencl.graph import read_graph
from accelerator_server.backends.opencl.layers import Convolution, Network
from accelerator_server.backends.opencl.loading import Build, load_network
from accelerator_server.backends.opencl.lowering import lower
from accelerator_server.backends.opencl.tiling import DeviceClass
from accelerator_server.errors import BackendUnavailableError
from figures import Figure, print_figures
from networks import jet_images, residual_network

GOALS = {"Intel": ("intel", 0.7), "Portable": ("pocl", 0.2)}
"""Part of a platform's name -> its name in the figures, and its goal as a share of onnxruntime's rate."""

GEMM_CHANNELS, GEMM_PIXELS = 512, 28
FLOP_PER_MULTIPLICATION = 2


def onnxruntime_session(model: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = len(os.sched_getaffinity(0))
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def seconds(run: Callable[[], object]) -> float:
    started_s = time.perf_counter()
    run()
    return time.perf_counter() - started_s


def alternate(
    one: Callable[[], object], other: Callable[[], object], rounds: int
) -> tuple[list[float], list[float]]:
    times_s = [(seconds(one), seconds(other)) for _ in range(rounds)]
    return [first for first, _ in times_s], [second for _, second in times_s]


def gemm_model() -> bytes:
    n, pixels = GEMM_CHANNELS, GEMM_PIXELS
    weights = numpy_helper.from_array(np.random.default_rng(0).random((n, n, 1, 1), np.float32), "w")
    sizes = ["n", n, pixels, pixels]
    graph = helper.make_graph(
        [helper.make_node("Conv", ["x", "w"], ["y"])],
        "gemm",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, sizes)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, sizes)],
        [weights],
    )
    model: bytes = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]).SerializeToString()
    return model


def layer_rates(execution: Execution, network: Network, n_rows: int, rounds: int) -> dict[str, float]:
    """GFLOP/s of each convolution."""
    times_s = execution.layer_times(n_rows, rounds)
    return {
        layer.target.name: FLOP_PER_MULTIPLICATION * layer.multiplications * n_rows / times_s[name] * 1e-9
        for layer in network.layers
        if isinstance(layer, Convolution) and (name := layer.target.name)
    }


def load(model: bytes, device: Device, cache: Path, chunk_rows: int) -> tuple[Execution, Network]:
    network = lower(read_graph(model))
    return load_network(network, device, Build(chunk_rows, "measured", cache_path=cache)), network


def print_layers(execution: Execution, network: Network, gemm_rate: float, n_rows: int, rounds: int) -> None:
    rates = layer_rates(execution, network, n_rows, rounds)
    maps = network.maps
    for layer in network.layers:
        if isinstance(layer, Convolution):
            rate, shape = rates[layer.target.name], layer.target
            size = "x".join(map(str, layer.window.size))
            print(
                f"  {size} {maps[layer.source].channels:5d} -> {shape.channels:5d}, "
                f"{shape.height:3d}x{shape.width:<3d} {rate:7.1f} GFLOP/s {rate / gemm_rate:5.2f}"
            )
    total = sum(la.multiplications for la in network.layers if isinstance(la, Convolution))
    spent = sum(
        la.multiplications / rates[la.target.name] for la in network.layers if isinstance(la, Convolution)
    )
    print(f"  all layers {total / spent:7.1f} GFLOP/s, {total / spent / gemm_rate:.2f} of the matrix product")


def measure(handle: object, model: bytes, cache: Path, rows: int, rounds: int) -> list[Figure]:
    platform = handle.platform.name  # type: ignore[attr-defined]
    short, goal = next((given for part, given in GOALS.items() if part in platform), ("other", 0.0))
    device = Device(DeviceChoice(platform=platform, kind=DeviceClass.CPU))
    gemm, gemm_network = load(gemm_model(), device, cache, 1)
    gemm_rate = max(layer_rates(gemm, gemm_network, 1, 3 * rounds).values())
    gemm.close()
    execution, network = load(model, device, cache, min(rows, 4))
    session = onnxruntime_session(model)
    given = {"images": jet_images(rows)}
    scores = execution.run(given)["scores"]
    difference = float(np.abs(scores - session.run(None, given)[0]).max())
    ours_s, theirs_s = alternate(lambda: execution.run(given), lambda: session.run(None, given), rounds)
    ratio = statistics.median(theirs / ours for ours, theirs in zip(ours_s, theirs_s, strict=True))
    print(f"{device}: {rows / statistics.median(ours_s):.1f} images/s in batches of {rows}; onnxruntime "
          f"{rows / statistics.median(theirs_s):.1f}; matrix product {gemm_rate:.0f} GFLOP/s")  # fmt: skip
    print_layers(execution, network, gemm_rate, min(rows, 4), rounds)
    execution.close()
    device.close()
    return [
        Figure(f"opencl_{short}_fp32_over_onnxruntime", ratio, goal),
        Figure(f"opencl_{short}_score_difference", difference, 1e-5, at_most=True),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    quick = parser.parse_args().quick
    rows, rounds = (4, 5) if quick else (8, 15)
    model = residual_network()
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as folder:
        for handle in all_devices():
            try:
                figures += measure(handle, model, Path(folder) / "tiles.json", rows, rounds)
            except BackendUnavailableError as error:
                print(f"left out: {error}")
    print_figures(*figures)


if __name__ == "__main__":
    main()
