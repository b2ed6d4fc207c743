"""DuplicateChecker: which events of the input came before; eight bytes for each that it remembers."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter

import numpy as np
import numpy.typing as npt

from eventproc.model.event_id import EventID

Numbers = npt.NDArray[np.uint64]


class DuplicateChecker:
    """Remembers event numbers by luminosity block."""

    def __init__(self) -> None:
        self._seen: dict[tuple[int, int], _SeenNumbers] = {}

    def forget(self) -> None:
        """Begins anew."""
        self._seen.clear()

    def find(self, ids: Sequence[EventID]) -> list[int]:
        """Which of some events came before, in earlier calls or among these; all are remembered.

        Returns:
            Their places, ascending.
        """
        places: list[int] = []
        first = 0
        for lumi, group in groupby(ids, key=itemgetter(0, 1)):
            numbers = np.array([event_id.event for event_id in group], np.uint64)
            again = self._seen.setdefault(lumi, _SeenNumbers()).add(numbers)
            places += (np.flatnonzero(again) + first).tolist()
            first += len(numbers)
        return places


class _SeenNumbers:
    """A set of numbers in sorted arrays, each less than half as long as the one before.

    To add is cheap whatever is there already, and to look is one binary search for each array.
    """

    __slots__ = ("_arrays",)

    def __init__(self) -> None:
        self._arrays: list[Numbers] = []

    def add(self, numbers: Numbers) -> npt.NDArray[np.bool_]:
        """Takes numbers.

        Returns:
            For each whether it was there, or came earlier among these.
        """
        known = np.zeros(len(numbers), np.bool_)
        new = numbers
        if np.any(numbers[1:] <= numbers[:-1]):  # most files are in order
            new, first_places = np.unique(numbers, return_index=True)
            known[:] = True
            known[first_places] = False
        for array in self._arrays:
            if new[0] <= array[-1] and array[0] <= new[-1]:
                places = np.minimum(np.searchsorted(array, numbers), len(array) - 1)
                known |= array[places] == numbers
        while self._arrays and len(self._arrays[-1]) < 2 * len(new):
            new = _united(self._arrays.pop(), new)
        self._arrays.append(new)
        return known


def _united(first: Numbers, second: Numbers) -> Numbers:
    if first[-1] < second[0]:
        return np.concatenate([first, second])
    return np.union1d(first, second)
