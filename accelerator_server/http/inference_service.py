"""One inference request from its headers to its reply, whichever of the server's HTTP parsers has read it."""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, Self

from accelerator_server.errors import MalformedRequestError, RefusedRequestError
from accelerator_server.http.dialects.base import Answer, Reply
from accelerator_server.http.dialects.table import dialect_of
from accelerator_server.limits.memory_guard import Claim, claim_bytes
from accelerator_server.models.served_model import AcceptedRequest, ServedModel
from accelerator_server.state import ServerState
from accelerator_server.telemetry.client_counts import ClientCount
from inference_client.protocol import headers
from inference_client.protocol.errors import ProtocolError
from inference_client.protocol.messages import InferenceRequest, InferenceResponse


@dataclass(slots=True)
class Call:
    """What a request says before its body.

    Attributes:
        model: Name of the model.
        version: Its version; empty for the newest.
        headers: By name, in any case.
        content_length: Bytes of the body, if the client says so.
        client: Who asks.
        id: Of the request; known once the body is decoded.
    """

    model: str
    version: str
    headers: Mapping[str, str]
    content_length: int | None
    client: str
    id: str = ""


class InferenceService:
    """Decodes, asks the model, encodes; used by one event loop."""

    def __init__(self, state: ServerState) -> None:
        self._state = state

    def enter(self, call: Call) -> "Visit":
        """Lets a request in before its body is read; it is inside until its visit ends.

        Raises:
            RefusedRequestError: The server stops, has no room for the body, or has no such model.
        """
        return Visit(self._state, call)

    def count_refused(self, call: Call) -> None:
        """Counts a request for its client that was not let in."""
        self._state.clients.of(call.client).n_refused += 1

    def begin(self, call: Call, visit: "Visit", body: bytes) -> "Begun":
        """Reads the body of a request that is inside; `reply_at_once` or `reply` follows.

        Raises:
            RefusedRequestError: It cannot be answered.
            ProtocolError: The body is no request.
        """
        state = self._state
        visit.claim.settle(len(body))
        state.metrics.received_bytes.inc(len(body))
        request, encode = dialect_of(call.headers.get("Content-Type", "")).decode(body, call.headers)
        call.id = request.id
        time_left_s = _time_left_s(call.headers.get(headers.DEADLINE_MS), request)
        # Found again, since the model may have been replaced while the body came.
        model = state.models.find(call.model, call.version)
        accepted = model.accept(request, visit.began_s + time_left_s, call.client)
        return Begun(model, accepted, encode, visit)

    def reply_at_once(self, begun: "Begun") -> Reply | None:
        """The reply to a request for which nothing has to be waited for.

        Returns:
            None if something has, or if there are others that may share a batch with it.

        Raises:
            RefusedRequestError: It cannot be answered now.
        """
        if self._state.admission.n_inside > 1:
            return None
        response = begun.model.answer_at_once(begun.accepted)
        return None if response is None else self._encoded(begun, response)

    async def reply(self, begun: "Begun") -> Reply:
        """The reply, when it is there.

        Raises:
            RefusedRequestError: It cannot be answered now or in time.
        """
        return self._encoded(begun, await begun.model.answer(begun.accepted))

    def _encoded(self, begun: "Begun", response: InferenceResponse) -> Reply:
        begun.visit.count.n_rows += response.outputs[0].shape[0]
        reply = begun.encode(response)
        self._state.metrics.sent_bytes.inc(len(reply.body))
        return reply


class Visit:
    """A request that is inside: it counts for draining, and has room in memory for its body.

    Attributes:
        began_s: When it came in, monotonic time.
        claim: The room of its body.
        count: Of its client.
    """

    __slots__ = ("_admission", "_has_left", "began_s", "claim", "count")

    def __init__(self, state: ServerState, call: Call) -> None:
        self.began_s = time.monotonic()
        self._admission = state.admission
        self._has_left = False
        state.admission.enter()
        try:
            # All of it before a body that nobody wants is received.
            dialect_of(call.headers.get("Content-Type", ""))
            state.models.find(call.model, call.version)
            is_packed = "Content-Encoding" in call.headers
            wanted_bytes = claim_bytes(call.content_length, state.config.max_body_bytes, is_packed=is_packed)
            self.claim: Claim = state.memory.claim(wanted_bytes)
        except BaseException:  # also where memory could not be measured: the server would never be drained
            state.admission.leave()
            raise
        self.count: ClientCount = state.clients.of(call.client)

    def __enter__(self) -> Self:
        """It is inside already."""
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        """As `end`."""
        self.end(error)

    def end(self, error: BaseException | None = None) -> None:
        """Counts the request for its client, and ends the visit."""
        if error is None:
            self.count.n_requests += 1
        elif isinstance(error, RefusedRequestError | ProtocolError):
            self.count.n_refused += 1
        self.leave()

    def leave(self) -> None:
        """Ends the visit, if it has not ended."""
        if not self._has_left:
            self._has_left = True
            self.claim.release()
            self._admission.leave()


class Begun(NamedTuple):
    """A request whose body was read.

    Attributes:
        model: Who answers it.
        accepted: What it asks.
        encode: Makes the body of the reply.
        visit: Of the request.
    """

    model: ServedModel
    accepted: AcceptedRequest
    encode: Answer
    visit: Visit


def _time_left_s(deadline_ms: str | None, request: InferenceRequest) -> float:
    """The shorter of our header's and Triton's limit (parameter `timeout`, microseconds; 0 means none)."""
    if deadline_ms is None and not request.parameters:
        return math.inf
    limits_s = [math.inf]
    if deadline_ms is not None:
        try:
            limits_s.append(float(deadline_ms) / 1e3)
        except ValueError:
            limits_s.append(math.nan)
    timeout_us = request.parameters.get("timeout", 0)
    if timeout_us:
        limits_s.append(timeout_us / 1e6 if isinstance(timeout_us, int | float) else math.nan)
    if any(math.isnan(limit_s) for limit_s in limits_s):
        text = f"{headers.DEADLINE_MS} must be a number of milliseconds, timeout one of microseconds"
        raise MalformedRequestError(text)
    return min(limits_s)
