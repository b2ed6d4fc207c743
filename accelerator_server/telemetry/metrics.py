"""Counts and times of one server in Prometheus' form; every server has its own registry."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_1_0_0

from accelerator_server.telemetry.tallies import Count, Counts, Distribution, Distributions

_ROW_BUCKETS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
_SECONDS_BUCKETS = (0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
_MODEL = ("model", "version")

_CLIENT_GONE = 499
"""Never sent; nginx's number for a client that went before its answer."""

CONTENT_TYPE = CONTENT_TYPE_PLAIN_1_0_0


class Metrics:
    """What a server counts; used by the event loop only."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = self._counter("requests", "Requests answered", "status")
        self.successes = self.requests.labels("200")
        self.refusals = self._counter("refusals", "Requests refused, by cause", "code")
        self.received_bytes = self._counter("received_bytes", "Bytes of inference bodies received").labels()
        self.sent_bytes = self._counter("sent_bytes", "Bytes of inference bodies sent").labels()
        self.requests_inside = self._gauge("requests_inside", "Inference requests not yet answered")
        self.inside_bytes = self._gauge("inside_bytes", "Bytes of bodies not yet answered")
        self.resident_bytes = self._gauge("resident_bytes", "Memory of server and workers")
        self.memory_limit_bytes = self._gauge("memory_limit_bytes", "Memory beyond which work is refused")
        self.connections = self._gauge("connections", "Connections that are open")
        self._model_refused = self._gauge(
            "model_refused", "Versions that were to be served and cannot be", *_MODEL
        )
        # By field of ModelMetrics.
        self._of_model: dict[str, Counts | Distributions | Gauge] = {
            "rows": self._counter("rows", "Rows of successful requests", *_MODEL),
            "batch_rows": self._histogram("batch_rows", "Rows in a batch", _ROW_BUCKETS),
            "queue_seconds": self._histogram("queue_seconds", "Time in the queue", _SECONDS_BUCKETS),
            "compute_seconds": self._histogram(
                "compute_seconds", "Time of a batch on the device", _SECONDS_BUCKETS
            ),
            "waiting_requests": self._gauge("waiting_requests", "Requests in the queue", *_MODEL),
            "waiting_bytes": self._gauge("waiting_bytes", "Bytes in the queue", *_MODEL),
            "ready": self._gauge("model_ready", "Whether a model is served", *_MODEL),
            "devices_up": self._gauge("devices_up", "Devices that take batches", *_MODEL),
            "worker_deaths": self._counter("worker_deaths", "Processes of devices that died", *_MODEL),
            "quarantined_inputs": self._gauge(
                "quarantined_inputs", "Inputs that killed a worker twice", *_MODEL
            ),
        }

    def count_refusal(self, status: int, code: str) -> None:
        """Counts a request that was refused."""
        self.requests.labels(str(status)).inc()
        self.refusals.labels(code).inc()

    def count_client_gone(self) -> None:
        """Counts a request whose client has gone before its answer."""
        self.count_refusal(_CLIENT_GONE, "client_gone")

    def of_model(self, name: str, version: str) -> "ModelMetrics":
        """The metrics of one version of a model."""
        filled: dict[str, Any] = {
            field: metric.labels(name, version) for field, metric in self._of_model.items()
        }
        return ModelMetrics(**filled)

    def forget_model(self, name: str, version: str) -> None:
        """Shows no more of a version that is not served any more."""
        for metric in self._of_model.values():
            metric.remove(name, version)

    def show_refused(self, versions_of_models: Mapping[str, Iterable[int]]) -> None:
        """Shows these versions of models as refused, and no others."""
        self._model_refused.clear()
        for name, versions in versions_of_models.items():
            for version in versions:
                self._model_refused.labels(name, str(version)).set(1)

    def totals(self) -> dict[str, object]:
        """What the dashboard shows of the whole server."""
        return {
            "received_bytes": self.received_bytes.value,
            "sent_bytes": self.sent_bytes.value,
            "refusals": {code: count.value for (code,), count in self.refusals.children.items()},
        }

    def exposition(self) -> bytes:
        """All of it as Prometheus reads it."""
        return generate_latest(self.registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counts:
        return Counts(f"accelerator_{name}", text, labels, self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"accelerator_{name}", text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, bounds: tuple[float, ...]) -> Distributions:
        return Distributions(f"accelerator_{name}", text, bounds, _MODEL, self.registry)


@dataclass(frozen=True, slots=True)
class ModelMetrics:
    """The metrics of one model, their labels filled in once and not at every request."""

    rows: Count
    batch_rows: Distribution
    queue_seconds: Distribution
    compute_seconds: Distribution
    waiting_requests: Gauge
    waiting_bytes: Gauge
    ready: Gauge
    devices_up: Gauge
    worker_deaths: Count
    quarantined_inputs: Gauge
