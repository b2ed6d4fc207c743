"""When to try again: pure schedules; the clock and the dice are given."""

from random import Random

BASE_PAUSE_S = 0.025
LONGEST_PAUSE_S = 2.0

BUDGET_PER_SUCCESS = 0.2
BUDGET_CAPACITY = 10.0
BUDGET_PER_SECOND = 1.0
"""Retries are a fifth of the successes, with ten in reserve and one more each second."""


def try_timeout_s(remaining_s: float, tries_left: int) -> float:
    """Time for one try: half of what is left, so that a silent server cannot use it all up.

    The last try gets the rest.

    Args:
        remaining_s: Time to the deadline.
        tries_left: Tries still allowed, this one included.
    """
    return remaining_s if tries_left <= 1 else remaining_s / 2


def pause_s(failures: int, retry_after_s: float | None, dice: Random) -> float:
    """Pause before the next try: exponential with full jitter, never shorter than the server asked for.

    Full jitter: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/

    Args:
        failures: Tries that failed so far, at least 1.
        retry_after_s: What the server asked to wait; None if it did not say.
        dice: Source of the jitter.
    """
    longest_s = min(LONGEST_PAUSE_S, BASE_PAUSE_S * 2.0 ** min(failures - 1, 32))
    jitter_s = dice.uniform(0.0, longest_s)
    return jitter_s if retry_after_s is None else retry_after_s + jitter_s


class RetryBudget:
    """Keeps retries a small part of the load, so that they cannot keep an overloaded server down.

    A retry that finds no token waits for one; it is not given up.
    """

    def __init__(self) -> None:
        self._tokens = BUDGET_CAPACITY
        self._counted_at_s = 0.0

    def earn(self) -> None:
        """Counts a success."""
        self._tokens = min(BUDGET_CAPACITY, self._tokens + BUDGET_PER_SUCCESS)

    def spend(self, now_s: float) -> float:
        """Takes one token.

        Returns:
            How long to wait before the retry may go, 0 if at once.
        """
        self._refill(now_s)
        self._tokens -= 1.0
        return max(0.0, -self._tokens / BUDGET_PER_SECOND)

    def spare(self, now_s: float) -> bool:
        """Takes one token if there is one, for a try that need not be.

        Returns:
            Whether it may go.
        """
        self._refill(now_s)
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True

    def _refill(self, now_s: float) -> None:
        self._tokens = min(BUDGET_CAPACITY, self._tokens + (now_s - self._counted_at_s) * BUDGET_PER_SECOND)
        self._counted_at_s = now_s
