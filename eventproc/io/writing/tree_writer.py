"""TreeWriter: writes events to an open file in the layout of our own."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import IO, Any

import msgspec
import numpy as np
import uproot

from eventproc.io.format.branch_names import name_products
from eventproc.io.format.cluster_digests import ClusterDigests
from eventproc.io.format.column_buffer import ColumnBuffer, crc32, dictionaries_of
from eventproc.io.format.file_metadata import (
    FORMAT,
    ID_BRANCHES,
    METADATA_KEY,
    TREE_NAME,
    FileMetadata,
    encode_metadata,
)
from eventproc.io.format.level_tree import LevelRows
from eventproc.io.format.presence_tree import write_presence
from eventproc.io.format.stored_tree import make_tree
from eventproc.io.root.basket import Basket
from eventproc.io.root.chunk import ChunkEntry
from eventproc.model.branch import BranchDescription
from eventproc.model.event_id import EventID
from eventproc.model.history import InputHistory
from eventproc.model.product import Product
from eventproc.model.transition import BranchType

EVENTS_PER_BASKET = 1000
"""One extend makes one basket per branch; fewer events per basket cost file size and time."""

COMPRESSION = {"ZSTD": uproot.ZSTD, "LZ4": uproot.LZ4, "ZLIB": uproot.ZLIB, "LZMA": uproot.LZMA}


class TreeWriter:
    """Gathers events and writes them in a thread of its own, a basket's worth at a time.

    Errors of the thread are raised by the next call. Nobody else may write to the file meanwhile.

    Attributes:
        events: events taken so far.
    """

    def __init__(
        self,
        file: IO[bytes],
        branches: Sequence[BranchDescription],
        history: Sequence[Mapping[str, Any]],
        compression: uproot.compression.Compression,
    ) -> None:
        """Makes the tree, empty.

        Args:
            file: open for reading and writing, empty; `finish` and `discard` close it.
            branches: the products, in the order in which `add` will get them.
            history: provenance, oldest first, this process's included.
            compression: of all branches.

        Raises:
            OSError: the file cannot be written.
        """
        self.events = 0
        self._history = history
        self._buffers = [ColumnBuffer(product) for product in name_products(branches)]
        self._copied: tuple[int | None, ...] = (None,) * len(self._buffers)
        self._basket = Basket()
        # The writing thread's, as are the buffers.
        self._id_crc32 = dict.fromkeys(ID_BRANCHES, 0)
        self._digests = ClusterDigests()
        self._written = 0
        self._root = uproot.recreate(file, compression=compression)
        self._tree = make_tree(self._root, TREE_NAME, ID_BRANCHES, [b.stored for b in self._buffers])
        self._thread = ThreadPoolExecutor(1, "tree-writer")
        self._writing: Future[None] | None = None

    def copy(self, slots: Sequence[int | None]) -> None:
        """Says which branches are copied from the chunks of later events.

        Args:
            slots: for each branch its slot in the chunks, or None for one that `add` gets a product of.

        Raises:
            OSError: an earlier event could not be written.
            LogicError: an earlier event's columns do not fit their schema.
        """
        if tuple(slots) != self._copied:
            self._flush()
            self._copied = tuple(slots)

    def add(
        self, event_id: EventID, products: tuple[Product | None, ...], entry: ChunkEntry | None = None
    ) -> None:
        """Takes one event.

        Args:
            event_id: its id.
            products: one for each branch that is not copied; None for one that the event lacks.
            entry: the entry of a chunk that the others are copied from.

        Raises:
            OSError: an earlier event could not be written.
            LogicError: an earlier event's columns do not fit their schema.
        """
        self._basket.add(event_id, products, entry)
        self.events += 1
        if len(self._basket.ids) >= EVENTS_PER_BASKET:
            self._flush()

    def finish(
        self,
        *,
        complete: bool,
        levels: Mapping[BranchType, LevelRows] | None = None,
        histories: Sequence[InputHistory] = (),
    ) -> None:
        """Writes what is left, the trees of runs and luminosity blocks, and the metadata, and ends.

        Raises:
            OSError: the file cannot be written.
            LogicError: an event's columns do not fit their schema.
        """
        self._flush()
        self._wait()
        stored = {kind: rows.write(self._root) for kind, rows in (levels or {}).items()}
        metadata = msgspec.structs.replace(
            self._metadata(complete=complete),
            levels=stored,
            presence=write_presence(self._root, TREE_NAME, self._buffers),
            histories=tuple(histories) if len(histories) > 1 else (),
        )
        self._root[METADATA_KEY] = encode_metadata(metadata)
        self._root.close()
        self._thread.shutdown()

    def discard(self) -> None:
        """Ends without writing what is left; never raises."""
        self._thread.shutdown(wait=True, cancel_futures=True)
        # The file is of no use any more, and uproot writes once again while closing.
        with contextlib.suppress(Exception):
            self._root.close()

    def _flush(self) -> None:
        self._wait()
        if self._basket.ids:
            self._writing = self._thread.submit(self._extend, self._basket, self._copied)
            self._basket = Basket()

    def _wait(self) -> None:
        if self._writing is not None:
            self._writing.result()

    def _extend(self, basket: Basket, copied: tuple[int | None, ...]) -> None:
        values: dict[str, Any] = {}
        for (name, dtype), numbers in zip(ID_BRANCHES.items(), zip(*basket.ids, strict=True), strict=True):
            values[name] = np.array(numbers, dtype)
            self._id_crc32[name] = crc32(values[name], self._id_crc32[name])
        made = iter(basket.products())
        for buffer, slot in zip(self._buffers, copied, strict=True):
            values |= (
                buffer.branch_values(next(made))
                if slot is None
                else buffer.column_values(basket.columns(slot), basket.present(slot))
            )
        self._tree.extend(values)
        self._written += len(basket.ids)
        self._digests.end_cluster(self._written, self._crc32())

    def _crc32(self) -> dict[str, int]:
        digests = dict(self._id_crc32)
        for buffer in self._buffers:
            digests |= buffer.crc32
        return digests

    def _metadata(self, *, complete: bool) -> FileMetadata:
        return FileMetadata(
            FORMAT,
            tuple(buffer.stored for buffer in self._buffers),
            tuple(dict(record) for record in self._history),
            dictionaries_of(self._buffers),
            self._digests.completion(complete=complete, events=self.events, digests=self._crc32()),
        )
