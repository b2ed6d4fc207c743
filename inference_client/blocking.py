"""The client for scripts and notebooks: the same questions, asked without `await`."""

import asyncio
import threading
from collections.abc import Coroutine, Sequence
from typing import Any, NamedTuple, Self, TypeVar

from inference_client.client import Connect, InferenceClient
from inference_client.configuration import ClientConfiguration
from inference_client.errors import ClientClosed
from inference_client.protocol.messages import InferenceRequest, ModelMetadata
from inference_client.recording.recorder import Recorder
from inference_client.result import InferenceResult
from inference_client.signature import ModelExpectation
from inference_client.statistics import ClientStatistics

_T = TypeVar("_T")


class _Running(NamedTuple):
    loop: asyncio.AbstractEventLoop
    thread: threading.Thread


class BlockingClient:
    """An InferenceClient on an event loop of its own, in a thread of its own; any thread may ask.

    Example:
        with BlockingClient(ClientConfiguration("jets", servers=["http://gpu:8000"])) as client:
            scores = client.infer(request).outputs["scores"]
    """

    def __init__(
        self,
        configuration: ClientConfiguration,
        expectation: ModelExpectation | None = None,
        connect: Connect | None = None,
        recorder: Recorder | None = None,
    ) -> None:
        self._client = InferenceClient(configuration, expectation, connect, recorder)
        self._gate = threading.Lock()  # held to hand work to the loop, and to give up the loop
        self._running: _Running | None = None  # from start to close

    def start(self) -> None:
        """Checks the servers, as InferenceClient.start does; does nothing between a start and `close`.

        Raises:
            InferenceError: As InferenceClient.start raises.
        """
        with self._gate:
            if self._running is not None:
                return
            loop = asyncio.new_event_loop()
            thread = threading.Thread(target=_run, args=(loop,), name="inference-client", daemon=True)
            thread.start()
            self._running = _Running(loop, thread)
        try:
            self._wait(self._client.start())
        except BaseException:
            self.close()
            raise

    @property
    def model(self) -> ModelMetadata:
        """Signature of the model.

        Raises:
            ClientClosed: The client was not started.
        """
        return self._client.model

    def infer(self, request: InferenceRequest) -> InferenceResult:
        """Asks for inference and waits for the answer.

        Raises:
            InferenceError: As InferenceClient.infer raises.
        """
        return self._wait(self._client.infer(request))

    def infer_all(self, requests: Sequence[InferenceRequest]) -> list[InferenceResult]:
        """Asks for many at a time, so that they travel together, and waits for all answers in order.

        Raises:
            InferenceError: The first error; the other answers are lost.
        """

        async def ask_all() -> list[InferenceResult]:
            return await asyncio.gather(*(self._client.infer(request) for request in requests))

        return self._wait(ask_all())

    def statistics(self) -> ClientStatistics:
        """Figures since the start.

        Raises:
            ClientClosed: The client was not started.
        """
        if self._running is None:
            return self._client.statistics()

        async def figures() -> ClientStatistics:
            return self._client.statistics()

        return self._wait(figures())

    def close(self) -> None:
        """Closes connections and ends the thread; whoever still waits gets ClientClosed."""
        with self._gate:
            running, self._running = self._running, None
        if running is not None:
            asyncio.run_coroutine_threadsafe(self._client.close(), running.loop).result()
            running.loop.call_soon_threadsafe(running.loop.stop)
            running.thread.join()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_ending: object) -> None:
        self.close()

    def _wait(self, work: Coroutine[Any, Any, _T]) -> _T:
        with self._gate:
            if self._running is None:
                work.close()
                message = "the client is not open; `client.start()`, or a `with` block, comes first"
                raise ClientClosed(message)
            future = asyncio.run_coroutine_threadsafe(work, self._running.loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise


def _run(loop: asyncio.AbstractEventLoop) -> None:
    """Runs a loop until it is stopped, and then until nobody waits for anything that was handed to it."""
    loop.run_forever()
    left = asyncio.all_tasks(loop)
    if left:
        loop.run_until_complete(asyncio.wait(left))
    loop.close()
