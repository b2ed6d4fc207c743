"""NativeLayout: reads the files that PoolOutputModule writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import msgspec
import numpy as np

from eventproc.errors import FileOpenError, FileReadError
from eventproc.io.format.cluster_digests import DigestCheck
from eventproc.io.format.column_buffer import crc32
from eventproc.io.format.file_metadata import (
    ID_BRANCHES,
    METADATA_KEY,
    TREE_NAME,
    FileMetadata,
    StoredColumn,
    StoredProduct,
    decode_metadata,
)
from eventproc.io.format.level_tree import LevelProducts, Of, read_level
from eventproc.io.format.presence_tree import read_presence
from eventproc.io.reading.layout import Layout, LayoutFile
from eventproc.io.root.column import Column, Present
from eventproc.io.root.root_file import NotInFile, RootFile
from eventproc.io.root.root_tree import RootTree
from eventproc.model.branch import BranchDescription
from eventproc.model.event_id import EventID
from eventproc.model.product import Product


class NativeFile(LayoutFile):
    """A file of our own, open.

    Attributes:
        metadata: what the file says of itself.
    """

    def __init__(
        self,
        tree: RootTree,
        metadata: FileMetadata,
        levels: LevelProducts | None = None,
        presence: Mapping[str, Present] | None = None,
    ) -> None:
        self.metadata = metadata
        self.levels = levels or {}
        self.n_entries = tree.n_entries
        self.history = metadata.processes
        self.histories = metadata.histories
        self._tree = tree
        self._presence = presence or {}
        self._digests = DigestCheck(tree.pfn, metadata.completion)
        self._products = {p.description(): p for p in _recent_first(metadata, metadata.products)}
        self.branches = tuple(self._products)

    def event_ids(self, start: int, stop: int) -> Sequence[EventID]:
        """The ids of entries [start, stop)."""
        columns = {name: self._tree.read(name, start, stop) for name in ID_BRANCHES}
        for name, column in columns.items():
            self._digests.compare(name, column, start)
        return list(map(EventID, *(np.asarray(column.content).tolist() for column in columns.values())))

    def read(
        self, branch: BranchDescription, columns: Sequence[str], start: int, stop: int
    ) -> Sequence[Column]:
        """Columns of a product, strings looked up in the file's dictionaries.

        Raises:
            FileReadError: they cannot be read, or are not what was written.
        """
        counters = self._products[branch].counters
        stored = {c.name: c for c in self._products[branch].columns if c.name in columns}
        read: dict[str, Column] = {}
        for axis in dict.fromkeys(c.axis for c in stored.values()):
            names = [c.branch for c in stored.values() if c.axis == axis]
            found = self._tree.read_axis(names, start, stop)
            if axis is not None:
                self._digests.compare_counts(counters[axis], found[names[0]].offsets, start)
            for name, column in found.items():
                self._digests.compare(name, column, start)
            read.update(found)
        return [self._decode(stored[name], read) for name in columns]

    def presence(self, branch: BranchDescription, start: int, stop: int) -> Present | None:
        """Which of entries [start, stop) have a product; None where all have it."""
        whole = self._presence.get(branch.name)
        present = None if whole is None else whole[start:stop]
        return None if present is None or present.all() else present

    def cluster_limits(self, branches: Sequence[BranchDescription]) -> Sequence[int]:
        """Where baskets of all the products begin."""
        return self._tree.cluster_limits(self._names(branches))

    def entry_bytes(self, branches: Sequence[BranchDescription]) -> float:
        """Mean uncompressed size of an entry of the products."""
        return self._tree.entry_bytes(self._names(branches))

    def damaged_branches(self) -> Sequence[str]:
        """Branches whose values are not those written, or lie in other events; reads the whole file.

        A flipped bit often passes uproot's decompression unnoticed, whatever the codec.

        Raises:
            FileReadError: uproot does notice.
        """
        counters = {
            c.branch: p.counters[c.axis]
            for p in self.metadata.products
            for c in p.columns
            if c.axis is not None
        }
        limits = self._tree.cluster_limits(list(ID_BRANCHES))
        digests = self.metadata.completion.crc32
        return [name for name in digests if self._is_damaged(name, counters.get(name), limits, digests[name])]

    def _is_damaged(self, name: str, counter: str | None, limits: Sequence[int], digest: str) -> bool:
        found = 0
        for start, stop in pairwise(limits):
            column = self._tree.read(name, start, stop)
            found = crc32(np.asarray(column.content), found)
            if counter is not None:
                counts = self._tree.read(counter, start, stop).content
                if not np.array_equal(np.diff(column.offsets), np.asarray(counts)):
                    return True
        return f"{found:08x}" != digest

    def _names(self, branches: Sequence[BranchDescription]) -> list[str]:
        return [*ID_BRANCHES, *(c.branch for b in branches for c in self._products[b].columns)]

    def _decode(self, stored: StoredColumn, read: Mapping[str, Column]) -> Column:
        column = read[stored.branch]
        if stored.dtype != "str":
            return column
        words = self.metadata.dictionaries.get(stored.branch, ())
        codes = np.asarray(column.content)
        if len(codes) and int(codes.max()) >= len(words):
            message = (
                f"branch {stored.branch!r} of input file {self._tree.pfn!r} is damaged: "
                f"code {int(codes.max())} is none of its {len(words)} strings"
            )
            raise FileReadError(message)
        return Column(column.offsets, tuple(words[code] for code in codes.tolist()))


class NativeLayout(Layout):
    """The framework's own layout: a tree ``Events`` and one JSON text that says what its branches are."""

    def __init__(self, params: Layout.Params) -> None:
        """There is nothing to choose: the file says it all."""

    def open(self, file: RootFile) -> NativeFile:
        """Looks for the metadata, and for what it promises."""
        text = file.text(METADATA_KEY)
        if text is None:
            message = (
                f"input file {file.pfn!r} has no key {METADATA_KEY!r}: "
                "PoolOutputModule did not write it, or did not come to its end"
            )
            raise NotInFile(message)
        try:
            metadata = decode_metadata(text)
        except ValueError as error:
            message = f"cannot open input file {file.pfn!r}: {error}"
            raise FileOpenError(message) from error
        tree = file.tree(TREE_NAME)
        tree.require(*ID_BRANCHES, jagged=False)
        for product in metadata.products:
            _require(tree, product)
        if tree.n_entries != metadata.completion.nEvents:
            message = (
                f"input file {file.pfn!r} is damaged: its tree has {tree.n_entries} entries "
                f"and {metadata.completion.nEvents} events were written"
            )
            raise FileOpenError(message)
        presence = read_presence(file, TREE_NAME, tree.n_entries, metadata.presence)
        return NativeFile(tree, metadata, _levels(file, metadata), presence)


def _require(tree: RootTree, product: StoredProduct) -> None:
    tree.require(*(c.branch for c in product.columns if c.axis is None), jagged=False)
    tree.require(*(c.branch for c in product.columns if c.axis is not None), jagged=True)


def _levels(file: RootFile, metadata: FileMetadata) -> LevelProducts:
    levels: dict[BranchDescription, Mapping[Of, Product]] = {}
    for branch_type, stored in metadata.levels.items():
        recent = msgspec.structs.replace(stored, products=tuple(_recent_first(metadata, stored.products)))
        levels |= read_level(file, branch_type, recent)
    return levels


def _recent_first(metadata: FileMetadata, products: Sequence[StoredProduct]) -> list[StoredProduct]:
    age = {process.get("name"): -position for position, process in enumerate(metadata.processes)}
    return sorted(products, key=lambda product: age.get(product.process, 1))
