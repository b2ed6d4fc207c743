"""What clients get of a GPU: images a second of ResNet-50 served, over the bare session on the same device.

32 clients send 8 sparse images each, in f32, tf32 and f16. The device makes the pixels, which is what it is
measured by, or gets them from the server; the bare session gets them from the host. Without a GPU it says so.
"""

import argparse
import tempfile
from pathlib import Path

import onnx
from onnxruntime.transformers.float16 import convert_float_to_float16

from accelerator_server.backends.onnxruntime.session import CPU, CUDA, open_session
from accelerator_server.errors import StartError
from bench_served import Case, measure
from figures import print_figures
from networks import residual_network
from served import write_onnx_model

CLIENTS, ROWS = 32, 8
GOALS = {"scatter_on_device": 0.9, "scatter_on_host": None}
"""Who makes the pixels -> goal of served over bare; None where it is told for comparison."""


def write_models(folder: Path, providers: list[str]) -> list[Case]:
    """Writes the network in both precisions for both ways to make pixels, a repository for each."""
    network = residual_network()
    halved = convert_float_to_float16(onnx.load_from_string(network), keep_io_types=True)
    cases = []
    for precision, model in (("f32", network), ("tf32", network), ("f16", halved.SerializeToString())):
        for scatter, goal in GOALS.items():
            case = Case(f"resnet50_{precision}_{scatter}", CLIENTS, ROWS, ROWS, goal)
            on_device = str(scatter == "scatter_on_device").lower()
            parameters = f"{{providers = {providers}, scatter_on_device = {on_device}}}"
            keys = f'precision = "{precision}"\nbackend_parameters = {parameters}'
            write_onnx_model(folder / case.model, case.model, model, keys=keys)
            cases.append(case)
    return cases


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="under a minute, with shorter rounds")
    parser.add_argument(
        "--providers", nargs="+", default=[CUDA, CPU], help=f"of the session; {CPU} alone rehearses it"
    )
    arguments = parser.parse_args()
    rounds, seconds = (2, 1.0) if arguments.quick else (5, 15.0)
    try:
        open_session(residual_network(stages=((8, 1),), pixels=32), arguments.providers)
    except StartError as error:
        print(f"no GPU: {error}")
        return
    figures = []
    with tempfile.TemporaryDirectory() as folder:
        for case in write_models(Path(folder), arguments.providers):
            figures += measure(Path(folder) / case.model, case, rounds, seconds)
    print_figures(*figures)


if __name__ == "__main__":
    main()
