"""Fake servers on real sockets for all tests of the client."""

from contextlib import AsyncExitStack

import pytest

from inference_client.testing.fake_server import FakeServer
from tests.inference_client.images import small_model


@pytest.fixture
async def serve():
    """Starts fake servers of an 8x8 model; they stop with the test."""
    async with AsyncExitStack() as stack:

        async def start(**settings) -> FakeServer:
            delay_s = settings.pop("delay_s", 0.0)
            return await stack.enter_async_context(FakeServer(small_model(**settings), delay_s))

        yield start


@pytest.fixture
async def server(serve):
    return await serve()
