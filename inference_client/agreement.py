"""How far two answers to the same question differ."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.generic]


@dataclass(frozen=True, slots=True)
class Agreement:
    """Answers compared row by row.

    Attributes:
        rows: Rows compared.
        equal_rows: Rows of which every value has the same bits.
        largest: Largest absolute difference of two values; infinite where one is a number and the other not.
    """

    rows: int = 0
    equal_rows: int = 0
    largest: float = 0.0

    def __add__(self, other: "Agreement") -> "Agreement":
        """Both comparisons together."""
        return Agreement(
            self.rows + other.rows, self.equal_rows + other.equal_rows, max(self.largest, other.largest)
        )


def compare_outputs(one: Mapping[str, Array], other: Mapping[str, Array]) -> Agreement:
    """Compares two answers.

    Args:
        one: Arrays by name of the output, (n_rows, ...), at least one.
        other: The same names; values of another shape differ infinitely.
    """
    n_rows = len(next(iter(one.values())))
    equal = np.ones(n_rows, np.bool_)
    largest = 0.0
    for name, values in one.items():
        others = other.get(name)
        if others is None or others.shape != values.shape:
            return Agreement(n_rows, 0, math.inf)
        equal &= _equal_rows(values, others)
        largest = max(largest, _largest_difference(values, others))
    return Agreement(n_rows, int(equal.sum()), largest)


def _equal_rows(one: Array, other: Array) -> NDArray[np.bool_]:
    if one.dtype != other.dtype or not one.size:
        return np.full(len(one), one.dtype == other.dtype)
    bits = [np.ascontiguousarray(values).view(np.uint8).reshape(len(values), -1) for values in (one, other)]
    same: NDArray[np.bool_] = (bits[0] == bits[1]).all(axis=1)
    return same


def _largest_difference(one: Array, other: Array) -> float:
    """Equal infinities and NaN beside NaN do not differ."""
    a: Any = one.astype(np.float64)
    b: Any = other.astype(np.float64)
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    if same.all():
        return 0.0
    differences = np.abs(a[~same] - b[~same])
    return math.inf if np.isnan(differences).any() else float(differences.max())
