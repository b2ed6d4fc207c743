"""ChecksumManifest: what the bytes of input files should add up to, and whether they do."""

from __future__ import annotations

import hashlib
import json
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self, cast

from eventproc.errors import ConfigurationError, EventProcError, FileReadError, near_names
from eventproc.io.root.input_names import local_path, remote_file_system

_BLOCK_BYTES = 1 << 20
_DIGITS = {"sha256": 64, "adler32": 8}


@dataclass(frozen=True, slots=True)
class ChecksumManifest:
    """Checksums by file.

    Attributes:
        name: the manifest itself.
        checksums: by the file's name as the manifest gives it, ``sha256`` or ``adler32`` and the hex digits.
    """

    name: str
    checksums: Mapping[str, tuple[str, str]]

    @classmethod
    def read(cls, path: Path) -> Self:
        """Reads a manifest.

        One of: the lines of ``sha256sum``; a list of ``{"file": ..., "sha256": ...}``, or ``"adler32"``; or
        the job report, as JSON, of the job that wrote the files.

        Raises:
            ConfigurationError: it cannot be read, or is none of that.
        """
        try:
            text = path.read_text(encoding="utf-8")
            found = dict(_entries(text))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            reason = error.strerror if isinstance(error, OSError) else repr(error)
            message = (
                f"checksum manifest {str(path)!r} cannot be read: {reason}; it holds the lines of sha256sum, "
                'a list of {"file": ..., "sha256": ...}, or the JSON of a job report'
            )
            raise ConfigurationError(message) from None
        return cls(str(path), found)

    def check(self, file_name: str) -> None:
        """Reads a whole file and compares.

        Raises:
            ConfigurationError: the manifest does not speak of the file.
            FileReadError: it cannot be read, or its bytes are others.
        """
        algorithm, expected = self._checksum(file_name)
        try:
            with _open(file_name) as file:
                found = _digest(file, algorithm)
        except EventProcError:
            raise
        except Exception as error:  # a remote file raises what its library does
            message = f"input file {file_name!r} cannot be read: {error}"
            raise FileReadError(message) from error
        if found != expected:
            message = (
                f"input file {file_name!r} is not what its checksum promises: {algorithm} {found}, "
                f"and {expected} in {self.name!r}"
            )
            raise FileReadError(message)

    def _checksum(self, file_name: str) -> tuple[str, str]:
        folder = Path(self.name).parent.resolve()
        path = local_path(file_name)
        for name, checksum in self.checksums.items():
            if name == file_name or (path is not None and (folder / name).resolve() == path.resolve()):
                return checksum
        message = (
            f"checksum manifest {self.name!r} does not speak of input file {file_name!r}: "
            f"{near_names(file_name, self.checksums)}"
        )
        raise ConfigurationError(message)


def _open(file_name: str) -> IO[bytes]:
    path = local_path(file_name)
    if path is not None:
        return path.open("rb")
    system, remote = remote_file_system(file_name)
    return cast(IO[bytes], system.open(remote, "rb"))


def _digest(file: IO[bytes], algorithm: str) -> str:
    adler32, sha256 = 1, hashlib.sha256()
    while block := file.read(_BLOCK_BYTES):
        if algorithm == "adler32":
            adler32 = zlib.adler32(block, adler32)
        else:
            sha256.update(block)
    return f"{adler32:08x}" if algorithm == "adler32" else sha256.hexdigest()


def _entries(text: str) -> list[tuple[str, tuple[str, str]]]:
    if text.lstrip()[:1] not in ("[", "{"):
        return [_line(line) for line in text.splitlines() if line.strip()]
    document = json.loads(text)
    if isinstance(document, dict):
        return [(output["pfn"], _one_of(output["checksum"])) for output in document["outputs"]]
    return [(entry["file"], _one_of(entry)) for entry in document]


def _line(line: str) -> tuple[str, tuple[str, str]]:
    found = re.fullmatch(r"([0-9a-f]{64})[ *]{1,2}(.+)", line)
    if found is None:
        message = f"line {line[:80]!r} is not of sha256sum"
        raise ValueError(message)
    return found[2], ("sha256", found[1])


def _one_of(entry: Mapping[str, str]) -> tuple[str, str]:
    algorithm = next(name for name in _DIGITS if name in entry) if set(_DIGITS) & set(entry) else ""
    if not algorithm:
        message = f"no {' or '.join(_DIGITS)}"
        raise ValueError(message)
    return _checked(algorithm, entry[algorithm])


def _checked(algorithm: str, digits: str) -> tuple[str, str]:
    if not re.fullmatch(rf"[0-9a-f]{{{_DIGITS[algorithm]}}}", digits):
        message = f"{digits!r} is no {algorithm}"
        raise ValueError(message)
    return algorithm, digits
