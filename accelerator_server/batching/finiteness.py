"""Finds values that are no numbers, in what clients send and in what models answer."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from accelerator_server.errors import NanOutputError, NonfiniteInputError
from inference_client.protocol.arrays import Array, decoded_dtype, sparse_parts, to_array
from inference_client.protocol.messages import Tensor

_LARGEST_SCALE = float(np.finfo(np.float32).max) / 255
"""Of a larger one some bytes are infinite as float32."""

_NONE = np.empty(0, np.bool_)


@dataclass(frozen=True, slots=True)
class FinitenessRule:
    """What of a model's traffic is refused because it is no number.

    Attributes:
        reject_inputs: Inputs with NaN or infinities are.
        allow_nan_outputs: Outputs with NaN are not.
    """

    reject_inputs: bool = False
    allow_nan_outputs: bool = False


ONLY_NAN_OUTPUTS = FinitenessRule()
"""What is refused unless a model says otherwise."""


def first_nonfinite_row(tensor: Tensor) -> int | None:
    """The first row that holds NaN or an infinity; None if all values are finite.

    A sparse tensor costs what its pairs cost, and a scaled one nothing.

    Args:
        tensor: As it was sent, checked with `check_tensor` before.
    """
    if decoded_dtype(tensor).kind != "f":
        return None
    if tensor.data is None:
        counts, _, values = sparse_parts(tensor)
        finite = np.isfinite(values) if values.dtype.kind == "f" else _NONE
        if finite.all():
            return None
        return int(np.searchsorted(np.cumsum(counts, dtype=np.int64), np.argmin(finite), side="right"))
    if tensor.scale is not None:
        return 0 if tensor.shape[0] and abs(tensor.scale) > _LARGEST_SCALE else None
    finite = np.isfinite(to_array(tensor))
    if finite.all():
        return None
    return int(np.argmin(finite.reshape(len(finite), -1).all(axis=1)))


def nonfinite_error(tensors: Iterable[Tensor]) -> NonfiniteInputError | None:
    """The refusal of a request one of whose inputs is not finite; None if all are."""
    for tensor in tensors:
        row = first_nonfinite_row(tensor)
        if row is not None:
            return NonfiniteInputError(f"input {tensor.name}, row {row} holds NaN or an infinity")
    return None


def nan_rows(outputs: Mapping[str, Array], n_rows: int) -> dict[str, NDArray[np.bool_]]:
    """Where a batch's outputs hold NaN.

    Returns:
        For each output that does: whether each row does, bool, (n_rows,).
    """
    found = {}
    for name, output in outputs.items():
        rows = output[:n_rows]
        # The largest value is NaN if any is; to look at each costs a small output twice as much.
        if output.dtype.kind == "f" and rows.size and np.isnan(np.maximum.reduce(rows, axis=None)):
            found[name] = np.atleast_1d(np.isnan(rows).reshape(n_rows, -1).any(axis=1))
    return found


def nan_error(is_nan: Mapping[str, NDArray[np.bool_]], start: int, stop: int) -> NanOutputError | None:
    """The error of a request that has these rows of a batch; None if none of them is NaN.

    Args:
        is_nan: What `nan_rows` found.
        start: The request's first row.
        stop: The row behind its last.
    """
    for name, rows in is_nan.items():
        if rows[start:stop].any():
            row = int(np.argmax(rows[start:stop]))
            return NanOutputError(f"the model answers NaN in output {name}, row {row}")
    return None
