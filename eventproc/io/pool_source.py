"""PoolSource: events from ROOT files, whatever their layout."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from typing import Annotated, Any

import msgspec

from eventproc.errors import (
    ConfigurationError,
    MismatchedInputFiles,
    ProductNotFound,
)
from eventproc.io.chunk import Chunk, ChunkEntry, plan_chunks
from eventproc.io.freed_memory import keep_freed_memory
from eventproc.io.layout import LayoutFile, make_layouts, open_with
from eventproc.io.root_file import RootFile
from eventproc.model.branch import BranchDescription
from eventproc.model.event_id import EventID
from eventproc.model.file_records import InputFileRecord
from eventproc.model.ranges import EntryRange, LumiMask
from eventproc.modules.parameters import ParameterDescription, doc
from eventproc.modules.source import Source, SourceBinding, SourceEvent

CHUNK_ENTRIES = 1000
"""Entries read at once, at least: fewer and uproot's cost per call shows, more and only memory grows."""

CHUNK_BYTES = 64_000_000
"""A cluster that takes more memory than this is cut, though its baskets are then decompressed again."""


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
    """

    name: str
    pfn: str
    n_entries: int
    entries: tuple[int, int]
    events_read: int = 0
    runs_and_lumis: dict[tuple[int, int], None] = field(default_factory=dict)


class PoolSource(Source):
    """Reads ROOT files one after the other, a chunk ahead of the job."""

    class Params(ParameterDescription):
        """Which files, which layout, which events."""

        fileNames: Annotated[
            list[str], doc("input files: paths, file: and a path, or URLs", untracked=True, min_length=1)
        ]
        layout: Annotated[str, doc("name of the layout of the files; auto tries all there are")] = "auto"
        layoutParameters: Annotated[dict[str, Any], doc("parameters of the layout, by name")] = msgspec.field(
            default_factory=dict
        )
        skipEvents: Annotated[int, doc("events to leave out at the beginning", untracked=True, ge=0)] = 0
        entriesToProcess: Annotated[
            list[str],
            doc("for each of fileNames its entries, as first-last from 0; '' for all", untracked=True),
        ] = []
        lumisToProcess: Annotated[
            list[str], doc("luminosity blocks to process, as run:first-run:last; none: all", untracked=True)
        ] = []

    skips_with = "skipEvents"

    def __init__(self, params: Params, process: str) -> None:
        """Finds the layouts; files are opened by `branches`."""
        self._params = params
        self._process = process
        self._layouts = make_layouts(params.layout, params.layoutParameters)
        self._entries = _entry_ranges(params)
        self._mask = LumiMask.parse(params.lumisToProcess) if params.lumisToProcess else None
        # Set by `branches`, constant afterwards.
        self._branches: Sequence[BranchDescription] = ()
        self._history: Sequence[dict[str, Any]] = ()
        self._files: list[InputFile] = []
        self._bindings: Sequence[SourceBinding] = ()
        # Of next_event alone.
        self._chunk = Chunk(0, (), {})
        self._row = 0
        # The reading thread runs the iterator; nobody else touches it.
        self._thread: ThreadPoolExecutor | None = None
        self._chunks: Iterator[Chunk] = iter(())
        self._ahead: Future[Chunk | None] | None = None

    def branches(self) -> Sequence[BranchDescription]:
        """Opens every file once: that all are readable and alike is known before the first event.

        Raises:
            FileOpenError: a file cannot be opened, or no layout recognises it.
            ProductNotFound: a file lacks a branch that its layout needs.
            MismatchedInputFiles: a file holds other products than the first.
            ConfigurationError: a file was made by a process of the same name as this one.
        """
        for name, entries in zip(self._params.fileNames, self._entries, strict=True):
            with RootFile(name) as file:
                opened = open_with(self._layouts, file)
                if not self._files:
                    self._branches, self._history = opened.branches, opened.history
                self._refuse_mismatch(file.pfn, opened)
                wanted = entries.clipped(opened.n_entries)
                self._files.append(InputFile(name, file.pfn, opened.n_entries, wanted))
        return self._branches

    def history(self) -> Sequence[dict[str, Any]]:
        """Provenance of the processes that made the first file."""
        return self._history

    def bind(self, bindings: Sequence[SourceBinding]) -> None:
        """Takes what the job wants.

        Raises:
            ProductNotFound: a product in the files lacks a column of the class the job knows, or has it
                with another type.
        """
        for binding in bindings:
            _refuse_other_columns(binding, self._files[0].pfn)
        self._bindings = tuple(bindings)

    async def next_event(self) -> SourceEvent | None:
        """The next event, or None at the end.

        Raises:
            FileOpenError: a file cannot be opened any more.
            FileReadError: its content cannot be read.
        """
        while self._row >= len(self._chunk.ids):
            chunk = await self._next_chunk()
            if chunk is None:
                return None
            self._chunk, self._row = chunk, 0
        row, self._row = self._row, self._row + 1
        event_id = self._chunk.ids[row]
        file = self._files[self._chunk.file_index]
        file.events_read += 1
        file.runs_and_lumis[event_id[:2]] = None
        return SourceEvent(event_id, ChunkEntry(self._chunk, row))

    def expected_events(self) -> int | None:
        """Events to process in all files, less those to skip; a lumi mask makes that unknown."""
        if self._mask is not None:
            return None
        entries = sum(stop - start for start, stop in (file.entries for file in self._files))
        return max(0, entries - self._params.skipEvents)

    def input_files(self) -> Sequence[InputFileRecord]:
        """What was read of each file that was reached."""
        return [
            InputFileRecord(file.pfn, file.events_read, tuple(file.runs_and_lumis))
            for file in self._files
            if file.events_read or not file.n_entries
        ]

    def close(self) -> None:
        """Ends the reading thread, and with it the open file."""
        if self._thread is not None:
            self._thread.shutdown(wait=True, cancel_futures=True)
            self._thread = None
        self._chunks = iter(())
        self._ahead = None

    async def _next_chunk(self) -> Chunk | None:
        if self._thread is None:
            # Not earlier: a job may start worker processes before its first event, and threads do not follow.
            keep_freed_memory()
            self._thread = ThreadPoolExecutor(1, "pool-source")
            self._chunks = self._read_chunks()
            self._read_ahead()
        ahead = self._ahead
        if ahead is None:
            return None
        # Shielded: a stream that is cancelled must not take the chunk from the others.
        chunk = await asyncio.shield(asyncio.wrap_future(ahead))
        if chunk is None:
            return None
        self._read_ahead()
        return chunk

    def _read_ahead(self) -> None:
        if self._thread is not None:
            self._ahead = self._thread.submit(next, self._chunks, None)

    def _read_chunks(self) -> Iterator[Chunk]:
        skip = self._params.skipEvents
        for index, file in enumerate(self._files):
            begin, end = file.entries
            if begin + skip < end:
                with RootFile(file.name) as root_file:
                    opened = open_with(self._layouts, root_file)
                    for start, stop in self._plan(opened, begin + skip, end):
                        yield from self._chunks_between(index, opened, start, stop)
            skip = max(0, skip - (end - begin))

    def _plan(self, file: LayoutFile, start: int, stop: int) -> Sequence[tuple[int, int]]:
        wanted = [binding.branch for binding in self._bindings]
        at_most = max(CHUNK_ENTRIES, int(CHUNK_BYTES / max(file.entry_bytes(wanted), 1.0)))
        limits = [limit for limit in file.cluster_limits(wanted) if limit < stop]
        return plan_chunks([*limits, stop], start, CHUNK_ENTRIES, at_most)

    def _chunks_between(self, index: int, file: LayoutFile, start: int, stop: int) -> Iterator[Chunk]:
        """One chunk, or with a lumi mask one for each stretch of entries that it lets through."""
        ids = file.event_ids(start, stop)
        if self._mask is None:
            yield self._read_chunk(index, file, start, ids)
            return
        first = 0
        for lumi, group in groupby(ids, key=itemgetter(0, 1)):
            last = first + len(list(group))
            if self._mask.contains(*lumi):
                yield self._read_chunk(index, file, start + first, ids[first:last])
            first = last

    def _read_chunk(self, index: int, file: LayoutFile, start: int, ids: Sequence[EventID]) -> Chunk:
        products = {}
        for binding in self._bindings:
            names = [c.name for c in binding.product_type.schema()]
            products[binding.slot] = (
                binding.product_type,
                file.read(binding.branch, names, start, start + len(ids)),
            )
        return Chunk(index, ids, products)

    def _refuse_mismatch(self, pfn: str, opened: LayoutFile) -> None:
        if self._process in [record.get("name") for record in opened.history]:
            message = (
                f"input file {pfn!r} was made by a process named {self._process!r}; "
                "give this process another name"
            )
            raise ConfigurationError(message)
        first, found = set(self._branches), set(opened.branches)
        if first != found:
            lacking = ", ".join(sorted(branch.name for branch in first - found)) or "none"
            other = ", ".join(sorted(branch.name for branch in found - first)) or "none"
            message = (
                f"input file {pfn!r} holds other products than {self._files[0].pfn!r}; "
                f"lacking or different: {lacking}; only here or different: {other}"
            )
            raise MismatchedInputFiles(message)


def _entry_ranges(params: PoolSource.Params) -> list[EntryRange]:
    files, ranges = params.fileNames, params.entriesToProcess
    if ranges and len(ranges) != len(files):
        message = f"PoolSource: {len(ranges)} entriesToProcess for {len(files)} fileNames; give one for each"
        raise ConfigurationError(message)
    if params.lumisToProcess and params.skipEvents:
        message = "PoolSource: skipEvents counts entries and cannot go with lumisToProcess; leave one out"
        raise ConfigurationError(message)
    return [EntryRange.parse(text) for text in ranges] or [EntryRange()] * len(files)


def _refuse_other_columns(binding: SourceBinding, pfn: str) -> None:
    stored = {c.name: c for c in binding.branch.schema}
    for wanted in binding.product_type.schema():
        found = stored.get(wanted.name)
        if found is None or (found.dtype, found.axis) != (wanted.dtype, wanted.axis):
            kind = "no such column" if found is None else f"it as {found.dtype} on axis {found.axis!r}"
            message = (
                f"the job wants column {wanted.name!r} ({wanted.dtype} on axis {wanted.axis!r}) of "
                f"{binding.branch.name}; input file {pfn!r} has {kind} (columns: {', '.join(stored)})"
            )
            raise ProductNotFound(message)
