"""Tensors from numpy arrays and back: three encodings, checked before anything is allocated."""

import functools
import math
import sys
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from inference_client.protocol.datatypes import DTYPES, datatype_of
from inference_client.protocol.errors import InvalidTensorError
from inference_client.protocol.messages import Tensor

Array = NDArray[np.generic]

MAX_TENSOR_BYTES = 2**31
"""A tensor that would decode to more is refused, so that a few sparse bytes cannot ask for all memory."""

MAX_U16_ROW_SIZE = 2**16
"""Rows of at most so many elements have uint16 indices, larger ones uint32."""

_NATIVE_IS_LITTLE = sys.byteorder == "little"
_COUNT_DTYPE = np.dtype("<u4")
_SHORT_INDEX_DTYPE, _LONG_INDEX_DTYPE = np.dtype("<u2"), np.dtype("<u4")


class SparseParts(NamedTuple):
    """The arrays of a sparse tensor, views of its bytes.

    Attributes:
        counts: uint32, (n_rows,): pairs in each row.
        indices: uint16 or uint32, (sum of counts,): flat position within the row.
        values: (sum of counts,): the elements there.
    """

    counts: NDArray[np.uint32]
    indices: NDArray[np.unsignedinteger]
    values: Array


def dense_tensor(name: str, array: Array) -> Tensor:
    """Wraps an array as a plain tensor, without a copy if it is little-endian and in C order.

    Args:
        name: Name of the model's input or output.
        array: (n_rows, ...), any dtype of DTYPES.

    Raises:
        InvalidTensorError: The protocol has no such element type.
    """
    return Tensor(name=name, datatype=datatype_of(array.dtype), shape=list(array.shape), data=bytes_of(array))


def scaled_tensor(name: str, steps: NDArray[np.uint8], scale: float) -> Tensor:
    """Wraps whole steps of a common size as a tensor that stands for float32 values `scale * steps`.

    Args:
        name: Name of the model's input.
        steps: uint8, (n_rows, ...).
        scale: Size of one step, in the unit of the values.

    Raises:
        InvalidTensorError: `steps` is not uint8 or `scale` is not finite.
    """
    if steps.dtype != np.uint8:
        message = f"tensor {name!r}: steps must be uint8, not {steps.dtype}"
        raise InvalidTensorError(message)
    shape = list(steps.shape)
    tensor = Tensor(name=name, datatype="UINT8", shape=shape, data=bytes_of(steps), scale=float(scale))
    check_tensor(tensor)
    return tensor


def sparse_tensor(
    name: str, row_shape: tuple[int, ...], counts: Array, index: Array, value: Array, datatype: str = "FP32"
) -> Tensor:
    """Makes a sparse tensor from the elements that are not zero.

    Args:
        name: Name of the model's input.
        row_shape: Shape of one row, such as (1, 224, 224).
        counts: Whole numbers, (n_rows,): pairs in each row.
        index: Whole numbers, (sum of counts,): flat position within the row; of equal ones the last wins.
        value: (sum of counts,), any dtype that fits into `datatype` without loss.
        datatype: Element type that the tensor stands for.

    Raises:
        InvalidTensorError: The arrays do not fit together.
    """
    row_size = math.prod(row_shape)
    _check_index(name, index, row_size)
    tensor = Tensor(
        name=name,
        datatype=datatype,
        shape=[len(counts), *row_shape],
        counts=bytes_of(counts.astype("<u4", copy=False)),
        index=bytes_of(index.astype(_index_dtype(row_size), copy=False)),
        value=bytes_of(value),
        value_datatype=datatype_of(value.dtype),
    )
    _check_decoded_size(tensor)
    _check_parts(tensor)
    return tensor


def check_tensor(tensor: Tensor) -> None:
    """Checks that a tensor's parts have the sizes that its shape and datatype demand.

    Raises:
        InvalidTensorError: They have not, or the tensor would decode to more than MAX_TENSOR_BYTES.
    """
    _check_decoded_size(tensor)
    if tensor.data is None:
        _check_parts(tensor)
        row_size = math.prod(tensor.shape[1:])
        _check_index(tensor.name, np.frombuffer(tensor.index or b"", _index_dtype(row_size)), row_size)
        return
    _check_length(tensor, "data", tensor.data, math.prod(tensor.shape) * wire_dtype(tensor).itemsize)
    if tensor.scale is not None and not math.isfinite(tensor.scale):
        message = f"tensor {tensor.name!r}: scale {tensor.scale} is not finite"
        raise InvalidTensorError(message)
    if tensor.datatype == "BOOL" and np.frombuffer(tensor.data, np.uint8).max(initial=0) > 1:
        message = f"tensor {tensor.name!r}: a BOOL byte is neither 0 nor 1"
        raise InvalidTensorError(message)


def decoded_dtype(tensor: Tensor) -> np.dtype[np.generic]:
    """Element type that a tensor stands for: float32 for a scaled one, else its datatype.

    Raises:
        InvalidTensorError: The datatype is none of DTYPES.
    """
    return DTYPES["FP32"] if tensor.scale is not None else wire_dtype(tensor)


def to_array(tensor: Tensor) -> Array:
    """Decodes a tensor: a view of the body for a plain one, else a new array.

    Returns:
        (n_rows, ...), `decoded_dtype(tensor)`.

    Raises:
        InvalidTensorError: The tensor contradicts itself.
    """
    check_tensor(tensor)
    if tensor.data is not None and tensor.scale is None:
        return _elements(tensor, tensor.data)
    out = np.empty(tensor.shape, decoded_dtype(tensor))
    scatter_into(tensor, out)
    return out


def scatter_into(tensor: Tensor, out: Array) -> None:
    """Decodes a tensor into an array that is there already, such as rows of a batch buffer.

    Args:
        tensor: What to decode; checked with `check_tensor` before.
        out: tensor.shape, C order, any dtype that holds `decoded_dtype(tensor)`; overwritten entirely.

    Raises:
        InvalidTensorError: `out` has another shape or order.
    """
    if list(out.shape) != tensor.shape or not out.flags.c_contiguous:
        message = f"tensor {tensor.name!r} of shape {tensor.shape} does not fit a buffer of shape {out.shape}"
        raise InvalidTensorError(message)
    if tensor.data is None:
        positions, values = lit_elements([tensor])
        out.fill(0)
        out.reshape(-1)[positions] = values.astype(out.dtype)
    elif tensor.scale is None:
        np.copyto(out, _elements(tensor, tensor.data))
    else:
        np.multiply(_elements(tensor, tensor.data), np.float32(tensor.scale), out=out)


def lit_elements(tensors: Sequence[Tensor]) -> tuple[NDArray[np.intp], Array]:
    """Elements of sparse tensors that are not zero.

    Many small tensors cost as little as one large one.

    Args:
        tensors: At least one, with rows of one shape and values of one datatype; each checked with
            `check_tensor` before.

    Returns:
        Their flat positions in the rows of all tensors, one behind another, and their values.
    """
    counts, indices, values = _joined_views(tensors)
    positions = indices.astype(np.intp)
    if len(counts) > 1:
        row_starts = np.arange(len(counts), dtype=np.intp) * math.prod(tensors[0].shape[1:])
        positions += np.repeat(row_starts, counts)
    return positions, values


def sparse_parts(tensor: Tensor) -> SparseParts:
    """Views the parts of a sparse tensor as arrays; the indices are not yet compared with the row.

    Raises:
        InvalidTensorError: The sizes of the parts contradict the shape or each other.
    """
    _check_parts(tensor)
    return _views(tensor)


def _check_parts(tensor: Tensor) -> None:
    if tensor.counts is None or tensor.index is None or tensor.value is None or not tensor.shape:
        message = f"tensor {tensor.name!r} of shape {tensor.shape} is not sparse with rows"
        raise InvalidTensorError(message)
    value_dtype = _value_dtype(tensor.value_datatype, tensor.datatype)
    if value_dtype is None:
        message = f"tensor {tensor.name!r}: {tensor.value_datatype} values do not fit into {tensor.datatype}"
        raise InvalidTensorError(message)
    _check_length(tensor, "counts", tensor.counts, 4 * tensor.shape[0])
    counts = np.frombuffer(tensor.counts, _COUNT_DTYPE)
    # The sum of one number is the number; numpy takes a microsecond to find that.
    n_pairs = int(counts[0]) if len(counts) == 1 else int(np.add.reduce(counts, dtype=np.uint64))
    index_bytes = _index_dtype(math.prod(tensor.shape[1:])).itemsize
    _check_length(tensor, "index", tensor.index, n_pairs * index_bytes)
    _check_length(tensor, "value", tensor.value, n_pairs * value_dtype.itemsize)


def wire_dtype(tensor: Tensor) -> np.dtype[np.generic]:
    """Element type of a tensor's `datatype`.

    Raises:
        InvalidTensorError: The datatype is none of DTYPES.
    """
    dtype = DTYPES.get(tensor.datatype)
    if dtype is None:
        message = (
            f"tensor {tensor.name!r} has datatype {tensor.datatype[:40]!r}; there are {', '.join(DTYPES)}"
        )
        raise InvalidTensorError(message)
    return dtype


def bytes_of(array: Array) -> memoryview:
    """Little-endian bytes of an array in C order; a view where it has that form already."""
    if array.dtype.isnative and _NATIVE_IS_LITTLE and array.flags.c_contiguous and array.size:
        return array.data.cast("B")
    little = np.ascontiguousarray(array, dtype=_little_endian(array.dtype))
    return little.reshape(-1).view(np.uint8).data


@functools.lru_cache(64)
def _little_endian(dtype: np.dtype[np.generic]) -> np.dtype[np.generic]:
    return dtype.newbyteorder("<")


@functools.lru_cache(256)
def _value_dtype(value_datatype: str | None, datatype: str) -> np.dtype[np.generic] | None:
    """Element type of sparse values, if it is one and fits into `datatype` without loss."""
    value_dtype, dtype = DTYPES.get(value_datatype or ""), DTYPES.get(datatype)
    if value_dtype is None or dtype is None or not np.can_cast(value_dtype, dtype, "safe"):
        return None
    return value_dtype


def _views(tensor: Tensor) -> SparseParts:
    """The arrays of a sparse tensor, its sizes checked before."""
    return SparseParts(
        np.frombuffer(tensor.counts or b"", _COUNT_DTYPE),
        np.frombuffer(tensor.index or b"", _index_dtype(math.prod(tensor.shape[1:]))),
        np.frombuffer(tensor.value or b"", DTYPES[tensor.value_datatype or ""]),
    )


def _joined_views(tensors: Sequence[Tensor]) -> SparseParts:
    """The arrays of sparse tensors of one kind, one behind another; views where there is only one."""
    first = tensors[0]
    if len(tensors) == 1:
        return _views(first)
    return SparseParts(
        np.frombuffer(b"".join([tensor.counts or b"" for tensor in tensors]), _COUNT_DTYPE),
        np.frombuffer(
            b"".join([tensor.index or b"" for tensor in tensors]), _index_dtype(math.prod(first.shape[1:]))
        ),
        np.frombuffer(
            b"".join([tensor.value or b"" for tensor in tensors]), DTYPES[first.value_datatype or ""]
        ),
    )


def _index_dtype(row_size: int) -> np.dtype[np.unsignedinteger]:
    return _SHORT_INDEX_DTYPE if row_size <= MAX_U16_ROW_SIZE else _LONG_INDEX_DTYPE


def _elements(tensor: Tensor, data: memoryview) -> Array:
    return np.frombuffer(data, wire_dtype(tensor)).reshape(tensor.shape)


def _check_decoded_size(tensor: Tensor) -> None:
    # Sizes of zero are left out, so that none hides the others.
    n_bytes = math.prod(filter(None, tensor.shape)) * decoded_dtype(tensor).itemsize
    if n_bytes > MAX_TENSOR_BYTES:
        message = (
            f"tensor {tensor.name!r} of shape {tensor.shape} is {n_bytes} bytes, over {MAX_TENSOR_BYTES}"
        )
        raise InvalidTensorError(message)


def _check_index(name: str, index: Array, row_size: int) -> None:
    if not index.size:
        return
    # The methods of arrays take a way through Python to these.
    if np.maximum.reduce(index) >= row_size or (index.dtype.kind != "u" and np.minimum.reduce(index) < 0):
        message = f"tensor {name!r}: an index is outside its row of {row_size} elements"
        raise InvalidTensorError(message)


def _check_length(tensor: Tensor, part: str, data: memoryview, expected_bytes: int) -> None:
    if data.nbytes != expected_bytes:
        message = (
            f"tensor {tensor.name!r}: {part} has {data.nbytes} bytes, "
            f"shape {tensor.shape} and datatype {tensor.datatype} want {expected_bytes}"
        )
        raise InvalidTensorError(message)
