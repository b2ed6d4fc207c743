"""The process of one device: loads a model and runs the batches that lie in shared memory.

Started by `spawning.start`. It ignores the signals that ask a server to stop, since the server has accepted
work to finish; it ends when its sockets do, and is killed by the kernel when the server is gone.
"""

import contextlib
import faulthandler
import fcntl
import logging
import mmap
import os
import signal
import socket
import sys
import threading
from collections.abc import Mapping

import msgspec
import numpy as np

from accelerator_server.backends.base import Array, Backend, BackendSettings
from accelerator_server.backends.compact import as_expanding
from accelerator_server.backends.table import BACKENDS, load_backend
from accelerator_server.errors import BackendUnavailableError, StartError
from accelerator_server.model_spec import ModelSpec
from accelerator_server.workers.batch_memory import LaneMemory, map_batch_memory
from accelerator_server.workers.compact_memory import read_compact
from accelerator_server.workers.messages import (
    BATCH,
    COMPUTED,
    FAILED,
    LOST,
    MAX_ANSWER_BYTES,
    MAX_BATCH_BYTES,
    MAX_LANES_AT_ONCE,
    Lanes,
    Loaded,
    Order,
    Refused,
)

logger = logging.getLogger(__name__)

IGNORED_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_BROKEN = 70
"""Exit code of a worker that could not answer; EX_SOFTWARE of sysexits.h."""


def main() -> None:
    """Serves the lanes that come over the control socket until they end."""
    leash, control_descriptor, order_file, model_file = map(int, sys.argv[1:])
    _ignore_signals()
    _die_with_parent(leash)
    faulthandler.enable()
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )
    order = msgspec.msgpack.decode(_content(order_file), type=Order)
    with socket.socket(fileno=control_descriptor) as control:
        backend = _load(order, _content(model_file), control)
        memory, sockets = _receive_lanes(control, order.spec)
    enough = threading.Semaphore(backend.depth)  # fewer than lanes if the device is not what it was before
    threads = [
        threading.Thread(target=_serve_lane, args=(Runner(backend, order.spec, lane), connection, enough))
        for lane, connection in zip(memory, sockets, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    backend.close()
    os._exit(0)  # the engine's own threads have nothing more to say


class Runner:
    """Runs the batches of one lane.

    Args:
        backend: Loaded model.
        spec: Its signature.
        memory: Where inputs are and outputs go.
    """

    def __init__(self, backend: Backend, spec: ModelSpec, memory: LaneMemory) -> None:
        self._backend = backend
        self._expanding = as_expanding(backend)
        self._spec = spec
        self._memory = memory

    def answer(self, n_rows: int, forms: bytes) -> bytes:
        """Runs a batch; whatever the backend raises becomes the answer."""
        try:
            outputs = self._run(n_rows, forms)
            self._spec.check_outputs(outputs, n_rows)
        except BackendUnavailableError as error:
            logger.exception("the device is lost")
            return _said(LOST, str(error))
        except Exception as error:
            logger.exception("the backend failed on %d rows", n_rows)
            return _said(FAILED, f"{type(error).__name__}: {error}")
        for name, rows in self._memory.outputs.items():
            np.copyto(rows[:n_rows], outputs[name])
        return _said(COMPUTED, self._backend.device)

    def _run(self, n_rows: int, forms: bytes) -> Mapping[str, Array]:
        inputs = {name: rows[:n_rows] for name, rows in self._memory.inputs.items()}
        if self._expanding is not None and forms:
            compact = read_compact(self._memory.compact, self._spec, forms)
            return self._expanding.run_compact({**inputs, **compact}, n_rows)
        return self._backend.run(inputs)


def _said(kind: bytes, text: str) -> bytes:
    return kind + text.encode(errors="replace")[: MAX_ANSWER_BYTES - 1]


def _serve_lane(runner: Runner, connection: socket.socket, enough: threading.Semaphore) -> None:
    try:
        with connection:
            while message := connection.recv(MAX_BATCH_BYTES):
                (n_rows,) = BATCH.unpack_from(message)
                with enough:
                    answer = runner.answer(n_rows, message[BATCH.size :])
                connection.send(answer)
    except ConnectionError:
        return  # the server is gone
    except BaseException:
        # Whoever waits for an answer that never comes would wait for ever; for an end it does not.
        logger.exception("a lane is broken")
        os._exit(_BROKEN)


def _load(order: Order, model: bytes, control: socket.socket) -> Backend:
    BACKENDS.update(order.backends)
    settings = BackendSettings(model, order.spec, order.precision, order.parameters, tuple(order.in_use))
    try:
        backend = load_backend(order.backend, settings)
    except StartError as error:
        refused = Refused(error.exit_code, str(error)[:MAX_ANSWER_BYTES])
        with contextlib.suppress(ConnectionError):
            control.send(msgspec.msgpack.encode(refused))
        raise SystemExit(error.exit_code) from None
    expands = as_expanding(backend) is not None
    loaded = Loaded(backend.device, backend.precision, backend.depth, expands)
    control.send(msgspec.msgpack.encode(loaded))
    return backend


def _receive_lanes(control: socket.socket, spec: ModelSpec) -> tuple[list[LaneMemory], list[socket.socket]]:
    n_lanes = msgspec.msgpack.decode(control.recv(MAX_ANSWER_BYTES), type=Lanes).n_lanes
    descriptors: list[int] = []
    while len(descriptors) < 1 + n_lanes:
        message, more, _, _ = socket.recv_fds(control, 1, MAX_LANES_AT_ONCE, socket.MSG_CMSG_CLOEXEC)
        if not message:
            raise SystemExit(0)  # the server has changed its mind
        descriptors += more
    memory = map_batch_memory(descriptors[0], spec, n_lanes)
    os.close(descriptors[0])
    return memory, [socket.socket(fileno=descriptor) for descriptor in descriptors[1:]]


def _content(descriptor: int) -> bytes:
    """What an anonymous file holds; read without its position, which other workers share."""
    n_bytes = os.fstat(descriptor).st_size
    if not n_bytes:
        os.close(descriptor)
        return b""
    # Private: kernels before 6.7 share no mapping of a file that is sealed against writing.
    with mmap.mmap(descriptor, n_bytes, mmap.MAP_PRIVATE, mmap.PROT_READ) as content:
        os.close(descriptor)
        return content[:]


def _ignore_signals() -> None:
    for number in IGNORED_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, IGNORED_SIGNALS)


def _die_with_parent(leash: int) -> None:
    """Lets the kernel kill this process when the other end of a pipe is closed, whatever an engine does.

    A thread that reads the pipe would have to wait for an engine that holds the interpreter; a signal at the
    parent's death (prctl) would come already when the thread ends that started this process.
    """
    fcntl.fcntl(leash, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(leash, _F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(leash, fcntl.F_SETFL, fcntl.fcntl(leash, fcntl.F_GETFL) | os.O_ASYNC | os.O_NONBLOCK)
    with contextlib.suppress(BlockingIOError):
        if not os.read(leash, 1):  # it was closed before all this
            os._exit(0)


_F_SETSIG = 10
"""fcntl(2) of Linux, which the module fcntl does not name."""

if __name__ == "__main__":
    main()
