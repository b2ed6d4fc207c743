"""How many rows it pays to fuse, found out from the batches that were run."""

import statistics
from collections import deque
from itertools import takewhile

LEAST_S = 2e-3
"""Sizes whose batches are quicker are not considered: what is done around a batch would outweigh a gain."""

AROUND_S = 3e-4
"""What a batch costs beside its time on the device: threads and processes are woken, replies sent."""

TOLERANCE = 0.02
"""A larger size must be cheaper per row by more; with a smaller one answers come sooner."""

HOPELESS = 0.25
"""Where a row is dearer by more than this, sizes that are smaller still are not tried."""

REMEMBERED = 5
"""Batches of a size by which it is judged, and chances that it gets to be tried."""


class BestRows:
    """Judges sizes by the median of their last batches; used by one event loop.

    On a GPU a full batch takes hardly longer than a row, and the largest size is best. On processors rows
    gain little from company, and lose where a batch is too large for the caches.

    Args:
        max_rows: Rows up to which a batch may have.
    """

    def __init__(self, max_rows: int) -> None:
        powers = takewhile(lambda size: size < max_rows, (1 << n for n in range(max_rows)))
        self._sizes = [*powers, max_rows]
        self._costs_s: dict[int, deque[float]] = {size: deque(maxlen=REMEMBERED) for size in self._sizes}
        self._chances = dict.fromkeys(self._sizes, REMEMBERED)
        self._max_rows = max_rows
        self.rows = max_rows
        """Up to which requests are to be fused now."""

    def saw(self, n_rows: int, took_s: float) -> bool:
        """A batch of so many rows took so long.

        Returns:
            Whether `rows` is another one now.
        """
        is_quick = took_s < LEAST_S
        if n_rows > self._max_rows or (is_quick and self.rows == self._max_rows):
            return False
        size = next(size for size in self._sizes if size >= n_rows)
        if not is_quick:
            self._costs_s[size].append((took_s + AROUND_S) / n_rows)
        if size > self.rows or (size == self.rows and is_quick):
            self._chances[self.rows] -= 1  # requests are larger than this size, or it is not considered
        before, self.rows = self.rows, self._choice()
        return self.rows != before

    def _choice(self) -> int:
        """A size that is still to be tried, or else the best."""
        known_s = {
            size: statistics.median(costs)
            for size, costs in self._costs_s.items()
            if len(costs) == REMEMBERED
        }
        if not known_s:
            return self._max_rows
        largest, least_s = max(known_s), min(known_s.values())
        for size in reversed(self._sizes):
            cost_s = known_s.get(size)
            if cost_s is None and size < largest and self._chances[size] > 0:
                return size
            if cost_s is not None and cost_s > (1 + HOPELESS) * least_s:
                break
        best = min(size for size, cost_s in known_s.items() if cost_s <= (1 + TOLERANCE) * least_s)
        return self._max_rows if best == largest else best  # nothing says that still more would be worse
