from __future__ import annotations

import logging
from collections.abc import Callable
from itertools import count

import pytest

from eventproc.model.event import EventView
from eventproc.modules.parameters import convert_parameters
from eventproc.services import timing
from eventproc.services.timing import Timing

MakeEvent = Callable[..., EventView]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A clock in milliseconds that stands still until a test moves it: clock[0] = 5."""
    now_ms = [0]
    monkeypatch.setattr(timing, "perf_counter_ns", lambda: now_ms[0] * 1_000_000)
    return now_ms


def run_event(service: Timing, event: EventView, clock: list[int], *, took_ms: int) -> None:
    service.pre_event(event)
    clock[0] += took_ms
    service.post_event(event)


def test_event_times_are_reported_under_cmssws_names(event: MakeEvent, clock: list[int]) -> None:
    service = Timing(Timing.Params())
    service.begin_job(None)
    service.begin_stream(0)
    for took_ms in (10, 20, 60):
        run_event(service, event(), clock, took_ms=took_ms)
    service.end_job()
    report = service.report()
    assert (report["MinEventTime"], report["MaxEventTime"]) == pytest.approx((0.010, 0.060))
    assert report["AvgEventTime"] == pytest.approx(0.030)
    assert report["P50EventTime"] == pytest.approx(0.020, rel=0.02)
    assert report["EventThroughput"] == pytest.approx(3 / report["TotalLoopTime"])
    assert report["NumberOfStreams"] == 1
    assert report["TotalJobTime"] >= report["TotalInitTime"] + report["TotalLoopTime"] > 0
    assert {"TotalInitCPU", "TotalLoopCPU", "TotalJobCPU", "TotalJobChildrenCPU"} <= set(report)


def test_events_of_different_streams_overlap(event: MakeEvent, clock: list[int]) -> None:
    service = Timing(Timing.Params())
    for stream in range(4):
        service.begin_stream(stream)
    first, second = event(0, stream=0), event(1, stream=1)
    service.pre_event(first)
    clock[0] = 10
    service.pre_event(second)
    clock[0] = 15
    service.post_event(first)
    clock[0] = 40
    service.post_event(second)
    report = service.report()
    assert (report["MinEventTime"], report["MaxEventTime"]) == pytest.approx((0.015, 0.030))
    assert report["NumberOfStreams"] == 4


def test_modules_that_overlap_within_an_event_keep_their_own_times(
    event: MakeEvent, clock: list[int]
) -> None:
    service = Timing(Timing.Params())
    view = event()
    service.pre_module(view, "slow")
    clock[0] = 5
    service.pre_module(view, "quick")
    clock[0] = 7
    service.post_module(view, "quick")
    clock[0] = 50
    service.post_acquire(view, "slow")
    clock[0] = 60
    service.post_module(view, "slow")
    modules = service.report()["modules"]
    assert modules["quick"]["TotalTime"] == pytest.approx(0.002)
    assert "AvgAcquireTime" not in modules["quick"]
    assert (modules["slow"]["Calls"], modules["slow"]["TotalTime"]) == (1, pytest.approx(0.060))
    assert modules["slow"]["AvgAcquireTime"] == pytest.approx(0.050)


def test_a_summary_only_job_has_no_times_of_modules(event: MakeEvent) -> None:
    service = Timing(convert_parameters(Timing.Params, {"summaryOnly": True}, "Timing"))
    for hook in (service.pre_module, service.post_acquire, service.post_module):
        hook(event(), "jets")
    assert "modules" not in service.report()


def test_an_event_that_takes_too_long_is_named(
    event: MakeEvent, clock: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    service = Timing(convert_parameters(Timing.Params, {"excessiveTimeThreshold": 0.05}, "Timing"))
    with caplog.at_level(logging.WARNING, "eventproc"):
        for index, took_ms in zip(count(), (50, 51), strict=False):
            run_event(service, event(index), clock, took_ms=took_ms)
    assert caplog.messages == [
        "event run: 1 lumi: 2 event: 2 took 0.051 s, more than excessiveTimeThreshold = 0.050 s"
    ]


def test_the_summary_shows_rate_and_times(event: MakeEvent, clock: list[int]) -> None:
    service = Timing(Timing.Params())
    service.begin_job(1)
    run_event(service, event(), clock, took_ms=16)
    service.end_job()
    summary = service.summary()
    assert summary["event time"] == "p50 16 ms, p95 16 ms, max 16 ms"
    assert "events per second" in summary


def test_a_job_without_events_has_a_report_and_no_summary() -> None:
    service = Timing(Timing.Params())
    service.begin_job(0)
    service.end_job()
    assert service.summary() == {}
    assert service.report()["EventThroughput"] == 0.0
