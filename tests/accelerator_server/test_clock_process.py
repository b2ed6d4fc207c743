"""The wall clocks of a server and of its device's process step by an hour: nothing is late, early or lost."""

import asyncio
import os
import signal
import time
from email.utils import parsedate_to_datetime
from pathlib import Path

import aiohttp
import psutil
import pytest

from inference_client.protocol import headers
from tests.accelerator_server.answers import INFER, infer, metrics, refused, waiting_requests
from tests.accelerator_server.model_files import write_model
from tests.accelerator_server.process import server_process
from tests.accelerator_server.running import posting, request_of

STEPPED_CLOCK = Path(__file__).with_name("stepped_clock")
HOUR_S = 3600
ROW = request_of([[1, 2, 3, 4]])
PATIENT = {headers.DEADLINE_MS: "60000"}
BATCH_S = 1.0


class Stepped:
    """A server process whose clock can be stepped; its device has a process of its own."""

    def __init__(self, process, session: aiohttp.ClientSession) -> None:
        self.process = process
        self.session = session
        self.stepped_s = 0.0

    async def step(self, step_s: float) -> None:
        """Steps the clocks of both processes, and returns when the server tells the other time."""
        number = signal.SIGUSR1 if step_s > 0 else signal.SIGUSR2
        processes = [self.process, *psutil.Process(self.process.pid).children()]
        assert len(processes) == 2
        for process in processes:
            process.send_signal(number)
        self.stepped_s += step_s
        async with asyncio.timeout(60):
            while abs(await self._ahead_s() - self.stepped_s) > 60:
                pass

    async def _ahead_s(self) -> float:
        async with self.session.get("/metrics") as reply:
            return parsedate_to_datetime(reply.headers["Date"]).timestamp() - time.time()


@pytest.fixture
async def server(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(STEPPED_CLOCK), prepend=os.pathsep)
    write_model(
        tmp_path, backend="emulated", keys='max_rows = 1\nisolation = "process"',
        tables=f"[backend_parameters]\nservice_time_s = {BATCH_S}",
    )  # fmt: skip
    with server_process(tmp_path) as (process, address):
        async with aiohttp.ClientSession(address) as session:
            yield Stepped(process, session)


STEPS = pytest.mark.parametrize("step_s", [HOUR_S, -HOUR_S], ids=["forward", "back"])


@STEPS
async def test_what_was_accepted_before_the_step_is_answered_and_deadlines_hold(server, step_s):
    asked = [asyncio.ensure_future(infer(server.session, ROW, **PATIENT)) for _ in range(2)]
    await waiting_requests(server.session, 1)
    begun_s = time.monotonic()
    late = posting(ROW, **{headers.DEADLINE_MS: "500"})
    expiring = asyncio.ensure_future(refused(server.session, **late))
    await server.step(step_s)
    async with asyncio.timeout(60):
        status, code, _ = await expiring
        assert time.monotonic() - begun_s >= 0.5
        asked.append(asyncio.ensure_future(infer(server.session, ROW, **PATIENT)))
        answers = await asyncio.gather(*asked)
    assert (status, code) == (504, "deadline")
    for answer in answers:
        assert 0 <= answer.parameters.queue_us < 60e6
        assert 0.9 * BATCH_S * 1e6 < answer.parameters.compute_us < 60e6
    assert 'accelerator_worker_deaths_total{model="m",version="1"} 0.0' in await metrics(server.session)


@STEPS
async def test_a_body_that_comes_in_two_parts_is_taken(server, step_s):
    body = posting(ROW)["data"]

    async def in_two_parts():
        yield body[:10]
        await server.step(step_s)
        yield body[10:]

    arguments = {"data": in_two_parts(), "headers": {"Content-Type": headers.MSGPACK}}
    async with asyncio.timeout(60), server.session.post(INFER, **arguments) as reply:
        assert reply.status == 200


@STEPS
async def test_a_server_that_is_stopping_answers_what_it_accepted(server, step_s):
    asked = [asyncio.ensure_future(infer(server.session, ROW, **PATIENT)) for _ in range(2)]
    await waiting_requests(server.session, 1)
    await server.step(step_s)
    server.process.terminate()
    async with asyncio.timeout(60):
        await asyncio.gather(*asked)
        assert await asyncio.to_thread(server.process.wait, 60) == 0
