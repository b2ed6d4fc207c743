"""Delays before a worker is started again."""

from accelerator_server.workers.backoff import Backoff


def test_the_first_death_costs_no_delay_and_each_further_one_more_up_to_a_bound():
    backoff = Backoff()
    delays_s = [backoff.next_s(1.0) for _ in range(12)]
    assert delays_s[:3] == [0.0, 0.5, 1.0]
    assert delays_s == sorted(delays_s)
    assert delays_s[-1] == 30.0


def test_who_has_lived_for_a_minute_begins_anew():
    backoff = Backoff()
    for _ in range(5):
        backoff.next_s(0.0)
    assert [backoff.next_s(60.0), backoff.next_s(59.0)] == [0.0, 0.5]
