"""Small images for tests: 8x8, sparse, one recognisable sum per row."""

import numpy as np

from inference_client.protocol.arrays import sparse_tensor
from inference_client.protocol.messages import InferenceRequest
from inference_client.testing.fake_model import FakeModel

ROW_SHAPE = (1, 8, 8)


def small_model(**settings) -> FakeModel:
    return FakeModel(row_shape=ROW_SHAPE, **settings)


def sparse_request(values, request_id: str = "") -> InferenceRequest:
    """One row for each value; the row has one lit pixel of that value."""
    value = np.asarray(values, np.float32)
    counts = np.ones(len(value), np.uint32)
    index = np.arange(len(value), dtype=np.uint16) % 64
    return InferenceRequest(id=request_id, inputs=[sparse_tensor("image", ROW_SHAPE, counts, index, value)])


def sums(result) -> list[float]:
    """What the fake model answers for `sparse_request(values)`: the values."""
    return result.outputs["scores"][:, 0].tolist()
