"""Memory of this process and of others, and how much there is."""

import subprocess
import sys

import psutil

from accelerator_server.limits.memory_use import memory_there_is, resident_bytes

ALLOCATES = """
import numpy as np, psutil
from accelerator_server.limits.memory_use import resident_bytes
before = resident_bytes([])
held = np.ones(50_000_000, np.uint8)
print(before, resident_bytes([]), psutil.Process().memory_info().rss)
"""
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


def test_there_is_no_more_than_the_machine_has():
    assert 2**28 < memory_there_is() <= psutil.virtual_memory().total
