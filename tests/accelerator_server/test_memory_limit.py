"""A server with little memory under ten times the load that fits: it lives and recovers (row F39)."""

import asyncio
import io
import re
from pathlib import Path

import aiohttp
import numpy as np
import psutil

from inference_client.protocol import codec, headers, routes
from tests.accelerator_server.answers import INFER, infer, metrics, refused
from tests.accelerator_server.model_files import write_model
from tests.accelerator_server.process import server_process
from tests.accelerator_server.running import posting, request_of, running

MIB = 2**20
LIMIT_MIB = 176
ROW_FLOATS = MIB // 4
CLIENTS = 60
"""Of 16 MiB each: 960 MiB, where the server has room for less than 100 beside what it holds at its start."""

MODEL = {
    "backend": "emulated",
    "inputs": (("x", "FP32", [-1, ROW_FLOATS]),),
    "keys": "max_rows = 16",
    "tables": "[backend_parameters]\nservice_time_s = 0.02\n[batching]\nqueue_requests = 100000\n"
    f"queue_bytes = {2**40}",
}


async def test_ten_times_the_load_that_fits_into_memory_is_borne(tmp_path):
    write_model(tmp_path / "models", **MODEL)
    config = tmp_path / "server.toml"
    config.write_text(f"memory_limit_bytes = {LIMIT_MIB * MIB}")
    body = codec.encode_request(request_of(np.zeros((16, ROW_FLOATS), np.float32)))
    with server_process(tmp_path / "models", "--config", str(config)) as (process, address):
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(address, connector=connector) as session:
            counts = {200: 0, 503: 0, "lost": 0}

            async def client() -> None:
                arguments = {**posting(body), "data": io.BytesIO(body)}
                try:
                    async with session.post(INFER, **arguments) as reply:
                        answer = await reply.read()
                except aiohttp.ClientError:  # it was refused and did not stop sending
                    counts["lost"] += 1
                    return
                counts[reply.status] += 1
                if reply.status == 503:
                    assert codec.decode_error(answer).code == "memory_full"
                    assert int(reply.headers[headers.RETRY_AFTER]) >= 1

            load = asyncio.gather(*[client() for _ in range(CLIENTS)])
            while not load.done():
                async with session.get(routes.LIVE) as reply:
                    assert reply.status == 200
            await load
            peak_mib = peak(process.pid)
            assert counts[200] > 0
            assert counts[503] > 0
            assert peak_mib < 2 * LIMIT_MIB  # a soft limit: buffers of connections come on top
            async with asyncio.timeout(60):
                while (await session.get(routes.READY)).status != 200:
                    pass
            n_good = counts[200]
            async with asyncio.timeout(60):
                while counts[200] == n_good:  # memory that was freed is given back once a second
                    await client()
            text = await metrics(session)
            (refusals,) = re.findall(r'refusals_total{code="memory_full"} (\d+)', text)
            assert int(refusals) >= counts[503]
            assert "accelerator_inside_bytes 0.0" in text
        assert psutil.Process(process.pid).is_running()


def peak(pid: int) -> float:
    """The most that a process has held, MiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024


async def test_bodies_that_are_not_answered_yet_are_bounded_together(tmp_path, gate):
    write_model(tmp_path, backend="gated")
    request = posting(request_of([[1] * 4]))
    n_bytes = len(request["data"])
    async with running(tmp_path, max_inside_bytes=2 * n_bytes + n_bytes // 2) as session:
        gate.close()
        inside = [asyncio.ensure_future(session.post(INFER, **request)) for _ in range(2)]
        while "accelerator_requests_inside 2.0" not in await metrics(session):
            pass
        status, code, reply = await refused(session, **request)
        assert (status, code, reply.headers[headers.RETRY_AFTER]) == (503, "memory_full", "1")
        gate.open()
        assert [(await one).status for one in inside] == [200, 200]
        async with session.post(INFER, **request) as reply:
            assert reply.status == 200


async def test_a_server_that_holds_more_than_it_may_is_not_ready_and_answers_health(tmp_path):
    write_model(tmp_path)
    async with running(tmp_path, memory_limit_bytes=MIB) as session:
        status, code, _ = await refused(session, routes.READY, "GET")
        assert (status, code) == (503, "memory_full")
        assert (await refused(session, **posting(request_of([[1] * 4]))))[:2] == (503, "memory_full")
        async with session.get(routes.LIVE) as reply:
            assert reply.status == 200


async def test_a_body_that_fits_alone_is_taken_and_one_that_never_will_is_refused_for_good(tmp_path):
    shape = [("x", "FP32", [-1, 10_000])]
    write_model(tmp_path, inputs=shape, outputs=[("y", "FP32", [-1, 1])])
    async with running(tmp_path, max_inside_bytes=300_000) as session:
        await infer(session, request_of(np.zeros((5, 10_000))))
        await infer(session, request_of(np.zeros((7, 10_000))))  # in pieces, it counts twice: 560,000
        status, code, _ = await refused(session, **posting(request_of(np.zeros((8, 10_000)))))
        assert (status, code) == (413, "body_too_large")
