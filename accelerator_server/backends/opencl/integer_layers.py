"""Layers on quantised maps: bytes in, bytes out, products summed as integers."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from accelerator_server.backends.opencl.layers import Floats, OneSource, Sum, Window


@dataclass(frozen=True, slots=True)
class Quantise(OneSource):
    """Target = saturate(round(source / scale) + zero), with the quantisation of the target."""


@dataclass(frozen=True, slots=True)
class Dequantise(OneSource):
    """Target = (source - zero) * scale, with the quantisation of the source."""


@dataclass(frozen=True, slots=True, eq=False)
class IntegerConvolution(OneSource):
    """Target = quantised(relu(scale * sum of weights * (source - zero) + bias)).

    Attributes:
        window: What it sees.
        weights: int8, (target channels, source channels, rows, columns).
        scale: float64, (target channels,): of the source times that of the weights.
        bias: float64, (target channels,).
        relu: Whether negative values become 0.
    """

    window: Window
    weights: NDArray[np.int8]
    scale: Floats
    bias: Floats
    relu: bool = False

    @property
    def multiplications(self) -> int:
        """Multiply-adds of one row."""
        return self.weights.size * self.target.height * self.target.width


@dataclass(frozen=True, slots=True)
class IntegerMaximum(OneSource):
    """Largest byte of a window; source and target have the same quantisation."""

    window: Window


@dataclass(frozen=True, slots=True)
class IntegerAddition(Sum):
    """A sum of maps of bytes: target = quantised(relu(dequantised first + dequantised second))."""
