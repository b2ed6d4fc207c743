"""What a network is made of before a device is known: maps of features, and layers between them."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Quantisation:
    """What a byte of a quantised map stands for: (byte - zero) * scale."""

    scale: float
    zero: int


@dataclass(frozen=True, slots=True)
class FeatureMap:
    """The tensor between two layers, of one row: (channels, height, width); a vector is 1 x 1.

    Attributes:
        name: As in the graph.
        channels: Number of channels.
        height: Number of rows.
        width: Number of columns.
        quantisation: Of a map of bytes; None for float32.
    """

    name: str
    channels: int
    height: int = 1
    width: int = 1
    quantisation: Quantisation | None = None

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
class OneSource:
    """A layer that reads one map.

    Attributes:
        source: Name of the map that is read.
        target: The map that is written.
    """

    source: str
    target: FeatureMap

    @property
    def sources(self) -> tuple[str, ...]:
        """The source."""
        return (self.source,)


@dataclass(frozen=True, slots=True)
class Sum:
    """A layer that adds two maps: target = relu(first + second)."""

    first: str
    second: str
    target: FeatureMap
    relu: bool = False

    @property
    def sources(self) -> tuple[str, ...]:
        """Both terms."""
        return (self.first, self.second)


@dataclass(frozen=True, slots=True, eq=False)
class IntegerWeights:
    """Weights as the file holds them: int8, of the shape of the weights, and the scale of each channel."""

    values: NDArray[np.int8]
    scale: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Convolution(OneSource):
    """Target = relu(weights * source + bias + addend); a Gemm is one whose window is the whole source.

    Attributes:
        window: What it sees.
        weights: float64, (target channels, source channels, rows, columns).
        bias: float64, (target channels,).
        addend: Name of a map of the target's shape that is added; empty for none.
        relu: Whether negative values become 0.
        integers: The weights before they were dequantised, if they were.
    """

    window: Window
    weights: Floats
    bias: Floats
    addend: str = ""
    relu: bool = False
    integers: IntegerWeights | None = None

    @property
    def sources(self) -> tuple[str, ...]:
        """The source, and the addend if there is one."""
        return (self.source, self.addend) if self.addend else (self.source,)

    @property
    def multiplications(self) -> int:
        """Multiply-adds of one row."""
        return self.weights.size * self.target.height * self.target.width


@dataclass(frozen=True, slots=True)
class Pooling(OneSource):
    """Largest value or mean of a window.

    Attributes:
        window: What it sees.
        average: The mean, not the largest value.
        counts_pads: The mean divides by the size of the window even where it sees the edge.
    """

    window: Window
    average: bool = False
    counts_pads: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Pointwise(OneSource):
    """Target = function(scale * source + shift); scale and shift are float64, (channels,)."""

    scale: Floats
    shift: Floats
    function: Function = Function.IDENTITY


@dataclass(frozen=True, slots=True)
class Addition(Sum):
    """A sum of float32 maps."""


@dataclass(frozen=True, slots=True)
class Softmax(OneSource):
    """Target = exp(source) / sum of exp(source) over the channels."""


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
