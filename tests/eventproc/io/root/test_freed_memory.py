"""What a job frees it uses again."""

import platform
import resource
import subprocess
import sys

import pytest

PROGRAM = """
import resource, sys
import numpy as np
from eventproc.io.root.freed_memory import keep_freed_memory
print(keep_freed_memory() if sys.argv[1] == "keep" else False)
for _ in range(20):
    [np.ones(1_000_000, np.float32) for _ in range(8)]
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)
"""


def faults(how):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, how], capture_output=True, text=True, check=True, timeout=60
    )
    heard, count = done.stdout.split()
    return heard, int(count)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has mallopt")
def test_large_arrays_are_made_in_memory_that_was_there_before():
    pages = 8_000_000 * 4 // resource.getpagesize()
    (_, before), (heard, after) = faults("do not"), faults("keep")
    assert heard == "True"
    assert before - after > 10 * pages
