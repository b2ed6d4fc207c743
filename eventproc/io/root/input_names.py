"""Names of input files: which schemes are allowed, and what a glob stands for, here or elsewhere."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import fsspec

from eventproc.errors import ConfigurationError, FileOpenError, near_names

SCHEMES = ("file", "http", "https", "root")
"""What an input may be read from; fsspec knows many more, some of which run commands or unpack archives."""

_ADDED = {"root": "root:// needs a package: pip install 'eventproc[xrootd]'"}
"""Schemes that need a package beside this one."""


def local_path(file_name: str) -> Path | None:
    """The path of a local file name, its ``file:`` prefix removed; None for a URL of another scheme."""
    if file_name.startswith("file:"):
        name = file_name.removeprefix("file:")
        return Path("/" + name.lstrip("/")) if name.startswith("//") else Path(name)
    return None if "://" in file_name else Path(file_name)


def check_scheme(file_name: str) -> None:
    """Checks that a URL is of a scheme that may be read.

    Raises:
        ConfigurationError: it is not, or it chains several, as fsspec's ``zip://a::http://b`` does.
    """
    scheme = file_name.partition("://")[0] if "://" in file_name else "file"
    if scheme not in SCHEMES or "::" in file_name.replace("[::", "["):
        known = ", ".join(f"{each}:" for each in SCHEMES)
        message = (
            f"input file {file_name!r} cannot be read: inputs are paths and URLs of {known} "
            f"({near_names(scheme, SCHEMES)})"
        )
        raise ConfigurationError(message)


def is_glob(file_name: str) -> bool:
    """Whether a name stands for several files; a local file of that very name stands for itself."""
    path = local_path(file_name)
    if path is not None:
        return glob.has_magic(str(path)) and not path.exists()
    # A "?" begins the query of a URL.
    return any(c in urlsplit(file_name).path for c in "*[")


def expanded(file_name: str) -> Sequence[str]:
    """The files that a name stands for: itself, or those that match a glob, sorted.

    Raises:
        ConfigurationError: its scheme is none of `SCHEMES`.
        FileOpenError: nothing matches, or the folder cannot be listed.
    """
    check_scheme(file_name)
    if not is_glob(file_name):
        return [file_name]
    path = local_path(file_name)
    names = glob.glob(str(path), recursive=True) if path is not None else _remote_matches(file_name)  # noqa: PTH207 - Path.glob takes no absolute pattern
    if not names:
        message = f"no file matches {file_name!r}"
        raise FileOpenError(message)
    return sorted(names)


def remote_file_system(file_name: str) -> tuple[Any, str]:
    """The fsspec file system of a URL, and the file's path in it.

    Raises:
        FileOpenError: a package for its scheme is missing, or the server cannot be reached.
    """
    try:
        system, path = fsspec.core.url_to_fs(file_name)
    except ImportError:
        scheme = file_name.partition("://")[0]
        message = f"cannot open input file {file_name!r}: {_ADDED.get(scheme, 'a package is missing')}"
        raise FileOpenError(message) from None
    except Exception as error:  # every file system raises what its library does
        message = f"cannot open input file {file_name!r}: {error}"
        raise FileOpenError(message) from error
    return system, str(path)


def _remote_matches(file_name: str) -> list[str]:
    system, path = remote_file_system(file_name)
    try:
        found = system.glob(path)
    except Exception as error:
        message = f"cannot list {file_name!r}: {type(error).__name__}: {error}"
        raise FileOpenError(message) from error
    return [str(system.unstrip_protocol(match)) for match in found]
