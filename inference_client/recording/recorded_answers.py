"""Finds the recorded answer to a row by its content, however rows were joined when they were recorded."""

import hashlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference_client.errors import RecordingError
from inference_client.protocol.arrays import dense_tensor, sparse_parts, to_array
from inference_client.protocol.messages import InferenceResponse, Tensor
from inference_client.protocol.rows import row_kind
from inference_client.recording.recording import Exchange, Recording
from inference_client.transport.transport import InferenceCall

_DIGEST_BYTES = 16


@dataclass(frozen=True, slots=True)
class _Answer:
    """A recorded reply, decoded."""

    response: InferenceResponse
    outputs: dict[str, NDArray[np.generic]]


class RecordedAnswers:
    """All replies of a recording, by the content of the rows that they answer.

    Of several answers to equal rows the first one counts. Answers are kept in memory, questions are not.

    Args:
        recording: What to answer from; not needed afterwards.
    """

    def __init__(self, recording: Recording) -> None:
        self._path, self._shortfall = recording.path, recording.shortfall
        self._rows: dict[bytes, tuple[_Answer, int]] = {}
        self._n_rows: dict[str, int] = {}
        for exchange in recording.exchanges:
            self._add(recording, exchange)

    def find(self, call: InferenceCall) -> InferenceResponse:
        """Answers a call from what was recorded; the record is that of its first row.

        Raises:
            RecordingError: A row of it was not recorded.
        """
        digests = row_digests(call.model.name, call.request.inputs)
        found = [self._answer(call, row, digest) for row, digest in enumerate(digests)]
        first = found[0][0]
        outputs = [
            dense_tensor(name, np.stack([answer.outputs[name][row] for answer, row in found]))
            for name in first.outputs
            if name in call.outputs
        ]
        return InferenceResponse(
            id=call.request.id,
            model_name=first.response.model_name,
            model_version=first.response.model_version,
            outputs=outputs,
            parameters=first.response.parameters,
        )

    def _add(self, recording: Recording, exchange: Exchange) -> None:
        response = recording.reply(exchange)
        if response is None:
            return
        answer = _Answer(response, {tensor.name: to_array(tensor) for tensor in response.outputs})
        digests = row_digests(exchange.model, recording.request(exchange).inputs)
        for row, digest in enumerate(digests):
            self._rows.setdefault(digest, (answer, row))
            self._n_rows[exchange.model] = self._n_rows.get(exchange.model, 0) + 1

    def _answer(self, call: InferenceCall, row: int, digest: bytes) -> tuple[_Answer, int]:
        found = self._rows.get(digest)
        if found is not None and call.outputs.keys() <= set(found[0].outputs):
            return found
        wanted = f"row {row} (digest {digest.hex()[:12]}) of a request for model {call.model.name!r}"
        held = f"it holds {self._n_rows.get(call.model.name, 0)} rows for that model"
        if found is not None:
            held = f"the answer that it holds has outputs {sorted(found[0].outputs)}"
        short = f" ({self._shortfall})" if self._shortfall else ""
        message = (
            f"recording {self._path} has no answer to {wanted}: {held}{short}. Another input file or another "
            "setting of what makes the request asks other questions; record again with these"
        )
        raise RecordingError(message)


def row_digests(model: str, inputs: list[Tensor]) -> list[bytes]:
    """The digest of each row of a request: the model, and name, kind and bytes of every input.

    Args:
        model: Whom it asks.
        inputs: Checked tensors with the same number of rows.
    """
    kind = repr([model, *(row_kind(tensor) for tensor in inputs)]).encode()
    columns = [_row_bytes(tensor) for tensor in inputs]
    digests = []
    for row in zip(*columns, strict=True):
        digest = hashlib.blake2b(kind, digest_size=_DIGEST_BYTES)
        for part in row:
            digest.update(len(part).to_bytes(8, "little"))
            digest.update(part)
        digests.append(digest.digest())
    return digests


def _row_bytes(tensor: Tensor) -> Iterator[bytes]:
    n_rows = tensor.shape[0]
    if tensor.data is not None:
        size = tensor.data.nbytes // n_rows if n_rows else 0
        for row in range(n_rows):
            yield bytes(tensor.data[row * size : (row + 1) * size])
        return
    counts, indices, values = sparse_parts(tensor)
    edges = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
    for start, stop in itertools.pairwise(edges):
        yield indices[start:stop].tobytes() + values[start:stop].tobytes()
