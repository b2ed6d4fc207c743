"""Names of the branches that store a product: NanoAOD's ``nLabel`` and ``Label_column``, without clashes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from eventproc.io.format.file_metadata import ID_BRANCHES, StoredColumn, StoredProduct
from eventproc.model.branch import BranchDescription


def name_products(branches: Sequence[BranchDescription]) -> tuple[StoredProduct, ...]:
    """Gives every product its branches.

    The stem is ``label`` or ``label_instance``; a stem that would clash with an earlier product's branches
    gets the process's name appended, and if that clashes too, the first free number from 2.
    """
    taken = set(ID_BRANCHES)
    products = []
    for branch in branches:
        product = next(p for p in _candidates(branch) if taken.isdisjoint(p.branch_names()))
        taken.update(product.branch_names())
        products.append(product)
    return tuple(products)


def _candidates(branch: BranchDescription) -> Iterator[StoredProduct]:
    stem = re.sub(r"\W", "_", f"{branch.label}_{branch.instance}" if branch.instance else branch.label)
    yield _store(branch, stem)
    yield _store(branch, f"{stem}_{branch.process}")
    number = 2
    while True:
        yield _store(branch, f"{stem}_{branch.process}_{number}")
        number += 1


def _store(branch: BranchDescription, stem: str) -> StoredProduct:
    columns = tuple(
        StoredColumn(c.name, c.dtype, c.axis, c.unit, c.doc, f"{stem}_{c.name}") for c in branch.schema
    )
    axes = dict.fromkeys(c.axis for c in branch.schema if c.axis is not None)
    counters = {axis: f"n{stem}_{axis}" if axis else f"n{stem}" for axis in axes}
    names = (branch.type_name, branch.label, branch.instance, branch.process)
    return StoredProduct(*names, columns, counters, branch.attributes, branch.branch_type, branch.merging)
