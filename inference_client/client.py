"""The client: asks accelerator servers for inference; `infer` is all that most callers need."""

import asyncio
import logging
import os
import platform
from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random
from typing import Self

import numpy as np

from inference_client.batching.batcher import Batcher
from inference_client.configuration import ClientConfiguration
from inference_client.errors import ClientClosed
from inference_client.protocol.datatypes import DTYPES
from inference_client.protocol.messages import InferenceRequest, ModelMetadata
from inference_client.recording.recorder import Recorder
from inference_client.recording.recording_transport import RecordingTransport
from inference_client.requests.deadlines import Deadlines
from inference_client.requests.request_check import fitted_request
from inference_client.requests.ticket import Ticket
from inference_client.result import CallRecord, InferenceResult
from inference_client.servers.addresses import checked_address, server_addresses
from inference_client.servers.choice import Server
from inference_client.servers.courier import Courier
from inference_client.servers.failures import time_used_up
from inference_client.servers.latency_histogram import LatencyHistogram
from inference_client.servers.preflight import preflight
from inference_client.servers.vetting import Vetting
from inference_client.signature import ModelExpectation
from inference_client.statistics import ClientStatistics
from inference_client.transport.credentials import discover_token, read_token, tls_context
from inference_client.transport.http_transport import HttpOptions, HttpTransport
from inference_client.transport.transport import Transport

_LOG = logging.getLogger(__name__)
Connect = Callable[[str], Transport]
_DICE = Random()  # noqa: S311  spreads load and retries, guards nothing
_NOT_STARTED = "the client was not started; `await client.start()` comes first"


class InferenceClient:
    """Asks any number of servers for one model.

    All methods belong to the event loop that `start` ran in. `async with InferenceClient(...) as client`
    starts and closes it. `blocking.BlockingClient` is for scripts and notebooks.

    Args:
        configuration: Which servers, which model, how patiently.
        expectation: What the caller was made for; checked by `start`.
        connect: Makes the way to a server from its address; HTTP if not given.
        recorder: Keeps every request and reply; the caller closes it.
    """

    def __init__(
        self,
        configuration: ClientConfiguration,
        expectation: ModelExpectation | None = None,
        connect: Connect | None = None,
        recorder: Recorder | None = None,
    ) -> None:
        self.configuration = configuration
        self._vetting = Vetting(configuration, expectation or ModelExpectation())
        self._connect = connect
        self._recorder = recorder
        # Filled by start; touched by the loop's thread only.
        self._servers: list[Server] = []
        self._courier: Courier | None = None
        self._batcher: Batcher | None = None
        self._deadlines = Deadlines(self._expire)
        self._latencies = LatencyHistogram()
        self._is_open = False
        self._requests = self._rows = self._empty = self._failed = self._cancelled = 0

    async def start(self) -> None:
        """Asks all servers what they are and checks their model; those that do not answer may come later.

        It does nothing between a start and `close`.

        Raises:
            ServersUnavailable: No server answers.
            ConfigurationError: An address, the credentials or a server's model is wrong.
        """
        if self._is_open:
            return
        addresses = server_addresses(self.configuration.servers, os.environ)
        connect = self._way(self._connect or http_connections(self.configuration))
        limit, preferred = self.configuration.max_in_flight, self._preferred(addresses)
        self._servers = [
            Server(connect(address), limit, is_preferred=address == preferred) for address in addresses
        ]
        timeout_s, wait_s = self.configuration.preflight_timeout_s, self.configuration.wait_for_servers_s
        try:
            await preflight(self._servers, self._vetting, timeout_s, wait_s)
        except BaseException:
            await self._disconnect()
            raise
        self._courier = Courier(self._servers, self._vetting, self.configuration, _DICE)
        self._batcher = Batcher(self._courier, self._servers, self._vetting, self.configuration.max_rows)
        self._is_open = True

    @property
    def model(self) -> ModelMetadata:
        """Signature of the model.

        Raises:
            ClientClosed: The client was not started.
        """
        if self._vetting.model is None:
            raise ClientClosed(_NOT_STARTED)
        return self._vetting.model

    async def infer(
        self, request: InferenceRequest, *, timeout_s: float | None = None, is_patient: bool = True
    ) -> InferenceResult:
        """Asks for inference; requests of all callers that wait at the same time travel together.

        Args:
            request: Inputs, at least one, each with the same number of rows; no rows need no server.
            timeout_s: Deadline over all tries; the configuration's if not given.
            is_patient: Wait until the deadline for servers that are down; else end when some tries have
                failed, or at once while all circuit breakers are open, for callers who can ask elsewhere.

        Returns:
            Outputs with as many rows, in the same order, and who computed them.

        Raises:
            RequestMismatchError: The request does not fit the model.
            RequestRefused: The server refuses it for good.
            ServersUnavailable: No server answered within the tries and the time allowed.
            ClientClosed: The client is not started, or was closed meanwhile.
        """
        model, batcher = self.model, self._running_batcher()
        request = fitted_request(request, model)
        n_rows = request.inputs[0].shape[0]
        self._requests += 1
        self._rows += n_rows
        if n_rows == 0:
            self._empty += 1
            return _nothing(request, model)
        loop = asyncio.get_running_loop()
        now_s = loop.time()
        deadline_s = now_s + (self.configuration.timeout_s if timeout_s is None else timeout_s)
        ticket = Ticket(request, n_rows, now_s, deadline_s, loop.create_future(), is_patient)
        self._deadlines.add(ticket)
        batcher.submit(ticket)
        try:
            result = await ticket.future
        except asyncio.CancelledError:
            self._cancelled += 1
            batcher.forget(ticket)
            raise
        except BaseException:
            self._failed += 1
            raise
        self._latencies.add(loop.time() - now_s)
        return result

    async def close(self) -> None:
        """Closes connections; whoever still waits gets ClientClosed. A second call does nothing."""
        if self._batcher is not None and self._is_open:
            self._is_open = False
            self._deadlines.close()
            await self._batcher.close()
            await self._disconnect()

    def statistics(self) -> ClientStatistics:
        """Figures since the start; also after `close`.

        Raises:
            ClientClosed: The client was not started.
        """
        if self._batcher is None or self._courier is None:
            raise ClientClosed(_NOT_STARTED)
        now_s = self._batcher.now_s
        return ClientStatistics(
            requests=self._requests,
            rows=self._rows,
            empty_requests=self._empty,
            failed_requests=self._failed,
            cancelled_requests=self._cancelled,
            bodies=self._batcher.body_rows.total(),
            retries=self._courier.retries,
            body_rows=dict(sorted(self._batcher.body_rows.items())),
            sent_bytes=self._batcher.sent_bytes,
            received_bytes=self._batcher.received_bytes,
            latency=self._latencies.percentiles(),
            servers=tuple(server.statistics(now_s) for server in self._servers),
            hedges=self._courier.hedging.sent,
            hedges_won=self._courier.hedging.won,
        )

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_ending: object) -> None:
        await self.close()

    def _running_batcher(self) -> Batcher:
        if self._batcher is None:
            raise ClientClosed(_NOT_STARTED)
        if not self._is_open:
            message = "the client was closed"
            raise ClientClosed(message)
        return self._batcher

    def _way(self, connect: Connect) -> Connect:
        recorder = self._recorder
        return connect if recorder is None else lambda address: RecordingTransport(connect(address), recorder)

    def _preferred(self, addresses: Sequence[str]) -> str:
        if not self.configuration.preferred_server:
            return ""
        preferred = checked_address(self.configuration.preferred_server)
        if preferred not in addresses:
            _LOG.warning("the preferred server %s is not one of %s", preferred, ", ".join(addresses))
        return preferred

    def _expire(self, ticket: Ticket) -> None:
        name, batcher = self.configuration.model_name, self._running_batcher()
        ticket.fail(time_used_up(name, ticket.failures, ticket.timeout_s, batcher.asked_for(ticket)))
        batcher.forget(ticket)

    async def _disconnect(self) -> None:
        await asyncio.gather(*(server.transport.close() for server in self._servers))


def http_connections(configuration: ClientConfiguration) -> Connect:
    """What makes the way to a server from its address, over HTTP, for one configuration.

    Raises:
        CredentialsError: The token or the certificates cannot be read.
    """
    options = HttpOptions(
        connect_timeout_s=configuration.connect_timeout_s,
        client_id=configuration.client_id or f"{platform.node()}-{os.getpid()}",
        token=read_token(configuration.token_file),
        compression=configuration.compression,
    )
    files = (configuration.ca_file, configuration.certificate_file, configuration.key_file)

    def connect(address: str) -> HttpTransport:
        if not address.startswith("https:"):
            return HttpTransport(address, options)
        # Nobody has said that these servers may have a token that is found; in plain text it is sent to none.
        token = options.token or discover_token()
        return HttpTransport(address, replace(options, token=token), tls_context(*files))

    return connect


def _nothing(request: InferenceRequest, model: ModelMetadata) -> InferenceResult:
    wanted = {output.name for output in request.outputs} or {tensor.name for tensor in model.outputs}
    outputs = {
        tensor.name: np.empty([0, *(max(0, size) for size in tensor.shape[1:])], DTYPES[tensor.datatype])
        for tensor in model.outputs
        if tensor.name in wanted
    }
    return InferenceResult(outputs, CallRecord(model_name=model.name))
