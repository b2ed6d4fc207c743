"""What the screen says at the end of a job about one model's inference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from inference_client.recording.recorder import Recorder
from inference_client.statistics import ClientStatistics
from producers.model_figures import ModelFigures


@dataclass(frozen=True, slots=True)
class RowWords:
    """What the rows of a model are called on the screen.

    Attributes:
        one: A row.
        many: Rows.
        counted: Rows that the model was asked about and answered.
    """

    one: str = "row"
    many: str = "rows"
    counted: str = "rows evaluated"


def summary_lines(figures: ModelFigures, words: RowWords, loop_time_s: float) -> dict[str, str]:
    """Name to value for each line."""
    everything = figures.statistics()
    rows = sum(_answered_rows(statistics) for statistics in everything)
    lines = {words.counted: str(rows)}
    if loop_time_s > 0:
        lines[f"{words.many} per second"] = f"{rows / loop_time_s:.0f}"
    for n, statistics in enumerate(everything):  # the servers, then the fallback, in several processes more
        prefix = "" if n == 0 else "fallback: " if n == 1 else f"fallback {n}: "
        lines.update({prefix + line: value for line, value in _lines_of(statistics, words).items()})
    if figures.fallback_calls:
        lines["fallback used"] = f"{figures.fallback_calls} times, {_told_agreement(figures)}"
    return lines


def told_recording(recorder: Recorder) -> str:
    """What was recorded so far, or why no more."""
    size = f"{recorder.requests} requests, {recorder.written_bytes / 1e6:.1f} MB"
    return recorder.failure or f"{recorder.path} ({size})"


def _told_agreement(figures: ModelFigures) -> str:
    found = figures.fallback_agreement
    if found is None:
        return "not compared with the servers, none of which had answered"
    return f"within {found.largest:.2g} of the servers on {found.rows} rows"


def _lines_of(statistics: ClientStatistics, words: RowWords) -> dict[str, str]:
    latency = statistics.latency
    rows = _answered_rows(statistics)
    each = statistics.sent_bytes / rows if rows else 0.0
    servers = (f"{s.address} ({s.rows} {words.many}, {s.failures} failures)" for s in statistics.servers)
    lines = {
        "batch sizes reached": _batch_sizes(statistics.body_rows),
        "latency p50 / p95 / p99": " / ".join(
            f"{1000 * t:.1f}" for t in (latency.p50_s, latency.p95_s, latency.p99_s)
        )
        + " ms",
        f"bytes per {words.one}": f"{each:.0f}",
        "servers": ", ".join(servers),
    }
    if statistics.retries or statistics.failed_requests:
        lines["retries, failed requests"] = f"{statistics.retries}, {statistics.failed_requests}"
    if statistics.hedges:
        lines["late answers asked for elsewhere"] = f"{statistics.hedges}, {statistics.hedges_won} won"
    return lines


def _answered_rows(statistics: ClientStatistics) -> int:
    """Unlike `rows`, those that were answered."""
    return sum(rows * n for rows, n in statistics.body_rows.items())


def _batch_sizes(body_rows: Mapping[int, int]) -> str:
    if not body_rows:
        return "none"
    bodies = sum(body_rows.values())
    mean = sum(rows * n for rows, n in body_rows.items()) / bodies
    return f"{min(body_rows)} to {max(body_rows)}, mean {mean:.1f}, {bodies} requests"
