"""Whether a reply is the answer to the call that it came for."""

import msgspec
import numpy as np
import pytest

from inference_client.errors import BadReply
from inference_client.protocol.arrays import dense_tensor
from inference_client.protocol.messages import InferenceRecord, InferenceResponse, TensorMetadata
from inference_client.transport.replies import check_reply
from inference_client.transport.transport import InferenceCall, ModelIdentity
from tests.inference_client.images import sparse_request

SCORES = TensorMetadata("scores", "FP32", [-1, 2])
ASKED = ModelIdentity("fake", "3", "a" * 64, "b" * 64)


def call(model=ASKED) -> InferenceCall:
    return InferenceCall(sparse_request([1.0, 2.0], "r-1"), model, 2, {"scores": SCORES})


def reply(**fields) -> InferenceResponse:
    record = InferenceRecord(model_sha256="a" * 64, image_spec_hash="b" * 64)
    defaults = {"id": "r-1", "model_name": "fake", "model_version": "3", "parameters": record}
    return InferenceResponse(**(defaults | {"outputs": [scores()]} | fields))


def scores(rows=2, columns=2, dtype=np.float32, name="scores"):
    return dense_tensor(name, np.zeros((rows, columns), dtype))


def test_the_answer_to_the_call_passes_with_outputs_beside_those_that_were_asked_for():
    check_reply(call(), reply(), "s")
    check_reply(call(), reply(outputs=[scores(), scores(name="more")]), "s")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"id": "r-2"}, "id 'r-2' instead of 'r-1'"),
        ({"model_name": "other"}, "model 'other' instead of 'fake'"),
        ({"model_version": "2"}, "version '2' instead of '3'"),
        ({"outputs": []}, r"outputs \[\] instead of \['scores'\]"),
        ({"outputs": [scores(), scores()]}, "outputs"),
        ({"outputs": [scores(rows=3)]}, "3 rows of output 'scores' for 2 rows sent"),
        (
            {"outputs": [scores(columns=3)]},
            r"output 'scores' as FP32 with rows \[3\] instead of FP32 .* \[2\]",
        ),
        ({"outputs": [scores(dtype=np.float64)]}, "output 'scores' as FP64"),
        ({"outputs": [msgspec.structs.replace(scores(), shape=[2, 3])]}, "a broken tensor"),
    ],
    ids=["id", "model", "version", "none", "twice", "rows", "columns", "datatype", "broken"],
)
def test_another_answer_is_none(fields, words):
    with pytest.raises(BadReply, match=f"s answered request r-1 with .*{words}"):
        check_reply(call(), reply(**fields), "s")


@pytest.mark.parametrize(
    ("field", "words"), [("model_sha256", "sha256 'cccc"), ("image_spec_hash", "image specification 'cccc")]
)
def test_another_model_file_or_specification_is_none_where_the_servers_announced_theirs(field, words):
    other = msgspec.structs.replace(reply().parameters, **{field: "c" * 64})
    with pytest.raises(BadReply, match=words):
        check_reply(call(), reply(parameters=other), "s")
    check_reply(call(ModelIdentity("fake", "3")), reply(parameters=other), "s")
