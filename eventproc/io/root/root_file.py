"""RootFile: an open ROOT file and its trees."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import uproot
from uproot.source.file import MultithreadedFileSource

from eventproc.errors import FileOpenError, near_names
from eventproc.io.root import decompression_limits
from eventproc.io.root.input_names import check_scheme, local_path, remote_file_system
from eventproc.io.root.root_tree import RootTree
from eventproc.io.root.uproot_errors import opening

_HEADER_BYTES = 20
_BIG_FILE_VERSION = 1_000_000
"""From this fVersion on the header holds 64-bit positions (ROOT TFile.cxx, file format)."""

_LOCAL = {"handler": MultithreadedFileSource, "use_threads": False}
"""Plain reads in the calling thread: half the CPU time of uproot's default, which goes through fsspec."""


_XROOTD_LIMITS = {"XRD_CONNECTIONWINDOW": "10", "XRD_CONNECTIONRETRY": "2"}
"""Seconds, and tries, until XRootD gives up on a server that does not answer; its own are 120 and 5."""


class NotInFile(FileOpenError):
    """The file is whole, but has not the objects that were looked for: it is of another kind."""


def why_not_root(header: bytes, size_bytes: int) -> str:
    """What is wrong with a file, judged by its first bytes and its size; "" when nothing is.

    Args:
        header: the first 20 bytes, or all there are.
        size_bytes: size of the file.
    """
    if size_bytes == 0:
        return "it is empty (0 bytes)"
    if not header.startswith(b"root"):
        return f"it is not a ROOT file: it begins with {header[:4]!r} instead of b'root'"
    if len(header) < _HEADER_BYTES:
        return f"it is truncated to {size_bytes} bytes, within its header"
    version = int.from_bytes(header[4:8], "big")
    end = int.from_bytes(header[12 : 20 if version >= _BIG_FILE_VERSION else 16], "big")
    if size_bytes < end:
        return f"it is truncated: its header promises {end} bytes and it has {size_bytes}"
    return ""


class RootFile:
    """A ROOT file open for reading; use it as a context manager."""

    def __init__(self, file_name: str) -> None:
        """Opens the file.

        Args:
            file_name: a path, ``file:`` and a path, or a URL that uproot and fsspec can open.

        Raises:
            FileOpenError: it is missing, a folder, empty, truncated or not a ROOT file.
            ConfigurationError: it is a URL of a scheme that may not be read.
        """
        check_scheme(file_name)
        decompression_limits.install()
        path = local_path(file_name)
        self.pfn = file_name if path is None else str(path)
        if path is not None:
            _refuse_damaged(path)
        else:
            _prepare_remote(file_name)
        with opening("", self.pfn):
            self._directory: Any = uproot.open({self.pfn: None}, **({} if path is None else _LOCAL))
            self._class_names: dict[str, str] = self._directory.classnames(cycle=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_ending: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file; it may be closed twice."""
        self._directory.close()

    def tree_names(self) -> Sequence[str]:
        """Names of the trees in the file, those in folders with their folder."""
        return sorted(name for name, class_name in self._class_names.items() if class_name == "TTree")

    def tree(self, name: str) -> RootTree:
        """A tree of the file.

        Raises:
            NotInFile: the file has no such tree.
            FileOpenError: the tree cannot be read.
        """
        if name not in self.tree_names():
            message = f"input file {self.pfn!r} has no tree {name!r}; {self._what_there_is(name)}"
            raise NotInFile(message)
        with opening(f"tree {name!r}", self.pfn):
            return RootTree(self.pfn, self._directory[name])

    def text(self, key: str) -> str | None:
        """The text of a TObjString, or None when the file has no such key.

        Raises:
            FileOpenError: the key is there and cannot be read.
        """
        if self._class_names.get(key) != "TObjString":
            return None
        with opening(f"key {key!r}", self.pfn):
            return str(self._directory[key])

    def member_names(self, class_name: str) -> Sequence[str]:
        """Names of the data members that the file's streamer info gives a class, in stored order.

        Raises:
            FileOpenError: the streamer info cannot be read.
        """
        with opening("the streamer info", self.pfn):
            streamers = self._directory.file.streamers.get(class_name, {})
            newest = streamers[max(streamers)] if streamers else None
            return [element.name for element in newest.elements] if newest else []

    def _what_there_is(self, name: str) -> str:
        trees = self.tree_names()
        if name in self._class_names:
            return f"{name!r} is a {self._class_names[name]}, and only a TTree can be read"
        if trees:
            return "its trees: " + ", ".join(repr(tree) for tree in trees)
        if not self._class_names:
            return "it holds no objects at all: its writer may not have closed it"
        return "it has no trees; its objects: " + ", ".join(list(self._class_names)[:12])


def _prepare_remote(file_name: str) -> None:
    """What uproot would tell badly, or only after minutes."""
    for name, value in _XROOTD_LIMITS.items():
        os.environ.setdefault(name, value)
    system, path = remote_file_system(file_name)
    if file_name.startswith("http"):
        with opening("", file_name):
            header = system.cat_file(path, start=0, end=_HEADER_BYTES)
        if len(header) > _HEADER_BYTES:
            message = (
                f"cannot open input file {file_name!r}: its server serves no ranges, "
                "it sends the whole file when asked for a part"
            )
            raise FileOpenError(message)


def _refuse_damaged(path: Path) -> None:
    try:
        with path.open("rb") as file:
            reason = why_not_root(file.read(_HEADER_BYTES), path.stat().st_size)
    except FileNotFoundError:
        reason = _why_missing(path)
    except OSError as error:
        reason = "it is a folder" if path.is_dir() else str(error.strerror)
    if reason:
        message = f"cannot open input file {str(path)!r}: {reason}"
        raise FileOpenError(message)


def _why_missing(path: Path) -> str:
    if not path.parent.is_dir():
        return f"its folder {str(path.parent)!r} does not exist"
    neighbours = (entry.name for entry in path.parent.glob("*.root"))
    return f"it does not exist: {near_names(path.name, neighbours, 'its folder holds no ROOT file')}"
