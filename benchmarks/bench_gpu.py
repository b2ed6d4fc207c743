"""What clients get of a GPU: images a second of ResNet-50 served, over the bare session on the same device.

32 clients send 8 sparse images each, in float32 and float16. The device is in a process of its own, where it
gets all pixels, and in the server's, where it makes them itself. Without a GPU it says so and ends.
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
GOAL = 0.9
ISOLATIONS = ("process", "thread")


def write_models(folder: Path, providers: list[str]) -> list[str]:
    """Writes the network in both precisions for both ways to hold the device, a repository for each."""
    network = residual_network()
    halved = convert_float_to_float16(onnx.load_from_string(network), keep_io_types=True)
    names = []
    for precision, model in (("f32", network), ("f16", halved.SerializeToString())):
        for isolation in ISOLATIONS:
            names.append(f"resnet50_{precision}_{isolation}")
            keys = (
                f'precision = "{precision}"\nisolation = "{isolation}"\n'
                f"backend_parameters = {{providers = {providers}}}"
            )
            write_onnx_model(folder / names[-1], names[-1], model, keys=keys)
    return names


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="about two minutes, with shorter rounds")
    parser.add_argument(
        "--providers", nargs="+", default=[CUDA, CPU], help=f"of the session; {CPU} alone rehearses it"
    )
    arguments = parser.parse_args()
    rounds, seconds = (3, 4.0) if arguments.quick else (5, 15.0)
    try:
        open_session(residual_network(stages=((8, 1),), pixels=32), arguments.providers)
    except StartError as error:
        print(f"no GPU: {error}")
        return
    figures = []
    with tempfile.TemporaryDirectory() as folder:
        for name in write_models(Path(folder), arguments.providers):
            case = Case(name, CLIENTS, ROWS, ROWS, GOAL)
            figures += measure(Path(folder) / name, case, rounds, seconds)
    print_figures(*figures)


if __name__ == "__main__":
    main()
