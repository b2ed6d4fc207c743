"""A transport without a network: hands calls to a fake model in the same process."""

import asyncio
from collections import deque
from collections.abc import Awaitable
from typing import TypeVar

from inference_client.errors import InferenceError, TryTimedOut, UnknownModelError
from inference_client.protocol.codec import decode_request, encode_request, encode_response
from inference_client.protocol.messages import EXTENSIONS, InferenceResponse, ModelMetadata, ServerMetadata
from inference_client.testing.fake_model import FakeModel
from inference_client.transport.expiry import within
from inference_client.transport.replies import check_reply
from inference_client.transport.transport import InferenceCall, Reply

_T = TypeVar("_T")


class MemoryTransport:
    """Answers from a fake model after a settable delay, or fails as told.

    Attributes:
        delay_s: Time that every answer takes.
        failures: Errors that the next calls raise, in order, instead of answering.
        extensions: What the server announces.
        in_flight, most_in_flight: Calls under way, now and at most.
        is_closed: Whether `close` was called.
    """

    def __init__(self, model: FakeModel, address: str = "http://memory:1", delay_s: float = 0.0) -> None:
        self.delay_s = delay_s
        self.failures: deque[InferenceError] = deque()
        self.extensions = list(EXTENSIONS)
        self.in_flight = self.most_in_flight = 0
        self.is_closed = False
        self._begun = asyncio.Event()
        self._model = model
        self._address = address

    @property
    def address(self) -> str:
        """A name for messages and records."""
        return self._address

    async def read_server_metadata(self, timeout_s: float) -> ServerMetadata:
        """Tells what the server is."""
        return await self._timed(timeout_s, self._server_metadata())

    async def read_model_metadata(self, name: str, version: str, timeout_s: float) -> ModelMetadata:
        """Tells the model's signature.

        Raises:
            UnknownModelError: The fake model has another name or version.
        """
        return await self._timed(timeout_s, self._model_metadata(name, version))

    async def infer(self, call: InferenceCall, timeout_s: float) -> Reply:
        """Computes a call as a server would, through the bytes of the wire.

        Raises:
            InferenceError: The next one of `failures`.
            TryTimedOut: The delay is longer than the time.
            BadReply: The answer does not fit the call.
        """
        body = encode_request(call.request)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        self._begun.set()
        try:
            response = await self._timed(timeout_s, self._answer(body))
        finally:
            self.in_flight -= 1
        check_reply(call, response, self._address)
        return Reply(response, len(body), len(encode_response(response)), 0.0)

    async def begun(self, n_calls: int) -> None:
        """Waits until at least so many calls are under way."""
        while self.in_flight < n_calls:
            self._begun.clear()
            await self._begun.wait()

    async def close(self) -> None:
        """Remembers that it was closed."""
        self.is_closed = True

    async def _server_metadata(self) -> ServerMetadata:
        await asyncio.sleep(0)
        return ServerMetadata(name="memory", version="1", extensions=self.extensions)

    async def _model_metadata(self, name: str, version: str) -> ModelMetadata:
        await asyncio.sleep(0)
        metadata = self._model.metadata
        if name != metadata.name or version not in ("", *metadata.versions):
            message = f"{self._address} has no model {name!r} version {version!r}, only {metadata.name!r}"
            raise UnknownModelError(message)
        return metadata

    async def _answer(self, body: bytes) -> InferenceResponse:
        await asyncio.sleep(self.delay_s)
        if self.failures:
            raise self.failures.popleft()
        return self._model.answer(decode_request(body), "memory")

    async def _timed(self, timeout_s: float, work: Awaitable[_T]) -> _T:
        try:
            return await within(timeout_s, work)
        except TimeoutError as error:
            message = f"{self._address} did not answer within {timeout_s:.3g} s"
            raise TryTimedOut(message) from error
