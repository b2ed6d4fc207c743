"""Timers that let what has arrived be read first."""

import asyncio
import socket
import time

import pytest

from inference_client.expiry import Expiry, within


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
