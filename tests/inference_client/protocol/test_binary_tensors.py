"""Answers in the standard dialect: what fits is read, what does not is refused."""

import json

import numpy as np
import pytest

from inference_client.protocol.arrays import to_array
from inference_client.protocol.binary_tensors import (
    decode_model_configuration,
    decode_standard_error,
    decode_standard_response,
)
from inference_client.protocol.errors import ProtocolError

SCORES = np.array([[0.25, 0.75], [0.5, 0.5]], np.float32)


def answer(binary: bytes = SCORES.tobytes(), **changes) -> tuple[bytes, int]:
    output = {"name": "scores", "datatype": "FP32", "shape": [2, 2]}
    output |= {"parameters": {"binary_data_size": len(binary)}} | changes
    head = {"model_name": "m", "model_version": "1", "id": "r", "outputs": [output]}
    text = json.dumps(head).encode()
    return text + binary, len(text)


def test_binary_outputs_are_read():
    response = decode_standard_response(*answer())
    assert (response.id, response.model_name, response.model_version) == ("r", "m", "1")
    np.testing.assert_array_equal(to_array(response.outputs[0]), SCORES)


def test_listed_outputs_are_read():
    response = decode_standard_response(*answer(b"", parameters={}, data=SCORES.tolist()))
    np.testing.assert_array_equal(to_array(response.outputs[0]), SCORES)


def test_what_a_server_may_leave_out_is_empty():
    text = b'{"model_name": "m", "model_version": null, "id": null, "outputs": [], "more": 1}'
    response = decode_standard_response(text, len(text))
    assert (response.id, response.model_version) == ("", "")


@pytest.mark.parametrize(
    ("body", "length"),
    [
        answer(parameters={"binary_data_size": 99}),
        answer(parameters={"binary_data_size": -1}),
        answer(parameters={"binary_data_size": 8}),
        answer(b"", parameters={}, data=["x"]),
        answer(b"", parameters={}, data=[1], datatype="BYTES"),
        answer(parameters={}),
        (b"{}", 2),
        (b"", 0),
        (b"\xff\xfe", 2),
    ],
)
def test_what_does_not_fit_is_refused(body, length):
    with pytest.raises(ProtocolError):
        [to_array(tensor) for tensor in decode_standard_response(body, length).outputs]


def test_an_error_is_its_sentence():
    assert decode_standard_error(b'{"error": "no such model", "more": 1}') == "no such model"
    with pytest.raises(ProtocolError):
        decode_standard_error(b"<html>")


def test_a_configuration_is_read_as_triton_writes_it():
    text = (
        b'{"name": "m", "max_batch_size": 32, "parameters": {"labels": {"string_value": "[]"}}, "input": []}'
    )
    found = decode_model_configuration(text)
    assert found.max_batch_size == 32
    assert found.parameters["labels"].string_value == "[]"
