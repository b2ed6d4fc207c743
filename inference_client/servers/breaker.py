"""A circuit breaker: a server that keeps failing is left alone for a while, then tried with one call."""

FAILURES_TO_OPEN = 5
FIRST_OPEN_S = 1.0
LONGEST_OPEN_S = 30.0


class Breaker:
    """Closed lets calls pass, open none, half-open one at a time; all times come from the caller."""

    def __init__(self) -> None:
        self._failures_in_a_row = 0
        self._open_s = 0.0
        self._reopens_at_s = 0.0
        self._probing = False

    def state(self, now_s: float) -> str:
        """`closed`, `open` or `half-open`."""
        if self._open_s == 0.0:
            return "closed"
        return "open" if now_s < self._reopens_at_s else "half-open"

    def allows(self, now_s: float) -> bool:
        """Whether a call may go now."""
        state = self.state(now_s)
        return state == "closed" or (state == "half-open" and not self._probing)

    def wait_s(self, now_s: float) -> float:
        """Time until a first call may go; 0 if it is allowed or only waits for the probe under way."""
        return max(0.0, self._reopens_at_s - now_s) if self._open_s else 0.0

    def begin(self) -> bool:
        """Counts a call that goes now.

        Returns:
            Whether the call is the probe of a breaker that is not closed; to be handed back at its end.
        """
        is_probe = self._open_s > 0.0
        self._probing = self._probing or is_probe
        return is_probe

    def succeed(self) -> None:
        """Counts an answer, whichever call it came from."""
        self._failures_in_a_row = 0
        self._open_s = 0.0
        self._probing = False

    def fail(self, is_probe: bool, now_s: float) -> None:
        """Counts a failure; opens at the fifth in a row, and for twice as long after a failed probe."""
        self._failures_in_a_row += 1
        if is_probe:
            self._open_for(min(LONGEST_OPEN_S, 2 * self._open_s), now_s)
        elif self._open_s == 0.0 and self._failures_in_a_row >= FAILURES_TO_OPEN:
            self._open_for(FIRST_OPEN_S, now_s)

    def open(self, now_s: float) -> None:
        """Opens at once, for a server that did not answer when the client started."""
        self._open_for(FIRST_OPEN_S, now_s)

    def abandon(self, is_probe: bool) -> None:
        """Counts a call that ended without telling anything, such as a cancelled one."""
        self._probing = self._probing and not is_probe

    def _open_for(self, open_s: float, now_s: float) -> None:
        self._open_s = open_s
        self._reopens_at_s = now_s + open_s
        self._probing = False
