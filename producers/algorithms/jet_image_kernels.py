"""The compiled loops that draw jet images; imported at the first image, since numba takes 0.2 s to import."""

import logging
import math
import pickle
from collections.abc import Callable
from typing import Any, Final

import numba
import numpy as np
from numba import types

logger = logging.getLogger(__name__)

EDGE_TOLERANCE: Final = 1e-6
"""Radians: nearer to a line between pixels is on it. Four times the step of float32 at pi."""
SMALLEST_OVERLAP: Final = 1e-6
"""Of a pixel: what covers less of it gives it nothing, else rounding would light empty pixels."""

_CIRCLE: Final = 2.0 * math.pi
# Read-only arguments accept writable arrays too, so that one compiled version serves every caller.
_INPUT: Final = types.Array(types.float64, 1, "C", readonly=True)
_SCRATCH: Final = types.Array(types.float64, 2, "C")
_SPANS: Final = types.Array(types.int64, 2, "C")
_COUNTS: Final = types.Array(types.uint32, 1, "C")
_INDEX: Final = types.Array(types.uint16, 1, "C")
_VALUE: Final = types.Array(types.float32, 1, "C")
_TUPLE: Final[Any] = types.Tuple
_WHERE: Final = (types.float64, types.float64, types.float64, types.float64)

Function = Callable[..., Any]


def compiled(signature: Any) -> Callable[[Function], Function]:
    """Compiles a function for one signature, once for all processes where numba finds a folder to keep it.

    numba keeps machine code beside the source, or under the user's cache folder, or in ``NUMBA_CACHE_DIR``.
    Where none of them can be written, or what lies there is damaged, every process compiles for itself: two
    seconds.
    """

    def decorate(function: Function) -> Function:
        try:
            return _jit(signature, function, keep=True)
        except (RuntimeError, OSError, EOFError, pickle.UnpicklingError) as error:
            logger.warning(
                "numba cannot keep the compiled %s (%s), so every process compiles it anew; "
                "NUMBA_CACHE_DIR can name a folder that can be written",
                function.__name__,
                error,
            )
            return _jit(signature, function, keep=False)

    return decorate


def _jit(signature: Any, function: Function, *, keep: bool) -> Function:
    kernel: Function = numba.njit(signature, cache=keep, nogil=True)(function)
    return kernel


@compiled(types.void(_SCRATCH, _SPANS, types.int64, types.int64, types.float64))
def _add(scratch: Any, spans: Any, row: int, column: int, amount: float) -> None:
    """Adds to a pixel and widens the span of its row that holds anything."""
    scratch[row, column] += amount
    spans[row, 0] = min(spans[row, 0], column)
    spans[row, 1] = max(spans[row, 1], column)


@compiled(types.void(_SCRATCH, _SPANS, *_WHERE, types.float64))
def _add_nearest(
    scratch: Any, spans: Any, d_eta: float, d_phi: float, window: float, pixel: float, amount: float
) -> None:
    """Gives all to the pixel of the centre: on a line the lower one, on the rim the outermost."""
    last = scratch.shape[0] - 1
    limit = window + EDGE_TOLERANCE
    if abs(d_eta) <= limit and abs(d_phi) <= limit:
        row = math.ceil((d_eta + window - EDGE_TOLERANCE) / pixel) - 1
        column = math.ceil((d_phi + window - EDGE_TOLERANCE) / pixel) - 1
        _add(scratch, spans, min(max(row, 0), last), min(max(column, 0), last), amount)


@compiled(types.void(_SCRATCH, _SPANS, *_WHERE, types.float64, types.float64))
def _add_area(
    scratch: Any,
    spans: Any,
    d_eta: float,
    d_phi: float,
    window: float,
    pixel: float,
    cell: float,
    amount: float,
) -> None:
    """Shares out over the pixels that a square cell covers; what lies outside the image is lost."""
    n_pixels = scratch.shape[0]
    reach = window + 0.5 * cell
    if not (abs(d_eta) < reach and abs(d_phi) < reach):
        return
    size = cell / pixel
    low_row = (d_eta + window) / pixel - 0.5 * size
    low_column = (d_phi + window) / pixel - 0.5 * size
    per_area = amount / (size * size)
    for row in range(max(math.floor(low_row), 0), min(math.floor(low_row + size), n_pixels - 1) + 1):
        height = min(row + 1.0, low_row + size) - max(float(row), low_row)
        if height < SMALLEST_OVERLAP:
            continue
        for column in range(
            max(math.floor(low_column), 0), min(math.floor(low_column + size), n_pixels - 1) + 1
        ):
            width = min(column + 1.0, low_column + size) - max(float(column), low_column)
            if width >= SMALLEST_OVERLAP:
                _add(scratch, spans, row, column, per_area * height * width)


@compiled(types.int64(_SCRATCH, _SPANS, _INDEX, _VALUE, types.int64, types.float64))
def _collect(scratch: Any, spans: Any, index: Any, value: Any, start: int, scale: float) -> int:
    """Writes the lit pixels in order from ``start`` on, clears what it read, and tells where it ended."""
    n_pixels = scratch.shape[0]
    end = start
    for row in range(n_pixels):
        for column in range(spans[row, 0], spans[row, 1] + 1):
            if scratch[row, column] != 0.0:
                index[end] = row * n_pixels + column
                value[end] = scratch[row, column] * scale
                scratch[row, column] = 0.0
                end += 1
        spans[row, 0] = n_pixels
        spans[row, 1] = -1
    return end


@compiled(
    _TUPLE((_COUNTS, _INDEX, _VALUE))(
        *(_INPUT,) * 6, types.int64, types.float64, types.boolean, types.float64
    )
)
def draw_images(
    et: Any,
    eta: Any,
    phi: Any,
    jet_eta: Any,
    jet_phi: Any,
    jet_scale: Any,
    n_pixels: int,
    window: float,
    by_area: bool,
    cell: float,
) -> tuple[Any, Any, Any]:
    """Draws one sparse image for each jet from all crystals in its window.

    Args:
        et: float64, (n_crystals,), GeV.
        eta: float64, (n_crystals,).
        phi: float64, (n_crystals,), radians.
        jet_eta: float64, (n_jets,).
        jet_phi: float64, (n_jets,), radians.
        jet_scale: float64, (n_jets,), what a jet's pixels are multiplied by.
        n_pixels: Rows, and columns.
        window: Half width of the image.
        by_area: Share a crystal over pixels, instead of giving it to the one of its centre.
        cell: Width of a crystal.

    Returns:
        counts (uint32, (n_jets,)), index (uint16, (sum of counts,)), value (float32, (sum of counts,)).
    """
    pixel = 2.0 * window / n_pixels
    covered = math.ceil(cell / pixel) + 1 if by_area else 1
    capacity = min(len(et) * covered * covered, n_pixels * n_pixels) * len(jet_eta)
    counts = np.empty(len(jet_eta), np.uint32)
    index = np.empty(capacity, np.uint16)
    value = np.empty(capacity, np.float32)
    scratch = np.zeros((n_pixels, n_pixels), np.float64)
    spans = np.empty((n_pixels, 2), np.int64)
    spans[:, 0] = n_pixels
    spans[:, 1] = -1
    start = 0
    for jet in range(len(jet_eta)):
        for crystal in range(len(et)):
            d_eta = eta[crystal] - jet_eta[jet]
            d_phi = phi[crystal] - jet_phi[jet]
            d_phi -= _CIRCLE * np.rint(d_phi / _CIRCLE)
            if by_area:
                _add_area(scratch, spans, d_eta, d_phi, window, pixel, cell, et[crystal])
            else:
                _add_nearest(scratch, spans, d_eta, d_phi, window, pixel, et[crystal])
        end = _collect(scratch, spans, index, value, start, jet_scale[jet])
        counts[jet] = end - start
        start = end
    return counts, index[:start].copy(), value[:start].copy()
