"""Chunk: consecutive entries of one file, flattened once and handed out event by event as slices."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from typing import Any

import numpy as np

from eventproc.io.root.column import Column, Present, RowRange, present_in, taken
from eventproc.model.event_id import EventID
from eventproc.model.product import Product

ProductColumns = tuple[type[Product], Sequence[Column]]
"""A product class and its columns in the order of its fields."""


def plan_chunks(limits: Sequence[int], start: int, at_least: int, at_most: int) -> Sequence[tuple[int, int]]:
    """Cuts entries into chunks of whole clusters, so that no basket is decompressed twice.

    Args:
        limits: entries at which clusters begin, ascending, and the number of entries at the end.
        start: first entry wanted.
        at_least: entries that a chunk has at least, except the last.
        at_most: a cluster larger than this is cut nevertheless.

    Returns:
        (start, stop) of each chunk, in order, without a gap.
    """
    chunks: list[tuple[int, int]] = []
    begin = previous = start
    for limit in (each for each in limits if each > start):
        if limit - begin > at_most and previous > begin:
            chunks.append((begin, previous))
            begin = previous
        while limit - begin > at_most:
            chunks.append((begin, begin + at_most))
            begin += at_most
        if limit - begin >= at_least or limit == limits[-1]:
            chunks.append((begin, limit))
            begin = limit
        previous = limit
    return chunks


class Chunk:
    """Ids and products of consecutive entries.

    Attributes:
        file_index: which of the job's input files they are from.
        ids: the id of each entry.
        ranges: the entries that are handed out.
        presence: by slot of a product that some entries lack, which have it.
    """

    __slots__ = ("_others", "_products", "_readers", "file_index", "ids", "presence", "ranges")

    def __init__(
        self,
        file_index: int,
        ids: Sequence[EventID],
        products: Mapping[int, ProductColumns],
        ranges: Sequence[RowRange] | None = None,
        others: Mapping[int, Mapping[str, Column]] | None = None,
        presence: Mapping[int, Present] | None = None,
    ) -> None:
        """Takes the products by slot; columns that share their offsets keep sharing them.

        Without ranges all entries are handed out. Other columns of a slot are those that the file has and
        the product's class does not name; they are for outputs that copy the product.
        """
        self.file_index = file_index
        self.ids = ids
        self.ranges = [(0, len(ids))] if ranges is None else ranges
        self._products = products
        self._others = others or {}
        self.presence = presence or {}
        # By slot that an event asked for; of the event loop alone.
        self._readers: dict[
            int, tuple[Callable[..., Product], list[tuple[list[int], Any]], frozenset[int]]
        ] = {}

    @property
    def slots(self) -> Set[int]:
        """The slots of the products that were read."""
        return self._products.keys()

    def read(self, row: int, slot: int) -> Product | None:
        """The product of a slot in entry ``row`` of the chunk; None when the entry has none."""
        reader = self._readers.get(slot) or self._make_reader(slot)
        if reader is None:
            return None
        product_type, pairs, lacking = reader
        if lacking and row in lacking:
            return None
        return product_type(*[content[offsets[row] : offsets[row + 1]] for offsets, content in pairs])

    def columns(self, slot: int) -> Mapping[str, Column]:
        """The columns of the product of a slot, all entries of the chunk, by name."""
        product_type, columns = self._products[slot]
        named = {c.name: column for c, column in zip(product_type.schema(), columns, strict=True)}
        return {**named, **self._others.get(slot, {})}

    def copy(self, ranges: Sequence[RowRange]) -> Chunk:
        """A chunk of some of the entries that keeps nothing of this one in memory."""
        ids = [event_id for start, stop in ranges for event_id in self.ids[start:stop]]
        products = {
            slot: (product_type, [_owned(column) for column in taken(columns, ranges)])
            for slot, (product_type, columns) in self._products.items()
        }
        others = {
            slot: dict(zip(columns, map(_owned, taken(list(columns.values()), ranges)), strict=True))
            for slot, columns in self._others.items()
        }
        presence = {slot: present_in(present, ranges) for slot, present in self.presence.items()}
        return Chunk(self.file_index, ids, products, others=others, presence=presence)

    def _make_reader(self, slot: int) -> Any:
        if slot not in self._products:
            return None
        product_type, columns = self._products[slot]
        # A list of Python ints is indexed three times faster than an array of int64.
        arrays = {id(c.offsets): c.offsets for c in columns}
        lists = {key: array.tolist() for key, array in arrays.items()}
        lacking = np.flatnonzero(~self.presence[slot]).tolist() if slot in self.presence else ()
        reader = product_type, [(lists[id(c.offsets)], c.content) for c in columns], frozenset(lacking)
        self._readers[slot] = reader
        return reader


class ChunkEntry:
    """How an event reads its products from a chunk; an output may take whole columns of the chunk instead."""

    __slots__ = ("chunk", "row")

    def __init__(self, chunk: Chunk, row: int) -> None:
        self.chunk = chunk
        self.row = row

    def __call__(self, slot: int) -> Product | None:
        """The product of a slot."""
        return self.chunk.read(self.row, slot)


def _owned(column: Column) -> Column:
    content = column.content
    return Column(column.offsets, content.copy() if isinstance(content, np.ndarray) else content)
