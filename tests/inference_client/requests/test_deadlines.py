"""One timer for all requests: each that is open at its deadline is told of, once."""

import asyncio
import gc
import weakref

from inference_client.requests.deadlines import Deadlines
from inference_client.requests.ticket import Ticket
from tests.inference_client.images import sparse_request
from tests.inference_client.virtual_time import run_in_virtual_time


def ticket(deadline_s: float) -> Ticket:
    loop = asyncio.get_running_loop()
    return Ticket(sparse_request([1.0]), 1, loop.time(), deadline_s, loop.create_future())


def test_each_open_ticket_is_told_of_at_its_own_deadline():
    async def run():
        told = {}
        deadlines = Deadlines(lambda ticket: told.setdefault(ticket, asyncio.get_running_loop().time()))
        tickets = [ticket(at_s) for at_s in (1.0, 1.5, 1.5, 4.0)]
        for one in tickets:
            deadlines.add(one)
        await asyncio.sleep(5.0)
        assert [told[one] for one in tickets] == [1.0, 1.5, 1.5, 4.0]

    run_in_virtual_time(run())


def test_an_answered_ticket_is_not_told_of_and_later_ones_are():
    async def run():
        told = []
        deadlines = Deadlines(told.append)
        answered, late = ticket(1.0), ticket(2.0)
        deadlines.add(answered)
        deadlines.add(late)
        answered.future.set_result(None)
        await asyncio.sleep(1.5)
        later = ticket(3.0)
        deadlines.add(later)
        await asyncio.sleep(5.0)
        assert told == [late, later]

    run_in_virtual_time(run())


async def test_nothing_is_kept_of_an_answered_ticket_behind_an_open_one():
    deadlines = Deadlines(print)
    slow, answered = ticket(1000.0), ticket(1001.0)
    deadlines.add(slow)
    deadlines.add(answered)
    answered.future.set_result(None)
    gone = weakref.ref(answered)
    del answered
    gc.collect()
    assert gone() is None
    deadlines.close()


def test_after_closing_nobody_is_told_of():
    async def run():
        told = []
        deadlines = Deadlines(told.append)
        late = ticket(1.0)
        deadlines.add(late)
        deadlines.close()
        await asyncio.sleep(2.0)
        assert told == []

    run_in_virtual_time(run())


def test_a_ticket_that_comes_later_and_ends_sooner_is_told_of_in_time():
    async def run():
        told = {}
        deadlines = Deadlines(lambda ticket: told.setdefault(ticket, asyncio.get_running_loop().time()))
        at_s = (4.0, 1.0, 3.0, 2.0, 3.0)
        tickets = [ticket(one_s) for one_s in at_s]
        for one in tickets:
            deadlines.add(one)
        await asyncio.sleep(5.0)
        assert [told[one] for one in tickets] == list(at_s)

    run_in_virtual_time(run())
