"""The client for scripts and notebooks: the same questions, asked without `await`."""

import asyncio
import threading
from collections.abc import Coroutine, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

from inference_client.client import Connect, InferenceClient
from inference_client.configuration import ClientConfiguration
from inference_client.protocol.messages import InferenceRequest, ModelMetadata
from inference_client.recording.recorder import Recorder
from inference_client.result import InferenceResult
from inference_client.signature import ModelExpectation
from inference_client.statistics import ClientStatistics

_T = TypeVar("_T")


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
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="inference-client", daemon=True)

    def start(self) -> None:
        """Checks the servers, as InferenceClient.start does.

        Raises:
            InferenceError: As InferenceClient.start raises.
        """
        self._thread.start()
        try:
            self._wait(self._client.start())
        except BaseException:
            self._end_loop()
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
        if not self._thread.is_alive():
            return self._client.statistics()

        async def figures() -> ClientStatistics:
            return self._client.statistics()

        return self._wait(figures())

    def close(self) -> None:
        """Closes connections and ends the thread; a second call does nothing."""
        if self._thread.is_alive():
            self._wait(self._client.close())
            self._end_loop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _wait(self, work: Coroutine[Any, Any, _T]) -> _T:
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def _end_loop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
