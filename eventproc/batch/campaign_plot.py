"""Draws how a task went: events per second over all its jobs, and the latency they saw."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from eventproc.batch.task_status import JobFigures

_BINS = 60


def draw_campaign(jobs: Sequence[JobFigures], path: Path) -> None:
    """Draws throughput and latency over time; the events of a job are spread over its time evenly.

    Args:
        jobs: finished jobs, at least one.
        path: picture file; its suffix decides the format.

    Raises:
        OSError: it cannot be written.
    """
    starts = np.array([_seconds(job.started) for job in jobs])
    ends = np.maximum(np.array([_seconds(job.ended) for job in jobs]), starts + 1.0)
    origin = starts.min()
    edges = np.linspace(0.0, max((ends - origin).max(), 1.0), _BINS + 1)
    rate = np.zeros(_BINS)
    running = np.zeros(_BINS)
    for job, start, end in zip(jobs, starts - origin, ends - origin, strict=True):
        overlap = np.clip(np.minimum(edges[1:], end) - np.maximum(edges[:-1], start), 0.0, None)
        rate += job.events / (end - start) * overlap / np.diff(edges)
        running += overlap / np.diff(edges)
    figure = Figure(figsize=(8, 6), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True)
    upper.stairs(rate, edges, color="C0", label="events per second")
    upper.set_ylabel("events per second")
    jobs_axis = upper.twinx()
    jobs_axis.stairs(running, edges, color="0.6", label="jobs running")
    jobs_axis.set_ylabel("jobs running")
    jobs_axis.yaxis.get_major_locator().set_params(integer=True)
    _draw_latency(lower, jobs, ends - origin)
    lower.set_xlabel("time since the first job began [s]")
    figure.legend(loc="outside upper center", ncols=4)
    figure.savefig(path)


def _draw_latency(axis: Any, jobs: Sequence[JobFigures], ends: Any) -> None:
    axis.set_ylabel("latency [ms]")
    seen = [
        (end, job.latency_p50_s, job.latency_p95_s)
        for job, end in zip(jobs, ends, strict=True)
        if job.latency_p50_s is not None and job.latency_p95_s is not None
    ]
    if not seen:
        axis.text(
            0.5, 0.5, "no service of these jobs reports a latency", ha="center", transform=axis.transAxes
        )
        return
    times, medians, tails = zip(*sorted(seen), strict=True)
    axis.plot(times, 1e3 * np.array(medians), "o", ms=3, label="median latency of a job")
    axis.plot(times, 1e3 * np.array(tails), "^", ms=3, label="95 % latency of a job")
    axis.set_ylim(bottom=0.0)


def _seconds(iso: str) -> float:
    return datetime.fromisoformat(iso).timestamp()
