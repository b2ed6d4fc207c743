"""Layers on quantised maps: bytes in, bytes out, products summed as integers."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from accelerator_server.backends.opencl.layers import FeatureMap, Floats, Window


@dataclass(frozen=True, slots=True)
class Quantise:
    """Target = saturate(round(source / scale) + zero), with the quantisation of the target."""

    source: str
    target: FeatureMap

    @property
    def sources(self) -> tuple[str, ...]:
        """The source."""
        return (self.source,)


@dataclass(frozen=True, slots=True)
class Dequantise:
    """Target = (source - zero) * scale, with the quantisation of the source."""

    source: str
    target: FeatureMap

    @property
    def sources(self) -> tuple[str, ...]:
        """The source."""
        return (self.source,)


@dataclass(frozen=True, slots=True, eq=False)
class IntegerConvolution:
    """Target = quantised(relu(scale * sum of weights * (source - zero) + bias)).

    Attributes:
        source: Name of the map that is read, of bytes.
        target: The map that is written, of bytes.
        window: What it sees.
        weights: int8, (target channels, source channels, rows, columns).
        scale: float64, (target channels,): of the source times that of the weights.
        bias: float64, (target channels,).
        relu: Whether negative values become 0.
    """

    source: str
    target: FeatureMap
    window: Window
    weights: NDArray[np.int8]
    scale: Floats
    bias: Floats
    relu: bool = False

    @property
    def sources(self) -> tuple[str, ...]:
        """The source."""
        return (self.source,)

    @property
    def multiplications(self) -> int:
        """Multiply-adds of one row."""
        return self.weights.size * self.target.height * self.target.width


@dataclass(frozen=True, slots=True)
class IntegerAddition:
    """Target = quantised(relu(dequantised first + dequantised second))."""

    first: str
    second: str
    target: FeatureMap
    relu: bool = False

    @property
    def sources(self) -> tuple[str, ...]:
        """Both terms."""
        return (self.first, self.second)
