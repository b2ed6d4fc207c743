"""Nobody comes in while the server drains, and it waits for those inside."""

import asyncio

import pytest

from accelerator_server.errors import DrainingError
from accelerator_server.limits.admission import Admission


async def test_draining_waits_for_those_inside_and_refuses_others():
    admission = Admission()
    admission.enter()
    draining = asyncio.ensure_future(admission.drain(30))
    await asyncio.sleep(0)
    assert admission.draining
    with pytest.raises(DrainingError):
        admission.enter()
    assert not draining.done()
    assert admission.n_inside == 1
    admission.leave()
    assert await draining


async def test_draining_gives_up_after_its_time():
    admission = Admission()
    admission.enter()
    assert not await admission.drain(0.01)


async def test_an_empty_server_is_drained_at_once():
    assert await Admission().drain(0.01)
