"""Turns layers and their places into kernel launches and the constants they read; still without a device."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from accelerator_server.backends.opencl.integer_layers import (
    Dequantise,
    IntegerAddition,
    IntegerConvolution,
    IntegerMaximum,
    Quantise,
)
from accelerator_server.backends.opencl.kernels import Kernel, kernel
from accelerator_server.backends.opencl.layers import (
    Addition,
    Convolution,
    Layer,
    Network,
    Pointwise,
    Pooling,
    Quantisation,
    Softmax,
)
from accelerator_server.backends.opencl.packing import packed_channels, packed_weights
from accelerator_server.backends.opencl.placement import BLOCK, Geometry, Placed, Placement
from accelerator_server.backends.opencl.tiling import Cut, Problem, Tile


@dataclass(frozen=True, slots=True)
class MapBuffer:
    """The buffer with this number in the placement."""

    number: int


@dataclass(frozen=True, slots=True)
class HostBuffer:
    """The buffer through which an input or output of this name passes."""

    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Constant:
    """Weights and the like, in the order in which the kernel reads them: float32, int8 or int32."""

    values: NDArray[np.generic]


Argument = MapBuffer | HostBuffer | Constant | int


@dataclass(frozen=True, slots=True)
class Launch:
    """One kernel over one row or more.

    Attributes:
        layer: Name of the map that it writes.
        kernel: Which.
        arguments: In the kernel's order.
        items: Work items along the first two axes; the third counts rows.
    """

    layer: str
    kernel: Kernel
    arguments: tuple[Argument, ...]
    items: tuple[int, int]

    @property
    def global_size(self) -> tuple[int, int]:
        """The items, filled up to whole work groups."""
        group = self.kernel.group
        return -(-self.items[0] // group) * group, self.items[1]


@dataclass(frozen=True, slots=True)
class Program:
    """All launches of a network: inputs to their maps, the layers, maps to the outputs."""

    uploads: tuple[Launch, ...]
    layers: tuple[Launch, ...]
    downloads: tuple[Launch, ...]

    @property
    def kernels(self) -> frozenset[Kernel]:
        """Every kernel that is launched."""
        return frozenset(launch.kernel for launch in (*self.uploads, *self.layers, *self.downloads))


def plan(network: Network, placement: Placement, cut: Cut, tiles: Mapping[Problem, Tile]) -> Program:
    """Plans the launches of a network.

    Args:
        network: Its layers.
        placement: Where its maps lie.
        cut: How work is dealt on this class of devices.
        tiles: For each convolution.
    """
    planner = _Planner(placement, cut, tiles)
    return Program(
        tuple(planner.transfer("upload", m.name, m.name) for m in network.inputs),
        tuple(planner.layer(layer) for layer in network.layers),
        tuple(planner.transfer("download", name, held) for name, held in network.outputs.items()),
    )


def problem_of(layer: Convolution | IntegerConvolution, placement: Placement) -> Problem:
    """What decides the tile of a convolution."""
    source, target = placement.maps[layer.source].geometry, placement.maps[layer.target.name].geometry
    return Problem(
        layer.window.size,
        layer.window.stride,
        source.block,
        source.blocks,
        target.blocks,
        target.height,
        target.width,
        "convolution" if isinstance(layer, Convolution) else "convolution_int8",
    )


@dataclass(frozen=True, slots=True)
class _Planner:
    placement: Placement
    cut: Cut
    tiles: Mapping[Problem, Tile] = field(default_factory=dict)

    def layer(self, layer: Layer) -> Launch:
        match layer:
            case Convolution():
                return self._convolution(layer)
            case Pooling():
                return self._by_window("pooling", layer, (int(layer.average), int(layer.counts_pads)))
            case Pointwise():
                return self._pointwise(layer)
            case Addition():
                return self._addition(layer)
            case Softmax():
                return self._softmax(layer)
            case IntegerConvolution():
                return self._integer_convolution(layer)
            case IntegerMaximum():
                return self._by_window("pooling_int8", layer, ())
            case IntegerAddition():
                return self._integer_addition(layer)
            case Quantise() | Dequantise():
                return self._conversion(layer)
        message = f"no kernel for {type(layer).__name__}"
        raise TypeError(message)

    def transfer(self, template: str, host_name: str, map_name: str) -> Launch:
        placed = self.placement.maps[map_name]
        host, device = HostBuffer(host_name), MapBuffer(placed.buffer)
        ends = (host, device) if template == "upload" else (device, host)
        shape, geometry = placed.map, placed.geometry
        sizes = (shape.channels, shape.height, shape.width, geometry.block)
        one = kernel(template, group=self.cut.group)
        arguments = (*ends, *sizes, *_layout(geometry))
        return Launch(host_name, one, arguments, (shape.height * shape.width, shape.channels))

    def _convolution(self, layer: Convolution) -> Launch:
        source, target = self._place(layer.source), self._place(layer.target.name)
        addend = self._place(layer.addend) if layer.addend else target
        tile = self.tiles[problem_of(layer, self.placement)]
        arguments = (
            MapBuffer(source.buffer),
            Constant(
                packed_weights(layer.weights, np.float32, source.geometry, target.geometry, tile.blocks)
            ),
            Constant(packed_channels(layer.bias, target.geometry)),
            MapBuffer(addend.buffer),
            MapBuffer(target.buffer),
            source.geometry.blocks,
            target.geometry.height,
            target.geometry.width,
            *_layout(source.geometry, layer.window.pads[0], layer.window.pads[1]),
            *_layout(target.geometry),
            *_layout(addend.geometry),
            int(bool(layer.addend)),
            int(layer.relu),
        )
        return self._by_tile(layer, tile, arguments)

    def _integer_convolution(self, layer: IntegerConvolution) -> Launch:
        source, target = self._place(layer.source), self._place(layer.target.name)
        tile = self.tiles[problem_of(layer, self.placement)]
        sums = layer.weights.sum(axis=(1, 2, 3), dtype=np.int64)
        correction = -_quantisation(source).zero * sums
        arguments = (
            MapBuffer(source.buffer),
            Constant(
                packed_weights(
                    layer.weights,
                    np.int8,
                    source.geometry,
                    target.geometry,
                    tile.blocks,
                    self.cut.byte_step,
                )
            ),
            Constant(packed_channels(correction, target.geometry, dtype=np.int32)),
            Constant(packed_channels(layer.scale / _quantisation(target).scale, target.geometry)),
            Constant(packed_channels(layer.bias / _quantisation(target).scale, target.geometry)),
            MapBuffer(target.buffer),
            source.geometry.blocks,
            target.geometry.height,
            target.geometry.width,
            *_layout(source.geometry, layer.window.pads[0], layer.window.pads[1]),
            *_layout(target.geometry),
            _quantisation(target).zero,
            int(layer.relu),
        )
        return self._by_tile(layer, tile, arguments)

    def _by_tile(
        self, layer: Convolution | IntegerConvolution, tile: Tile, arguments: tuple[Argument, ...]
    ) -> Launch:
        problem = problem_of(layer, self.placement)
        one = kernel(
            problem.kernel,
            group=self.cut.group,
            lanes=self.cut.lanes,
            size_y=problem.size[0],
            size_x=problem.size[1],
            stride_y=problem.stride[0],
            stride_x=problem.stride[1],
            source_block=problem.source_block,
            tile_rows=tile.rows,
            tile_columns=tile.columns,
            tile_blocks=tile.blocks,
            **({} if isinstance(layer, Convolution) else {"dots": int(self.cut.dots)}),
        )
        tile_count = -(-problem.width // tile.columns) * -(-problem.height // tile.rows)
        items = (tile_count * (BLOCK // self.cut.lanes), problem.target_blocks // tile.blocks)
        return Launch(layer.target.name, one, arguments, items)

    def _integer_addition(self, layer: IntegerAddition) -> Launch:
        first, second, target = map(self._place, (layer.first, layer.second, layer.target.name))
        quantisations = [_quantisation(place) for place in (first, second, target)]
        arguments: tuple[Argument, ...] = (
            MapBuffer(first.buffer),
            MapBuffer(second.buffer),
            Constant(_numbers(*(one.scale / quantisations[2].scale for one in quantisations[:2]))),
            MapBuffer(target.buffer),
            target.geometry.height,
            target.geometry.width,
            *_layout(first.geometry),
            *_layout(second.geometry),
            *_layout(target.geometry),
            *(one.zero for one in quantisations),
            int(layer.relu),
        )
        return self._by_pixel("addition_int8", target, arguments)

    def _conversion(self, layer: Quantise | Dequantise) -> Launch:
        source, target = self._place(layer.source), self._place(layer.target.name)
        template = "quantise" if isinstance(layer, Quantise) else "dequantise"
        quantisation = _quantisation(target if isinstance(layer, Quantise) else source)
        arguments = (
            MapBuffer(source.buffer),
            Constant(_numbers(quantisation.scale)),
            MapBuffer(target.buffer),
            target.geometry.height,
            target.geometry.width,
            *_layout(source.geometry),
            *_layout(target.geometry),
            quantisation.zero,
        )
        return self._by_pixel(template, target, arguments)

    def _by_window(self, template: str, layer: Pooling | IntegerMaximum, ends: tuple[int, ...]) -> Launch:
        source, target = self._place(layer.source), self._place(layer.target.name)
        arguments: tuple[Argument, ...] = (
            MapBuffer(source.buffer),
            MapBuffer(target.buffer),
            source.geometry.height,
            source.geometry.width,
            target.geometry.height,
            target.geometry.width,
            *_layout(source.geometry),
            *_layout(target.geometry),
            *layer.window.size,
            *layer.window.stride,
            *layer.window.pads[:2],
            *ends,
        )
        return self._by_pixel(template, target, arguments)

    def _pointwise(self, layer: Pointwise) -> Launch:
        source, target = self._place(layer.source), self._place(layer.target.name)
        arguments = (
            MapBuffer(source.buffer),
            Constant(packed_channels(layer.scale, target.geometry)),
            # What fills up a block must stay finite: 0 * log(0) would be NaN in the next convolution.
            Constant(packed_channels(layer.shift, target.geometry, filling=1.0)),
            MapBuffer(target.buffer),
            target.geometry.height,
            target.geometry.width,
            *_layout(source.geometry),
            *_layout(target.geometry),
            int(layer.function),
        )
        return self._by_pixel("pointwise", target, arguments)

    def _addition(self, layer: Addition) -> Launch:
        first, second, target = map(self._place, (layer.first, layer.second, layer.target.name))
        arguments = (
            MapBuffer(first.buffer),
            MapBuffer(second.buffer),
            MapBuffer(target.buffer),
            target.geometry.height,
            target.geometry.width,
            *_layout(first.geometry),
            *_layout(second.geometry),
            *_layout(target.geometry),
            int(layer.relu),
        )
        return self._by_pixel("addition", target, arguments)

    def _softmax(self, layer: Softmax) -> Launch:
        source, target = self._place(layer.source), self._place(layer.target.name)
        arguments = (
            MapBuffer(source.buffer),
            MapBuffer(target.buffer),
            layer.target.channels,
            target.geometry.block,
            *_layout(source.geometry)[1:],
            *_layout(target.geometry)[1:],
        )
        return Launch(layer.target.name, kernel("softmax", group=1), arguments, (1, 1))

    def _by_pixel(self, template: str, target: Placed, arguments: tuple[Argument, ...]) -> Launch:
        geometry = target.geometry
        one = kernel(template, group=self.cut.group, lanes=geometry.block)
        items = (geometry.height * geometry.width, geometry.blocks)
        return Launch(target.map.name, one, arguments, items)

    def _place(self, name: str) -> Placed:
        return self.placement.maps[name]


def _layout(geometry: Geometry, top: int = 0, left: int = 0) -> tuple[int, int, int, int]:
    return geometry.pitch, geometry.plane, geometry.image, geometry.start(top, left)


def _quantisation(placed: Placed) -> Quantisation:
    if placed.map.quantisation is None:
        message = f"{placed.map.name} is not quantised"
        raise ValueError(message)
    return placed.map.quantisation


def _numbers(*values: float) -> NDArray[np.float32]:
    return np.array(values, np.float32)
