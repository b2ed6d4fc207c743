"""Starts the process of a device and brings it to the point where it takes batches."""

import errno
import fcntl
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from accelerator_server.errors import (
    BackendUnavailableError,
    ConfigurationError,
    ModelRefusedError,
    StartError,
)
from accelerator_server.workers.messages import (
    MAX_ANSWER_BYTES,
    MAX_LANES_AT_ONCE,
    Lanes,
    Loaded,
    Order,
    decode_start,
)

_ERRORS: dict[int, type[StartError]] = {
    kind.exit_code: kind for kind in (ConfigurationError, ModelRefusedError, BackendUnavailableError)
}
_ASKS_TO_STOP = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_STDERR = 2
_SEAL_PAUSES_S = (0.01, 0.03, 0.1, 0.3, 1.0, 2.0)


@dataclass(frozen=True, slots=True)
class Ending:
    """How a process ended: its exit code, negative for a signal."""

    exit_code: int

    def __str__(self) -> str:
        if self.exit_code >= 0:
            return f"exit code {self.exit_code}"
        return signal.Signals(-self.exit_code).name


class WorkerProcess:
    """A process that was started; `kill` and the rest may be called from any thread.

    Args:
        order: What it is to load.
        model_file: Descriptor of an anonymous file with the model; stays the caller's.

    Raises:
        OSError: No process can be started.
    """

    def __init__(self, order: Order, model_file: int) -> None:
        self._reaping = threading.Lock()  # held when the process is reaped or killed
        with ExitStack() as on_failure, ExitStack() as always:
            order_file = anonymous_file("order", msgspec.msgpack.encode(order))
            always.callback(os.close, order_file)
            read_end, self._leash = os.pipe()
            always.callback(os.close, read_end)
            on_failure.callback(os.close, self._leash)
            self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            always.callback(theirs.close)
            on_failure.callback(self._control.close)
            self._popen = _popen((read_end, theirs.fileno(), order_file, model_file))
            on_failure.pop_all()
        self.pid = self._popen.pid

    def wait_until_loaded(self, timeout_s: float | None) -> Loaded:
        """Waits for the process to load its model.

        Raises:
            StartError: It cannot load it, ended, or was not done in time; the process is gone then.
        """
        self._control.settimeout(timeout_s)
        try:
            message = self._control.recv(2 * MAX_ANSWER_BYTES)
        except TimeoutError:
            self.kill()
            self.wait()
            text = f"the model was not loaded within {timeout_s:g} s"
            raise ModelRefusedError(text) from None
        except ConnectionError:
            message = b""
        if not message:
            text = (
                f"loading the model ended the process of its device with {self.wait()}; the log has its words"
            )
            raise ModelRefusedError(text)
        found = decode_start(message)
        if isinstance(found, Loaded):
            return found
        self.wait()
        raise _ERRORS.get(found.exit_code, ModelRefusedError)(found.text)

    def open_lanes(self, memory_file: int, n_lanes: int) -> list[socket.socket]:
        """Gives the process its lanes.

        Returns:
            Our ends of their sockets.

        Raises:
            ModelRefusedError: The process has ended.
        """
        pairs: list[tuple[socket.socket, socket.socket]] = []
        try:
            for _ in range(n_lanes):
                pairs.append(socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET))  # noqa: PERF401
            descriptors = [memory_file, *(theirs.fileno() for _, theirs in pairs)]
            self._control.send(msgspec.msgpack.encode(Lanes(n_lanes)))
            for start in range(0, len(descriptors), MAX_LANES_AT_ONCE):
                socket.send_fds(self._control, [b"+"], descriptors[start : start + MAX_LANES_AT_ONCE])
        except OSError as error:
            for ours, _ in pairs:
                ours.close()
            self.kill()
            text = f"the process of the device took no batches and ended with {self.wait()}: {error}"
            raise ModelRefusedError(text) from error
        finally:
            for _, theirs in pairs:
                theirs.close()
        self._control.close()
        return [ours for ours, _ in pairs]

    def wait(self) -> Ending:
        """Waits for the process to end, and lets go of it."""
        while self._popen.returncode is None:
            # It is left to be reaped under the lock, so that nobody kills another of the same number.
            with suppress(ChildProcessError):
                os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
            with self._reaping:
                self._popen.poll()
        with self._reaping:
            self._control.close()
            if self._leash >= 0:
                os.close(self._leash)
                self._leash = -1
        return Ending(self._popen.returncode)

    def kill(self) -> None:
        """Ends it at once, if it has not ended yet."""
        with self._reaping:
            if self._popen.returncode is None:
                self._popen.kill()


def anonymous_file(name: str, content: bytes) -> int:
    """Puts bytes where other processes can read and nobody can change them.

    Returns:
        A descriptor, the caller's to close.
    """
    descriptor = os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        with open(descriptor, "wb", closefd=False) as file:
            file.write(content)
        _seal(descriptor)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _seal(descriptor: int) -> None:
    seals = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL
    for pause_s in (*_SEAL_PAUSES_S, None):
        try:
            fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, seals)
            return
        except OSError as error:
            # The kernel refuses while it moves a page of the file, or looks at one.
            if error.errno != errno.EBUSY or pause_s is None:
                raise
            time.sleep(pause_s)


def _popen(descriptors: tuple[int, ...]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-P", "-m", "accelerator_server.workers.main", *map(str, descriptors)]
    # What asks the server to stop must not end a worker, also in the moment before it says so itself.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _ASKS_TO_STOP)
    try:
        return subprocess.Popen(  # noqa: S603 - our own module; the arguments are numbers
            command,
            pass_fds=descriptors,
            stdin=subprocess.DEVNULL,
            stdout=_STDERR,  # the server's own says its address and nothing else
            env={**os.environ, "PYTHONPATH": os.pathsep.join(_import_path())},
            start_new_session=True,  # Ctrl-C is for the server
        )
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _import_path() -> list[str]:
    """Where this process finds modules, so that the other one finds the same."""
    inherited = os.environ.get("PYTHONPATH")
    return [*([inherited] if inherited else []), *(entry or str(Path.cwd()) for entry in sys.path)]
