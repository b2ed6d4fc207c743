"""Where each map lies in device memory: padded, in blocks of channels, sharing buffers where it can."""

from collections.abc import Mapping
from dataclasses import dataclass

from accelerator_server.backends.opencl.integer_layers import (
    Dequantise,
    IntegerConvolution,
    IntegerMaximum,
    Quantise,
)
from accelerator_server.backends.opencl.layers import (
    Convolution,
    FeatureMap,
    Layer,
    Network,
    Pointwise,
    Pooling,
)

BLOCK = 16
"""Channels that lie side by side: one AVX-512 register of float32, one cache line."""


@dataclass(frozen=True, slots=True)
class Geometry:
    """Layout of a map: (rows, blocks, height + 2 * pad, width + 2 * pad, block).

    Attributes:
        blocks: Number of channel blocks.
        block: Channels in a block.
        height: Without pads.
        width: Without pads.
        pad: Zeros on each side, so that a convolution need not look where it is.
        element_bytes: 4 for float32, 1 for a quantised map.
        filling: What the pads hold: 0, or the zero point.
    """

    blocks: int
    block: int
    height: int
    width: int
    pad: int
    element_bytes: int = 4
    filling: int = 0

    @property
    def pitch(self) -> int:
        """Elements from a pixel to the one below it."""
        return (self.width + 2 * self.pad) * self.block

    @property
    def plane(self) -> int:
        """Elements of a block of channels."""
        return (self.height + 2 * self.pad) * self.pitch

    @property
    def image(self) -> int:
        """Elements of a row of the batch."""
        return self.blocks * self.plane

    def start(self, top: int = 0, left: int = 0) -> int:
        """Element at which the map begins, or its window with so many pads above and to the left."""
        return (self.pad - top) * self.pitch + (self.pad - left) * self.block


@dataclass(frozen=True, slots=True)
class Placed:
    """A map's layout and the number of the buffer it lies in."""

    map: FeatureMap
    geometry: Geometry
    buffer: int


@dataclass(frozen=True, slots=True)
class Placement:
    """All maps of a network by name, and the layout of each buffer."""

    maps: Mapping[str, Placed]
    buffers: tuple[Geometry, ...]

    @property
    def row_bytes(self) -> int:
        """Device memory of one row of a batch."""
        return sum(geometry.image * geometry.element_bytes for geometry in self.buffers)


def place(network: Network, *, keep_all: bool = False) -> Placement:
    """Lays out the maps of a network.

    Args:
        network: Its layers, in order.
        keep_all: Whether every map keeps its buffer, so that all can be read after a run.
    """
    pads = _pads(network.layers)
    narrow = _unblocked(network)
    last_use = _last_uses(network)
    buffers: list[Geometry] = []
    free: list[int] = []
    placed: dict[str, Placed] = {}

    def put(feature_map: FeatureMap) -> None:
        block = 1 if feature_map.name in narrow else BLOCK
        blocks = -(-feature_map.channels // block)
        pad = pads.get(feature_map.name, 0)
        bytes_of = feature_map.quantisation
        element = (1, bytes_of.zero) if bytes_of is not None else (4, 0)
        geometry = Geometry(blocks, block, feature_map.height, feature_map.width, pad, *element)
        # Only a buffer of the very same layout may be taken over: what its pads hold stays there.
        number = next((n for n in free if buffers[n] == geometry), len(buffers))
        if number == len(buffers):
            buffers.append(geometry)
        else:
            free.remove(number)
        placed[feature_map.name] = Placed(feature_map, geometry, number)

    for feature_map in network.inputs:
        put(feature_map)
    for step, layer in enumerate(network.layers):
        put(layer.target)
        if not keep_all:
            done = {name for name in layer.sources if last_use[name] == step}
            free.extend(placed[name].buffer for name in sorted(done))
    return Placement(placed, tuple(buffers))


def _pads(layers: tuple[Layer, ...]) -> dict[str, int]:
    pads: dict[str, int] = {}
    for layer in layers:
        if isinstance(layer, Convolution | IntegerConvolution):
            pads[layer.source] = max(pads.get(layer.source, 0), *layer.window.pads)
    return pads


def _last_uses(network: Network) -> dict[str, int]:
    uses = {name: step for step, layer in enumerate(network.layers) for name in layer.sources}
    return uses | dict.fromkeys(network.outputs.values(), len(network.layers))


def _unblocked(network: Network) -> set[str]:
    """Maps of few channels that come from the input: filled up to a block they would be mostly zeros."""
    narrow = {feature_map.name for feature_map in network.inputs if feature_map.channels < BLOCK}
    for layer in network.layers:
        if not narrow.intersection(layer.sources) or isinstance(layer, Convolution | IntegerConvolution):
            if isinstance(layer, Convolution) and layer.addend in narrow:
                return set()
            continue
        if not isinstance(layer, Pooling | Pointwise | Quantise | Dequantise | IntegerMaximum):
            return set()
        narrow.add(layer.target.name)
    return narrow
