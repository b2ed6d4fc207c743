"""How much sooner a CPU-bound job is done in two processes than in one, on two cores.

Both jobs are the real command with everything that it does: starting, dividing, merging. They take turns, and
the median of the rounds' ratios counts, since another program may take a core for a while.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from eventproc.model.product import Product, column
from eventproc.modules import EDProducer
from figures import Figure, print_figures

PROCESSES = 2
EVENT_S = 0.004
"""CPU time of the module on one event, about."""

JOB = """
import eventproc.config as cms
process = cms.Process("BENCH")
process.source = cms.Source("EmptySource")
process.maxEvents.input = {events}
process.sort = cms.EDProducer("bench_processes:Sort")
process.p = cms.Path(process.sort)
process.out = cms.OutputModule("PoolOutputModule", fileName="out.root", overwrite=True)
process.e = cms.EndPath(process.out)
"""


@dataclass(frozen=True, slots=True)
class Sorted(Product):
    """Numbers in order."""

    value: Any = column(np.float32)


class Sort(EDProducer):
    """Sorts numbers in Python, as long as an event is to take."""

    def __init__(self, params: Any, declare: Any) -> None:  # noqa: ARG002 - every module gets them
        self.output = declare.produces(Sorted)

    def produce(self, event: Any) -> None:
        """Puts the last of them."""
        numbers: list[float] = []
        until_s = time.process_time() + EVENT_S
        while time.process_time() < until_s:
            numbers = sorted(hash((event.id.event, i)) % 1000 for i in range(200))
        event.put(self.output, Sorted(np.array(numbers[-20:], np.float32)))


def job_s(job: Path, processes: int) -> float:
    """Seconds that the command takes."""
    began_s = time.monotonic()
    subprocess.run(
        [sys.executable, "-m", "eventproc", "run", "-n", str(processes), str(job)],
        cwd=job.parent,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
        check=True,
        capture_output=True,
    )
    return time.monotonic() - began_s


def main() -> None:
    """Runs the jobs in turn and prints their ratio."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--quick", action="store_true", help="shorter jobs, fewer rounds")
    quick = words.parse_args().quick
    events, rounds = (8_000, 1) if quick else (20_000, 3)
    with tempfile.TemporaryDirectory() as folder:
        job = Path(folder) / "bench_cfg.py"
        job.write_text(JOB.format(events=events))
        ratios = []
        for _ in range(rounds):
            one_s, several_s = job_s(job, 1), job_s(job, PROCESSES)
            ratios.append(one_s / several_s)
            print(f"{events} events: one process {one_s:.1f} s, {PROCESSES} processes {several_s:.1f} s")
    print_figures(Figure("two_processes_over_one", statistics.median(ratios), 1.7))


if __name__ == "__main__":
    main()
