"""InputFiles: the files of a job, looked at before the first event: there, whole, known, and alike."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eventproc.errors import (
    ConfigurationError,
    EventProcError,
    FileOpenError,
    FileReadError,
    MismatchedInputFiles,
    ProductNotFound,
)
from eventproc.io.format.checksum_manifest import ChecksumManifest
from eventproc.io.reading.input_levels import InputLevels
from eventproc.io.reading.layout import Layout, LayoutFile, open_with
from eventproc.io.reading.pool_source_params import PoolSourceParams
from eventproc.io.root.input_names import expanded
from eventproc.io.root.root_file import RootFile
from eventproc.model.branch import BranchDescription
from eventproc.model.file_records import InputFileRecord
from eventproc.model.history import InputHistory, joined_histories
from eventproc.model.input_tag import InputTag
from eventproc.model.ranges import EntryRange

_LOG = logging.getLogger("PoolSource")

_BAD = (FileOpenError, FileReadError, ProductNotFound)
"""What `skipBadFiles` leaves out: files that hold other products are not bad, but the wrong ones."""


@dataclass(slots=True)
class InputFile:
    """One input file and what was read of it.

    Attributes:
        name: as the job gives it.
        pfn: where it lies.
        n_entries: events in it.
        entries: start and stop of the entries to process.
        events_read: events handed out.
        runs_and_lumis: run and luminosity block of the events handed out, in order of appearance.
        duplicates: events in it that came before.
        is_reached: whether reading has come to it.
        why_skipped: why it is left out; "" for one that is read.
    """

    name: str
    pfn: str
    n_entries: int
    entries: tuple[int, int]
    events_read: int = 0
    runs_and_lumis: dict[tuple[int, int], None] = field(default_factory=dict)
    duplicates: int = 0
    is_reached: bool = False
    why_skipped: str = ""

    def record(self) -> InputFileRecord:
        """What the job report says of it."""
        return InputFileRecord(
            self.pfn,
            self.events_read,
            tuple(self.runs_and_lumis),
            duplicates=self.duplicates,
            why_skipped=self.why_skipped,
        )


class InputFiles:
    """The files of a job in order.

    Attributes:
        files: all of them, those left out included.
        branches: what each of them holds.
        history: provenance of the processes that made the first one.
        histories: the same of each file; files that the same processes made are one.
        levels: their products of runs and luminosity blocks.
    """

    def __init__(self, params: PoolSourceParams, process: str, layouts: Mapping[str, Layout]) -> None:
        """Checks what can be checked without opening a file.

        Raises:
            ConfigurationError: entries are not given for each file, or are written wrongly.
        """
        self.files: list[InputFile] = []
        self.branches: Sequence[BranchDescription] = ()
        self.history: Sequence[dict[str, Any]] = ()
        self.levels = InputLevels()
        self.histories: Sequence[InputHistory] = ()
        self._params = params
        self._process = process
        self._layouts = layouts
        self._entries = _entry_ranges(params)

    def open_all(self) -> None:
        """Opens every file once: that all are readable and alike is known before the first event.

        Raises:
            FileOpenError: a file cannot be opened, or no layout recognises it.
            FileReadError: a file is not what its checksum promises.
            ProductNotFound: a file lacks a branch that its layout needs.
            MismatchedInputFiles: a file holds other products than the first.
            ConfigurationError: a file was made by a process of the same name as this one, is given twice,
                or is of a scheme that may not be read.
        """
        manifest = self._params.checksumManifest
        checksums = ChecksumManifest.read(Path(manifest)) if manifest else None
        last: EventProcError | None = None
        for name, entries in self._names():
            try:
                if checksums is not None:
                    checksums.check(name)
                self._open(name, entries)
            except _BAD as error:
                if not self._params.skipBadFiles:
                    raise
                _LOG.warning("input file %r is left out: %s", name, error)
                self.files.append(InputFile(name, name, 0, (0, 0), why_skipped=str(error)))
                last = error
        if last is not None and all(file.why_skipped for file in self.files):
            raise last

    def expected(self) -> int:
        """Entries to process in all files."""
        return sum(stop - start for start, stop in (file.entries for file in self.files))

    def _names(self) -> list[tuple[str, EntryRange]]:
        names = [
            (name, entries)
            for given, entries in zip(self._params.fileNames, self._entries, strict=True)
            for name in expanded(given)
        ]
        if len(names) != len(self._entries) and self._params.entriesToProcess:
            message = "PoolSource: entriesToProcess need each of fileNames by its own name, without wildcards"
            raise ConfigurationError(message)
        if not self._params.entriesToProcess and self._params.duplicateCheckMode != "noDuplicateCheck":
            _refuse_twice([name for name, _ in names])
        return names

    def _open(self, name: str, entries: EntryRange) -> None:
        with RootFile(name) as file:
            opened = open_with(self._layouts, file)
            if all(known.why_skipped for known in self.files):
                self.branches, self.history = opened.branches, opened.history
                self.levels = InputLevels(tuple(opened.levels))
            histories = _histories(file.pfn, opened)
            self._refuse_own_name(file.pfn, histories)
            self._refuse_mismatch(file.pfn, opened)
            self.histories = joined_histories([*self.histories, *histories])
            self.levels.add(opened.levels)
            self.files.append(InputFile(name, file.pfn, opened.n_entries, entries.clipped(opened.n_entries)))

    def _refuse_own_name(self, pfn: str, histories: Sequence[InputHistory]) -> None:
        if self._process in [name for history in histories for name, _ in history.key]:
            message = (
                f"input file {pfn!r} was made by a process named {self._process!r}; "
                "give this process another name"
            )
            raise ConfigurationError(message)

    def _refuse_mismatch(self, pfn: str, opened: LayoutFile) -> None:
        first = {*self.branches, *self.levels.branches}
        found = {*opened.branches, *opened.levels}
        other_pfn = next((file.pfn for file in self.files if not file.why_skipped), pfn)
        if first != found:
            lacking = ", ".join(sorted(branch.name for branch in first - found)) or "none"
            other = ", ".join(sorted(branch.name for branch in found - first)) or "none"
            message = (
                f"input file {pfn!r} holds other products than {other_pfn!r}; "
                f"lacking or different: {lacking}; only here or different: {other}"
            )
            raise MismatchedInputFiles(message)
        meant = latest_processes([*self.branches, *self.levels.branches])
        for tag, process in latest_processes([*opened.branches, *opened.levels]).items():
            if meant[tag] != process:
                message = (
                    f"{tag} without a process means that of {process!r} in input file {pfn!r} and that of "
                    f"{meant[tag]!r} in {other_pfn!r}: their processes ran in another order"
                )
                raise MismatchedInputFiles(message)


def latest_processes(branches: Sequence[BranchDescription]) -> dict[str, str]:
    """Which process a tag without one means, for each product.

    Args:
        branches: of several processes' products the most recent first.
    """
    latest: dict[str, str] = {}
    for b in branches:
        latest.setdefault(
            f"{b.type_name} '{InputTag(b.label, b.instance)}' of the {b.branch_type}", b.process
        )
    return latest


def _histories(pfn: str, opened: LayoutFile) -> Sequence[InputHistory]:
    """Of everything that came into a file, with the file's own process at the end of each."""
    if not opened.histories:
        return [InputHistory((pfn,), tuple(opened.history))]
    own = opened.history[-1]
    return [InputHistory((pfn,), (*history.processes, own)) for history in opened.histories]


def _entry_ranges(params: PoolSourceParams) -> list[EntryRange]:
    files, ranges = params.fileNames, params.entriesToProcess
    if ranges and len(ranges) != len(files):
        message = f"PoolSource: {len(ranges)} entriesToProcess for {len(files)} fileNames; give one for each"
        raise ConfigurationError(message)
    return [EntryRange.parse(text) for text in ranges] or [EntryRange()] * len(files)


def _refuse_twice(names: Sequence[str]) -> None:
    twice = [name for place, name in enumerate(names) if name in names[:place]]
    if twice:
        message = (
            f"input file {twice[0]!r} is given twice; every event would be processed twice. "
            "duplicateCheckMode = 'noDuplicateCheck' lets that be"
        )
        raise ConfigurationError(message)
