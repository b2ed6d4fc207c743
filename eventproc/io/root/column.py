"""Column: one column of consecutive entries, flat, with the place of each entry in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

Offsets = npt.NDArray[np.int64]

RowRange = tuple[int, int]
"""Start and stop of consecutive entries."""

Present = npt.NDArray[np.bool_]
"""(n_entries): whether each entry has a product. Of one that has not, the columns hold nothing, or zeros."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of consecutive entries: the rows of entry i are ``content[offsets[i]:offsets[i + 1]]``.

    Attributes:
        offsets: int64, (n_entries + 1), from 0; columns of one axis may share the object.
        content: the rows of all entries in one array, or in a tuple of str.
    """

    offsets: Offsets
    content: npt.NDArray[Any] | tuple[str, ...]


def taken(columns: Sequence[Column], ranges: Sequence[RowRange]) -> list[Column]:
    """Ranges of entries of columns, one after the other; those of one range are views, others are copies.

    Columns that share their offsets keep sharing them.
    """
    axes = {id(c.offsets): c.offsets for c in columns}
    offsets = {key: _offsets_of(each, ranges) for key, each in axes.items()}
    return [Column(offsets[id(c.offsets)], _content_of(c, ranges)) for c in columns]


def present_in(present: Present, ranges: Sequence[RowRange]) -> Present:
    """Presence in ranges of entries, one after the other; always a copy."""
    return np.concatenate([present[start:stop] for start, stop in ranges])


def joined(parts: Sequence[Column]) -> Column:
    """The entries of all parts, one after the other; a single part is given back as it is."""
    if len(parts) == 1:
        return parts[0]
    counts = np.concatenate([np.diff(part.offsets) for part in parts])
    return Column(_offsets(counts), _joined_content([part.content for part in parts]))


def _offsets_of(offsets: Offsets, ranges: Sequence[RowRange]) -> Offsets:
    if len(ranges) == 1:
        start, stop = ranges[0]
        first: Offsets = offsets[start : stop + 1] - offsets[start]
        return first
    return _offsets(np.concatenate([np.diff(offsets[start : stop + 1]) for start, stop in ranges]))


def _content_of(column: Column, ranges: Sequence[RowRange]) -> npt.NDArray[Any] | tuple[str, ...]:
    places = [(int(column.offsets[start]), int(column.offsets[stop])) for start, stop in ranges]
    return _joined_content([column.content[start:stop] for start, stop in places])


def _joined_content(parts: Sequence[Any]) -> npt.NDArray[Any] | tuple[str, ...]:
    if len(parts) == 1:
        content: npt.NDArray[Any] | tuple[str, ...] = parts[0]
        return content
    if isinstance(parts[0], tuple):
        return tuple(chain.from_iterable(parts))
    return np.concatenate(parts)


def _offsets(counts: npt.NDArray[Any]) -> Offsets:
    offsets = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=offsets[1:])
    return offsets
