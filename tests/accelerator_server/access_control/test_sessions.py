"""Sessions of the dashboard: they begin, end, and are bounded."""

from accelerator_server.access_control.sessions import SESSION_S, Sessions
from accelerator_server.access_control.tokens import Caller

CALLER = Caller("analysis")


def test_a_session_lasts_its_time_and_no_longer():
    now_s = [0.0]
    sessions = Sessions(clock=lambda: now_s[0])
    cookie = sessions.begin(CALLER)
    now_s[0] = SESSION_S - 1
    assert sessions.caller_of(cookie) == CALLER
    now_s[0] = SESSION_S
    assert sessions.caller_of(cookie) is None


def test_a_session_ends_when_it_is_told_to():
    sessions = Sessions()
    first, second = sessions.begin(CALLER), sessions.begin(CALLER)
    sessions.end(first)
    assert (sessions.caller_of(first), sessions.caller_of(second)) == (None, CALLER)
    sessions.end_all()
    assert sessions.caller_of(second) is None


def test_the_oldest_of_too_many_sessions_ends():
    sessions = Sessions()
    cookies = [sessions.begin(CALLER) for _ in range(1001)]
    assert sessions.caller_of(cookies[0]) is None
    assert sessions.caller_of(cookies[1]) == sessions.caller_of(cookies[1000]) == CALLER


def test_no_cookie_is_no_session():
    assert Sessions().caller_of("") is None
