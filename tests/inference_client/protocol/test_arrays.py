"""Tensors and arrays: what goes in comes out, and sizes are checked before memory is touched."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_client.protocol.arrays import (
    check_tensor,
    decoded_dtype,
    dense_tensor,
    scaled_tensor,
    scatter_into,
    sparse_tensor,
    to_array,
)
from inference_client.protocol.datatypes import DTYPES, datatype_of
from inference_client.protocol.errors import InvalidTensorError
from inference_client.protocol.messages import Tensor
from tests.inference_client.protocol.strategies import cases


@given(cases)
def test_an_array_survives_every_encoding(case):
    tensor, array = case
    decoded = to_array(tensor)
    assert decoded.dtype == decoded_dtype(tensor)
    np.testing.assert_array_equal(decoded, array)


@given(cases, st.integers(0, 3), st.integers(0, 3))
def test_decoding_into_a_batch_buffer_touches_only_its_rows(case, before, after):
    tensor, array = case
    buffer = np.full((before + len(array) + after, *array.shape[1:]), 1, decoded_dtype(tensor))
    scatter_into(tensor, buffer[before : before + len(array)])
    np.testing.assert_array_equal(buffer[before : before + len(array)], array)
    assert (buffer[:before] == 1).all()
    assert (buffer[before + len(array) :] == 1).all()


@pytest.mark.parametrize("datatype", DTYPES)
def test_every_datatype_has_one_name(datatype):
    assert datatype_of(DTYPES[datatype]) == datatype
    assert datatype_of(DTYPES[datatype].newbyteorder(">")) == datatype


def test_big_endian_and_strided_arrays_travel_little_endian_and_contiguous():
    array = np.arange(12, dtype=">f4").reshape(3, 4)[:, ::2]
    tensor = dense_tensor("x", array)
    assert bytes(tensor.data) == array.astype("<f4").tobytes()
    np.testing.assert_array_equal(to_array(tensor), array)


def test_a_plain_tensor_shares_memory_with_its_array():
    array = np.zeros((2, 3), np.float32)
    assert np.shares_memory(to_array(dense_tensor("x", array)), array)


def test_an_image_of_500_pixels_takes_three_kilobytes():
    index = np.arange(0, 50_000, 100)
    tensor = sparse_tensor("x", (1, 224, 224), np.array([500]), index, np.ones(500, np.float32))
    assert tensor.index.nbytes + tensor.value.nbytes + tensor.counts.nbytes == 3004


@pytest.mark.parametrize(("row_size", "width"), [(2**16, 2), (2**16 + 1, 4)])
def test_the_index_is_as_wide_as_the_row_needs(row_size, width):
    tensor = sparse_tensor("x", (row_size,), np.array([1]), np.array([row_size - 1]), np.ones(1, np.float32))
    assert tensor.index.nbytes == width
    assert to_array(tensor)[0, -1] == 1


def test_of_equal_indices_the_last_one_wins():
    tensor = sparse_tensor("x", (4,), np.array([2]), np.array([1, 1]), np.array([5, 6], np.float32))
    assert to_array(tensor).tolist() == [[0, 6, 0, 0]]


def tensor_of(**changes) -> Tensor:
    fields = {"name": "x", "datatype": "FP32", "shape": [1, 4], "data": memoryview(bytes(16))}
    return Tensor(**{**fields, **changes})


def sparse_of(**changes) -> Tensor:
    fields = {
        "name": "x",
        "datatype": "FP32",
        "shape": [2, 4],
        "counts": memoryview(np.array([1, 1], "<u4").tobytes()),
        "index": memoryview(np.array([0, 3], "<u2").tobytes()),
        "value": memoryview(bytes(8)),
        "value_datatype": "FP32",
    }
    return Tensor(**{**fields, **changes})


REFUSED = {
    "too little data": tensor_of(data=memoryview(bytes(15))),
    "too much data": tensor_of(data=memoryview(bytes(17))),
    "unknown datatype": tensor_of(datatype="BYTES"),
    "overflowing product": tensor_of(shape=[2**48] * 8),
    "huge sizes that a zero would hide": tensor_of(shape=[0, 2**48, 2**48], data=memoryview(b"")),
    "scale that is not finite": tensor_of(datatype="UINT8", data=memoryview(bytes(4)), scale=float("inf")),
    "BOOL of seven": tensor_of(datatype="BOOL", data=memoryview(bytes([0, 1, 7, 0]))),
    "sparse bomb": sparse_of(shape=[2, 2**40]),
    "sparse scalar": sparse_of(shape=[]),
    "counts of another number of rows": sparse_of(shape=[3, 4]),
    "counts beyond the pairs": sparse_of(counts=memoryview(np.array([1, 2], "<u4").tobytes())),
    "counts that wrap around": sparse_of(counts=memoryview(np.array([2**32 - 1, 3], "<u4").tobytes())),
    "index outside the row": sparse_of(index=memoryview(np.array([0, 4], "<u2").tobytes())),
    "odd number of index bytes": sparse_of(index=memoryview(bytes(3))),
    "values of another length": sparse_of(value=memoryview(bytes(4))),
    "values that do not fit": sparse_of(value_datatype="FP64", value=memoryview(bytes(16))),
    "unknown type of values": sparse_of(value_datatype="?"),
}


@pytest.mark.parametrize("tensor", REFUSED.values(), ids=REFUSED.keys())
def test_a_tensor_that_contradicts_itself_is_refused(tensor):
    with pytest.raises(InvalidTensorError, match="'x'"):
        check_tensor(tensor)
    with pytest.raises(InvalidTensorError):
        to_array(tensor)


def test_indices_below_zero_never_wrap_around():
    with pytest.raises(InvalidTensorError, match="outside"):
        sparse_tensor("x", (4,), np.array([1]), np.array([-1]), np.ones(1, np.float32))


def test_scaled_tensors_are_made_of_bytes_only():
    with pytest.raises(InvalidTensorError, match="uint8"):
        scaled_tensor("x", np.ones((1, 2), np.int8), 1.0)


def test_a_buffer_of_another_shape_is_refused():
    with pytest.raises(InvalidTensorError, match="buffer"):
        scatter_into(tensor_of(), np.empty((1, 5), np.float32))
    with pytest.raises(InvalidTensorError, match="buffer"):
        scatter_into(tensor_of(), np.empty((1, 8), np.float32)[:, ::2])


def test_text_has_no_datatype_on_the_wire():
    with pytest.raises(InvalidTensorError, match="FP32"):
        datatype_of(np.dtype("U3"))
