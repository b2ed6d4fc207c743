"""Who runs on a worker: many batches at once, or one that nobody must keep company."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Turns:
    """Lets batches run side by side, and suspects alone, so that a death says who is to blame."""

    def __init__(self) -> None:
        # The condition guards what is below.
        self._changed = threading.Condition()
        self._n_running = 0
        self._n_want_to_be_alone = 0
        self._is_alone = False

    @contextmanager
    def turn(self, *, alone: bool) -> Iterator[None]:
        """Waits for its turn, and is over at the end of the ``with``; who wants to be alone goes before."""
        with self._changed:
            if alone:
                self._n_want_to_be_alone += 1
                self._changed.wait_for(lambda: not self._n_running and not self._is_alone)
                self._n_want_to_be_alone -= 1
                self._is_alone = True
            else:
                self._changed.wait_for(lambda: not self._n_want_to_be_alone and not self._is_alone)
                self._n_running += 1
        try:
            yield
        finally:
            with self._changed:
                if alone:
                    self._is_alone = False
                else:
                    self._n_running -= 1
                if self._n_want_to_be_alone or alone:
                    self._changed.notify_all()
