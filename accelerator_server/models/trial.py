"""Loads a model in a process of its own first, so that one that crashes its engine takes down nothing else.

`python -m accelerator_server.models.trial` reads what to load from standard input, loads it, runs it on
zeros, and ends with 0, or with the exit code of the error and its message on standard output.
"""

import asyncio
import signal
import sys
from pathlib import Path

import msgspec
from msgspec import Struct

from accelerator_server.config import Override
from accelerator_server.errors import (
    BackendUnavailableError,
    ConfigurationError,
    ModelRefusedError,
    StartError,
)
from accelerator_server.models.model_loading import load_model
from accelerator_server.models.repository import ModelFolder

_ERRORS: dict[int, type[StartError]] = {
    kind.exit_code: kind for kind in (ConfigurationError, ModelRefusedError, BackendUnavailableError)
}
_LAST_WORDS_BYTES = 2000


class Trial(Struct, frozen=True):
    """What the process is told."""

    name: str
    version: int
    path: str
    overrides: list[Override]


async def try_model(folder: ModelFolder, overrides: list[Override], timeout_s: float) -> None:
    """Loads a model and runs it in a child process.

    Raises:
        StartError: It cannot be served, ended the process, or was not done in time.
    """
    trial = Trial(folder.name, folder.version, str(folder.path), overrides)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "accelerator_server.models.trial",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(timeout_s):
            out, log = await process.communicate(msgspec.json.encode(trial))
    except TimeoutError:
        message = f"the model was not loaded and run within {timeout_s:g} s"
        raise ModelRefusedError(message) from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise _error(process.returncode, out, log)


def _error(exit_code: int, out: bytes, log: bytes) -> StartError:
    if kind := _ERRORS.get(exit_code):
        return kind(out.decode(errors="replace").strip())
    how = f"exit code {exit_code}" if exit_code > 0 else signal.Signals(-exit_code).name
    words = log[-_LAST_WORDS_BYTES:].decode(errors="replace").strip()
    return ModelRefusedError(f"loading the model ended the process that tried it with {how}: {words}")


def main() -> None:
    """Loads what standard input names."""
    trial = msgspec.json.decode(sys.stdin.buffer.read(), type=Trial)
    try:
        loaded = load_model(ModelFolder(trial.name, trial.version, Path(trial.path)), trial.overrides)
    except StartError as error:
        sys.stdout.write(str(error))
        raise SystemExit(error.exit_code) from None
    loaded.close()


if __name__ == "__main__":
    main()
