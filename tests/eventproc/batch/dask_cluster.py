"""A Dask cluster in a process of its own, as a site has one."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

# Prints its address, and ends with its standard input.
CLUSTER = """
import sys
import dask
from distributed import LocalCluster
if __name__ == "__main__":
    dask.config.set({"distributed.scheduler.allowed-failures": int(sys.argv[2])})
    with LocalCluster(
        n_workers=int(sys.argv[1]), threads_per_worker=1, dashboard_address=None, host="127.0.0.1"
    ) as cluster:
        print(cluster.scheduler_address, flush=True)
        sys.stdin.read()
"""


@contextmanager
def dask_cluster(workers: int, allowed_failures: int = 3) -> Iterator[str]:
    """Yields the scheduler's address."""
    process = subprocess.Popen(
        [sys.executable, "-c", CLUSTER, str(workers), str(allowed_failures)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        address = process.stdout.readline().strip()
        assert address, process.stderr.read()
        yield address
    finally:
        try:
            process.communicate("", timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
