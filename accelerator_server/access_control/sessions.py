"""Who has logged in to the dashboard with a browser; a session lives in memory and for some hours only."""

import hashlib
import secrets
import time
from collections.abc import Callable

from accelerator_server.access_control.tokens import Caller

SESSION_S = 12 * 3600.0
_MAX_SESSIONS = 1000


class Sessions:
    """Sessions by the digest of their cookie; used by one event loop."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._sessions: dict[bytes, tuple[Caller, float]] = {}

    def begin(self, caller: Caller) -> str:
        """Begins a session; beyond a thousand the oldest ends.

        Returns:
            The value of its cookie.
        """
        if len(self._sessions) >= _MAX_SESSIONS:
            self._sessions.pop(next(iter(self._sessions)))
        cookie = secrets.token_urlsafe(32)
        self._sessions[_digest(cookie)] = (caller, self._clock() + SESSION_S)
        return cookie

    def caller_of(self, cookie: str) -> Caller | None:
        """Who holds this cookie; None if the session is over or never was."""
        # The digest is what is looked up, so the time it takes says nothing of the cookie.
        caller, ends_s = self._sessions.get(_digest(cookie), (None, 0.0))
        return caller if self._clock() < ends_s else None

    def end(self, cookie: str) -> None:
        """Ends a session, if there is one."""
        self._sessions.pop(_digest(cookie), None)

    def end_all(self) -> None:
        """Ends all sessions: the tokens that began them may have been withdrawn."""
        self._sessions.clear()


def _digest(cookie: str) -> bytes:
    return hashlib.sha256(cookie.encode(errors="replace")).digest()
