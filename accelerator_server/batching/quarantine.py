"""Inputs that may have ended a worker, and those that surely do; the former run alone, the latter no more.

Whoever was on a worker when it died is a suspect, and its sender is told to try again. A suspect runs in a
batch of its own, with no other batch on its worker: if it is answered it is none any more, if the worker dies
again it is quarantined.
"""

import hashlib
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from accelerator_server.batching.model_queue import Job
from inference_client.protocol.messages import Tensor

SUSPECT_S = 600.0
"""A client that tries again does so sooner; a suspect that does not come back is forgotten."""

QUARANTINE_S = 3600.0
"""What killed a worker twice by another's fault, as when memory ran out, is not refused for ever."""

_MOST_RECORDS = 4096
_FORGET_EVERY_S = 10.0


@dataclass(slots=True)
class _Record:
    is_guilty: bool
    seen_s: float


@dataclass(frozen=True, slots=True)
class Split:
    """What to do with the jobs of a batch.

    Attributes:
        groups: Batches to run, one after another.
        refused: Not to be run.
    """

    groups: list[list[Job]]
    refused: list[Job]


class Quarantine:
    """The suspects of one model, known by digests of their inputs; used by all its device threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        # The lock guards what is below.
        self._lock = threading.Lock()
        self._records: dict[bytes, _Record] = {}
        self._forgot_s = 0.0

    @property
    def is_empty(self) -> bool:
        """Whether nobody is suspected, which is the ordinary state and costs nothing."""
        return not self._records

    @property
    def n_guilty(self) -> int:
        """Inputs that are not run any more."""
        with self._lock:
            return sum(record.is_guilty for record in self._records.values())

    def split(self, jobs: list[Job]) -> Split:
        """Separates suspects from the rest, and guilty ones from both."""
        if self.is_empty:
            return Split([jobs], [])
        digests = [digest(job) for job in jobs]
        with self._lock:
            self._forget_old()
            records = [self._records.get(one) for one in digests]
        together = [job for job, record in zip(jobs, records, strict=True) if record is None]
        known = [(job, record) for job, record in zip(jobs, records, strict=True) if record is not None]
        alone = [[job] for job, record in known if not record.is_guilty]
        refused = [job for job, record in known if record.is_guilty]
        return Split(([together] if together else []) + alone, refused)

    def must_be_alone(self, jobs: list[Job]) -> bool:
        """Whether a batch is one suspect, who must not share its worker with other batches."""
        if self.is_empty or len(jobs) > 1:
            return False
        with self._lock:
            return digest(jobs[0]) in self._records

    def died_with(self, jobs: list[Job], *, alone: bool) -> bool:
        """A worker died with these jobs on it.

        Args:
            jobs: A batch.
            alone: It was one suspect, with nothing else on the worker.

        Returns:
            Whether that is guilty now.
        """
        digests = [digest(job) for job in jobs]
        now_s = self._clock()
        with self._lock:
            self._forget_old()
            for one in digests:
                known = self._records.pop(one, None)
                self._records[one] = _Record(alone or bool(known and known.is_guilty), now_s)
            while len(self._records) > _MOST_RECORDS:
                del self._records[next(iter(self._records))]
        return alone

    def survived(self, jobs: Iterable[Job]) -> None:
        """A worker has answered these jobs: they are suspects no more."""
        if self.is_empty:
            return
        digests = [digest(job) for job in jobs]
        with self._lock:
            for one in digests:
                self._records.pop(one, None)

    def _forget_old(self) -> None:
        now_s = self._clock()
        if now_s < self._forgot_s + _FORGET_EVERY_S:
            return
        self._forgot_s = now_s
        self._records = {
            one: record
            for one, record in self._records.items()
            if now_s < record.seen_s + (QUARANTINE_S if record.is_guilty else SUSPECT_S)
        }


def digest(job: Job) -> bytes:
    """What tells the inputs of one request from those of all others, as they were sent."""
    found = hashlib.blake2b(digest_size=16)
    for name in sorted(job.tensors):
        _add(found, job.tensors[name])
    return found.digest()


def _add(found: "hashlib.blake2b", tensor: Tensor) -> None:
    parts = (tensor.data, tensor.counts, tensor.index, tensor.value)
    lengths = [None if part is None else part.nbytes for part in parts]
    found.update(repr((tensor.name, tensor.datatype, tensor.shape, tensor.scale, lengths)).encode())
    for part in parts:
        if part is not None:
            found.update(part)
