"""What a model has done since the server started, in the form of Triton's statistics extension."""

import time
from collections import deque
from dataclasses import dataclass, field

from accelerator_server.executor import BatchReport

_RECENT_REQUESTS = 1000


@dataclass(slots=True)
class ModelStatistics:
    """Counts and summed times of one model; used by the event loop only."""

    n_requests: int = 0
    n_failed: int = 0
    n_rows: int = 0
    n_batches: int = 0
    queue_us: int = 0
    compute_us: int = 0
    last_inference_ms: int = 0
    batches_of_rows: dict[int, int] = field(default_factory=dict)
    latencies_s: deque[float] = field(default_factory=lambda: deque(maxlen=_RECENT_REQUESTS))

    def count_request(self, n_rows: int, queue_us: int, latency_s: float) -> None:
        """Counts a request that got its result."""
        self.latencies_s.append(latency_s)
        self.n_requests += 1
        self.n_rows += n_rows
        self.queue_us += queue_us
        self.last_inference_ms = time.time_ns() // 1_000_000

    def count_batch(self, report: BatchReport) -> None:
        """Counts a run of the device."""
        self.n_batches += 1
        self.compute_us += round(report.compute_s * 1e6)
        self.batches_of_rows[report.n_rows] = self.batches_of_rows.get(report.n_rows, 0) + 1

    def latency_percentiles_s(self, *percents: int) -> list[float | None]:
        """Percentiles of the time from acceptance to result, over the last requests; None without any."""
        found = sorted(self.latencies_s)
        return [found[len(found) * percent // 100] if found else None for percent in percents]

    def triton_form(self, name: str, version: str) -> dict[str, object]:
        """One entry of `model_stats`: durations in nanoseconds.

        See https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_statistics.md
        """
        queue = {"count": self.n_requests, "ns": self.queue_us * 1000}
        compute = {"count": self.n_batches, "ns": self.compute_us * 1000}
        sizes = sorted(self.batches_of_rows.items())
        return {
            "name": name,
            "version": version,
            "last_inference": self.last_inference_ms,
            "inference_count": self.n_rows,
            "execution_count": self.n_batches,
            "inference_stats": {
                "success": {"count": self.n_requests, "ns": (self.queue_us + self.compute_us) * 1000},
                "fail": {"count": self.n_failed, "ns": 0},
                "queue": queue,
                "compute_infer": compute,
            },
            "batch_stats": [{"batch_size": rows, "compute_infer": {"count": n}} for rows, n in sizes],
        }
