"""Where a product is missing from events of one of two files and not of the other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from eventproc.io.reading.layout import LayoutFile
from eventproc.io.root.column import Present
from eventproc.model.branch import BranchDescription
from eventproc.model.event_id import EventID


def presence_difference(
    a: tuple[LayoutFile, BranchDescription],
    b: tuple[LayoutFile, BranchDescription],
    ids: Sequence[EventID],
    product: str,
) -> str:
    """A sentence on a product that both files hold; "" where the same events have it.

    Args:
        a: file A and its branch.
        b: the same for B.
        ids: the events, the same in both.
        product: how the sentence calls it.
    """
    in_a, in_b = _presence(*a), _presence(*b)
    differing = np.flatnonzero(in_a != in_b)
    if not len(differing):
        return ""
    only_a, only_b = (int(np.count_nonzero(one & ~other)) for one, other in ((in_a, in_b), (in_b, in_a)))
    first = ":".join(map(str, ids[int(differing[0])]))
    return f"{product}: in {only_a} events only in A, in {only_b} only in B; first in {first}"


def _presence(file: LayoutFile, branch: BranchDescription) -> Present:
    present = file.presence(branch, 0, file.n_entries)
    return np.ones(file.n_entries, np.bool_) if present is None else present
