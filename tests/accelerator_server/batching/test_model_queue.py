"""The queue: what is fused, what is dropped, what is refused, in which order."""

import threading
import time
from queue import Queue

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accelerator_server.batching.batch_choice import BatchRule
from accelerator_server.batching.model_queue import Job, ModelQueue
from accelerator_server.errors import (
    BodyTooLargeError,
    ClientTooFastError,
    ModelNotReadyError,
    QueueFullError,
)


def job(n_rows: int = 1, n_bytes: int = 10, deadline_s: float = float("inf"), **more) -> Job:
    return Job(
        tensors={},
        n_rows=n_rows,
        n_bytes=n_bytes,
        result=None,
        deadline_s=deadline_s,
        **{"accepted_s": 0.0, **more},
    )


def queue(
    best_rows: int = 4, max_requests: int = 100, max_bytes: int = 1000, now_s: float = 0.0
) -> ModelQueue:
    return ModelQueue(BatchRule(best_rows), max_requests, max_bytes, clock=lambda: now_s)


def test_everything_that_waits_is_taken_at_once():
    waiting = queue(best_rows=10)
    jobs = [job(2), job(3), job(5), job(1)]
    for one in jobs:
        waiting.submit(one)
    assert waiting.take() == jobs[:3]
    assert waiting.take() == jobs[3:]
    assert len(waiting) == waiting.waiting_bytes == 0


def test_a_job_larger_than_the_best_batch_runs_alone():
    waiting = queue(best_rows=2)
    large, small = job(5), job(1)
    waiting.submit(large)
    waiting.submit(small)
    assert waiting.take() == [large]
    assert waiting.take() == [small]


def test_pieces_of_one_request_are_queued_all_or_none():
    waiting = queue(max_requests=3)
    waiting.submit(job(), job())
    with pytest.raises(QueueFullError):
        waiting.submit(job(), job())
    assert len(waiting) == 2
    waiting.submit(job())
    assert len(waiting.take()) == 3


def test_expired_jobs_are_never_taken():
    waiting = queue(now_s=5.0)
    expired, alive = job(deadline_s=5.0), job(deadline_s=5.1)
    waiting.submit(expired)
    waiting.submit(alive)
    assert waiting.take() == [alive]
    assert waiting.waiting_bytes == 0


def test_a_discarded_job_is_never_taken_and_frees_its_place():
    waiting = queue(max_requests=1)
    gone, kept = job(), job()
    waiting.submit(gone)
    assert waiting.discard(gone)
    waiting.submit(kept)
    assert waiting.take() == [kept]
    assert not waiting.discard(kept)
    assert waiting.waiting_bytes == 0


def test_the_queue_is_bounded_in_requests():
    waiting = queue(max_requests=2)
    waiting.submit(job())
    waiting.submit(job())
    with pytest.raises(QueueFullError, match="2 requests"):
        waiting.submit(job())


def test_the_queue_is_bounded_in_bytes():
    waiting = queue(max_bytes=25)
    waiting.submit(job(n_bytes=10))
    waiting.submit(job(n_bytes=15))
    with pytest.raises(QueueFullError, match="25 bytes"):
        waiting.submit(job(n_bytes=1))


def test_a_closed_queue_gives_out_what_it_has_and_then_nothing():
    waiting = queue()
    last = job()
    waiting.submit(last)
    waiting.close()
    with pytest.raises(ModelNotReadyError):
        waiting.submit(job())
    assert waiting.take() == [last]
    assert waiting.take() == []


def test_a_job_need_not_wait_if_nobody_does_and_no_company_is_wanted():
    waiting = queue(max_bytes=25)
    assert not waiting.would_wait(job())
    waiting.submit(job())
    assert waiting.would_wait(job())
    assert ModelQueue(BatchRule(4, max_delay_s=1.0), 100, 1000).would_wait(job())


def test_who_would_not_be_queued_may_not_pass_the_queue_either():
    waiting = queue(max_bytes=25)
    with pytest.raises(BodyTooLargeError):
        waiting.would_wait(job(n_bytes=26))
    waiting.submit(job(n_bytes=20))
    with pytest.raises(QueueFullError):
        waiting.would_wait(job(n_bytes=6))
    waiting.close()
    with pytest.raises(ModelNotReadyError):
        waiting.would_wait(job())


def test_a_waiting_thread_wakes_for_a_job_and_for_the_end():
    waiting = queue()
    taken: Queue[list[Job]] = Queue()

    def take() -> None:
        for batch in iter(waiting.take, []):
            taken.put(batch)

    thread = threading.Thread(target=take)
    thread.start()
    for _ in range(3):
        one = job()
        waiting.submit(one)
        waiting.wake()
        assert taken.get(timeout=30) == [one]
    waiting.close()
    thread.join(30)
    assert not thread.is_alive()


def test_a_thread_waits_for_company_and_goes_as_soon_as_the_batch_is_full():
    waiting = ModelQueue(BatchRule(best_rows=2, max_delay_s=1000.0), 100, 1000)
    taken: Queue[list[Job]] = Queue()
    thread = threading.Thread(target=lambda: taken.put(waiting.take()))
    jobs = [job(accepted_s=time.monotonic()) for _ in range(2)]
    waiting.submit(jobs[0])
    thread.start()
    assert waiting.take(wait=False) == []
    waiting.submit(jobs[1])
    waiting.wake()
    assert taken.get(timeout=30) == jobs
    thread.join(30)


def test_a_job_without_company_goes_when_its_delay_is_over():
    waiting = ModelQueue(BatchRule(best_rows=2, max_delay_s=0.05), 100, 1000)
    lonely = job(accepted_s=time.monotonic())
    waiting.submit(lonely)
    assert waiting.take() == [lonely]
    assert time.monotonic() >= lonely.accepted_s + 0.05


def test_a_queue_that_closes_waits_for_nobody():
    waiting = ModelQueue(BatchRule(best_rows=2, max_delay_s=1000.0), 100, 1000)
    last = job(accepted_s=time.monotonic())
    waiting.submit(last)
    waiting.close()
    assert waiting.take() == [last]


@given(st.lists(st.integers(1, 5), min_size=1, max_size=60), st.integers(1, 3))
def test_many_threads_take_every_job_exactly_once(sizes, n_threads):
    waiting = queue(max_requests=1000, max_bytes=10_000)
    jobs = [job(size) for size in sizes]
    taken: list[Job] = []

    def drain() -> None:
        for batch in iter(waiting.take, []):
            taken.extend(batch)

    threads = [threading.Thread(target=drain) for _ in range(n_threads)]
    for thread in threads:
        thread.start()
    for one in jobs:
        waiting.submit(one)
    waiting.close()
    for thread in threads:
        thread.join(30)
    assert sorted(map(id, taken)) == sorted(map(id, jobs))


def test_lower_priorities_run_first_and_equal_ones_in_order():
    waiting = queue(best_rows=1)
    jobs = [job(priority=priority) for priority in (100, 5, 100, 1)]
    for one in jobs:
        waiting.submit(one)
    assert [waiting.take() for _ in jobs] == [[jobs[3]], [jobs[1]], [jobs[0]], [jobs[2]]]


def test_a_client_that_floods_the_queue_leaves_room_for_others():
    waiting = queue(max_requests=20)
    for _ in range(16):
        waiting.submit(job(client="greedy"))
    with pytest.raises(ClientTooFastError, match="4 places are free"):
        waiting.submit(job(client="greedy"))
    modest = job(client="modest")
    waiting.submit(modest)
    assert modest in waiting.take()


def test_a_client_that_left_the_queue_may_fill_it_again():
    waiting = queue(best_rows=100, max_requests=20)
    for _ in range(3):
        for _ in range(16):
            waiting.submit(job(client="greedy"))
        assert len(waiting.take()) == 16
    dropped = job(client="greedy")
    waiting.submit(dropped)
    assert waiting.drop_all() == [dropped]
    assert waiting.waiting_bytes == 0
