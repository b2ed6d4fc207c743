"""A request is checked before it may share a body with others."""

import msgspec
import numpy as np
import pytest

from inference_client.errors import RequestMismatchError
from inference_client.protocol.arrays import dense_tensor, scaled_tensor, to_array
from inference_client.protocol.messages import InferenceRequest, RequestedOutput
from inference_client.requests.request_check import fitted_request
from tests.inference_client.images import ROW_SHAPE, small_model, sparse_request

MODEL = small_model().metadata


def dense(array, name: str = "image") -> InferenceRequest:
    return InferenceRequest(id="r", inputs=[dense_tensor(name, array)])


def zeros(*shape, dtype=np.float32):
    return np.zeros(shape, dtype)


def test_a_fitting_request_is_left_as_it_is():
    request = sparse_request([1.0, 2.0])
    assert fitted_request(request, MODEL) is request


@pytest.mark.parametrize(
    ("request_", "complaint"),
    [
        (dense(zeros(1, *ROW_SHAPE), name="imgae"), "names input 'imgae'; the model has 'image'"),
        (dense(zeros(1, 1, 8, 9)), r"FP32 with rows \[1, 8, 9\].*wants FP32 with rows \[1, 8, 8\]"),
        (dense(zeros(1, 8, 8)), r"rows \[8, 8\]"),
        (dense(zeros(1, *ROW_SHAPE, dtype=np.float64)), "is FP64"),
        (InferenceRequest(id="r", inputs=[]), "lacks input 'image'"),
        (InferenceRequest(id="r", inputs=dense(zeros(1, *ROW_SHAPE)).inputs * 2), "twice"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named(request_, complaint):
    with pytest.raises(RequestMismatchError, match=complaint):
        fitted_request(request_, MODEL)


def test_an_output_that_the_model_does_not_have_is_named():
    request = sparse_request([1.0])
    request.outputs = [RequestedOutput("probabilities")]
    with pytest.raises(RequestMismatchError, match="names output 'probabilities'; the model has 'scores'"):
        fitted_request(request, MODEL)


def test_a_sparse_tensor_whose_parts_disagree_is_refused_before_it_can_shift_the_rows_of_others():
    tensor = sparse_request([1.0, 2.0]).inputs[0]
    broken = msgspec.structs.replace(tensor, counts=memoryview(np.array([1, 2], "<u4").tobytes()))
    with pytest.raises(RequestMismatchError, match="index has 4 bytes"):
        fitted_request(InferenceRequest(id="", inputs=[broken]), MODEL)


def test_a_scaled_tensor_stands_for_float32():
    steps = scaled_tensor("image", zeros(2, *ROW_SHAPE, dtype=np.uint8), 0.5)
    request = InferenceRequest(id="", inputs=[steps])
    assert fitted_request(request, MODEL) is request


def test_an_encoding_that_the_model_does_not_accept_becomes_a_dense_tensor_of_equal_values():
    model = small_model().metadata
    model.parameters.encodings = ["plain"]
    request = sparse_request([1.0, 2.0], "mine")
    fitted = fitted_request(request, model)
    assert fitted.id == "mine"
    assert fitted.inputs[0].encoding == "plain"
    assert np.array_equal(to_array(fitted.inputs[0]), to_array(request.inputs[0]))
