"""The trees of our own files: numbers, and beside them one list of records for each axis of a product."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import awkward as ak
import numpy as np
import numpy.typing as npt

from eventproc.errors import FileOpenError, LogicError
from eventproc.io.format.file_metadata import ID_BRANCHES, StoredProduct
from eventproc.io.root.root_file import RootFile
from eventproc.io.root.root_tree import RootTree

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


def open_tree(file: RootFile, name: str, entries: int) -> RootTree:
    """A tree of a file of ours, with as many entries as were written.

    Raises:
        FileOpenError: it is missing, or has another number of entries.
    """
    tree = file.tree(name)
    if tree.n_entries != entries:
        message = (
            f"input file {file.pfn!r} is damaged: tree {name!r} has {tree.n_entries} entries "
            f"and {entries} were written"
        )
        raise FileOpenError(message)
    return tree


def refuse_other_values(found: Mapping[str, int], stored: Mapping[str, str], pfn: str, tree: str) -> None:
    """Compares the digests of what was read of a whole tree with those of what was written, by branch.

    Raises:
        FileOpenError: values of a branch are others.
    """
    wrong = sorted(name for name, value in found.items() if f"{value:08x}" != stored.get(name))
    if wrong:
        message = (
            f"input file {pfn!r} is damaged: values of {', '.join(wrong)} in tree {tree!r} are not those "
            "that were written"
        )
        raise FileOpenError(message)


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
