"""Jobs whose server is killed, and servers whose job is killed, at random moments."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import numpy as np
import psutil
import pytest

from inference_client.blocking import BlockingClient
from inference_client.configuration import ClientConfiguration
from inference_client.local_server import LocalServer
from inference_client.protocol.arrays import sparse_tensor
from inference_client.protocol.messages import InferenceRequest
from tests.producers.faulty_jobs import N_EVENTS, Scores, run_job

ROOT = Path(__file__).resolve().parents[2]
MODELS = str(ROOT / "data" / "models")
MODEL = "toptag_small"
SLOW = ("--set", f"{MODEL}.backend=emulated", "--set", f"{MODEL}.backend_parameters.inner=openvino",
        "--set", f"{MODEL}.backend_parameters.service_time_s=0.02")  # fmt: skip
ROUNDING = 2e-6
"""Another batch size changes the order of additions in the engine (data/models/toptag_small)."""
LONGEST_STEP_S = 30.0


def assert_same(one: Scores, other: Scores) -> None:
    assert one.keys() == other.keys()
    for event, jets in one.items():
        assert [status for _, status in jets] == [status for _, status in other[event]] == [0] * len(jets)
        scores = [np.array([np.frombuffer(s, np.float32)[0] for s, _ in e]) for e in (jets, other[event])]
        np.testing.assert_allclose(*scores, rtol=0, atol=ROUNDING)


async def job(servers: list[str], output: Path) -> Scores:
    settings = {"modelName": MODEL, "timeout": 20, "timeoutUnit": "seconds", "allowedTries": 5}
    ending = await run_job(servers, output, **settings)
    assert not ending.report.errors, ending.report.errors
    return ending.scores


async def kill_a_server(dice: Random, output: Path) -> Scores:
    """The scores of a job of whose two servers one is killed with work inside."""
    servers = [LocalServer(MODELS, SLOW) for _ in range(2)]
    addresses = await asyncio.gather(*(asyncio.to_thread(server.start) for server in servers))
    try:
        running = asyncio.ensure_future(job(addresses, output))
        victim = dice.choice(servers)
        await asyncio.wait([running], timeout=dice.uniform(0.05, 0.5))
        os.kill(victim.pid, signal.SIGKILL)
        return await running
    finally:
        await asyncio.gather(*(asyncio.to_thread(server.close) for server in servers))


def server_kills(seed: int, n_kills: int, folder: Path) -> None:
    with LocalServer(MODELS) as server:
        true = asyncio.run(job([server.address], folder / "true.root"))
    assert len(true) == N_EVENTS
    for run_seed in range(seed, seed + n_kills):
        assert_same(asyncio.run(kill_a_server(Random(run_seed), folder / f"{run_seed}.root")), true)


def client_kills(seed: int, n_kills: int, folder: Path) -> None:
    dice = Random(seed)
    with LocalServer(MODELS, SLOW) as server:
        true = asyncio.run(job([server.address], folder / "true.root"))
        settled = resources(server)
        for k in range(n_kills):
            output = folder / f"{k}.root"
            kill_a_job(server.address, output, dice.uniform(0.0, 0.4))
            assert not output.exists(), "a killed job leaves no file under its final name"
        ask_once(server.address)
        deadline_s = time.monotonic() + LONGEST_STEP_S
        while resources(server) > settled:
            assert time.monotonic() < deadline_s, (
                f"{resources(server)} connections and threads, {settled} before"
            )
            time.sleep(0.05)
        assert_same(asyncio.run(job([server.address], folder / "after.root")), true)


def resources(server: LocalServer) -> tuple[int, int]:
    """Open files and threads of a server."""
    process = psutil.Process(server.pid)
    return process.num_fds(), process.num_threads()


def kill_a_job(address: str, output: Path, after_s: float) -> None:
    """Starts a job in a process of its own that runs without end, and kills it some time after it began."""
    command = [sys.executable, "-m", "tests.producers.endless_job", address, MODEL, str(output)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "begun\n"
        time.sleep(after_s)
        process.kill()


def ask_once(address: str) -> None:
    one = np.ones(1, np.uint32)
    tensor = sparse_tensor("images", (1, 224, 224), one, one.astype(np.uint16), np.ones(1, np.float32))
    configuration = ClientConfiguration(MODEL, servers=[address])
    with BlockingClient(configuration) as client:
        client.infer(InferenceRequest(id="", inputs=[tensor]))


def test_a_killed_server_costs_no_event(sample_seed, tmp_path):
    server_kills(sample_seed, 1, tmp_path)


def test_a_killed_job_leaves_no_file_and_nothing_in_the_server(sample_seed, tmp_path):
    client_kills(sample_seed, 2, tmp_path)


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_fifty_killed_servers_cost_no_event(sample_seed, tmp_path):
    server_kills(sample_seed, 50, tmp_path)


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_fifty_killed_jobs_leave_nothing_in_the_server(sample_seed, tmp_path):
    client_kills(sample_seed, 50, tmp_path)
