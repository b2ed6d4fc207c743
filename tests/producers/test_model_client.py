"""One model at the servers, and at a fallback where the job allows one."""

import numpy as np
import pytest

from inference_client.configuration import ClientConfiguration
from inference_client.errors import ModelMismatchError, ServersUnavailable
from inference_client.protocol.arrays import dense_tensor
from inference_client.protocol.messages import InferenceRequest
from inference_client.signature import ModelExpectation
from inference_client.testing.fake_model import FakeModel
from inference_client.testing.fake_server import FakeServer
from producers.model_client import ModelClient

CONFIGURATION = ClientConfiguration(
    model_name="fake", timeout_s=1.0, allowed_tries=1, preflight_timeout_s=1.0
)
NOWHERE = "http://127.0.0.1:9"


def question():
    return InferenceRequest(id="q", inputs=[dense_tensor("image", np.ones((1, 1, 2, 2), np.float32))])


def fake(sha256="0" * 64):
    return FakeServer(FakeModel(row_shape=(1, 2, 2), sha256=sha256))


def client():
    return ModelClient(CONFIGURATION, ModelExpectation)


async def test_the_fallback_is_not_started_while_servers_answer():
    async def find():
        raise AssertionError

    async with fake() as server:
        one = client()
        await one.start([server.address], find)
        result = await one.infer(question())
        await one.close()
    assert result.record.server == server.address
    assert one.fallback_calls == 0


async def test_the_fallback_answers_when_no_server_is_there_at_the_start():
    async with fake() as local:

        async def find():
            return local.address

        one = client()
        await one.start([NOWHERE], find)
        assert one.model.name == "fake"
        assert (await one.infer(question())).record.server == local.address
        await one.close()
    assert one.fallback_calls == 1


async def test_the_fallback_takes_over_when_the_server_dies_in_the_middle():
    async with fake() as server, fake() as local:

        async def find():
            return local.address

        one = client()
        await one.start([server.address], find)
        await one.infer(question())
        await server.stop()
        assert (await one.infer(question())).record.server == local.address
        await one.close()
    assert one.fallback_calls == 1
    assert [s.rows for s in one.statistics()] == [2, 1]


async def test_a_fallback_with_another_model_file_is_refused():
    async with fake(sha256="1" * 64) as server, fake(sha256="2" * 64) as local:

        async def find():
            return local.address

        one = client()
        await one.start([server.address], find)
        await server.stop()
        with pytest.raises(ModelMismatchError, match="sha256"):
            await one.infer(question())
        await one.close()


async def test_without_a_fallback_a_dead_server_is_an_error():
    one = client()
    with pytest.raises(ServersUnavailable):
        await one.start([NOWHERE], None)
    await one.close()
