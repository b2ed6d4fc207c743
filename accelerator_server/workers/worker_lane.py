"""One lane of a worker: a batch in shared memory, and the socket over which its worker is told to run it."""

import socket
import struct
import threading
from collections.abc import Callable, Mapping
from typing import Protocol

from accelerator_server.backends.base import Array
from accelerator_server.backends.compact import CompactRows
from accelerator_server.batching.lanes import NONE_COMPACT
from accelerator_server.errors import WorkerDiedError
from accelerator_server.model_spec import ModelSpec
from accelerator_server.workers.batch_memory import LaneMemory
from accelerator_server.workers.compact_memory import Areas, write_compact
from accelerator_server.workers.messages import BATCH, COMPUTED, FAILED, MAX_ANSWER_BYTES
from accelerator_server.workers.turns import Turns

_TIMEVAL = struct.Struct("@ll")


class Owner(Protocol):
    """What a lane asks of its worker."""

    device: str
    turns: Turns

    @property
    def is_usable(self) -> bool:
        """Whether it takes batches."""
        ...

    @property
    def is_lost(self) -> bool:
        """Whether it is not known if it ever will again."""
        ...

    def wait_until_usable(self, timeout_s: float | None) -> bool:
        """Waits until it takes batches; returns whether it does."""
        ...


class BackendRunError(Exception):
    """The backend in the worker failed; the message is its own."""


class WorkerLane:
    """A lane whose batches another process runs.

    Args:
        worker: Whose lane it is.
        memory: Its buffers.
        spec: The model's signature.
        timeout_s: Time for a batch; 0 for ever.
        takes_compact: Whether its backend expands compact rows.
    """

    is_near = False

    def __init__(
        self, worker: Owner, memory: LaneMemory, spec: ModelSpec, timeout_s: float, *, takes_compact: bool
    ) -> None:
        self.takes_compact = takes_compact
        self.buffers: Mapping[str, Array] = memory.inputs
        self._outputs = memory.outputs
        self._compact: Areas = memory.compact
        self._spec = spec
        self._worker = worker
        self._timeout_s = timeout_s
        self._in_use = threading.Lock()  # held by whoever runs, and when the socket is replaced
        self._socket: socket.socket | None = None
        self._give_up: Callable[[], None] = _nothing

    @property
    def device(self) -> str:
        """What computes."""
        return self._worker.device

    @property
    def is_usable(self) -> bool:
        """Whether a batch can be run now."""
        return self._worker.is_usable

    @property
    def is_lost(self) -> bool:
        """Whether it is not known if a batch can ever be run again."""
        return self._worker.is_lost

    def wait_until_usable(self, timeout_s: float | None = None) -> bool:
        """Waits for the worker to be started again, at most so long."""
        return self._worker.wait_until_usable(timeout_s)

    def run(
        self, n_rows: int, *, alone: bool = False, compact: Mapping[str, CompactRows] = NONE_COMPACT
    ) -> Mapping[str, Array]:
        """Lets the worker compute the first rows of the buffers, and nothing else meanwhile if `alone`.

        Raises:
            WorkerDiedError: It ended before it answered, lost its device, or is not there.
            BackendRunError: Its backend failed; the worker goes on.
        """
        with self._worker.turns.turn(alone=alone), self._in_use:
            answer = self._ask(n_rows, compact)
            kind, text = answer[:1], answer[1:].decode(errors="replace")
            if kind == COMPUTED:
                if text != self._worker.device:
                    self._worker.device = text
                return {name: rows[:n_rows].copy() for name, rows in self._outputs.items()}
        if kind == FAILED:
            raise BackendRunError(text)
        self._give_up()
        message = f"the device is lost: {text}"
        raise WorkerDiedError(message, had_batch=False)

    def connect(self, ours: socket.socket, give_up: Callable[[], None]) -> None:
        """Takes the socket to a process that was started just now, and what kills that process."""
        whole_s = int(self._timeout_s)
        limit = _TIMEVAL.pack(whole_s, int((self._timeout_s - whole_s) * 1e6))
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)  # no call more for each batch
        with self._in_use:
            if self._socket is not None:
                self._socket.close()
            self._socket = ours
            self._give_up = give_up

    def hang_up(self) -> None:
        """Ends what is under way; the socket is closed by `close` or the next `connect`."""
        if self._socket is not None:
            try:
                self._socket.shutdown(socket.SHUT_RDWR)
            except OSError:
                return  # the other end has gone before

    def close(self) -> None:
        """Closes the socket and lets go of the memory; `hang_up` comes first."""
        with self._in_use:
            if self._socket is not None:
                self._socket.close()
            self._socket = None
            self.buffers = {}
            self._outputs = {}
            self._compact = {}

    def _ask(self, n_rows: int, compact: Mapping[str, CompactRows]) -> bytes:
        try:
            if self._socket is None:
                raise ConnectionError
            forms = write_compact(self._compact, self._spec, compact) if compact else b""
            self._socket.send(BATCH.pack(n_rows) + forms)
        except OSError as error:
            self._give_up()
            message = "the process of the device is not there"
            raise WorkerDiedError(message, had_batch=False) from error
        why = "the process of the device ended"
        try:
            if answer := self._socket.recv(MAX_ANSWER_BYTES):
                return answer
        except BlockingIOError:
            why = f"the device did not answer within {self._timeout_s:g} s"
        except ConnectionError:
            pass
        self._give_up()
        raise WorkerDiedError(why, had_batch=True)


def _nothing() -> None:
    """There is no process to kill."""
