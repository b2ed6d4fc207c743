"""Whether a batch is so quick that handing it to another thread would take longer than running it."""

from collections import deque

QUICK_S = 500e-6
"""Waking a thread and being woken by it costs 50 to 300 us, and each of the two waits for the interpreter
while the other uses it; the event loop may be away for so long."""

_REMEMBERED = 4


class Quickness:
    """Judges by the last batches; used by one event loop."""

    def __init__(self) -> None:
        self._seen: deque[tuple[int, float]] = deque(maxlen=_REMEMBERED)

    def saw(self, n_rows: int, took_s: float) -> None:
        """A batch of so many rows took so long, decoding included."""
        self._seen.append((n_rows, took_s))

    def is_quick(self, n_rows: int) -> bool:
        """Whether a batch of so many rows is surely quick.

        A batch takes no longer than a larger one took, and no longer per row than a smaller one.
        """
        if len(self._seen) < _REMEMBERED:
            return False
        return all(took_s * max(1.0, n_rows / rows) < QUICK_S for rows, took_s in self._seen)
