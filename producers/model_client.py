"""ModelClient: one model of a job, asked for at the servers and, where the job allows it, at a fallback."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Sequence
from typing import Protocol

from inference_client.agreement import Agreement
from inference_client.client import InferenceClient
from inference_client.configuration import ClientConfiguration
from inference_client.errors import LocalServerError, ServersUnavailable
from inference_client.protocol.messages import InferenceRequest, ModelMetadata
from inference_client.result import InferenceResult
from inference_client.signature import ModelExpectation
from inference_client.statistics import ClientStatistics
from inference_client.transport.expiry import Expiry
from producers.fallback import Fallback, FindFallback
from producers.fallback_check import FallbackCheck, FallbackPolicy

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
        policy: when a fallback's answers may stand in for the servers', and how much time is kept for them.
    """

    def __init__(
        self,
        configuration: ClientConfiguration,
        expectation: Callable[[], ModelExpectation],
        make_client: MakeClient = InferenceClient,
        policy: FallbackPolicy = FallbackPolicy(),  # noqa: B008  frozen
    ) -> None:
        self.configuration = configuration
        self._make_client = make_client
        self._policy = policy
        self._check = FallbackCheck(policy)
        self._expectation = expectation
        self._client: InferenceClient | None = None  # None where only the fallback answers
        self._fallback: Fallback | None = None  # None where the job allows none

    @property
    def fallback_calls(self) -> int:
        """How often the fallback was asked."""
        return self._fallback.calls if self._fallback is not None else 0

    @property
    def fallback_agreement(self) -> Agreement | None:
        """How far the fallback's answers are from the servers'; None if that was not measured."""
        return self._check.agreement

    @property
    def model(self) -> ModelMetadata:
        """Signature of the model, known once the service has started."""
        client = self._client or (self._fallback and self._fallback.client)
        return (client or self._only_client()).model

    async def start(self, servers: Sequence[str], find_fallback: FindFallback | None) -> None:
        """Connects to the servers and checks their model.

        Raises:
            InferenceError: no server answers and there is no fallback, or the model does not fit.
        """
        if find_fallback is not None:
            self._fallback = Fallback(find_fallback, self._fallback_client, self._check)
        client = self._client_for(self.configuration, servers)
        try:
            await client.start()
        except ServersUnavailable:
            if self._fallback is None:
                raise
            await self._fallback.prepare()
            return
        self._client = client

    async def infer(self, request: InferenceRequest) -> InferenceResult:
        """Asks the servers, then the fallback if none of them answers; all within the model's timeout.

        Raises:
            InferenceError: nobody answers, or the request is refused.
        """
        if self._fallback is None:
            return await self._only_client().infer(request)
        begun_s = asyncio.get_running_loop().time()
        deadline_s = begun_s + self.configuration.timeout_s
        if self._client is None:
            return await self._fallback.infer(request, begun_s, deadline_s)
        try:
            return await self._ask_servers(self._client, self._fallback, request)
        except ServersUnavailable as error:
            failure = error
        try:
            return await self._fallback.infer(request, begun_s, deadline_s, failure.tries)
        except (ServersUnavailable, LocalServerError) as error:
            message = f"{failure}. The fallback did not answer either: {error}"
            raise type(error)(message) from error

    async def close(self) -> None:
        """Closes the connections."""
        for client in (self._client, self._fallback):
            if client is not None:
                await client.close()

    def statistics(self) -> list[ClientStatistics]:
        """Figures of the servers and of the fallback, as far as they were asked."""
        of_servers = [self._client.statistics()] if self._client is not None else []
        return of_servers + (self._fallback.statistics() if self._fallback is not None else [])

    async def _ask_servers(
        self, client: InferenceClient, fallback: Fallback, request: InferenceRequest
    ) -> InferenceResult:
        """Asks the servers for as long as leaves the fallback its share, if it may be asked.

        The fallback is begun to be made ready when half of that time is over, so that its start takes none of
        its own.
        """
        if fallback.refusal:
            return await client.infer(request)
        time_s = self._policy.servers_time_s(self.configuration.timeout_s)
        half_s = asyncio.get_running_loop().time() + time_s / 2
        alarm = Expiry(half_s, fallback.prepare)
        try:
            result = await client.infer(request, timeout_s=time_s, is_patient=False)
        finally:
            alarm.cancel()
        self._check.remember(request, result)
        return result

    def _only_client(self) -> InferenceClient:
        if self._client is None:
            message = f"model {self.configuration.model_name} is asked for before the service started"
            raise RuntimeError(message)
        return self._client

    def _fallback_client(self, address: str) -> InferenceClient:
        """What asks the fallback: in one try that has all of the time, since nobody else is to be asked."""
        configuration = dataclasses.replace(self.configuration, preferred_server="", allowed_tries=1)
        return self._client_for(configuration, [address])

    def _client_for(self, configuration: ClientConfiguration, servers: Sequence[str]) -> InferenceClient:
        complete = dataclasses.replace(configuration, servers=tuple(servers))
        return self._make_client(complete, self._expected())

    def _expected(self) -> ModelExpectation:
        """What the model must be; a fallback must have the servers' model file, where that is known."""
        expectation = self._expectation()
        if self._client is None or not self._client.model.parameters.sha256:
            return expectation
        return dataclasses.replace(expectation, sha256=self._client.model.parameters.sha256)
