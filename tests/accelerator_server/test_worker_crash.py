"""A crash of a backend takes down its worker and not the server (row F37 of the fault table)."""

import asyncio
import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import aiohttp
import numpy as np
import psutil
import pytest

from inference_client.protocol import codec, headers, routes
from inference_client.protocol.arrays import to_array
from tests.accelerator_server.answers import INFER, infer, is_ready, metrics, refused, waiting_requests
from tests.accelerator_server.conftest import CRASHING
from tests.accelerator_server.crashing_backends import HANGING, KILLER, WAITING
from tests.accelerator_server.model_files import affine_model, write_model
from tests.accelerator_server.running import posting, request_of, running, started

ISOLATED = 'isolation = "process"'
LABELS = '{model="m",version="1"}'
OTHER = routes.infer_path("other")

PROGRAM = f"""
from accelerator_server.backends.table import BACKENDS
from accelerator_server.cli import main
BACKENDS.update(
    crashing="{CRASHING}:CrashingBackend",
    eternal="{CRASHING}:EternalBackend",
)
main()
"""


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def poison():
    return posting(request_of([[KILLER] * 4]))


async def values(session, rows, path=INFER):
    return to_array((await infer(session, request_of(rows), path)).outputs[0]).tobytes()


async def begun(session, gate):
    """A request that the worker of model m is busy with until the gate is there."""
    request = asyncio.ensure_future(values(session, [[WAITING] * 4]))
    waiting = gate.with_name("waiting")
    await asyncio.to_thread(until_there, waiting)
    return request


def until_there(path):
    while not path.exists():
        time.sleep(0.01)


async def code_of(session):
    async with session.post(INFER, **posting(request_of([[1] * 4]))) as reply:
        body = await reply.read()
        return "" if reply.status == 200 else codec.decode_error(body).code


async def until_ready(session):
    async with asyncio.timeout(60):
        while not await is_ready(session):
            pass


async def until_it_says(session, line):
    async with asyncio.timeout(60):
        while line not in await metrics(session):
            pass


@pytest.mark.parametrize("how", ["abort", "kill"])
async def test_who_was_on_a_crashed_worker_may_try_again_and_the_culprit_may_not(tmp_path, crashing, how):
    gate = tmp_path / "gate"
    parameters = f'[backend_parameters]\nhow = "{how}"\ngate = "{gate}"'
    models = tmp_path / "models"
    write_model(models, backend="crashing", keys=f"{ISOLATED}\nmax_rows = 8", tables=parameters)
    write_model(models, "other")
    rows = [np.random.default_rng(k).random((1, 4), np.float32) for k in range(4)]
    async with running(models) as session:
        alone = [await values(session, one) for one in rows]
        first = await begun(session, gate)
        batch = [asyncio.ensure_future(refused(session, **posting(request_of(one)))) for one in rows]
        batch.append(asyncio.ensure_future(refused(session, **poison())))
        await waiting_requests(session, 5)
        gate.touch()
        for status, code, reply in await asyncio.gather(*batch):
            assert (status, code, reply.headers[headers.RETRY_AFTER]) == (503, "worker_died", "1")
        await first
        assert await values(session, [[1, 2, 3, 4]], OTHER)
        again = [asyncio.ensure_future(values(session, one)) for one in rows]
        status, code, reply = await refused(session, **poison())
        assert (status, code, headers.RETRY_AFTER in reply.headers) == (422, "quarantined", False)
        assert await asyncio.gather(*again) == alone
        await until_it_says(session, f"accelerator_worker_deaths_total{LABELS} 2.0")
        assert (await refused(session, **poison()))[:2] == (422, "quarantined")
        await until_ready(session)
        assert [await values(session, one) for one in rows] == alone
        text = await metrics(session)
    assert f"accelerator_worker_deaths_total{LABELS} 2.0" in text
    assert f"accelerator_quarantined_inputs{LABELS} 1.0" in text
    assert f"accelerator_devices_up{LABELS} 1.0" in text


async def test_requests_that_wait_while_a_worker_is_started_again_are_answered_by_it(tmp_path, crashing):
    write_model(tmp_path, backend="crashing", keys=f"{ISOLATED}\nmax_rows = 1")
    async with running(tmp_path) as session:
        crash = asyncio.ensure_future(refused(session, **poison()))
        await waiting_requests(session, 0)
        rows = [[[k, k, k, k]] for k in range(1, 5)]
        waiting = [asyncio.ensure_future(values(session, one)) for one in rows]
        assert (await crash)[:2] == (503, "worker_died")
        found = await asyncio.gather(*waiting)
        assert found == [await values(session, one) for one in rows]


async def test_a_worker_that_cannot_be_started_again_takes_readiness_until_it_can(tmp_path, crashing):
    unplugged = tmp_path / "unplugged"
    tables = f'[backend_parameters]\nunplugged = "{unplugged}"'
    models = tmp_path / "models"
    write_model(models, backend="crashing", keys=ISOLATED, tables=tables)
    write_model(models, "other")
    async with running(models) as session:
        assert await is_ready(session)
        before = await values(session, [[1, 2, 3, 4]])
        unplugged.touch()
        assert (await refused(session, **poison()))[:2] == (503, "worker_died")
        async with asyncio.timeout(60):
            while await code_of(session) != "model_not_ready":
                pass
        assert not await is_ready(session)
        index = await (await session.post(routes.REPOSITORY_INDEX)).json()
        assert {model["name"]: model["state"] for model in index} == {"m": "UNAVAILABLE", "other": "READY"}
        assert f"accelerator_model_ready{LABELS} 0.0" in await metrics(session)
        assert await values(session, [[1, 2, 3, 4]], OTHER)
        unplugged.unlink()
        await until_ready(session)
        assert await values(session, [[1, 2, 3, 4]]) == before


async def test_one_instance_goes_on_while_the_other_is_started_again(tmp_path, crashing):
    write_model(tmp_path, backend="crashing", keys=f"{ISOLATED}\ninstances = 2\nmax_rows = 1")
    async with running(tmp_path) as session:
        assert f"accelerator_devices_up{LABELS} 2.0" in await metrics(session)
        expected = await values(session, [[1, 2, 3, 4]])
        assert (await refused(session, **poison()))[:2] == (503, "worker_died")
        for _ in range(10):
            assert await values(session, [[1, 2, 3, 4]]) == expected
        assert await is_ready(session)
        await until_it_says(session, f"accelerator_devices_up{LABELS} 2.0")


async def test_crashes_and_reloads_leave_no_files_and_no_processes_behind(tmp_path, crashing):
    write_model(tmp_path, backend="crashing", keys=ISOLATED)
    before, others = open_files(), set(psutil.Process().children())
    async with started(tmp_path) as (server, session):
        await values(session, [[1, 2, 3, 4]])
        inside = open_files()
        assert (await refused(session, **poison()))[:2] == (503, "worker_died")
        await until_ready(session)
        for _ in range(2):
            await server._state.control.load("m")
            await values(session, [[1, 2, 3, 4]])
        async with asyncio.timeout(60):
            while open_files() > inside:  # what was replaced ends behind the back of who loads
                await metrics(session)
        assert len(set(psutil.Process().children()) - others) == 1
    assert open_files() <= before
    assert not set(psutil.Process().children()) - others


async def test_native_engines_get_a_process_of_their_own_and_answer_the_same(tmp_path):
    write_model(tmp_path, backend="openvino", model=affine_model(), keys="max_rows = 4")
    rows = np.random.default_rng(1).random((3, 4), np.float32)
    found = []
    others = set(psutil.Process().children())
    for isolation, n_processes in (("auto", 1), ("thread", 0)):
        async with running(tmp_path, isolation=isolation) as session:
            assert len(set(psutil.Process().children()) - others) == n_processes
            found.append(await values(session, rows))
    assert found[0] == found[1]


def start(repository):
    command = [sys.executable, "-c", PROGRAM, "serve", str(repository)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True
    )


@contextlib.asynccontextmanager
async def server_of(repository):
    """A server process whose models crash when they are told to; yields it, its workers and a session."""
    process = start(repository)
    with process:
        try:
            address = await asyncio.to_thread(process.stdout.readline)
            async with aiohttp.ClientSession(address.strip()) as session:
                yield process, psutil.Process(process.pid).children(), session
        finally:
            process.kill()


async def test_signals_that_stop_the_server_leave_its_workers_to_finish(tmp_path):
    gate = tmp_path / "gate"
    tables = f'[backend_parameters]\ngate = "{gate}"'
    models = tmp_path / "models"
    write_model(models, backend="crashing", keys=f"{ISOLATED}\nmax_rows = 1", tables=tables)
    async with server_of(models) as (process, workers, session):
        rows = [[[k, k, k, WAITING]] for k in range(4)]
        asking = [asyncio.ensure_future(values(session, one)) for one in rows]
        await waiting_requests(session, 3)
        for worker in workers:  # as systemd does with KillMode=control-group
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                worker.send_signal(number)
        os.killpg(process.pid, signal.SIGTERM)
        gate.touch()
        assert len(set(await asyncio.gather(*asking))) == 4
        assert await asyncio.to_thread(process.wait, 60) == 0
        assert not any(worker.is_running() for worker in workers)


async def test_workers_die_with_a_server_that_is_killed_even_if_their_engine_hangs(tmp_path):
    write_model(tmp_path, backend="crashing", keys=f"{ISOLATED}\ninstances = 2\nmax_rows = 1")
    async with server_of(tmp_path) as (process, workers, session):
        assert len(workers) == 2
        watches = [os.pidfd_open(worker.pid) for worker in workers]
        hanging = asyncio.ensure_future(infer(session, request_of([[HANGING] * 4])))
        while "accelerator_requests_inside 1.0" not in await metrics(session):
            pass
        process.kill()
        ended = [await asyncio.to_thread(select.select, [watch], [], [], 30) for watch in watches]
        assert all(readable for readable, _, _ in ended), "a worker outlived its server"
        with pytest.raises(aiohttp.ClientError):
            await hanging
        for watch in watches:
            os.close(watch)


async def test_who_computes_beside_a_suspect_is_never_taken_for_it(tmp_path, crashing):
    gate = tmp_path / "gate"
    tables = f'[backend_parameters]\ndepth = 2\ngate = "{gate}"'
    models = tmp_path / "models"
    write_model(models, backend="crashing", keys=f"{ISOLATED}\nmax_rows = 1", tables=tables)
    slow = [[WAITING] * 4]
    async with running(models) as session:
        beside = await begun(session, gate)
        assert (await refused(session, **poison()))[:2] == (503, "worker_died")
        with pytest.raises(AssertionError, match="worker_died"):
            await beside
        again = asyncio.ensure_future(values(session, slow))
        guilty = asyncio.ensure_future(refused(session, **poison()))
        await waiting_requests(session, 0)
        gate.touch()
        assert (await guilty)[:2] == (422, "quarantined")
        assert await again == await values(session, slow)
        await until_it_says(session, f"accelerator_worker_deaths_total{LABELS} 2.0")


def test_a_server_that_is_stopped_while_a_worker_loads_takes_it_along(tmp_path):
    write_model(tmp_path, backend="eternal", keys=ISOLATED)
    with start(tmp_path) as process:
        try:
            while not (workers := psutil.Process(process.pid).children()):
                pass
            process.terminate()
            assert process.wait(60) == 0
            assert not any(worker.is_running() for worker in workers)
        finally:
            process.kill()
