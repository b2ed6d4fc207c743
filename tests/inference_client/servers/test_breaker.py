"""The circuit breaker as a state machine, on a clock made of numbers."""

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from inference_client.servers.breaker import FAILURES_TO_OPEN, FIRST_OPEN_S, LONGEST_OPEN_S, Breaker


def opened(at_s: float = 0.0) -> Breaker:
    breaker = Breaker()
    for _ in range(FAILURES_TO_OPEN):
        breaker.fail(breaker.begin(), at_s)
    return breaker


def test_it_opens_at_the_fifth_failure_in_a_row_and_not_before():
    breaker = Breaker()
    for n in range(1, FAILURES_TO_OPEN + 1):
        assert breaker.allows(0.0)
        breaker.fail(breaker.begin(), 0.0)
        assert (breaker.state(0.0) == "open") is (n == FAILURES_TO_OPEN)
    assert not breaker.allows(0.0)


def test_an_answer_between_failures_keeps_it_closed():
    breaker = Breaker()
    for _ in range(20):
        breaker.fail(breaker.begin(), 0.0)
        breaker.succeed()
    assert breaker.state(0.0) == "closed"


def test_half_open_it_lets_one_probe_pass():
    breaker = opened()
    assert breaker.wait_s(0.25) == FIRST_OPEN_S - 0.25
    assert breaker.state(FIRST_OPEN_S) == "half-open"
    assert breaker.begin()
    assert not breaker.allows(FIRST_OPEN_S)


def test_a_good_probe_closes_it():
    breaker = opened()
    breaker.begin()
    breaker.succeed()
    assert breaker.state(FIRST_OPEN_S) == "closed"
    assert breaker.allows(FIRST_OPEN_S)


def test_failed_probes_double_the_time_up_to_half_a_minute():
    breaker, now_s, open_times_s = opened(), 0.0, []
    for _ in range(8):
        open_times_s.append(breaker.wait_s(now_s))
        now_s += breaker.wait_s(now_s)
        breaker.fail(breaker.begin(), now_s)
    assert open_times_s == [1, 2, 4, 8, 16, LONGEST_OPEN_S, LONGEST_OPEN_S, LONGEST_OPEN_S]


def test_an_abandoned_probe_makes_room_for_another():
    breaker = opened()
    breaker.abandon(breaker.begin())
    assert breaker.allows(FIRST_OPEN_S)


def test_a_late_failure_of_an_older_call_does_not_end_the_probe():
    breaker = Breaker()
    older = breaker.begin()
    for _ in range(FAILURES_TO_OPEN):
        breaker.fail(breaker.begin(), 0.0)
    assert breaker.begin()
    breaker.fail(older, FIRST_OPEN_S)
    assert breaker.state(FIRST_OPEN_S) == "half-open"
    assert not breaker.allows(FIRST_OPEN_S)


class BreakerMachine(RuleBasedStateMachine):
    """Any order of calls, endings and waiting: never two probes, never shut for ever."""

    def __init__(self):
        super().__init__()
        self.breaker = Breaker()
        self.now_s = 0.0
        self.calls: list[bool] = []

    @rule()
    def call(self):
        if self.breaker.allows(self.now_s):
            self.calls.append(self.breaker.begin())

    @rule(how=st.sampled_from(["succeed", "fail", "abandon"]), which=st.integers(0, 100))
    def end(self, how, which):
        if not self.calls:
            return
        is_probe = self.calls.pop(which % len(self.calls))
        if how == "succeed":
            self.breaker.succeed()
            self.calls = [False for _ in self.calls]
        elif how == "fail":
            self.breaker.fail(is_probe, self.now_s)
        else:
            self.breaker.abandon(is_probe)

    @rule(wait_s=st.floats(0, 40))
    def wait(self, wait_s):
        self.now_s += wait_s

    @invariant()
    def at_most_one_probe_is_under_way(self):
        assert sum(self.calls) <= 1

    @invariant()
    def it_is_never_shut_for_longer_than_the_longest_time(self):
        assert self.breaker.wait_s(self.now_s) <= LONGEST_OPEN_S
        if not any(self.calls):
            assert self.breaker.allows(self.now_s + LONGEST_OPEN_S)


TestBreakerMachine = BreakerMachine.TestCase
