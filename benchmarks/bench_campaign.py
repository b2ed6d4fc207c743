"""Simulates a campaign of many grid jobs that share a few accelerator servers: when do the servers saturate?

Run it: python benchmarks/bench_campaign.py [--picture docs/pictures/grid_campaign.png]. Nothing is measured
here; the model and its assumptions, all of them options:

- The batch system starts jobs at --starts-per-s while fewer than --slots run; each starts up for --startup-s.
- A job has --events-per-job events, spread by 20 % (log-normal, fixed seed), and needs --cpu-ms of its own
  CPU for each. Enough events are in flight that it never waits for a server that has room.
- An event asks for --images images. A server answers --capacity images a second, however many jobs ask, and
  jobs get equal shares of what there is (processor sharing): batches are full when it matters.
- A fraction --failures of attempts is lost, at a random point of their events, and made again --backoff-s
  later.

HL-LHC rates to compare with are CMS's for Phase 2 (CMS-TDR-022): 750 kHz enter the High-Level Trigger and
7.5 kHz leave it.
"""

from __future__ import annotations

import argparse
import heapq
import random
from dataclasses import dataclass
from pathlib import Path

from matplotlib.figure import Figure

SERVERS = (1, 4, 16)
HLT_INPUT_HZ, HLT_OUTPUT_HZ = 750e3, 7.5e3
SPREAD = 0.2


@dataclass(frozen=True)
class Campaign:
    """The assumptions."""

    jobs: int
    slots: int
    events_per_job: int
    cpu_ms: float
    images: float
    capacity: float
    startup_s: float
    starts_per_s: float
    failures: float
    backoff_s: float

    @property
    def job_rate(self) -> float:
        """Events per second of a job that never waits."""
        return 1e3 / self.cpu_ms

    def rate(self, running: int, servers: int) -> float:
        """Events per second of each of so many running jobs."""
        if not running:
            return 0.0
        return min(self.job_rate, servers * self.capacity / self.images / running)


@dataclass(frozen=True)
class Course:
    """How a campaign went: the rate after each change, events per second."""

    times: list[float]
    rates: list[float]
    events: float
    wasted: float

    @property
    def duration_s(self) -> float:
        """Time until the last job ended."""
        return self.times[-1]

    @property
    def peak(self) -> float:
        """The highest rate, which saturated servers hold until jobs run out."""
        return max(self.rates)


def simulate(campaign: Campaign, servers: int) -> Course:
    """Runs the campaign to its end.

    All running jobs go at the same rate, so one clock of events per job serves them all: a job ends when that
    clock has gone on by the job's events.
    """
    chance = random.Random(1)
    sizes = [campaign.events_per_job * chance.lognormvariate(0.0, SPREAD) for _ in range(campaign.jobs)]
    waiting = [(0.0, number) for number in range(campaign.jobs)]  # (not before, job), a heap
    starting: list[tuple[float, int]] = []  # (ready at, job)
    ends: list[tuple[float, int, bool]] = []  # (events clock, job, whether it is lost), a heap
    now_s = clock = next_start_s = events = wasted = 0.0
    times, rates = [0.0], [0.0]
    while waiting or starting or ends:
        rate = campaign.rate(len(ends), servers)
        choices = []
        if ends:
            choices.append((now_s + (ends[0][0] - clock) / rate, "end"))
        if starting:
            choices.append((starting[0][0], "ready"))
        if waiting and len(ends) + len(starting) < campaign.slots:
            choices.append((max(next_start_s, waiting[0][0], now_s), "start"))
        then_s, what = min(choices)
        clock += rate * (then_s - now_s)
        now_s = then_s
        if what == "start":
            _, job = heapq.heappop(waiting)
            heapq.heappush(starting, (now_s + campaign.startup_s, job))
            next_start_s = now_s + 1.0 / campaign.starts_per_s
        elif what == "ready":
            _, job = heapq.heappop(starting)
            lost = chance.random() < campaign.failures
            length = sizes[job] * (chance.random() if lost else 1.0)
            heapq.heappush(ends, (clock + length, job, lost))
            wasted += length if lost else 0.0
        else:
            _, job, lost = heapq.heappop(ends)
            if lost:
                heapq.heappush(waiting, (now_s + campaign.backoff_s, job))
            else:
                events += sizes[job]
        times.append(now_s)
        rates.append(len(ends) * campaign.rate(len(ends), servers))
    return Course(times, rates, events, wasted)


def draw(campaign: Campaign, courses: dict[int, Course], path: Path) -> None:
    figure = Figure(figsize=(11, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    for servers, course in courses.items():
        hours = [time / 3600 for time in course.times]
        left.step(
            hours, course.rates, where="post", label=f"{servers} servers" if servers > 1 else "1 server"
        )
    left.set(
        xlabel="time [h]", ylabel="events per second", title=f"{campaign.jobs} jobs, {campaign.slots} slots"
    )
    left.legend()
    jobs = [round(10 ** (exponent / 20)) for exponent in range(20, 101)]
    for servers in courses:
        right.loglog(jobs, [n * campaign.rate(n, servers) for n in jobs], label=f"{servers}")
    right.loglog(jobs, [n * campaign.job_rate for n in jobs], ":", color="0.5", label="no limit")
    for rate, name in ((HLT_OUTPUT_HZ, "HLT output, 7.5 kHz"), (HLT_INPUT_HZ, "HLT input, 750 kHz")):
        right.axhline(rate, color="0.7", lw=0.8)
        right.text(jobs[0], rate * 1.1, name, fontsize=8)
    right.set(
        xlabel="jobs running", ylabel="events per second", title="where servers saturate", ylim=(10, 3e6)
    )
    right.legend(title="servers")
    figure.savefig(path, dpi=110)


def parse() -> tuple[Campaign, Path | None]:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, value in (
        ("jobs", 10_000), ("slots", 4_000), ("events-per-job", 2_000), ("cpu-ms", 200.0), ("images", 1.5),
        ("capacity", 1_000.0), ("startup-s", 20.0), ("starts-per-s", 20.0), ("failures", 0.02),
        ("backoff-s", 60.0),
    ):  # fmt: skip
        parser.add_argument(f"--{name}", type=type(value), default=value)
    parser.add_argument("--picture", type=Path)
    values = vars(parser.parse_args())
    picture = values.pop("picture")
    return Campaign(**values), picture


def main() -> None:
    campaign, picture = parse()
    per_server = campaign.capacity / campaign.images
    print(f"{campaign.jobs} jobs of {campaign.events_per_job} events on {campaign.slots} slots")
    print(
        f"one server: {per_server:.0f} events per second, full with {per_server / campaign.job_rate:.0f} jobs"
    )
    print(f"{'servers':>8} {'peak [1/s]':>14} {'duration [h]':>13} {'made twice':>11}")
    courses = {servers: simulate(campaign, servers) for servers in SERVERS}
    for servers, course in courses.items():
        wasted = course.wasted / course.events
        print(f"{servers:>8} {course.peak:>14.0f} {course.duration_s / 3600:>13.2f} {wasted:>11.1%}")
    for rate, name in ((HLT_OUTPUT_HZ, "7.5 kHz, out of the HLT"), (HLT_INPUT_HZ, "750 kHz, into the HLT")):
        servers, jobs = rate / per_server, rate / campaign.job_rate
        print(f"{name}: {servers:.0f} servers and {jobs:.0f} jobs")
    if picture:
        draw(campaign, courses, picture)
        print(f"wrote {picture}")


if __name__ == "__main__":
    main()
