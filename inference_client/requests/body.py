"""The rows of several callers that travel together, and the way back from the reply to each of them."""

import itertools
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from inference_client.errors import TryFailed
from inference_client.protocol.arrays import to_array
from inference_client.protocol.messages import InferenceRecord, InferenceRequest, TensorMetadata
from inference_client.protocol.rows import concatenate_rows
from inference_client.requests.ticket import Part, Piece
from inference_client.result import CallRecord
from inference_client.transport.transport import InferenceCall, ModelIdentity, Reply


@dataclass(frozen=True, slots=True)
class Delivered:
    """A body's answer and the way to it.

    Attributes:
        reply: What came back.
        server: Address of the server that answered.
        attempts: Tries made, this one included.
        is_hedged: A second server was asked while the first was late.
        first_try_s, try_s, answer_s: Loop times at the start of the first try, the start of the successful
            one, and its end.
    """

    reply: Reply
    server: str
    attempts: int
    first_try_s: float
    try_s: float
    answer_s: float
    is_hedged: bool = False


class RequestIds:
    """Ids that no other client uses: a random word and a number."""

    def __init__(self) -> None:
        self._word = secrets.token_hex(6)
        self._numbers = itertools.count(1)

    def next(self) -> str:
        """A new id."""
        return f"{self._word}-{next(self._numbers)}"


class Body:
    """One body under way; what was sent last decides who gets which rows of the reply.

    Attributes:
        asked: Addresses of the servers that have not answered yet.
    """

    def __init__(
        self,
        parts: Sequence[Part],
        model: ModelIdentity,
        all_outputs: Mapping[str, TensorMetadata],
        ids: RequestIds,
    ) -> None:
        self.parts = list(parts)
        self.deadline_s = max(part.ticket.deadline_s for part in parts)
        self.asked: list[str] = []
        self._model = model
        self._all_outputs = all_outputs
        self._ids = ids
        self._call: InferenceCall | None = None

    @property
    def n_rows(self) -> int:
        """Rows of all parts."""
        return sum(part.n_rows for part in self.parts)

    @property
    def is_open(self) -> bool:
        """Whether any caller still waits."""
        return any(part.ticket.is_open for part in self.parts)

    @property
    def is_patient(self) -> bool:
        """Whether any caller waits for servers that are all down until its deadline."""
        return any(part.ticket.is_patient for part in self.parts)

    @property
    def timeout_s(self) -> float:
        """The time that the most patient caller gave."""
        return max(part.ticket.timeout_s for part in self.parts)

    def tell(self, failure: TryFailed) -> None:
        """Lets every caller know of a failed try, should its time end before the next one succeeds."""
        for part in self.parts:
            part.ticket.failures.append(failure)

    def fail(self, error: BaseException) -> None:
        """Gives every caller an error."""
        for part in self.parts:
            part.ticket.fail(error)

    def call(self) -> InferenceCall:
        """What to send now: the same in every try, unless a caller has gone.

        Then it goes without that caller's rows and under a new id, since a server may recognise a repeat by
        its id.
        """
        waiting = [part for part in self.parts if part.ticket.is_open] or self.parts
        if self._call is None or len(waiting) < len(self.parts):
            self.parts = waiting
            self._call = self._joined()
        return self._call

    def scatter(self, delivered: Delivered) -> None:
        """Hands every caller its own rows, as arrays of its own."""
        response = delivered.reply.response
        columns = {tensor.name: to_array(tensor) for tensor in response.outputs}
        said = response.parameters
        body_rows = self.n_rows
        start = 0
        for part in self.parts:
            stop = start + part.n_rows
            outputs = {name: column[start:stop].copy() for name, column in columns.items()}
            part.ticket.add(Piece(part.start, outputs, _record(part, body_rows, delivered, said)))
            start = stop

    def _joined(self) -> InferenceCall:
        request = self.parts[0].ticket.request
        columns = zip(*(part.inputs() for part in self.parts), strict=True)
        message = InferenceRequest(
            id=self._ids.next(),
            inputs=[concatenate_rows(list(column)) for column in columns],
            outputs=request.outputs,
            parameters=request.parameters,
        )
        named = {output.name: self._all_outputs[output.name] for output in request.outputs}
        return InferenceCall(message, self._model, self.n_rows, named or self._all_outputs)


def _record(part: Part, body_rows: int, delivered: Delivered, said: InferenceRecord) -> CallRecord:
    ticket, reply = part.ticket, delivered.reply
    exchange_s = delivered.answer_s - delivered.try_s - reply.encode_s
    return CallRecord(
        request_id=reply.response.id,
        server=delivered.server,
        server_name=said.server,
        device=said.device,
        backend=said.backend,
        precision=said.precision,
        model_name=reply.response.model_name,
        model_version=reply.response.model_version,
        model_sha256=said.model_sha256,
        image_spec_hash=said.image_spec_hash,
        attempts=delivered.attempts,
        hedged=int(delivered.is_hedged),
        batch_rows=said.batch_rows,
        body_rows=body_rows,
        request_rows=part.n_rows,
        bytes_sent=round(reply.sent_bytes * part.n_rows / body_rows),
        build_us=_us(reply.encode_s),
        queue_us=_us(delivered.first_try_s - ticket.submitted_s),
        retry_us=_us(delivered.try_s - delivered.first_try_s),
        wire_us=max(0, _us(exchange_s) - said.queue_us - said.compute_us),
        server_queue_us=said.queue_us,
        compute_us=said.compute_us,
        total_us=_us(delivered.answer_s - ticket.submitted_s),
    )


def _us(duration_s: float) -> int:
    return round(duration_s * 1e6)
