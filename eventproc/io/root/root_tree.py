"""RootTree: branches of a TTree as flat columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import Any

import numpy as np
import uproot
from uproot.interpretation.jagged import AsJagged
from uproot.interpretation.numerical import AsDtype

from eventproc.errors import FileReadError, ProductNotFound, near_names
from eventproc.io.root.column import Column
from eventproc.io.root.decompression_limits import limited_reading
from eventproc.io.root.uproot_errors import opening, reading


class RootTree:
    """A TTree, by the names of its branches; nested branches go by their own name without the parents'."""

    def __init__(self, pfn: str, tree: Any) -> None:
        self.pfn = pfn
        self.name: str = tree.name
        self.n_entries: int = tree.num_entries
        self._tree = tree
        self._branches: dict[str, Any] = dict(tree.iteritems(recursive=True, full_paths=False))

    @property
    def branch_names(self) -> Set[str]:
        """Names of all branches, nested ones included."""
        return self._branches.keys()

    def require(self, *names: str, jagged: bool) -> None:
        """Checks that branches exist and hold numbers.

        Args:
            names: the branches.
            jagged: whether they must hold a list of numbers per entry instead of one number.

        Raises:
            ProductNotFound: a branch is not there or is of another kind.
            FileOpenError: the tree is damaged.
        """
        for name in names:
            if name not in self._branches:
                hint = near_names(name, self._branches)
                message = f"tree {self.name!r} of input file {self.pfn!r} has no branch {name!r}; {hint}"
                raise ProductNotFound(message)
            if self._is_jagged(name) is not jagged:
                wanted = "a list of numbers" if jagged else "one number"
                message = (
                    f"branch {name!r} of tree {self.name!r} in input file {self.pfn!r} holds "
                    f"{self._branches[name].typename} per entry; it must be {wanted}"
                )
                raise ProductNotFound(message)

    def read(self, name: str, start: int, stop: int) -> Column:
        """Reads entries [start, stop) of a branch of numbers.

        Raises:
            FileReadError: uproot cannot read them.
        """
        with reading(name, start, stop, self.pfn):
            branch = self._branches[name]
            array = _array(branch, start, stop, branch.interpretation)
            if isinstance(branch.interpretation, AsJagged):
                return _flatten(array)
            return Column(np.arange(stop - start + 1), np.asarray(array.layout.data))

    def read_axis(self, names: Sequence[str], start: int, stop: int) -> Mapping[str, Column]:
        """Reads branches whose rows belong together; the columns share their offsets.

        Raises:
            FileReadError: uproot cannot read them, or their lengths disagree.
        """
        columns = {name: self.read(name, start, stop) for name in names}
        first = columns[names[0]].offsets
        for name, column in columns.items():
            if not np.array_equal(column.offsets, first):
                message = (
                    f"branches {names[0]!r} and {name!r} of input file {self.pfn!r} disagree about "
                    f"the number of rows within entries {start} to {stop - 1}"
                )
                raise FileReadError(message)
        return {name: Column(first, column.content) for name, column in columns.items()}

    def read_bytes(self, name: str, start: int, stop: int) -> Column:
        """Reads entries [start, stop) of a branch as bytes, for classes that uproot cannot interpret.

        Raises:
            FileReadError: uproot cannot read them.
        """
        with reading(name, start, stop, self.pfn):
            return _flatten(_array(self._branches[name], start, stop, AsJagged(AsDtype("u1"))))

    def cluster_limits(self, names: Sequence[str]) -> Sequence[int]:
        """Entries at which baskets of all the named branches begin, with 0 and the number of entries.

        Raises:
            FileOpenError: the tree is damaged.
        """
        if not names or not self.n_entries:
            return [0, self.n_entries]
        wanted = set(names)
        with opening(f"tree {self.name!r}", self.pfn):
            limits = self._tree.common_entry_offsets(filter_branch=lambda branch: branch.name in wanted)
            return sorted({0, *(int(limit) for limit in limits), self.n_entries})

    def entry_bytes(self, names: Sequence[str]) -> float:
        """Mean uncompressed size of an entry of the named branches.

        Raises:
            FileOpenError: the tree is damaged.
        """
        with opening(f"tree {self.name!r}", self.pfn):
            total = sum(int(self._branches[name].uncompressed_bytes) for name in names)
        return total / max(self.n_entries, 1)

    def _is_jagged(self, name: str) -> bool | None:
        with opening(f"branch {name!r}", self.pfn):
            interpretation = self._branches[name].interpretation
        if isinstance(interpretation, AsJagged):
            return True if _is_number(interpretation.content) else None
        return False if _is_number(interpretation) else None


def _array(branch: Any, start: int, stop: int, interpretation: Any) -> Any:
    with limited_reading():
        # No cache: each range is read once, and the cache would keep a hundred megabytes of them.
        array = branch.array(
            interpretation, entry_start=start, entry_stop=stop, library="ak", array_cache=None
        )
    if len(array) != stop - start:
        message = f"{len(array)} entries came back"
        raise ValueError(message)
    return array


def _flatten(array: Any) -> Column:
    offsets = np.asarray(array.layout.offsets)
    content = np.asarray(array.layout.content.data)[offsets[0] : offsets[-1]]
    return Column(offsets - offsets[0], content)


def _is_number(interpretation: Any) -> bool:
    if not isinstance(interpretation, uproot.AsDtype):
        return False
    dtype = interpretation.to_dtype
    return dtype.names is None and dtype.shape == () and dtype.kind in "biuf"
