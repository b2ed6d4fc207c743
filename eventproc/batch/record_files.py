"""Record files: small JSON files that are complete or not there, and that one of several writers wins."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import msgspec

from eventproc.batch.errors import DamagedRecord
from eventproc.errors import FileReadError, FileWriteError
from eventproc.io.format.publication import NO_HARD_LINKS

RecordT = TypeVar("RecordT", bound=msgspec.Struct)


def read_record(path: Path, kind: type[RecordT]) -> RecordT | None:
    """The record in a file; None when there is no such file.

    Raises:
        DamagedRecord: the file holds something else.
        FileReadError: it cannot be read, which says nothing about what it holds.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        message = f"record {str(path)!r} cannot be read: {error.strerror}"
        raise FileReadError(message) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        message = f"record {str(path)!r} is damaged: {error}"
        raise DamagedRecord(message) from None


ReadT = TypeVar("ReadT")


class Reading:
    """Reads the files of one job, and goes on where one cannot be read.

    Attributes:
        problems: what is wrong with which file, a sentence each.
    """

    def __init__(self) -> None:
        self.problems: list[str] = []

    def __call__(self, read: Callable[[], ReadT]) -> ReadT | None:
        """What ``read`` returns; None where it raises FileReadError."""
        try:
            return read()
        except FileReadError as error:
            self.problems.append(str(error))
            return None


def write_record(path: Path, record: msgspec.Struct) -> None:
    """Writes a record, in place of an older one.

    Raises:
        FileWriteError: the file system refuses.
    """
    with _translated(path), _written_aside(path, record) as temporary:
        temporary.replace(path)


def write_whole(path: Path, text: str) -> None:
    """Writes a text in place of an older one; it is whole or not there.

    Raises:
        OSError: the file system refuses.
    """
    temporary = path.with_name(f".{path.name}.new")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def claim_record(path: Path, record: msgspec.Struct) -> bool:
    """Writes a record unless there is one; of several writers exactly one gets True.

    Raises:
        FileWriteError: the file system refuses.
    """
    with _translated(path), _written_aside(path, record) as temporary:
        try:
            os.link(temporary, path)
        except FileExistsError:
            return False
        except OSError as error:
            if error.errno not in NO_HARD_LINKS:
                raise
            return _claim_without_links(path, temporary)
        return True


def _claim_without_links(path: Path, temporary: Path) -> bool:
    # Only one creation succeeds here too, but a reader may see the file before it is filled.
    try:
        file = path.open("xb")
    except FileExistsError:
        return False
    try:
        with file:
            file.write(temporary.read_bytes())
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        path.unlink()  # else nobody could ever claim it
        raise
    return True


@contextmanager
def _written_aside(path: Path, record: msgspec.Struct) -> Iterator[Path]:
    """A file of the record beside its name, which nobody else writes; it is gone in the end."""
    # Containers on one host may share its name and count their processes alike.
    own = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
    temporary = path.with_name(f".{path.name}.{own}")
    try:
        with temporary.open("xb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(record), indent=1) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        message = f"record {str(path)!r} cannot be written: {error.strerror}"
        raise FileWriteError(message) from error
