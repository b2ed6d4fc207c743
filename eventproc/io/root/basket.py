"""Basket: events gathered for one `extend` of a tree, as products or as rows of a source's chunks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from eventproc.io.root.chunk import ChunkEntry
from eventproc.io.root.column import Column, Present, RowRange, joined, present_in, taken
from eventproc.model.event_id import EventID
from eventproc.model.product import Product

_WORTH_KEEPING = 0.5
"""A chunk of which less is wanted is not kept in memory until the basket is full; its rows are copied."""


class Excerpt:
    """Some rows of a chunk, in ascending order."""

    __slots__ = ("_ranges", "chunk", "rows")

    def __init__(self, entry: ChunkEntry) -> None:
        self.chunk = entry.chunk
        self.rows = 1
        self._ranges: list[RowRange] = [(entry.row, entry.row + 1)]

    def add(self, row: int) -> None:
        """Takes one more row."""
        start, stop = self._ranges[-1]
        if row == stop:
            self._ranges[-1] = (start, row + 1)
        else:
            self._ranges.append((row, row + 1))
        self.rows += 1

    def compact(self) -> None:
        """Lets go of a chunk of which little is wanted."""
        if self.rows < _WORTH_KEEPING * len(self.chunk.ids):
            self.chunk = self.chunk.copy(self._ranges)
            self._ranges = [(0, self.rows)]

    def columns(self, slot: int) -> dict[str, Column]:
        """Columns of these rows, by name; those of one range are views."""
        whole = self.chunk.columns(slot)
        return dict(zip(whole, taken(list(whole.values()), self._ranges), strict=True))

    def present(self, slot: int) -> Present:
        """Which of these rows have the product."""
        whole = self.chunk.presence.get(slot)
        return np.ones(self.rows, np.bool_) if whole is None else present_in(whole, self._ranges)


class Basket:
    """Events in order.

    Attributes:
        ids: the id of each.
        made: of each, the products that are not copied from chunks; None for one that is missing.
        excerpts: where the others are; their rows together are the events.
    """

    __slots__ = ("excerpts", "ids", "made")

    def __init__(self) -> None:
        self.ids: list[EventID] = []
        self.made: list[tuple[Product | None, ...]] = []
        self.excerpts: list[Excerpt] = []

    def add(self, event_id: EventID, made: tuple[Product | None, ...], entry: ChunkEntry | None) -> None:
        """Takes one event."""
        self.ids.append(event_id)
        self.made.append(made)
        if entry is None:
            return
        last = self.excerpts[-1] if self.excerpts else None
        if last is not None and last.chunk is entry.chunk:
            last.add(entry.row)
            return
        if last is not None:
            last.compact()
        self.excerpts.append(Excerpt(entry))

    def products(self) -> Sequence[Sequence[Product | None]]:
        """The products that are not copied: of each branch, those of all events."""
        return list(zip(*self.made, strict=True))

    def columns(self, slot: int) -> dict[str, Column]:
        """The columns that are copied for a slot, all events, by name."""
        parts = [excerpt.columns(slot) for excerpt in self.excerpts]
        return {name: joined([part[name] for part in parts]) for name in parts[0]}

    def present(self, slot: int) -> Present:
        """Which events have the product that is copied for a slot."""
        return np.concatenate([excerpt.present(slot) for excerpt in self.excerpts])
