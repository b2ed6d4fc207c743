"""Where requests wait for a device; a free device takes what waits, up to the best batch, without a timer."""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from accelerator_server.errors import ModelNotReadyError, QueueFullError
from inference_client.protocol.arrays import Array
from inference_client.protocol.messages import Tensor


@dataclass(frozen=True, slots=True)
class Completed:
    """What became of a job on the device.

    Attributes:
        outputs: All outputs of the model by name, the job's rows only.
        batch_rows: Rows of the batch that the job was part of.
        queue_us: From acceptance to the start of the batch, microseconds.
        compute_us: On the device, microseconds.
    """

    outputs: dict[str, Array]
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
    """

    tensors: dict[str, Tensor]
    n_rows: int
    n_bytes: int
    result: asyncio.Future[Completed]
    deadline_s: float = float("inf")
    accepted_s: float = field(default_factory=time.monotonic)


@dataclass(frozen=True, slots=True)
class Choice:
    """What to do with the oldest `len(batch) + n_expired` waiting jobs."""

    batch: list[Job]
    n_expired: int


def choose_batch(waiting: Iterable[Job], best_rows: int, now_s: float) -> Choice:
    """Chooses the next batch: the oldest jobs, in order, as long as their rows fit.

    Expired jobs are left out. A job larger than `best_rows` makes a batch of its own.

    Args:
        waiting: Oldest first.
        best_rows: Rows up to which jobs are fused.
        now_s: Monotonic time.
    """
    batch: list[Job] = []
    n_rows = n_expired = 0
    for job in waiting:
        if job.deadline_s <= now_s:
            n_expired += 1
            continue
        if batch and n_rows + job.n_rows > best_rows:
            break
        batch.append(job)
        n_rows += job.n_rows
    return Choice(batch, n_expired)


class ModelQueue:
    """Jobs of one model between the event loop, which puts, and device threads, which take."""

    def __init__(
        self,
        best_rows: int,
        max_requests: int,
        max_bytes: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._best_rows = best_rows
        self._max_requests = max_requests
        self._max_bytes = max_bytes
        self._clock = clock
        # Everything below is guarded by the condition's lock.
        self._changed = threading.Condition(threading.Lock())
        self._waiting: deque[Job] = deque()
        self._waiting_bytes = 0
        self._closed = False

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def waiting_bytes(self) -> int:
        """Bytes of the tensors that wait."""
        return self._waiting_bytes

    def submit(self, job: Job) -> None:
        """Queues a job.

        Raises:
            QueueFullError: Too many requests or bytes wait already.
            ModelNotReadyError: The queue is closed.
        """
        with self._changed:
            if self._closed:
                message = "the model is about to stop"
                raise ModelNotReadyError(message)
            full = len(self._waiting) >= self._max_requests
            if full or self._waiting_bytes + job.n_bytes > self._max_bytes:
                message = f"{len(self._waiting)} requests with {self._waiting_bytes} bytes wait already"
                raise QueueFullError(message)
            self._waiting.append(job)
            self._waiting_bytes += job.n_bytes
            self._changed.notify()

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
            self._waiting_bytes -= job.n_bytes
            return True

    def take(self) -> list[Job]:
        """Waits for work and takes the next batch; called by device threads.

        Returns:
            Jobs to run together; empty when the queue is closed and everything is taken.
        """
        with self._changed:
            while True:
                choice = choose_batch(self._waiting, self._best_rows, self._clock())
                for _ in range(len(choice.batch) + choice.n_expired):
                    self._waiting_bytes -= self._waiting.popleft().n_bytes
                if choice.batch or self._closed:
                    return choice.batch
                self._changed.wait()

    def drop_all(self) -> list[Job]:
        """Removes and returns everything that waits."""
        with self._changed:
            dropped = list(self._waiting)
            self._waiting.clear()
            self._waiting_bytes = 0
            return dropped

    def close(self) -> None:
        """Takes no more jobs and lets device threads end when the last one is taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
