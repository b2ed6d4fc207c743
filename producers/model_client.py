"""ModelClient: one model of a job, asked for at the servers and, where the job allows it, at a fallback."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from inference_client.agreement import Agreement
from inference_client.client import InferenceClient
from inference_client.configuration import ClientConfiguration
from inference_client.errors import ServersUnavailable
from inference_client.protocol.messages import InferenceRequest, ModelMetadata
from inference_client.result import InferenceResult
from inference_client.signature import ModelExpectation
from inference_client.statistics import ClientStatistics
from producers.fallback_check import FallbackCheck, FallbackPolicy

FindFallback = Callable[[], Awaitable[str]]
"""Starts the fallback server, or finds it started, and gives its address."""

MakeClient = Callable[[ClientConfiguration, ModelExpectation], InferenceClient]
"""Makes a client; the service's own makes one that records, or that asks a recording."""


class AsksModel(Protocol):
    """What an inference module and the service need of whoever asks for a model."""

    @property
    def configuration(self) -> ClientConfiguration:
        """Everything but the servers."""

    @property
    def model(self) -> ModelMetadata:
        """Signature of the model, known once the service has started."""

    @property
    def fallback_calls(self) -> int:
        """How often the fallback was asked."""

    @property
    def fallback_agreement(self) -> Agreement | None:
        """How far the fallback's answers are from the servers'; None if that was not measured."""

    async def start(self, servers: Sequence[str], find_fallback: FindFallback | None) -> None:
        """Connects to the servers and checks their model."""

    async def infer(self, request: InferenceRequest) -> InferenceResult:
        """Asks the servers, then the fallback if none of them answers."""

    async def close(self) -> None:
        """Closes the connections."""

    def statistics(self) -> list[ClientStatistics]:
        """Figures of the servers and of the fallback, as far as they were asked."""


class ModelClient:
    """What an inference module asks; each module has its own.

    Args:
        configuration: everything but the servers, which the service knows later.
        expectation: gives what the module was made for; called when the servers are known.
        make_client: makes what asks the servers.
        policy: when a fallback's answers may stand in for the servers'.
    """

    def __init__(
        self,
        configuration: ClientConfiguration,
        expectation: Callable[[], ModelExpectation],
        make_client: MakeClient = InferenceClient,
        policy: FallbackPolicy = FallbackPolicy(),  # noqa: B008  frozen
    ) -> None:
        self.configuration = configuration
        self.fallback_calls = 0
        self._make_client = make_client
        self._check = FallbackCheck(policy)
        self._expectation = expectation
        self._find_fallback: FindFallback | None = None
        self._client: InferenceClient | None = None  # None where only the fallback answers
        self._fallback: InferenceClient | None = None
        self._starting_fallback = asyncio.Lock()

    @property
    def fallback_agreement(self) -> Agreement | None:
        """How far the fallback's answers are from the servers'; None if that was not measured."""
        return self._check.agreement

    @property
    def model(self) -> ModelMetadata:
        """Signature of the model, known once the service has started."""
        client = self._client or self._fallback
        if client is None:
            message = f"model {self.configuration.model_name} is asked for before the service started"
            raise RuntimeError(message)
        return client.model

    async def start(self, servers: Sequence[str], find_fallback: FindFallback | None) -> None:
        """Connects to the servers and checks their model.

        Raises:
            InferenceError: no server answers and there is no fallback, or the model does not fit.
        """
        self._find_fallback = find_fallback
        client = self._client_for(servers, self.configuration.preferred_server)
        try:
            await client.start()
        except ServersUnavailable:
            if find_fallback is None:
                raise
            await self._fallback_client()
            return
        self._client = client

    async def infer(self, request: InferenceRequest) -> InferenceResult:
        """Asks the servers, then the fallback if none of them answers.

        Raises:
            InferenceError: nobody answers, or the request is refused.
        """
        if self._find_fallback is None and self._client is not None:
            return await self._client.infer(request)
        begun_s = time.monotonic()
        if self._client is not None:
            try:
                result = await self._client.infer(request, is_patient=bool(self._check.refusal))
            except ServersUnavailable:
                pass
            else:
                self._check.remember(request, result)
                return result
        fallback = await self._fallback_client()
        self.fallback_calls += 1
        lost_s = time.monotonic() - begun_s
        return _delayed(await fallback.infer(request), lost_s)

    async def close(self) -> None:
        """Closes the connections."""
        for client in (self._client, self._fallback):
            if client is not None:
                await client.close()

    def statistics(self) -> list[ClientStatistics]:
        """Figures of the servers and of the fallback, as far as they were asked."""
        return [client.statistics() for client in (self._client, self._fallback) if client is not None]

    async def _fallback_client(self) -> InferenceClient:
        async with self._starting_fallback:
            if self._check.refusal:
                raise ServersUnavailable(self._check.refusal)
            if self._fallback is None and self._find_fallback is not None:
                address = await self._find_fallback()
                # By a client of its own, so that the figures count what the job asked and nothing else.
                async with self._client_for([address]) as asking:
                    await self._check.measure(asking)
                client = self._client_for([address])
                await client.start()
                self._fallback = client
        if self._fallback is None:
            message = f"no fallback for model {self.configuration.model_name}"
            raise ServersUnavailable(message)
        return self._fallback

    def _client_for(self, servers: Sequence[str], preferred_server: str = "") -> InferenceClient:
        configuration = dataclasses.replace(
            self.configuration, servers=tuple(servers), preferred_server=preferred_server
        )
        return self._make_client(configuration, self._expected())

    def _expected(self) -> ModelExpectation:
        """What the model must be; a fallback must have the servers' model file, where that is known."""
        expectation = self._expectation()
        if self._client is None or not self._client.model.parameters.sha256:
            return expectation
        return dataclasses.replace(expectation, sha256=self._client.model.parameters.sha256)


def _delayed(result: InferenceResult, lost_s: float) -> InferenceResult:
    """An answer whose record holds also the time in which others were asked in vain."""
    call, lost_us = result.record, round(lost_s * 1e6)
    record = call._replace(retry_us=call.retry_us + lost_us, total_us=call.total_us + lost_us)
    return dataclasses.replace(result, record=record)
