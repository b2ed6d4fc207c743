"""What the client keeps of one caller's request until it is answered."""

import asyncio
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from inference_client.errors import TryFailed
from inference_client.protocol.messages import InferenceRequest, Tensor
from inference_client.protocol.rows import row_kind, slice_rows
from inference_client.result import CallRecord, InferenceResult, merged_record

Array = NDArray[np.generic]


class Piece(NamedTuple):
    """The answer to some rows of a request: outputs by name, (n_rows, ...), and who gave them."""

    start: int
    outputs: dict[str, Array]
    record: CallRecord


class Ticket:
    """One request on its way; its future is resolved exactly once, by whichever end comes first.

    Attributes:
        request: What was asked; checked.
        n_rows: Its rows.
        submitted_s, deadline_s: Loop times.
        future: What the caller waits for.
        kind: Requests of equal kind can share a body.
        is_patient: The caller waits for servers that are all down until the deadline.
        failures: Tries that failed so far, for the error message.
    """

    __slots__ = (
        "__weakref__", "_pieces", "deadline_s", "failures", "future", "is_patient", "kind", "n_rows",
        "request", "submitted_s",
    )  # fmt: skip

    def __init__(
        self,
        request: InferenceRequest,
        n_rows: int,
        submitted_s: float,
        deadline_s: float,
        future: asyncio.Future[InferenceResult],
        is_patient: bool = True,
    ) -> None:
        self.request = request
        self.n_rows = n_rows
        self.submitted_s = submitted_s
        self.deadline_s = deadline_s
        self.future = future
        self.is_patient = is_patient
        self.kind = request_kind(request)
        self.failures: list[TryFailed] = []
        self._pieces: list[Piece] = []

    @property
    def is_open(self) -> bool:
        """Whether the caller still waits."""
        return not self.future.done()

    @property
    def timeout_s(self) -> float:
        """The time that the caller gave."""
        return self.deadline_s - self.submitted_s

    def fail(self, error: BaseException) -> None:
        """Gives the caller an error, unless there is an end already."""
        if self.is_open:
            self.future.set_exception(error)

    def add(self, piece: Piece) -> None:
        """Takes the answer to some rows; the last one resolves the future."""
        if not self.is_open:
            return
        self._pieces.append(piece)
        if sum(piece.record.request_rows for piece in self._pieces) == self.n_rows:
            self.future.set_result(_joined(self._pieces))


class Part(NamedTuple):
    """Rows [start, stop) of a request, as they travel in one body."""

    ticket: Ticket
    start: int
    stop: int

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return self.stop - self.start

    def inputs(self) -> list[Tensor]:
        """These rows of the request's inputs, in their encoding."""
        tensors = self.ticket.request.inputs
        if self.n_rows == self.ticket.n_rows:
            return tensors
        return [slice_rows(tensor, self.start, self.stop) for tensor in tensors]


def request_kind(request: InferenceRequest) -> tuple[object, ...]:
    """Everything of a request but its id and rows; requests of equal kind can share a body."""
    inputs = tuple(row_kind(tensor) for tensor in request.inputs)
    if not request.outputs and not request.parameters:
        return inputs
    outputs = tuple(output.name for output in request.outputs)
    return inputs, outputs, tuple(sorted(request.parameters.items()))


def _joined(pieces: list[Piece]) -> InferenceResult:
    if len(pieces) == 1:
        return InferenceResult(pieces[0].outputs, pieces[0].record)
    ordered = sorted(pieces, key=lambda piece: piece.start)
    outputs = {
        name: np.concatenate([piece.outputs[name] for piece in ordered]) for name in ordered[0].outputs
    }
    return InferenceResult(outputs, merged_record([piece.record for piece in ordered]))
