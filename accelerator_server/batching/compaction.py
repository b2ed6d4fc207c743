"""The rows of one input of a batch in a compact form, for a device that expands them itself."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from accelerator_server.backends.compact import CompactRows, LitRows, ScaledRows
from accelerator_server.model_spec import TensorSpec
from inference_client.protocol.arrays import Array, lit_elements
from inference_client.protocol.messages import Tensor


class Compactor:
    """Joins tensors of one encoding without expanding them; used by one thread at a time.

    Args:
        spec: The input.
        max_rows: Most rows of a batch.
    """

    def __init__(self, spec: TensorSpec, max_rows: int) -> None:
        self._spec = spec
        # Which pair was written last at each position; read only where it was written just before.
        self._writer = np.empty(max_rows * spec.row_size, np.int64)

    def compact(self, tensors: Sequence[Tensor], n_rows: int) -> CompactRows | None:
        """Joins tensors, one behind another.

        Args:
            tensors: Checked with `check_tensor` before.
            n_rows: Rows to make of them; those behind the tensors' own are zero.

        Returns:
            None where the batch buffer must expand them: some hold a value for each element, they
            are not all of one encoding, or the compact form is no smaller.
        """
        kinds = {(tensor.value_datatype, tensor.scale is None) for tensor in tensors}
        if len(kinds) > 1:
            return None
        ((value_datatype, is_unscaled),) = kinds
        if value_datatype is not None:
            return self._lit(tensors, n_rows)
        return None if is_unscaled or self._spec.row_size == 1 else self._scaled(tensors, n_rows)

    def _lit(self, tensors: Sequence[Tensor], n_rows: int) -> LitRows | None:
        positions, values = lit_elements(tensors)
        values = values.astype(self._spec.dtype, copy=False)
        if positions.nbytes + values.nbytes >= n_rows * self._spec.row_size * values.itemsize:
            return None
        if not len(positions):
            # One zero instead of none, since engines differ in what they make of empty tensors.
            return LitRows(np.zeros(1, np.int64), np.zeros(1, values.dtype))
        return self._last_of_each(positions, values)

    def _last_of_each(self, positions: NDArray[np.int64], values: Array) -> LitRows:
        """Leaves the last of equal positions; on a GPU any of them may win."""
        if (positions[1:] > positions[:-1]).all():
            return LitRows(positions, values)
        order = np.arange(len(positions))
        self._writer[positions] = order
        is_last = self._writer[positions] == order
        return LitRows(positions, values) if is_last.all() else LitRows(positions[is_last], values[is_last])

    def _scaled(self, tensors: Sequence[Tensor], n_rows: int) -> ScaledRows:
        steps = np.zeros((n_rows, *self._spec.row_shape), np.uint8)
        scales = np.zeros((n_rows, *[1] * len(self._spec.row_shape)), np.float32)
        start = 0
        for tensor in tensors:
            stop = start + tensor.shape[0]
            steps[start:stop] = np.frombuffer(tensor.data or b"", np.uint8).reshape(tensor.shape)
            scales[start:stop] = tensor.scale
            start = stop
        return ScaledRows(steps, scales)
