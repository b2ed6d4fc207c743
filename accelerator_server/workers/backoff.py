"""How long to wait before a worker that died is started again."""

_DELAYS_S = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
"""At once after the first death; a poisonous input that kills twice has its service back within seconds."""

_STEADY_S = 60.0
"""Whoever has lived for so long dies for the first time."""


class Backoff:
    """The delays of one worker; used by one thread."""

    def __init__(self) -> None:
        self._n_deaths = 0

    def next_s(self, lived_s: float) -> float:
        """A worker that lived for so long has died, or could not be started and lived for 0 s."""
        if lived_s >= _STEADY_S:
            self._n_deaths = 0
        delay_s = _DELAYS_S[min(self._n_deaths, len(_DELAYS_S) - 1)]
        self._n_deaths += 1
        return delay_s
