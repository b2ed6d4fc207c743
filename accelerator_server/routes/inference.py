"""POST /v2/models/{model}[/versions/{version}]/infer."""

import math
import time

from aiohttp import web

from accelerator_server.authentication import CALLER
from accelerator_server.body import read_body
from accelerator_server.client_counts import ClientCount
from accelerator_server.dialects.table import dialect_of
from accelerator_server.errors import MalformedRequestError, RefusedRequestError
from accelerator_server.memory_guard import Claim, claim_bytes
from accelerator_server.replies import BODY_ID, http_response
from accelerator_server.state import ServerState
from inference_client.protocol import headers
from inference_client.protocol.errors import ProtocolError
from inference_client.protocol.messages import InferenceRequest


class InferenceRoute:
    """Receives, decodes, asks the model, encodes, answers."""

    def __init__(self, state: ServerState) -> None:
        self._state = state

    def routes(self) -> list[web.RouteDef]:
        """The paths with and without a version."""
        return [
            web.post("/v2/models/{model}/infer", self._infer),
            web.post("/v2/models/{model}/versions/{version}/infer", self._infer),
        ]

    async def _infer(self, request: web.Request) -> web.Response:
        client = request[CALLER].name
        count = self._state.clients.of(client)
        try:
            with self._state.admission, self._claim(request) as claim:
                response = await self._answer(request, client, count, claim)
        except (RefusedRequestError, ProtocolError):
            count.n_refused += 1
            raise
        count.n_requests += 1
        return response

    def _claim(self, request: web.Request) -> Claim:
        """Makes room for the body before it is read."""
        is_packed = "Content-Encoding" in request.headers
        most_bytes = self._state.config.max_body_bytes
        return self._state.memory.claim(claim_bytes(request.content_length, most_bytes, is_packed=is_packed))

    async def _answer(
        self, request: web.Request, client: str, count: ClientCount, claim: Claim
    ) -> web.Response:
        arrived_s = time.monotonic()
        state = self._state
        names = request.match_info
        dialect = dialect_of(request.headers.get("Content-Type", ""))
        name, version = names["model"], names.get("version", "")
        state.models.find(name, version)  # before a body for no model is read
        body = await read_body(request, state.config)
        claim.settle(len(body))
        state.metrics.received_bytes.inc(len(body))
        message, answer = dialect.decode(body, request.headers)
        time_left_s = _time_left_s(request.headers.get(headers.DEADLINE_MS), message)
        request[BODY_ID] = message.id
        # Found again, since the model may have been replaced while the body came.
        model = state.models.find(name, version)
        response = await model.infer(message, arrived_s + time_left_s, client)
        count.n_rows += response.outputs[0].shape[0]
        reply = answer(response)
        state.metrics.sent_bytes.inc(len(reply.body))
        return http_response(reply, request)


def _time_left_s(deadline_ms: str | None, message: InferenceRequest) -> float:
    """The shorter of our header's and Triton's limit (parameter `timeout`, microseconds; 0 means none)."""
    if deadline_ms is None and not message.parameters:
        return math.inf
    limits_s = [math.inf]
    if deadline_ms is not None:
        try:
            limits_s.append(float(deadline_ms) / 1e3)
        except ValueError:
            limits_s.append(math.nan)
    timeout_us = message.parameters.get("timeout", 0)
    if timeout_us:
        limits_s.append(timeout_us / 1e6 if isinstance(timeout_us, int | float) else math.nan)
    if any(math.isnan(limit_s) for limit_s in limits_s):
        text = f"{headers.DEADLINE_MS} must be a number of milliseconds, timeout one of microseconds"
        raise MalformedRequestError(text)
    return min(limits_s)
