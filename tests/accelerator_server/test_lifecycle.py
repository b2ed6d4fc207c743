"""The life of a server process: ready, drained without loss, ended by signals or with its parent."""

import asyncio
import json
import math
import os
import re
import select
import signal
import subprocess
import sys
from pathlib import Path

import aiohttp
import numpy as np
import pytest

from inference_client.protocol import codec
from inference_client.protocol.arrays import to_array
from inference_client.protocol.routes import infer_path
from tests.accelerator_server.model_files import write_model
from tests.accelerator_server.process import COMMAND, loading_process, server_process
from tests.accelerator_server.running import posting, request_of

SLOW = "service_time_s = {}\npipeline_depth = 1"
INFER = infer_path("m")


def write_slow_model(repository: Path, service_time_s: float) -> None:
    tables = "[backend_parameters]\n" + SLOW.format(service_time_s)
    write_model(repository, backend="emulated", keys="max_rows = 2", tables=tables)


async def answers(session: aiohttp.ClientSession, n: int) -> list[asyncio.Task]:
    """Sends n requests and returns when all of them are in the server; each gives its status and value."""

    async def one(k: int) -> tuple[int, float]:
        async with session.post(INFER, **posting(request_of([[k] * 4]))) as reply:
            body = await reply.read()
            if reply.status != 200:
                return reply.status, math.nan
            return 200, to_array(codec.decode_response(body).outputs[0])[0, 0]

    tasks = [asyncio.ensure_future(one(k)) for k in range(n)]
    while await requests_inside(session) + sum(task.done() for task in tasks) < n:
        pass
    return tasks


async def requests_inside(session: aiohttp.ClientSession) -> float:
    async with session.get("/metrics") as reply:
        (inside,) = re.findall(r"^accelerator_requests_inside (\S+)$", await reply.text(), re.MULTILINE)
    return float(inside)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
async def test_a_stopped_server_answers_all_it_has_accepted_and_ends_well(tmp_path, number):
    write_slow_model(tmp_path, 0.3)
    with server_process(tmp_path) as (process, address):
        async with aiohttp.ClientSession(address) as session:
            tasks = await answers(session, 6)
            process.send_signal(number)
            found = await asyncio.gather(*tasks)
        assert found == [(200, k) for k in range(6)]
        assert await asyncio.to_thread(process.wait, 30) == 0


async def is_listening(address: str) -> bool:
    try:
        async with aiohttp.ClientSession(address) as session, session.get("/v2/health/live"):
            return True
    except aiohttp.ClientConnectionError:
        return False


async def test_a_draining_server_takes_no_new_requests(tmp_path):
    write_slow_model(tmp_path, 0.5)
    with server_process(tmp_path) as (process, address):
        async with aiohttp.ClientSession(address) as session:
            tasks = await answers(session, 1)
            process.send_signal(signal.SIGTERM)
            while await is_listening(address):
                pass
            await asyncio.gather(*tasks)
        assert await asyncio.to_thread(process.wait, 30) == 0


async def test_a_draining_server_tells_kept_connections_to_go_elsewhere(tmp_path):
    write_slow_model(tmp_path, 1.0)
    with server_process(tmp_path) as (process, address):
        async with aiohttp.ClientSession(address) as session, aiohttp.ClientSession(address) as kept:
            async with kept.get("/v2/health/ready") as reply:
                assert reply.status == 200
            tasks = await answers(session, 1)
            process.send_signal(signal.SIGTERM)
            status = 200
            while status == 200:
                async with kept.get("/v2/health/ready") as reply:
                    status, connection = reply.status, reply.headers.get("Connection")
            assert (status, connection) == (503, "close")
            await asyncio.gather(*tasks)


async def test_what_cannot_be_answered_in_the_drain_time_is_refused_and_the_exit_code_says_so(tmp_path):
    models = tmp_path / "models"
    write_slow_model(models, 0.5)
    config = tmp_path / "server.toml"
    config.write_text("drain_s = 0.1")
    with server_process(models, "--config", str(config), "--set", "m.max_rows=1") as (process, address):
        async with aiohttp.ClientSession(address) as session:
            tasks = await answers(session, 4)
            process.send_signal(signal.SIGTERM)
            statuses = [status for status, _ in await asyncio.gather(*tasks)]
        assert set(statuses) == {200, 503}
        assert await asyncio.to_thread(process.wait, 30) == 1


async def test_a_second_signal_ends_the_server_at_once(tmp_path):
    write_slow_model(tmp_path, 2.0)
    with server_process(tmp_path, "--set", "m.max_rows=1") as (process, address):
        async with aiohttp.ClientSession(address) as session:
            tasks = await answers(session, 5)
            process.send_signal(signal.SIGTERM)
            await asyncio.to_thread(read_until, process, "stopping")
            process.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(process.wait, 2) == 128 + signal.SIGTERM
            await asyncio.gather(*tasks, return_exceptions=True)


def read_until(process: subprocess.Popen, word: str) -> None:
    for line in process.stderr:
        if word in line:
            return
    pytest.fail(f"the server ended without saying {word!r}")


def test_a_server_that_is_stopped_while_it_loads_ends_without_saying_an_address(tmp_path):
    write_slow_model(tmp_path, 0.5)
    with loading_process(tmp_path) as process:
        read_until(process, "listening")
        process.terminate()
        out, _ = process.communicate(timeout=30)
    assert (out, process.returncode) == ("", 0)


def test_an_embedded_server_ends_when_its_standard_input_does(tmp_path):
    write_model(tmp_path)
    with server_process(tmp_path, "--exit-with-parent") as (process, _):
        process.stdin.close()
        assert process.wait(30) == 0


def test_a_server_that_is_not_embedded_does_not_care_for_its_standard_input(tmp_path):
    write_model(tmp_path)
    with server_process(tmp_path) as (process, _):
        process.stdin.close()
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.3)


PARENT = """
import subprocess, sys
child = subprocess.Popen({command}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
print(child.pid, child.stdout.readline(), flush=True)
sys.stdin.read()
"""


def test_an_embedded_server_dies_with_a_parent_that_is_killed(tmp_path):
    write_model(tmp_path)
    command = [*COMMAND, "serve", str(tmp_path), "--exit-with-parent"]
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT.format(command=command)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    child_pid = int(parent.stdout.readline().split()[0])
    watch = os.pidfd_open(child_pid)
    parent.kill()
    parent.communicate()
    readable = select_for(watch, 30)
    os.close(watch)
    assert readable, "the server outlived its parent"


def select_for(descriptor: int, timeout_s: float) -> bool:
    return bool(select.select([descriptor], [], [], timeout_s)[0])


def test_exactly_the_address_is_printed_and_the_log_goes_elsewhere(tmp_path):
    write_model(tmp_path)
    with server_process(tmp_path) as (process, address):
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+", address)
        process.terminate()
        out, log = process.communicate(timeout=30)
    assert out == ""
    assert "model m version 1 is ready" in log


async def test_the_access_log_has_one_json_line_for_each_request(tmp_path):
    write_model(tmp_path)
    with server_process(tmp_path, "--access-log") as (process, address):
        async with aiohttp.ClientSession(address) as session:
            arguments = posting(request_of(np.zeros((1, 4))), **{"X-Request-Id": "q7"})
            async with session.post(INFER, **arguments) as reply:
                assert reply.status == 200
        process.terminate()
        _, log = process.communicate(timeout=30)
    (line,) = [text for text in log.splitlines() if '"method"' in text]
    entry = json.loads(line)
    assert (entry["method"], entry["path"], entry["status"], entry["id"]) == ("POST", INFER, 200, "q7")
    assert entry["duration_us"] > 0
