"""Trees of runs and luminosity blocks: their products gathered, written, and read again as a whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import compress, repeat
from typing import Any

import numpy as np

from eventproc.io.format.branch_names import name_products
from eventproc.io.format.column_buffer import ColumnBuffer, crc32, dictionaries_of
from eventproc.io.format.file_metadata import ID_BRANCHES, StoredLevel, StoredProduct
from eventproc.io.format.presence_tree import read_presence, write_presence
from eventproc.io.format.stored_tree import COUNTER_DTYPE, make_tree, open_tree, refuse_other_values
from eventproc.io.root.column import Column
from eventproc.io.root.root_file import RootFile
from eventproc.model.branch import BranchDescription
from eventproc.model.product import EQUAL, Product, product_class
from eventproc.model.product_merging import merged
from eventproc.model.transition import BranchType

Of = tuple[int, ...]
"""A run, or a run and a luminosity block."""

LevelProducts = Mapping[BranchDescription, Mapping[Of, Product]]
"""By branch, the product of each run or luminosity block that has one."""


@dataclass(frozen=True, slots=True)
class LevelForm:
    """How a tree of runs or luminosity blocks looks.

    Attributes:
        tree: its name.
        ids: the branches that say which run or luminosity block an entry is.
    """

    tree: str
    ids: tuple[str, ...]


FORMS = {
    BranchType.InLumi: LevelForm("LuminosityBlocks", ("run", "luminosityBlock")),
    BranchType.InRun: LevelForm("Runs", ("run",)),
}


class LevelRows:
    """Gathers the products of runs or luminosity blocks: a few, each again when it comes up again.

    Attributes:
        branches: the products, in the order in which `add` gets them.
    """

    def __init__(
        self, branch_type: BranchType, branches: Sequence[BranchDescription], process: str = ""
    ) -> None:
        """Takes what there is to gather.

        Args:
            branch_type: runs or luminosity blocks.
            branches: of that type.
            process: of which products are made here; what earlier processes made is the same wherever it
                comes from. "" for a merge, where all products come from several places.
        """
        self.branches = tuple(branches)
        self._form = FORMS[branch_type]
        self._rules = [EQUAL if process and b.process != process else b.merging for b in branches]
        self._rows: dict[Of, list[Product | None]] = {}

    def add(self, of: Of, products: Sequence[Product | None]) -> None:
        """Takes the products of a run or luminosity block, None for one that is missing.

        Raises:
            MismatchedInputFiles: they do not go together with what was taken before.
        """
        row = self._rows.setdefault(of, [None] * len(self.branches))
        for place, product in enumerate(products):
            before = row[place]
            if before is None or product is None:
                row[place] = product if before is None else before
            else:
                what = described(self.branches[place], of)
                row[place] = merged(before, product, self._rules[place], what)

    def write(self, root: Any) -> StoredLevel:
        """Writes the tree into a file that uproot has open, in the order of runs and luminosity blocks.

        Raises:
            OSError: the file cannot be written.
            LogicError: a column does not fit its schema.
        """
        form, rows = self._form, dict(sorted(self._rows.items()))
        buffers = [ColumnBuffer(stored) for stored in name_products(self.branches)]
        tree = make_tree(root, form.tree, form.ids, [buffer.stored for buffer in buffers])
        ids = zip(*rows, strict=True) if rows else [() for _ in form.ids]
        values: dict[str, Any] = {
            name: np.array(numbers, ID_BRANCHES[name]) for name, numbers in zip(form.ids, ids, strict=True)
        }
        digests = {name: crc32(numbers) for name, numbers in values.items()}
        if rows:
            for place, buffer in enumerate(buffers):
                values |= buffer.branch_values([row[place] for row in rows.values()])
            tree.extend(values)
        for buffer in buffers:
            digests |= buffer.crc32
        return StoredLevel(
            products=tuple(buffer.stored for buffer in buffers),
            entries=len(rows),
            dictionaries=dictionaries_of(buffers),
            crc32={name: f"{value:08x}" for name, value in digests.items()},
            presence=write_presence(root, form.tree, buffers),
        )


def read_level(file: RootFile, branch_type: BranchType, stored: StoredLevel) -> LevelProducts:
    """All products of the runs or luminosity blocks of a file, compared with their digests.

    Raises:
        FileOpenError: the tree is missing or is not what was written.
        FileReadError: it cannot be read.
    """
    form = FORMS[branch_type]
    tree = open_tree(file, form.tree, stored.entries)
    presence = read_presence(file, form.tree, stored.entries, stored.presence)
    tree.require(*form.ids, jagged=False)
    ids = {name: tree.read(name, 0, tree.n_entries) for name in form.ids}
    found = {name: crc32(np.asarray(column.content)) for name, column in ids.items()}
    keys = list(zip(*(np.asarray(column.content).tolist() for column in ids.values()), strict=True))
    products: dict[BranchDescription, dict[Of, Product]] = {}
    for product in stored.products:
        columns: dict[str, Column] = {}
        for axis, group in product.axes():
            names = [c.branch for c in group]
            tree.require(*names, jagged=axis is not None)
            columns |= tree.read_axis(names, 0, tree.n_entries)
            if axis is not None:
                counts = np.diff(columns[names[0]].offsets).astype(COUNTER_DTYPE)
                found[product.counters[axis]] = crc32(counts)
        found |= {name: crc32(np.asarray(column.content)) for name, column in columns.items()}
        branch = product.description()
        rows = zip(keys, _products(product, stored, columns), strict=True)
        products[branch] = dict(compress(rows, presence.get(branch.name, repeat(True))))
    refuse_other_values(found, stored.crc32, file.pfn, form.tree)
    return products


def described(branch: BranchDescription, of: Of) -> str:
    """A product of a run or luminosity block, for messages."""
    return f"{branch.name} of {'run' if len(of) == 1 else 'luminosity block'} {':'.join(map(str, of))}"


def _products(product: StoredProduct, stored: StoredLevel, columns: Mapping[str, Column]) -> list[Product]:
    description = product.description()
    kind = product_class(description.type_name, description.schema)
    rows = []
    for n in range(stored.entries):
        values = {}
        for c in product.columns:
            column = columns[c.branch]
            content: Any = column.content[column.offsets[n] : column.offsets[n + 1]]
            if c.dtype == "str":
                words = stored.dictionaries[c.branch]
                content = tuple(words[code] for code in np.asarray(content).tolist())
            values[c.name] = content
        rows.append(kind(**values))
    return rows
