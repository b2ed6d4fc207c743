"""One thread on one device: decodes a batch into its buffer, runs it, hands every request its own rows."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from accelerator_server.backends.compact import CompactRows
from accelerator_server.batching.batch_buffer import BatchBuffer
from accelerator_server.batching.compaction import Compactor
from accelerator_server.batching.finiteness import (
    ONLY_NAN_OUTPUTS,
    FinitenessRule,
    nan_error,
    nan_rows,
    nonfinite_error,
)
from accelerator_server.batching.lanes import Lane
from accelerator_server.batching.model_queue import Completed, Job, ModelQueue
from accelerator_server.batching.quarantine import Quarantine, Split
from accelerator_server.errors import (
    BackendFailedError,
    BackendUnavailableError,
    DeviceGoneError,
    QuarantinedInputError,
    RefusedRequestError,
    WorkerDiedError,
    WorkerGoneError,
)
from accelerator_server.model_spec import ModelSpec

logger = logging.getLogger(__name__)

Clock = Callable[[], float]

Outcome = tuple[Job, Completed | RefusedRequestError]

PATIENCE_S = 5.0
"""Work that a thread has taken already does not wait for longer for a device that is started again."""


class BatchReport(NamedTuple):
    """What a thread reports of one run of the device.

    Attributes:
        outcomes: Each job with its result.
        n_rows: Rows of the batch, without padding.
        compute_s: Time on the device.
        busy_s: Time that the event loop would be away if it ran the batch: on the device, or on the processor
            to fill the batch, to run and to cut it. Waiting for the interpreter is no part of it.
        device_lost: The device is gone; nothing more must be given to it.
    """

    outcomes: list[Outcome]
    n_rows: int
    compute_s: float
    busy_s: float
    device_lost: bool = False


class BatchRunner:
    """Fills a lane, runs it, and cuts what comes out; used by one thread at a time.

    Args:
        lane: The memory of a batch, all zero, and the device that reads it.
        spec: Signature of the model.
        quarantine: Inputs that may have ended a worker of this model.
        padded: Whether every batch is padded with zeros to `spec.max_rows`.
        finiteness: What is refused because it is no number.
    """

    def __init__(
        self,
        lane: Lane,
        spec: ModelSpec,
        quarantine: Quarantine | None = None,
        *,
        padded: bool = False,
        finiteness: FinitenessRule = ONLY_NAN_OUTPUTS,
    ) -> None:
        self.lane = lane
        self.quarantine = quarantine or Quarantine()
        self._spec = spec
        self._padded = padded
        self._finiteness = finiteness
        self._buffers = {name: BatchBuffer(array) for name, array in lane.buffers.items()}
        takers = spec.inputs if lane.takes_compact else ()
        self._compactors = {tensor.name: Compactor(tensor, spec.max_rows) for tensor in takers}
        self._is_spoilt = False  # who shared the memory has died, and may have written into it before

    def split(self, jobs: list[Job]) -> tuple[list[list[Job]], BatchReport | None]:
        """Decides what runs together.

        Returns:
            Batches to run one after another, and a report of what is not run at all, if there is such.
        """
        refused: list[Outcome] = []
        if self._finiteness.reject_inputs:
            jobs, refused = self._finite_ones(jobs)
        split = self.quarantine.split(jobs) if jobs else Split([], [])
        refused += [(job, _guilty()) for job in split.refused]
        return split.groups, _report_of(refused) if refused else None

    def _finite_ones(self, jobs: list[Job]) -> tuple[list[Job], list[Outcome]]:
        """Those whose inputs are all finite, and what becomes of the others."""
        errors = [nonfinite_error(job.tensors.values()) for job in jobs]
        together = list(zip(jobs, errors, strict=True))
        return (
            [job for job, error in together if error is None],
            [(job, error) for job, error in together if error is not None],
        )

    def run(self, jobs: list[Job], clock: Clock = time.thread_time) -> list[BatchReport]:
        """Runs jobs as one batch; if it fails, runs its halves, so that only the culprit fails.

        Args:
            jobs: At least one.
            clock: Tells how long the caller is away; a thread leaves out what it waits for others.
        """
        alone = self.quarantine.must_be_alone(jobs)
        try:
            return [self._run_together(jobs, clock, alone=alone)]
        except WorkerDiedError as error:
            logger.error("%s, with %d requests on it", str(error), len(jobs))
            return [self._report_of_death(jobs, had_batch=error.had_batch, alone=alone)]
        except BackendUnavailableError:
            logger.exception("a device is lost with %d requests on it", len(jobs))
            refusal = DeviceGoneError("the device was lost before the result was there")
            return [BatchReport([(job, refusal) for job in jobs], 0, 0.0, 0.0, device_lost=True)]
        except Exception as error:
            if len(jobs) > 1:
                middle = len(jobs) // 2
                return self.run(jobs[:middle], clock) + self.run(jobs[middle:], clock)
            logger.exception("the backend failed on a request of %d rows", jobs[0].n_rows, exc_info=error)
            failure = BackendFailedError("the backend failed on this input")
            return [BatchReport([(jobs[0], failure)], jobs[0].n_rows, 0.0, 0.0)]

    def _report_of_death(self, jobs: list[Job], *, had_batch: bool, alone: bool) -> BatchReport:
        self._is_spoilt = True
        if had_batch and self.quarantine.died_with(jobs, alone=alone):
            return _report_of([(jobs[0], _guilty())])
        gone = WorkerGoneError("the process of the device ended before the result was there")
        return _report_of([(job, gone) for job in jobs])

    def _run_together(self, jobs: list[Job], clock: Clock, *, alone: bool) -> BatchReport:
        started_s, began_s = time.monotonic(), clock()
        n_rows = sum([job.n_rows for job in jobs])
        run_rows = self._spec.max_rows if self._padded else n_rows
        compact = self._fill(jobs, n_rows, run_rows)
        compute_start_s = time.monotonic()
        outputs = dict(self.lane.run(run_rows, alone=alone, compact=compact))
        compute_s = time.monotonic() - compute_start_s
        self._spec.check_outputs(outputs, run_rows)
        self.quarantine.survived(jobs)
        is_nan = {} if self._finiteness.allow_nan_outputs else nan_rows(outputs, n_rows)
        outcomes: list[Outcome] = []
        start = 0
        for job in jobs:
            rows = {name: output[start : start + job.n_rows] for name, output in outputs.items()}
            queue_us = round((started_s - job.accepted_s) * 1e6)
            completed = Completed(rows, self.lane.device, n_rows, queue_us, round(compute_s * 1e6))
            error = nan_error(is_nan, start, start + job.n_rows) if is_nan else None
            outcomes.append((job, error or completed))
            start += job.n_rows
        busy_s = max(compute_s, clock() - began_s)
        return BatchReport(outcomes, n_rows, compute_s, busy_s)

    def _fill(self, jobs: list[Job], n_rows: int, run_rows: int) -> dict[str, CompactRows]:
        """Decodes the jobs into the buffers, one after another.

        Returns:
            The inputs that were not decoded, since the device expands them itself.
        """
        compact: dict[str, CompactRows] = {}
        if self._is_spoilt:
            self._clean()
        for name, buffer in self._buffers.items():
            tensors = [job.tensors[name] for job in jobs]
            compactor = self._compactors.get(name)
            if compactor is not None and (rows := compactor.compact(tensors, run_rows)) is not None:
                compact[name] = rows
                continue
            buffer.fill(tensors)
            if self._padded:
                buffer.clear_from(n_rows)
        return compact

    def _clean(self) -> None:
        for name, array in self.lane.buffers.items():
            array[...] = 0
            self._buffers[name] = BatchBuffer(array)
        self._is_spoilt = False


def _report_of(outcomes: list[Outcome]) -> BatchReport:
    """What came of jobs that did not run to their end."""
    return BatchReport(outcomes, 0, 0.0, 0.0)


def _guilty() -> QuarantinedInputError:
    return QuarantinedInputError("this input has ended the process of the device twice; it is not run again")


class DeviceThread:
    """Takes batches from a queue and runs them until the queue is closed and empty.

    Args:
        runner: What runs a batch.
        queue: Where batches come from.
        deliver: Called in this thread with the reports of each batch.
        name: For the thread's name.
    """

    def __init__(
        self,
        runner: BatchRunner,
        queue: ModelQueue,
        deliver: Callable[[list[BatchReport]], None],
        name: str,
    ) -> None:
        self._runner = runner
        self._queue = queue
        self._deliver = deliver
        self._in_use = threading.Lock()  # whoever runs the runner holds it
        self._lost = False  # whoever runs the runner sets it
        # A daemon, so that a hung device cannot keep the process from ending; `join` is the ordinary end.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begins to take batches."""
        self._thread.start()

    def join(self, timeout_s: float) -> bool:
        """Waits for the thread to end after its queue was closed; returns whether it did."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    @property
    def is_usable(self) -> bool:
        """Whether it could run a batch now."""
        return not self._lost and self._runner.lane.is_usable

    @property
    def is_lost(self) -> bool:
        """Whether its device is gone, for good or for longer than anybody waits."""
        return self._lost or self._runner.lane.is_lost

    def run_here(self, jobs: Sequence[Job] = ()) -> list[BatchReport] | None:
        """Runs these jobs, or else what waits, in the caller's thread, if this one is idle.

        Returns:
            What `deliver` would have got; None if the runner is in use, or cannot run at once.
        """
        if not (self._runner.lane.is_near and self.is_usable and self._runner.quarantine.is_empty):
            return None
        if not self._in_use.acquire(blocking=False):
            return None
        try:
            batch = list(jobs) or self._queue.take(wait=False)
            groups, refused = self._runner.split(batch) if batch else ([], None)
            reports = [] if refused is None else [refused]
            for group in groups:
                reports += self._run_noting_loss(group, time.monotonic)  # the other costs system calls
            return reports
        finally:
            self._in_use.release()

    def _run(self) -> None:
        lane = self._runner.lane
        while not self._lost and lane.wait_until_usable() and (jobs := self._queue.take()):
            groups, refused = self._runner.split(jobs)
            if refused is not None:
                self._deliver([refused])
            for group in groups:
                lane.wait_until_usable(PATIENCE_S)  # the group before may have ended the worker
                with self._in_use:
                    reports = self._run_noting_loss(group)
                self._deliver(reports)

    def _run_noting_loss(self, jobs: list[Job], clock: Clock = time.thread_time) -> list[BatchReport]:
        reports = self._runner.run(jobs, clock)
        self._lost = any(report.device_lost for report in reports)
        return reports
