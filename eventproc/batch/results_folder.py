"""The folder of a task's results: who may write there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from eventproc.errors import ConfigurationError, FileWriteError


@contextmanager
def writing_results(folder: Path) -> Iterator[None]:
    """Makes the folder; what the file system refuses there is told as what it is.

    Raises:
        FileWriteError: the folder cannot be made, or a file in it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        what = error.filename or str(folder)
        message = f"results cannot be written to {str(folder)!r}: {what!r}: {error.strerror or error}"
        raise FileWriteError(message) from error


@contextmanager
def only_collection(folder: Path) -> Iterator[None]:
    """Keeps other collections away: merged files, report and lumi JSONs are those of one moment.

    Raises:
        ConfigurationError: another collection is under way.
        OSError: the folder cannot be written.
    """
    lock = FileLock(folder / ".collect.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        message = (
            f"another collection writes to {str(folder)!r}; wait for it, or give this one its own --outputdir"
        )
        raise ConfigurationError(message) from None
    try:
        yield
    finally:
        lock.release()  # its file stays: one that is removed could be locked twice, under two names
