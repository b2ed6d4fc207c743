"""ColumnBuffer: products of one branch, gathered over events and turned into columns."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from itertools import chain
from operator import attrgetter
from typing import Any

import awkward as ak
import numpy as np
import numpy.typing as npt

from eventproc.errors import LogicError
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

    def branch_values(self, products: list[Product]) -> dict[str, Any]:
        """The products of consecutive events as values for uproot's ``extend``.

        Raises:
            LogicError: a column has another dtype than its schema, or another length than its axis.
        """
        values: dict[str, Any] = {}
        for axis, columns in self._axes():
            rows = [list(map(attrgetter(c.name), products)) for c in columns]
            contents = [self._content(c, r) for c, r in zip(columns, rows, strict=True)]
            if axis is None:
                values |= {c.branch: x for c, x in zip(columns, contents, strict=True)}
                continue
            counter = self.stored.counters[axis]
            counts = np.fromiter(map(len, rows[0]), COUNTER_DTYPE, len(products))
            self._digest(counter, counts)
            values[counter + RECORDS] = self._records(columns, contents, counts)
        return values

    def _axes(self) -> Iterator[tuple[str | None, list[StoredColumn]]]:
        for axis in dict.fromkeys(c.axis for c in self.stored.columns):
            yield axis, [c for c in self.stored.columns if c.axis == axis]

    def _content(self, column: StoredColumn, rows: list[Any]) -> npt.NDArray[Any]:
        if column.dtype == "str":
            codes = self.dictionaries[column.branch]
            content = np.array(
                [codes.setdefault(s, len(codes)) for s in chain.from_iterable(rows)], np.uint32
            )
        else:
            content = np.concatenate(rows)
        if content.dtype != stored_dtype(column):
            message = f"values for branch {column.branch!r} are {content.dtype}, not {column.dtype}"
            raise LogicError(message)
        self._digest(column.branch, content)
        return content

    def _records(
        self, columns: list[StoredColumn], contents: list[npt.NDArray[Any]], counts: npt.NDArray[Any]
    ) -> Any:
        offsets = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
        for column, content in zip(columns, contents, strict=True):
            if len(content) != offsets[-1]:
                message = f"branch {column.branch!r} got {len(content)} rows; its axis has {offsets[-1]}"
                raise LogicError(message)
        fields = [ak.contents.NumpyArray(content) for content in contents]
        records = ak.contents.RecordArray(fields, [c.branch for c in columns])
        return ak.Array(ak.contents.ListOffsetArray(ak.index.Index64(offsets), records))

    def _digest(self, branch: str, values: npt.NDArray[Any]) -> None:
        self.crc32[branch] = crc32(values, self.crc32[branch])


def stored_dtype(column: StoredColumn) -> str:
    """The numpy dtype name of a column's branch."""
    return CODE_DTYPE if column.dtype == "str" else column.dtype


def crc32(values: npt.NDArray[Any], start: int = 0) -> int:
    """CRC-32 of values as little-endian bytes, going on from an earlier part's."""
    little = values.astype(values.dtype.newbyteorder("<"), copy=False)
    return zlib.crc32(np.ascontiguousarray(little).view(np.uint8).data, start)
