"""A model's own speed: called in this process on its device, with no wire, queue or batching in between."""

import queue
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import msgspec
import numpy as np

from accelerator_server.backends.base import Array, Backend
from accelerator_server.errors import ConfigurationError, ModelRefusedError
from accelerator_server.model_spec import ModelSpec, TensorSpec
from accelerator_server.models.model_loading import LoadedModel

PERCENTS = (50, 90, 99)


class BenchPoint(msgspec.Struct, frozen=True, kw_only=True):
    """What one batch size and number of callers gave.

    Attributes:
        batch_rows: Rows of each call.
        clients: Callers; each asks again as soon as it is answered.
        calls: Calls that were answered.
        seconds: From the first call to the last answer.
        rows_per_s: Rows answered a second.
        latency_p50_ms: From a caller's asking to its answer, the wait for a free device included.
        latency_p90_ms: The same.
        latency_p99_ms: The same.
        run_p50_ms: Time of the call alone.
    """

    batch_rows: int
    clients: int
    calls: int
    seconds: float
    rows_per_s: float
    latency_p50_ms: float
    latency_p90_ms: float
    latency_p99_ms: float
    run_p50_ms: float


class BenchReport(msgspec.Struct, frozen=True, kw_only=True):
    """All points of one model, and what it ran on.

    Attributes:
        model: Its name.
        version: Its version.
        backend: Engine.
        devices: Device of each instance.
        precision: Arithmetic.
        calls_at_once: Calls that all instances together take at once.
        padded_rows: Rows of every batch on the device where the model is reproducible, else 0.
        points: One for each batch size and number of callers.
    """

    model: str
    version: int
    backend: str
    devices: list[str]
    precision: str
    calls_at_once: int
    padded_rows: int
    points: list[BenchPoint]


@dataclass(slots=True)
class _Calls:
    """What the threads of one point share; `answered` is appended to by all, the rest is set before.

    Attributes:
        waiting: When each caller that waits for a free device asked; None ends a thread.
        stop_s: No call begins later.
        answered: Of each call: when it was answered, how long its caller waited, and how long it ran.
    """

    waiting: queue.SimpleQueue[float | None]
    stop_s: float
    answered: list[tuple[float, float, float]] = field(default_factory=list)


def bench_model(
    loaded: LoadedModel, batch_sizes: Sequence[int], clients: Sequence[int], duration_s: float
) -> BenchReport:
    """Measures every batch size with every number of callers, one after another.

    Args:
        loaded: The model; it stays open.
        batch_sizes: Rows of a call.
        clients: Numbers of callers; none means as many as the device takes at once.
        duration_s: For each pair; calls that have begun by then are waited for.

    Raises:
        ConfigurationError: A batch is larger than the model's max_rows.
        ModelRefusedError: The model fails while it runs.
    """
    config, name = loaded.config, loaded.folder.name
    if (largest := max(batch_sizes)) > config.max_rows:
        message = (
            f"a batch of {largest} is more than max_rows of model {name}, which is {config.max_rows}; "
            f"--set {name}.max_rows={largest} allows it"
        )
        raise ConfigurationError(message)
    padded_rows = config.max_rows if config.reproducible else 0
    slots = [backend for backend in loaded.backends for _ in range(backend.depth)]
    return BenchReport(
        model=name,
        version=loaded.folder.version,
        backend=config.backend,
        devices=[backend.device for backend in loaded.backends],
        precision=loaded.backends[0].precision,
        calls_at_once=len(slots),
        padded_rows=padded_rows,
        points=[
            bench_point(slots, batch(loaded.spec, n_rows, padded_rows), n_rows, n_clients, duration_s)
            for n_rows in batch_sizes
            for n_clients in clients or [len(slots)]
        ],
    )


def bench_point(
    slots: Sequence[Backend], inputs: dict[str, Array], batch_rows: int, clients: int, duration_s: float
) -> BenchPoint:
    """Lets callers ask for some seconds; whoever asked first is served first.

    Args:
        slots: Each backend as many times as it takes calls at once.
        inputs: What every call computes.
        batch_rows: How many rows that counts for.
        clients: Number of callers.
        duration_s: How long they go on asking.

    Raises:
        ModelRefusedError: The model fails while it runs.
    """
    with ThreadPoolExecutor(len(slots), thread_name_prefix="bench") as threads:
        try:
            list(threads.map(lambda slot: slot.run(inputs), slots))  # the first call of a shape prepares it
            calls = _Calls(queue.SimpleQueue(), time.monotonic() + duration_s)
            begun_s = time.monotonic()
            for _ in range(clients):
                calls.waiting.put(begun_s)
            list(threads.map(lambda slot: _serve(slot, inputs, calls), slots))
        except Exception as error:
            message = f"the model fails on a batch of {batch_rows}: {error}"
            raise ModelRefusedError(message) from error
    return _point(calls, batch_rows, clients, begun_s)


def batch(spec: ModelSpec, n_rows: int, padded_rows: int = 0) -> dict[str, Array]:
    """Inputs of random values, padded with zeros to `padded_rows` if that is more."""
    generator = np.random.default_rng(n_rows)
    inputs: dict[str, Array] = {}
    for tensor in spec.inputs:
        array = np.zeros((max(n_rows, padded_rows), *tensor.row_shape), tensor.dtype)
        array[:n_rows] = _values(tensor, n_rows, generator)
        inputs[tensor.name] = array
    return inputs


def _values(tensor: TensorSpec, n_rows: int, generator: np.random.Generator) -> Array:
    shape = (n_rows, *tensor.row_shape)
    if tensor.dtype.kind == "f":
        return generator.random(shape, np.float32).astype(tensor.dtype)
    return generator.integers(0, 2, shape).astype(tensor.dtype)  # an index into a model's table is in range


def _serve(slot: Backend, inputs: dict[str, Array], calls: _Calls) -> None:
    """Takes callers in turn until the time is over; ends the other threads too."""
    try:
        while (asked_s := calls.waiting.get()) is not None:
            run_s = time.monotonic()
            if run_s >= calls.stop_s and calls.answered:
                return
            slot.run(inputs)
            now_s = time.monotonic()
            calls.answered.append((now_s, now_s - asked_s, now_s - run_s))
            calls.waiting.put(now_s)
    finally:
        calls.waiting.put(None)


def _point(calls: _Calls, batch_rows: int, clients: int, begun_s: float) -> BenchPoint:
    answered_s, latencies_s, runs_s = np.array(calls.answered).T
    seconds = float(answered_s.max()) - begun_s
    p50, p90, p99 = (1000 * float(np.percentile(latencies_s, percent)) for percent in PERCENTS)
    return BenchPoint(
        batch_rows=batch_rows,
        clients=clients,
        calls=len(answered_s),
        seconds=seconds,
        rows_per_s=len(answered_s) * batch_rows / seconds,
        latency_p50_ms=p50,
        latency_p90_ms=p90,
        latency_p99_ms=p99,
        run_p50_ms=1000 * float(np.median(runs_s)),
    )
