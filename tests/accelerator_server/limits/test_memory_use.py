"""Memory of this process and of others, and how much there is."""

import subprocess
import sys

import psutil
import pytest

from accelerator_server.limits import memory_use
from accelerator_server.limits.memory_use import memory_there_is, resident_bytes

ALLOCATES = """
import numpy as np, psutil
from accelerator_server.limits.memory_use import resident_bytes
before = resident_bytes([])
held = np.ones(50_000_000, np.uint8)
print(before, resident_bytes([]), psutil.Process().memory_info().rss)
"""
SHARES_100_MB = "import mmap; m = mmap.mmap(-1, 10**8); m.write(bytes(10**8)); print(flush=True); input()"
HOLDS_100_MB = "x = bytearray(100_000_000); print(flush=True); input()"


def test_what_this_process_allocates_is_seen():
    # In a process of its own: a large one gives memory back meanwhile.
    done = subprocess.run(
        [sys.executable, "-c", ALLOCATES], capture_output=True, text=True, check=True, timeout=60
    )
    before, with_held, known_to_the_system = map(int, done.stdout.split())
    assert with_held - before > 45_000_000
    assert abs(with_held - known_to_the_system) < 20_000_000


def test_what_workers_hold_is_added_until_they_end():
    command = [sys.executable, "-c", HOLDS_100_MB]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        with_worker = resident_bytes([process.pid])
        alone = resident_bytes([])
        process.communicate(b"\n", timeout=30)
    assert with_worker - alone > 90_000_000
    assert resident_bytes([process.pid]) < with_worker - 90_000_000


def test_what_a_worker_shares_with_the_server_counts_once():
    with subprocess.Popen(
        [sys.executable, "-c", SHARES_100_MB], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        process.stdout.readline()
        shared = psutil.Process(process.pid).memory_info().rss
        counted = resident_bytes([process.pid]) - resident_bytes([])
        process.communicate(b"\n", timeout=30)
    assert shared > 90_000_000
    assert counted < 50_000_000


@pytest.mark.parametrize(
    ("own", "limits", "there_is"),
    [
        ("0::/a/b\n", {"a/memory.max": "1000000", "a/b/memory.max": "max"}, 1_000_000),
        ("0::/a/b\n", {"a/memory.max": "1000000", "a/b/memory.max": "400000"}, 400_000),
        ("0::/\n", {"memory.max": "300000"}, 300_000),
        ("4:cpu:/c\n3:memory,pids:/a\n", {"memory/a/memory.limit_in_bytes": "200000"}, 200_000),
        ("4:cpu:/a\n", {"memory/a/memory.limit_in_bytes": "200000"}, None),
        ("0::/a\n", {"a/memory.max": "max"}, None),
    ],
    ids=["parent", "own", "root", "version 1", "another", "none"],
)
def test_the_least_that_a_control_group_allows_is_what_there_is(tmp_path, monkeypatch, own, limits, there_is):
    for name, text in limits.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text + "\n")
    (tmp_path / "own").write_text(own)
    monkeypatch.setattr(memory_use, "_CGROUP", tmp_path)
    monkeypatch.setattr(memory_use, "_OWN_CGROUPS", tmp_path / "own")
    assert memory_there_is() == (there_is or psutil.virtual_memory().total)


def test_there_is_no_more_than_the_machine_has():
    assert 2**28 < memory_there_is() <= psutil.virtual_memory().total
