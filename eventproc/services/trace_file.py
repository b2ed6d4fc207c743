"""TraceFile: a trace in the Trace Event Format of Chrome and Perfetto, complete or not there."""

from __future__ import annotations

import contextlib
import os
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from eventproc.errors import FileWriteError

_BUFFERED = 2000
"""Records are written out this many at a time, so that a long job needs no more memory than a short one."""


_HEAD = b'{"displayTimeUnit":"ms","traceEvents":[\n'
_TAIL = b"\n]}\n"


def join_traces(parts: Sequence[Path], final: Path) -> None:
    """Makes one trace of those that several processes wrote; each process stands in it by its id.

    Raises:
        FileWriteError: the trace cannot be written.
    """
    temporary = final.with_name(f".{final.name}.tmp-{platform.node()}-{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            separator = b""
            file.write(_HEAD)
            for part in parts:
                records = part.read_bytes().removeprefix(_HEAD).removesuffix(_TAIL)
                if records:
                    file.write(separator + records)
                    separator = b",\n"
            file.write(_TAIL)
        temporary.replace(final)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        message = f"cannot write trace {str(final)!r}: {error.strerror}"
        raise FileWriteError(message) from error


class TraceFile:
    """Takes records one by one; they stand in a temporary file until `publish` gives it its name.

    Args:
        path: the final name; a file of that name is replaced.
    """

    def __init__(self, path: Path) -> None:
        """Makes the temporary file.

        Raises:
            FileWriteError: its folder is missing or cannot be written.
        """
        self._path = path
        self._temporary = path.with_name(f".{path.name}.tmp-{platform.node()}-{os.getpid()}")
        self._records: list[bytes] = []
        self._encode = msgspec.json.Encoder().encode
        self._separator = _HEAD
        try:
            self._file = self._temporary.open("wb", buffering=0)
        except OSError as error:
            message = (
                f"cannot write trace {str(path)!r}: {error.strerror}; its folder must exist and be writable"
            )
            raise FileWriteError(message) from error

    def add(self, record: dict[str, Any]) -> None:
        """Takes one record.

        Raises:
            OSError: the disk refused.
        """
        self._records.append(self._encode(record))
        if len(self._records) >= _BUFFERED:
            self._flush()

    def publish(self) -> None:
        """Completes the file and gives it its name.

        Raises:
            OSError: the disk refused.
        """
        self._flush()
        self._write(_TAIL if self._separator == b",\n" else self._separator + _TAIL)
        self._file.close()
        self._temporary.replace(self._path)

    def discard(self) -> None:
        """Leaves nothing behind; never raises."""
        with contextlib.suppress(OSError):
            self._file.close()
            self._temporary.unlink(missing_ok=True)

    def _flush(self) -> None:
        if self._records:
            self._write(self._separator + b",\n".join(self._records))
            self._separator = b",\n"
            self._records.clear()

    def _write(self, content: bytes) -> None:
        view = memoryview(content)
        while view:
            view = view[self._file.write(view) :]
