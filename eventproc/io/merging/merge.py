"""Merging: files of our own become one, in the order given, or nothing at all.

A part that is incomplete, damaged or of another job is refused: every value of every part is compared with
the digests that its writer stored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import uproot

from eventproc.errors import FileOpenError, FileWriteError
from eventproc.io.format.cluster_digests import ClusterDigests
from eventproc.io.format.column_buffer import ColumnBuffer, crc32, dictionaries_of
from eventproc.io.format.file_metadata import (
    CODE_DTYPE,
    FORMAT,
    ID_BRANCHES,
    METADATA_KEY,
    TREE_NAME,
    FileMetadata,
    StoredProduct,
    encode_metadata,
)
from eventproc.io.format.level_tree import LevelRows
from eventproc.io.format.presence_tree import write_presence
from eventproc.io.format.publication import Publication, checksums
from eventproc.io.format.stored_tree import COUNTER_DTYPE, make_tree, tree_values
from eventproc.io.merging.merge_part import (
    Part,
    open_part,
    refuse_other_bytes,
    refuse_other_job,
    refuse_other_values,
)
from eventproc.io.reading.native_layout import NativeFile
from eventproc.io.reading.opened_file import open_native
from eventproc.io.root.root_file import RootFile
from eventproc.io.root.root_tree import RootTree
from eventproc.model.history import InputHistory, joined_histories
from eventproc.model.transition import BranchType

EVENTS_PER_BASKET = 1000
"""Parts are gathered up to this: many small parts must not become many small baskets."""

COMPRESSION = uproot.ZSTD(1)

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class MergedFile:
    """What became of the parts."""

    path: Path
    events: int
    size_bytes: int
    checksum: Mapping[str, str]


def merge_files(parts: Sequence[Part], output: Path, *, overwrite: bool = False) -> MergedFile:
    """Writes the events of all parts into one file, which appears only when it is complete.

    Args:
        parts: files of one job configuration, in the order in which their events shall come.
        output: the file to write.
        overwrite: whether an existing file may be replaced.

    Raises:
        FileOpenError: a part cannot be opened, or its writer did not come to its end.
        FileReadError: a part is not what was written: its checksum, its digests or its count differ.
        MismatchedInputFiles: parts hold different products or were made by different configurations.
        ConfigurationError: the output exists, or another job writes it.
        FileWriteError: the output cannot be written.
    """
    if not parts:
        message = f"nothing to merge into {str(output)!r}: no parts were given"
        raise FileOpenError(message)
    return merge_into(Publication(output, overwrite=overwrite), parts)


def merge_into(
    publication: Publication,
    parts: Sequence[Part],
    made_by: Mapping[str, Any] | None = None,
    compression: uproot.compression.Compression = COMPRESSION,
    *,
    complete: bool = True,
) -> MergedFile:
    """As `merge_files`, into a file that is open already; it is published, or dropped, in every case.

    Args:
        publication: the output.
        parts: at least one file, in the order in which their events shall come.
        made_by: provenance of the process whose parts these are; without it that of the parts, which are
            then listed in it.
        compression: of all branches.
        complete: False for parts that may be incomplete: the output is then a partial file.

    Raises:
        EventProcError: what `merge_files` raises.
    """
    try:
        writer = _MergeWriter(publication.file, compression, made_by, complete=complete)
        for part in parts:
            writer.add(part)
        writer.finish()
        publication.complete()
        _read_back(publication.temporary, writer.events)
        sums = checksums(publication.temporary)
        if complete:
            publication.publish()
        else:
            publication.keep_partial()
    except OSError as error:
        publication.drop()
        message = f"cannot write merged file {str(publication.final)!r}: {error.strerror or error}"
        raise FileWriteError(message) from error
    except BaseException:
        publication.drop()
        raise
    path = publication.final if complete else publication.partial
    return MergedFile(path, writer.events, path.stat().st_size, sums)


def _read_back(path: Path, events: int) -> None:
    with open_native(str(path)) as file:
        found = file.n_entries
    if found != events:
        message = f"{found} of {events} events read back"
        raise OSError(message)


class _MergeWriter:
    """Gathers the columns of parts and writes them, a basket's worth at a time."""

    def __init__(
        self,
        file: Any,
        compression: uproot.compression.Compression,
        made_by: Mapping[str, Any] | None,
        *,
        complete: bool,
    ) -> None:
        self.events = 0
        self._made_by = made_by
        self._complete = complete
        self._root = uproot.recreate(file, compression=compression)
        # Set by the first part.
        self._tree: Any = None
        self._first: FileMetadata | None = None
        self._buffers: list[ColumnBuffer] = []
        # Of the parts so far.
        self._sources: list[dict[str, Any]] = []
        self._crc32: dict[str, int] = {}
        self._digests = ClusterDigests()
        self._written = 0
        self._pending: dict[str, list[Array]] = {}
        self._pending_events = 0
        self._levels: dict[BranchType, LevelRows] = {}
        self._histories: tuple[InputHistory, ...] = ()

    def add(self, part: Part) -> None:
        """Takes all events of a part."""
        refuse_other_bytes(part)
        with RootFile(part.name) as file:
            opened = open_part(file, part, may_be_partial=not self._complete)
            metadata = opened.metadata
            self._begin(metadata, file.pfn)
            self._take_levels(opened)
            self._take_presence(opened)
            alike = InputHistory((part.name,), metadata.processes[:-1])
            self._histories = joined_histories([*self._histories, *(metadata.histories or [alike])])
            tree = file.tree(TREE_NAME)
            digests = dict.fromkeys(metadata.completion.crc32, 0)
            for start in range(0, tree.n_entries, EVENTS_PER_BASKET):
                stop = min(start + EVENTS_PER_BASKET, tree.n_entries)
                self._take(_columns(tree, metadata.products, start, stop), metadata, digests)
            refuse_other_values(digests, metadata, file.pfn)
        self.events += metadata.completion.nEvents
        self._sources.append({"file": part.name, "events": metadata.completion.nEvents})

    def finish(self) -> None:
        """Writes what is left, and the metadata."""
        self._flush()
        first = self._first
        if first is None:
            return
        last = {**first.processes[-1], "mergedFrom": self._sources} if first.processes else {}
        last = dict(self._made_by) if self._made_by else last
        metadata = FileMetadata(
            FORMAT,
            first.products,
            (*first.processes[:-1], last) if last else (),
            dictionaries_of(self._buffers),
            self._digests.completion(complete=self._complete, events=self.events, digests=self._crc32),
            {kind: rows.write(self._root) for kind, rows in self._levels.items()},
            self._histories if len(self._histories) > 1 else (),
            write_presence(self._root, TREE_NAME, self._buffers),
        )
        self._root[METADATA_KEY] = encode_metadata(metadata)
        self._root.close()

    def _begin(self, metadata: FileMetadata, pfn: str) -> None:
        if self._first is None:
            self._first = metadata
            self._buffers = [ColumnBuffer(product) for product in metadata.products]
            self._tree = make_tree(self._root, TREE_NAME, ID_BRANCHES, metadata.products)
            self._crc32 = dict.fromkeys([*ID_BRANCHES, *_branches(metadata.products)], 0)
            self._pending = {name: [] for name in self._crc32}
            return
        refuse_other_job(self._first, metadata, pfn)

    def _take_levels(self, part: NativeFile) -> None:
        """Products of runs and luminosity blocks, put together by their rule."""
        process = str(self._made_by["name"]) if self._made_by else ""
        for kind in part.metadata.levels:
            branches = [branch for branch in part.levels if branch.branch_type is kind]
            rows = self._levels.setdefault(kind, LevelRows(kind, branches, process))
            for of in dict.fromkeys(of for branch in branches for of in part.levels[branch]):
                rows.add(of, [part.levels[branch].get(of) for branch in rows.branches])

    def _take_presence(self, part: NativeFile) -> None:
        for buffer in self._buffers:
            present = part.presence(buffer.stored.description(), 0, part.n_entries)
            buffer.presence.add(np.ones(part.n_entries, np.bool_) if present is None else present)

    def _take(self, columns: Mapping[str, Array], metadata: FileMetadata, digests: dict[str, int]) -> None:
        for name, values in columns.items():
            if name in digests:
                digests[name] = crc32(values, digests[name])
        translated = {**columns, **self._recoded(columns, metadata)}
        for name, values in translated.items():
            self._crc32[name] = crc32(values, self._crc32[name])
            self._pending[name].append(values)
        self._pending_events += len(columns["event"])
        if self._pending_events >= EVENTS_PER_BASKET:
            self._flush()

    def _recoded(self, columns: Mapping[str, Array], metadata: FileMetadata) -> dict[str, Array]:
        """Codes of strings in the part's dictionary, as codes in the dictionary of the merged file."""
        recoded = {}
        for buffer in self._buffers:
            for branch, codes in buffer.dictionaries.items():
                words = metadata.dictionaries[branch]
                table = np.array([codes.setdefault(w, len(codes)) for w in words], CODE_DTYPE)
                recoded[branch] = table[columns[branch]] if words else columns[branch]
        return recoded

    def _flush(self) -> None:
        if not self._pending_events:
            return
        whole = {name: np.concatenate(parts) for name, parts in self._pending.items()}
        values: dict[str, Any] = {name: whole[name] for name in ID_BRANCHES}
        for buffer in self._buffers:
            values |= tree_values(buffer.stored, whole)
        self._tree.extend(values)
        self._written += self._pending_events
        self._digests.end_cluster(self._written, self._crc32)
        self._pending = {name: [] for name in self._pending}
        self._pending_events = 0


def _branches(products: Sequence[StoredProduct]) -> list[str]:
    return [name for product in products for name in product.branch_names()]


def _columns(tree: RootTree, products: Sequence[StoredProduct], start: int, stop: int) -> dict[str, Array]:
    """Values of all branches, counters counted anew from what was read."""
    columns: dict[str, Array] = {}
    for name, dtype in ID_BRANCHES.items():
        columns[name] = _array(tree.read(name, start, stop).content, dtype)
    for product in products:
        for axis, group in product.axes():
            read = tree.read_axis([c.branch for c in group], start, stop)
            for c in group:
                columns[c.branch] = _array(read[c.branch].content, c.stored_dtype)
            if axis is not None:
                counts = np.diff(read[group[0].branch].offsets)
                columns[product.counters[axis]] = counts.astype(COUNTER_DTYPE)
    return columns


def _array(content: Any, dtype: str) -> Array:
    return np.asarray(content).astype(dtype, copy=False)
