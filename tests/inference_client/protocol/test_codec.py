"""Bodies: round trips, agreement with the reference msgpack library, refusal of everything else."""

import contextlib

import msgpack
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_client.protocol import codec
from inference_client.protocol.arrays import dense_tensor, to_array
from inference_client.protocol.errors import DigestMismatchError, MalformedBodyError, ProtocolError
from inference_client.protocol.messages import (
    ErrorBody,
    InferenceRecord,
    InferenceRequest,
    InferenceResponse,
    ModelMetadata,
    ModelParameters,
    ServerMetadata,
    TensorMetadata,
)
from tests.inference_client.protocol.strategies import requests


def small_request() -> InferenceRequest:
    return InferenceRequest(id="7", inputs=[dense_tensor("x", np.arange(6, dtype=np.float32).reshape(2, 3))])


def as_plain(request: InferenceRequest) -> dict:
    return msgpack.unpackb(codec.encode_request(request))


@given(requests())
def test_a_request_comes_back_as_it_was_sent(request_):
    assert codec.decode_request(codec.encode_request(request_)) == request_


@given(requests())
def test_the_reference_library_reads_what_we_write(request_):
    plain = as_plain(request_)
    assert plain["id"] == request_.id
    assert [tensor["shape"] for tensor in plain["inputs"]] == [tensor.shape for tensor in request_.inputs]
    for sent, read in zip(request_.inputs, plain["inputs"], strict=True):
        assert set(read) <= {
            "name",
            "datatype",
            "shape",
            "data",
            "scale",
            "counts",
            "index",
            "value",
            "value_datatype",
        }
        assert read.get("data") == (None if sent.data is None else bytes(sent.data))
        assert read.get("value") == (None if sent.value is None else bytes(sent.value))


@given(requests())
def test_we_read_what_the_reference_library_writes(request_):
    assert codec.decode_request(msgpack.packb(as_plain(request_))) == request_


def test_decoded_tensors_are_views_of_the_body():
    body = codec.encode_request(small_request())
    data = codec.decode_request(body).inputs[0].data
    address = np.frombuffer(body, np.uint8).__array_interface__["data"][0]
    assert address < np.frombuffer(data, np.uint8).__array_interface__["data"][0] < address + len(body)


def test_a_response_keeps_its_record():
    response = InferenceResponse(
        id="7",
        model_name="m",
        model_version="1",
        outputs=[dense_tensor("y", np.ones((2, 2), np.float32))],
        parameters=InferenceRecord(server="s", backend="echo", batch_rows=2, queue_us=3, compute_us=4),
    )
    decoded = codec.decode_response(codec.encode_response(response))
    assert decoded == response
    assert to_array(decoded.outputs[0]).tolist() == [[1, 1], [1, 1]]


def test_errors_travel_as_msgpack_and_as_json():
    error = ErrorBody("no", "bad_tensor", "7")
    assert codec.decode_error(codec.encode_error(error)) == error
    assert codec.decode_json_error(codec.encode_json(error)) == error


def test_metadata_comes_back_as_it_was_sent():
    metadata = ModelMetadata(
        name="m",
        versions=["1"],
        platform="echo",
        inputs=[TensorMetadata("x", "FP32", [-1, 3])],
        parameters=ModelParameters(encodings=["plain"], max_rows=4, image_spec={"width": 224, "half": 1.0}),
    )
    assert codec.decode_model_metadata(codec.encode_json(metadata)) == metadata
    server = ServerMetadata(name="s", version="1", extensions=["msgpack"])
    assert codec.decode_server_metadata(codec.encode_json(server)) == server
    assert not server.speaks_our_dialect


def test_metadata_of_a_triton_is_read_though_it_says_more():
    body = b'{"name":"triton","version":"2.5","extensions":["classification"],"new":{"a":1}}'
    assert codec.decode_server_metadata(body).name == "triton"


@given(st.binary(max_size=200))
def test_random_bytes_raise_nothing_but_protocol_errors(body):
    for decode in (
        codec.decode_request,
        codec.decode_response,
        codec.decode_error,
        codec.decode_json_error,
        codec.decode_model_metadata,
        codec.decode_server_metadata,
    ):
        with contextlib.suppress(ProtocolError):
            decode(body)


@given(requests(), st.data())
def test_damaged_requests_raise_nothing_but_protocol_errors(request_, data):
    body = bytearray(codec.encode_request(request_))
    for _ in range(data.draw(st.integers(1, 3))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    body = bytes(body[: data.draw(st.integers(0, len(body)))])
    with contextlib.suppress(ProtocolError):
        for tensor in codec.decode_request(body).inputs:
            to_array(tensor)


plain_values = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-(2**63), 2**64 - 1), st.floats(), st.text(), st.binary()
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(), inner, max_size=4)),
    max_leaves=10,
)


@given(st.sampled_from(["id", "inputs", "outputs", "parameters"]), plain_values)
def test_any_value_in_any_field_is_taken_or_refused_cleanly(field, value):
    body = msgpack.packb({**as_plain(small_request()), field: value})
    with contextlib.suppress(ProtocolError):
        codec.decode_request(body)


def with_tensor(**changes) -> bytes:
    plain = as_plain(small_request())
    tensor = {**plain["inputs"][0], **changes}
    plain["inputs"] = [{key: value for key, value in tensor.items() if value is not ...}]
    return msgpack.packb(plain)


REFUSED = {
    "empty": b"",
    "not a map": msgpack.packb([1]),
    "trailing bytes": codec.encode_request(small_request()) + b"\x00",
    "unknown field": msgpack.packb({**as_plain(small_request()), "extra": 1}),
    "unknown field of a tensor": with_tensor(extra=1),
    "missing field": msgpack.packb({"id": "7"}),
    "missing shape": with_tensor(shape=...),
    "no data at all": with_tensor(data=...),
    "data as list": with_tensor(data=[0.0] * 6),
    "data as text": with_tensor(data="x" * 24),
    "scale of floats": with_tensor(scale=1.0),
    "half a sparse tensor": with_tensor(data=..., counts=b"", index=b""),
    "dense and sparse": with_tensor(counts=b""),
    "datatype of a thousand letters": with_tensor(datatype="F" * 1000),
    "negative size": with_tensor(shape=[-1, 3]),
    "rank of nine": with_tensor(shape=[1] * 9),
    "fractional size": with_tensor(shape=[2.5, 3]),
    "ext type": with_tensor(data=msgpack.ExtType(1, b"0" * 24)),
    "deep": b"\x91" * 100_000,
    "claims a billion tensors": b"\x82\xa2id\xa1a\xa6inputs\xdd\x3f\xff\xff\xff",
    "too many tensors": msgpack.packb(
        {**as_plain(small_request()), "inputs": as_plain(small_request())["inputs"] * 65}
    ),
    "nested parameters": msgpack.packb({**as_plain(small_request()), "parameters": {"a": {"b": 1}}}),
    "doubled field": b"\x83\xa2id\xa1a\xa2id\xa1b\xa6inputs\x90",
    "doubled field of a tensor": with_tensor().replace(b"\x84\xa4name", b"\x85\xa4name\xa1z\xa4name"),
    "doubled parameter": b"\x83\xa2id\xa1a\xa6inputs\x90\xaaparameters\x82\xa1a\x01\xa1a\x02",
    "text that is no text": b"\x82\xa2id\xa1\xff\xa6inputs\x90",
}


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED.keys())
def test_a_request_that_breaks_the_protocol_is_refused(body):
    with pytest.raises(MalformedBodyError, match=r"request|twice"):
        codec.decode_request(body)


def test_a_response_of_any_depth_is_read_or_refused():
    refused = []
    for depth in (1, *range(300, 1010), 100_000):  # decoding and comparing fields give up at their own depths
        spare = b"\x81\xa1z" * depth + b"\x01"  # in the record, where fields of newer servers are passed over
        body = msgpack.packb({"id": "x", "model_name": "m", "model_version": "1", "outputs": []})
        body = bytes([body[0] + 1]) + body[1:] + msgpack.packb("parameters") + spare
        try:
            codec.decode_response(body)
        except MalformedBodyError:
            refused.append(depth)
    assert 1 not in refused
    assert refused[-1] == 100_000


SHORT_VALUES = ("", 0, None, False, 2.5, [], {}, b"", "F", 1)


def packed_twice(pairs: list[tuple[object, object]]) -> bytes:
    """A msgpack map in which keys may occur more than once, each value in the shortest form there is."""
    head = msgpack.Packer().pack_map_header(len(pairs))
    return head + b"".join(shortest(key) + shortest(value) for key, value in pairs)


def shortest(value: object) -> bytes:
    try:
        return msgpack.packb(value, use_single_float=True)
    except OverflowError:
        return msgpack.packb(value)


@given(requests(), st.data())
def test_a_field_that_occurs_twice_is_refused_however_short_it_is(request_, data):
    plain = as_plain(request_)
    pairs = list(plain.items())
    name, _ = data.draw(st.sampled_from(pairs))
    spare = data.draw(st.sampled_from([plain[name], *SHORT_VALUES]))
    at = data.draw(st.integers(0, len(pairs)))
    with pytest.raises(MalformedBodyError):
        codec.decode_request(packed_twice([*pairs[:at], (name, spare), *pairs[at:]]))


@given(requests(), st.data())
def test_a_field_of_a_tensor_that_occurs_twice_is_refused_however_short_it_is(request_, data):
    plain = as_plain(request_)
    tensor = list(plain["inputs"][0].items())
    name, value = data.draw(st.sampled_from(tensor))
    spare = data.draw(st.sampled_from([value, *SHORT_VALUES]))
    at = data.draw(st.integers(0, len(tensor)))
    doubled = packed_twice([*tensor[:at], (name, spare), *tensor[at:]])
    others = [shortest(other) for other in plain["inputs"][1:]]
    packer = msgpack.Packer()
    inputs = packer.pack_array_header(1 + len(others)) + doubled + b"".join(others)
    rest = [shortest(key) + shortest(item) for key, item in plain.items() if key != "inputs"]
    body = packer.pack_map_header(1 + len(rest)) + shortest("inputs") + inputs + b"".join(rest)
    with pytest.raises(MalformedBodyError):
        codec.decode_request(body)


def test_a_response_in_which_a_field_occurs_twice_is_refused():
    response = InferenceResponse(
        id="7", model_name="m", model_version="1", outputs=[dense_tensor("y", np.ones((2, 2), np.float32))]
    )
    body = codec.encode_response(response)
    assert codec.decode_response(body) == response
    doubled = body.replace(b"\x85\xa2id", b"\x86\xa2id\xa1z\xa2id")
    assert len(doubled) > len(body)
    with pytest.raises(MalformedBodyError, match="twice"):
        codec.decode_response(doubled)


def test_long_forms_of_msgpack_headers_are_accepted():
    body = b"\xde\x00\x02\xd9\x02id\xda\x00\x01a\xdb\x00\x00\x00\x06inputs\xdc\x00\x00"
    assert codec.decode_request(body) == InferenceRequest(id="a", inputs=[])


def test_a_digest_of_bytes_that_are_no_text_is_told_in_words_that_can_be_sent():
    with pytest.raises(DigestMismatchError) as failure:
        codec.check_crc32(b"body", b"12\xa03".decode(errors="surrogateescape"))
    codec.encode_error(ErrorBody(str(failure.value)))


def test_a_digest_finds_every_flipped_bit_of_a_body():
    body = codec.encode_request(small_request())
    digest = codec.body_crc32(body)
    codec.check_crc32(body, digest.upper())
    for bit in range(8 * len(body)):
        damaged = bytearray(body)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(DigestMismatchError):
            codec.check_crc32(bytes(damaged), digest)
