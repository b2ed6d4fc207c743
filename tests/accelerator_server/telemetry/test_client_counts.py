"""Counts by client: strangers cannot fill memory with names, and who came last is first."""

from accelerator_server.telemetry.client_counts import ClientCounts


def test_the_clients_that_came_last_are_kept_and_told_first():
    counts = ClientCounts()
    for number in range(1000):
        counts.of(f"client {number}").n_requests += 1
        counts.of("busy").n_requests += 1
    told = counts.latest_first()
    assert list(told)[:3] == ["busy", "client 999", "client 998"]
    assert (len(told), told["busy"].n_requests, told["client 999"].n_requests) == (200, 1000, 1)
