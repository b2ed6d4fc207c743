"""The choice of a batch: what is fused, what is left out, and when it pays to wait."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accelerator_server.batching.batch_choice import BatchRule, choose_batch


@dataclass
class Request:
    n_rows: int
    accepted_s: float = 0.0
    deadline_s: float = float("inf")


requests = st.builds(
    Request, st.integers(1, 9), st.floats(0, 10), st.one_of(st.floats(0, 30), st.just(float("inf")))
)
rules = st.builds(BatchRule, st.integers(1, 9), st.frozensets(st.integers(1, 9)), st.floats(0, 5))


@given(st.lists(requests, max_size=20), rules, st.floats(10, 20))
def test_a_batch_is_a_run_of_the_first_who_wait_without_the_expired(waiting, rule, now_s):
    choice = choose_batch(waiting, rule, now_s)
    seen = waiting[: len(choice.batch) + choice.n_expired]
    assert choice.batch == [one for one in seen if one.deadline_s > now_s]
    rows = sum(one.n_rows for one in choice.batch)
    assert rows <= rule.best_rows or len(choice.batch) == 1


@given(st.lists(requests, max_size=20), st.integers(1, 9), st.floats(10, 20))
def test_without_a_delay_all_that_fits_goes_at_once(waiting, best_rows, now_s):
    choice = choose_batch(waiting, BatchRule(best_rows), now_s)
    left = waiting[len(choice.batch) + choice.n_expired :]
    if choice.batch:
        follower = next((one for one in left if one.deadline_s > now_s), None)
        rows = sum(one.n_rows for one in choice.batch)
        assert follower is None or rows + follower.n_rows > best_rows
    else:
        assert all(one.deadline_s <= now_s for one in waiting)


@given(st.lists(requests, max_size=20), rules, st.floats(10, 20))
def test_whoever_waits_is_looked_at_again_before_a_deadline_and_is_run_then(waiting, rule, now_s):
    choice = choose_batch(waiting, rule, now_s)
    alive = [one for one in waiting if one.deadline_s > now_s]
    if alive and not choice.batch:
        assert now_s < choice.look_again_s <= alive[0].accepted_s + rule.max_delay_s
        assert choice.look_again_s < min(one.deadline_s for one in alive)
        assert choose_batch(waiting, rule, choice.look_again_s).batch


@pytest.mark.parametrize(
    ("rows", "now_s", "taken", "look_again_s"),
    [
        ([1, 1, 1], 0.5, 0, 1.0),  # room for more, and time
        ([1, 1, 1], 1.0, 3, None),  # the first has waited long enough
        ([4, 4], 0.5, 2, None),  # full
        ([4, 5], 0.5, 1, None),  # the next one does not fit, so nobody can be waited for
        ([9], 0.5, 1, None),  # larger than any batch
        ([], 0.5, 0, float("inf")),
    ],
)
def test_a_batch_with_room_waits_for_the_delay_of_its_first_request(rows, now_s, taken, look_again_s):
    waiting = [Request(n, accepted_s=0.1 * k) for k, n in enumerate(rows)]
    choice = choose_batch(waiting, BatchRule(best_rows=8, max_delay_s=1.0), now_s)
    assert len(choice.batch) == taken
    if look_again_s is not None:
        assert choice.look_again_s == look_again_s


@pytest.mark.parametrize(
    ("rows", "taken"),
    [
        ([1, 1, 1, 1], 4),
        ([1, 1, 1, 1, 1], 4),
        ([2, 2, 2, 2, 1], 4),  # eight rows rather than four
        ([3, 2], 0),  # nothing comes out even, and there is room
        ([3, 3, 3], 2),  # nothing comes out even, and there is none
    ],
)
def test_a_preferred_size_goes_without_delay_and_the_largest_first(rows, taken):
    rule = BatchRule(best_rows=8, preferred_rows=frozenset({4, 8}), max_delay_s=1.0)
    waiting = [Request(n) for n in rows]
    assert len(choose_batch(waiting, rule, 0.5).batch) == taken


def test_without_a_delay_what_makes_no_preferred_size_goes_as_it_is():
    rule = BatchRule(best_rows=8, preferred_rows=frozenset({4}))
    waiting = [Request(1) for _ in range(6)]
    assert len(choose_batch(waiting, rule, 0.5).batch) == 4
    assert len(choose_batch(waiting[4:], rule, 0.5).batch) == 2


def test_who_has_a_deadline_waits_half_of_the_time_to_it():
    rule = BatchRule(best_rows=8, max_delay_s=1.0)
    waiting = [Request(1), Request(1, accepted_s=0.1, deadline_s=0.5)]
    assert choose_batch(waiting, rule, 0.2).look_again_s == pytest.approx(0.3)
    assert len(choose_batch(waiting, rule, 0.301).batch) == 2
