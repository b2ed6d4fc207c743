"""From the content of an ONNX file to a network that is ready to run on a device."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from accelerator_server.backends.opencl.device import Device
from accelerator_server.backends.opencl.execution import Execution
from accelerator_server.backends.opencl.integer_layers import IntegerConvolution
from accelerator_server.backends.opencl.kernels import program_source
from accelerator_server.backends.opencl.launches import plan, problem_of
from accelerator_server.backends.opencl.layers import Convolution, Network
from accelerator_server.backends.opencl.placement import Placement, place
from accelerator_server.backends.opencl.precompiled import Precompiled
from accelerator_server.backends.opencl.tile_cache import TileCache, default_cache_path
from accelerator_server.backends.opencl.tiles import default_tiles, problems
from accelerator_server.backends.opencl.tiling import Problem, Tile, candidates

Tuning = Literal["default", "cached", "measured"]

REPETITIONS = 5
"""Runs of each layer while tiles are measured; the fastest counts."""


@dataclass(frozen=True, slots=True)
class Build:
    """How a network is built for a device.

    Attributes:
        chunk_rows: Rows that are computed together.
        tuning: Where tiles come from: the defaults of the device's class, what was measured on this device
            before, or a measurement now of what was not measured before.
        keep_all: Whether every map can be read after a run.
        cache_path: Where measured tiles are remembered.
    """

    chunk_rows: int = 4
    tuning: Tuning = "cached"
    keep_all: bool = False
    cache_path: Path | None = None


def load_network(network: Network, device: Device, build: Build) -> Execution:
    """Compiles a network from source.

    Raises:
        BackendUnavailableError: The device cannot compile or hold it.
    """
    placement = place(network, keep_all=build.keep_all)
    tiles = _tiles(network, placement, device, build)
    return _execution(network, placement, device, tiles, build.chunk_rows)


def load_precompiled(network: Network, device: Device, program: Precompiled, build: Build) -> Execution:
    """Loads a network whose kernels were compiled before.

    Raises:
        BackendUnavailableError: The program lacks kernels, or is not for this device.
    """
    placement = place(network, keep_all=build.keep_all)
    planned = plan(network, placement, program.manifest.cut, program.tiles(problems(network, placement)))
    program.check(planned.kernels)
    compiled = device.load(program.binary, str(program.path))
    return Execution(device, compiled, network, placement, planned, build.chunk_rows)


def _execution(
    network: Network, placement: Placement, device: Device, tiles: dict[Problem, Tile], chunk_rows: int
) -> Execution:
    planned = plan(network, placement, device.cut, tiles)
    compiled = device.compile(program_source(planned.kernels))
    return Execution(device, compiled, network, placement, planned, chunk_rows)


def _tiles(network: Network, placement: Placement, device: Device, build: Build) -> dict[Problem, Tile]:
    tiles = default_tiles(network, placement, device.device_class)
    if build.tuning == "default":
        return tiles
    cache = TileCache(build.cache_path or default_cache_path())
    cached = cache.read(device.identity)
    known = {problem: cached[str(problem)] for problem in tiles if str(problem) in cached}
    if build.tuning == "measured" and len(known) < len(tiles):
        known = _measured(network, placement, device, build.chunk_rows)
        cache.add(device.identity, known)
    return tiles | known


def _measured(network: Network, placement: Placement, device: Device, chunk_rows: int) -> dict[Problem, Tile]:
    """Runs the whole network once with each rank of candidates and keeps the fastest of each problem."""
    ranked = {p: list(candidates(p, device.device_class)) for p in problems(network, placement)}
    layers = [layer for layer in network.layers if isinstance(layer, Convolution | IntegerConvolution)]
    best_s: dict[Problem, float] = {}
    best: dict[Problem, Tile] = {}
    for rank in range(max(map(len, ranked.values()), default=0)):
        tiles = {problem: tiles[min(rank, len(tiles) - 1)] for problem, tiles in ranked.items()}
        execution = _execution(network, placement, device, tiles, chunk_rows)
        times_s = execution.layer_times(chunk_rows, REPETITIONS)
        execution.close()
        for layer in layers:
            problem = problem_of(layer, placement)
            if times_s[layer.target.name] < best_s.get(problem, float("inf")):
                best_s[problem] = times_s[layer.target.name]
                best[problem] = tiles[problem]
    return best
