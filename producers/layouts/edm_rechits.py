"""EdmRecHitsLayout: CMS's own files, with ``edm::SortedCollection<EcalRecHit>`` in a tree ``Events``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Annotated

import numpy as np

from eventproc.errors import FileOpenError, FileReadError, ProductNotFound, near_names
from eventproc.io.reading.layout import Layout, LayoutFile
from eventproc.io.root.column import Column
from eventproc.io.root.root_file import NotInFile, RootFile
from eventproc.io.root.root_tree import RootTree
from eventproc.model.branch import BranchDescription
from eventproc.model.event_id import EventID
from eventproc.modules.parameters import ParameterDescription, doc
from producers.datatypes import EcalRecHits
from producers.layouts.event_auxiliary import event_id_of
from producers.layouts.rechit_columns import HITS_LABEL, convert, filled

TREE_NAME = "Events"
AUXILIARY = "EventAuxiliary"

KNOWN_COLLECTIONS = (
    ("reducedEcalRecHitsEB", ""),
    ("reducedEgamma", "reducedEBRecHits"),
    ("ecalRecHit", "EcalRecHitsEB"),
)
"""Label and instance of the barrel's hits in AOD, in MiniAOD, and in RECO, in the order of preference."""

MEMBERS = {"rawId": ".id_", "energy": ".energy_", "time": ".time_", "flags": ".flagBits_"}
"""How the branches of EcalRecHit's members end (DataFormats/EcalRecHit/interface/EcalRecHit.h)."""

_COLLECTION = re.compile(r"EcalRecHitsSorted_([^_.]*)_([^_.]*)_([^_.]+)\.?")


class EdmRecHitsLayout(Layout):
    """The layout of CMSSW's PoolOutputModule, for one collection of hits."""

    class Params(ParameterDescription):
        """Which collection."""

        collection: Annotated[
            str, doc("branch such as EcalRecHitsSorted_ecalRecHit_EcalRecHitsEB_RECO; empty: the known ones")
        ] = ""

    def __init__(self, params: Params) -> None:
        """Takes the collection's name."""
        self._params = params

    def open(self, file: RootFile) -> LayoutFile:
        """Looks for the event auxiliary and for a collection of hits."""
        tree = file.tree(TREE_NAME)
        if AUXILIARY not in tree.branch_names:
            message = f"tree {TREE_NAME!r} of input file {file.pfn!r} has no branch {AUXILIARY!r}"
            raise NotInFile(message)
        members = file.member_names("edm::EventAuxiliary")
        if "id_" not in members:
            message = f"input file {file.pfn!r} does not describe the members of edm::EventAuxiliary"
            raise FileOpenError(message)
        found = {m[0].rstrip("."): m for m in map(_COLLECTION.fullmatch, tree.branch_names) if m}
        name = self._choose(found, file.pfn)
        columns = dict(_member_branches(tree, name))
        tree.require(columns["rawId"], *columns.values(), jagged=True)
        branch = BranchDescription(EcalRecHits.name(), HITS_LABEL, "", found[name][3], EcalRecHits.schema())
        return EdmFile(tree, members.index("id_"), branch, columns)

    def _choose(self, found: Mapping[str, re.Match[str]], pfn: str) -> str:
        wanted = self._params.collection.rstrip(".")
        if wanted in found:
            return wanted
        if not wanted:
            by_label = {(match[1], match[2]): name for name, match in found.items()}
            known = [by_label[key] for key in KNOWN_COLLECTIONS if key in by_label]
            if known:
                return known[0]
        looked_for = wanted or " or ".join(
            f"EcalRecHitsSorted_{label}_{instance}_*" for label, instance in KNOWN_COLLECTIONS
        )
        message = f"input file {pfn!r} has no collection {looked_for}; {near_names(wanted, found)}"
        raise ProductNotFound(message)


class EdmFile(LayoutFile):
    """A CMS file, open."""

    def __init__(
        self,
        tree: RootTree,
        members_before_id: int,
        branch: BranchDescription,
        columns: Mapping[str, str],
    ) -> None:
        """Takes the one product and the branches of its columns; one that is missing is filled in."""
        self._tree = tree
        self._members_before_id = members_before_id
        self._columns = columns
        self._schema = {c.name: c for c in branch.schema}
        self.branches = (branch,)
        self.n_entries = tree.n_entries

    def event_ids(self, start: int, stop: int) -> Sequence[EventID]:
        """The ids of entries [start, stop).

        Raises:
            FileReadError: the auxiliary is not laid out as its description says.
        """
        column = self._tree.read_bytes(AUXILIARY, start, stop)
        data = memoryview(np.asarray(column.content).tobytes())
        try:
            return [
                event_id_of(data[begin:end], self._members_before_id)
                for begin, end in pairwise(column.offsets.tolist())
            ]
        except ValueError as error:
            message = (
                f"cannot read {AUXILIARY} of entries {start} to {stop - 1} of {self._tree.pfn!r}: {error}"
            )
            raise FileReadError(message) from error

    def read(
        self, branch: BranchDescription, columns: Sequence[str], start: int, stop: int
    ) -> Sequence[Column]:
        """Columns of the hits."""
        del branch  # there is one
        names = {c: self._columns[c] for c in ("rawId", *columns) if c in self._columns}
        read = self._tree.read_axis(list(names.values()), start, stop)
        offsets = read[names["rawId"]].offsets
        return [
            convert(read[names[c]], self._schema[c], f"branch {names[c]!r} of {self._tree.pfn!r}")
            if c in names
            else filled(self._schema[c], offsets)
            for c in columns
        ]

    def cluster_limits(self, branches: Sequence[BranchDescription]) -> Sequence[int]:
        """Where baskets of all the members begin."""
        return self._tree.cluster_limits([*self._columns.values()] if branches else [AUXILIARY])

    def entry_bytes(self, branches: Sequence[BranchDescription]) -> float:
        """Mean uncompressed size of an entry."""
        return self._tree.entry_bytes([AUXILIARY, *(self._columns.values() if branches else ())])


def _member_branches(tree: RootTree, collection: str) -> Iterator[tuple[str, str]]:
    inside = [name for name in tree.branch_names if name.startswith(f"{collection}.")]
    for column, ending in MEMBERS.items():
        # The longest: an id_ that is split further has the number in id_.id_.
        names = sorted((name for name in inside if name.endswith(ending)), key=len)
        if names or column != "flags":
            yield column, names[-1] if names else f"{collection}.obj.obj{ending}"
