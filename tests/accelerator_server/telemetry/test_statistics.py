"""What a model tells of its work in Triton's form: times are what requests have seen."""

import time

from accelerator_server.batching.executor import BatchReport
from accelerator_server.telemetry.statistics import ModelStatistics

DURATIONS = {
    "success",
    "fail",
    "queue",
    "compute_input",
    "compute_infer",
    "compute_output",
    "cache_hit",
    "cache_miss",
}
"""What Triton's statistics extension demands of `inference_stats`."""


def batch_of(n_requests: int, compute_s: float) -> BatchReport:
    return BatchReport([(None, None)] * n_requests, n_requests, compute_s, compute_s)


def test_requests_that_share_a_batch_have_each_waited_for_all_of_it():
    statistics = ModelStatistics()
    statistics.count_batch(batch_of(4, compute_s=0.1))
    for _ in range(4):
        statistics.count_request(1, queue_us=20_000, latency_s=0.125)
    told = statistics.triton_form("m", "1")["inference_stats"]
    assert told["success"] == {"count": 4, "ns": 500_000_000}
    assert told["queue"] == {"count": 4, "ns": 80_000_000}
    assert told["compute_infer"] == {"count": 4, "ns": 400_000_000}


def test_percentiles_are_those_of_the_requests_that_came_last():
    statistics = ModelStatistics()
    assert statistics.latency_percentiles_s(50, 99) == [None, None]
    for latency_s in (*[9.0] * 500, *range(1000)):
        statistics.count_request(1, queue_us=0, latency_s=latency_s)
    assert statistics.latency_percentiles_s(0, 50, 90, 99) == [0, 500, 900, 990]


def test_the_time_of_the_last_request_is_told():
    statistics = ModelStatistics()
    assert statistics.triton_form("m", "1")["last_inference"] == 0
    before_ms = time.time_ns() // 1_000_000
    statistics.count_request(1, queue_us=0, latency_s=0.1)
    assert before_ms <= statistics.triton_form("m", "1")["last_inference"] <= time.time_ns() // 1_000_000


def test_each_size_of_batches_has_its_own_time():
    statistics = ModelStatistics()
    for n_requests, compute_s in ((1, 0.01), (4, 0.03), (1, 0.01)):
        statistics.count_batch(batch_of(n_requests, compute_s))
    told = statistics.triton_form("m", "1")
    assert told["execution_count"] == 3
    assert told["batch_stats"] == [
        {"batch_size": 1, "compute_infer": {"count": 2, "ns": 20_000_000}},
        {"batch_size": 4, "compute_infer": {"count": 1, "ns": 30_000_000}},
    ]


def test_nothing_is_missing_that_a_reader_of_tritons_statistics_expects():
    told = ModelStatistics().triton_form("m", "1")["inference_stats"]
    assert told.keys() == DURATIONS
    assert all(entry == {"count": 0, "ns": 0} for entry in told.values())
