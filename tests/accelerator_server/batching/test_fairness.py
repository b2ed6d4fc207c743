"""Turns: clients share a device by rows, and what is remembered of them is bounded."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from accelerator_server.batching.fairness import FairTurns


def served(turns: FairTurns, waiting: list[tuple[float, str]], n: int) -> list[str]:
    """Whose requests a device takes next, one after another."""
    clients = []
    for turn, client in sorted(waiting)[:n]:
        turns.leave(client, turn, taken=True)
        clients.append(client)
    return clients


def test_a_client_with_one_request_does_not_wait_behind_a_hundred_of_another():
    turns = FairTurns()
    waiting = [(turns.enter("greedy", 1), "greedy") for _ in range(100)]
    waiting.append((turns.enter("modest", 1), "modest"))
    assert "modest" in served(turns, waiting, 2)


def test_clients_share_by_rows_and_not_by_requests():
    turns = FairTurns()
    waiting = [(turns.enter("large", 8), "large") for _ in range(20)]
    waiting += [(turns.enter("small", 1), "small") for _ in range(100)]
    found = Counter(served(turns, waiting, 90))
    assert abs(found["large"] * 8 - found["small"]) <= 8


def test_who_comes_late_gets_no_credit_for_the_time_before():
    turns = FairTurns()
    early = [(turns.enter("early", 1), "early") for _ in range(50)]
    served(turns, early[:40], 40)
    late = [(turns.enter("late", 1), "late") for _ in range(50)]
    assert Counter(served(turns, early[40:] + late, 10))["early"] >= 4


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 9)), max_size=50))
def test_requests_of_one_client_keep_their_order(requests):
    turns = FairTurns()
    found = [(client, turns.enter(client, n_rows)) for client, n_rows in requests]
    for name in "abc":
        own = [turn for client, turn in found if client == name]
        assert own == sorted(own)
        assert turns.n_waiting(name) == len(own)


def test_clients_that_come_once_are_forgotten():
    turns = FairTurns(max_accounts=10)
    for k in range(1000):
        client = f"client-{k}"
        turns.leave(client, turns.enter(client, 1), taken=True)
    assert len(turns) <= 10
