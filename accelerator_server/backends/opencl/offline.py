"""Command that writes a model's kernels for an offline compiler: source, manifest, and a binary if asked.

python -m accelerator_server.backends.opencl.offline MODEL.onnx FOLDER [--class accelerator] [--compile]
"""

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from accelerator_server.backends.opencl.graph import read_graph
from accelerator_server.backends.opencl.kernels import BUILD_OPTIONS, program_source
from accelerator_server.backends.opencl.launches import plan
from accelerator_server.backends.opencl.lowering import lower
from accelerator_server.backends.opencl.placement import place
from accelerator_server.backends.opencl.precompiled import manifest_of
from accelerator_server.backends.opencl.tiles import default_tiles
from accelerator_server.backends.opencl.tiling import CUTS, DeviceClass
from accelerator_server.errors import StartError

logger = logging.getLogger(__name__)


def write_program(model: bytes, folder: Path, device_class: DeviceClass) -> str:
    """Writes kernels.cl and kernels.json, its manifest.

    Args:
        model: Content of the ONNX file.
        folder: Where; it is made.
        device_class: For which the work is cut.

    Returns:
        The source.

    Raises:
        ModelRefusedError: The model cannot be read or lowered.
    """
    network = lower(read_graph(model))
    placement = place(network)
    cut = CUTS[device_class]
    kernels = plan(network, placement, cut, default_tiles(network, placement, device_class)).kernels
    source = program_source(kernels)
    manifest = msgspec.json.encode(manifest_of(kernels, cut, BUILD_OPTIONS))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "kernels.cl").write_text(source)
    (folder / "kernels.json").write_bytes(msgspec.json.format(manifest, indent=1) + b"\n")
    return source


def compile_here(source: str, folder: Path, platform: str) -> str:
    """Compiles with a runtime of this machine and writes kernels.bin, which only that runtime can load.

    Args:
        source: The kernels.
        folder: Where.
        platform: Part of the runtime's name; empty takes the first.

    Returns:
        Words for the device that it was compiled for.

    Raises:
        BackendUnavailableError: There is no such runtime, or it cannot compile.
    """
    # Whoever compiles elsewhere needs no OpenCL runtime here.
    from accelerator_server.backends.opencl.device import Device, DeviceChoice  # noqa: PLC0415

    device = Device(DeviceChoice(platform=platform))
    (folder / "kernels.bin").write_bytes(device.binary_of(device.compile(source)))
    device.close()
    return str(device)


def main(words: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("model", type=Path, help="ONNX file")
    parser.add_argument("folder", type=Path, help="where kernels.cl and kernels.json are written")
    parser.add_argument(
        "--class", dest="device_class", type=DeviceClass, choices=list(DeviceClass), default="accelerator"
    )
    parser.add_argument("--compile", action="store_true", help="compile with a runtime of this machine")
    parser.add_argument("--platform", default="", help="part of that runtime's name")
    options = parser.parse_args(words)
    try:
        model = options.model.read_bytes()
        source = write_program(model, options.folder, options.device_class)
        logger.info("wrote %s and kernels.json", options.folder / "kernels.cl")
        if options.compile:
            device = compile_here(source, options.folder, options.platform)
            logger.info("wrote %s for %s", options.folder / "kernels.bin", device)
    except OSError as error:
        logger.error("%s", error)
        return StartError.exit_code
    except StartError as error:
        logger.error("%s", error)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
