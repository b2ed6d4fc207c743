"""What a model has done since the server started, in the form of Triton's statistics extension."""

import time
from collections import deque
from dataclasses import dataclass, field

from accelerator_server.batching.executor import BatchReport

_RECENT_REQUESTS = 1000


@dataclass(slots=True)
class ModelStatistics:
    """Counts and summed times of one model; used by the event loop only.

    Times are summed over requests: all that share a batch have waited for the whole of it.
    """

    n_requests: int = 0
    n_failed: int = 0
    n_rows: int = 0
    n_batches: int = 0
    n_computed: int = 0  # requests, or pieces of them, that were in a batch
    latency_s: float = 0.0
    queue_us: int = 0
    compute_s: float = 0.0
    last_inference_ms: int = 0
    batches_of_rows: dict[int, int] = field(default_factory=dict)
    compute_s_of_rows: dict[int, float] = field(default_factory=dict)
    latencies_s: deque[float] = field(default_factory=lambda: deque(maxlen=_RECENT_REQUESTS))

    def count_request(self, n_rows: int, queue_us: int, latency_s: float) -> None:
        """Counts a request that got its result."""
        self.latencies_s.append(latency_s)
        self.latency_s += latency_s
        self.n_requests += 1
        self.n_rows += n_rows
        self.queue_us += queue_us
        self.last_inference_ms = time.time_ns() // 1_000_000

    def count_batch(self, report: BatchReport) -> None:
        """Counts a run of the device."""
        n_rows, n_jobs = report.n_rows, len(report.outcomes)
        self.n_batches += 1
        self.n_computed += n_jobs
        self.compute_s += n_jobs * report.compute_s
        self.batches_of_rows[n_rows] = self.batches_of_rows.get(n_rows, 0) + 1
        self.compute_s_of_rows[n_rows] = self.compute_s_of_rows.get(n_rows, 0.0) + report.compute_s

    def latency_percentiles_s(self, *percents: int) -> list[float | None]:
        """Percentiles of the time from acceptance to result, over the last requests; None without any."""
        found = sorted(self.latencies_s)
        return [found[len(found) * percent // 100] if found else None for percent in percents]

    def triton_form(self, name: str, version: str) -> dict[str, object]:
        """One entry of `model_stats`: durations in nanoseconds.

        See https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_statistics.md
        """
        not_told = {"count": 0, "ns": 0}
        return {
            "name": name,
            "version": version,
            "last_inference": self.last_inference_ms,
            "inference_count": self.n_rows,
            "execution_count": self.n_batches,
            "inference_stats": {
                "success": _duration(self.n_requests, self.latency_s),
                "fail": _duration(self.n_failed, 0.0),
                "queue": _duration(self.n_requests, self.queue_us / 1e6),
                "compute_input": not_told,
                "compute_infer": _duration(self.n_computed, self.compute_s),
                "compute_output": not_told,
                "cache_hit": not_told,
                "cache_miss": not_told,
            },
            "batch_stats": [
                {"batch_size": n_rows, "compute_infer": _duration(n, self.compute_s_of_rows[n_rows])}
                for n_rows, n in sorted(self.batches_of_rows.items())
            ],
        }


def _duration(count: int, seconds: float) -> dict[str, int]:
    return {"count": count, "ns": round(seconds * 1e9)}
