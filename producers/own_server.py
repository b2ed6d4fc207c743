"""OwnServer: the accelerator server that a job starts for itself, and starts again where it died."""

from __future__ import annotations

import asyncio
import logging
import threading
import tomllib
from collections.abc import Sequence
from pathlib import Path

from eventproc.errors import ConfigurationError, near_names
from inference_client.errors import LocalServerError, ServersUnavailable
from inference_client.local_server import LocalServer

_LOG = logging.getLogger("eventproc.InferenceService")

MOST_STARTS = 3
"""Of one job: a server that dies again and again dies of what the job asks, or of the machine."""

_NO_FOLDER = (
    "a server of the job's own needs process.InferenceService.modelsFolder; a job without one needs "
    "process.InferenceService.servers, and no fallback"
)


class OwnServer:
    """One process, however many clients in however many event loops ask for it.

    Args:
        models_folder: repository of its models; empty if the job names none.
        options: more words for its command line.
    """

    def __init__(self, models_folder: str, options: Sequence[str]) -> None:
        self.models: list[str] = []
        self._models_folder = models_folder
        self._options = options
        self._turn = threading.Lock()  # held to start it
        self._server: LocalServer | None = None
        self._starts = 0
        self._closed = threading.Event()

    @property
    def address(self) -> str:
        """Where it listens; empty before its first start."""
        return self._server.address if self._server is not None else ""

    def check(self) -> None:
        """Looks whether it could serve the models; the server looks closer when it starts.

        Raises:
            ConfigurationError: the models folder is not named or not there, or lacks a model.
        """
        if not self._models_folder:
            raise ConfigurationError(_NO_FOLDER)
        folder = Path(self._models_folder)
        if not folder.is_dir():
            message = f"process.InferenceService.modelsFolder: there is no folder {str(folder)!r}"
            raise ConfigurationError(message)
        for name in self.models:
            if not (folder / name).is_dir():
                known = sorted(one.name for one in folder.iterdir() if one.is_dir())
                hint = near_names(name, known, "it holds no models")
                message = (
                    f"process.InferenceService.modelsFolder: {str(folder)!r} has no model {name!r}: {hint}"
                )
                raise ConfigurationError(message)

    def check_digest(self, name: str, sha256: str) -> None:
        """Looks whether it could serve a model that others serve, as far as its model.toml files tell.

        Raises:
            ConfigurationError: every version of it in the models folder has another digest.
        """
        told = [_told_digest(path) for path in sorted(Path(self._models_folder, name).glob("*/model.toml"))]
        if sha256 and told and all(told) and sha256 not in told:
            message = (
                f"the fallback would have another model file than the servers: sha256 {' or '.join(told)} in "
                f"{Path(self._models_folder, name)}, {sha256} at the servers; "
                "copy theirs, or switch process.InferenceService.fallback off"
            )
            raise ConfigurationError(message)

    async def find(self) -> str:
        """Its address; starts it where it does not run.

        Raises:
            ConfigurationError: the job names no models folder.
            LocalServerError: it does not start; the next call tries again.
            ServersUnavailable: it was started too often.
        """
        return await asyncio.to_thread(self._found)

    def close(self) -> None:
        """Ends the process, also one that is about to start; blocks."""
        self._closed.set()
        if self._server is not None:
            self._server.close()

    def _found(self) -> str:
        with self._turn:
            if self._server is None or not self._server.is_running:
                self._start()
            return self.address

    def _start(self) -> None:
        if not self._models_folder:
            raise ConfigurationError(_NO_FOLDER)
        if self._closed.is_set():
            message = "the job needs no accelerator server of its own any more"
            raise LocalServerError(message)
        if self._server is not None:
            self._server.close()
            ending = f"the accelerator server of this job's own ended\n{self._server.last_words}".rstrip()
            if self._starts == MOST_STARTS:
                message = f"it was started {self._starts} times, which is enough: {ending}"
                raise ServersUnavailable(message)
            _LOG.warning("%s", ending)
        self._starts += 1
        _LOG.info(
            "starting an accelerator server of this job's own, with the models of %s", self._models_folder
        )
        wanted = [word for name in dict.fromkeys(self.models) for word in ("--model", name)]
        self._server = LocalServer(self._models_folder, [*wanted, *self._options])
        self._server.start()
        if self._closed.is_set():
            self._server.close()
        _LOG.info("the accelerator server is ready at %s", self._server.address)


def _told_digest(path: Path) -> str:
    """What a model.toml says of its model file; empty if it says nothing, or cannot be read."""
    try:
        return str(tomllib.loads(path.read_text()).get("sha256", ""))
    except (OSError, ValueError):
        return ""  # the server says what is wrong with it, should it be needed
