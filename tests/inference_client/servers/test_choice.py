"""Choice among servers, on a clock made of numbers."""

from collections import Counter
from random import Random

from inference_client.servers.breaker import FAILURES_TO_OPEN
from inference_client.servers.choice import LATENCY_MEMORY_S, Server, capacity, choose
from inference_client.testing.memory_transport import MemoryTransport
from tests.inference_client.images import small_model

NOW_S = 1000.0


def make(n: int, max_in_flight: int = 4) -> list[Server]:
    return [Server(MemoryTransport(small_model(), f"http://s{k}:1"), max_in_flight) for k in range(n)]


def chosen(servers, n: int = 400, avoided=()) -> Counter:
    dice = Random(1)
    return Counter(choose(servers, NOW_S, avoided, dice).address for _ in range(n))


def test_the_server_with_less_under_way_is_chosen():
    one, other = make(2)
    one.in_flight = 2
    assert choose([one, other], NOW_S, (), Random(1)) is other


def test_the_faster_server_is_chosen():
    slow, fast = make(2)
    slow.succeed(0.2, 1, NOW_S)
    fast.succeed(0.02, 1, NOW_S)
    assert choose([slow, fast], NOW_S, (), Random(1)) is fast


def test_a_fast_server_with_much_under_way_gives_way_to_a_slower_idle_one():
    slow, fast = make(2)
    slow.succeed(0.05, 1, NOW_S)
    fast.succeed(0.02, 1, NOW_S)
    fast.in_flight = 3
    assert choose([slow, fast], NOW_S, (), Random(1)) is slow


def test_a_server_that_keeps_failing_gets_less():
    bad, good = make(2)
    for _ in range(4):
        bad.fail(False, NOW_S)
    assert choose([bad, good], NOW_S, (), Random(1)) is good


def test_equal_servers_all_get_something():
    assert len(chosen(make(6))) == 6


def test_the_slowest_of_many_is_never_preferred():
    servers = make(5)
    for k, server in enumerate(servers):
        server.succeed(0.01 * (k + 1), 1, NOW_S)
    assert "http://s4:1" not in chosen(servers)


def test_a_server_that_was_slow_long_ago_is_asked_again():
    once_slow, usual = make(2)
    once_slow.succeed(1.0, 1, NOW_S - 10 * LATENCY_MEMORY_S)
    usual.succeed(0.02, 1, NOW_S)
    assert choose([once_slow, usual], NOW_S, (), Random(1)) is once_slow


def test_the_server_that_just_failed_is_avoided_unless_it_is_the_only_one():
    one, other = make(2)
    assert chosen([one, other], avoided=[one]) == {"http://s1:1": 400}
    assert choose([one], NOW_S, [one], Random(1)) is one


def test_a_server_takes_no_more_than_its_limit():
    (server,) = make(1, max_in_flight=2)
    server.in_flight = 2
    assert choose([server], NOW_S, (), Random(1)) is None


def test_an_open_breaker_keeps_a_server_out_until_its_time():
    one, other = make(2)
    for _ in range(FAILURES_TO_OPEN):
        one.fail(False, NOW_S)
    assert chosen([one, other]) == {"http://s1:1": 400}
    assert one.wait_s(NOW_S) == 1.0
    assert one.is_free(NOW_S + 1.0)


def test_a_server_that_was_down_must_be_vetted_again():
    (server,) = make(1)
    server.vetted = True
    for _ in range(FAILURES_TO_OPEN):
        server.fail(False, NOW_S)
    assert not server.vetted


def test_a_busy_server_is_left_alone_for_the_time_it_asked_and_gets_half_as_much():
    (server,) = make(1, max_in_flight=8)
    server.back_off(0.5, NOW_S)
    assert not server.is_free(NOW_S + 0.4)
    assert server.is_free(NOW_S + 0.5)
    assert server.limit == 4


def test_answers_grow_the_limit_back_to_its_most():
    (server,) = make(1, max_in_flight=4)
    for _ in range(5):
        server.back_off(0.0, NOW_S)
    assert server.limit == 1
    for _ in range(100):
        server.succeed(0.01, 1, NOW_S)
    assert server.limit == 4


def test_capacity_is_that_of_the_servers_that_may_be_asked():
    up, busy, down = make(3)
    busy.back_off(1.0, NOW_S)
    for _ in range(FAILURES_TO_OPEN):
        down.fail(False, NOW_S)
    assert capacity([up, busy, down], NOW_S) == 4
    assert capacity([up, busy, down], NOW_S + 1.0) == 4 + 2 + 1


def test_with_all_servers_down_one_body_waits_for_them():
    (down,) = make(1)
    for _ in range(FAILURES_TO_OPEN):
        down.fail(False, NOW_S)
    assert capacity([down], NOW_S) == 1
