"""The wall clock steps by an hour and the client does not notice: deadlines, back-off, breakers."""

import asyncio
import time

import pytest
import time_machine

from inference_client.client import InferenceClient
from inference_client.configuration import ClientConfiguration
from inference_client.errors import DeadlineExceeded
from inference_client.testing.faults import Fault
from tests.inference_client.images import sparse_request, sums

HOUR_S = 3600
STEPS = pytest.mark.parametrize("step_s", [HOUR_S, -HOUR_S], ids=["forward", "back"])


@pytest.fixture
def clock():
    """The wall clock, which a test may shift; the monotonic one goes on as it does."""
    with time_machine.travel(time.time(), tick=True) as clock:
        yield clock


def client(address: str, **settings) -> InferenceClient:
    return InferenceClient(ClientConfiguration("fake", servers=[address], **settings))


@STEPS
async def test_an_answer_that_comes_after_a_step_is_an_answer(server, clock, step_s):
    async with client(server.address, timeout_s=60.0) as asking:
        server.held.clear()
        asked = asyncio.ensure_future(asking.infer(sparse_request([3.0])))
        await server.arrived(1)
        clock.shift(step_s)
        server.held.set()
        result = await asked
        assert sums(result) == [3.0]
        assert len(server.requests) == 1
        assert 0 <= result.record.total_us < 60e6


@STEPS
async def test_a_deadline_holds_over_a_step(server, clock, step_s):
    async with client(server.address, timeout_s=1.0) as asking:
        server.held.clear()
        begun_s = time.monotonic()
        asked = asyncio.ensure_future(asking.infer(sparse_request([3.0])))
        await server.arrived(1)
        clock.shift(step_s)
        async with asyncio.timeout(60):
            with pytest.raises(DeadlineExceeded):
                await asked
        assert time.monotonic() - begun_s >= 0.99
        server.held.set()


@STEPS
async def test_a_try_that_failed_is_tried_again_although_the_clock_steps(server, clock, step_s):
    async with client(server.address, timeout_s=60.0, allowed_tries=5) as asking:
        server.faults.extend([Fault.BUSY, Fault.BUSY])
        asked = asyncio.ensure_future(asking.infer(sparse_request([3.0])))
        await server.arrived(1)
        clock.shift(step_s)
        async with asyncio.timeout(60):
            assert sums(await asked) == [3.0]
        assert len(server.requests) == 3
