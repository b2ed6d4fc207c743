"""ThreadedModelClient: a ModelClient on an event loop of its own, for the modes PseudoAsync and Sync."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Sequence
from concurrent import futures
from typing import Any, TypeVar

from inference_client.agreement import Agreement
from inference_client.configuration import ClientConfiguration
from inference_client.protocol.messages import InferenceRequest, ModelMetadata
from inference_client.result import InferenceResult
from inference_client.statistics import ClientStatistics
from producers.fallback import FindFallback
from producers.model_client import ModelClient

_T = TypeVar("_T")

DEAF_S = 0.1
"""A call that holds up the job's loop lets it turn once in this time, so that signals are heard."""


class ThreadedModelClient:
    """Bodies are made, sent and read in a thread of their own; the job's loop only waits.

    Args:
        client: what asks; from `start` to `close` only the thread touches it.
        blocks: `infer` holds up the loop that it is awaited in, and all streams with it, as CMSSW's mode Sync
            holds up its thread; else other streams run on, as in PseudoAsync.
    """

    def __init__(self, client: ModelClient, *, blocks: bool) -> None:
        self._client = client
        self._blocks = blocks
        self._turn = asyncio.Lock()  # one call at a time holds up the job
        self._loop = asyncio.new_event_loop()
        name = f"inference {client.configuration.model_name}"
        self._thread = threading.Thread(target=self._loop.run_forever, name=name, daemon=True)

    @property
    def configuration(self) -> ClientConfiguration:
        """Everything but the servers."""
        return self._client.configuration

    @property
    def model(self) -> ModelMetadata:
        """Signature of the model, known once the service has started."""
        return self._client.model

    @property
    def fallback_calls(self) -> int:
        """How often the fallback was asked."""
        return self._client.fallback_calls

    @property
    def fallback_agreement(self) -> Agreement | None:
        """How far the fallback's answers are from the servers'; None if that was not measured."""
        return self._client.fallback_agreement

    async def start(self, servers: Sequence[str], find_fallback: FindFallback | None) -> None:
        """Connects to the servers and checks their model.

        Raises:
            InferenceError: no server answers and there is no fallback, or the model does not fit.
        """
        self._thread.start()
        await asyncio.wrap_future(self._submit(self._client.start(servers, find_fallback)))

    async def infer(self, request: InferenceRequest) -> InferenceResult:
        """Asks the servers, then the fallback if none of them answers.

        Raises:
            InferenceError: nobody answers, or the request is refused.
        """
        if not self._blocks:
            return await asyncio.wrap_future(self._submit(self._client.infer(request)))
        async with self._turn:
            asked = self._submit(self._client.infer(request))
            try:
                while not futures.wait([asked], DEAF_S).done:  # noqa: ASYNC110 - it is to block
                    await asyncio.sleep(0)
            finally:
                asked.cancel()  # nothing, if it is done
            return asked.result()

    async def close(self) -> None:
        """Closes the connections and ends the thread."""
        if self._thread.is_alive():
            await asyncio.wrap_future(self._submit(self._client.close()))
            self._loop.call_soon_threadsafe(self._loop.stop)
            await asyncio.to_thread(self._thread.join)
        self._loop.close()

    def statistics(self) -> list[ClientStatistics]:
        """Figures of the servers and of the fallback, as far as they were asked."""
        if not self._thread.is_alive():
            return self._client.statistics()

        async def figures() -> list[ClientStatistics]:
            return self._client.statistics()

        return self._submit(figures()).result()

    def _submit(self, work: Coroutine[Any, Any, _T]) -> futures.Future[_T]:
        return asyncio.run_coroutine_threadsafe(work, self._loop)
