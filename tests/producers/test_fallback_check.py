"""What is kept of the servers' first answers, while the fallback is asked for its own."""

import asyncio
from contextlib import asynccontextmanager

import numpy as np

from inference_client.agreement import Agreement
from inference_client.client import InferenceClient
from inference_client.configuration import ClientConfiguration
from inference_client.protocol.arrays import dense_tensor
from inference_client.protocol.messages import InferenceRequest
from inference_client.testing.fake_model import FakeModel
from inference_client.testing.memory_transport import MemoryTransport
from producers.fallback_check import FallbackCheck, FallbackPolicy
from tests.inference_client.virtual_time import run_in_virtual_time

ADDRESS = "http://fallback:1"


def question() -> InferenceRequest:
    return InferenceRequest(id="q", inputs=[dense_tensor("image", np.ones((1, 1, 2, 2), np.float32))])


@asynccontextmanager
async def asking():
    """A client of a fallback that answers after a second, and the way to it."""
    way = MemoryTransport(FakeModel(row_shape=(1, 2, 2)), ADDRESS, delay_s=1.0)
    configuration = ClientConfiguration("fake", servers=[ADDRESS])
    async with InferenceClient(configuration, connect=lambda _address: way) as client:
        yield client, way


def test_servers_may_answer_while_the_fallback_is_asked_what_they_answered_before():
    async def run():
        check = FallbackCheck(FallbackPolicy())
        async with asking() as (client, way):
            answer = await client.infer(question())
            check.remember(question(), answer)
            measuring = asyncio.ensure_future(check.measure(client))
            await way.begun(1)
            check.remember(question(), answer)
            await measuring
            assert check.agreement == Agreement(rows=1, equal_rows=1, largest=0.0)
            await check.measure(client)
            assert check.agreement.rows == 2

    run_in_virtual_time(run())


def test_what_is_kept_is_asked_at_once():
    async def run():
        check = FallbackCheck(FallbackPolicy())
        async with asking() as (client, _):
            answer = await client.infer(question())
            for _ in range(20):
                check.remember(question(), answer)
            begun_s = asyncio.get_running_loop().time()
            await check.measure(client)
            assert asyncio.get_running_loop().time() - begun_s < 3.0
            assert check.agreement.rows == 20

    run_in_virtual_time(run())
