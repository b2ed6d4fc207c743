"""The standard dialects: JSON, and JSON with binary tensors, at the same URL."""

import contextlib
import gc
import json
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accelerator_server.errors import BodyTooLargeError, InfiniteInJsonError, RefusedRequestError
from accelerator_server.http.dialects.json import MAX_JSON_BYTES, JsonDialect
from inference_client.protocol import headers
from inference_client.protocol.arrays import dense_tensor, to_array
from inference_client.protocol.datatypes import DTYPES
from inference_client.protocol.errors import MalformedBodyError, ProtocolError
from inference_client.protocol.messages import InferenceResponse
from tests.accelerator_server.model_files import write_model
from tests.accelerator_server.running import running


def body_of(**fields) -> dict:
    x = {"name": "x", "datatype": "FP32", "shape": [2, 2], "data": [1, 2, 3, 4]}
    return {"inputs": [{**x, **fields}]}


def decoded(body: dict | bytes, binary: bytes = b"", length: str | None = None):
    head = body if isinstance(body, bytes) else json.dumps(body).encode()
    request_headers = {headers.INFERENCE_HEADER_LENGTH: length or str(len(head))} if binary or length else {}
    return JsonDialect().decode(head + binary, request_headers)


@pytest.mark.parametrize(
    "data", [[1, 2, 3, 4], [[1, 2], [3, 4]], [1.0, 2.0, 3.0, 4.0]], ids=["flat", "nested", "f"]
)
def test_lists_of_numbers_become_tensors(data):
    request, _ = decoded(body_of(data=data))
    assert to_array(request.inputs[0]).tolist() == [[1, 2], [3, 4]]
    assert request.id == ""


def test_binary_tensors_follow_the_json_part_in_order():
    x, y = np.arange(4, dtype=np.float32).reshape(2, 2), np.arange(2, dtype=np.int64).reshape(2, 1)
    tensors = [dense_tensor("x", x), dense_tensor("y", y)]
    inputs = [
        {
            "name": t.name,
            "datatype": t.datatype,
            "shape": t.shape,
            "parameters": {"binary_data_size": t.data.nbytes},
        }
        for t in tensors
    ]
    request, _ = decoded({"id": "7", "inputs": inputs}, x.tobytes() + y.tobytes())
    assert request.id == "7"
    np.testing.assert_array_equal(to_array(request.inputs[0]), x)
    np.testing.assert_array_equal(to_array(request.inputs[1]), y)


REFUSED = {
    "not JSON": (b"{", {}),
    "unknown field": ({"inputs": [], "more": 1}, {}),
    "ragged": (body_of(data=[[1, 2], [3]]), {}),
    "a list beside a number": (body_of(data=[[1, 2, 3], 4]), {}),
    "a number beside a list": (body_of(data=[1, [2, 3, 4]]), {}),
    "an empty list beside another": (body_of(data=[[1, 2, 3, 4], []]), {}),
    "a piece beside nothing": (body_of(shape=[40_000], data=[[1] * 40_000, []]), {}),
    "uneven in the third axis": (body_of(data=[[[1], [2]], [[3, 4]]]), {}),
    "more axes than there are": (body_of(data=[[[[[[[[[1, 2, 3, 4]]]]]]]]]), {}),
    "a number": (body_of(data=1), {}),
    "nothing in a list": (body_of(data=[1, 2, 3, None]), {}),
    "truths among numbers": (body_of(data=[1, 2, 3, True]), {}),
    "text": (body_of(data=["a", "b", "c", "d"]), {}),
    "no data": ({"inputs": [{"name": "x", "datatype": "FP32", "shape": [1]}]}, {}),
    "unknown datatype": (body_of(datatype="BYTES"), {}),
    "fraction for an integer": (body_of(datatype="INT32", data=[1.5, 2, 3, 4]), {}),
    "too large for its datatype": (body_of(datatype="UINT8", data=[1, 2, 3, 256]), {}),
    "too large for any": (body_of(datatype="UINT64", data=[1, 2, 3, 2**70]), {}),
    "number for a truth": (body_of(datatype="BOOL"), {}),
    "binary beyond the body": (body_of(data=None, parameters={"binary_data_size": 99}), {}),
    "binary of negative size": (body_of(data=None, parameters={"binary_data_size": -1}), {}),
    "binary of words": (body_of(data=None, parameters={"binary_data_size": "4"}), {}),
    "length beyond the body": (body_of(), {"length": "9999"}),
    "length of words": (body_of(), {"length": "four"}),
    "classes in place of scores": (
        {**body_of(), "outputs": [{"name": "y", "parameters": {"classification": 2}}]},
        {},
    ),
    "an answer in shared memory": (
        {**body_of(), "outputs": [{"name": "y", "parameters": {"shared_memory_region": "r"}}]},
        {},
    ),
    "bytes left over": (body_of(), {"binary": b"1234"}),
}


@pytest.mark.parametrize(("body", "more"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_no_request_is_refused(body, more):
    with pytest.raises((ProtocolError, RefusedRequestError)):
        decoded(body, **more)


def test_json_that_would_keep_the_event_loop_is_refused():
    with pytest.raises(BodyTooLargeError, match="binary_data"):
        decoded(b" " * MAX_JSON_BYTES + b"{}")
    part = json.dumps(body_of(data=None, parameters={"binary_data_size": 16})).encode()
    assert decoded(part, b"\0" * 16)[0].inputs[0].shape == [2, 2]


MANY = {
    "lists": b"[1],",
    "deep lists": b"[[[[1]]]],",
    "empty lists": b"[],",
    "uneven lists": b"[1],[1,1],",
    "numbers": b"1,",
    "texts": b'"",',
    "objects": b'{"a":1},',
}


@pytest.mark.parametrize("item", MANY.values(), ids=MANY.keys())
def test_lists_are_read_without_an_object_for_each_element(item):
    """Objects cost memory, and those that hold others the garbage collector's time."""
    head = b'{"inputs": [{"name": "x", "datatype": "FP32", "shape": [1], "data": ['
    body = head + (item * (2**21 // len(item)))[:-1] + b"]}]}"
    collections = sum(generation["collections"] for generation in gc.get_stats())
    tracemalloc.start()
    try:
        with contextlib.suppress(ProtocolError):
            decoded(body)
        # Of the text four copies, and of the numbers one: a list of one number alone has 64 bytes.
        assert tracemalloc.get_traced_memory()[1] < 10 * len(body)
    finally:
        tracemalloc.stop()
    assert sum(generation["collections"] for generation in gc.get_stats()) - collections < 20


@pytest.mark.parametrize("datatype", ["FP32", "FP64", "INT32", "UINT8"])
def test_a_long_list_is_the_same_numbers_however_it_is_nested(datatype):
    numbers = np.arange(60_000).astype(DTYPES[datatype])
    for shape in ([60_000], [100, 600], [6, 5, 2000], [60_000, 1]):
        request, _ = decoded(body_of(datatype=datatype, shape=shape, data=numbers.reshape(shape).tolist()))
        np.testing.assert_array_equal(to_array(request.inputs[0]), numbers.reshape(shape), strict=True)


def test_more_fields_than_any_request_has_are_refused_unread():
    for fields in (b'{"name":"x","datatype":"FP32","shape":[1]}', b'{"name":"x","parameters":{"a":1}}'):
        with pytest.raises(MalformedBodyError, match="more than 16384 fields"):
            decoded(b'{"inputs":[' + fields + (b"," + fields) * 10_000 + b"]}")


def test_a_list_of_texts_takes_no_more_memory_than_its_body():
    body = json.dumps(body_of(data=["a" * 2**16] + ["b"] * 2**12)).encode()
    tracemalloc.start()
    try:
        with pytest.raises(ProtocolError):
            decoded(body)
        assert tracemalloc.get_traced_memory()[1] < 20 * len(body)
    finally:
        tracemalloc.stop()


@given(st.binary(max_size=100), st.none() | st.text(max_size=4))
def test_random_bytes_raise_nothing_else(body, length):
    request_headers = {} if length is None else {headers.INFERENCE_HEADER_LENGTH: length}
    try:
        JsonDialect().decode(body, request_headers)
    except (ProtocolError, RefusedRequestError):
        return


def test_depth_is_no_way_in():
    with pytest.raises(ProtocolError):
        JsonDialect().decode(
            b'{"inputs":[{"name":"x","datatype":"FP32","shape":[1],"data":' + b"[" * 100_000, {}
        )


def response() -> InferenceResponse:
    outputs = [dense_tensor("y", np.array([[1.5, 2]], np.float32)), dense_tensor("z", np.array([[7]]))]
    return InferenceResponse(id="7", model_name="m", model_version="1", outputs=outputs)


def test_answers_are_lists_unless_binary_is_asked_for():
    _, answer = decoded(body_of())
    reply = answer(response())
    assert reply.content_type == headers.JSON
    assert [output["data"] for output in json.loads(reply.body)["outputs"]] == [[1.5, 2.0], [7]]


@pytest.mark.parametrize(
    "more",
    [
        {"outputs": [{"name": "y", "parameters": {"binary_data": True}}, {"name": "z"}]},
        {
            "outputs": [{"name": "y"}, {"name": "z", "parameters": {"binary_data": False}}],
            "parameters": {"binary_data_output": True},
        },
    ],
    ids=["per output", "for all but one"],
)
def test_each_output_comes_in_the_form_that_was_asked_for(more):
    _, answer = decoded({**body_of(), **more})
    reply = answer(response())
    length = int(reply.headers[headers.INFERENCE_HEADER_LENGTH])
    y, z = json.loads(reply.body[:length])["outputs"]
    assert y["parameters"] == {"binary_data_size": 8}
    assert np.frombuffer(reply.body[length:], np.float32).tolist() == [1.5, 2]
    assert z["data"] == [7]


def test_what_json_has_no_word_for_is_refused_and_not_answered_as_something_else():
    values = dense_tensor("y", np.array([[1, np.nan], [np.inf, 2]], np.float32))
    response = InferenceResponse(id="7", model_name="m", model_version="1", outputs=[values])
    _, in_json = decoded(body_of())
    with pytest.raises(InfiniteInJsonError, match="output y, row 1"):
        in_json(response)
    _, in_binary = decoded({**body_of(), "parameters": {"binary_data_output": True}})
    np.testing.assert_array_equal(
        np.frombuffer(in_binary(response).body[-16:], np.float32), [1, np.nan, np.inf, 2]
    )
    values = dense_tensor("y", np.array([[1, np.nan]], np.float32))
    reply = in_json(InferenceResponse(id="7", model_name="m", model_version="1", outputs=[values]))
    assert json.loads(reply.body)["outputs"][0]["data"] == [1, None]


async def test_all_dialects_live_at_the_same_url(tmp_path):
    write_model(tmp_path)
    x = np.arange(8, dtype=np.float32).reshape(2, 4)
    tensor = {"name": "x", "datatype": "FP32", "shape": [2, 4]}
    async with running(tmp_path) as session:
        plain = {"id": "a", "inputs": [{**tensor, "data": x.tolist()}]}
        async with session.post("/v2/models/m/infer", json=plain) as reply:
            answer = await reply.json()
        assert (answer["id"], answer["outputs"][0]["data"]) == ("a", [0, 1, 4, 5])
        assert answer["parameters"]["batch_rows"] == 2

        part = json.dumps(
            {
                "inputs": [{**tensor, "parameters": {"binary_data_size": x.nbytes}}],
                "parameters": {"binary_data_output": True},
            }
        ).encode()
        request_headers = {headers.INFERENCE_HEADER_LENGTH: str(len(part))}
        skipped = ["Content-Type"]  # as Triton's client does
        arguments = {"data": part + x.tobytes(), "headers": request_headers, "skip_auto_headers": skipped}
        async with session.post("/v2/models/m/infer", **arguments) as reply:
            body = await reply.read()
            length = int(reply.headers[headers.INFERENCE_HEADER_LENGTH])
        assert np.frombuffer(body[length:], np.float32).tolist() == [0, 1, 4, 5]

        async with session.post("/v2/models/m/infer", json={"inputs": []}) as reply:
            assert reply.status == 422
            assert (await reply.json())["code"] == "signature"
