"""Chunk: consecutive entries of one file, flattened once and handed out event by event as slices."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from eventproc.io.root_tree import Column
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
    begin = start
    for limit in limits:
        if limit - begin < at_least and limit != limits[-1]:
            continue
        while begin < limit:
            end = min(begin + at_most, limit)
            chunks.append((begin, end))
            begin = end
    return chunks


class Chunk:
    """Ids and products of consecutive entries.

    Attributes:
        file_index: which of the job's input files they are from.
        ids: the id of each entry.
    """

    __slots__ = ("_readers", "file_index", "ids")

    def __init__(
        self, file_index: int, ids: Sequence[EventID], products: Mapping[int, ProductColumns]
    ) -> None:
        """Takes the products by slot; columns that share their offsets keep sharing them."""
        self.file_index = file_index
        self.ids = ids
        # A list of Python ints is indexed three times faster than an array of int64.
        offsets = {id(c.offsets): c.offsets for _, columns in products.values() for c in columns}
        lists = {key: array.tolist() for key, array in offsets.items()}
        self._readers: dict[int, tuple[Callable[..., Product], list[tuple[list[int], Any]]]] = {
            slot: (product_type, [(lists[id(c.offsets)], c.content) for c in columns])
            for slot, (product_type, columns) in products.items()
        }

    def read(self, row: int, slot: int) -> Product | None:
        """The product of a slot in entry ``row`` of the chunk; None when nothing was read for it."""
        reader = self._readers.get(slot)
        if reader is None:
            return None
        product_type, pairs = reader
        return product_type(*[content[offsets[row] : offsets[row + 1]] for offsets, content in pairs])
