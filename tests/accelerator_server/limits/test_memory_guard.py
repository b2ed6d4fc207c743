"""Room for work: what is on its way counts as if it were here, what is refused says so (row F39)."""

import contextlib
import logging
from collections.abc import Iterator

import pytest

from accelerator_server.errors import MemoryFullError
from accelerator_server.limits.memory_guard import Claim, MemoryGuard, claim_bytes


@contextlib.contextmanager
def claimed(guard: MemoryGuard, n_bytes: int) -> Iterator[Claim]:
    claim = guard.claim(n_bytes)
    yield claim
    claim.release()


class Machine:
    """A clock, and what the server's processes hold."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.resident_bytes = 100
        self.n_measured = 0
        self.n_trimmed = 0

    def clock(self) -> float:
        return self.now_s

    def measure(self) -> int:
        self.n_measured += 1
        return self.resident_bytes

    def trim(self) -> None:
        self.n_trimmed += 1


@pytest.fixture
def machine():
    return Machine()


@pytest.fixture
def guard(machine):
    return MemoryGuard(1000, 500, machine.measure, machine.clock, machine.trim)


def test_what_is_inside_is_bounded_and_leaves_with_its_answer(machine):
    guard = MemoryGuard(1000, 10**9, machine.measure, machine.clock, machine.trim)
    with claimed(guard, 600):
        with pytest.raises(MemoryFullError, match="accepted work"), claimed(guard, 401):
            pass
        with claimed(guard, 400):
            assert guard.inside_bytes == 1000
    assert guard.inside_bytes == 0


def test_a_body_that_counts_more_than_once_may_come_alone(machine):
    guard = MemoryGuard(1000, 10**9, machine.measure, machine.clock, machine.trim)
    with claimed(guard, 1600) as claim:
        with pytest.raises(MemoryFullError, match="accepted work"), claimed(guard, 1):
            pass
        claim.settle(800)
        with claimed(guard, 200):
            assert guard.inside_bytes == 1000
    assert guard.inside_bytes == 0
    with claimed(guard, 1), pytest.raises(MemoryFullError), claimed(guard, 1600):
        pass


def test_bodies_on_their_way_count_however_often_memory_is_measured(guard, machine):
    claims = [guard.claim(100) for _ in range(4)]
    for n in range(1, 4):
        machine.now_s = float(n)
        with pytest.raises(MemoryFullError, match="server and workers hold"):
            guard.claim(1)
    for claim in claims:
        claim.settle(100)
    with pytest.raises(MemoryFullError):  # they came after memory was measured
        guard.claim(1)
    machine.now_s, machine.resident_bytes = 9.0, 500 - 20
    with claimed(guard, 20), pytest.raises(MemoryFullError):
        guard.claim(1)
    machine.now_s, machine.resident_bytes = 10.0, 100
    with claimed(guard, 400):
        pass
    for claim in claims:
        claim.release()
    assert guard.inside_bytes == 0


def test_over_the_limit_nothing_is_accepted_until_memory_falls(guard, machine, caplog):
    caplog.set_level(logging.INFO)
    machine.resident_bytes = 501
    for n in range(1, 4):
        machine.now_s = float(n)
        with pytest.raises(MemoryFullError):
            guard.claim(0)
    assert guard.is_over
    assert machine.n_trimmed == 3
    machine.now_s, machine.resident_bytes = 9.0, 400
    with claimed(guard, 100):
        assert not guard.is_over
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


def test_freed_memory_is_given_back_once_a_second_and_not_for_each_refusal(guard, machine):
    machine.resident_bytes = 501
    for n in range(100):
        machine.now_s = n / 50
        with pytest.raises(MemoryFullError):
            guard.claim(0)
    assert machine.n_trimmed == 2


def test_who_only_asks_for_readiness_has_freed_memory_given_back_too(machine):
    def trim() -> None:
        machine.resident_bytes = 400

    guard = MemoryGuard(1000, 500, machine.measure, machine.clock, trim)
    machine.resident_bytes = 501
    assert not guard.is_over
    machine.resident_bytes = 501
    assert guard.is_over  # once a second
    machine.now_s = 1.0
    assert not guard.is_over


def test_a_claim_is_settled_when_the_body_is_there(guard):
    with claimed(guard, 100) as claim:
        claim.settle(20)
        assert guard.inside_bytes == 20
        with claimed(guard, 100) as packed, pytest.raises(MemoryFullError):
            packed.settle(900)
        assert guard.inside_bytes == 20
        with claimed(guard, 100) as larger:
            larger.settle(300)
            assert guard.inside_bytes == 320
    assert guard.inside_bytes == 0
    with pytest.raises(MemoryFullError):  # they came since memory was measured, and may not be freed
        guard.claim(100)


KIB = 1024


@pytest.mark.parametrize(
    ("length", "is_packed", "expected"),
    [
        (10, False, 10),
        (64 * KIB, False, 64 * KIB),
        (100 * KIB, False, 200 * KIB),
        (10 * KIB, True, 80 * KIB),
        (None, False, 500 * KIB),
        (900 * KIB, False, 1000 * KIB),
        (0, False, 0),
    ],
)
def test_a_body_claims_what_its_headers_say_or_else_the_most_it_may_have(length, is_packed, expected):
    assert claim_bytes(length, 500 * KIB, is_packed=is_packed) == expected
