"""Rows of tensors: counted, sliced and joined without decoding, so that sparse tensors stay sparse."""

import math

from inference_client.protocol.arrays import bytes_of, sparse_parts, wire_dtype
from inference_client.protocol.errors import InvalidTensorError
from inference_client.protocol.messages import InferenceRequest, Tensor


def row_count(tensor: Tensor) -> int:
    """Number of rows of a tensor.

    Raises:
        InvalidTensorError: The tensor has no axis.
    """
    if not tensor.shape:
        message = f"tensor {tensor.name!r} is a scalar; its first axis must count rows"
        raise InvalidTensorError(message)
    return tensor.shape[0]


def common_row_count(tensors: list[Tensor]) -> int:
    """Number of rows of a request's inputs or a response's outputs, the same for all.

    Raises:
        InvalidTensorError: There are no tensors, or they disagree.
    """
    n_rows = row_count(tensors[0]) if tensors else 0
    if not tensors or any(row_count(tensor) != n_rows for tensor in tensors[1:]):
        counts = {tensor.name: row_count(tensor) for tensor in tensors}
        message = f"all tensors of a message must have the same number of rows, not {counts}"
        raise InvalidTensorError(message)
    return n_rows


def request_row_count(request: InferenceRequest) -> int:
    """Number of rows of a request.

    Raises:
        InvalidTensorError: It has no inputs, or they disagree.
    """
    return common_row_count(request.inputs)


def tensor_byte_count(tensor: Tensor) -> int:
    """Bytes of a tensor's parts as they travel."""
    parts = (tensor.data, tensor.counts, tensor.index, tensor.value)
    return sum([part.nbytes for part in parts if part is not None])


def slice_rows(tensor: Tensor, start: int, stop: int) -> Tensor:
    """Takes rows [start, stop) of a tensor, in the same encoding and without copying elements.

    Args:
        tensor: Checked with `check_tensor` before.
        start: First row.
        stop: Row after the last one, 0 <= start <= stop <= rows.

    Raises:
        InvalidTensorError: There are no such rows.
    """
    n_rows = row_count(tensor)
    if not 0 <= start <= stop <= n_rows:
        message = f"rows [{start}, {stop}) are not in tensor {tensor.name!r} of {n_rows} rows"
        raise InvalidTensorError(message)
    shape = [stop - start, *tensor.shape[1:]]
    if tensor.data is not None:
        row_bytes = math.prod(tensor.shape[1:]) * wire_dtype(tensor).itemsize
        data = tensor.data[start * row_bytes : stop * row_bytes]
        return Tensor(name=tensor.name, datatype=tensor.datatype, shape=shape, data=data, scale=tensor.scale)
    counts, indices, values = sparse_parts(tensor)
    first = int(counts[:start].sum())
    last = first + int(counts[start:stop].sum())
    return Tensor(
        name=tensor.name,
        datatype=tensor.datatype,
        shape=shape,
        counts=bytes_of(counts[start:stop]),
        index=bytes_of(indices[first:last]),
        value=bytes_of(values[first:last]),
        value_datatype=tensor.value_datatype,
    )


def concatenate_rows(tensors: list[Tensor]) -> Tensor:
    """Joins the rows of tensors that differ in nothing but their number of rows.

    Args:
        tensors: At least one; each checked with `check_tensor` before.

    Returns:
        A tensor of the same encoding.

    Raises:
        InvalidTensorError: The tensors differ in name, row shape, datatype, scale or encoding.
    """
    if len({row_kind(tensor) for tensor in tensors}) != 1:
        message = f"tensors of different kinds cannot be joined: {sorted({t.name for t in tensors})}"
        raise InvalidTensorError(message)
    first = tensors[0]
    if len(tensors) == 1:
        return first
    return Tensor(
        name=first.name,
        datatype=first.datatype,
        shape=[sum(row_count(tensor) for tensor in tensors), *first.shape[1:]],
        data=_joined([tensor.data for tensor in tensors]),
        scale=first.scale,
        counts=_joined([tensor.counts for tensor in tensors]),
        index=_joined([tensor.index for tensor in tensors]),
        value=_joined([tensor.value for tensor in tensors]),
        value_datatype=first.value_datatype,
    )


def row_kind(tensor: Tensor) -> tuple[object, ...]:
    """Everything but the rows themselves; tensors of equal kind can be joined."""
    return (
        tensor.name,
        tensor.encoding,
        tensor.datatype,
        tuple(tensor.shape[1:]),
        tensor.scale,
        tensor.value_datatype,
    )


def _joined(parts: list[memoryview | None]) -> memoryview | None:
    present = [part for part in parts if part is not None]
    return memoryview(b"".join(present)) if present else None
