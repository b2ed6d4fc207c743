"""Ordinary, split, pipelined, broken and abandoned requests at random: each answered once, nothing left."""

import asyncio
import logging
import ssl
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
import trustme
import uvloop
from aiohttp.http_exceptions import BadHttpMessage

from accelerator_server.lifecycle import CLEAN
from tests.accelerator_server.http.express.random_line import RandomLine
from tests.accelerator_server.model_files import write_model
from tests.accelerator_server.running import started

SLOW = "[backend_parameters]\nservice_time_s = 0.002"
AT_ONCE = 12
LONGEST_S = 60.0


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def runner(request) -> Iterator[asyncio.Runner]:
    with asyncio.Runner(loop_factory=request.param) as runner:
        yield runner


@pytest.fixture(params=[False, True], ids=["plain", "tls"])
def authority(request) -> trustme.CA | None:
    return trustme.CA() if request.param else None


@pytest.fixture
def repository(tmp_path) -> Path:
    write_model(tmp_path / "models", keys="max_rows = 4000")
    write_model(tmp_path / "models", "slow", backend="emulated", keys="max_rows = 4000", tables=SLOW)
    return tmp_path / "models"


def configuration(folder: Path, authority: trustme.CA | None) -> dict:
    """Of the server; it gives up a body soon."""
    if authority is None:
        return {"body_timeout_s": 2.0}
    certificate = authority.issue_cert("127.0.0.1")
    certificate.private_key_and_cert_chain_pem.write_to_path(folder / "server.pem")
    return {"body_timeout_s": 2.0, "tls": {"certificate": str(folder / "server.pem")}}


class Place:
    """Where a server is, and how it is asked."""

    def __init__(self, server, session, authority: trustme.CA | None) -> None:
        host, _, port = server.address.rpartition("/")[2].partition(":")
        self.host, self.port = host, int(port)
        self.tls: ssl.SSLContext | None = None
        if authority is not None:
            self.tls = ssl.create_default_context()
            authority.configure_trust(self.tls)
        self._session = session

    async def run(self, lines: list[RandomLine]) -> None:
        """Some lines at once, until all have ended."""
        waiting = iter(lines)

        async def run_some() -> None:
            for line in waiting:
                try:
                    await line.run(self.host, self.port, self.tls)
                except Exception:
                    print(f"failed: RandomLine({line.seed}), which ends as {line.end}")
                    raise

        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(run_some())

    async def nothing_is_left(self) -> None:
        """Returns when the server holds nothing but this connection."""
        left = {"requests_inside": "0.0", "inside_bytes": "0.0", "connections": "1.0"}
        async with asyncio.timeout(LONGEST_S):
            while True:
                async with self._session.get("/metrics", ssl=self.tls or True) as reply:
                    found = (await reply.text()).splitlines()
                if all(f"accelerator_{name} {value}" in found for name, value in left.items()):
                    return


async def ask(seed: int, n_lines: int, repository: Path, authority: trustme.CA | None) -> list[RandomLine]:
    """Runs lines against a server that lives longer than they do."""
    before = asyncio.all_tasks()
    lines = [RandomLine(seed + k) for k in range(n_lines)]
    async with started(repository, **configuration(repository.parent, authority)) as (server, session):
        place = Place(server, session, authority)
        await place.run(lines)
        await place.nothing_is_left()
    assert asyncio.all_tasks() == before
    return lines


async def ask_until_it_stops(seed: int, repository: Path, authority: trustme.CA | None) -> None:
    """Runs lines against a server that is asked to stop after some of their answers."""
    before = asyncio.all_tasks()
    answered = asyncio.Semaphore(0)
    lines = [RandomLine(seed + k, is_cut=True, answered=answered) for k in range(AT_ONCE)]
    n_before = Random(seed).randrange(1 + sum(line.n_asked for line in lines))
    async with started(repository, **configuration(repository.parent, authority)) as (server, session):
        running = asyncio.ensure_future(Place(server, session, authority).run(lines))
        some = asyncio.ensure_future(take(answered, n_before))
        await asyncio.wait([running, some], return_when=asyncio.FIRST_COMPLETED)
        assert await server.stop() == CLEAN
        await running
        some.cancel()
        await asyncio.wait([some])
    assert asyncio.all_tasks() == before


async def take(semaphore: asyncio.Semaphore, times: int) -> None:
    for _ in range(times):
        await semaphore.acquire()


def check_log(caplog: pytest.LogCaptureFixture) -> None:
    """Nothing failed but the parsing of what is no HTTP, which aiohttp logs."""
    found = [r for r in caplog.records if r.levelno >= logging.ERROR or "failed" in r.getMessage()]
    assert not [r.getMessage() for r in found if not isinstance((r.exc_info or (0, 0))[1], BadHttpMessage)]


def test_each_request_is_answered_once_in_its_place(runner, repository, authority, sample_seed, caplog):
    lines = runner.run(ask(sample_seed, 40, repository, authority))
    whole = [line for line in lines if line.n_asked]
    assert [line.n_answered for line in whole] == [line.n_asked for line in whole]
    assert len(whole) > len(lines) / 4
    check_log(caplog)


def test_a_server_that_stops_answers_in_order_as_far_as_it_does(
    runner, repository, authority, sample_seed, caplog
):
    runner.run(ask_until_it_stops(sample_seed, repository, authority))
    check_log(caplog)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_ten_thousand_lines(runner, repository, authority, sample_seed, caplog):
    lines = runner.run(ask(sample_seed, 2500, repository, authority))
    n_asked = sum(line.n_asked for line in lines)
    print(f"{n_asked} requests over connections that were answered whole, {len(lines)} connections")
    whole = [line for line in lines if line.n_asked]
    assert [line.n_answered for line in whole] == [line.n_asked for line in whole]
    check_log(caplog)
