"""How long a batch would keep the event loop if it ran there, and no thread had to be woken for it."""

import math
from collections import deque

QUICK_S = 500e-6
"""A batch that is quicker runs in the event loop.

Waking a thread and being woken by it costs 50 to 300 us, and each of the two waits for the interpreter while
the other uses it; the event loop may be away for so long.
"""

INSTANT_S = 50e-6
"""A batch that is quicker does not even wait for other requests that may have come at the same time.

To come back to a request in the next pass of the event loop costs about 10 us.
"""

_REMEMBERED = 4


class Quickness:
    """Judges by the last batches; used by one event loop."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, float]] = deque(maxlen=_REMEMBERED)  # seconds, seconds per row
        self._longest_s = self._longest_row_s = math.inf

    def saw(self, n_rows: int, took_s: float) -> None:
        """A batch of so many rows took so long, decoding included; one that failed took no time."""
        if not took_s:
            return
        self._seen.append((took_s, took_s / n_rows))
        if len(self._seen) == _REMEMBERED:
            self._longest_s = max(self._seen)[0]
            self._longest_row_s = max([row_s for _, row_s in self._seen])

    def longest_s(self, n_rows: int) -> float:
        """What a batch of so many rows takes at most; infinite until enough were seen.

        It takes no longer than a larger one took, and no longer per row than a smaller one.
        """
        return max(self._longest_s, n_rows * self._longest_row_s)
