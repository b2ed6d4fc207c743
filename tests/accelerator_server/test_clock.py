"""The wall clock steps by an hour and the server does not notice: deadlines, bodies, sessions."""

import asyncio
import time

import pytest
import time_machine

from inference_client.protocol import headers
from tests.accelerator_server.answers import INFER, infer, refused, waiting_requests
from tests.accelerator_server.model_files import write_model
from tests.accelerator_server.running import posting, request_of, running
from tests.accelerator_server.token_files import TOKEN, write_tokens

HOUR_S = 3600
ROW = request_of([[1, 2, 3, 4]])

STEPS = pytest.mark.parametrize("step_s", [HOUR_S, -HOUR_S], ids=["forward", "back"])


@pytest.fixture
def clock():
    """The wall clock, which a test may shift; the monotonic one goes on as it does."""
    with time_machine.travel(time.time(), tick=True) as clock:
        yield clock


@STEPS
async def test_what_waits_when_the_clock_steps_is_answered(tmp_path, gate, clock, step_s):
    write_model(tmp_path, backend="gated")
    async with running(tmp_path, keepalive_s=30, body_timeout_s=30, send_timeout_s=30) as session:
        with_time = {headers.DEADLINE_MS: "60000"}
        asked = [await gate.hold(infer(session, ROW, **with_time))]
        asked.append(asyncio.ensure_future(infer(session, ROW, **with_time)))
        await waiting_requests(session, 1)
        before_s = time.time()
        clock.shift(step_s)
        assert abs(time.time() - before_s - step_s) < 60
        late = asyncio.ensure_future(infer(session, ROW, **with_time))
        await waiting_requests(session, 2)
        gate.open()
        for response in await asyncio.gather(*asked, late):
            assert 0 <= response.parameters.queue_us < 60e6
            assert 0 <= response.parameters.compute_us < 60e6


@STEPS
async def test_a_deadline_passes_neither_late_nor_never_when_the_clock_steps(tmp_path, gate, clock, step_s):
    write_model(tmp_path, backend="gated")
    async with running(tmp_path) as session:
        running_one = await gate.hold(infer(session, ROW))
        late = posting(ROW, **{headers.DEADLINE_MS: "1000"})
        begun_s = time.monotonic()
        refusal = asyncio.ensure_future(refused(session, INFER, **late))
        await waiting_requests(session, 1)
        clock.shift(step_s)
        async with asyncio.timeout(60):
            status, code, _ = await refusal
        assert (status, code) == (504, "deadline")
        assert time.monotonic() - begun_s >= 1.0
        gate.open()
        await running_one


async def test_the_time_for_a_body_is_not_cut_by_a_step(tmp_path, clock):
    write_model(tmp_path)
    async with running(tmp_path, body_timeout_s=60, keepalive_s=60) as session:
        body = posting(ROW)["data"]

        async def in_two_parts():
            yield body[:10]
            clock.shift(HOUR_S)
            yield body[10:]

        arguments = {"data": in_two_parts(), "headers": {"Content-Type": headers.MSGPACK}}
        async with session.post(INFER, **arguments) as reply:
            assert reply.status == 200
        await infer(session, ROW)  # over the same connection


@STEPS
async def test_a_session_of_the_dashboard_outlives_a_step(tmp_path, clock, step_s):
    write_model(tmp_path / "models")
    async with running(tmp_path / "models", **write_tokens(tmp_path)) as session:
        async with session.post("/login", data={"token": TOKEN}, allow_redirects=False) as reply:
            assert reply.status == 303
            cookie = reply.headers["Set-Cookie"].partition(";")[0]
        clock.shift(13 * step_s)  # beyond the end of the session
        async with session.get("/dashboard.json", headers={"Cookie": cookie}) as reply:
            assert reply.status == 200
