"""Where requests wait for a device; a free device takes what waits, as far as it runs together."""

import asyncio
import math
import threading
import time
from bisect import insort
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import NamedTuple

from accelerator_server.batching.batch_choice import BatchRule, choose_batch
from accelerator_server.batching.fairness import FairTurns
from accelerator_server.errors import (
    BodyTooLargeError,
    ClientTooFastError,
    ModelNotReadyError,
    QueueFullError,
)
from inference_client.protocol.arrays import Array
from inference_client.protocol.messages import Tensor

DEFAULT_PRIORITY = 100
"""Of requests that name none, or 0; 1 comes first, as with Triton."""

_SHARE_OF_FREE = 4
"""A client may have so many requests waiting for each free place, so that newcomers always find one.

Choudhury and Hahne's dynamic thresholds, IEEE/ACM Trans. Networking 6 (1998) 130.
"""


class Completed(NamedTuple):
    """What became of a job on the device.

    Attributes:
        outputs: All outputs of the model by name, the job's rows only.
        device: What computed them.
        batch_rows: Rows of the batch that the job was part of.
        queue_us: From acceptance to the start of the batch, microseconds.
        compute_us: On the device, microseconds.
    """

    outputs: dict[str, Array]
    device: str
    batch_rows: int
    queue_us: int = 0
    compute_us: int = 0


@dataclass(eq=False, slots=True)
class Job:
    """Rows of one request, checked, on their way to the device.

    Attributes:
        tensors: The inputs by name.
        n_rows: Rows, at least one.
        n_bytes: Bytes of the tensors as they came.
        result: Set by the event loop, exactly once; cancelled if nobody waits any more.
        deadline_s: On the monotonic clock; later the job is not worth running.
        accepted_s: When it was queued, on the same clock.
        client: Who asks.
        priority: Those of lower numbers run first.
        turn: Priority, fair turn and number of its arrival; the queue sets it.
    """

    tensors: dict[str, Tensor]
    n_rows: int
    n_bytes: int
    result: asyncio.Future[Completed]
    deadline_s: float = float("inf")
    accepted_s: float = field(default_factory=time.monotonic)
    client: str = ""
    priority: int = DEFAULT_PRIORITY
    turn: tuple[int, float, int] = (0, 0.0, 0)


class ModelQueue:
    """Jobs of one model between the event loop, which puts, and device threads, which take."""

    def __init__(
        self,
        rule: BatchRule,
        max_requests: int,
        max_bytes: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rule = rule
        self._max_requests = max_requests
        self._max_bytes = max_bytes
        self._clock = clock
        # Everything below is guarded by the condition's lock.
        self._changed = threading.Condition(threading.Lock())
        self._waiting: list[Job] = []  # in the order of their turns
        self._waiting_bytes = 0
        self._waiting_rows = 0
        self._turns = FairTurns()
        self._n_accepted = 0
        self._closed = False

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def waiting_bytes(self) -> int:
        """Bytes of the tensors that wait."""
        return self._waiting_bytes

    def would_wait(self, *jobs: Job) -> bool:
        """Whether jobs have to wait, for those before them or for company; else a free device may run them.

        Raises:
            RefusedRequestError: They would not even be queued.
        """
        with self._changed:
            self._check_room(jobs)
            return bool(self._waiting) or self._rule.max_delay_s > 0

    def submit(self, *jobs: Job) -> None:
        """Queues the jobs of a request, all or none; `wake` tells the devices.

        Raises:
            QueueFullError: Too many requests or bytes wait already.
            ClientTooFastError: Most of them are this client's.
            BodyTooLargeError: An empty queue would not hold them.
            ModelNotReadyError: The queue is closed.
        """
        with self._changed:
            self._check_room(jobs)
            for job in jobs:
                self._n_accepted += 1
                job.turn = (job.priority, self._turns.enter(job.client, job.n_rows), self._n_accepted)
                insort(self._waiting, job, key=attrgetter("turn"))
                self._waiting_bytes += job.n_bytes
                self._waiting_rows += job.n_rows

    def wake(self) -> None:
        """Lets device threads look whether there is work for them."""
        with self._changed:
            self._changed.notify(len(self._waiting))

    def discard(self, job: Job) -> bool:
        """Removes a job that nobody waits for; does nothing once a device has it.

        Returns:
            Whether it was still waiting.
        """
        with self._changed:
            try:
                self._waiting.remove(job)
            except ValueError:
                return False
            self._left(job, taken=False)
            return True

    @property
    def waiting_rows(self) -> int:
        """Rows that wait."""
        return self._waiting_rows

    def take(self, *, wait: bool = True) -> list[Job]:
        """Takes the next batch; called by device threads, which wait for it, and by the event loop.

        Returns:
            Jobs to run together; empty when the queue is closed and everything is taken, or without `wait`
            when there is nothing to be run yet.
        """
        with self._changed:
            while True:
                now_s = self._clock()
                choice = choose_batch(self._waiting, self._rule, now_s)
                n_taken = len(choice.batch) + choice.n_expired
                for job in self._waiting[:n_taken]:
                    self._left(job, taken=True)
                del self._waiting[:n_taken]
                if choice.batch or self._closed or not wait:
                    return choice.batch
                self._changed.wait(_timeout_s(choice.look_again_s - now_s))

    def drop_all(self) -> list[Job]:
        """Removes and returns everything that waits."""
        with self._changed:
            dropped, self._waiting = self._waiting, []
            for job in dropped:
                self._left(job, taken=False)
            return dropped

    def close(self) -> None:
        """Takes no more jobs and lets device threads end when the last one is taken."""
        with self._changed:
            self._closed = True
            self._rule = replace(self._rule, max_delay_s=0.0)  # nobody comes any more
            self._changed.notify_all()

    def _check_room(self, jobs: Sequence[Job]) -> None:
        if self._closed:
            message = "the model is about to stop"
            raise ModelNotReadyError(message)
        n_free = self._max_requests - len(self._waiting)
        n_bytes = sum([job.n_bytes for job in jobs])
        if n_bytes > self._max_bytes:
            message = f"the tensors have {n_bytes} bytes; this model's queue takes at most {self._max_bytes}"
            raise BodyTooLargeError(message)
        if n_free < len(jobs) or self._waiting_bytes + n_bytes > self._max_bytes:
            message = f"{len(self._waiting)} requests with {self._waiting_bytes} bytes wait already"
            raise QueueFullError(message)
        n_own = self._turns.n_waiting(jobs[0].client)
        if n_own >= _SHARE_OF_FREE * n_free:
            message = f"{n_own} requests of this client wait already, and {n_free} places are free"
            raise ClientTooFastError(message)

    def _left(self, job: Job, *, taken: bool) -> None:
        self._waiting_bytes -= job.n_bytes
        self._waiting_rows -= job.n_rows
        self._turns.leave(job.client, job.turn[1], taken=taken)


def _timeout_s(left_s: float) -> float | None:
    """As locks want it: None for ever."""
    return None if math.isinf(left_s) else max(0.0, left_s)
