"""A server inside the test, on a real socket, and requests to it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import msgspec
import numpy as np

from accelerator_server.config import ServerConfig, parse_override
from accelerator_server.lifecycle import AcceleratorServer
from inference_client.protocol import codec, headers
from inference_client.protocol.arrays import dense_tensor
from inference_client.protocol.messages import InferenceRequest


@asynccontextmanager
async def running(
    repository: Path, overrides: tuple[str, ...] = (), **config
) -> AsyncIterator[aiohttp.ClientSession]:
    """Yields a session whose base is the server's address; models are loaded untried unless asked for."""
    async with started(repository, overrides, **config) as (_, session):
        yield session


@asynccontextmanager
async def started(
    repository: Path, overrides: tuple[str, ...] = (), **config
) -> AsyncIterator[tuple[AcceleratorServer, aiohttp.ClientSession]]:
    """Yields the server too."""
    server_config = msgspec.convert({"trial_timeout_s": 0, **config}, ServerConfig)
    server = AcceleratorServer(server_config, repository, [parse_override(text) for text in overrides])
    try:
        await server.start()
        async with aiohttp.ClientSession(server.address) as session:
            yield server, session
    finally:
        await server.stop()


def request_of(rows, request_id: str = "r1", **fields) -> InferenceRequest:
    """A request with one plain float32 input x."""
    x = dense_tensor("x", np.asarray(rows, np.float32))
    return InferenceRequest(id=request_id, inputs=[x], **fields)


def posting(request: InferenceRequest | bytes, **more) -> dict:
    """Arguments of session.post for a request."""
    body = request if isinstance(request, bytes) else codec.encode_request(request)
    return {"data": body, "headers": {"Content-Type": headers.MSGPACK, **more}}
