"""What a request must look like before it may join a batch."""

import numpy as np
import pytest

from accelerator_server.config import ModelConfig, TensorConfig
from accelerator_server.errors import (
    BackendContractError,
    ConfigurationError,
    SignatureMismatchError,
    TooManyRowsError,
)
from accelerator_server.model_spec import ModelSpec, TensorSpec, spec_of
from inference_client.protocol.arrays import dense_tensor, scaled_tensor, sparse_tensor
from inference_client.protocol.errors import InvalidTensorError
from inference_client.protocol.messages import InferenceRequest, RequestedOutput, Tensor

SPEC = ModelSpec(
    inputs=(TensorSpec("x", "FP32", (2, 3)), TensorSpec("m", "INT64", (1,))),
    outputs=(TensorSpec("y", "FP32", (2,)), TensorSpec("z", "FP32", (5,))),
    max_rows=4,
)
MASK = dense_tensor("m", np.zeros((2, 1), np.int64))


def request(x, *others, outputs=()) -> InferenceRequest:
    wanted = [RequestedOutput(name) for name in outputs]
    return InferenceRequest(id="1", inputs=[x, *(others or (MASK,))], outputs=wanted)


def floats(*shape: int, name: str = "x") -> Tensor:
    return dense_tensor(name, np.zeros(shape, np.float32))


@pytest.mark.parametrize(
    "x",
    [
        floats(2, 2, 3),
        scaled_tensor("x", np.zeros((2, 2, 3), np.uint8), 0.5),
        sparse_tensor("x", (2, 3), np.array([0, 1]), np.array([5]), np.ones(1, np.float16)),
    ],
    ids=["plain", "scaled", "sparse"],
)
def test_every_encoding_of_the_right_values_fits(x):
    assert SPEC.check_request(request(x), SPEC.max_rows) == 2


REFUSED = {
    "missing input": InferenceRequest(id="1", inputs=[floats(2, 2, 3)]),
    "extra input": request(floats(2, 2, 3), MASK, floats(2, 1, name="extra")),
    "doubled input": request(floats(2, 2, 3), MASK, floats(2, 2, 3)),
    "doubled input in the place of another": request(floats(2, 2, 3), floats(2, 2, 3)),
    "other name": request(floats(2, 2, 3, name="X")),
    "other rank": request(floats(2, 6)),
    "other row shape": request(floats(2, 3, 2)),
    "scalar": request(floats()),
    "other datatype": request(dense_tensor("x", np.zeros((2, 2, 3), np.float64))),
    "scaled integers": request(floats(2, 2, 3), scaled_tensor("m", np.zeros((2, 1), np.uint8), 1.0)),
    "unknown output": request(floats(2, 2, 3), outputs=["y", "nothing"]),
    "doubled output": request(floats(2, 2, 3), outputs=["y", "y"]),
}


@pytest.mark.parametrize("wrong", REFUSED.values(), ids=REFUSED.keys())
def test_a_request_that_does_not_fit_is_refused_with_what_would(wrong):
    with pytest.raises(SignatureMismatchError, match="must be"):
        SPEC.check_request(wrong, SPEC.max_rows)


def test_inputs_of_different_length_are_refused():
    with pytest.raises(InvalidTensorError, match="same number of rows"):
        SPEC.check_request(request(floats(3, 2, 3)), SPEC.max_rows)


def test_data_that_do_not_fill_the_shape_are_refused():
    short = Tensor(name="x", datatype="FP32", shape=[2, 2, 3], data=memoryview(bytes(47)))
    with pytest.raises(InvalidTensorError, match="47 bytes"):
        SPEC.check_request(request(short), SPEC.max_rows)


def test_more_rows_than_the_model_takes_are_refused():
    too_many = request(floats(5, 2, 3), dense_tensor("m", np.zeros((5, 1), np.int64)))
    with pytest.raises(TooManyRowsError, match="at most 4"):
        SPEC.check_request(too_many, SPEC.max_rows)


def test_outputs_come_in_the_order_asked_for_or_all():
    assert SPEC.wanted_outputs(request(floats(2, 2, 3), outputs=["z", "y"])) == ["z", "y"]
    assert SPEC.wanted_outputs(request(floats(2, 2, 3))) == ["y", "z"]


def test_no_rows_make_outputs_without_rows():
    assert {name: array.shape for name, array in SPEC.empty_outputs().items()} == {"y": (0, 2), "z": (0, 5)}


def test_scaled_tensors_are_offered_where_all_inputs_are_floats():
    assert SPEC.encodings() == ["plain", "sparse"]
    assert ModelSpec(SPEC.inputs[:1], SPEC.outputs, 4).encodings() == ["plain", "scaled", "sparse"]


@pytest.mark.parametrize(
    "y", [None, np.zeros((3, 2), np.float32), np.zeros((2, 2), np.float64)], ids=["none", "rows", "dtype"]
)
def test_outputs_that_break_the_signature_are_found(y):
    outputs = {"z": np.zeros((2, 5), np.float32)} | ({} if y is None else {"y": y})
    with pytest.raises(BackendContractError, match="y: FP32"):
        SPEC.check_outputs(outputs, 2)


@pytest.mark.parametrize(
    ("datatype", "shape"), [("BYTES", [-1, 1]), ("FP32", [1, 2]), ("FP32", [-1, -1]), ("FP32", [])]
)
def test_a_signature_that_cannot_be_served_is_a_configuration_error(datatype, shape):
    y = TensorConfig("y", "FP32", [-1, 2])
    with pytest.raises(ConfigurationError, match="x: "):
        spec_of(ModelConfig(backend="echo", inputs=[TensorConfig("x", datatype, shape)], outputs=[y]))
