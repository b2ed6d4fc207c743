"""How fast the OpenCL backend runs ResNet-50, beside onnxruntime on the same CPU and threads.

Random weights, in float32 and quantised to int8. The two engines take turns, so that what else the machine
does hits both. For each OpenCL CPU device also: the rate of a matrix product of CLBlast, where that is there
(Debian: libclblast1), and of these kernels (a 1x1 convolution of 512 x 512 channels), and for each layer the
share of the faster of the two that it reaches.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from accelerator_server.backends.opencl.device import Device, DeviceChoice, all_devices
from accelerator_server.backends.opencl.execution import Execution
from accelerator_server.backends.opencl.graph import read_graph
from accelerator_server.backends.opencl.layers import Convolution, Network
from accelerator_server.backends.opencl.loading import Build, load_network
from accelerator_server.backends.opencl.lowering import lower
from accelerator_server.backends.opencl.tiling import DeviceClass
from accelerator_server.errors import BackendUnavailableError
from clblast import FLOP_PER_MULTIPLICATION, clblast_rate
from figures import Figure, print_figures
from networks import jet_images, residual_network
from quantised import quantised

GOALS = {"Intel": ("intel", 0.7), "Portable": ("pocl", 0.2)}
"""Part of a platform's name -> its name in the figures, and its goal as a share of onnxruntime's rate."""

SCORE_STEP = 1 / 255
"""Of a quantised network's scores."""

GEMM_CHANNELS, GEMM_PIXELS = 512, 28


def onnxruntime_session(model: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = len(os.sched_getaffinity(0))
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


@dataclass(frozen=True)
class Turns:
    """Times of two engines that took turns: wall clock and CPU time of each run, seconds, (runs, 2)."""

    ours_s: NDArray[np.float64]
    theirs_s: NDArray[np.float64]

    @property
    def ratio(self) -> float:
        """Our rate over theirs."""
        return float(np.median(self.theirs_s[:, 0] / self.ours_s[:, 0]))


def seconds(run: Callable[[], object]) -> tuple[float, float]:
    started_s = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - started_s[0], time.process_time() - started_s[1]


def alternate(one: Callable[[], object], other: Callable[[], object], rounds: int) -> Turns:
    times_s = np.array([(seconds(one), seconds(other)) for _ in range(rounds)])
    return Turns(times_s[:, 0], times_s[:, 1])


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


def gemm_rate(device: Device, cache: Path, rounds: int) -> float:
    """GFLOP/s of the fastest matrix product that there is, with its name printed."""
    execution, network = load(gemm_model(), device, cache, 1)
    rates = {"these kernels": max(layer_rates(execution, network, 1, 3 * rounds).values())}
    execution.close()
    library_rate = clblast_rate(device, GEMM_CHANNELS, GEMM_PIXELS**2, GEMM_CHANNELS, rounds)
    if library_rate is not None:
        rates["CLBlast, not tuned"] = library_rate
    print(f"{device}: matrix product", *(f"{rate:.0f} GFLOP/s ({name})" for name, rate in rates.items()))
    return max(rates.values())


def beside_onnxruntime(execution: Execution, model: bytes, rows: int, rounds: int) -> tuple[Turns, float]:
    """Times of both engines and the largest difference of a score."""
    session = onnxruntime_session(model)
    given = {"images": jet_images(rows)}
    difference = float(np.abs(execution.run(given)["scores"] - session.run(None, given)[0]).max())
    turns = alternate(lambda: execution.run(given), lambda: session.run(None, given), rounds)
    for name, times_s in (("this backend", turns.ours_s), ("onnxruntime", turns.theirs_s)):
        wall_s, cpu_s = np.median(times_s, axis=0) / rows
        print(
            f"  {name}: {1 / wall_s:.1f} images/s in batches of {rows}, {cpu_s * 1e3:.1f} ms of CPU time each"
        )
    return turns, difference


def measure(handle: Any, models: dict[str, bytes], cache: Path, rows: int, rounds: int) -> list[Figure]:
    platform = handle.platform.name
    short, goal = next((given for part, given in GOALS.items() if part in platform), ("other", 0.0))
    device = Device(DeviceChoice(platform=platform, kind=DeviceClass.CPU))
    product_rate = gemm_rate(device, cache, rounds)
    figures = []
    for precision, model in models.items():
        execution, network = load(model, device, cache, min(rows, 4))
        print(f"{device}, {precision}:")
        turns, difference = beside_onnxruntime(execution, model, rows, rounds)
        if precision == "fp32":
            print_layers(execution, network, product_rate, min(rows, 4), rounds)
        execution.close()
        name = f"opencl_{short}_{precision}"
        allowed = 1e-5 if precision == "fp32" else 2 * SCORE_STEP
        figures.append(Figure(f"{name}_over_onnxruntime", turns.ratio, goal))
        figures.append(Figure(f"{name}_score_difference", difference, allowed, at_most=True))
    device.close()
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    quick = parser.parse_args().quick
    rows, rounds = (4, 5) if quick else (8, 15)
    network = residual_network()
    models = {"fp32": network, "int8": quantised(network)}
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as folder:
        for handle in all_devices():
            try:
                figures += measure(handle, models, Path(folder) / "tiles.json", rows, rounds)
            except BackendUnavailableError as error:
                print(f"left out: {error}")
    print_figures(*figures)


if __name__ == "__main__":
    main()
