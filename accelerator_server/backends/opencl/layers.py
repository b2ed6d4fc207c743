"""What a network is made of before a device is known: maps of features, and layers between them."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class FeatureMap:
    """The tensor between two layers, of one row: float32, (channels, height, width); a vector is 1 x 1."""

    name: str
    channels: int
    height: int = 1
    width: int = 1

    @property
    def size(self) -> int:
        """Elements of one row."""
        return self.channels * self.height * self.width


@dataclass(frozen=True, slots=True)
class Window:
    """What a convolution or a pooling sees of its source: height first.

    Attributes:
        size: Rows and columns.
        stride: Steps between neighbours in the target.
        pads: Before and after: top, left, bottom, right.
    """

    size: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    pads: tuple[int, int, int, int] = (0, 0, 0, 0)

    def target_size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of what comes out."""
        top, left, bottom, right = self.pads
        rows = (height + top + bottom - self.size[0]) // self.stride[0] + 1
        columns = (width + left + right - self.size[1]) // self.stride[1] + 1
        return rows, columns


class Function(IntEnum):
    """Functions of one number; the values are those that the kernel pointwise.cl switches on."""

    IDENTITY = 0
    RELU = 1
    LOG = 2
    EXP = 3
    SQRT = 4
    SIGMOID = 5
    TANH = 6


class Layer(Protocol):
    """What all layers have: the maps they read, by name, and the map they write."""

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the maps that are read."""
        ...

    @property
    def target(self) -> FeatureMap:
        """The map that is written."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Convolution:
    """Target = relu(weights * source + bias + addend); a Gemm is one whose window is the whole source.

    Attributes:
        source: Name of the map that is read.
        target: The map that is written.
        window: What it sees.
        weights: float64, (target channels, source channels, rows, columns).
        bias: float64, (target channels,).
        addend: Name of a map of the target's shape that is added; empty for none.
        relu: Whether negative values become 0.
    """

    source: str
    target: FeatureMap
    window: Window
    weights: Floats
    bias: Floats
    addend: str = ""
    relu: bool = False

    @property
    def sources(self) -> tuple[str, ...]:
        """The source, and the addend if there is one."""
        return (self.source, self.addend) if self.addend else (self.source,)

    @property
    def multiplications(self) -> int:
        """Multiply-adds of one row."""
        return self.weights.size * self.target.height * self.target.width


@dataclass(frozen=True, slots=True)
class Pooling:
    """Largest value or mean of a window.

    Attributes:
        source: Name of the map that is read.
        target: The map that is written.
        window: What it sees.
        average: The mean, not the largest value.
        counts_pads: The mean divides by the size of the window even where it sees the edge.
    """

    source: str
    target: FeatureMap
    window: Window
    average: bool = False
    counts_pads: bool = False

    @property
    def sources(self) -> tuple[str, ...]:
        """The source."""
        return (self.source,)


@dataclass(frozen=True, slots=True, eq=False)
class Pointwise:
    """Target = function(scale * source + shift); scale and shift are float64, (channels,)."""

    source: str
    target: FeatureMap
    scale: Floats
    shift: Floats
    function: Function = Function.IDENTITY

    @property
    def sources(self) -> tuple[str, ...]:
        """The source."""
        return (self.source,)


@dataclass(frozen=True, slots=True)
class Addition:
    """Target = relu(first + second)."""

    first: str
    second: str
    target: FeatureMap
    relu: bool = False

    @property
    def sources(self) -> tuple[str, ...]:
        """Both terms."""
        return (self.first, self.second)


@dataclass(frozen=True, slots=True)
class Softmax:
    """Target = exp(source) / sum of exp(source) over the channels."""

    source: str
    target: FeatureMap

    @property
    def sources(self) -> tuple[str, ...]:
        """The source."""
        return (self.source,)


@dataclass(frozen=True, slots=True)
class Network:
    """Layers in the order in which they run.

    Attributes:
        inputs: Maps that are given.
        layers: All layers.
        outputs: Model output -> name of the map that holds it.
    """

    inputs: tuple[FeatureMap, ...]
    layers: tuple[Layer, ...]
    outputs: dict[str, str]

    @property
    def maps(self) -> dict[str, FeatureMap]:
        """All maps by name."""
        return {m.name: m for m in (*self.inputs, *(layer.target for layer in self.layers))}


def fuse(network: Network) -> Network:
    """Merges each layer into the one before it, where that one's target has no other reader."""
    fused: list[Layer] = []
    for layer in network.layers:
        # A later layer may complete what an earlier one began: Conv, then Add, then Relu.
        _append_fused(fused, layer, network)
    return replace(network, layers=tuple(fused))


def _append_fused(fused: list[Layer], layer: Layer, network: Network) -> None:
    # Of the two terms of a sum, the convolution that comes last can wait for the other.
    for place in range(len(fused) - 1, -1, -1):
        before = fused[place]
        if before.target.name not in layer.sources or _reader_count(network, before.target.name) != 1:
            continue
        merged = _merge(before, layer, {later.target.name for later in fused[place + 1 :]})
        if merged is not None:
            fused[place] = merged
            return
    fused.append(layer)


def _reader_count(network: Network, name: str) -> int:
    readers: Iterable[str] = (source for layer in network.layers for source in layer.sources)
    return sum(source == name for source in readers) + list(network.outputs.values()).count(name)


def _merge(before: Layer, layer: Layer, written_later: set[str]) -> Layer | None:
    match before, layer:
        case Convolution(addend="", relu=False), Pointwise(function=Function.IDENTITY | Function.RELU):
            return replace(
                before,
                target=layer.target,
                weights=before.weights * layer.scale[:, None, None, None],
                bias=before.bias * layer.scale + layer.shift,
                relu=layer.function is Function.RELU,
            )
        case Convolution(relu=False), Pointwise(function=Function.RELU) if _changes_nothing(layer):
            return replace(before, target=layer.target, relu=True)
        case Addition(relu=False), Pointwise(function=Function.RELU) if _changes_nothing(layer):
            return replace(before, target=layer.target, relu=True)
        case Convolution(addend="", relu=False), Addition(relu=False):
            other = layer.second if layer.first == before.target.name else layer.first
            if other == before.target.name or other in written_later:
                return None
            return replace(before, target=layer.target, addend=other)
        case Pointwise(function=Function.IDENTITY), Pointwise():
            return replace(
                layer,
                source=before.source,
                scale=before.scale * layer.scale,
                shift=before.shift * layer.scale + layer.shift,
            )
    return None


def _changes_nothing(layer: Pointwise) -> bool:
    return bool((layer.scale == 1).all() and not layer.shift.any())
