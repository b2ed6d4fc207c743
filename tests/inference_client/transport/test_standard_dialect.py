"""The client and servers that speak the standard only."""

import asyncio

import numpy as np
import pytest

from inference_client.client import InferenceClient
from inference_client.configuration import ClientConfiguration
from inference_client.errors import DialectError, ModelMismatchError, RequestRefused, ServersUnavailable
from inference_client.local_server import LocalServer
from inference_client.protocol.arrays import to_array
from inference_client.protocol.messages import InferenceRequest, RequestedOutput
from inference_client.signature import ModelExpectation
from tests.inference_client.images import sparse_request
from tests.inference_client.other_process import ROOT
from tests.inference_client.transport.plain_server import PlainServer

MODEL_TOML = """
backend = "echo"
max_rows = 16
inputs = [{ name = "image", datatype = "FP32", shape = [-1, 1, 8, 8] }]
outputs = [{ name = "scores", datatype = "FP32", shape = [-1, 2] }]
"""
SPECIFICATION = {"version": 1, "pixels": 8}
CONFIGURATION = {
    "name": "fake",
    "platform": "",
    "max_batch_size": 4,
    "parameters": {
        "image_spec": {"string_value": '{"version": 1, "pixels": 8}'},
        "labels": {"string_value": '["QCD", "top"]'},
        "sha256": {"string_value": "ab" * 32},
    },
}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "fake" / "1"
    folder.mkdir(parents=True)
    (folder / "model.toml").write_text(MODEL_TOML)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        with LocalServer(str(folder.parents[1])) as running:
            yield running.address


@pytest.fixture
async def plain(server):
    async with PlainServer(server, CONFIGURATION) as plain:
        yield plain


def client(plain: PlainServer, **expectation) -> InferenceClient:
    configuration = ClientConfiguration("fake", servers=[plain.address], timeout_s=10.0)
    return InferenceClient(configuration, ModelExpectation(**expectation))


async def test_sparse_requests_travel_dense_and_their_answers_come_back_in_order(plain):
    requests = [sparse_request([float(10 * k)] * (1 + k % 3)) for k in range(1, 20)]
    async with client(plain) as asking:
        results = await asyncio.gather(*(asking.infer(request) for request in requests))
        assert asking.statistics().body_rows.keys() <= {1, 2, 3, 4}
    for request, result in zip(requests, results, strict=True):
        pixels = to_array(request.inputs[0]).reshape(-1, 64)[:, :2]
        np.testing.assert_array_equal(result.outputs["scores"], pixels)
    assert results[0].record.model_version == "1"
    assert results[0].record.server == plain.address


async def test_named_outputs_are_asked_for(plain):
    request = InferenceRequest(
        id="", inputs=sparse_request([1.0]).inputs, outputs=[RequestedOutput("scores")]
    )
    async with client(plain) as asking:
        assert list((await asking.infer(request)).outputs) == ["scores"]
    assert b'"outputs":[{"name":"scores","parameters":{"binary_data":true}}]' in plain.bodies[0]


async def test_the_configuration_stands_for_what_our_servers_announce(plain):
    async with client(plain, image_spec=SPECIFICATION, sha256="ab" * 32) as asking:
        assert asking.model.parameters.labels == ["QCD", "top"]
        assert asking.model.parameters.max_rows == 4
    with pytest.raises(ModelMismatchError, match="pixels is 8 in training and 9 here"):
        await client(plain, image_spec=SPECIFICATION | {"pixels": 9}).start()


async def test_replies_in_chunks_are_read(plain):
    plain.is_chunked = True
    async with client(plain) as asking:
        result = await asking.infer(sparse_request([3.0]))
    assert result.outputs["scores"].tolist() == [[3.0, 0.0]]


async def test_a_reply_whose_end_nobody_marks_is_none(plain):
    plain.is_endless = True
    async with client(plain) as asking:
        with pytest.raises(ServersUnavailable, match="without Content-Length"):
            await asking.infer(sparse_request([3.0]))


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"id": "another"}, "id 'another'"),
        ({"model_name": "other"}, "model 'other'"),
        ({"model_version": "7"}, "version '7'"),
    ],
    ids=["id", "model", "version"],
)
async def test_another_questions_or_models_reply_is_none(plain, said, words):
    plain.said = said
    async with client(plain) as asking:
        with pytest.raises(ServersUnavailable, match=words):
            await asking.infer(sparse_request([3.0]))


async def test_the_deadline_travels_as_tritons_timeout(plain):
    async with client(plain) as asking:
        await asking.infer(sparse_request([3.0]))
    assert b'"timeout":' in plain.bodies[0]


async def test_a_refusal_is_told_in_the_servers_words(plain, monkeypatch):
    monkeypatch.setattr(
        "inference_client.transport.dialects.encode_standard_request", lambda *_: (b'{"inputs": 1}', 13)
    )
    async with client(plain) as asking:
        with pytest.raises(RequestRefused, match="not a valid request"):
            await asking.infer(sparse_request([3.0]))


async def test_a_server_of_neither_dialect_is_refused_at_the_start(plain):
    plain.extensions = ["classification"]
    with pytest.raises(DialectError, match=r"triton 2\.51\.0.*nor binary_tensor_data, as Triton does"):
        await client(plain).start()
