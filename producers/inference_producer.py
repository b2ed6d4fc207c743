"""InferenceProducer: an ExternalWork module whose author only converts products to tensors and back."""

from __future__ import annotations

import logging
import time
from abc import abstractmethod
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

import numpy as np

from eventproc.errors import ExternalFailure
from eventproc.model.event import Event, EventView
from eventproc.modules import Declare, ExternalWork, ParameterDescription, doc
from inference_client.configuration import ClientConfiguration
from inference_client.errors import InferenceError
from inference_client.protocol.messages import InferenceRequest, ModelMetadata, Tensor
from inference_client.result import CallRecord, InferenceResult
from inference_client.signature import ModelExpectation
from producers.datatypes import InferenceRecord
from producers.inference_errors import InferenceLost, framework_error
from producers.inference_service import InferenceService, Mode
from producers.inference_summary import RowWords

_LOG = logging.getLogger("eventproc.InferenceProducer")
_LARGEST = {dtype: int(np.iinfo(dtype).max) for dtype in (np.uint8, np.uint16, np.uint32)}
_SECONDS = {"seconds": 1.0, "milliseconds": 1e-3, "microseconds": 1e-6}


class InferenceParameters(ParameterDescription):
    """Parameters of every inference module, named as SonicTriton names them."""

    modelName: Annotated[str, doc("the model to ask for")]
    modelVersion: Annotated[str, doc("its version; empty for the latest")] = ""
    timeout: Annotated[int, doc("longest wait for an answer over all tries", untracked=True, ge=1)] = 60
    timeoutUnit: Annotated[
        Literal["seconds", "milliseconds", "microseconds"], doc("unit of timeout", untracked=True)
    ] = "seconds"
    preferredServer: Annotated[
        str, doc("one of the service's servers, asked as long as it may be", untracked=True)
    ] = ""
    mode: Annotated[
        Mode,
        doc(
            "who waits for an answer: 'Async' nobody, 'PseudoAsync' a thread of the client's own, "
            "'Sync' the whole job",
            untracked=True,
        ),
    ] = "Async"
    compression: Annotated[
        Literal["none", "deflate", "gzip", "zstd", "lz4"],
        doc("how requests are packed where a server offers it; sparse images need none", untracked=True),
    ] = "none"
    verbose: Annotated[bool, doc("log every answer with its server and times", untracked=True)] = False
    allowedTries: Annotated[int, doc("tries that servers may fail", untracked=True, ge=1)] = 3
    onFailure: Annotated[
        Literal["fail", "flag", "skip"],
        doc(
            "when nobody answers: 'fail' ends the job (8036), 'flag' marks the event's rows and goes on, "
            "'skip' leaves the event out as TryToContinue does"
        ),
    ] = "fail"


class InferenceWork(NamedTuple):
    """What acquire learns and produce needs.

    Attributes:
        result: the answer; None where nothing was asked or nobody answered.
        call: what to record of the call; None where nothing was asked.
        build_us: time to make the request from the event's products.
    """

    result: InferenceResult | None = None
    call: CallRecord | None = None
    build_us: int = 0

    def record(self) -> InferenceRecord:
        """One row of provenance, none where nothing was asked."""
        return InferenceRecord.empty() if self.call is None else inference_record(self.call, self.build_us)


class InferenceProducer(ExternalWork[InferenceWork]):
    """Base of modules that ask a model. Batching, retries, servers and timing are not the author's business.

    A subclass calls ``super().__init__`` first, declares its products, and writes `to_request` and
    `from_response`; it may say what it expects of the model in `expectation`.

    Attributes:
        row_words: What the model's rows are called in the summary of a job.
    """

    class Params(InferenceParameters):
        """What every inference module has."""

    row_words: ClassVar[RowWords] = RowWords()

    def __init__(self, params: InferenceParameters, declare: Declare) -> None:
        self._label = declare.label
        self._on_failure = params.onFailure
        self._verbose = params.verbose
        self._record = declare.produces(InferenceRecord, "inference")
        self._client = declare.service(InferenceService).add_model(
            ClientConfiguration(
                model_name=params.modelName,
                model_version=params.modelVersion,
                preferred_server=params.preferredServer,
                timeout_s=params.timeout * _SECONDS[params.timeoutUnit],
                allowed_tries=params.allowedTries,
                compression=params.compression,
            ),
            self.expectation,
            params.mode,
            self.row_words,
        )

    @abstractmethod
    def to_request(self, event: EventView) -> list[Tensor] | None:
        """The model's inputs for an event, rows along their first axis; None asks nothing."""

    @abstractmethod
    def from_response(self, event: Event, response: InferenceResult | None) -> None:
        """Puts products; the response is None where nothing was asked or, with 'flag', nobody answered."""

    def expectation(self) -> ModelExpectation:
        """What the model must be; asked for once, when all products are resolved."""
        return ModelExpectation()

    @property
    def model(self) -> ModelMetadata:
        """Signature of the model, known from begin_job on."""
        return self._client.model

    async def acquire(self, event: EventView) -> InferenceWork:
        """Asks the model."""
        started = time.perf_counter_ns()
        tensors = self.to_request(event)
        if tensors is None:
            return InferenceWork()
        build_us = (time.perf_counter_ns() - started) // 1000
        run, lumi, number = event.id
        request = InferenceRequest(id=f"{run}:{lumi}:{number}:{self._label}", inputs=tensors)
        try:
            result = await self._client.infer(request)
        except InferenceError as error:
            failure = framework_error(error)
            if self._on_failure == "fail" or not isinstance(failure, ExternalFailure):
                raise failure from error
            if self._on_failure == "skip":
                raise InferenceLost(str(error)) from error
            unanswered = CallRecord(
                model_name=self._client.configuration.model_name, request_rows=tensors[0].shape[0]
            )
            return InferenceWork(None, unanswered, build_us)
        if self._verbose:
            _LOG.info("%s, event %s: %s", self._label, event.id, told_times(result.record))
        return InferenceWork(result, result.record, build_us)

    def produce(self, event: Event, work: InferenceWork) -> None:
        """Puts the record, where it is wanted, and what the author makes of the answer."""
        if self._record.is_wanted:
            event.put(self._record, work.record())
        self.from_response(event, work.result)


def told_times(call: CallRecord) -> str:
    """Who answered a call and where its time went, for the log."""
    return (
        f"{call.request_rows} rows from {call.server} ({call.device}, batch of {call.batch_rows}) "
        f"at try {call.attempts} in {call.total_us / 1000:.1f} ms: client {call.queue_us / 1000:.1f}, "
        f"retries {call.retry_us / 1000:.1f}, wire {call.wire_us / 1000:.1f}, "
        f"server queue {call.server_queue_us / 1000:.1f}, compute {call.compute_us / 1000:.1f}"
    )


def inference_record(call: CallRecord, build_us: int) -> InferenceRecord:
    """One row of provenance for one call; a number that its column cannot hold is the largest that it can."""
    attempts, hedged = _columns(np.uint8, call.attempts, call.hedged)
    batch_rows, request_rows = _columns(np.uint16, call.batch_rows, call.request_rows)
    sent, build, queue, wire, server_queue, compute, total = _columns(
        np.uint32,
        call.bytes_sent,
        build_us + call.build_us,
        call.queue_us + call.retry_us,
        call.wire_us,
        call.server_queue_us,
        call.compute_us,
        call.total_us,
    )
    return InferenceRecord(
        model=(call.model_name,),
        modelVersion=(call.model_version,),
        modelSha256=(call.model_sha256,),
        imageSpecHash=(call.image_spec_hash,),
        server=(call.server,),
        device=(call.device,),
        precision=(call.precision,),
        attempts=attempts,
        hedged=hedged,
        batchRows=batch_rows,
        requestRows=request_rows,
        bytesSent=sent,
        buildUs=build,
        queueUs=queue,
        wireUs=wire,
        serverQueueUs=server_queue,
        computeUs=compute,
        totalUs=total,
    )


def _columns(dtype: Any, *values: int) -> Any:
    """Columns of one value each, (n_columns, 1)."""
    largest = _LARGEST[dtype]
    return np.array([value if value < largest else largest for value in values], dtype)[:, np.newaxis]
