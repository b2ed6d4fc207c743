"""ColumnDifference: how far the values of one column in two files are apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from eventproc.io.root.column import Column
from eventproc.model.event_id import EventID


@dataclass(frozen=True, slots=True)
class Tolerance:
    """Floating-point values a and b are the same where |a - b| <= absolute + relative * |b|."""

    absolute: float = 0.0
    relative: float = 0.0


@dataclass(slots=True)
class ColumnDifference:
    """What differs in one column; grows chunk by chunk.

    Attributes:
        name: product and column.
        values: values compared.
        different: how many of them differ by more than the tolerance.
        largest: the largest absolute difference seen, within the tolerance too; 0 for strings.
        events_of_other_length: events in which the files hold different numbers of rows.
        first: the first event that differs.
    """

    name: str
    values: int = 0
    different: int = 0
    largest: float = 0.0
    events_of_other_length: int = 0
    first: EventID | None = None

    @property
    def differs(self) -> bool:
        """Whether anything is not the same."""
        return bool(self.different or self.events_of_other_length)

    def add(self, a: Column, b: Column, ids: list[EventID], tolerance: Tolerance) -> None:
        """Compares the same events of both files; rows of events of unlike length are not compared."""
        rows_a, rows_b = np.diff(a.offsets), np.diff(b.offsets)
        alike = rows_a == rows_b
        self.events_of_other_length += int(np.count_nonzero(~alike))
        differ = ~alike
        left, right = _rows(a, alike), _rows(b, alike)
        wrong, largest = _compare(left, right, tolerance)
        self.values += len(wrong)
        self.different += int(np.count_nonzero(wrong))
        self.largest = max(self.largest, largest)
        owner = np.repeat(np.flatnonzero(alike), rows_a[alike])
        differ[owner[wrong]] = True
        if self.first is None and differ.any():
            self.first = ids[int(np.argmax(differ))]


def _rows(column: Column, events: npt.NDArray[np.bool_]) -> npt.NDArray[Any]:
    content = column.content
    values = np.array(content, np.str_) if isinstance(content, tuple) else np.asarray(content)
    return values[np.repeat(events, np.diff(column.offsets))]


def _compare(
    a: npt.NDArray[Any], b: npt.NDArray[Any], tolerance: Tolerance
) -> tuple[npt.NDArray[np.bool_], float]:
    """Which values differ, and by how much at most; NaN equals NaN."""
    wrong = np.asarray(a != b)
    if a.dtype.kind != "f":
        numbers = a.dtype.kind in "biu" and bool(wrong.any())
        return wrong, float(np.abs(a.astype(np.float64) - b.astype(np.float64)).max()) if numbers else 0.0
    left, right = a.astype(np.float64), b.astype(np.float64)
    with np.errstate(invalid="ignore"):  # inf - inf, and an infinity is near nothing else
        apart = np.abs(left - right)
        measurable = np.isfinite(apart)
        close = measurable & (apart <= tolerance.absolute + tolerance.relative * np.abs(right))
    wrong &= ~close & ~(np.isnan(left) & np.isnan(right))
    return wrong, float(apart[measurable].max()) if measurable.any() else 0.0
