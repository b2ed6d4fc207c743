"""Which convolutions a network has, and the tile of each where nothing was measured."""

from accelerator_server.backends.opencl.integer_layers import IntegerConvolution
from accelerator_server.backends.opencl.launches import problem_of
from accelerator_server.backends.opencl.layers import Convolution, Network
from accelerator_server.backends.opencl.placement import Placement
from accelerator_server.backends.opencl.tiling import DeviceClass, Problem, Tile, default_tile


def problems(network: Network, placement: Placement) -> set[Problem]:
    """What convolutions a network has, each once."""
    return {
        problem_of(layer, placement)
        for layer in network.layers
        if isinstance(layer, Convolution | IntegerConvolution)
    }


def default_tiles(network: Network, placement: Placement, device_class: DeviceClass) -> dict[Problem, Tile]:
    """Tiles that were not measured."""
    return {problem: default_tile(problem, device_class) for problem in problems(network, placement)}
