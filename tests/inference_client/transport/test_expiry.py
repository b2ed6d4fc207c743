"""Timers that let what has arrived be read first."""

import asyncio
import socket
import time

import pytest

from inference_client.transport.expiry import BUSY_S, STEPS, BusyExpiry, Expiry, within
from tests.inference_client.virtual_time import run_in_virtual_time


async def test_work_that_is_done_in_time_gives_its_result():
    assert await within(5.0, asyncio.sleep(0, "done")) == "done"


async def test_work_that_is_not_done_in_time_is_cancelled():
    task = asyncio.ensure_future(asyncio.Event().wait())
    with pytest.raises(TimeoutError, match=r"0\.01 s"):
        await within(0.01, task)
    assert task.cancelled()


async def test_a_caller_whose_time_was_over_is_not_taken_for_cancelled():
    with pytest.raises(TimeoutError):
        await within(0.01, asyncio.Event().wait())
    assert asyncio.current_task().cancelling() == 0


async def test_an_error_of_the_work_passes():
    async def fail():
        raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        await within(5.0, fail())


async def test_a_cancelled_caller_stays_cancelled_and_takes_the_work_along():
    task = asyncio.ensure_future(asyncio.Event().wait())
    waiting = asyncio.ensure_future(within(5.0, task))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert task.cancelled()


async def test_bytes_that_arrived_before_the_end_are_read_though_the_loop_was_busy_past_it():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        reader, writer = await asyncio.open_connection(sock=ours)
        reading = asyncio.ensure_future(within(0.02, reader.readexactly(4)))
        await asyncio.sleep(0)
        theirs.sendall(b"here")
        time.sleep(0.05)  # noqa: ASYNC251  a module that computes past the deadline
        assert await reading == b"here"
        writer.close()
        await writer.wait_closed()


async def test_an_expiry_that_was_cancelled_never_calls():
    calls = []
    expiry = Expiry(asyncio.get_running_loop().time(), lambda: calls.append(1))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    expiry.cancel()
    for _ in range(100):
        await asyncio.sleep(0)
    assert calls == []


async def test_time_in_which_the_loop_was_busy_is_not_counted_where_that_is_asked_for():
    reached = asyncio.Event()
    waiting = asyncio.ensure_future(within(4 * BUSY_S, reached.wait(), BusyExpiry))
    await asyncio.sleep(0)
    time.sleep(8 * BUSY_S)  # noqa: ASYNC251  a module that computes past the end
    await asyncio.sleep(BUSY_S / 2)  # what comes then needs time, as an answer to a handshake does
    reached.set()
    assert await waiting


def test_such_a_timer_of_an_idle_loop_ends_when_any_other_does():
    async def run():
        begun_s = asyncio.get_running_loop().time()
        with pytest.raises(TimeoutError):
            await within(2.0, asyncio.Event().wait(), BusyExpiry)
        assert asyncio.get_running_loop().time() - begun_s == pytest.approx(2.0)

    run_in_virtual_time(run())


async def test_such_a_timer_ends_though_the_loop_is_kept_a_little_busy_all_the_time():
    begun_s, turns = time.monotonic(), 0
    waiting = asyncio.ensure_future(within(0.1, asyncio.Event().wait(), BusyExpiry))
    while not waiting.done():
        turns += 1
        time.sleep(0.005)  # noqa: ASYNC251  modules that compute
        await asyncio.sleep(0)
    with pytest.raises(TimeoutError):
        await waiting
    assert turns > STEPS
    assert time.monotonic() - begun_s > 0.1
