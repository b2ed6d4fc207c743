"""A batch buffer holds what its last batch wrote, and nothing of the batches before it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accelerator_server.batching.batch_buffer import BatchBuffer
from inference_client.protocol.arrays import dense_tensor, scaled_tensor, sparse_tensor, to_array
from inference_client.protocol.errors import InvalidTensorError
from inference_client.protocol.messages import Tensor

MAX_ROWS = 6


@st.composite
def tensors(draw, max_rows: int) -> Tensor:
    n_rows = draw(st.integers(1, max_rows))
    pixels = draw(st.lists(st.integers(0, 3), min_size=n_rows * 4, max_size=n_rows * 4))
    array = np.array(pixels, np.uint8).reshape(n_rows, 2, 2)
    kind = draw(st.sampled_from(["plain", "scaled", "sparse"]))
    if kind == "plain":
        return dense_tensor("x", array.astype(np.float32))
    if kind == "scaled":
        return scaled_tensor("x", array, 0.5)
    flat = array.reshape(n_rows, 4)
    _, index = np.nonzero(flat)
    values = flat[flat != 0].astype(np.float16)
    return sparse_tensor("x", (2, 2), np.count_nonzero(flat, axis=1), index, values)


@st.composite
def batches(draw) -> list[Tensor]:
    batch: list[Tensor] = []
    while (free := MAX_ROWS - sum(tensor.shape[0] for tensor in batch)) and draw(st.booleans()):
        batch.append(draw(tensors(free)))
    return batch


def expected_rows(batch: list[Tensor]) -> np.ndarray:
    return np.concatenate([np.empty((0, 2, 2), np.float32), *[to_array(tensor) for tensor in batch]])


@given(st.lists(st.tuples(batches(), st.booleans()), min_size=1, max_size=8))
def test_every_batch_finds_its_own_rows_whatever_was_there_before(sequence):
    buffer = BatchBuffer(np.zeros((MAX_ROWS, 2, 2), np.float32))
    for batch, padded in sequence:
        expected = expected_rows(batch)
        assert buffer.fill(batch) == len(expected)
        np.testing.assert_array_equal(buffer.rows(len(expected)), expected)
        if padded:
            buffer.clear_from(len(expected))
            np.testing.assert_array_equal(buffer.rows(len(expected)), expected)
            assert not buffer.rows(MAX_ROWS)[len(expected) :].any()


@pytest.mark.parametrize("bad", ["plain", "sparse"])
def test_a_batch_that_could_not_be_filled_leaves_nothing_behind(bad):
    good = dense_tensor("x", np.full((2, 2, 2), 7, np.float32))
    unfit = {
        "plain": Tensor(name="x", datatype="FP32", shape=[1, 3], data=memoryview(bytes(12))),
        "sparse": Tensor(
            name="x",
            datatype="FP32",
            shape=[1, 2, 2],
            counts=memoryview(np.array([2], "<u4").tobytes()),
            index=memoryview(np.array([0, 60_000], "<u2").tobytes()),
            value=memoryview(np.array([1, 1], "<f2").tobytes()),
            value_datatype="FP16",
        ),
    }
    lit = sparse_tensor("x", (2, 2), np.array([1, 0, 0]), np.array([1]), np.array([5], np.float16))
    buffer = BatchBuffer(np.zeros((MAX_ROWS, 2, 2), np.float32))
    with pytest.raises((InvalidTensorError, IndexError)):
        buffer.fill([good, unfit[bad]])
    buffer.fill([lit])
    np.testing.assert_array_equal(buffer.rows(3), to_array(lit))


def test_the_array_is_the_one_that_was_given():
    array = np.zeros((2, 4), np.float32)
    BatchBuffer(array).fill([dense_tensor("x", np.ones((1, 4), np.float32))])
    assert array.tolist() == [[1, 1, 1, 1], [0, 0, 0, 0]]
