"""Lays out weights and the like in the order in which kernels read them."""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from accelerator_server.backends.opencl.placement import BLOCK, Geometry


def packed_weights(
    weights: NDArray[Any],
    dtype: DTypeLike,
    source: Geometry,
    target: Geometry,
    tile_blocks: int,
    step: int = 1,
) -> NDArray[Any]:
    """Weights in the order in which an item reads them.

    Args:
        weights: (target channels, source channels, rows, columns).
        dtype: Of what comes out.
        source: Layout of the map that is read.
        target: Layout of the map that is written.
        tile_blocks: Blocks of target channels that an item computes.
        step: Source values that are taken at once, of those that a row of the window sees side by side.

    Returns:
        (target groups, source blocks, rows, steps, tile blocks, target channel, step).
    """
    n_out, n_in, rows, columns = weights.shape
    padded = np.zeros((target.blocks * BLOCK, source.blocks * source.block, rows, columns), dtype)
    padded[:n_out, :n_in] = weights
    split = padded.reshape(-1, source.blocks, source.block, rows, columns).transpose(0, 1, 3, 4, 2)
    in_row = split.reshape(*split.shape[:3], columns * source.block)
    in_steps = np.pad(in_row, [(0, 0)] * 3 + [(0, -in_row.shape[3] % step)])
    grouped = in_steps.reshape(-1, tile_blocks, BLOCK, source.blocks, rows, in_steps.shape[3] // step, step)
    return np.ascontiguousarray(grouped.transpose(0, 3, 4, 5, 1, 2, 6))


def packed_channels(
    values: NDArray[Any], geometry: Geometry, filling: float = 0.0, dtype: DTypeLike = np.float32
) -> NDArray[Any]:
    """One number for each channel, filled up to whole blocks."""
    packed = np.full(geometry.blocks * geometry.block, filling, dtype)
    packed[: len(values)] = values
    return packed
