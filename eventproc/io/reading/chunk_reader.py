"""ChunkReader: goes through the input files and reads chunks of those events that are wanted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from eventproc.io.reading.event_selector import EventSelector
from eventproc.io.reading.input_files import InputFile
from eventproc.io.reading.layout import Layout, LayoutFile, open_with
from eventproc.io.root.chunk import Chunk, plan_chunks
from eventproc.io.root.column import RowRange
from eventproc.io.root.root_file import RootFile
from eventproc.model.event_id import EventID
from eventproc.modules.source import SourceBinding

CHUNK_ENTRIES = 1000
"""Entries read at once, at least: fewer and uproot's cost per call shows, more and only memory grows."""

CHUNK_BYTES = 64_000_000
"""A cluster that takes more memory than this is cut, though its baskets are then decompressed again."""


class ChunkReader:
    """Reads files one after the other, in one thread.

    Args:
        files: the files.
        layouts: how they may be laid out, by name.
        bindings: the products that are wanted.
        selector: which events are.
    """

    def __init__(
        self,
        files: Sequence[InputFile],
        layouts: Mapping[str, Layout],
        bindings: Sequence[SourceBinding],
        selector: EventSelector,
    ) -> None:
        self._files = files
        self._layouts = layouts
        self._bindings = bindings
        self._selector = selector

    def chunks(self) -> Iterator[Chunk]:
        """The wanted events with their products, chunk by chunk.

        Raises:
            FileOpenError: a file cannot be opened any more.
            FileReadError: its content cannot be read.
            MismatchedInputFiles: an event comes again, and that is to end the job.
        """
        for index, opened, start, ids, ranges in self._selected():
            yield self._read(index, opened, start, ids, ranges)

    def count(self) -> int:
        """How many events are wanted; only their ids are read. The selector is used up.

        Raises:
            FileOpenError: a file cannot be opened any more.
            FileReadError: ids cannot be read.
        """
        reached = [file.is_reached for file in self._files]
        count = sum(stop - start for *_, ranges in self._selected() for start, stop in ranges)
        for file, before in zip(self._files, reached, strict=True):
            file.is_reached = before
        return count

    def _selected(self) -> Iterator[tuple[int, LayoutFile, int, Sequence[EventID], list[RowRange]]]:
        """Stretches of entries with a wanted event: file, first entry, ids, and ranges in these."""
        for index, file in enumerate(self._files):
            begin, end = file.entries
            if not self._selector.needs_ids_of_skipped:
                skipped = min(self._selector.to_skip, end - begin)
                self._selector.to_skip -= skipped
                begin += skipped
            file.is_reached = file.is_reached or begin < end or not file.n_entries
            if begin >= end or file.why_skipped:
                continue
            self._selector.begin_file()
            with RootFile(file.name) as root_file:
                opened = open_with(self._layouts, root_file)
                for start, stop in self._plan(opened, begin, end):
                    ids = opened.event_ids(start, stop)
                    first, last = max(begin - start, 0), min(end, stop) - start
                    ranges, again = self._selector.select(ids[first:last], file.pfn)
                    file.duplicates += again
                    if ranges:
                        yield index, opened, start, ids, [(first + a, first + b) for a, b in ranges]

    def _plan(self, file: LayoutFile, begin: int, end: int) -> Sequence[tuple[int, int]]:
        """Chunks that hold the entries from begin to end; they start and stop where clusters do."""
        wanted = [binding.branch for binding in self._bindings]
        at_most = max(CHUNK_ENTRIES, int(CHUNK_BYTES / max(file.entry_bytes(wanted), 1.0)))
        limits = file.cluster_limits(wanted)
        start = max(limit for limit in limits if limit <= begin)
        stop = min(limit for limit in limits if limit >= end)
        chunks = plan_chunks([limit for limit in limits if limit <= stop], start, CHUNK_ENTRIES, at_most)
        return [chunk for chunk in chunks if chunk[1] > begin and chunk[0] < end]

    def _read(
        self, index: int, file: LayoutFile, start: int, ids: Sequence[EventID], ranges: list[RowRange]
    ) -> Chunk:
        products, others, presence = {}, {}, {}
        for binding in self._bindings:
            named = [c.name for c in binding.product_type.schema()]
            unnamed = [c.name for c in binding.branch.schema if c.name not in named]
            columns = file.read(binding.branch, named + unnamed, start, start + len(ids))
            products[binding.slot] = (binding.product_type, columns[: len(named)])
            if unnamed:
                others[binding.slot] = dict(zip(unnamed, columns[len(named) :], strict=True))
            present = file.presence(binding.branch, start, start + len(ids))
            if present is not None:
                presence[binding.slot] = present
        return Chunk(index, ids, products, ranges, others, presence)
