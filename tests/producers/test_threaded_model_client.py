"""A client in a thread of its own: what the job's loop notices while it waits for an answer."""

import asyncio

import numpy as np
import pytest

from inference_client.configuration import ClientConfiguration
from inference_client.protocol.arrays import dense_tensor
from inference_client.protocol.messages import InferenceRequest
from inference_client.signature import ModelExpectation
from inference_client.testing.fake_model import FakeModel
from inference_client.testing.fake_server import FakeServer
from inference_client.testing.faults import Fault
from producers.model_client import ModelClient
from producers.threaded_model_client import ThreadedModelClient
from tests.producers.serving import serve_elsewhere


def question():
    return InferenceRequest(id="q", inputs=[dense_tensor("image", np.ones((1, 1, 2, 2), np.float32))])


@pytest.mark.parametrize("blocks", [True, False], ids=["Sync", "PseudoAsync"])
async def test_whoever_waits_can_be_stopped(blocks):
    """Else a second Ctrl-C would wait for the timeout of every event in flight."""
    server = FakeServer(FakeModel(row_shape=(1, 2, 2)))
    server.always = Fault.HANG
    configuration = ClientConfiguration(model_name="fake", timeout_s=600.0)
    with serve_elsewhere(server) as address:
        client = ThreadedModelClient(ModelClient(configuration, ModelExpectation), blocks=blocks)
        await client.start([address], None)
        waiting = [asyncio.ensure_future(client.infer(question())) for _ in range(4)]

        def stop():
            for one in waiting:
                one.cancel()

        asyncio.get_running_loop().call_later(0.2, stop)
        endings = await asyncio.gather(*waiting, return_exceptions=True)
        await client.close()
    assert [type(one) for one in endings] == [asyncio.CancelledError] * 4
