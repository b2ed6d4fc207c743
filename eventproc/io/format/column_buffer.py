"""ColumnBuffer: products of one branch, gathered over events and turned into columns."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from operator import attrgetter
from typing import Any

import numpy as np
import numpy.typing as npt

from eventproc.errors import LogicError
from eventproc.io.format.file_metadata import CODE_DTYPE, StoredColumn, StoredProduct
from eventproc.io.format.presence import Presence
from eventproc.io.format.stored_tree import COUNTER_DTYPE, tree_values
from eventproc.io.root.column import Column, Present
from eventproc.model.product import Product, product_class

STORABLE = frozenset(
    ["bool", "float32", "float64", *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64))]
)
"""What a TTree holds, as numpy names it; strings are stored as codes."""

Values = npt.NDArray[Any]


class ColumnBuffer:
    """Gathers the products of one branch.

    Attributes:
        dictionaries: by branch of a ``str`` column, each string and its code, in order of appearance.
        crc32: by branch, the CRC-32 of all values taken so far, little endian.
        presence: which of the events taken so far have the product.
    """

    def __init__(self, stored: StoredProduct) -> None:
        """Takes the product and its branches.

        Raises:
            LogicError: a column has a type that no tree can hold.
        """
        for c in stored.columns:
            if c.stored_dtype not in STORABLE:
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
        self.presence = Presence()

    def branch_values(self, made: Sequence[Product | None]) -> dict[str, Any]:
        """The products of consecutive events as values for uproot's ``extend``; empty ones for None.

        Raises:
            LogicError: a column has another dtype than its schema, or another length than its axis.
        """
        products = self._filled(made)
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

    def column_values(self, columns: Mapping[str, Column], present: Present) -> dict[str, Any]:
        """Columns of consecutive events, by name, as values for uproot's ``extend``.

        Args:
            columns: nothing, or zeros, in events that lack the product.
            present: which have it.

        Raises:
            LogicError: a column has another dtype than its schema, or another length than its axis.
        """
        self.presence.add(present)
        contents = {
            c.name: self._coded(c, columns[c.name].content)
            if c.dtype == "str"
            else np.asarray(columns[c.name].content)
            for c in self.stored.columns
        }
        return self._values(contents, lambda name: np.diff(columns[name].offsets).astype(COUNTER_DTYPE))

    def _filled(self, made: Sequence[Product | None]) -> Sequence[Product]:
        """An empty product in the place of each that is missing, which is noted."""
        found = [product for product in made if product is not None]
        if len(found) == len(made):
            self.presence.add(np.ones(len(made), np.bool_))
            return found
        self.presence.add(np.array([product is not None for product in made]))
        branch = self.stored.description()
        empty = product_class(branch.type_name, branch.schema).empty()
        return [empty if product is None else product for product in made]

    def _values(
        self, contents: Mapping[str, Values], counts_of: Callable[[str], npt.NDArray[np.int32]]
    ) -> dict[str, Any]:
        columns: dict[str, Values] = {}
        for c in self.stored.columns:
            if contents[c.name].dtype != c.stored_dtype:
                message = f"values for branch {c.branch!r} are {contents[c.name].dtype}, not {c.dtype}"
                raise LogicError(message)
            columns[c.branch] = contents[c.name]
        for axis, group in self.stored.axes():
            if axis is not None:
                columns[self.stored.counters[axis]] = counts_of(group[0].name)
        for branch, values in columns.items():
            self.crc32[branch] = crc32(values, self.crc32[branch])
        return tree_values(self.stored, columns)

    def _coded(self, column: StoredColumn, strings: Iterable[str]) -> Values:
        codes = self.dictionaries[column.branch]
        return np.array([codes.setdefault(s, len(codes)) for s in strings], CODE_DTYPE)


def dictionaries_of(buffers: Iterable[ColumnBuffer]) -> dict[str, tuple[str, ...]]:
    """By branch of a ``str`` column, the strings its codes stand for."""
    return {branch: tuple(codes) for buffer in buffers for branch, codes in buffer.dictionaries.items()}


def crc32(values: Values, start: int = 0) -> int:
    """CRC-32 of values as little-endian bytes, going on from an earlier part's."""
    little = values.astype(values.dtype.newbyteorder("<"), copy=False)
    return zlib.crc32(np.ascontiguousarray(little).view(np.uint8).data, start)
