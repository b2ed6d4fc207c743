"""What a real Triton 2.51.0 answered (recorded/triton_2_51.json), read by the client.

The model is a Python one that returns the first two pixels; max_batch_size is 16, and labels and image_spec
are parameters of its configuration.
"""

import base64
import json
from pathlib import Path

import pytest
from aiohttp import web

from inference_client.client import http_connections
from inference_client.configuration import ClientConfiguration
from inference_client.errors import RequestRefused, ServerFault, UnknownModelError
from inference_client.protocol.arrays import to_array
from tests.inference_client.transport.transport_tests import call

RECORDED = json.loads((Path(__file__).parent / "recorded" / "triton_2_51.json").read_text())
ANSWERS = {(answer["method"], answer["path"]): answer for answer in RECORDED}


@pytest.fixture
async def transport():
    async def answer(request: web.Request) -> web.Response:
        await request.read()
        said = ANSWERS[request.method, request.path]
        body = base64.b64decode(said["base64"]) if "base64" in said else said["text"].encode()
        return web.Response(status=said["status"], body=body, headers=said["headers"])

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    address = f"http://127.0.0.1:{runner.addresses[0][1]}"
    transport = http_connections(ClientConfiguration("fake"))(address)
    await transport.read_server_metadata(5.0)
    yield transport
    await transport.close()
    await runner.cleanup()


def plain_call(**identity):
    return call(sha256="", **identity)


async def test_its_model_is_understood(transport):
    model = await transport.read_model_metadata("fake", "", 5.0)
    assert model.versions == ["1"]
    assert model.inputs[0].shape == [-1, 1, 8, 8]
    assert model.parameters.max_rows == 16
    assert model.parameters.encodings == ["plain"]
    assert model.parameters.labels == ["QCD", "top"]
    assert model.parameters.image_spec == {"version": 1, "pixels": 8}


async def test_its_answer_is_read(transport):
    reply = await transport.infer(plain_call(), 5.0)
    assert to_array(reply.response.outputs[0]).tolist() == [[1.0, 0.0], [0.0, 2.0]]
    assert reply.response.model_version == "1"


async def test_its_refusal_of_a_wrong_shape_is_for_good(transport):
    with pytest.raises(RequestRefused, match="shape") as refused:
        await transport.infer(plain_call(version=""), 5.0)
    assert refused.value.status == 400


async def test_a_model_that_it_lacks_is_unknown_before_the_job_and_may_be_elsewhere_during_it(transport):
    with pytest.raises(UnknownModelError, match="other"):
        await transport.read_model_metadata("other", "", 5.0)
    with pytest.raises(UnknownModelError, match="version 2 is not found"):
        await transport.read_model_metadata("fake", "2", 5.0)
    with pytest.raises(ServerFault, match="other"):
        await transport.infer(plain_call(name="other", version=""), 5.0)
