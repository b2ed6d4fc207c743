"""Publication: a file that is written beside its final name and appears under it only when complete."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import socket
import zlib
from pathlib import Path
from typing import IO

from filelock import FileLock, Timeout

from eventproc.errors import ConfigurationError, FileWriteError

_BLOCK_BYTES = 1 << 20

NO_HARD_LINKS = (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK)
"""What file systems without hard links, such as FAT and some network ones, answer to link()."""

_NO_FOLDER_SYNC = (errno.EBADF, errno.EINVAL)
"""What some network file systems answer to fsync() of a folder; PostgreSQL goes on after the same two."""


class Publication:
    """The life of one output file: locked and open under a temporary name, then published or dropped.

    Attributes:
        final: the name that the job asked for.
        partial: the name that an incomplete file gets, if it is kept.
        temporary: the name it is written under.
        file: open for writing and reading.
    """

    def __init__(self, final: Path, *, overwrite: bool) -> None:
        """Locks the name and opens the temporary file.

        Temporary files that jobs on this machine left behind when they were killed are removed: whoever
        holds the lock is the only writer.

        Raises:
            ConfigurationError: the output exists and may not be overwritten, or another job writes it.
            FileWriteError: its folder is missing or cannot be written.
        """
        self.final = final
        self.partial = final.with_name(f"{final.stem}.partial{final.suffix}")
        self._overwrite = overwrite
        _refuse_missing_folder(final)
        self._refuse_existing()
        prefix = f".{final.name}.tmp-{socket.gethostname()}-"
        self.temporary = final.with_name(f"{prefix}{os.getpid()}")
        self._lock = _lock(final)
        try:
            for left_behind in final.parent.glob(f"{_escaped(prefix)}*"):
                _remove(left_behind)
            self.file: IO[bytes] = self.temporary.open("x+b")
        except OSError as error:
            self._unlock()
            message = f"cannot write output {str(final)!r}: {error.strerror}"
            raise FileWriteError(message) from error

    def complete(self) -> None:
        """Closes the temporary file, unless its writer did, and gets all of it on the disk.

        Raises:
            OSError: the disk refuses.
        """
        self.file.close()
        _sync(self.temporary)

    def publish(self) -> None:
        """Gives the completed file its final name, never over a file that appeared meanwhile.

        Raises:
            FileWriteError: the name is taken; the file is kept under the partial name.
            OSError: the file system refuses.
        """
        if self._overwrite:
            self.temporary.replace(self.final)
        else:
            try:
                _move_to_free_name(self.temporary, self.final)
            except FileExistsError:
                self.keep_partial()
                message = (
                    f"output {str(self.final)!r} appeared while this job ran and is left alone; "
                    f"this job's events are in {str(self.partial)!r}"
                )
                raise FileWriteError(message) from None
        self._settle()

    def keep_partial(self) -> None:
        """Gives the closed file the partial name; an older partial file goes.

        Raises:
            OSError: the file system refuses.
        """
        self.temporary.replace(self.partial)
        self._settle()

    def drop(self) -> None:
        """Closes and removes the temporary file; never raises, and may be called at any time."""
        with contextlib.suppress(OSError):
            self.file.close()
        with contextlib.suppress(OSError):
            self.temporary.unlink(missing_ok=True)
        self._unlock()

    def _refuse_existing(self) -> None:
        if self.final.is_dir():
            message = f"output {str(self.final)!r} is a folder; name a file in it"
            raise ConfigurationError(message)
        if self.final.exists() and not self._overwrite:
            message = f"output {str(self.final)!r} exists; remove it, or set overwrite=True"
            raise ConfigurationError(message)

    def _settle(self) -> None:
        try:
            _sync(self.final.parent)
        except OSError as error:
            if error.errno not in _NO_FOLDER_SYNC:
                raise
        self._unlock()

    def _unlock(self) -> None:
        if self._lock.is_locked:
            with contextlib.suppress(OSError):
                Path(self._lock.lock_file).unlink(missing_ok=True)
            self._lock.release()


def checksums(path: Path) -> dict[str, str]:
    """ADLER-32 and SHA-256 of a whole file, in hex, by name.

    Raises:
        OSError: it cannot be read.
    """
    adler32, sha256 = 1, hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            adler32 = zlib.adler32(block, adler32)
            sha256.update(block)
    return {"adler32": f"{adler32:08x}", "sha256": sha256.hexdigest()}


def _refuse_missing_folder(final: Path) -> None:
    # FileLock would make it.
    if not final.parent.is_dir():
        what = "is not a folder" if final.parent.exists() else "does not exist"
        message = f"cannot write output {str(final)!r}: {str(final.parent)!r} {what}"
        raise FileWriteError(message)


def _lock(final: Path) -> FileLock:
    lock = FileLock(final.with_name(f".{final.name}.lock"), timeout=0)
    try:
        lock.acquire()
    except Timeout:
        message = f"another job, or another output of this one, is writing {str(final)!r}"
        raise ConfigurationError(message) from None
    except OSError as error:
        message = f"cannot write output {str(final)!r}: {error.strerror}"
        raise FileWriteError(message) from error
    return lock


def _move_to_free_name(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in NO_HARD_LINKS:
            raise
        # Then the lock alone keeps other jobs away, and a name taken just now by anybody else is lost.
        if target.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target)) from None
        source.rename(target)
    else:
        source.unlink()


def _remove(path: Path) -> None:
    if path.is_dir():  # parts of an output, see `pool_output_parts`
        shutil.rmtree(path)
    else:
        path.unlink()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _escaped(text: str) -> str:
    return "".join(f"[{c}]" if c in "*?[" else c for c in text)
