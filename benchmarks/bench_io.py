"""What reading and writing through the framework costs: a copy job against a bare loop of uproot.

The job reads a file with PoolSource and keeps everything with PoolOutputModule, with the services every job
has; the loop reads the same file with `iterate` and writes it with `extend`, same basket size and codec, and
computes no digests, checks nothing and publishes nothing. Both run in processes of their own, in turns. The
file holds the hits of the sample in data/, each event many times under new numbers. Time and CPU time count
from the opening of the input to the closed output, without imports.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import awkward as ak
import uproot

from eventproc.io.reading.opened_file import open_native
from eventproc.io.writing.tree_writer import TreeWriter
from eventproc.model.descriptions import ComponentDescription, PathDescription, PathStep, ProcessDescription
from eventproc.model.event_id import EventID
from eventproc.model.product import Product, product_class
from eventproc.modules import Service
from eventproc.runtime.builder import build
from eventproc.runtime.processor import EventProcessor
from eventproc.services.job_report import JobReport
from eventproc.services.resource_use import MemoryUse
from figures import Figure, print_figures

SAMPLE = Path(__file__).resolve().parent.parent / "data" / "top_qcd.root"
EVENTS_PER_BASKET = 1000


class MemoryOf(Service):
    """Reads the memory at the middle and at the end of a job."""

    middle = end = 0
    rss_mb: list[float] = []

    def __init__(self, params: Any) -> None:
        """Nothing to take."""

    def post_event(self, event: Any) -> None:
        """Reads it."""
        if event.index in (self.middle, self.end):
            self.rss_mb.append(MemoryUse.now().rss_mb)


def make_input(path: Path, events: int, hits: int | None = None) -> None:
    """Writes so many events of the sample, at most so many hits in each."""
    with open_native(str(SAMPLE)) as file:
        types = {b: product_class(b.type_name, b.schema) for b in file.branches}
        n = file.n_entries
        read = {b: file.read(b, [c.name for c in b.schema], 0, n) for b in file.branches}
        rows = [tuple(_rows(types[b], read[b], i, hits) for b in file.branches) for i in range(n)]
        with path.open("x+b") as out:
            writer = TreeWriter(out, file.branches, file.history, uproot.ZSTD(1))
            for k in range(events):
                writer.add(EventID(1, 1 + k // 100, 1 + k), rows[k % n])
            writer.finish(complete=True)


def _rows(kind: type[Product], columns: Any, i: int, at_most: int | None) -> Product:
    ends = [(int(c.offsets[i]), int(c.offsets[i + 1])) for c in columns]
    stops = [stop if at_most is None else min(stop, start + at_most) for start, stop in ends]
    return kind(*[c.content[a:b] for c, (a, _), b in zip(columns, ends, stops, strict=True)])


def copy_by_job(source: Path, target: Path, *, memory_at: int = 0) -> None:
    """The copy job."""
    services = [ComponentDescription("Service", "MessageLogger", "MessageLogger", {"reportEvery": 0})]
    if memory_at:
        services.append(ComponentDescription("Service", f"{__name__}:MemoryOf", "MemoryOf"))
        MemoryOf.middle, MemoryOf.end = memory_at // 2, memory_at - 1
    description = ProcessDescription(
        "COPY",
        ComponentDescription("Source", "PoolSource", "source", {"fileNames": [str(source)]}),
        (ComponentDescription("OutputModule", "PoolOutputModule", "out", {"fileName": str(target)}),),
        (PathDescription("e", "EndPath", (PathStep("out"),)),),
        services=tuple(services),
    )
    report = JobReport()
    asyncio.run(EventProcessor(build(description), report).run())
    if report.errors:
        raise SystemExit(f"the job failed: {report.errors}")


def copy_by_hand(source: Path, target: Path) -> None:
    """The bare loop."""
    with uproot.open(source) as file, uproot.recreate(target, compression=uproot.ZSTD(1)) as out:
        tree = None
        for chunk in file["Events"].iterate(step_size=EVENTS_PER_BASKET):
            names = [name for name in chunk.fields if f"n{name}" not in chunk.fields]
            lists = {name[1:] for name in names if name.startswith("n")}
            values = {name: chunk[name] for name in names if name[1:] not in lists and "_" not in name}
            for each in lists:
                columns = [name for name in names if name.startswith(f"{each}_")]
                values[each] = ak.zip({name.removeprefix(f"{each}_"): chunk[name] for name in columns})
            if tree is None:
                tree = out.mktree("Events", {name: ak.type(value).content for name, value in values.items()})
            tree.extend(values)


def run_copy(how: str, source: Path, target: Path) -> list[float]:
    """Seconds and CPU seconds of one copy in this process; of the memory job, MB at its middle and end."""
    began = time.perf_counter(), time.process_time()
    if how == "memory":
        with open_native(str(source)) as file:
            events = file.n_entries
        copy_by_job(source, target, memory_at=events)
        return MemoryOf.rss_mb
    {"hand": copy_by_hand, "job": copy_by_job}[how](source, target)
    return [time.perf_counter() - began[0], time.process_time() - began[1]]


def measure(how: str, source: Path) -> list[float]:
    """What `run_copy` gives in a process of its own."""
    target = source.with_name(f"{how}.root")
    command = [sys.executable, __file__, "--copy", how, str(source), str(target)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    target.unlink()
    measured: list[float] = json.loads(done.stdout.splitlines()[-1])
    return measured


def compare(source: Path, rounds: int) -> tuple[float, float]:
    """Rate and CPU time of the job, as multiples of the bare loop's: medians of rounds."""
    pairs = [(measure("hand", source), measure("job", source)) for _ in range(rounds)]
    return (
        median(hand[0] / job[0] for hand, job in pairs),
        median(job[1] / hand[1] for hand, job in pairs),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer events and rounds")
    parser.add_argument("--copy", nargs=3, help=argparse.SUPPRESS)
    words = parser.parse_args()
    if words.copy:
        how, source, target = words.copy
        print(json.dumps(run_copy(how, Path(source), Path(target))))
        return
    events, rounds = (10_000, 3) if words.quick else (30_000, 7)
    with tempfile.TemporaryDirectory() as name:
        large, small = Path(name) / "large.root", Path(name) / "small.root"
        make_input(large, events)
        rate, cpu = compare(large, rounds)
        make_input(small, 50_000, hits=20)
        small_rate, small_cpu = compare(small, rounds)
        middle, end = measure("memory", small)
    print(f"events of 20 hits: {small_rate:.2f} of the loop's rate, {small_cpu:.2f} times its CPU time")
    print(f"50,000 events read from a file: {middle:.1f} MB at the middle")
    print_figures(
        Figure("copy_job_rate_over_uproot_loop", rate, 0.8),
        Figure("copy_job_cpu_over_uproot_loop", cpu, 1.25, at_most=True),
        Figure("file_memory_growth_percent", 100 * (end / middle - 1), 2, at_most=True),
    )


if __name__ == "__main__":
    main()
