"""ColumnBuffer: products of one branch, gathered over events and turned into columns."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from operator import attrgetter
from typing import Any

import awkward as ak
import numpy as np
import numpy.typing as npt

from eventproc.errors import LogicError
from eventproc.io.column import Column
from eventproc.io.file_metadata import StoredColumn, StoredProduct
from eventproc.model.product import Product

CODE_DTYPE = "uint32"
"""What a ``str`` column is stored as."""

COUNTER_DTYPE = np.dtype("<i4")
"""What uproot and NanoAOD store a counter as."""

STORABLE = frozenset(
    ["bool", "float32", "float64", *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64))]
)
"""What a TTree holds, as numpy names it; strings are stored as codes."""

Values = npt.NDArray[Any]

RECORDS = "[]"
"""Ends the name of a list of records, which uproot wants besides the names of counter and branches."""


class ColumnBuffer:
    """Gathers the products of one branch.

    Attributes:
        dictionaries: by branch of a ``str`` column, each string and its code, in order of appearance.
        crc32: by branch, the CRC-32 of all values taken so far, little endian.
    """

    def __init__(self, stored: StoredProduct) -> None:
        """Takes the product and its branches.

        Raises:
            LogicError: a column has a type that no tree can hold.
        """
        for c in stored.columns:
            if stored_dtype(c) not in STORABLE:
                message = (
                    f"column {c.name!r} of {stored.description().name} is {c.dtype}; "
                    f"files can hold str, {', '.join(sorted(STORABLE))}"
                )
                raise LogicError(message)
        self.stored = stored
        self.dictionaries: dict[str, dict[str, int]] = {
            c.branch: {} for c in stored.columns if c.dtype == "str"
        }
        self.crc32 = dict.fromkeys(stored.branch_names(), 0)

    def branch_types(self) -> dict[str, Any]:
        """The types for uproot's ``mktree``: a number per event column, a list of records per axis."""
        types: dict[str, Any] = {}
        for axis, columns in self._axes():
            dtypes = {c.branch: stored_dtype(c) for c in columns}
            if axis is None:
                types |= dtypes
            else:
                record = ak.types.RecordType(
                    [ak.types.NumpyType(dtype) for dtype in dtypes.values()], list(dtypes)
                )
                types[self.stored.counters[axis] + RECORDS] = ak.types.ListType(record)
        return types

    def branch_values(self, products: Sequence[Product]) -> dict[str, Any]:
        """The products of consecutive events as values for uproot's ``extend``.

        Raises:
            LogicError: a column has another dtype than its schema, or another length than its axis.
        """
        rows = {c.name: list(map(attrgetter(c.name), products)) for c in self.stored.columns}
        contents = {
            c.name: self._coded(c, chain.from_iterable(rows[c.name]))
            if c.dtype == "str"
            else np.concatenate(rows[c.name])
            for c in self.stored.columns
        }
        return self._values(
            contents, lambda name: np.fromiter(map(len, rows[name]), COUNTER_DTYPE, len(products))
        )

    def column_values(self, columns: Mapping[str, Column]) -> dict[str, Any]:
        """Columns of consecutive events, by name, as values for uproot's ``extend``.

        Raises:
            LogicError: a column has another dtype than its schema, or another length than its axis.
        """
        contents = {
            c.name: self._coded(c, columns[c.name].content)
            if c.dtype == "str"
            else np.asarray(columns[c.name].content)
            for c in self.stored.columns
        }
        return self._values(contents, lambda name: np.diff(columns[name].offsets).astype(COUNTER_DTYPE))

    def _values(
        self, contents: Mapping[str, Values], counts_of: Callable[[str], npt.NDArray[np.int32]]
    ) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for c in self.stored.columns:
            self._take(c, contents[c.name])
        for axis, columns in self._axes():
            if axis is None:
                values |= {c.branch: contents[c.name] for c in columns}
                continue
            counter = self.stored.counters[axis]
            counts = counts_of(columns[0].name)
            self._digest(counter, counts)
            values[counter + RECORDS] = self._records(columns, [contents[c.name] for c in columns], counts)
        return values

    def _axes(self) -> Iterator[tuple[str | None, list[StoredColumn]]]:
        for axis in dict.fromkeys(c.axis for c in self.stored.columns):
            yield axis, [c for c in self.stored.columns if c.axis == axis]

    def _coded(self, column: StoredColumn, strings: Iterable[str]) -> Values:
        codes = self.dictionaries[column.branch]
        return np.array([codes.setdefault(s, len(codes)) for s in strings], CODE_DTYPE)

    def _take(self, column: StoredColumn, content: Values) -> None:
        if content.dtype != stored_dtype(column):
            message = f"values for branch {column.branch!r} are {content.dtype}, not {column.dtype}"
            raise LogicError(message)
        self._digest(column.branch, content)

    def _records(self, columns: list[StoredColumn], contents: list[Values], counts: Values) -> Any:
        offsets = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
        for column, content in zip(columns, contents, strict=True):
            if len(content) != offsets[-1]:
                message = f"branch {column.branch!r} got {len(content)} rows; its axis has {offsets[-1]}"
                raise LogicError(message)
        fields = [ak.contents.NumpyArray(content) for content in contents]
        records = ak.contents.RecordArray(fields, [c.branch for c in columns])
        return ak.Array(ak.contents.ListOffsetArray(ak.index.Index64(offsets), records))

    def _digest(self, branch: str, values: Values) -> None:
        self.crc32[branch] = crc32(values, self.crc32[branch])


def stored_dtype(column: StoredColumn) -> str:
    """The numpy dtype name of a column's branch."""
    return CODE_DTYPE if column.dtype == "str" else column.dtype


def crc32(values: Values, start: int = 0) -> int:
    """CRC-32 of values as little-endian bytes, going on from an earlier part's."""
    little = values.astype(values.dtype.newbyteorder("<"), copy=False)
    return zlib.crc32(np.ascontiguousarray(little).view(np.uint8).data, start)
