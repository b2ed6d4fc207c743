"""Record files: small JSON files that are complete or not there, and that one of several writers wins."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import TypeVar

import msgspec

from eventproc.errors import FileReadError, FileWriteError
from eventproc.io.format.publication import NO_HARD_LINKS

RecordT = TypeVar("RecordT", bound=msgspec.Struct)


def read_record(path: Path, kind: type[RecordT]) -> RecordT | None:
    """The record in a file; None when there is no such file.

    Raises:
        FileReadError: the file cannot be read or holds something else.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        message = f"record {str(path)!r} cannot be read: {error}"
        raise FileReadError(message) from None


def write_record(path: Path, record: msgspec.Struct) -> None:
    """Writes a record, in place of an older one.

    Raises:
        FileWriteError: the file system refuses.
    """
    temporary = _written_aside(path, record)
    temporary.replace(path)


def claim_record(path: Path, record: msgspec.Struct) -> bool:
    """Writes a record unless there is one; of several writers exactly one gets True.

    Raises:
        FileWriteError: the file system refuses.
    """
    temporary = _written_aside(path, record)
    try:
        os.link(temporary, path)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in NO_HARD_LINKS:
            message = f"record {str(path)!r} cannot be written: {error.strerror}"
            raise FileWriteError(message) from error
        return _claim_without_links(path, temporary)
    finally:
        temporary.unlink(missing_ok=True)
    return True


def _claim_without_links(path: Path, temporary: Path) -> bool:
    # Only one creation succeeds here too, but a reader may see the file before it is filled.
    try:
        with path.open("xb") as file:
            file.write(temporary.read_bytes())
    except FileExistsError:
        return False
    return True


def _written_aside(path: Path, record: msgspec.Struct) -> Path:
    temporary = path.with_name(f".{path.name}.{socket.gethostname()}-{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(record), indent=1) + b"\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        message = f"record {str(path)!r} cannot be written: {error.strerror}"
        raise FileWriteError(message) from error
    return temporary
