"""Where two files differ in the products of their runs and luminosity blocks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase

import numpy as np

from eventproc.io.format.level_tree import LevelProducts, Of, described
from eventproc.io.inspection.column_difference import Tolerance
from eventproc.model.branch import BranchDescription
from eventproc.model.product import Product


def level_differences(
    a: LevelProducts,
    b: LevelProducts,
    tolerance: Tolerance,
    ignore: Sequence[str] = (),
    *,
    any_process: bool = False,
) -> Iterator[str]:
    """A sentence for each product that differs, or that only one file holds.

    Args:
        a: of the file A.
        b: of the file B.
        tolerance: what floating-point values may differ by.
        ignore: columns to leave out, ``type_label_instance_process.column``, with ``*`` and ``?``.
        any_process: leave the process out of the names.
    """
    named_a, named_b = (_by_name(levels, any_process=any_process) for levels in (a, b))
    for name in dict.fromkeys([*named_a, *named_b]):
        columns = {c.name for named in (named_a, named_b) if name in named for c in named[name].schema}
        compared = sorted(c for c in columns if not any(fnmatchcase(f"{name}.{c}", p) for p in ignore))
        if compared and name not in named_a:
            yield f"only in B: {name}, of the {named_b[name].branch_type}"
        elif compared and name not in named_b:
            yield f"only in A: {name}, of the {named_a[name].branch_type}"
        elif compared:
            branch_a, branch_b = named_a[name], named_b[name]
            yield from _in_products(branch_a, a[branch_a], b[branch_b], compared, tolerance)


def _by_name(levels: LevelProducts, *, any_process: bool) -> dict[str, BranchDescription]:
    named: dict[str, BranchDescription] = {}
    for branch in levels:
        name = branch.name.rpartition("_")[0] if any_process else branch.name
        named.setdefault(name, branch)
    return named


def _in_products(
    branch: BranchDescription,
    a: Mapping[Of, Product],
    b: Mapping[Of, Product],
    columns: Sequence[str],
    tolerance: Tolerance,
) -> Iterator[str]:
    for of in sorted({*a, *b}):
        if of not in a or of not in b:
            yield f"only in {'A' if of in a else 'B'}: {described(branch, of)}"
            continue
        wrong = [name for name in columns if not _same(a[of], b[of], name, tolerance)]
        if wrong:
            yield f"{described(branch, of)} differs in {', '.join(wrong)}"


def _same(a: Product, b: Product, name: str, tolerance: Tolerance) -> bool:
    left, right = getattr(a, name, None), getattr(b, name, None)
    if left is None or right is None or isinstance(left, tuple):
        return left is not None and left == right
    if left.dtype != right.dtype or left.shape != right.shape:
        return False
    if left.dtype.kind != "f":
        return np.array_equal(left, right)
    return np.allclose(left, right, rtol=tolerance.relative, atol=tolerance.absolute, equal_nan=True)
