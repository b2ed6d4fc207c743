"""The trees of our own files: numbers, and beside them one list of records for each axis of a product."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import awkward as ak
import numpy as np
import numpy.typing as npt

from eventproc.errors import LogicError
from eventproc.io.format.file_metadata import ID_BRANCHES, StoredProduct

COUNTER_DTYPE = np.dtype("<i4")
"""What uproot and NanoAOD store a counter as."""

_RECORDS = "[]"
"""Ends the name of a list of records, which uproot wants besides the names of counter and branches."""


def make_tree(root: Any, name: str, ids: Iterable[str], products: Iterable[StoredProduct]) -> Any:
    """Makes a tree, empty, in a file that uproot has open.

    Args:
        root: the file.
        name: of the tree.
        ids: which of ID_BRANCHES it has.
        products: what else is in it.

    Raises:
        OSError: the file cannot be written.
    """
    types: dict[str, Any] = {branch: ID_BRANCHES[branch] for branch in ids}
    for product in products:
        types |= _branch_types(product)
    return root.mktree(
        name,
        types,
        counter_name=lambda records: records.removesuffix(_RECORDS),
        field_name=lambda _records, branch: branch,
    )


def tree_values(product: StoredProduct, columns: Mapping[str, npt.NDArray[Any]]) -> dict[str, Any]:
    """Values of a product's branches for uproot's ``extend``.

    Args:
        product: whose branches they are.
        columns: by branch, counters among them.

    Raises:
        LogicError: a column has another length than its axis.
    """
    values: dict[str, Any] = {}
    for axis, group in product.axes():
        if axis is None:
            values |= {c.branch: columns[c.branch] for c in group}
            continue
        counter = product.counters[axis]
        offsets = np.concatenate([[0], np.cumsum(columns[counter], dtype=np.int64)])
        for c in group:
            if len(columns[c.branch]) != offsets[-1]:
                message = f"branch {c.branch!r} got {len(columns[c.branch])} rows; its axis has {offsets[-1]}"
                raise LogicError(message)
        fields = [ak.contents.NumpyArray(columns[c.branch]) for c in group]
        records = ak.contents.RecordArray(fields, [c.branch for c in group])
        values[counter + _RECORDS] = ak.Array(ak.contents.ListOffsetArray(ak.index.Index64(offsets), records))
    return values


def _branch_types(product: StoredProduct) -> dict[str, Any]:
    types: dict[str, Any] = {}
    for axis, group in product.axes():
        if axis is None:
            types |= {c.branch: c.stored_dtype for c in group}
        else:
            contents = [ak.types.NumpyType(c.stored_dtype) for c in group]
            record = ak.types.RecordType(contents, [c.branch for c in group])
            types[product.counters[axis] + _RECORDS] = ak.types.ListType(record)
    return types
