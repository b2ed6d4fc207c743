"""File descriptors: a server that runs out of them goes on answering, and gives up the idle first."""

import asyncio
import contextlib
import resource
import ssl
import sys

import aiohttp
import psutil
import pytest
import trustme

from accelerator_server.limits.descriptors import RESERVED, WORKER, find_room, raise_limit
from inference_client.protocol.routes import LIVE, infer_path
from tests.accelerator_server.model_files import write_model
from tests.accelerator_server.process import server_process
from tests.accelerator_server.running import posting, request_of

DESCRIPTORS = 128
START = """
import resource
_, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, ({}, {}))
from accelerator_server.cli import main
main()
"""
COMMAND = [sys.executable, "-c", START.format(DESCRIPTORS, DESCRIPTORS)]
SOFTLY = [sys.executable, "-c", START.format(DESCRIPTORS, "hard")]
ROW = request_of([[1, 2, 3, 4]])
SLOW = "[backend_parameters]\nservice_time_s = 3.0"


async def flood(address: str, n: int) -> list[asyncio.StreamWriter]:
    """Connections that say nothing."""
    host, _, port = address.partition("://")[2].partition(":")
    opened = await asyncio.gather(*(asyncio.open_connection(host, int(port)) for _ in range(n)))
    return [writer for _, writer in opened]


async def close(writers: list[asyncio.StreamWriter]) -> None:
    for writer in writers:
        writer.close()
    for writer in writers:
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def status(address: str, path: str = LIVE, model: str = "") -> int:
    """Asks over a connection of its own; 0 if it is not answered."""
    try:
        async with aiohttp.ClientSession(address) as session:
            asking = session.post(infer_path(model), **posting(ROW)) if model else session.get(path)
            async with asking as reply:
                await reply.read()
                return reply.status
    except aiohttp.ClientConnectionError:
        return 0


async def settled(address: str) -> None:
    """Returns when liveness is answered; accepting may pause for a second when all descriptors are taken."""
    async with asyncio.timeout(60):
        while await status(address) != 200:
            pass


@pytest.fixture
def repository(tmp_path):
    write_model(tmp_path)
    write_model(tmp_path, "slow", backend="emulated", tables=SLOW)
    return tmp_path


async def test_connections_that_never_agree_upon_tls_keep_nobody_out(repository, tmp_path):
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    certificate.private_key_and_cert_chain_pem.write_to_path(tmp_path / "certificate.pem")
    config = tmp_path / "server.toml"
    config.write_text(f'[tls]\ncertificate = "{tmp_path / "certificate.pem"}"\n')
    context = ssl.create_default_context()
    authority.configure_trust(context)
    with server_process(repository, "--config", str(config), command=COMMAND) as (_, address):
        silent = await flood(address, 5 * DESCRIPTORS)
        async with aiohttp.ClientSession(address) as session, session.get(LIVE, ssl=context) as reply:
            assert reply.status == 200
        await close(silent)


async def test_idle_connections_cannot_take_the_last_descriptor(repository):
    with server_process(repository, command=COMMAND) as (process, address):
        async with aiohttp.ClientSession(address) as session:
            busy = asyncio.ensure_future(infer(session, "slow"))
            while "accelerator_requests_inside 1.0" not in await metrics(address):
                pass
            idle = await flood(address, 5 * DESCRIPTORS)
            await settled(address)
            for _ in range(20):
                assert await status(address) == 200
                assert await status(address, model="m") == 200
            assert await busy == 200  # a connection whose request is inside is not given up
        await close(idle)
        await settled(address)
        assert await status(address, model="m") == 200
        process.terminate()
        _, log = await asyncio.to_thread(process.communicate, None, 30)
    assert f"the limit of {DESCRIPTORS} file descriptors leaves room for" in log
    assert process.returncode == 0


async def infer(session: aiohttp.ClientSession, model: str) -> int:
    async with session.post(infer_path(model), **posting(ROW)) as reply:
        await reply.read()
        return reply.status


async def metrics(address: str) -> str:
    async with aiohttp.ClientSession(address) as session, session.get("/metrics") as reply:
        return await reply.text()


async def until_it_says(address: str, name: str, value: int) -> None:
    line = f'accelerator_{name}{{model="devices",version="1"}} {value}.0'
    async with asyncio.timeout(60):
        while line not in await metrics(address):
            pass


async def test_connections_that_are_used_outlive_those_that_never_asked(repository):
    with server_process(repository, command=COMMAND) as (_, address):
        async with aiohttp.ClientSession(address) as session:
            assert await infer(session, "m") == 200
            idle = []
            try:
                for _ in range(40):
                    idle += await flood(address, 10)
                    assert await infer(session, "m") == 200
                assert len(session.connector._conns) == 1
            finally:
                await close(idle)


@pytest.fixture
def limits():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield soft, hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_the_soft_limit_is_raised_to_what_the_connections_need_and_no_further(limits):
    _, hard = limits
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    raise_limit(10)
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 256
    raise_limit(1000)
    raised, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert 1000 + 2 * RESERVED < raised < 1000 + 2 * RESERVED + 256
    assert find_room(1000) >= 1000


def test_processes_of_devices_take_their_descriptors_from_the_connections(limits, caplog):
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, limits[1]))
    assert find_room(1000, n_workers=10) == find_room(1000) - 10 * WORKER
    assert "beside 10 processes of devices" in caplog.text
    assert find_room(1000, n_workers=1000) == 2


def test_the_soft_limit_is_raised_for_processes_of_devices_too(limits):
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, limits[1]))
    raise_limit(300, n_workers=20)
    assert find_room(300, n_workers=20) >= 300


def test_a_server_process_counts_the_devices_of_its_models(tmp_path):
    write_model(tmp_path, keys='isolation = "process"\ninstances = 3')
    (tmp_path / "server.toml").write_text("max_connections = 100")
    with server_process(tmp_path, "--config", str(tmp_path / "server.toml"), command=SOFTLY) as (process, _):
        limit, _ = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
    assert 100 + 2 * RESERVED + 6 * WORKER < limit < 256 + 6 * WORKER


def test_a_limit_that_leaves_less_room_than_wanted_is_told(limits, caplog):
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, limits[1]))
    assert 100 < find_room(1000) <= 256 - RESERVED
    assert "room for" in caplog.text
    caplog.clear()
    assert find_room(50) >= 50
    assert caplog.text == ""


async def test_processes_of_devices_keep_their_descriptors_whatever_comes(tmp_path):
    write_model(tmp_path)
    write_model(tmp_path, "devices", keys='isolation = "process"\ninstances = 5')
    with server_process(tmp_path, command=COMMAND) as (process, address):
        idle = await flood(address, 3 * DESCRIPTORS)
        await settled(address)
        for worker in psutil.Process(process.pid).children():
            worker.kill()
        await until_it_says(address, "worker_deaths_total", 5)
        await until_it_says(address, "devices_up", 5)
        assert await status(address, model="devices") == 200
        assert await status(address, model="m") == 200
        await close(idle)
        process.terminate()
        _, log = await asyncio.to_thread(process.communicate, None, 30)
    assert process.returncode == 0
    assert "Too many open files" not in log
