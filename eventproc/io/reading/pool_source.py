"""PoolSource: events from ROOT files, whatever their layout."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain
from typing import Any

from eventproc.errors import ProductNotFound
from eventproc.io.reading.chunk_reader import ChunkReader
from eventproc.io.reading.event_selector import DuplicatePolicy, EventSelector, Selection
from eventproc.io.reading.input_files import InputFiles
from eventproc.io.reading.layout import make_layouts
from eventproc.io.reading.pool_source_params import PoolSourceParams
from eventproc.io.root.chunk import Chunk, ChunkEntry
from eventproc.io.root.freed_memory import keep_freed_memory
from eventproc.model.branch import BranchDescription
from eventproc.model.event_id import EventID
from eventproc.model.file_records import InputFileRecord
from eventproc.model.history import InputHistory
from eventproc.model.product import Product
from eventproc.modules.source import Source, SourceBinding, SourceEvent


class PoolSource(Source):
    """Reads ROOT files one after the other, a chunk ahead of the job."""

    class Params(PoolSourceParams):
        """Which files, which layout, which events; CMSSW's names and defaults where it has them."""

    skips_with = "skipEvents"

    def __init__(self, params: PoolSourceParams, process: str) -> None:
        """Finds the layouts, reads the ranges; files are opened by `branches`.

        Raises:
            ConfigurationError: a layout, a parameter of it, or a range is wrong.
        """
        self._params = params
        self._layouts = make_layouts(params.layout, params.layoutParameters)
        self._inputs = InputFiles(params, process, self._layouts)
        self._selector = self._new_selector()
        # Set by `branches` and `bind`, constant afterwards.
        self._bindings: Sequence[SourceBinding] = ()
        self._expected: int | None = None
        # Of next_event alone.
        self._chunk = Chunk(0, (), {}, [])
        self._rows: Iterator[int] = iter(())
        self._unread: float = math.inf  # events that may be asked for and are in no chunk handed over so far
        # The reading thread runs the iterator; nobody else touches it.
        self._thread: ThreadPoolExecutor | None = None
        self._chunks: Iterator[Chunk] = iter(())
        self._ahead: Future[Chunk | None] | None = None

    def branches(self) -> Sequence[BranchDescription]:
        """Opens every file once: that all are readable and alike is known before the first event.

        Raises:
            FileOpenError: a file cannot be opened, or no layout recognises it.
            FileReadError: a file is not what its checksum promises.
            ProductNotFound: a file lacks a branch that its layout needs.
            MismatchedInputFiles: a file holds other products than the first.
            ConfigurationError: a file was made by a process of the same name as this one, is given twice,
                or is of a scheme that may not be read.
        """
        self._inputs.open_all()
        return self._inputs.branches

    def level_branches(self) -> Sequence[BranchDescription]:
        """What the files hold of runs and luminosity blocks; known when `branches` was called."""
        return self._inputs.levels.branches

    def level_product(self, branch: BranchDescription, of: tuple[int, ...]) -> Product | None:
        """The product of a run or luminosity block, of all files together."""
        return self._inputs.levels.product(branch, of)

    def held_levels(self) -> Sequence[tuple[int, ...]]:
        """Those that are selected; none of an input of which only some entries are processed."""
        if any(self._params.entriesToProcess):
            return ()
        held, wants = self._inputs.levels.held(), self._selector.selection.lumi_test()
        if wants is None:
            return held
        lumis = [of for of in held if len(of) == 2 and wants((of[0], of[1]))]
        runs = {of[0] for of in lumis}
        return [of for of in held if len(of) == 1 and of[0] in runs] + lumis

    def history(self) -> Sequence[dict[str, Any]]:
        """Provenance of the processes that made the first file."""
        return self._inputs.history

    def histories(self) -> Sequence[InputHistory]:
        """Provenance of each file; files that the same processes made are one."""
        return self._inputs.histories

    def bind(self, bindings: Sequence[SourceBinding]) -> None:
        """Takes what the job wants.

        Raises:
            ProductNotFound: a product in the files lacks a column of the class the job knows, or has it
                with another type.
        """
        pfn = next(file.pfn for file in self._inputs.files if not file.why_skipped)
        for binding in bindings:
            _refuse_other_columns(binding, pfn)
        self._bindings = tuple(bindings)

    def limit(self, max_events: int) -> None:
        """Reads no chunk that holds only events after so many."""
        self._unread = max_events

    async def next_event(self) -> SourceEvent | None:
        """The next event, or None at the end.

        Raises:
            FileOpenError: a file cannot be opened any more.
            FileReadError: its content cannot be read.
            MismatchedInputFiles: an event comes again, and that is to end the job.
        """
        while (row := next(self._rows, None)) is None:
            chunk = await self._next_chunk()
            if chunk is None:
                return None
            self._chunk = chunk
            self._rows = chain.from_iterable(range(start, stop) for start, stop in chunk.ranges)
        event_id = self._chunk.ids[row]
        file = self._inputs.files[self._chunk.file_index]
        file.events_read += 1
        file.runs_and_lumis[event_id[:2]] = None
        return SourceEvent(event_id, ChunkEntry(self._chunk, row))

    def expected_events(self) -> int | None:
        """Events to process; where events are selected by id, all ids are read to know.

        Events that come again are counted here, and when they are left out there are fewer.

        Raises:
            FileOpenError: a file cannot be opened any more.
            FileReadError: ids cannot be read.
        """
        if self._expected is None:
            if self._selector.selects_by_id:
                reader = ChunkReader(self._inputs.files, self._layouts, (), self._new_selector(count=True))
                self._expected = reader.count()
            else:
                self._expected = max(0, self._inputs.expected() - self._params.skipEvents)
        return self._expected

    def input_files(self) -> Sequence[InputFileRecord]:
        """What was read of each file that was reached, and which files were left out."""
        return [file.record() for file in self._inputs.files if file.is_reached or file.why_skipped]

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
            self._chunks = ChunkReader(
                self._inputs.files, self._layouts, self._bindings, self._selector
            ).chunks()
            self._read_ahead()
        ahead = self._ahead
        if ahead is None:
            return None
        # Shielded: a stream that is cancelled must not take the chunk from the others.
        chunk = await asyncio.shield(asyncio.wrap_future(ahead))
        if chunk is None:
            return None
        self._unread -= sum(stop - start for start, stop in chunk.ranges)
        self._read_ahead()
        return chunk

    def _read_ahead(self) -> None:
        self._ahead = None
        if self._thread is not None and self._unread > 0:
            self._ahead = self._thread.submit(next, self._chunks, None)

    def _new_selector(self, *, count: bool = False) -> EventSelector:
        p = self._params
        selection = Selection(
            EventID(p.firstRun, p.firstLuminosityBlock, p.firstEvent),
            (p.lumisToProcess, p.lumisToSkip),
            (p.eventsToProcess, p.eventsToSkip),
        )
        mode = "noDuplicateCheck" if count else p.duplicateCheckMode
        return EventSelector(selection, DuplicatePolicy(mode, p.onDuplicate), p.skipEvents)


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
