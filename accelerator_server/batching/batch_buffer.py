"""The rows of one input of a batch: requests are decoded into it, and only what they wrote is cleared."""

import math
from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from inference_client.protocol.arrays import Array, lit_elements, scatter_into
from inference_client.protocol.messages import Tensor


class BatchBuffer:
    """An array that keeps its place between batches; used by one thread at a time.

    Of a sparse image a few hundred of 50,000 pixels are lit; putting these out again takes a tenth of
    the time of clearing all.

    Args:
        array: All zero, (max_rows, ...), C order; nobody else writes to it.
    """

    def __init__(self, array: Array) -> None:
        self._array = array
        self._flat = array.reshape(-1)
        self._row_size = math.prod(array.shape[1:])
        # What is not zero: these flat positions, and anything in rows before this one.
        self._lit: list[NDArray[np.intp]] = []
        self._dense_stop = 0

    def fill(self, tensors: Sequence[Tensor]) -> int:
        """Decodes tensors into the rows, one behind another.

        Args:
            tensors: Checked with `check_tensor` before; together they have at most max_rows rows.

        Returns:
            The rows filled; what is behind them is not touched.
        """
        for positions in self._lit:
            self._flat[positions] = 0
        self._lit = []
        start = dense_stop = 0
        for value_datatype, alike in groupby(tensors, attrgetter("value_datatype")):
            group = list(alike)
            stop = start + sum([tensor.shape[0] for tensor in group])
            if value_datatype is None:
                dense_stop = stop
                self._write(group, start)
            else:
                self._light(group, start, stop)
            start = stop
        if start >= self._dense_stop:
            self._dense_stop = dense_stop
        return start

    def clear_from(self, row: int) -> None:
        """Makes all rows from this one on zero, behind those that were filled last."""
        if row < self._dense_stop:
            self._array[row : self._dense_stop] = 0
            self._dense_stop = row

    def rows(self, n_rows: int) -> Array:
        """The first rows."""
        return self._array[:n_rows]

    def _write(self, tensors: Sequence[Tensor], start: int) -> None:
        """Decodes tensors that have a value for each element."""
        for tensor in tensors:
            stop = start + tensor.shape[0]
            self._dense_stop = max(self._dense_stop, stop)
            scatter_into(tensor, self._array[start:stop])
            start = stop

    def _light(self, tensors: Sequence[Tensor], start: int, stop: int) -> None:
        """Decodes sparse tensors with values of one datatype."""
        if start < self._dense_stop:
            self._array[start : min(stop, self._dense_stop)] = 0
        positions, values = lit_elements(tensors)
        if start:
            positions += start * self._row_size
        self._flat[positions] = values.astype(self._array.dtype)  # all or, with an index too large, nothing
        self._lit.append(positions)
