"""Datasets: file lists, globs, URLs and coffea's file sets become the files that jobs read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from eventproc.errors import ConfigurationError, near_names
from eventproc.model.ranges import EntryRange
from eventproc.model.splitting import DatasetFile

_LISTS = (".txt", ".list")
_GLOB = frozenset("*?[")


def read_dataset(words: Sequence[str], name: str = "") -> list[DatasetFile]:
    """The files that words on the command line stand for, in order; none is opened.

    Args:
        words: paths, globs, URLs, text files with one of these a line (``.txt``, ``.list``), or coffea file
            sets (``.json``); several words may be given in one, with commas between them.
        name: the dataset to take from a file set that holds several.

    Raises:
        ConfigurationError: a file does not exist, a glob matches nothing, or a list cannot be read.
    """
    separate = [part for word in words for part in word.split(",") if part]
    files = [file for word in separate for file in _files(word, name)]
    if not files:
        message = "the dataset is empty: give files, globs, a list of files or a file set"
        raise ConfigurationError(message)
    return files


def refuse_repeated(files: Iterable[DatasetFile]) -> None:
    """Refuses entries that a dataset names twice: overlapping globs, or steps of a file set.

    Raises:
        ConfigurationError: some of a file's entries are named again.
    """
    ordered = sorted(files, key=lambda file: (file.name, file.entries.start))
    for file, following in pairwise(ordered):
        stop = file.entries.stop
        if file.name == following.name and (stop is None or following.entries.start < stop):
            message = (
                f"dataset file {file.name!r} is given twice; every event would be processed twice. "
                "duplicateCheckMode = 'noDuplicateCheck' of the job's PoolSource lets that be"
            )
            raise ConfigurationError(message)


def _files(word: str, name: str) -> Iterable[DatasetFile]:
    path = Path(word.removeprefix("file:"))
    if "://" in word and not word.startswith("file:"):
        return [DatasetFile(word)]
    if path.suffix == ".json":
        return _file_set(path, name)
    if path.suffix in _LISTS:
        return [file for line in _lines(path) for file in _files(_beside(path, line), name)]
    return [DatasetFile(found) for found in _expanded(path)]


def _expanded(path: Path) -> list[str]:
    if path.is_file():
        return [str(path.resolve())]
    if _GLOB.isdisjoint(str(path)):
        known = [entry.name for entry in path.parent.glob("*")] if path.parent.is_dir() else []
        hint = near_names(path.name, known, "its folder is empty or not there")
        message = f"dataset file {str(path)!r} does not exist: {hint}"
        raise ConfigurationError(message)
    anchor = Path(path.anchor or ".")
    pattern = str(path.relative_to(anchor)) if path.anchor else str(path)
    found = sorted(str(match.resolve()) for match in anchor.glob(pattern) if match.is_file())
    if not found:
        message = f"no file matches {str(path)!r}"
        raise ConfigurationError(message)
    return found


def _lines(path: Path) -> list[str]:
    try:
        lines = [line.split("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        message = f"file list {str(path)!r} cannot be read: {reason}"
        raise ConfigurationError(message) from None
    return [line for line in lines if line]


def _beside(listing: Path, word: str) -> str:
    """A relative path in a list counts from the list's folder."""
    return word if "://" in word or word.startswith("file:") else str(listing.parent / word)


def _json(path: Path, what: str) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        message = f"{what} {str(path)!r} cannot be read: {reason}"
        raise ConfigurationError(message) from None


def _file_set(path: Path, name: str) -> list[DatasetFile]:
    sets = _json(path, "file set")
    if not isinstance(sets, dict) or not sets:
        message = f'file set {str(path)!r} must look like {{"TT": {{"files": {{"a.root": "Events"}}}}}}'
        raise ConfigurationError(message)
    if not name and len(sets) > 1:
        message = f"file set {str(path)!r} holds {len(sets)} datasets: name one of {', '.join(sorted(sets))}"
        raise ConfigurationError(message)
    chosen = name or next(iter(sets))
    if chosen not in sets:
        message = f"file set {str(path)!r} has no dataset {chosen!r}: {near_names(chosen, sets)}"
        raise ConfigurationError(message)
    content = sets[chosen]
    # coffea accepts {"files": {...}} and, for short, the files alone, also as a list.
    files = content.get("files", content) if isinstance(content, dict) else content
    if isinstance(files, list):
        files = dict.fromkeys(files)
    if not isinstance(files, dict):
        message = f"file set {str(path)!r}: dataset {chosen!r} names no files"
        raise ConfigurationError(message)
    return [part for file, about in files.items() for part in _parts(path, str(file), about)]


def _parts(path: Path, file: str, about: Any) -> list[DatasetFile]:
    """A file of a file set, or the steps of it."""
    name = _beside(path, file)
    (whole,) = _files(name, "")
    steps = about.get("steps") if isinstance(about, dict) else None
    if not steps:
        return [whole]
    try:
        ranges = [EntryRange(int(start), int(stop)) for start, stop in steps]
    except (TypeError, ValueError) as error:
        message = f"file set {str(path)!r}: the steps of {file!r} are not [start, stop] pairs: {error}"
        raise ConfigurationError(message) from None
    return [DatasetFile(whole.name, entries) for entries in ranges if entries.stop != entries.start]
