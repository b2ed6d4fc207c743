"""When a second server is asked because the first one is late: pure decisions, and what happened."""

from collections import deque

WINDOW = 100
"""Exchanges that the threshold is taken from: recent ones, since load changes."""
FEWEST = 20
"""With fewer the 95th percentile is one exchange's chance."""
QUANTILE = 0.95
MARGIN = 1.05
"""Where all answers take the same time, none is late by a rounding."""


class Hedging:
    """How long an answer usually takes, and how often a second server was asked and was first.

    J. Dean and L. A. Barroso, The Tail at Scale, CACM 56 (2013) 74: a second request after the 95th
    percentile adds five percent of load and cuts off the tail.

    Attributes:
        sent: Second tries that went while the first was under way.
        won: Those that were answered first.
    """

    def __init__(self) -> None:
        self.sent = self.won = 0
        self._recent_s: deque[float] = deque(maxlen=WINDOW)
        self._late_s: float | None = None  # of the exchanges in the window; None: to be found again

    def add(self, duration_s: float) -> None:
        """Counts an exchange that was answered."""
        self._recent_s.append(duration_s)
        self._late_s = None

    def late_after_s(self) -> float | None:
        """When an answer is late: later than 95 % of recent ones; None while too few are known."""
        if len(self._recent_s) < FEWEST:
            return None
        if self._late_s is None:
            self._late_s = MARGIN * sorted(self._recent_s)[int(QUANTILE * len(self._recent_s))]
        return self._late_s
