"""Sends a recorded load at servers again, at its own times or others, and measures what comes back."""

import asyncio
import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from inference_client.agreement import Agreement, Array, compare_outputs
from inference_client.errors import InferenceError, RecordingError
from inference_client.protocol.arrays import to_array
from inference_client.protocol.messages import InferenceResponse, ModelMetadata, TensorMetadata
from inference_client.protocol.rows import request_row_count
from inference_client.recording.recording import Exchange, Recording
from inference_client.requests.request_check import fitted_request
from inference_client.servers.latency_histogram import LatencyHistogram
from inference_client.servers.vetting import latest_version
from inference_client.statistics import Percentiles
from inference_client.transport.transport import InferenceCall, ModelIdentity, Transport

_NO_TIME = Percentiles(0.0, 0.0, 0.0)
_NOTHING_COMPARED = Agreement()


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a load is sent.

    Attributes:
        speed: Times of the recording divided by this; 0 sends each request as soon as there is a place.
        max_in_flight: Most requests under way; those that are due wait, and count as late.
        timeout_s: Time for each request, of which there is one try.
    """

    speed: float = 1.0
    max_in_flight: int = 64
    timeout_s: float = 60.0


@dataclass(slots=True)
class LoadReport:
    """What came of a load.

    Attributes:
        model: Who was asked: name, version, digest of the file, for each recorded model.
        requests, rows: What was sent.
        answered: Requests that were answered.
        failures: The others, by kind of error.
        recorded_span_s, span_s: From the first request to the last answer, then and now.
        recorded_latency, latency: Of answered requests, then and now.
        latest_s: How late the latest request was sent; a load that is late is not the load that was recorded.
        agreement: Answers now beside those recorded.
        not_compared: Answers beside which none was recorded.
    """

    model: dict[str, str] = field(default_factory=dict)
    requests: int = 0
    rows: int = 0
    answered: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    recorded_span_s: float = 0.0
    span_s: float = 0.0
    recorded_latency: Percentiles = _NO_TIME
    latency: Percentiles = _NO_TIME
    latest_s: float = 0.0
    agreement: Agreement = _NOTHING_COMPARED
    not_compared: int = 0


@dataclass(frozen=True, slots=True)
class _Asked:
    """Whom the requests for one recorded model go to, and what it is like."""

    identity: ModelIdentity
    metadata: ModelMetadata
    outputs: Mapping[str, TensorMetadata]


class LoadReplay:
    """Sends every request of a recording once, failed ones too.

    Args:
        recording: The load.
        servers: Ways to the servers; requests go to them in turn.
        pace: When they are sent.
        model: Another model to ask in the place of the recorded one; empty for the same.
    """

    def __init__(
        self, recording: Recording, servers: Sequence[Transport], pace: Pace, model: str = ""
    ) -> None:
        self._recording = recording
        self._servers = itertools.cycle(servers)
        self._all_servers = servers
        self._pace = pace
        self._model = model
        self._report = LoadReport()
        self._latencies, self._recorded = LatencyHistogram(), LatencyHistogram()
        self._places = asyncio.Semaphore(pace.max_in_flight)

    async def run(self) -> LoadReport:
        """Sends the load and waits for the last answer.

        Raises:
            RecordingError: There is nothing to send.
            InferenceError: A server does not answer at the start, or its model does not fit the requests.
        """
        exchanges = self._recording.exchanges
        if not exchanges:
            message = f"recording {self._recording.path} holds no requests"
            raise RecordingError(message)
        asked = await self._ask_models()
        loop = asyncio.get_running_loop()
        begun_s, first_us = loop.time(), exchanges[0].at_us
        async with asyncio.TaskGroup() as group:
            for exchange in exchanges:
                due_s = begun_s
                if self._pace.speed:
                    due_s += (exchange.at_us - first_us) / (1e6 * self._pace.speed)
                    await asyncio.sleep(due_s - loop.time())
                await self._places.acquire()
                if self._pace.speed:
                    self._report.latest_s = max(self._report.latest_s, loop.time() - due_s)
                group.create_task(self._exchange(exchange, asked[exchange.model], next(self._servers)))
        self._report.span_s = loop.time() - begun_s
        self._report.recorded_span_s = (max(e.at_us + e.latency_us for e in exchanges) - first_us) / 1e6
        self._report.latency = self._latencies.percentiles()
        self._report.recorded_latency = self._recorded.percentiles()
        return self._report

    async def _ask_models(self) -> Mapping[str, _Asked]:
        asked = {}
        firsts = {exchange.model: exchange for exchange in reversed(self._recording.exchanges)}
        for recorded, first in sorted(firsts.items()):
            for server in self._all_servers:
                await server.read_server_metadata(self._pace.timeout_s)
                asked[recorded] = await self._ask_model(server, self._model or recorded)
            fitted_request(self._recording.request(first), asked[recorded].metadata)
            identity = asked[recorded].identity
            self._report.model[recorded] = f"{identity.name} {identity.version} {identity.sha256}".rstrip()
        return asked

    async def _ask_model(self, server: Transport, name: str) -> _Asked:
        metadata = await server.read_model_metadata(name, "", self._pace.timeout_s)
        version = latest_version(metadata.versions)
        if len(metadata.versions) > 1:
            metadata = await server.read_model_metadata(name, version, self._pace.timeout_s)
        parameters = metadata.parameters
        identity = ModelIdentity(name, version, parameters.sha256, parameters.image_spec_hash)
        return _Asked(identity, metadata, {tensor.name: tensor for tensor in metadata.outputs})

    async def _exchange(self, exchange: Exchange, asked: _Asked, server: Transport) -> None:
        loop = asyncio.get_running_loop()
        report = self._report
        report.requests += 1
        try:
            request = fitted_request(self._recording.request(exchange), asked.metadata)
            n_rows = request_row_count(request)
            report.rows += n_rows
            named = {output.name: asked.outputs[output.name] for output in request.outputs}
            call = InferenceCall(request, asked.identity, n_rows, named or asked.outputs)
            sent_s = loop.time()
            reply = await server.infer(call, self._pace.timeout_s)
        except InferenceError as error:
            report.failures[type(error).__name__] += 1
        else:
            report.answered += 1
            self._latencies.add(loop.time() - sent_s)
            self._compare(exchange, reply.response)
        finally:
            self._places.release()

    def _compare(self, exchange: Exchange, response: InferenceResponse) -> None:
        recorded = self._recording.reply(exchange)
        if recorded is None:
            self._report.not_compared += 1
            return
        self._recorded.add(exchange.latency_us / 1e6)
        self._report.agreement += compare_outputs(_arrays(recorded), _arrays(response))


def _arrays(response: InferenceResponse) -> dict[str, Array]:
    return {tensor.name: to_array(tensor) for tensor in response.outputs}
