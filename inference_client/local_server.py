"""Starts an accelerator server on this machine and ends it with this process, however that ends."""

import contextlib
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Sequence
from typing import IO, Self

from inference_client.errors import InvalidAddressError, LocalServerError, LocalServerRefused
from inference_client.servers.addresses import checked_address

SERVE = (sys.executable, "-m", "accelerator_server", "serve")
"""By name: the client does not import the server."""
_REFUSALS = (2, 3)
"""Exit codes of the server: a word of its command line, or its configuration, is wrong."""
_KEPT_LINES = 50
_LEFT_IN_PIPE_S = 1.0


class LocalServer:
    """A server process with the models of one folder, on a free port.

    The server holds the other end of a pipe to this process. When this process is gone, killed or not, the
    pipe ends and the server stops. Ctrl-C reaches this process only, so that a job can drain.

    Args:
        models_folder: Repository of models to serve.
        options: More words for the server's command line.
        start_timeout_s: Longest wait for the server to be ready; models load in this time.
        stop_timeout_s: Longest wait for the server to answer what it has; then it is killed.
        command: What serves, ahead of the folder.
    """

    def __init__(
        self,
        models_folder: str,
        options: Sequence[str] = (),
        *,
        start_timeout_s: float = 60.0,
        stop_timeout_s: float = 10.0,
        command: Sequence[str] = SERVE,
    ) -> None:
        listening = ("--host", "127.0.0.1", "--port", "0", "--exit-with-parent")
        self.command = [*command, str(models_folder), *listening, *options]
        self._start_timeout_s = start_timeout_s
        self._stop_timeout_s = stop_timeout_s
        self._process: subprocess.Popen[str] | None = None
        self._stderr: _Output | None = None
        self._address = ""

    def start(self) -> str:
        """Starts the process and waits until it is ready; blocks.

        Returns:
            The server's address.

        Raises:
            LocalServerError: It did not start; the message ends with what it said.
            LocalServerRefused: The same, because of what it was told to serve.
        """
        try:
            self._process = subprocess.Popen(  # noqa: S603  the command is ours, the folder an argument
                self.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                start_new_session=True,
            )
        except OSError as error:
            message = f"cannot run {' '.join(self.command)}: {error}"
            raise LocalServerError(message) from error
        self._stderr = _Output(self._process.stderr)
        try:
            self._address = self._announced(_Output(self._process.stdout))
        except BaseException:
            self.close()
            raise
        return self._address

    @property
    def address(self) -> str:
        """The address it listens on; empty before `start`."""
        return self._address

    @property
    def is_running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """Id of the process; 0 before `start`."""
        return self._process.pid if self._process else 0

    @property
    def last_words(self) -> str:
        """The last lines that the server logged."""
        return self._stderr.tail() if self._stderr else ""

    def close(self) -> None:
        """Asks the server to stop, kills it if it does not; a second call does nothing."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(self._stop_timeout_s)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
        if self._stderr is not None:
            self._stderr.finish()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_ending: object) -> None:
        self.close()

    def _announced(self, stdout: "_Output") -> str:
        stdout.settled.wait(self._start_timeout_s)
        if stdout.address:
            return stdout.address
        error = LocalServerError
        if stdout.settled.is_set():
            code = self._exit_code()
            ending = f"ended with exit code {code}"
            if code in _REFUSALS:
                error = LocalServerRefused
        else:
            ending = f"was not ready after {self._start_timeout_s:g} s"
        self.close()
        message = f"the local server {ending}: {' '.join(self.command)}\n{self.last_words}".rstrip()
        raise error(message)

    def _exit_code(self) -> int | None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._process.wait(self._stop_timeout_s) if self._process else None
        return None


class _Output:
    """Reads a pipe to its end in a thread, so that the writer never blocks; keeps the last lines.

    Attributes:
        address: The first line that is a server's address; empty before it came.
        settled: Set when the address came or the pipe ended.
    """

    def __init__(self, pipe: IO[str] | None) -> None:
        self.address = ""
        self.settled = threading.Event()
        self._lines: deque[str] = deque(maxlen=_KEPT_LINES)
        self._thread = threading.Thread(target=self._read, args=(pipe,), name="server-output", daemon=True)
        self._thread.start()

    def tail(self) -> str:
        """The last lines."""
        return "\n".join(list(self._lines))

    def finish(self) -> None:
        """Waits for what a process that has ended left in the pipe; a grandchild may still hold it open."""
        self._thread.join(_LEFT_IN_PIPE_S)

    def _read(self, pipe: IO[str]) -> None:
        with pipe:
            for line in pipe:
                self._lines.append(line.rstrip())
                if not self.address:
                    self._look_for_address(line)
        self.settled.set()

    def _look_for_address(self, line: str) -> None:
        with contextlib.suppress(InvalidAddressError):
            self.address = checked_address(line)
            self.settled.set()
