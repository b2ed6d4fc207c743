"""FlatRecHitsLayout: flat ntuples with one branch per column of the rec hits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import numpy as np

from eventproc.io.reading.layout import Layout, LayoutFile
from eventproc.io.root.column import Column
from eventproc.io.root.root_file import NotInFile, RootFile
from eventproc.io.root.root_tree import RootTree
from eventproc.model.branch import BranchDescription
from eventproc.model.event_id import EventID
from eventproc.modules.parameters import ParameterDescription, doc
from producers.datatypes import EcalRecHits, PFJets
from producers.layouts.rechit_columns import HITS_LABEL, convert, filled


class FlatRecHitsLayout(Layout):
    """A flat ntuple; which branch holds what is a parameter each."""

    class Params(ParameterDescription):
        """Names of the tree and its branches."""

        tree: Annotated[str, doc("name of the tree")] = "Events"
        run: Annotated[str, doc("branch of the run")] = "run"
        luminosityBlock: Annotated[str, doc("branch of the luminosity block")] = "lumi"
        event: Annotated[str, doc("branch of the event number")] = "event"
        rawId: Annotated[str, doc("branch of the crystals' DetIds")] = "EBHit_rawId"
        energy: Annotated[str, doc("branch of the energies")] = "EBHit_energy"
        time: Annotated[str, doc("branch of the times, in ns; empty: all 0")] = "EBHit_time"
        flags: Annotated[str, doc("branch of the flag bits; empty: all hits are Good")] = ""
        jetEt: Annotated[str, doc("branch of the stored jets' ET; empty: no jets")] = "Jet_et"
        jetEta: Annotated[str, doc("branch of the stored jets' eta")] = "Jet_eta"
        jetPhi: Annotated[str, doc("branch of the stored jets' phi")] = "Jet_phi"
        jetLabel: Annotated[str, doc("label under which the stored jets are offered")] = "ak5PFJets"
        process: Annotated[str, doc("process name that the products get")] = "RECO"

    def __init__(self, params: Params) -> None:
        """Takes the names."""
        self._params = params

    def open(self, file: RootFile) -> LayoutFile:
        """Looks for the branches of ids and hits; stored jets are offered when they are there."""
        p = self._params
        tree = file.tree(p.tree)
        ids = (p.run, p.luminosityBlock, p.event)
        hits = {"rawId": p.rawId, "energy": p.energy, "time": p.time, "flags": p.flags}
        names = [name for name in hits.values() if name]
        if not tree.branch_names & set(names):
            message = f"tree {p.tree!r} of input file {file.pfn!r} has none of {', '.join(map(repr, names))}"
            raise NotInFile(message)
        tree.require(*names, jagged=True)
        tree.require(*ids, jagged=False)
        products = {_describe(EcalRecHits, HITS_LABEL, p.process): hits}
        jets = {"et": p.jetEt, "eta": p.jetEta, "phi": p.jetPhi}
        if p.jetEt and tree.branch_names >= set(jets.values()):
            tree.require(*jets.values(), jagged=True)
            products[_describe(PFJets, p.jetLabel, p.process)] = jets
        return FlatFile(tree, ids, products)


class FlatFile(LayoutFile):
    """A flat ntuple, open."""

    def __init__(
        self, tree: RootTree, ids: Sequence[str], products: Mapping[BranchDescription, Mapping[str, str]]
    ) -> None:
        """Takes the branch of each column of each product; "" for a column that is filled in."""
        self._tree = tree
        self._ids = ids
        self._products = products
        self.branches = tuple(products)
        self.n_entries = tree.n_entries

    def event_ids(self, start: int, stop: int) -> Sequence[EventID]:
        """The ids of entries [start, stop)."""
        columns = (self._tree.read(name, start, stop).content for name in self._ids)
        return list(map(EventID, *(np.asarray(column).tolist() for column in columns)))

    def read(
        self, branch: BranchDescription, columns: Sequence[str], start: int, stop: int
    ) -> Sequence[Column]:
        """Columns of a product, converted to the product's types."""
        names = self._products[branch]
        present = list(dict.fromkeys(name for name in names.values() if name))
        wanted = [name for name in present if name in {names[c] for c in columns}] or present[:1]
        read = self._tree.read_axis(wanted, start, stop)
        offsets = read[wanted[0]].offsets
        schema = {c.name: c for c in branch.schema}
        return [
            convert(read[names[c]], schema[c], f"branch {names[c]!r} of input file {self._tree.pfn!r}")
            if names[c]
            else filled(schema[c], offsets)
            for c in columns
        ]

    def cluster_limits(self, branches: Sequence[BranchDescription]) -> Sequence[int]:
        """Where baskets of all the products begin."""
        return self._tree.cluster_limits(self._names(branches))

    def entry_bytes(self, branches: Sequence[BranchDescription]) -> float:
        """Mean uncompressed size of an entry of the products."""
        return self._tree.entry_bytes(self._names(branches))

    def _names(self, branches: Sequence[BranchDescription]) -> list[str]:
        return [*self._ids, *(name for b in branches for name in self._products[b].values() if name)]


def _describe(product_type: Any, label: str, process: str) -> BranchDescription:
    return BranchDescription(product_type.name(), label, "", process, product_type.schema())
