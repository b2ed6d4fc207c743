"""Clients killed with requests under way: the server forgets them, and others get what is theirs."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random

import numpy as np
import psutil
import pytest

from inference_client.blocking import BlockingClient
from inference_client.configuration import ClientConfiguration
from inference_client.local_server import LocalServer
from tests.inference_client.asking_client import request

ROOT = Path(__file__).resolve().parents[2]
MODELS = str(ROOT / "data" / "models")
MODEL = "toptag_small"
SLOW = ("--set", f"{MODEL}.backend=emulated", "--set", f"{MODEL}.backend_parameters.inner=openvino",
        "--set", f"{MODEL}.backend_parameters.service_time_s=0.01")  # fmt: skip
AT_ONCE = 5
ROUNDING = 2e-6
"""Another batch size changes the order of additions in the engine (data/models/toptag_small)."""
LONGEST_STEP_S = 60.0


@contextmanager
def neighbour(address: str) -> Iterator[list[np.ndarray]]:
    """Asks all the time beside the clients that are killed; gives its answers."""
    answers: list[np.ndarray] = []
    is_over = threading.Event()

    def ask() -> None:
        with BlockingClient(ClientConfiguration(MODEL, servers=[address])) as client:
            while not is_over.is_set():
                answers.append(client.infer(request(3)).outputs["scores"])

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield answers
    finally:
        is_over.set()
        thread.join()


def kill_some(address: str, dice: Random) -> None:
    """Starts some clients and kills each at a random moment after it began to ask."""
    command = [sys.executable, "-m", "tests.inference_client.asking_client", address, MODEL]
    with ExitStack() as stack:
        clients = [
            stack.enter_context(subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True))
            for _ in range(AT_ONCE)
        ]
        for client in clients:
            assert client.stdout.readline() == "asking\n"
            time.sleep(dice.uniform(0.0, 0.1))  # the moment is what is tested
            client.kill()


def settle(server: psutil.Process, most: tuple[int, int]) -> None:
    """Waits until a server has no more open files and threads than that.

    Raises:
        AssertionError: it keeps them.
    """
    deadline_s = time.monotonic() + LONGEST_STEP_S
    while any(has > may for has, may in zip(held(server), most, strict=True)):
        assert time.monotonic() < deadline_s, f"{held(server)} open files and threads, {most} before"
        time.sleep(0.05)


def held(server: psutil.Process) -> tuple[int, int]:
    return server.num_fds(), server.num_threads()


def kills(seed: int, n_kills: int) -> float:
    """Kills clients; returns by which part the server's memory grew over the last quarter of the kills.

    Before, it grows to what the most bodies at once have ever needed, and stays there.
    """
    dice = Random(seed)
    with LocalServer(MODELS, SLOW) as local:
        server = psutil.Process(local.pid)
        quiet = held_after_one_call(server, local.address)
        rss_bytes, answers = [], []
        for _ in range(4):
            with neighbour(local.address) as beside:
                for _ in range(n_kills // AT_ONCE // 4):
                    kill_some(local.address, dice)
            assert beside
            answers += beside
            held_after_one_call(server, local.address)
            settle(server, quiet)
            rss_bytes.append(server.memory_info().rss)
    for answer in answers:
        np.testing.assert_allclose(answer, answers[0], rtol=0, atol=ROUNDING)
    megabytes = ", ".join(f"{rss / 2**20:.1f}" for rss in rss_bytes)
    print(f"{n_kills} clients killed, {len(answers)} answers beside them, memory {megabytes} MB")
    return rss_bytes[-1] / rss_bytes[-2] - 1


def held_after_one_call(server: psutil.Process, address: str) -> tuple[int, int]:
    with BlockingClient(ClientConfiguration(MODEL, servers=[address])) as client:
        client.infer(request(1))
    return held(server)


@pytest.mark.timeout(300)
def test_killed_clients_leave_nothing_in_the_server(sample_seed):
    kills(sample_seed, 4 * AT_ONCE)


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_two_hundred_killed_clients_leave_nothing_in_the_server(sample_seed):
    assert kills(sample_seed, 200) <= 0.02
