"""Presence: which entries of a tree have a product, gathered as the tree is written."""

from __future__ import annotations

import numpy as np

from eventproc.io.root.column import Present


class Presence:
    """Of one product. What every entry has costs nothing."""

    def __init__(self) -> None:
        self._entries = 0
        self._with_gaps: list[tuple[int, Present]] = []  # first entry, presence from there on

    def add(self, present: Present) -> None:
        """Takes the next entries."""
        if not present.all():
            self._with_gaps.append((self._entries, present))
        self._entries += len(present)

    def all_entries(self) -> Present | None:
        """Presence in all entries so far; None where every entry has the product."""
        if not self._with_gaps:
            return None
        present = np.ones(self._entries, np.bool_)
        for first, part in self._with_gaps:
            present[first : first + len(part)] = part
        return present
