from __future__ import annotations

import subprocess
import sys
import time

from eventproc.services.resource_use import MemoryUse, ResourceUse

STATUS = (
    "Name:\tpython\nVmPeak:\t  4096 kB\nVmSize:\t 3072 kB\nVmHWM:\t 2048 kB\nVmRSS:\t 1024 kB\nThreads:\t1\n"
)


WITH_AND_WITHOUT = """
import dataclasses, mmap
from eventproc.services.resource_use import MemoryUse

def tell():
    print(*dataclasses.astuple(MemoryUse.now()))

block = mmap.mmap(-1, 64 << 20)
block.write(bytes(64 << 20))
tell()
block.close()
tell()
"""


def test_busy_time_counts_as_wall_and_cpu_time() -> None:
    before = ResourceUse.now()
    began = time.process_time()
    while time.process_time() - began < 0.02:
        pass
    used = ResourceUse.now().since(before)
    assert used.cpu_s >= 0.02
    assert used.wall_s > 0.01


def test_time_of_ended_children_is_counted_apart() -> None:
    before = ResourceUse.now()
    subprocess.run([sys.executable, "-c", "sum(range(3_000_000))"], check=True, timeout=60)
    assert ResourceUse.now().since(before).children_cpu_s > 0.01


def test_memory_is_read_from_the_status_of_the_process() -> None:
    assert MemoryUse.parse(STATUS) == MemoryUse(rss_mb=1, peak_rss_mb=2, vsize_mb=3, peak_vsize_mb=4)


def test_a_status_without_memory_gives_zeros() -> None:
    assert MemoryUse.parse("Name:\tpython\n") == MemoryUse(0, 0, 0, 0)


def test_the_peak_stays_when_memory_is_given_back() -> None:
    # In a process of its own: a large one finds room for the block in what it has.
    done = subprocess.run(
        [sys.executable, "-c", WITH_AND_WITHOUT], capture_output=True, text=True, check=True, timeout=60
    )
    with_block, without_block = (MemoryUse(*map(float, line.split())) for line in done.stdout.splitlines())
    assert with_block.rss_mb - without_block.rss_mb > 50
    # The kernel counts pages for each thread and adds them up later.
    assert without_block.peak_rss_mb > with_block.rss_mb - 1
    assert with_block.rss_mb > 64
