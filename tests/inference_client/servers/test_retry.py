"""Retry schedules: bounded, jittered, obedient, never a flood."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_client.servers.retry import (
    BASE_PAUSE_S,
    BUDGET_CAPACITY,
    LONGEST_PAUSE_S,
    RetryBudget,
    pause_s,
    try_timeout_s,
)


@given(failures=st.integers(1, 10_000), seed=st.integers())
def test_a_pause_stays_below_its_exponential_bound(failures, seed):
    bound_s = min(LONGEST_PAUSE_S, BASE_PAUSE_S * 2.0 ** min(failures - 1, 50))
    assert 0 <= pause_s(failures, None, Random(seed)) <= bound_s


@given(failures=st.integers(1, 50), retry_after_s=st.floats(0, 60), seed=st.integers())
def test_a_pause_is_never_shorter_than_the_server_asked(failures, retry_after_s, seed):
    assert pause_s(failures, retry_after_s, Random(seed)) >= retry_after_s


def test_pauses_of_many_clients_are_spread_over_the_whole_range():
    pauses_s = [pause_s(10, None, Random(seed)) for seed in range(400)]
    tenths = {int(pause / LONGEST_PAUSE_S * 10) for pause in pauses_s}
    assert tenths == set(range(10))


@given(remaining_s=st.floats(0.001, 1000), tries=st.integers(1, 10))
def test_tries_together_never_take_longer_than_the_deadline(remaining_s, tries):
    used_s = 0.0
    for tries_left in range(tries, 0, -1):
        timeout_s = try_timeout_s(remaining_s - used_s, tries_left)
        assert timeout_s > 0
        used_s += timeout_s
    assert used_s == pytest.approx(remaining_s)


def test_retries_are_free_until_the_budget_is_used_up_then_one_a_second():
    budget = RetryBudget()
    assert [budget.spend(0.0) for _ in range(int(BUDGET_CAPACITY))] == [0.0] * int(BUDGET_CAPACITY)
    assert [budget.spend(0.0) for _ in range(3)] == [1.0, 2.0, 3.0]


def test_five_successes_pay_for_one_retry():
    budget = RetryBudget()
    for _ in range(int(BUDGET_CAPACITY)):
        budget.spend(0.0)
    for _ in range(5):
        budget.earn()
    assert budget.spend(0.0) == pytest.approx(0.0)
    assert budget.spend(0.0) == pytest.approx(1.0)


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 100)), max_size=100))
def test_a_budget_never_holds_more_than_its_capacity(steps):
    budget, now_s = RetryBudget(), 0.0
    for is_success, wait_s in steps:
        now_s += wait_s
        if is_success:
            budget.earn()
        else:
            budget.spend(now_s)
    assert sum(budget.spend(now_s + 1e6) == 0.0 for _ in range(20)) == BUDGET_CAPACITY
