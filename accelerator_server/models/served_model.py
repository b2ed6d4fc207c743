"""A model that is being served: its queue, its device threads, and how each request is answered."""

import asyncio
import contextlib
import math
import time
from collections.abc import Sequence
from typing import NamedTuple

from accelerator_server.backends.base import Backend
from accelerator_server.batching.batch_choice import BatchRule
from accelerator_server.batching.executor import BatchReport, BatchRunner, DeviceThread
from accelerator_server.batching.finiteness import FinitenessRule
from accelerator_server.batching.lanes import Lane, LocalLane
from accelerator_server.batching.model_queue import DEFAULT_PRIORITY, Completed, Job, ModelQueue
from accelerator_server.batching.oversize import joined, pieces_of
from accelerator_server.batching.quarantine import Quarantine
from accelerator_server.batching.quickness import INSTANT_S, QUICK_S, Quickness
from accelerator_server.config import ModelConfig
from accelerator_server.errors import (
    DeadlinePassedError,
    DeviceGoneError,
    DrainingError,
    MalformedRequestError,
    RefusedRequestError,
)
from accelerator_server.model_spec import ModelSpec
from accelerator_server.models.model_loading import LoadedModel
from accelerator_server.telemetry.metrics import Metrics
from accelerator_server.telemetry.statistics import ModelStatistics
from accelerator_server.workers.device_worker import Change, DeviceWorker
from inference_client.protocol.arrays import dense_tensor
from inference_client.protocol.messages import InferenceRecord, InferenceRequest, InferenceResponse
from inference_client.protocol.rows import tensor_byte_count


class AcceptedRequest(NamedTuple):
    """A request that fits the model.

    Attributes:
        request: As it was decoded.
        n_rows: Its rows.
        jobs: What the devices are given of it: one, several if it is larger than a batch, none without rows.
    """

    request: InferenceRequest
    n_rows: int
    jobs: list[Job]


class ServedModel:
    """Takes requests for one model and answers them; used by one event loop.

    Args:
        loaded: The model.
        server_name: What inference records call this server.
        metrics: Where its work is counted.
    """

    def __init__(self, loaded: LoadedModel, server_name: str, metrics: Metrics) -> None:
        config = loaded.config
        self.name = loaded.folder.name
        self.version = str(loaded.folder.version)
        self.config = config
        self.spec = loaded.spec
        self.metadata = loaded.metadata
        self.statistics = ModelStatistics()  # only the event loop touches it
        self._rule = _batch_rule(config)
        self._max_request_rows = _max_request_rows(config)
        self.queue = ModelQueue(
            self._rule,
            config.batching.queue_requests,
            config.batching.queue_bytes,
        )
        self._server_name = server_name
        self._backends = loaded.backends
        self._metrics = metrics.of_model(self.name, self.version)
        self._loop = asyncio.get_running_loop()
        self._quickness = Quickness()  # only the event loop touches it and the next one
        self._handing_over = False
        self._quarantine = Quarantine()
        self._threads = [
            DeviceThread(
                BatchRunner(
                    lane,
                    self.spec,
                    self._quarantine,
                    padded=config.reproducible,
                    finiteness=FinitenessRule(config.reject_nonfinite, config.allow_nan_outputs),
                ),
                self.queue,
                self._deliver,
                f"{self.name}-{backend.device}-{number}",
            )
            for backend in self._backends
            for number, lane in enumerate(_lanes(backend, self.spec))
        ]

    @property
    def device(self) -> str:
        """Where it computes."""
        return self._backends[0].device

    @property
    def is_lost(self) -> bool:
        """Whether no device is left to compute on."""
        return all(thread.is_lost for thread in self._threads)

    @property
    def is_ready(self) -> bool:
        """Whether a device takes batches now."""
        return any(thread.is_usable for thread in self._threads)

    def start(self) -> None:
        """Starts the device threads."""
        for thread in self._threads:
            thread.start()
        for backend in self._backends:
            if isinstance(backend, DeviceWorker):
                backend.on_change = self._tell_loop
        self._metrics.waiting_requests.set_function(self.queue.__len__)
        self._metrics.waiting_bytes.set_function(lambda: self.queue.waiting_bytes)
        self._metrics.ready.set_function(lambda: self.is_ready)
        self._metrics.devices_up.set_function(lambda: sum(thread.is_usable for thread in self._threads))
        self._metrics.quarantined_inputs.set_function(lambda: self._quarantine.n_guilty)

    def accept(
        self, request: InferenceRequest, deadline_s: float = math.inf, client: str = ""
    ) -> "AcceptedRequest":
        """Checks a request; `answer_at_once` or `answer` follows.

        Args:
            request: As it was decoded.
            deadline_s: On the monotonic clock.
            client: Who asks.

        Raises:
            RefusedRequestError: It does not fit, or its deadline has passed.
            ProtocolError: A tensor contradicts itself.
        """
        n_rows = self.spec.check_request(request, self._max_request_rows)
        priority = _priority(request)
        if n_rows == 0:
            return AcceptedRequest(request, 0, [])
        if deadline_s <= time.monotonic():
            message = "the deadline had passed when the request arrived"
            raise DeadlinePassedError(message)
        pieces = [request.inputs]
        if n_rows > self.spec.max_rows:
            pieces = pieces_of(request.inputs, n_rows, self._rule.best_rows)
        jobs = [
            Job(
                tensors={tensor.name: tensor for tensor in tensors},
                n_rows=tensors[0].shape[0],
                n_bytes=sum(map(tensor_byte_count, tensors)),
                result=self._loop.create_future(),
                deadline_s=deadline_s,
                client=client,
                priority=priority,
            )
            for tensors in pieces
        ]
        return AcceptedRequest(request, n_rows, jobs)

    def answer_at_once(self, accepted: "AcceptedRequest") -> InferenceResponse | None:
        """Answers a request for which nothing has to be waited for.

        Returns:
            None if a device is not free, or not quick enough to be waited for here.

        Raises:
            RefusedRequestError: It cannot be answered now.
        """
        jobs = accepted.jobs
        if len(jobs) != 1 or self._quickness.longest_s(jobs[0].n_rows) >= INSTANT_S:
            return None
        if self.queue.would_wait(*jobs) or not self._run_here(jobs):
            return None
        return self._answered(accepted, jobs[0].result.result())

    async def answer(self, accepted: "AcceptedRequest") -> InferenceResponse:
        """Answers a request; it is in the queue before this waits for anything.

        Raises:
            RefusedRequestError: It cannot be answered now or in time.
        """
        if not accepted.n_rows:
            return self._response(accepted.request, Completed(self.spec.empty_outputs(), self.device, 0))
        return self._answered(accepted, await self._completed(accepted.jobs))

    def abandon(self) -> None:
        """Refuses what still waits, so that its clients can go elsewhere."""
        for job in self.queue.drop_all():
            if not job.result.done():
                job.result.set_exception(DrainingError("the server stops before it comes to this request"))

    async def close(self, timeout_s: float) -> bool:
        """Takes no more requests, lets the devices finish what is queued, and frees them.

        Returns:
            Whether all device threads ended in time; if not, devices of this process are left as they are.
        """
        self.queue.close()
        for backend in self._backends:
            if isinstance(backend, DeviceWorker) and backend.is_lost:
                await asyncio.to_thread(backend.close)  # its threads would wait for it to be started again
        give_up_s = time.monotonic() + timeout_s
        are_done = True
        for thread in self._threads:
            time_left_s = max(0.0, give_up_s - time.monotonic())
            are_done = await asyncio.to_thread(thread.join, time_left_s) and are_done
        for backend in self._backends:
            if are_done or isinstance(backend, DeviceWorker):  # a process can be ended at any time
                await asyncio.to_thread(backend.close)
        if are_done:
            self._threads.clear()  # and with them the memory of their batches
        else:
            self.abandon()
        return are_done

    async def _completed(self, jobs: list[Job]) -> Completed:
        """What becomes of a request; one that is too large for a batch has several jobs."""
        self.queue.submit(*jobs)
        if not self._handing_over:
            # Once for all requests that the loop reads in this pass: each wake-up of a thread has its price.
            self._handing_over = True
            self._loop.call_soon(self._hand_over)
        try:
            if math.isinf(jobs[0].deadline_s):
                return await _result(jobs)
            async with asyncio.timeout(jobs[0].deadline_s - time.monotonic()):
                return await _result(jobs)
        except TimeoutError:
            message = "the deadline passed before the result was there"
            raise DeadlinePassedError(message) from None
        finally:
            for job in jobs:
                # Nobody waits for it any more: the client has gone, or another piece has failed.
                if job.result.cancel() or job.result.cancelled():
                    self.queue.discard(job)

    def _hand_over(self) -> None:
        """Lets the devices know of new work, or does it here where that is quicker."""
        self._handing_over = False
        if self._quickness.longest_s(self.queue.waiting_rows) < QUICK_S:
            self._run_here()
        if self.queue:
            self.queue.wake()

    def _run_here(self, jobs: Sequence[Job] = ()) -> bool:
        """Runs these jobs, or what waits, in the event loop; returns whether a device was free for it."""
        for thread in self._threads:
            reports = thread.run_here(jobs)
            if reports is not None:
                self._settle(reports)
                return True
        return False

    def _deliver(self, reports: list[BatchReport]) -> None:
        """Called in a device thread: passes results to the event loop, once for each batch taken."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._settle, reports)

    def _settle(self, reports: list[BatchReport]) -> None:
        for report in reports:
            if report.device_lost:
                self._lose_device(report)
                continue
            if report.n_rows:  # none were run to their end if their worker died
                self.statistics.count_batch(report)
                self._quickness.saw(report.n_rows, report.busy_s)
                self._metrics.batch_rows.observe(report.n_rows)
                self._metrics.compute_seconds.observe(report.compute_s)
            for job, outcome in report.outcomes:
                self._settle_job(job, outcome)

    def _lose_device(self, report: BatchReport) -> None:
        """Answers what was on a device that is gone; with the last device the model is no longer ready."""
        for job, outcome in report.outcomes:
            self._settle_job(job, outcome)
        self._refuse_if_lost()

    def _refuse_if_lost(self) -> None:
        if self.is_lost:
            for job in self.queue.drop_all():
                self._settle_job(job, DeviceGoneError(f"all devices of model {self.name} are lost"))

    def _tell_loop(self, change: Change) -> None:
        """Called in the thread of a worker's keeper."""
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._worker_changed, change)

    def _worker_changed(self, change: Change) -> None:
        if change is Change.DIED:
            self._metrics.worker_deaths.inc()
        self._refuse_if_lost()

    def _settle_job(self, job: Job, outcome: Completed | RefusedRequestError) -> None:
        if isinstance(outcome, RefusedRequestError):
            self.statistics.n_failed += 1
        if job.result.done():  # its client has gone or its deadline has passed
            return
        if isinstance(outcome, RefusedRequestError):
            job.result.set_exception(outcome)
        else:
            self._metrics.queue_seconds.observe(outcome.queue_us / 1e6)
            job.result.set_result(outcome)

    def _answered(self, accepted: "AcceptedRequest", completed: Completed) -> InferenceResponse:
        latency_s = time.monotonic() - accepted.jobs[0].accepted_s
        self.statistics.count_request(accepted.n_rows, completed.queue_us, latency_s)
        self._metrics.rows.inc(accepted.n_rows)
        return self._response(accepted.request, completed)

    def _response(self, request: InferenceRequest, completed: Completed) -> InferenceResponse:
        wanted = self.spec.wanted_outputs(request)
        announced = self.metadata.parameters
        return InferenceResponse(
            id=request.id,
            model_name=self.name,
            model_version=self.version,
            outputs=[dense_tensor(name, completed.outputs[name]) for name in wanted],
            parameters=InferenceRecord(
                server=self._server_name,
                device=completed.device,
                backend=self.config.backend,
                precision=announced.precision,
                model_sha256=announced.sha256,
                image_spec_hash=announced.image_spec_hash,
                batch_rows=completed.batch_rows,
                queue_us=completed.queue_us,
                compute_us=completed.compute_us,
            ),
        )


def _lanes(backend: Backend, spec: ModelSpec) -> Sequence[Lane]:
    if isinstance(backend, DeviceWorker):
        return backend.lanes
    return [LocalLane(backend, spec) for _ in range(backend.depth)]


async def _result(jobs: list[Job]) -> Completed:
    if len(jobs) == 1:
        return await jobs[0].result
    return joined(await asyncio.gather(*[job.result for job in jobs]))


def _batch_rule(config: ModelConfig) -> BatchRule:
    batching = config.batching
    return BatchRule(
        best_rows=batching.best_rows or config.max_rows,
        preferred_rows=frozenset(batching.preferred_rows),
        max_delay_s=batching.max_queue_delay_us / 1e6,
    )


def _max_request_rows(config: ModelConfig) -> int:
    """Most rows in one request; where larger ones are split, as many as the pieces in an empty queue have."""
    if config.batching.oversize == "refuse":
        return config.max_rows
    return config.batching.queue_requests * (config.batching.best_rows or config.max_rows)


def _priority(request: InferenceRequest) -> int:
    priority = request.parameters.get("priority", 0)
    if isinstance(priority, bool) or not isinstance(priority, int) or priority < 0:
        message = "priority must be a whole number; 1 comes first, 0 is the ordinary one"
        raise MalformedRequestError(message)
    return priority or DEFAULT_PRIORITY
