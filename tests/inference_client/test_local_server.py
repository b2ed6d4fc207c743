"""A server on this machine: started, named, ended with its parent; a small program stands in for it."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest

from inference_client.blocking import BlockingClient
from inference_client.configuration import ClientConfiguration
from inference_client.errors import LocalServerError
from inference_client.local_server import SERVE, LocalServer
from tests.inference_client.images import sparse_request, sums
from tests.inference_client.other_process import COMMAND, ROOT

QUICK = {"start_timeout_s": 20.0, "stop_timeout_s": 5.0}


@pytest.fixture(autouse=True)
def _in_the_repository(monkeypatch):
    monkeypatch.chdir(ROOT)


def program(tmp_path: Path, text: str) -> tuple[str, ...]:
    path = tmp_path / "server.py"
    path.write_text(textwrap.dedent(text))
    return (sys.executable, str(path))


def test_it_is_ready_when_start_returns_and_gone_after_close():
    server = LocalServer("models", command=COMMAND, **QUICK)
    address = server.start()
    with BlockingClient(ClientConfiguration("fake", servers=[address])) as client:
        assert sums(client.infer(sparse_request([4.0]))) == [4.0]
    assert server.is_running
    server.close()
    server.close()
    assert not server.is_running


def test_it_is_asked_for_any_port_and_to_end_with_its_parent():
    server = LocalServer("models", ["--set", "*.threads=1"])
    assert server.command[: len(SERVE)] == list(SERVE)
    assert server.command[len(SERVE) :] == [
        "models", "--host", "127.0.0.1", "--port", "0", "--exit-with-parent", "--set", "*.threads=1"
    ]  # fmt: skip


def test_noise_before_the_address_is_passed_over(tmp_path):
    noisy = program(
        tmp_path,
        """
        import sys
        print("a library greets", flush=True)
        print("http://127.0.0.1:4242", flush=True)
        sys.stdin.read()
        """,
    )
    with LocalServer("models", command=noisy, **QUICK) as server:
        assert server.address == "http://127.0.0.1:4242"


def test_a_server_that_fails_tells_why(tmp_path):
    failing = program(tmp_path, "import sys; sys.exit('model jets: file is truncated')")
    with pytest.raises(LocalServerError, match=r"exit code 1: .*server.py models.*\n.*file is truncated"):
        LocalServer("models", command=failing, **QUICK).start()


def test_a_server_that_is_never_ready_is_ended(tmp_path):
    idle = program(
        tmp_path,
        """
        import os, sys
        print(os.getpid(), file=sys.stderr, flush=True)
        sys.stdin.read()
        """,
    )
    server = LocalServer("models", command=idle, start_timeout_s=1.0, stop_timeout_s=5.0)
    with pytest.raises(LocalServerError, match="not ready after 1 s"):
        server.start()
    assert not server.is_running


def test_a_command_that_does_not_exist_is_named():
    with pytest.raises(LocalServerError, match="no-such-program"):
        LocalServer("models", command=["no-such-program"], **QUICK).start()


def test_a_server_that_ignores_the_request_to_stop_is_killed(tmp_path):
    stubborn = program(
        tmp_path,
        """
        import signal, sys
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        print("http://127.0.0.1:4242", flush=True)
        while True:
            signal.pause()
        """,
    )
    server = LocalServer("models", command=stubborn, start_timeout_s=20.0, stop_timeout_s=0.2)
    server.start()
    server.close()
    assert not server.is_running


def test_a_talkative_server_never_blocks_and_its_last_words_are_kept(tmp_path):
    talkative = program(
        tmp_path,
        """
        import sys
        for n in range(20_000):
            print(f"line {n} of a long story that would fill the pipe", file=sys.stderr)
        print("http://127.0.0.1:4242", flush=True)
        sys.stdin.read()
        """,
    )
    with LocalServer("models", command=talkative, **QUICK) as server:
        pass
    assert server.last_words.splitlines()[-1].startswith("line 19999")
    assert len(server.last_words.splitlines()) == 50


def test_ctrl_c_at_the_terminal_does_not_reach_it():
    with LocalServer("models", command=COMMAND, **QUICK) as server:
        assert os.getpgid(server.pid) != os.getpgid(0)


def test_it_dies_with_a_parent_that_is_killed(tmp_path):
    parent = """
        import signal, sys
        from inference_client.local_server import LocalServer
        from tests.inference_client.other_process import COMMAND
        server = LocalServer("models", command=COMMAND)
        server.start()
        print(server.pid, flush=True)
        signal.pause()
    """
    with subprocess.Popen(
        program(tmp_path, parent),
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    ) as process:
        server_pid = int(process.stdout.readline())
        assert psutil.pid_exists(server_pid)
        process.send_signal(signal.SIGKILL)
    deadline_s = time.monotonic() + 10.0
    while is_alive(server_pid):
        assert time.monotonic() < deadline_s, "the server outlived its parent"
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
