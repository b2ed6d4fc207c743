"""Rows are cut and joined without changing what the tensors stand for, nor their encoding."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_client.protocol.arrays import dense_tensor, sparse_tensor, to_array
from inference_client.protocol.errors import InvalidTensorError
from inference_client.protocol.messages import InferenceRequest, Tensor
from inference_client.protocol.rows import (
    concatenate_rows,
    request_row_count,
    row_count,
    slice_rows,
    tensor_byte_count,
)
from tests.inference_client.protocol.strategies import cases


@given(cases, st.data())
def test_sliced_rows_are_the_rows_of_the_array(case, data):
    tensor, array = case
    start = data.draw(st.integers(0, len(array)))
    stop = data.draw(st.integers(start, len(array)))
    part = slice_rows(tensor, start, stop)
    assert part.encoding == tensor.encoding
    np.testing.assert_array_equal(to_array(part), array[start:stop])


@given(cases, st.data())
def test_cutting_and_joining_gives_the_tensor_back(case, data):
    tensor, array = case
    cuts = sorted(data.draw(st.lists(st.integers(0, len(array)), max_size=3)))
    edges = [0, *cuts, len(array)]
    parts = [slice_rows(tensor, start, stop) for start, stop in itertools.pairwise(edges)]
    joined = concatenate_rows(parts)
    assert joined == tensor
    assert tensor_byte_count(joined) == tensor_byte_count(tensor)


def test_tensors_of_different_kinds_are_not_joined():
    dense = dense_tensor("x", np.zeros((1, 4), np.float32))
    sparse = sparse_tensor("x", (4,), np.array([0]), np.array([], int), np.array([], np.float32))
    for other in (
        sparse,
        dense_tensor("y", np.zeros((1, 4), np.float32)),
        dense_tensor("x", np.zeros((1, 5), np.float32)),
        dense_tensor("x", np.zeros((1, 4), np.float16)),
    ):
        with pytest.raises(InvalidTensorError, match="joined"):
            concatenate_rows([dense, other])


@pytest.mark.parametrize(("start", "stop"), [(-1, 1), (2, 1), (0, 4)])
def test_rows_that_are_not_there_are_refused(start, stop):
    with pytest.raises(InvalidTensorError, match="rows"):
        slice_rows(dense_tensor("x", np.zeros((3, 2), np.float32)), start, stop)


def test_a_request_has_as_many_rows_as_each_of_its_inputs():
    x = dense_tensor("x", np.zeros((3, 2), np.float32))
    y = dense_tensor("y", np.zeros((2, 2), np.float32))
    assert request_row_count(InferenceRequest(id="1", inputs=[x])) == 3
    with pytest.raises(InvalidTensorError, match="same number"):
        request_row_count(InferenceRequest(id="1", inputs=[x, y]))
    with pytest.raises(InvalidTensorError, match="same number"):
        request_row_count(InferenceRequest(id="1", inputs=[]))


def test_a_scalar_has_no_rows():
    scalar = Tensor(name="x", datatype="UINT8", shape=[], data=memoryview(b"\x01"))
    with pytest.raises(InvalidTensorError, match="scalar"):
        row_count(scalar)
